//! Presets: the programs themselves, through the settings that are printed for them, to the engine of today.

use e2e::dockerd::{Dockerd, IMAGE, Release};
use e2e::{Gateway, Program, Via};
use sockgate::presets::{self, Preset};

use crate::client::{Client, text};
use crate::programs;

#[test]
fn every_compose_file_is_understood_by_compose() {
    let compose = Client::of_open_gateway(
        programs::compose(Release::Modern),
        Dockerd::shared(Release::Modern),
        Via::Unix,
    );
    // What a file asks for, it is given.
    let asked = [
        "DOCKER_GID",
        "GITEA_INSTANCE_URL",
        "GITEA_RUNNER_REGISTRATION_TOKEN",
        "RUNNER_TOKEN",
        "ZBX_SERVER_HOST",
    ];
    let compose = asked.iter().fold(compose, |compose, name| compose.with(name, "1"));
    for preset in presets::ALL {
        let file = compose.write(&format!("{}.yml", preset.name), preset.compose());
        let mut services: Vec<_> =
            compose.ok(&["--file", &file, "config", "--services"]).lines().map(str::to_owned).collect();
        services.sort_unstable();
        let mut want = [preset.name, "sockgate"];
        want.sort_unstable();
        assert_eq!(services, want);
    }
}

#[test]
fn compose_deploys_with_its_preset_and_runs_no_command_in_a_container() {
    let compose = with_preset(programs::compose(Release::Modern), "compose-deploy");
    let project = compose.name().to_owned();
    let compose = compose.with("COMPOSE_PROJECT_NAME", &project);
    compose.write("docker-compose.yml", PROJECT.replace("IMAGE", IMAGE));

    compose.ok(&["up", "--detach", "--wait"]);
    assert_eq!(compose.ok(&["ps", "--services"]), "web");
    assert!(compose.ok(&["logs", "web"]).contains("served"));
    compose.ok(&["restart", "--timeout", "0", "web"]);
    compose.write("docker-compose.yml", PROJECT.replace("IMAGE", IMAGE).replace("served", "served anew"));
    compose.ok(&["up", "--detach", "--timeout", "0"]);
    assert!(compose.ok(&["logs", "web"]).contains("served anew"));
    let refused = compose.fails(&["exec", "-T", "web", "true"]);
    assert!(refused.contains("sockgate denied ContainerExec"), "{refused}");
    compose.ok(&["down", "--volumes", "--timeout", "0"]);
}

#[test]
fn docker_builds_with_the_preset_of_buildx_and_runs_no_container() {
    let docker = with_preset(Release::Modern.docker(), "buildx");
    docker.write("context/Dockerfile", format!("FROM {IMAGE}\nRUN echo a step ran | tr a-z A-Z\n"));
    let context = docker.file("context");
    let built = docker.feed(&["build", "--progress", "plain", context.to_str().unwrap()], b"");
    let told = text(&built.stderr);
    assert!(built.status.success() && told.contains("A STEP RAN"), "{told}");
    let refused = docker.fails(&["run", "--rm", IMAGE, "true"]);
    assert!(refused.contains("sockgate denied ContainerCreate"), "{refused}");
}

const PROJECT: &str = r#"
services:
  web:
    image: IMAGE
    command: ["sh", "-c", "echo served; exec sleep 1000"]
    volumes: ["pages:/pages"]
    networks: [front, back]
networks:
  front: {}
  back: {}
volumes:
  pages: {}
"#;

fn with_preset(program: impl Into<Program>, preset: &str) -> Client {
    let engine = Dockerd::shared(Release::Modern);
    let gateway = Gateway::of_preset(&engine.socket(), Preset::find(preset).unwrap());
    Client::behind(program, gateway, Via::Tcp)
}
