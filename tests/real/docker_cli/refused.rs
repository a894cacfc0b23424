//! What the flags do not allow: the user is told which flag would, and the engine's own event log is the witness that
//! nothing has happened. Each engine is the test's own, so that its whole log must stay as it was.

use e2e::Gateway;
use e2e::dockerd::{Dockerd, IMAGE, Release};

use super::Case;
use crate::client::{Client, random, text};

with_each_cli! {
    without_post_put_and_delete_nothing_changes
    a_family_that_is_off_names_its_flag
    starting_stopping_and_restarting_need_their_own_flags
    exec_needs_its_flag_besides_containers
    a_refused_upload_still_says_why
    a_build_that_is_off_builds_nothing
    what_defaults_allow_still_works
    what_is_allowed_by_name_works_and_nothing_else_does
    what_is_denied_by_name_is_taken_away
}

const READ_ONLY: &str = "CONTAINERS EXEC IMAGES BUILD SESSION GRPC COMMIT NETWORKS VOLUMES SWARM SYSTEM INFO ALLOW_START \
     ALLOW_STOP ALLOW_RESTARTS";

/// Commands that write, and the flag of their method.
const WRITES: &[(&str, &str)] = &[
    ("create IMAGE true", "POST=1"),
    ("run IMAGE true", "POST=1"),
    ("run --interactive --rm IMAGE cat", "POST=1"),
    ("start idle", "POST=1"),
    ("stop victim", "POST=1"),
    ("restart victim", "POST=1"),
    ("kill victim", "POST=1"),
    ("pause victim", "POST=1"),
    ("rename victim other", "POST=1"),
    ("update --memory 64m victim", "POST=1"),
    ("exec victim true", "POST=1"),
    ("attach victim", "405"), // of a refused upgrade the CLI tells only the status
    ("commit victim stolen", "POST=1"),
    ("tag IMAGE stolen", "POST=1"),
    ("import image.tar stolen", "POST=1"),
    ("load --input image.tar", "POST=1"),
    ("build context", "POST=1"),
    ("network create stolen", "POST=1"),
    ("network connect bridge idle", "POST=1"),
    ("volume create stolen", "POST=1"),
    ("container prune --force", "POST=1"),
    ("swarm init --advertise-addr 127.0.0.1", "POST=1"),
    ("rm --force victim", "DELETE=1"),
    ("rmi --force IMAGE", "DELETE=1"),
    ("network rm spare", "DELETE=1"),
    ("volume rm spare", "DELETE=1"),
    ("cp image.tar idle:/tmp", "PUT=1"),
];

/// Reads, and the flag of their family.
const READS: &[(&str, &str)] = &[
    ("ps", "CONTAINERS=1"),
    ("logs victim", "CONTAINERS=1"),
    ("top victim", "CONTAINERS=1"),
    ("cp victim:/bin/busybox stolen", "CONTAINERS=1"),
    ("export --output stolen victim", "CONTAINERS=1"),
    ("images", "IMAGES=1"),
    ("save --output stolen IMAGE", "IMAGES=1"),
    ("network ls", "NETWORKS=1"),
    ("volume ls", "VOLUMES=1"),
    ("system df", "SYSTEM=1"),
    ("info", "INFO=1"),
    ("service ls", "SERVICES=1"),
    ("secret ls", "SECRETS=1"),
    ("config ls", "CONFIGS=1"),
    ("plugin ls", "PLUGINS=1"),
];

/// An engine with something to lose, and a docker command behind a gateway with only these flags on.
struct Scene {
    docker: Client,
    engine: Dockerd,
    before: Vec<String>,
}

impl Scene {
    fn new(case: Case, on: &str) -> Self {
        let flags: Vec<_> = on.split_whitespace().map(|name| (name, "1")).collect();
        Self::with(case, &flags)
    }

    fn with(case: Case, settings: &[(&str, &str)]) -> Self {
        let engine = case.start_engine();
        engine.docker(&["run", "--detach", "--name", "victim", IMAGE, "sleep", "1000"]);
        engine.docker(&["create", "--name", "idle", IMAGE, "true"]);
        engine.docker(&["network", "create", "spare"]);
        engine.docker(&["volume", "create", "spare"]);
        let before = engine.events();
        let gateway = Gateway::start(&engine.socket(), settings);
        let docker = Client::behind(case.cli.docker(), gateway, case.via).with("DOCKER_BUILDKIT", "0");
        docker.write("image.tar", "");
        docker.write("context/Dockerfile", format!("FROM {IMAGE}\nRUN true\n"));
        Self { docker, engine, before }
    }

    /// Runs a command that must be refused with a sentence that names `flag`.
    fn refuses(&self, command: &str, flag: &str) {
        let command = command.replace("IMAGE", IMAGE);
        let complaint = self.docker.fails(&command.split_whitespace().collect::<Vec<_>>());
        assert!(complaint.contains(flag), "docker {command}: {complaint}");
    }

    /// The engine has done nothing but this since the scene was set.
    fn witnesses(&self, news: &[&str]) {
        let events = self.engine.events();
        assert_eq!(events[..self.before.len()], self.before);
        assert_eq!(events[self.before.len()..], *news);
    }
}

fn without_post_put_and_delete_nothing_changes(case: Case) {
    let scene = Scene::new(case, READ_ONLY);
    for (command, flag) in WRITES {
        scene.refuses(command, flag);
    }
    assert_eq!(scene.docker.ok(&["ps", "--format", "{{.Names}}"]), "victim", "reading still works");
    scene.witnesses(&[]);
}

fn a_family_that_is_off_names_its_flag(case: Case) {
    let scene = Scene::new(case, "POST PUT DELETE ALLOW_START ALLOW_STOP ALLOW_RESTARTS");
    for (command, flag) in READS {
        scene.refuses(command, flag);
    }
    scene.refuses("run IMAGE true", "CONTAINERS=1");
    scene.refuses("start idle", "CONTAINERS=1");
    scene.refuses("rm --force victim", "CONTAINERS=1");
    assert!(!scene.docker.file("stolen").exists(), "nothing came out");
    scene.witnesses(&[]);
}

fn starting_stopping_and_restarting_need_their_own_flags(case: Case) {
    let scene = Scene::new(case, "CONTAINERS POST");
    scene.refuses("start idle", "ALLOW_START=1");
    scene.refuses("stop victim", "ALLOW_STOP=1");
    scene.refuses("restart victim", "ALLOW_RESTARTS=1");
    scene.refuses("kill victim", "ALLOW_RESTARTS=1");
    scene.witnesses(&[]);
    scene.docker.ok(&["rename", "idle", "renamed"]);
    scene.witnesses(&["container rename renamed"]);
}

fn exec_needs_its_flag_besides_containers(case: Case) {
    let scene = Scene::new(case, "CONTAINERS POST ALLOW_START");
    scene.refuses("exec victim true", "EXEC=1");
    scene.refuses("exec --interactive victim sh", "EXEC=1");
    scene.refuses("exec --detach victim touch /stolen", "EXEC=1");
    scene.witnesses(&[]);
}

fn a_refused_upload_still_says_why(case: Case) {
    let scene = Scene::new(case, "POST CONTAINERS");
    scene.docker.write("image.tar", random(20 << 20));
    scene.docker.write("context/blob", random(20 << 20));
    for _ in 0..5 {
        scene.refuses("load --input image.tar", "IMAGES=1");
        scene.refuses("import image.tar stolen", "IMAGES=1");
        scene.refuses("build context", "BUILD=1");
    }
    scene.witnesses(&[]);
}

fn a_build_that_is_off_builds_nothing(case: Case) {
    let mut scene = Scene::new(case, "POST CONTAINERS IMAGES ALLOW_START");
    scene.refuses("build context", "BUILD=1");
    scene.docker = scene.docker.with("DOCKER_BUILDKIT", "1");
    let complaint = scene.docker.fails(&["build", "context"]);
    match case.cli {
        // It asks for the session and the build at once and tells of one: of a refused upgrade only the status.
        Release::V20 => {
            assert!(complaint.contains("403") || complaint.contains("BUILD=1"), "{complaint}");
        }
        // It takes the refusal for an engine without BuildKit, and would run a builder of its own in a container.
        Release::Modern => assert!(complaint.contains("moby/buildkit"), "{complaint}"),
    }
    scene.witnesses(&[]);
}

fn what_defaults_allow_still_works(case: Case) {
    let scene = Scene::new(case, "");
    let told = scene.docker.ok(&["version", "--format", "{{.Server.Version}}"]);
    assert_eq!(told, scene.engine.version());
    let mut events = scene.docker.start(&["events", "--since", "0"]);
    events.expect("victim");
    let output = scene.docker.feed(&["ps"], b"");
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(text(&output.stdout), "");
    scene.witnesses(&[]);
}

fn what_is_allowed_by_name_works_and_nothing_else_does(case: Case) {
    let scene = Scene::with(case, &[("ALLOW_OPERATIONS", "ContainerList,ContainerRestart")]);
    scene.refuses("create IMAGE true", "ALLOW_OPERATIONS=ContainerCreate would allow just this");
    scene.refuses("stop victim", "ALLOW_OPERATIONS=ContainerStop would allow just this");
    scene.refuses("logs victim", "ALLOW_OPERATIONS=Container");
    scene.witnesses(&[]);
    assert_eq!(scene.docker.ok(&["ps", "--format", "{{.Names}}"]), "victim");
    scene.docker.ok(&["restart", "--time", "0", "victim"]);
    let news = scene.engine.events().split_off(scene.before.len());
    assert!(news.iter().any(|event| event == "container restart victim"), "{news:?}");
}

fn what_is_denied_by_name_is_taken_away(case: Case) {
    let settings =
        [("CONTAINERS", "1"), ("DENY_OPERATIONS", "ContainerLogs,ContainerExport,ContainerArchive*")];
    let scene = Scene::with(case, &settings);
    scene
        .refuses("logs victim", "ContainerLogs is in DENY_OPERATIONS; taking it out of there would allow it");
    scene.refuses("export --output stolen victim", "ContainerExport is in DENY_OPERATIONS");
    scene.refuses("cp victim:/bin/busybox stolen", ""); // of the HEAD that is refused the CLI tells only the status
    assert!(!scene.docker.file("stolen").exists(), "nothing came out");
    assert_eq!(scene.docker.ok(&["ps", "--format", "{{.Names}}"]), "victim");
    scene.witnesses(&[]);
}
