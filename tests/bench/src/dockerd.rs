//! A private dockerd with one running container that logs and fifty that only exist.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};

use crate::client::{Address, Client};
use crate::stream::{self, Chunks, Upload};

const START_BOUND: Duration = Duration::from_secs(60);
const STOP_BOUND: Duration = Duration::from_secs(30);
/// Bytes of the one file that is copied into a container and exported with it.
pub(crate) const TRANSFER: u64 = 256 << 20;
const LISTED: usize = 49;

/// A running dockerd; dropping it stops it and its containers.
pub(crate) struct Dockerd {
    child: Child,
    /// Where it listens.
    pub(crate) socket: PathBuf,
}

impl Dockerd {
    /// Starts it below `folder`, whose path must be short: its sockets' paths have at most 107 bytes.
    pub(crate) async fn start(folder: &Path) -> Result<Self> {
        let socket = folder.join("d.sock");
        let log = folder.join("dockerd.log");
        let child = Command::new("/usr/sbin/dockerd")
            .arg("--host")
            .arg(format!("unix://{}", socket.display()))
            .arg("--data-root")
            .arg(folder.join("data"))
            .arg("--exec-root")
            .arg(folder.join("x"))
            .arg("--pidfile")
            .arg(folder.join("pid"))
            .stdin(Stdio::null())
            .stdout(File::create(&log)?)
            .stderr(File::create(&log)?)
            .spawn()
            .context("starting dockerd (apt-get install docker.io)")?;
        let mut dockerd = Self { child, socket };
        dockerd.wait_for_ping(&log).await?;
        dockerd.populate().await?;
        Ok(dockerd)
    }

    async fn wait_for_ping(&mut self, log: &Path) -> Result<()> {
        let begin = Instant::now();
        let mut client = self.client();
        while begin.elapsed() < START_BOUND {
            if client.exchange(&crate::client::get("/_ping")).await.is_ok() {
                return Ok(());
            }
            client.disconnect();
            if let Some(status) = self.child.try_wait()? {
                bail!("dockerd ended with {status}:\n{}", last_lines(log));
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        bail!("dockerd did not answer within {START_BOUND:?}:\n{}", last_lines(log))
    }

    fn client(&self) -> Client {
        Client::new(&Address::Unix(self.socket.clone()), 64 << 10)
    }

    async fn populate(&self) -> Result<()> {
        let busybox = busybox()?;
        self.post("/images/create?fromSrc=-&repo=bench", "application/x-tar", &busybox).await?;
        let log = r#"{"Image":"bench","Tty":true,"Cmd":["/bin/busybox","sh","-c","while :; do echo line; /bin/busybox usleep 5000; done"],"HostConfig":{"NetworkMode":"none","LogConfig":{"Type":"json-file"}}}"#;
        self.post("/containers/create?name=logger", "application/json", log.as_bytes()).await?;
        self.post("/containers/logger/start", "application/json", b"").await?;
        let label = "x".repeat(500);
        for index in 0..LISTED {
            let idle = format!(r#"{{"Image":"bench","Cmd":["/bin/busybox"],"Labels":{{"note":"{label}"}}}}"#);
            self.post(&format!("/containers/create?name=idle{index}"), "application/json", idle.as_bytes())
                .await?;
        }
        stream::upload(&Address::Unix(self.socket.clone()), &copy_in()).await.map(|_sent| ())
    }

    async fn post(&self, target: &str, content_type: &str, body: &[u8]) -> Result<()> {
        let framing = crate::wire::Framing::Length(body.len() as u64);
        let head = crate::client::upload_head("POST", target, content_type, framing);
        let mut client = self.client();
        client.send(&[head.as_slice(), body].concat()).await?;
        let mut said = Vec::new();
        let answer = client.answer(|payload| said.extend_from_slice(payload)).await?;
        ensure!(answer.status < 300, "{target}: {} {}", answer.status, String::from_utf8_lossy(&said));
        Ok(())
    }
}

impl Drop for Dockerd {
    fn drop(&mut self) {
        // SIGTERM, so that it stops its containers and its containerd.
        if let Some(pid) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            let _gone = kill_process(pid, Signal::TERM);
        }
        let begin = Instant::now();
        while begin.elapsed() < STOP_BOUND {
            if matches!(self.child.try_wait(), Ok(Some(_)) | Err(_)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let _gone = self.child.kill();
        let _gone = self.child.wait();
    }
}

/// The upload that copies one large file into a container.
pub(crate) fn copy_in() -> Upload {
    Upload {
        method: "PUT",
        target: "/containers/idle0/archive?path=%2F".to_owned(),
        before: tar_header("big", TRANSFER),
        filler: TRANSFER,
        after: vec![0; 1024],
        chunks: Chunks::Yes,
    }
}

fn busybox() -> Result<Vec<u8>> {
    let mut program = Vec::new();
    File::open("/bin/busybox")
        .and_then(|mut file| file.read_to_end(&mut program))
        .context("reading /bin/busybox (apt-get install busybox-static)")?;
    let mut tar = tar_header("bin/busybox", program.len() as u64);
    tar.append(&mut program);
    tar.resize(tar.len().next_multiple_of(512) + 1024, 0);
    Ok(tar)
}

/// The header of one executable file, as in POSIX.1-1988 (ustar).
fn tar_header(name: &str, size: u64) -> Vec<u8> {
    let mut header = vec![0; 512];
    let mut put = |at: usize, bytes: &[u8]| header[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, name.as_bytes());
    put(100, b"0000755\0");
    put(108, b"0000000\0");
    put(116, b"0000000\0");
    put(124, format!("{size:011o}\0").as_bytes());
    put(136, b"00000000000\0");
    put(148, b"        "); // the checksum counts as spaces in its own sum
    put(156, b"0");
    put(257, b"ustar\x0000");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    header
}

fn last_lines(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(10)..].join("\n")
}
