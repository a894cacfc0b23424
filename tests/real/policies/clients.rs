//! The example policies in front of a real engine, driven by docker-py and dockerode: what these send beside what the docker
//! command sends. The scripts in `tests/clients` say what each policy must let through, and what it must refuse.

use std::path::Path;
use std::process::Command;
use std::rc::Rc;

use e2e::dockerd::{Dockerd, IMAGE, Release};
use e2e::{Gateway, Via, guests};

use crate::client::{Client, fresh_name, on_both_engines, text};
use crate::programs;

const POLICIES: &str = "no_shell image_allowlist start_stop_only restrict_create tenant_labels";

on_both_engines! { no_shell, image_allowlist, start_stop_only, restrict_create, tenant_labels, rules }

fn no_shell(engine: Release) {
    drive(engine, "no_shell", &guests::c("c-no-shell"), "");
}

fn image_allowlist(engine: Release) {
    let policy = guests::python("python-image-allowlist");
    drive(engine, "image_allowlist", &policy, r#"{"allowed": ["docker.io/e2e/*"]}"#);
}

fn start_stop_only(engine: Release) {
    drive(engine, "start_stop_only", &guests::rust_compiled("rust-start-stop-only"), "button=yes");
}

fn restrict_create(engine: Release) {
    let policy = guests::rust_compiled("rust-restrict-create");
    drive(engine, "restrict_create", &policy, r#"{"registries": ["docker.io/e2e"]}"#);
}

/// The same by rules alone.
fn rules(engine: Release) {
    let rules = r#"
let: { reached: escapes(body) }
rules:
  - name: in its box
    operations: [ContainerCreate, ContainerExec, ContainerRename, ContainerStart, ContainerUpdate, NetworkConnect, NetworkCreate, VolumeCreate]
    deny: [{ if: "reached.size() > 0", messageExpression: 'reached.join("; ")' }]
  - name: images
    operations: [ContainerCreate]
    deny:
      - if: '!body.Image.startsWith("e2e/")'
        message: the image is not of a listed registry
"#;
    drive(engine, "restrict_create", &guests::rust_compiled("rules"), rules);
}

fn tenant_labels(engine: Release) {
    let policy = guests::javascript("js-tenant-labels");
    drive(engine, "tenant_labels", &policy, r#"{"label": "team", "clients": [{"uid": 0, "tenant": "a"}]}"#);
}

#[test]
fn every_policy_of_the_scripts_is_a_test() {
    for (interpreter, script) in scripts() {
        let output = Command::new(interpreter)
            .arg(&script)
            .env("NODE_PATH", programs::node_modules())
            .output()
            .unwrap();
        let listed = text(&output.stdout);
        assert_eq!(
            listed.split_whitespace().collect::<Vec<_>>().join(" "),
            POLICIES,
            "{script:?}: {output:?}"
        );
    }
}

fn scripts() -> [(std::path::PathBuf, std::path::PathBuf); 2] {
    [
        (programs::python(), programs::script("policies.py")),
        (programs::node(), programs::script("policies.js")),
    ]
}

/// Has both clients do what the scripts have for this policy.
fn drive(release: Release, scenario: &str, policy: &Path, settings: &str) {
    let (engine, cache) = (Dockerd::shared(release), guests::code_cache());
    let settings = [
        ("POLICY", policy.to_str().unwrap()),
        ("POLICY_SETTINGS", settings),
        ("POLICY_CACHE", cache.to_str().unwrap()),
        ("POLICY_TIMEOUT", "10s"), // a machine that runs all tests at once may be slow
    ];
    let gateway = Rc::new(Gateway::open_with(&engine.socket(), &settings));
    let (listed, victim) = (fresh_name(), fresh_name());
    for (name, label) in [(&listed, "button=yes"), (&victim, "team=b")] {
        engine.docker(&["run", "--detach", "--label", label, "--name", name, IMAGE, "sleep", "1000"]);
    }
    for (interpreter, script) in scripts() {
        let client = Client::behind(interpreter, Rc::clone(&gateway), Via::Unix)
            .with("NODE_PATH", programs::node_modules().to_str().unwrap())
            .with("LISTED", &listed)
            .with("VICTIM", &victim);
        let arguments = [script.to_str().unwrap(), scenario, client.name()];
        assert_eq!(client.ok(&arguments), format!("done: {scenario}"));
    }
    engine.docker(&["rm", "--force", &listed, &victim]);
}
