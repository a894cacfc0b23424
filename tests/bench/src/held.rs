//! What a connection takes of a proxy's memory while its client stays, and what is left of it when all have gone.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::client;
use crate::stream;
use crate::subject::{Kind, Running, Subject};
use crate::workload::{Figures, Fit, Metric, Row, resident};

/// Connections in each state.
const CLIENTS: usize = 200;
/// In which buffers towards clients that do not read have filled up.
const REST: Duration = Duration::from_secs(2);
/// Near the thousand that sockgate takes.
const FIELDS: usize = 950;

/// How long a proxy may take to give back what it held for clients that have left; less in a quick run.
pub(crate) fn patience(share: f64) -> Duration {
    Duration::from_secs(if share < 1.0 { 5 } else { 30 })
}

#[derive(Clone, Copy)]
enum State {
    Kept,
    Silent,
    SlowReader,
    LargeHead,
}

const STATES: [State; 4] = [State::Kept, State::Silent, State::SlowReader, State::LargeHead];

impl State {
    const fn row(self) -> Row {
        let (name, title) = match self {
            Self::Kept => ("held-kept", "kept after one small GET"),
            Self::Silent => ("held-silent", "silent stream of events"),
            Self::SlowReader => ("held-slow", "download that the client does not read"),
            Self::LargeHead => ("held-head", "silent stream, asked for with 950 header fields"),
        };
        Row { name, title }
    }

    fn request(self) -> Vec<u8> {
        match self {
            Self::Kept => client::get("/_ping"),
            Self::Silent => client::get("/events"),
            Self::SlowReader => client::get("/containers/chunked/export"),
            Self::LargeHead => client::get_with_fields("/events", FIELDS),
        }
    }

    /// HAProxy refuses a head of more than 101 fields, unless it is told otherwise.
    fn fits(self, kind: &Kind) -> Fit {
        match (self, kind) {
            (Self::LargeHead, Kind::HaProxy) => Fit::No,
            (
                Self::Kept | Self::Silent | Self::SlowReader | Self::LargeHead,
                Kind::Direct | Kind::Floor | Kind::HaProxy | Kind::Sockgate(_),
            ) => Fit::Yes,
        }
    }
}

/// Each state in front of a process of its own; then one wait for what all of them give back. Needs a `LocalSet`
/// around it.
pub(crate) async fn measure(
    subject: &Subject,
    engine: &Path,
    patience: Duration,
) -> Result<Vec<(Row, Figures)>> {
    let mut left = Vec::new();
    for state in STATES.into_iter().filter(|state| state.fits(&subject.kind) == Fit::Yes) {
        let running = Running::start(subject, engine)?;
        let idle = resident(&running)?;
        let clients = stream::open(&running.address, CLIENTS, &state.request())
            .await
            .map_err(|error| running.explain(error))
            .context(state.row().title)?;
        tokio::time::sleep(REST).await;
        let held = (resident(&running)? - idle) * 1024.0 / CLIENTS as f64;
        drop(clients);
        left.push((state, running, held));
    }
    tokio::time::sleep(patience).await;
    let rows = left.iter().map(|(state, running, held)| {
        let figures = vec![(Metric::RssConnection, *held), (Metric::RssLeft, resident(running)?)];
        Ok((state.row(), figures))
    });
    rows.collect()
}
