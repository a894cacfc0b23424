//! The loads that are one long answer or one long request: transfers, followed logs, answers that are left unread.

use std::rc::Rc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, ensure};

use tokio::task::JoinSet;

use crate::client::{self, Address, Client};
use crate::wire::Framing;

const BLOCK: usize = 256 << 10;
/// What Go's `io.Copy` reads and so what docker clients put into one chunk.
const CHUNK: usize = 32 << 10;

/// An upload: some bytes of a format, filler, the format's end.
#[derive(Clone, Debug)]
pub(crate) struct Upload {
    /// Request method.
    pub(crate) method: &'static str,
    /// Path and query after the version.
    pub(crate) target: String,
    /// Bytes before the filler.
    pub(crate) before: Vec<u8>,
    /// Bytes of filler, a multiple of 256 KiB.
    pub(crate) filler: u64,
    /// Bytes after the filler.
    pub(crate) after: Vec<u8>,
    /// With a length, or in chunks of 32 KiB as docker's clients send them.
    pub(crate) chunks: Chunks,
}

/// How an upload is framed.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Chunks {
    /// It has a Content-Length.
    No,
    /// It is chunked.
    Yes,
}

/// Downloads `target`; the time from the request to the last byte, and the bytes.
pub(crate) async fn download(address: &Address, target: &str) -> Result<(Duration, u64)> {
    let mut client = Client::new(address, BLOCK);
    let begin = Instant::now();
    let answer = client.exchange(&client::get(target)).await?;
    ensure!(answer.status == 200, "status {} to a download", answer.status);
    Ok((begin.elapsed(), answer.payload))
}

/// Uploads; the time from the request to the answer, and the bytes.
pub(crate) async fn upload(address: &Address, upload: &Upload) -> Result<(Duration, u64)> {
    let mut client = Client::new(address, BLOCK);
    let total = upload.before.len() as u64 + upload.filler + upload.after.len() as u64;
    let framing = match upload.chunks {
        Chunks::No => Framing::Length(total),
        Chunks::Yes => Framing::Chunked,
    };
    let head = client::upload_head(upload.method, &upload.target, "application/x-tar", framing);
    let filler = match upload.chunks {
        Chunks::No => vec![b'x'; BLOCK],
        Chunks::Yes => chunk(&[b'x'; CHUNK]).repeat(BLOCK / CHUNK),
    };
    let begin = Instant::now();
    client.send(&head).await?;
    send_part(&mut client, &upload.before, upload.chunks).await?;
    for _block in 0..upload.filler / BLOCK as u64 {
        client.send(&filler).await?;
    }
    send_part(&mut client, &upload.after, upload.chunks).await?;
    if matches!(upload.chunks, Chunks::Yes) {
        client.send(b"0\r\n\r\n").await?;
    }
    let answer = client.answer(|_payload| {}).await?;
    ensure!(answer.status == 200, "status {} to an upload", answer.status);
    Ok((begin.elapsed(), total))
}

async fn send_part(client: &mut Client, part: &[u8], chunks: Chunks) -> Result<()> {
    if part.is_empty() {
        return Ok(());
    }
    match chunks {
        Chunks::No => client.send(part).await,
        Chunks::Yes => client.send(&chunk(part)).await,
    }
}

fn chunk(payload: &[u8]) -> Vec<u8> {
    [format!("{:x}\r\n", payload.len()).as_bytes(), payload, b"\r\n"].concat()
}

/// How a log line tells when it was written.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Stamp {
    /// Nanoseconds since 1970: the fake engine.
    Nanos,
    /// RFC 3339 with nanoseconds, in UTC: dockerd with `timestamps=1`.
    Rfc3339,
}

/// Follows a log for `lines` lines; how many nanoseconds each took from its stamp to here.
pub(crate) async fn follow(address: &Address, target: &str, stamp: Stamp, lines: usize) -> Result<Vec<u64>> {
    let mut client = Client::new(address, 64 << 10);
    client.send(&client::get(target)).await?;
    let mut delays = Vec::with_capacity(lines);
    let mut line = Vec::new();
    let mut broken = Ok(());
    let stop = Rc::new(tokio::sync::Notify::new());
    let enough = Rc::clone(&stop);
    let answer = client.answer(|payload| {
        let now = SystemTime::now();
        for byte in payload {
            line.push(*byte);
            if *byte == b'\n' {
                match delay(&line, stamp, now) {
                    Ok(delay) => delays.push(delay),
                    Err(error) => broken = Err(error),
                }
                line.clear();
            }
        }
        if delays.len() >= lines {
            enough.notify_one();
        }
    });
    tokio::select! {
        ended = answer => {
            let answer = ended?;
            ensure!(answer.status == 200, "status {} to followed logs", answer.status);
        }
        () = stop.notified() => {}
    }
    broken?;
    ensure!(delays.len() >= lines, "{} of {lines} log lines came", delays.len());
    Ok(delays)
}

fn delay(line: &[u8], stamp: Stamp, now: SystemTime) -> Result<u64> {
    const DAY: u64 = 86_400_000_000_000;
    let text = std::str::from_utf8(line)?.trim_end();
    let now = u64::try_from(now.duration_since(UNIX_EPOCH)?.as_nanos())?;
    let written = match stamp {
        Stamp::Nanos => return Ok(now.saturating_sub(text.parse()?)),
        Stamp::Rfc3339 => nanos_of_day(text).with_context(|| format!("no time in {text:?}"))?,
    };
    let delay = (now % DAY + DAY - written) % DAY;
    // A clock step of a few nanoseconds must not look like a day.
    Ok(if delay > DAY / 2 { 0 } else { delay })
}

/// `2024-01-31T12:34:56.123456789Z` without the date.
fn nanos_of_day(text: &str) -> Option<u64> {
    let (clock, _rest) = text.split_once('T')?.1.split_once('Z')?;
    let (whole, fraction) = clock.split_once('.')?;
    let mut seconds = 0;
    for part in whole.split(':') {
        seconds = seconds * 60 + part.parse::<u64>().ok()?;
    }
    Some(seconds * 1_000_000_000 + format!("{fraction:0<9}").parse::<u64>().ok()?)
}

/// Asks `request` on `count` connections and reads no more than the heads of the answers; a stream of events that never
/// come must send its own before any event. All at once, because HAProxy holds a head back for 200 ms. Needs a
/// `LocalSet` around it.
pub(crate) async fn open(address: &Address, count: usize, request: &[u8]) -> Result<Vec<Client>> {
    let mut opening = JoinSet::new();
    let request: Rc<[u8]> = request.into();
    for _connection in 0..count {
        let (mut client, request) = (Client::new(address, 4 << 10), Rc::clone(&request));
        opening.spawn_local(async move {
            client.send(&request).await?;
            let status = client.answer_head().await?;
            ensure!(status == 200, "status {status} where only the head is read");
            Ok(client)
        });
    }
    opening.join_all().await.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::nanos_of_day;

    #[test]
    fn a_time_of_day_is_read_with_any_number_of_decimals() {
        for (text, nanos) in [
            ("2024-01-31T00:00:01.5Z x", 1_500_000_000),
            ("2024-01-31T23:59:59.999999999Z x", 86_399_999_999_999),
            ("2024-01-31T12:00:00.000000001Z", 43_200_000_000_001),
        ] {
            assert_eq!(nanos_of_day(text), Some(nanos), "{text}");
        }
        assert_eq!(nanos_of_day("x"), None);
    }
}
