//! `sockgate policy bench`: measures what a policy costs, and where the time goes.
//!
//! Decisions are made one after the other, each in an instance of its own, as in the gateway. Where it takes long to make an
//! instance and to configure it, the gateway does that ahead of requests, as far as it comes to it; else a request waits for
//! that too. One that takes longer than `POLICY_TIMEOUT` is counted, and the next is made. No engine is asked: every look-up
//! is answered with `unavailable`.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use engine_api::Rights;
use http::{HeaderMap, HeaderValue, header};
use pdp::admit::{Admission, Admitted, Refused, Sent};
use pdp::workbench::{Asked, Candidate, MADE_AHEAD_FROM, Parts, Workbench};
use pdp::{Fault, LoadError, NoEngine, Verdict};
use rustix::time::{ClockId, clock_gettime};

use crate::request::{readers_of, refused_in_words, requested};
use crate::units::mebibytes;

/// How many decisions are made before the first one that counts: caches are cold at first, and memory is not mapped yet.
const WARM_UP: usize = 20;

/// What is measured, and for how long.
#[derive(Debug)]
pub struct BenchPlan {
    /// The policy's file.
    pub file: PathBuf,
    /// The settings that its `configure` gets.
    pub settings: String,
    /// The method and the target of the request.
    pub request: String,
    /// The body of the request.
    pub body: Option<String>,
    /// What the operator's settings let through.
    pub rights: Rights,
    /// `POLICY_BODY_LIMIT`.
    pub body_limit: usize,
    /// Facts about the client, for example `peer.uid`.
    pub client: Vec<(String, String)>,
    /// How long to measure.
    pub time: Duration,
}

/// Why a policy cannot be measured.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// The gateway would refuse the request before it asks a policy.
    #[error("the gateway refuses the request {request:?}: {what}; it takes, for example, \"GET /info\"")]
    Request {
        /// The request, as it was given.
        request: String,
        /// The refusal, in the gateway's words.
        what: String,
    },
    /// The gateway would not load the policy.
    #[error("the policy {} cannot be measured", file.display())]
    Load {
        /// The policy's file.
        file: PathBuf,
        /// Why it would not.
        source: LoadError,
    },
    /// The policy fails on the request.
    #[error("the policy failed on this request")]
    Fault(#[from] Fault),
}

/// Measures a policy, and returns the figures as text.
///
/// # Errors
/// [`BenchError`].
pub async fn bench(workbench: &Workbench, plan: &BenchPlan) -> Result<String, BenchError> {
    let refused =
        |bad: Refused| BenchError::Request { request: plan.request.clone(), what: refused_in_words(&bad) };
    let operation = requested(&plan.request).map_err(|bad| refused(bad.into()))?;
    let candidate = workbench.load(&plan.file, &plan.settings).await;
    let candidate = candidate.map_err(|source| BenchError::Load { file: plan.file.clone(), source })?;
    workbench.adopt_snapshot(&plan.file, &candidate).await;
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
    let admission = Admission { rights: plan.rights, body_limit: plan.body_limit };
    let admitted = admission.admit(Sent { operation, headers, body }, readers).map_err(refused)?;
    let Admitted { operation, headers, body, .. } = admitted;
    let asked = Asked { operation, rights: plan.rights, headers, body, attributes: plan.client.clone() };
    let measurements = measure(plan.time, async || decide(&candidate, &asked).await).await?;
    let mut text = format!("policy      {} {}\n", candidate.name(), candidate.version());
    // Writing to a string cannot fail.
    let _ = writeln!(text, "request     {}, {reads}", plan.request);
    let _ = writeln!(text, "verdict     {}", in_words(&measurements.verdict));
    text.push_str(&measurements.in_words());
    Ok(text)
}

/// What was measured.
struct Measurements {
    verdict: Verdict,
    parts: Vec<Parts>,
    /// How many decisions took longer than `POLICY_TIMEOUT`.
    late: usize,
    cpu: Duration,
}

/// Makes decisions until the time is over.
///
/// # Errors
/// [`Fault`] if the policy fails otherwise than by being late, or is never in time.
async fn measure(time: Duration, mut decide: impl AsyncFnMut() -> Attempt) -> Result<Measurements, Fault> {
    let begin = Instant::now();
    for _ in 0..WARM_UP {
        if begin.elapsed() < time {
            let _warm = decide().await?;
        }
    }
    let (started, cpu) = (Instant::now(), cpu_time());
    let (mut verdict, mut parts, mut late) = (None, Vec::new(), 0);
    while started.elapsed() < time || verdict.is_none() {
        match decide().await? {
            Ok((said, part)) => {
                verdict = Some(said);
                parts.push(part);
            }
            Err(fault) if verdict.is_none() && started.elapsed() >= time => return Err(fault),
            Err(_late) => late += 1,
        }
    }
    let verdict = verdict.ok_or_else(|| Fault::Host("no decision was made".to_owned()))?;
    Ok(Measurements { verdict, parts, late, cpu: cpu_time().saturating_sub(cpu) })
}

/// What comes of one decision. The inner error is that it took too long.
type Attempt = Result<Result<(Verdict, Parts), Fault>, Fault>;

/// Makes one decision.
async fn decide(candidate: &Candidate, asked: &Asked) -> Attempt {
    match candidate.dissect(asked.clone(), Arc::new(NoEngine)).await {
        Ok(made) => Ok(Ok(made)),
        Err(fault) if matches!(fault, Fault::Timeout(_)) => Ok(Err(fault)),
        Err(fault) => Err(fault),
    }
}

/// The CPU time that this process has used so far.
fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    let (seconds, nanos) = (u64::try_from(time.tv_sec), u32::try_from(time.tv_nsec));
    Duration::new(seconds.unwrap_or_default(), nanos.unwrap_or_default())
}

impl Measurements {
    fn in_words(&self) -> String {
        let count = self.parts.len();
        let [p50, p99] = [50, 99].map(|percent| micros(self.percentile(percent, |parts| parts.decide)));
        let part = |of: fn(&Parts) -> Duration| micros(self.percentile(50, of));
        let memory = self.parts.iter().map(|parts| parts.memory).max().unwrap_or_default();
        let cpu = self.cpu / u32::try_from(count + self.late).unwrap_or(u32::MAX);
        let mut text = String::new();
        let _ = writeln!(text, "decide      p50 {p50}, p99 {p99}: what a request waits for in any case");
        let _ = writeln!(
            text,
            "beside it   instance {}, configure {}, end {} (p50): the first two are waited for as well, or made ahead if \
             they take more than {}",
            part(|parts| parts.instantiate),
            part(|parts| parts.configure),
            part(|parts| parts.drop),
            micros(MADE_AHEAD_FROM)
        );
        let rate = 1.0 / cpu.as_secs_f64().max(1e-9);
        let _ =
            writeln!(text, "cpu         {} in all: {rate:.0} decisions/s on a core of its own", micros(cpu));
        let _ = writeln!(text, "memory      {} an instance", mebibytes(memory as u64));
        let _ = writeln!(text, "measured    {count} decisions, one after the other");
        if self.late > 0 {
            let _ = writeln!(text, "late        {}: each would be a denial (POLICY_TIMEOUT)", self.late);
        }
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

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    const NO_TIME: Duration = Duration::ZERO;

    fn late() -> Attempt {
        Ok(Err(Fault::Timeout(Duration::from_millis(100))))
    }

    fn in_time() -> Attempt {
        let parts = Parts {
            instantiate: NO_TIME,
            configure: NO_TIME,
            decide: Duration::from_micros(2),
            drop: NO_TIME,
            memory: 1,
        };
        Ok(Ok((Verdict::Allow, parts)))
    }

    /// What comes of measuring decisions that wait for nothing.
    fn measured(time: Duration, decide: impl FnMut() -> Attempt) -> Result<Measurements, Fault> {
        let mut decide = decide;
        let mut measuring = pin!(measure(time, async || decide()));
        match measuring.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(measured) => measured,
            Poll::Pending => panic!("nothing is there to wait for"),
        }
    }

    #[test]
    fn a_decision_that_is_late_is_counted_and_the_next_is_made() {
        let mut made = 0;
        let deadline = Duration::from_millis(50);
        let measured = measured(deadline, || {
            made += 1;
            if made % 2 == 0 { late() } else { in_time() }
        });
        let measured = measured.unwrap();
        assert!(measured.late > 0 && !measured.parts.is_empty(), "{} of {made} were late", measured.late);
        assert!(
            measured.in_words().contains(&format!("late        {}: each would be a denial", measured.late))
        );
    }

    #[test]
    fn a_policy_that_is_never_in_time_cannot_be_measured_and_neither_can_one_that_crashes() {
        let fault = measured(NO_TIME, late).err();
        assert_eq!(fault, Some(Fault::Timeout(Duration::from_millis(100))));
        let crash = || Err(Fault::Crash("a trap".to_owned()));
        assert_eq!(measured(NO_TIME, crash).err(), crash().err());
    }
}
