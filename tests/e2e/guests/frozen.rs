//! Policies that were built against an earlier state of the interface go on working.

use std::path::PathBuf;

use e2e::binary::Done;
use e2e::json;

use super::decisions::message;
use super::gate::Gate;

/// Every file that is kept; see `tests/guests/frozen/README.md`.
fn kept() -> Vec<PathBuf> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/guests/frozen");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let kept: Vec<_> = files.filter(|path| path.extension().is_some_and(|kind| kind == "wasm")).collect();
    assert!(!kept.is_empty(), "{folder}");
    kept
}

#[tokio::test]
async fn a_policy_of_an_earlier_day_is_told_what_it_was_told_then() {
    for policy in kept() {
        let settings =
            [("POLICY_SETTINGS", "s"), ("CONTAINERS", "1"), ("LOG_LEVEL", "debug"), ("POLICY_TIMEOUT", "5s")];
        let gate = Gate::start(&policy, &settings).unwrap();
        let id = "0123456789abcdef".repeat(4);
        let container = format!(r#"{{"Id":"{id}"}}"#);
        gate.engine.answer("GET /containers/web/json", json("200 OK", &container));

        assert_eq!(gate.fetch("GET /_ping", &[]).await.status(), 200, "it allows");
        assert_eq!(
            gate.fetch("GET /containers/json", &[]).await.status(),
            200,
            "it defers, and the flags allow"
        );
        assert_eq!(gate.fetch("GET /images/json", &[]).await.status(), 403, "it defers, and the flags deny");

        let told = gate
            .fetch(
                "GET /v1.41/containers/web/top?ps_args=-eo%20pid&x=1",
                &["X: one", "X: two", "X-Registry-Auth: secret"],
            )
            .await;
        assert_eq!(told.status(), 403);
        let told = message(&told.text());
        for part in [
            "settings=s method=GET path=/containers/web/top",
            r#"version=Some("1.41") operation=ContainerTop family=containers access=read subject=Some("web")"#,
            r#"query=[("ps_args", "-eo pid"), ("x", "1")]"#,
            r#"("peer.uid", "0")"#,
            r#"flags=allow x=["one", "two"]"#,
            r#"("x", "one"), ("x", "two")"#,
            r#"("x-registry-auth", "<withheld>")"#,
            &format!("body=unread looked-up={container} (policy frozen)"),
        ] {
            assert!(told.contains(part), "{}: {part}\n{told}", policy.display());
        }
        gate.lines(&["ERROR", "asked about ContainerTop"]); // the last of them
        let lines = gate.lines(&["asked about ContainerTop"]);
        let levels: Vec<_> =
            lines.iter().map(|line| line.split_whitespace().nth(1).unwrap().to_owned()).collect();
        assert_eq!(levels, ["DEBUG", "INFO", "WARN", "ERROR"], "{lines:#?}");

        let body = r#"{"Image":"alpine"}"#;
        let mut client = gate.connect().await;
        client
            .ask(
                "POST /containers/create",
                &["Content-Type: application/json", &format!("Content-Length: {}", body.len())],
            )
            .await;
        client.send(body).await;
        let told = client.read_response().await;
        assert_eq!(told.status(), 422, "{}", told.text());
        let told = message(&told.text());
        assert!(told.contains(r#"body="{\"Image\":\"alpine\"}" looked-up=nothing"#), "{told}");
        gate.stop();
    }
}

#[test]
fn a_policy_of_an_earlier_day_can_refuse_its_settings() {
    for policy in kept() {
        let Err(Done { stderr: said, .. }) = Gate::start(&policy, &[("POLICY_SETTINGS", "refuse")]) else {
            panic!("{} was loaded", policy.display());
        };
        assert!(said.contains("these settings are refused"), "{said}");
    }
}
