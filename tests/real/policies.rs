//! The example policies, in front of a real engine with every env flag on: what is refused, the policy refuses.

use e2e::dockerd::{Dockerd, Release};
use e2e::{Endpoint, Gateway, Response, Via, guests, request};

use crate::client::Client;

mod clients;
mod image_allowlist;
mod no_shell;
mod readme;
mod restrict_create;
mod rules;
mod start_stop_only;
mod tenant_labels;

/// A gateway that asks the Rust example `package`.
fn gateway(engine: &Dockerd, package: &str, settings: &str) -> Gateway {
    let policy = guests::rust(package);
    let settings = [
        ("POLICY", policy.to_str().unwrap()),
        ("POLICY_SETTINGS", settings),
        ("POLICY_TIMEOUT", "10s"), // a machine that runs all tests at once may be slow
    ];
    Gateway::open_with(&engine.socket(), &settings)
}

/// A docker command behind a gateway that asks the Rust example `package`.
fn docker(engine: &Dockerd, package: &str, settings: &str, (cli, via): (Release, Via)) -> Client {
    let client = Client::behind(cli.docker(), gateway(engine, package, settings), via);
    client.with("DOCKER_BUILDKIT", "0")
}

/// The docker commands that are used with this engine.
fn clis_of(engine: Release) -> &'static [Release] {
    match engine {
        Release::Modern => &[Release::Modern, Release::V20],
        Release::V20 => &[Release::V20],
    }
}

/// Runs a command that the policy must refuse, with words of its own.
fn expect_refusal(docker: &Client, command: &str, words: &str, policy: &str) {
    let said = docker.fails(&command.split_whitespace().collect::<Vec<_>>());
    let is_policys = said.contains(&format!("(policy {policy})"));
    assert!(said.contains(words) && is_policys, "docker {command}: {said}");
}

/// Posts what no docker command posts.
async fn post(gateway: &Gateway, path: &str, body: &str) -> Response {
    send(gateway, &format!("POST {path}"), body).await
}

/// Sends a request, method and path, that no docker command sends.
async fn send(gateway: &Gateway, line: &str, body: &str) -> Response {
    let endpoint: Endpoint = gateway.endpoint(Via::Unix);
    let mut client = e2e::Client::connect(&endpoint).await;
    let length = format!("Content-Length: {}", body.len());
    let headers = ["Content-Type: application/json", length.as_str()];
    client.send(request(line, &headers) + body).await;
    client.read_response().await
}

/// The same for a test that is not async: the components of other languages are compiled in a runtime of their own.
fn post_and_wait(gateway: &Gateway, path: &str, body: &str) -> Response {
    tokio::runtime::Runtime::new().unwrap().block_on(post(gateway, path, body))
}
