//! The engine's answers when no case says otherwise: they are enough for `docker ps`, `docker logs -f` and `docker
//! events`.
//!
//! The engine upgrades whenever it is asked to and echoes from there on, which shows an `Upgrade` that the gateway
//! should have stripped.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::serve::take_in;
use super::{After, route_of};
use crate::head::Head;
use crate::wire::{BodyEnd, Wire};

const SHARED: &str =
    "Api-Version: 1.41\r\nDocker-Experimental: false\r\nOstype: linux\r\nServer: stand-in\r\n";
const ID: &str = "5bd1c0ffee5bd1c0ffee5bd1c0ffee5bd1c0ffee5bd1c0ffee5bd1c0ffee5bd1";
const VERSION: &str = concat!(
    r#"{"Platform":{"Name":"sockgate stand-in"},"Components":[{"Name":"Engine","Version":"0.0.0"}],"Version":"0.0.0","#,
    r#""ApiVersion":"1.41","MinAPIVersion":"1.12","Os":"linux","Arch":"amd64"}"#
);

/// Answers `request`.
pub(super) async fn answer(wire: &mut Wire, request: &Head) -> After {
    if let Some(protocol) = request.header("upgrade") {
        return echo(wire, protocol).await;
    }
    if take_in(wire, request).await != BodyEnd::Complete {
        return After::Close;
    }
    let route = route_of(request);
    let segments: Vec<&str> = route.split('/').collect();
    match segments.as_slice() {
        ["GET ", "events"] => ticking(wire, "application/json", event).await,
        ["GET ", "containers", _, "logs"] if request.target().contains("follow=") => {
            ticking(wire, "application/vnd.docker.raw-stream", log_line).await
        }
        [_, "_ping"] => whole(wire, request, "text/plain; charset=utf-8", "OK").await,
        [_, "version"] => whole(wire, request, "application/json", VERSION).await,
        ["GET ", "containers", "json"] => whole(wire, request, "application/json", &container_list()).await,
        ["GET ", "containers", _, "json"] => whole(wire, request, "application/json", &container()).await,
        ["GET ", "containers", _, "logs"] => {
            whole(wire, request, "application/vnd.docker.raw-stream", &log_line(0)).await
        }
        _ => whole(wire, request, "application/json", r#"{"message":"the stand-in engine did it"}"#).await,
    }
}

async fn whole(wire: &mut Wire, request: &Head, content_type: &str, body: &str) -> After {
    let length = body.len();
    let body = if request.method() == "HEAD" { "" } else { body };
    let head = format!(
        "HTTP/1.1 200 OK\r\n{SHARED}Content-Type: {content_type}\r\nContent-Length: {length}\r\n\r\n"
    );
    match wire.try_send(head + body).await {
        Ok(()) => After::KeepAlive,
        Err(_) => After::Close,
    }
}

async fn echo(wire: &mut Wire, protocol: &str) -> After {
    let head = format!("HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: {protocol}\r\n\r\n");
    if wire.try_send(head).await.is_ok() {
        wire.echo().await;
    }
    After::Close
}

/// Sends a line a second for as long as somebody listens. No case waits for these lines; it hands the route over
/// instead.
async fn ticking(wire: &mut Wire, content_type: &str, line: fn(u64) -> String) -> After {
    let head = format!(
        "HTTP/1.1 200 OK\r\n{SHARED}Content-Type: {content_type}\r\nTransfer-Encoding: chunked\r\n\r\n"
    );
    if wire.try_send(head).await.is_err() {
        return After::Close;
    }
    let mut tick = tokio::time::interval(Duration::from_secs(1));
    for count in 1.. {
        tokio::select! {
            _ = tick.tick() => {}
            () = wire.until_more_or_end() => break,
        }
        let line = line(count);
        if wire.try_send(format!("{:x}\r\n{line}\r\n", line.len())).await.is_err() {
            break;
        }
    }
    After::Close
}

fn log_line(count: u64) -> String {
    format!("line {count} of the stand-in's log\r\n")
}

fn event(_: u64) -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let (seconds, nanos) = (since.as_secs(), since.as_nanos());
    format!(
        "{{\"Type\":\"container\",\"Action\":\"top\",\"Actor\":{{\"ID\":\"{ID}\",\"Attributes\":{{\"image\":\"web\",\"name\":\"web\"}}}},\"scope\":\"local\",\"time\":{seconds},\"timeNano\":{nanos}}}\n"
    )
}

fn container_list() -> String {
    format!(
        r#"[{{"Id":"{ID}","Names":["/web"],"Image":"web","ImageID":"sha256:{ID}","Command":"serve","Created":1700000000,"Ports":[],"Labels":{{}},"State":"running","Status":"Up 2 hours"}}]"#
    )
}

/// A container with a terminal, so that its log is plain text and not framed.
fn container() -> String {
    format!(
        r#"{{"Id":"{ID}","Name":"/web","Config":{{"Tty":true,"Image":"web"}},"State":{{"Status":"running","Running":true}},"HostConfig":{{"LogConfig":{{"Type":"json-file"}}}}}}"#
    )
}
