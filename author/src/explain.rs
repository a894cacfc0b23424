//! `sockgate explain` where policies are loaded: each is asked as the gateway would ask it, with the real engine behind its
//! look-ups, and what it says is put in the order in which it counts.

use std::fmt::Write as _;
use std::sync::Arc;

use bytes::Bytes;
use engine_api::{Decision, Flags, Operation};
use http::{HeaderMap, HeaderValue, header};

use super::overheard::{Line, overhear, printable};
use pdp::admit::{Admission, Admitted, Readers, Sent};
use pdp::workbench::{Asked, Candidate, Workbench};
use pdp::{ChainError, Fault, InspectedBody, Inspector, SandboxError, Verdict, Weight};
use pdp::{Policies, PolicyConfig};

use crate::request::refused_in_words;
use flags::{explain_flags, explain_operation};

mod flags;

/// What would become of a request.
pub enum Outcome {
    /// It would be forwarded.
    Allowed,
    /// It would not.
    Denied,
}

/// Why that cannot be said.
#[derive(Debug, thiserror::Error)]
pub enum Unexplained {
    /// There is nothing to run policies in.
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
    /// The gateway would not start either.
    #[error(transparent)]
    Chain(#[from] ChainError),
}

/// A request and its client, beyond the operation.
#[derive(Clone, Debug, Default)]
pub struct Circumstances {
    /// Of the request.
    pub body: Option<String>,
    /// About the client, such as `peer.uid`.
    pub client: Vec<(String, String)>,
}

/// What the env flags say of an operation, where they alone judge.
#[must_use]
pub fn explain_by_flags(flags: Flags, operation: &Operation) -> (String, Outcome) {
    let outcome = match engine_api::decide(flags, operation) {
        Decision::Allow => Outcome::Allowed,
        Decision::Deny(_) => Outcome::Denied,
    };
    (explain_operation(operation) + &explain_flags(flags, operation), outcome)
}

/// What every policy of the configuration says of an operation, and what comes of it.
///
/// # Errors
/// [`Unexplained`].
pub async fn explain(
    flags: Flags,
    policies: &Policies,
    engine: Arc<dyn Inspector>,
    operation: &Operation,
    circumstances: &Circumstances,
) -> Result<(String, Outcome), Unexplained> {
    let mut text = explain_operation(operation);
    let flags_say = engine_api::decide(flags, operation);
    if flags_say.is_closed() {
        text.push_str("policies   are not asked: nothing opens this family\n");
        return Ok((text + &explain_flags(flags, operation), Outcome::Denied));
    }
    let loaded = load(policies).await?;
    let admission = Admission { flags, body_limit: policies.body_limit };
    let admitted = match admission.admit(sent(operation, circumstances), readers(operation, &loaded)) {
        Ok(admitted) => admitted,
        Err(refusal) => {
            let _ = writeln!(text, "verdict    refused: {}", refused_in_words(&refusal));
            return Ok((text, Outcome::Denied));
        }
    };
    text.push_str(&about_body(&admitted));
    let ended = ask(flags, &engine, &loaded, admitted, circumstances, &mut text).await;
    let Some((verdict, outcome)) = ended else {
        let outcome = match flags_say {
            Decision::Allow => Outcome::Allowed,
            Decision::Deny(_) => Outcome::Denied,
        };
        return Ok((text + &explain_flags(flags, operation), outcome));
    };
    let _ = match &flags_say {
        Decision::Allow => writeln!(text, "flags      would allow it"),
        Decision::Deny(denial) => writeln!(text, "flags      would deny it: {denial}"),
    };
    let _ = writeln!(text, "verdict    {verdict}");
    Ok((text, outcome))
}

/// Asks the policies in their order, tells in `text` what each says, and gives the last word if one had it.
async fn ask(
    flags: Flags,
    engine: &Arc<dyn Inspector>,
    policies: &[(&PolicyConfig, Candidate)],
    admitted: Admitted,
    circumstances: &Circumstances,
    text: &mut String,
) -> Option<(String, Outcome)> {
    let Admitted { operation, headers, body, .. } = admitted;
    let attributes = circumstances.client.clone();
    let asked = Asked { operation, flags, headers, body, attributes };
    let mut ended = None;
    for (policy, candidate) in policies {
        let (name, mode) = (candidate.name(), policy.mode);
        let _ = write!(text, "policy     {name} {} ({}): ", candidate.version(), mode.as_str());
        if ended.is_some() {
            text.push_str("not asked any more\n");
            continue;
        }
        let (verdict, log) = overhear(candidate.decide(asked.clone(), Arc::clone(engine))).await;
        let _ = writeln!(text, "{}", in_words(&verdict));
        for Line { level, text: line } in log {
            let _ = writeln!(text, "  log      {level}: {line}");
        }
        ended = end(name, Weight::of(mode, verdict));
    }
    ended
}

async fn load(policies: &Policies) -> Result<Vec<(&PolicyConfig, Candidate)>, Unexplained> {
    let workbench = Workbench::new(policies.limits, policies.cache.as_deref())?;
    let mut loaded = Vec::new();
    for policy in &policies.chain {
        loaded.push((policy, workbench.load_configured(policy).await?));
    }
    Ok(loaded)
}

/// Who of these inspects the body.
fn readers(operation: &Operation, policies: &[(&PolicyConfig, Candidate)]) -> Readers {
    let reading = policies.iter().filter(|(_, candidate)| candidate.reads_body_of(operation));
    Readers::of(reading.map(|(policy, _)| policy.mode))
}

/// A line, if there is something to know.
fn about_body(admitted: &Admitted) -> String {
    match (&admitted.body, &admitted.unshown) {
        (InspectedBody::Empty, _) => "body       none; policies would read one (--body FILE)\n".to_owned(),
        (_, Some(bad)) => format!("body       would be refused, but who reads it only observes: {bad}\n"),
        (InspectedBody::Complete(_) | InspectedBody::Unread, None) => String::new(),
    }
}

fn sent(operation: &Operation, circumstances: &Circumstances) -> Sent {
    let mut headers = HeaderMap::new();
    if circumstances.body.is_some() {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    let body = circumstances.body.clone().map(Bytes::from).unwrap_or_default();
    Sent { operation: operation.clone(), headers, body }
}

fn in_words(verdict: &Result<Verdict, Fault>) -> String {
    match verdict {
        Ok(Verdict::Allow) => "allow".to_owned(),
        Ok(Verdict::Defer) => "defer".to_owned(),
        Ok(Verdict::Deny(denial)) => format!("deny {}: {}", denial.status, printable(&denial.message)),
        Err(fault) => format!("failed: {}", printable(&fault.to_string())),
    }
}

/// The last word, if this was it.
fn end(name: &str, weight: Weight) -> Option<(String, Outcome)> {
    match weight {
        Weight::Nothing => None,
        Weight::Allows => Some((format!("allowed (policy {name})"), Outcome::Allowed)),
        Weight::Denies(denial) => {
            Some((format!("denied: {} (policy {name})", printable(&denial.message)), Outcome::Denied))
        }
        Weight::Fails(_) => Some((format!("denied: the policy {name} failed"), Outcome::Denied)),
    }
}
