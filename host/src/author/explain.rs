//! `sockgate explain` with policies: asks each policy as the gateway would, lets it look up objects in the real engine, and
//! tells which of their decisions counts.

use std::fmt::Write as _;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header};
use policy::{Decision, Operation};

use super::capture_log::{LogLine, capture_log};
use super::gate::{self, Admitted, Gate, Readers, Sent};
use crate::config::{Config, Mode, PolicyConfig};
use crate::foreign::{escaped, report};
use crate::pdp::workbench::{Asked, Body, Candidate, Workbench};
use crate::pdp::{self, ChainError, Fault, Inspector, SandboxError, Verdict, Weight};
use crate::report::{explain_flags, explain_operation};
use crate::upstream::{EngineInspector, Upstream};

/// What the gateway would do with a request.
pub(crate) enum FinalDecision {
    /// The gateway would forward it.
    Allowed,
    /// The gateway would refuse it.
    Denied,
}

/// Why a request cannot be explained.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ExplainError {
    /// Policies cannot be run on this machine.
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
    /// A policy does not load, so the gateway would not start.
    #[error(transparent)]
    Chain(#[from] ChainError),
}

/// What is known of a request beside its operation.
#[derive(Clone, Debug, Default)]
pub(crate) struct RequestDetails {
    /// The body of the request.
    pub body: Option<String>,
    /// Facts about the client, for example `peer.uid`.
    pub client: Vec<(String, String)>,
}

/// Tells as text what each policy of the configuration decides on a request, and what the gateway would do.
///
/// # Errors
/// [`ExplainError`].
pub(crate) async fn explain(
    config: &Config,
    operation: &Operation,
    details: &RequestDetails,
) -> Result<(String, FinalDecision), ExplainError> {
    let mut text = explain_operation(operation);
    let flags_say = policy::decide(config.flags, operation);
    if pdp::is_closed(&flags_say) {
        text.push_str("policies   are not asked: nothing opens this family\n");
        return Ok((text + &explain_flags(config.flags, operation), FinalDecision::Denied));
    }
    let policies = load(config).await?;
    let gate = Gate { flags: config.flags, body_limit: config.policies.body_limit };
    let admitted = match gate.admit(sent(operation, details), readers(operation, &policies)) {
        Ok(admitted) => admitted,
        Err(refusal) => {
            let _ = writeln!(text, "verdict    refused: {}", gate::in_words(&refusal));
            return Ok((text, FinalDecision::Denied));
        }
    };
    text.push_str(&about_body(&admitted));
    let ended = ask(config, &policies, admitted, details, &mut text).await;
    let Some((verdict, decision)) = ended else {
        let decision = match flags_say {
            Decision::Allow => FinalDecision::Allowed,
            Decision::Deny(_) => FinalDecision::Denied,
        };
        return Ok((text + &explain_flags(config.flags, operation), decision));
    };
    let _ = match &flags_say {
        Decision::Allow => writeln!(text, "flags      would allow it"),
        Decision::Deny(denial) => writeln!(text, "flags      would deny it: {denial}"),
    };
    let _ = writeln!(text, "verdict    {verdict}");
    Ok((text, decision))
}

/// Asks the policies in their order, and writes to `text` what each decides. Returns the final decision and its text, if a
/// policy makes it.
async fn ask(
    config: &Config,
    policies: &[(&PolicyConfig, Candidate)],
    admitted: Admitted,
    details: &RequestDetails,
    text: &mut String,
) -> Option<(String, FinalDecision)> {
    let Admitted { operation, headers, body, .. } = admitted;
    let attributes = details.client.clone();
    let asked = Asked { operation, flags: config.flags, headers, body, attributes };
    let engine: Arc<dyn Inspector> =
        Arc::new(EngineInspector::new(Arc::new(Upstream::new(config.docker_socket.clone()))));
    let mut ended = None;
    for (policy, candidate) in policies {
        let (name, mode) = (candidate.name(), policy.mode);
        let _ = write!(text, "policy     {name} {} ({}): ", candidate.version(), mode.as_str());
        if ended.is_some() {
            text.push_str("not asked any more\n");
            continue;
        }
        let (verdict, log) = capture_log(candidate.decide(asked.clone(), Arc::clone(&engine))).await;
        let _ = writeln!(text, "{}", in_words(&verdict));
        for LogLine { level, text: line } in log {
            let _ = writeln!(text, "  log      {level}: {line}");
        }
        ended = final_decision(name, Weight::of(mode, verdict));
    }
    ended
}

async fn load(config: &Config) -> Result<Vec<(&PolicyConfig, Candidate)>, ExplainError> {
    let workbench = Workbench::new(config.policies.limits, config.policies.cache.as_deref())?;
    let mut policies = Vec::new();
    for policy in &config.policies.chain {
        policies.push((policy, workbench.load_configured(policy).await?));
    }
    Ok(policies)
}

/// Which of the policies read the body of a request.
fn readers(operation: &Operation, policies: &[(&PolicyConfig, Candidate)]) -> Readers {
    let reading = || policies.iter().filter(|(_, candidate)| candidate.reads_body_of(operation));
    match (reading().next(), reading().any(|(policy, _)| policy.mode != Mode::Observe)) {
        (None, _) => Readers::Nobody,
        (Some(_), false) => Readers::Observing,
        (Some(_), true) => Readers::Deciding,
    }
}

/// A line about the body, if there is something to know.
fn about_body(admitted: &Admitted) -> String {
    match (&admitted.body, &admitted.unshown) {
        (Body::Empty, _) => "body       none; policies would read one (--body FILE)\n".to_owned(),
        (_, Some(bad)) => format!("body       would be refused, but who reads it only observes: {bad}\n"),
        (Body::Complete(_) | Body::Unread, None) => String::new(),
    }
}

fn sent(operation: &Operation, details: &RequestDetails) -> Sent {
    let mut headers = HeaderMap::new();
    if details.body.is_some() {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    let body = details.body.clone().map(Bytes::from).unwrap_or_default();
    Sent { operation: operation.clone(), headers, body }
}

fn in_words(verdict: &Result<Verdict, Fault>) -> String {
    match verdict {
        Ok(Verdict::Allow) => "allow".to_owned(),
        Ok(Verdict::Defer) => "defer".to_owned(),
        Ok(Verdict::Deny(denial)) => format!("deny {}: {}", denial.status, escaped(&denial.message)),
        Err(fault) => format!("failed: {}", escaped(&report(fault))),
    }
}

/// The final decision, if this policy makes it.
fn final_decision(name: &str, weight: Weight) -> Option<(String, FinalDecision)> {
    match weight {
        Weight::Nothing => None,
        Weight::Allows => Some((format!("allowed (policy {name})"), FinalDecision::Allowed)),
        Weight::Denies(denial) => {
            Some((format!("denied: {} (policy {name})", escaped(&denial.message)), FinalDecision::Denied))
        }
        Weight::Fails(_) => Some((format!("denied: the policy {name} failed"), FinalDecision::Denied)),
    }
}
