//! `sockgate explain` with policies: asks each policy as the gateway would, lets it look up objects in the real engine, and
//! tells which of their decisions counts.

use std::fmt::Write as _;
use std::sync::Arc;

use bytes::Bytes;
use engine_api::report;
use engine_api::untrusted::escaped;
use engine_api::{Decision, Operation, Rights};
use http::{HeaderMap, HeaderValue, header};
use pdp::admit::{Admission, Admitted, Readers, Sent, UNASKED, can_allow};
use pdp::workbench::{Asked, Candidate, Workbench};
use pdp::{ChainError, Compiler, Fault, Inspector, SandboxError, Verdict, Weight};
use pdp::{InspectedBody, Policies, PolicyConfig};

use super::capture_log::{LogLine, capture_log};
use crate::request::refused_in_words;
use settings::{explain_operation, explain_settings, settings_say};

mod settings;

/// What the gateway would do with a request.
pub enum FinalDecision {
    /// The gateway would forward it.
    Allowed,
    /// The gateway would refuse it.
    Denied,
}

/// Why a request cannot be explained.
#[derive(Debug, thiserror::Error)]
pub enum ExplainError {
    /// Policies cannot be run on this machine.
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
    /// A policy does not load, so the gateway would not start.
    #[error(transparent)]
    Chain(#[from] ChainError),
}

/// What is known of a request beside its operation.
#[derive(Clone, Debug, Default)]
pub struct RequestDetails {
    /// The body of the request.
    pub body: Option<String>,
    /// Facts about the client, for example `peer.uid`.
    pub client: Vec<(String, String)>,
}

/// Tells as text what the operator's settings decide on a request, where they alone judge.
#[must_use]
pub fn explain_by_settings(rights: Rights, operation: &Operation) -> (String, FinalDecision) {
    let decision = match engine_api::decide(rights, operation) {
        Decision::Allow => FinalDecision::Allowed,
        Decision::Deny(_) => FinalDecision::Denied,
    };
    (explain_operation(operation) + &explain_settings(rights, operation), decision)
}

/// Tells as text what each policy of the configuration decides on a request, and what the gateway would do.
///
/// # Errors
/// [`ExplainError`].
pub async fn explain(
    rights: Rights,
    policies: &Policies,
    compiler: &Compiler,
    engine: Arc<dyn Inspector>,
    operation: &Operation,
    details: &RequestDetails,
) -> Result<(String, FinalDecision), ExplainError> {
    let mut text = explain_operation(operation);
    let decision = engine_api::decide(rights, operation);
    if decision.final_denial().is_some() {
        text.push_str("policies   are not asked: nothing that they say lifts this denial\n");
        return Ok((text + &explain_settings(rights, operation), FinalDecision::Denied));
    }
    let loaded = load(policies, compiler).await?;
    let readers = readers(operation, &loaded);
    if details.body.as_deref().is_some_and(|body| !body.is_empty())
        && readers.shape(operation).is_some()
        && matches!(decision, Decision::Deny(_))
        && !can_allow(policies.chain.iter().map(|policy| policy.mode))
    {
        let _ = writeln!(text, "policies   are not asked: {UNASKED}");
        return Ok((text + &explain_settings(rights, operation), FinalDecision::Denied));
    }
    let admission = Admission { rights, body_limit: policies.body_limit };
    let admitted = match admission.admit(sent(operation, details), readers) {
        Ok(admitted) => admitted,
        Err(refusal) => {
            let _ = writeln!(text, "verdict    refused: {}", refused_in_words(&refusal));
            return Ok((text, FinalDecision::Denied));
        }
    };
    text.push_str(&about_body(&admitted));
    let ended = ask(rights, &engine, &loaded, admitted, details, &mut text).await;
    let Some((verdict, ending)) = ended else {
        let decision = match decision {
            Decision::Allow => FinalDecision::Allowed,
            Decision::Deny(_) => FinalDecision::Denied,
        };
        return Ok((text + &explain_settings(rights, operation), decision));
    };
    text.push_str(&settings_say(rights, operation, &decision));
    let _ = writeln!(text, "verdict    {verdict}");
    Ok((text, ending))
}

/// Asks the policies in their order, and writes to `text` what each decides. Returns the final decision and its text, if a
/// policy makes it.
async fn ask(
    rights: Rights,
    engine: &Arc<dyn Inspector>,
    policies: &[(&PolicyConfig, Candidate)],
    admitted: Admitted,
    details: &RequestDetails,
    text: &mut String,
) -> Option<(String, FinalDecision)> {
    let Admitted { operation, headers, body, .. } = admitted;
    let attributes = details.client.clone();
    let asked = Asked { operation, rights, headers, body, attributes };
    let mut ended = None;
    for (policy, candidate) in policies {
        let (name, mode) = (candidate.name(), policy.mode);
        let _ = write!(text, "policy     {name} {} ({}): ", candidate.version(), mode.as_str());
        if ended.is_some() {
            text.push_str("not asked any more\n");
            continue;
        }
        let (verdict, log) = capture_log(candidate.decide(asked.clone(), Arc::clone(engine))).await;
        let _ = writeln!(text, "{}", in_words(&verdict));
        for LogLine { level, text: line } in log {
            let _ = writeln!(text, "  log      {level}: {line}");
        }
        ended = final_decision(name, Weight::of(mode, verdict));
    }
    ended
}

async fn load<'p>(
    policies: &'p Policies,
    compiler: &Compiler,
) -> Result<Vec<(&'p PolicyConfig, Candidate)>, ExplainError> {
    let workbench = Workbench::new(policies.limits, compiler, policies.cache.as_deref())?;
    let mut loaded = Vec::new();
    for policy in &policies.chain {
        loaded.push((policy, workbench.load_configured(policy).await?));
    }
    Ok(loaded)
}

/// Which of the policies inspect the body of a request.
fn readers(operation: &Operation, policies: &[(&PolicyConfig, Candidate)]) -> Readers {
    let reading = policies.iter().filter(|(_, candidate)| candidate.reads_body_of(operation));
    Readers::of(reading.map(|(policy, _)| policy.mode))
}

/// A line about the body, if there is something to know.
fn about_body(admitted: &Admitted) -> String {
    match (&admitted.body, &admitted.unshown) {
        (InspectedBody::Empty, _) => "body       none; policies would read one (--body FILE)\n".to_owned(),
        (_, Some(bad)) => format!("body       would be refused, but who reads it only observes: {bad}\n"),
        (InspectedBody::Complete(_) | InspectedBody::Unread, None) => String::new(),
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
