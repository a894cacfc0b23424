//! The fast fake engine: canned answers on a unix socket, in a process of its own, with as little work a request as
//! one thread can do.
//!
//! Its answers have the headers and the framing that dockerd gives them, because a proxy pays for both: a ping has a
//! length, a container list and an export are chunked. It is not the end-to-end harness's fake engine, which records
//! and misbehaves on purpose.

use std::path::Path;
use std::rc::Rc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Result, bail};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::LocalSet;

use crate::wire::{self, Afterwards, Body, Framing, Progress};

/// Bytes in a download and in an upload.
pub(crate) const TRANSFER: u64 = 1 << 30;
/// Lines that a followed log sends before it ends.
pub(crate) const LOG_LINES: usize = 300;
const LOG_PAUSE: Duration = Duration::from_millis(5);
const BLOCK: usize = 256 << 10;
/// What Go's `io.Copy` reads and so what dockerd's exports put into one chunk.
const CHUNK: usize = 32 << 10;

const COMMON: &str = "Api-Version: 1.41\r\nDocker-Experimental: false\r\nOstype: linux\r\n\
    Server: Docker/20.10.24 (linux)\r\nDate: Mon, 01 Jan 2024 00:00:00 GMT\r\n";

struct Canned {
    ping: Vec<u8>,
    list: Vec<u8>,
    done: Vec<u8>,
    created: Vec<u8>,
    missing: Vec<u8>,
    block: Vec<u8>,
    chunks: Vec<u8>,
}

/// Serves `socket` until the process is killed.
pub(crate) async fn serve(socket: &Path) -> Result<()> {
    let listener = UnixListener::bind(socket)?;
    let canned = Rc::new(Canned::new());
    let local = LocalSet::new();
    local
        .run_until(async {
            loop {
                let (stream, _peer) = listener.accept().await?;
                let connection =
                    Connection { stream, buffer: vec![0; 64 << 10], filled: 0, canned: Rc::clone(&canned) };
                // A client that leaves mid-answer is part of several workloads: its error ends its connection only.
                tokio::task::spawn_local(async { connection.serve().await.ok() });
            }
        })
        .await
}

struct Connection {
    stream: UnixStream,
    buffer: Vec<u8>,
    filled: usize,
    canned: Rc<Canned>,
}

impl Connection {
    async fn serve(mut self) -> Result<()> {
        loop {
            let Some(head) = wire::head(&self.buffer[..self.filled])? else {
                match self.stream.read(&mut self.buffer[self.filled..]).await? {
                    0 => return Ok(()),
                    count => self.filled += count,
                }
                continue;
            };
            let route = Route::of(&self.buffer[..head.length]);
            self.consume(head.length);
            if let Some(framing) = head.framing {
                self.drain(framing).await?;
            }
            self.answer(route).await?;
            if head.afterwards == Afterwards::Close {
                return Ok(());
            }
        }
    }

    fn consume(&mut self, count: usize) {
        self.buffer.copy_within(count..self.filled, 0);
        self.filled -= count;
    }

    async fn drain(&mut self, framing: Framing) -> Result<()> {
        let mut body = Body::new(framing);
        let mut block = Vec::new();
        match body.feed(&self.buffer[..self.filled], |_payload| {})? {
            Progress::Done(used) => {
                self.consume(used);
                return Ok(());
            }
            Progress::More => self.filled = 0,
        }
        block.resize(BLOCK, 0);
        loop {
            let count = self.stream.read(&mut block).await?;
            if count == 0 {
                bail!("an upload was cut off after {} bytes", body.payload);
            }
            if body.feed(&block[..count], |_payload| {})? != Progress::More {
                return Ok(());
            }
        }
    }

    async fn answer(&mut self, route: Route) -> Result<()> {
        let canned = &self.canned;
        match route {
            Route::Ping => self.stream.write_all(&canned.ping).await?,
            Route::List => self.stream.write_all(&canned.list).await?,
            Route::Upload => self.stream.write_all(&canned.done).await?,
            Route::Create => self.stream.write_all(&canned.created).await?,
            Route::Missing => self.stream.write_all(&canned.missing).await?,
            Route::Sized => {
                self.stream.write_all(&sized_head("application/x-tar", TRANSFER)).await?;
                for _block in 0..TRANSFER / BLOCK as u64 {
                    self.stream.write_all(&canned.block).await?;
                }
            }
            Route::Chunked => {
                self.stream.write_all(&chunked_head("application/x-tar")).await?;
                for _block in 0..TRANSFER / BLOCK as u64 {
                    self.stream.write_all(&canned.chunks).await?;
                }
                self.stream.write_all(b"0\r\n\r\n").await?;
            }
            Route::Logs => self.follow_logs().await?,
            Route::Events => self.stay_silent().await?,
        }
        Ok(())
    }

    async fn follow_logs(&mut self) -> Result<()> {
        self.stream.write_all(&chunked_head("application/vnd.docker.raw-stream")).await?;
        let mut tick = tokio::time::interval(LOG_PAUSE);
        for _line in 0..LOG_LINES {
            tick.tick().await;
            let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos();
            // 20 bytes: 19 digits of nanoseconds (until the year 2286) and the newline.
            self.stream.write_all(format!("14\r\n{now}\n\r\n").as_bytes()).await?;
        }
        Ok(self.stream.write_all(b"0\r\n\r\n").await?)
    }

    async fn stay_silent(&mut self) -> Result<()> {
        self.stream.write_all(&chunked_head("application/json")).await?;
        match self.stream.read(&mut self.buffer).await? {
            0 => Ok(()),
            count => bail!("{count} bytes where only the end was expected"),
        }
    }
}

#[derive(Clone, Copy)]
enum Route {
    Ping,
    List,
    Sized,
    Chunked,
    Upload,
    Create,
    Logs,
    Events,
    Missing,
}

impl Route {
    fn of(head: &[u8]) -> Self {
        let target = head.split(|byte| *byte == b' ').nth(1).unwrap_or_default();
        let path = target.split(|byte| *byte == b'?').next().unwrap_or_default();
        match path.strip_prefix(b"/v1.41").unwrap_or(path) {
            b"/_ping" => Self::Ping,
            b"/containers/json" => Self::List,
            b"/containers/sized/export" => Self::Sized,
            b"/containers/chunked/export" => Self::Chunked,
            b"/images/load" => Self::Upload,
            b"/containers/create" => Self::Create,
            b"/containers/followed/logs" => Self::Logs,
            b"/events" => Self::Events,
            _other => Self::Missing,
        }
    }
}

impl Canned {
    fn new() -> Self {
        let ping = format!(
            "HTTP/1.1 200 OK\r\n{COMMON}Builder-Version: 2\r\nCache-Control: no-cache, no-store, must-revalidate\r\n\
             Pragma: no-cache\r\nSwarm: inactive\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 2\r\n"
        );
        let list = container_list();
        let mut listed = chunked_head("application/json");
        listed.extend_from_slice(format!("{:x}\r\n{list}\r\n0\r\n\r\n", list.len()).as_bytes());
        let chunk = [format!("{CHUNK:x}\r\n").as_bytes(), &[b'x'; CHUNK], b"\r\n"].concat();
        Self {
            ping: format!("{ping}\r\nOK").into_bytes(),
            list: listed,
            done: [&sized_head("application/json", 2), b"{}".as_slice()].concat(),
            created: created(),
            missing: format!("HTTP/1.1 404 Not Found\r\n{COMMON}Content-Length: 0\r\n\r\n").into_bytes(),
            block: vec![b'x'; BLOCK],
            chunks: chunk.repeat(BLOCK / CHUNK),
        }
    }
}

fn sized_head(content_type: &str, length: u64) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\n{COMMON}Content-Type: {content_type}\r\nContent-Length: {length}\r\n\r\n")
        .into_bytes()
}

fn chunked_head(content_type: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\n{COMMON}Content-Type: {content_type}\r\nTransfer-Encoding: chunked\r\n\r\n")
        .into_bytes()
}

fn created() -> Vec<u8> {
    let body = format!("{{\"Id\":\"{}\",\"Warnings\":[]}}\n", "0123456789abcdef".repeat(4));
    let head = format!("HTTP/1.1 201 Created\r\n{COMMON}Content-Type: application/json\r\n");
    format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

/// 50 KB, the size of some fifty containers.
fn container_list() -> String {
    let one = format!(
        "{{\"Id\":\"{0}\",\"Names\":[\"/web\"],\"Image\":\"registry.example.org/team/app:1.2.3\",\"ImageID\":\"sha256:{0}\",\
         \"Command\":\"/usr/bin/app --listen :8080\",\"Created\":1700000000,\"Ports\":[],\"Labels\":{{\"note\":\"{1}\"}},\
         \"State\":\"running\",\"Status\":\"Up 2 hours\",\"HostConfig\":{{\"NetworkMode\":\"default\"}},\"Mounts\":[]}}",
        "0123456789abcdef".repeat(4),
        "x".repeat(555),
    );
    format!("[{}]", vec![one; 50].join(","))
}
