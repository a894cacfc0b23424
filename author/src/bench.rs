//! `sockgate policy bench`: what a policy costs, and where the time goes.
//!
//! One decision after the other, each in an instance of its own, as in the gateway; there, instances are made ready between
//! requests, so that a request waits for `decide` alone. No engine is asked: a look-up is answered with `unavailable`.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use engine_api::Flags;
use http::{HeaderMap, HeaderValue, header};
use rustix::time::{ClockId, clock_gettime};

use pdp::admit::{Admission, Admitted, Refused, Sent};

use crate::request::{readers_of, refused_in_words, requested};
use crate::units::mebibytes;
use pdp::workbench::{Asked, Candidate, Parts, Workbench};
use pdp::{Fault, LoadError, NoEngine, Verdict};

/// Decisions that are made before it counts: caches are cold, memory is not there yet.
const WARM_UP: usize = 20;

/// What to measure.
#[derive(Debug)]
pub struct Plan {
    /// The component.
    pub file: PathBuf,
    /// What its `configure` gets.
    pub settings: String,
    /// Method and target.
    pub request: String,
    /// Of the request.
    pub body: Option<String>,
    /// What the env flags are.
    pub flags: Flags,
    /// `POLICY_BODY_LIMIT`.
    pub body_limit: usize,
    /// About the client, such as `peer.uid`.
    pub client: Vec<(String, String)>,
    /// For how long.
    pub time: Duration,
}

/// Why there are no figures.
#[derive(Debug, thiserror::Error)]
pub enum Unmeasured {
    /// The gateway would refuse this request.
    #[error(
        "the gateway refuses the request {request:?}: {what}; one that it takes is such as \"GET /info\""
    )]
    Request {
        /// As it was given.
        request: String,
        /// In the gateway's words.
        what: String,
    },
    /// The gateway would not load it.
    #[error("the policy {} cannot be measured: {source}", file.display())]
    Load {
        /// The component.
        file: PathBuf,
        /// Why not.
        source: LoadError,
    },
    /// It fails on this request.
    #[error("the policy failed on this request: {0}")]
    Fault(#[from] Fault),
}

/// Measures, and says what came out.
///
/// # Errors
/// [`Unmeasured`].
pub async fn bench(workbench: &Workbench, plan: &Plan) -> Result<String, Unmeasured> {
    let refused = |refused: Refused| Unmeasured::Request {
        request: plan.request.clone(),
        what: refused_in_words(&refused),
    };
    let operation = requested(&plan.request).map_err(|bad| refused(bad.into()))?;
    let candidate = workbench.load(&plan.file, &plan.settings).await;
    let candidate = candidate.map_err(|source| Unmeasured::Load { file: plan.file.clone(), source })?;
    let reads = match &plan.body {
        None => "no body".to_owned(),
        Some(body) if candidate.reads_body_of(&operation) => {
            format!("{} bytes of body, which it reads", body.len())
        }
        Some(body) => format!("{} bytes of body, which it does not read", body.len()),
    };
    let mut headers = HeaderMap::new();
    if plan.body.is_some() {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    let body = plan.body.clone().map(Bytes::from).unwrap_or_default();
    let readers = readers_of(&candidate, &operation);
    let admission = Admission { flags: plan.flags, body_limit: plan.body_limit };
    let admitted = admission.admit(Sent { operation, headers, body }, readers).map_err(refused)?;
    let Admitted { operation, headers, body, .. } = admitted;
    let asked = Asked { operation, flags: plan.flags, headers, body, attributes: plan.client.clone() };
    let (verdict, run) = measure(&candidate, &asked, plan.time).await?;
    let mut text = format!("policy      {} {}\n", candidate.name(), candidate.version());
    // Writing to a string cannot fail.
    let _ = writeln!(text, "request     {}, {reads}", plan.request);
    let _ = writeln!(text, "verdict     {}", in_words(&verdict));
    text.push_str(&run.in_words());
    Ok(text)
}

/// Everything that was measured.
struct Run {
    parts: Vec<Parts>,
    cpu: Duration,
}

async fn measure(candidate: &Candidate, asked: &Asked, time: Duration) -> Result<(Verdict, Run), Fault> {
    let engine = Arc::new(NoEngine);
    let mut verdict = Verdict::Defer;
    for _ in 0..WARM_UP {
        (verdict, _) = candidate.dissect(asked.clone(), Arc::<NoEngine>::clone(&engine)).await?;
    }
    let (started, cpu) = (Instant::now(), cpu_time());
    let mut parts = Vec::new();
    while started.elapsed() < time || parts.is_empty() {
        parts.push(candidate.dissect(asked.clone(), Arc::<NoEngine>::clone(&engine)).await?.1);
    }
    Ok((verdict, Run { parts, cpu: cpu_time().saturating_sub(cpu) }))
}

/// What this process has used up so far.
fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    let (seconds, nanos) = (u64::try_from(time.tv_sec), u32::try_from(time.tv_nsec));
    Duration::new(seconds.unwrap_or_default(), nanos.unwrap_or_default())
}

impl Run {
    fn in_words(&self) -> String {
        let count = self.parts.len();
        let [p50, p99] = [50, 99].map(|percent| micros(self.percentile(percent, |parts| parts.decide)));
        let part = |of: fn(&Parts) -> Duration| micros(self.percentile(50, of));
        let memory = self.parts.iter().map(|parts| parts.memory).max().unwrap_or_default();
        let cpu = self.cpu / u32::try_from(count).unwrap_or(u32::MAX);
        let mut text = String::new();
        let _ = writeln!(text, "decide      p50 {p50}, p99 {p99}: what a request waits for");
        let _ = writeln!(
            text,
            "beside it   instance {}, configure {}, end {}: made ready between requests (p50)",
            part(|parts| parts.instantiate),
            part(|parts| parts.configure),
            part(|parts| parts.drop)
        );
        let rate = 1.0 / cpu.as_secs_f64().max(1e-9);
        let _ =
            writeln!(text, "cpu         {} in all: {rate:.0} decisions/s on a core of its own", micros(cpu));
        let _ = writeln!(text, "memory      {} an instance", mebibytes(memory as u64));
        let _ = writeln!(text, "measured    {count} decisions, one after the other");
        text
    }

    fn percentile(&self, percent: usize, of: impl Fn(&Parts) -> Duration) -> Duration {
        let mut times: Vec<_> = self.parts.iter().map(of).collect();
        times.sort_unstable();
        let at = (times.len() * percent / 100).min(times.len().saturating_sub(1));
        times.get(at).copied().unwrap_or_default()
    }
}

fn micros(time: Duration) -> String {
    match time.as_nanos() {
        0..10_000 => format!("{:.1} us", time.as_nanos() as f64 / 1e3),
        10_000..10_000_000 => format!("{} us", time.as_micros()),
        _ => format!("{} ms", time.as_millis()),
    }
}

fn in_words(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Allow => "allow".to_owned(),
        Verdict::Defer => "defer".to_owned(),
        Verdict::Deny(denial) => format!("deny {}: {}", denial.status, denial.message),
    }
}
