//! sockgate in front of a stand-in engine, in one process: `cargo run --release --example demo`.
//!
//! The stand-in is the end-to-end tests' fake engine with its canned answers; nothing here touches a real one.
#![allow(clippy::print_stdout, reason = "the demo talks to whoever started it")]

use e2e::{FakeEngine, Gateway, Via};

const PREFERRED: &str = "127.0.0.1:2375";
const SETTINGS: [(&str, &str); 2] = [("CONTAINERS", "1"), ("POST", "0")];

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let engine = FakeEngine::start();
    let gateway = match Gateway::start_at(PREFERRED, engine.socket(), &SETTINGS) {
        Ok(gateway) => gateway,
        Err(problem) => {
            println!("not on {PREFERRED}, on a free port instead: {problem}\n");
            Gateway::start_at("127.0.0.1:0", engine.socket(), &SETTINGS).map_err(anyhow::Error::msg)?
        }
    };
    explain(&engine, &gateway);
    tokio::signal::ctrl_c().await?;
    println!("\nstopping");
    Ok(())
}

fn explain(engine: &FakeEngine, gateway: &Gateway) {
    let (tcp, unix) = (gateway.endpoint(Via::Tcp).to_string(), gateway.endpoint(Via::Unix).to_string());
    let (url, file) = (tcp.replace("tcp://", "http://"), unix.replace("unix://", ""));
    let settings: Vec<_> = SETTINGS.iter().map(|(name, value)| format!("{name}={value}")).collect();
    println!("stand-in engine  unix://{}", engine.socket().display());
    println!("gateway          {tcp} and {unix}, with {}", settings.join(" "));
    println!(
        "
Try, in another terminal:

  allowed: CONTAINERS=1
    curl {url}/containers/json

  denied: IMAGES is off, and so is POST; the answer names the flag
    curl {url}/images/json
    curl -X POST {url}/containers/web/stop

  a followed log: a line a second, as it is written, until you leave
    curl -N '{url}/containers/web/logs?follow=1&stdout=1'

  over the unix socket
    curl --unix-socket {file} http://localhost/version

  with the docker command line, if you have it
    DOCKER_HOST={tcp} docker ps
    DOCKER_HOST={tcp} docker logs -f web

Ctrl-C ends it."
    );
}
