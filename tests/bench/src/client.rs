//! The load generator's side of a connection: sends prepared bytes, reads one answer, keeps nothing of it.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail, ensure};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream, UnixStream};

use crate::wire::{self, Afterwards, Body, Framing, Head, Progress};

/// Where a subject listens.
#[derive(Clone, Debug)]
pub(crate) enum Address {
    /// The engine itself.
    Unix(PathBuf),
    /// A proxy.
    Tcp(SocketAddr),
}

enum Stream {
    Unix(UnixStream),
    Tcp(TcpStream),
}

impl Stream {
    async fn connect(address: &Address, source: Ipv4Addr) -> Result<Self> {
        Ok(match address {
            Address::Unix(path) => Self::Unix(UnixStream::connect(path).await?),
            Address::Tcp(address) => {
                let socket = TcpSocket::new_v4()?;
                socket.bind((source, 0).into())?;
                let stream = socket.connect(*address).await?;
                stream.set_nodelay(true)?;
                Self::Tcp(stream)
            }
        })
    }

    async fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        match self {
            Self::Unix(stream) => stream.read(buffer).await,
            Self::Tcp(stream) => stream.read(buffer).await,
        }
    }

    async fn write_all(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        match self {
            Self::Unix(stream) => stream.write_all(bytes).await,
            Self::Tcp(stream) => stream.write_all(bytes).await,
        }
    }
}

/// A client that reconnects when its peer closed, or for each request if it was told to.
pub(crate) struct Client {
    address: Address,
    source: Ipv4Addr,
    stream: Option<Stream>,
    buffer: Vec<u8>,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The status code.
    pub(crate) status: u16,
    /// Payload bytes, framing left out.
    pub(crate) payload: u64,
}

impl Client {
    /// A client with room for `buffer` bytes a read; it connects with its first request.
    pub(crate) fn new(address: &Address, buffer: usize) -> Self {
        let (address, source) = (address.clone(), Ipv4Addr::UNSPECIFIED);
        Self { address, source, stream: None, buffer: vec![0; buffer] }
    }

    /// Connects from this address over TCP, in place of the one that the kernel chooses.
    pub(crate) fn come_from(&mut self, source: Ipv4Addr) {
        self.source = source;
    }

    /// Forgets the connection.
    pub(crate) fn disconnect(&mut self) {
        self.stream = None;
    }

    /// Sends `request`, reads its answer to the end.
    pub(crate) async fn exchange(&mut self, request: &[u8]) -> Result<Answer> {
        self.send(request).await?;
        self.answer(|_payload| {}).await
    }

    /// Sends bytes, on a new connection if there is none.
    pub(crate) async fn send(&mut self, bytes: &[u8]) -> Result<()> {
        let stream = match &mut self.stream {
            Some(stream) => stream,
            empty @ None => empty.insert(Stream::connect(&self.address, self.source).await?),
        };
        stream.write_all(bytes).await.context("sending a request")
    }

    /// Reads an answer, hands its payload to `sink` as it comes.
    pub(crate) async fn answer(&mut self, mut sink: impl FnMut(&[u8])) -> Result<Answer> {
        let (head, filled) = self.head().await?;
        let status = wire::status(&self.buffer)?;
        let mut body = Body::new(head.framing.unwrap_or(Framing::UntilClose));
        let mut afterwards = head.afterwards;
        let mut progress = body.feed(&self.buffer[head.length..filled], &mut sink)?;
        while progress == Progress::More {
            let stream = self.stream.as_mut().context("an answer on a closed connection")?;
            match stream.read(&mut self.buffer).await.context("reading an answer's body")? {
                0 if head.framing.is_none() => {
                    afterwards = Afterwards::Close;
                    break;
                }
                0 => bail!("an answer was cut off after {} bytes", body.payload),
                count => progress = body.feed(&self.buffer[..count], &mut sink)?,
            }
        }
        if afterwards == Afterwards::Close {
            self.disconnect();
        }
        Ok(Answer { status, payload: body.payload })
    }

    /// Reads an answer's head alone and leaves the connection open: for streams that stay silent.
    pub(crate) async fn answer_head(&mut self) -> Result<u16> {
        self.head().await?;
        wire::status(&self.buffer)
    }

    async fn head(&mut self) -> Result<(Head, usize)> {
        let stream = self.stream.as_mut().context("an answer before its request")?;
        let mut filled = 0;
        loop {
            let count = stream.read(&mut self.buffer[filled..]).await.context("reading an answer's head")?;
            ensure!(count > 0, "the connection closed {filled} bytes into an answer's head");
            filled += count;
            if let Some(head) = wire::head(&self.buffer[..filled])? {
                return Ok((head, filled));
            }
        }
    }
}

/// A GET as a docker client writes it.
pub(crate) fn get(target: &str) -> Vec<u8> {
    format!(
        "GET /v1.41{target} HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: Docker-Client/28.0.0 (linux)\r\n\r\n"
    )
    .into_bytes()
}

/// The same with so many header fields.
pub(crate) fn get_with_fields(target: &str, fields: usize) -> Vec<u8> {
    let mut request = format!("GET /v1.41{target} HTTP/1.1\r\nHost: 127.0.0.1\r\n");
    for field in 1..fields {
        request.push_str(&format!("X-{field}: short\r\n"));
    }
    request.push_str("\r\n");
    request.into_bytes()
}

/// The same for one request a connection.
pub(crate) fn get_and_close(target: &str) -> Vec<u8> {
    format!(
        "GET /v1.41{target} HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: Docker-Client/28.0.0 (linux)\r\n\
         Connection: close\r\n\r\n"
    )
    .into_bytes()
}

/// The head of a request with a body.
pub(crate) fn upload_head(method: &str, target: &str, content_type: &str, framing: Framing) -> Vec<u8> {
    let framing = match framing {
        Framing::Length(length) => format!("Content-Length: {length}"),
        Framing::Chunked | Framing::UntilClose => "Transfer-Encoding: chunked".to_owned(),
    };
    format!(
        "{method} /v1.41{target} HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: Docker-Client/28.0.0 (linux)\r\n\
         Content-Type: {content_type}\r\n{framing}\r\n\r\n"
    )
    .into_bytes()
}
