//! Builds: the classic builder, and BuildKit over /session and /grpc.

use e2e::dockerd::IMAGE;

use super::Case;
use crate::client::{Client, random, sha256, text};

with_each_cli! {
    the_classic_builder_builds_and_caches
    the_classic_builder_tells_why_a_step_failed
    buildkit_builds
    buildkit_tells_why_a_step_failed
}

fn the_classic_builder_builds_and_caches(case: Case) {
    let docker = case.docker().with("DOCKER_BUILDKIT", "0");
    let image = docker.named("built");
    let hash = context(&docker, "RUN sha256sum /blob >/sum && echo a step ran | tr a-z A-Z\n");
    let build = ["build", "--tag", &image, "--build-arg", "WHO=you", "--label", "a=b", "context"];
    let told = docker.ok(&build);
    assert!(told.contains("A STEP RAN"), "{told}");
    assert_eq!(docker.ok(&["run", "--rm", &image, "cat", "/sum", "/who"]), format!("{hash}  /blob\nyou"));
    let told = docker.ok(&build);
    assert!(told.contains("Using cache") && !told.contains("A STEP RAN"), "{told}");
    docker.ok(&["rmi", &image]);
}

fn the_classic_builder_tells_why_a_step_failed(case: Case) {
    let docker = case.docker().with("DOCKER_BUILDKIT", "0");
    context(&docker, "RUN echo about to fail; exit 3\n");
    let output = docker.feed(&["build", "context"], b"");
    assert_eq!(output.status.code(), Some(3));
    assert!(text(&output.stdout).contains("about to fail"), "{output:?}");
    assert!(text(&output.stderr).contains("returned a non-zero code: 3"), "{output:?}");
}

/// Over /session and /grpc: by buildx, the plugin of the command of today, or by what is built into the old one.
fn buildkit_builds(case: Case) {
    let docker = case.docker().with("DOCKER_BUILDKIT", "1");
    let image = docker.named("built");
    let secret = docker.write("secret", "hunter2");
    // The secret travels over /session, from the client to the engine and only on demand.
    let hash = context(
        &docker,
        "RUN --mount=type=secret,id=word sha256sum /blob >/sum && wc -c </run/secrets/word >/length && echo a step ran | tr a-z A-Z\n",
    );
    let secret = format!("id=word,src={secret}");
    let build = [
        "build",
        "--progress",
        "plain",
        "--tag",
        &image,
        "--build-arg",
        "WHO=you",
        "--secret",
        &secret,
        "context",
    ];
    let output = docker.feed(&build, b"");
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("A STEP RAN"), "{}", text(&output.stderr));
    assert!(docker.ok(&["run", "--rm", &image, "cat", "/sum"]).starts_with(&hash));
    assert_eq!(docker.ok(&["run", "--rm", &image, "cat", "/length", "/who"]), "7\nyou");
    docker.ok(&["rmi", &image]);
}

fn buildkit_tells_why_a_step_failed(case: Case) {
    let docker = case.docker().with("DOCKER_BUILDKIT", "1");
    docker.write("context/Dockerfile", format!("FROM {IMAGE}\nRUN echo about to fail; exit 3\n"));
    let said = docker.fails(&["build", "--progress", "plain", "context"]);
    assert!(said.contains("about to fail") && said.contains("exit code: 3"), "{said}");
}

/// Writes a build context whose last instruction is `step`; returns the hash of its `/blob`.
fn context(docker: &Client, step: &str) -> String {
    let blob = docker.write("context/blob", random(20 << 20));
    let head = format!("FROM {IMAGE}\nCOPY blob /blob\nARG WHO\nRUN echo $WHO >/who\n");
    docker.write("context/Dockerfile", head + step);
    sha256(blob.as_ref())
}
