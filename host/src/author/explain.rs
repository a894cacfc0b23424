//! `sockgate explain` where policies are loaded: each is asked as the gateway would ask it, with the real engine behind its
//! look-ups, and what it says is put in the order in which it counts.

use std::fmt::Write as _;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header};
use policy::{Decision, Operation};

use super::gate::{self, Admitted, Gate, Readers, Sent};
use super::overheard::{Line, overhear, printable};
use crate::config::{Config, Mode, PolicyConfig};
use crate::pdp::workbench::{Asked, Body, Candidate, Workbench};
use crate::pdp::{self, ChainError, Fault, Inspector, SandboxError, Verdict, Weight};
use crate::report;
use crate::upstream::{EngineInspector, Upstream};

/// What would become of a request.
pub(crate) enum Outcome {
    /// It would be forwarded.
    Allowed,
    /// It would not.
    Denied,
}

/// Why that cannot be said.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unexplained {
    /// There is nothing to run policies in.
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
    /// The gateway would not start either.
    #[error(transparent)]
    Chain(#[from] ChainError),
}

/// A request and its client, beyond the operation.
#[derive(Clone, Debug, Default)]
pub(crate) struct Circumstances {
    /// Of the request.
    pub body: Option<String>,
    /// About the client, such as `peer.uid`.
    pub client: Vec<(String, String)>,
}

/// What every policy of the configuration says of an operation, and what comes of it.
///
/// # Errors
/// [`Unexplained`].
pub(crate) async fn explain(
    config: &Config,
    operation: &Operation,
    circumstances: &Circumstances,
) -> Result<(String, Outcome), Unexplained> {
    let mut text = report::explain_operation(operation);
    let flags_say = policy::decide(config.flags, operation);
    if pdp::is_closed(&flags_say) {
        text.push_str("policies   are not asked: nothing opens this family\n");
        return Ok((text + &report::explain_flags(config.flags, operation), Outcome::Denied));
    }
    let policies = load(config).await?;
    let gate = Gate { flags: config.flags, body_limit: config.policies.body_limit };
    let admitted = match gate.admit(sent(operation, circumstances), readers(operation, &policies)) {
        Ok(admitted) => admitted,
        Err(refusal) => {
            let _ = writeln!(text, "verdict    refused: {}", gate::in_words(&refusal));
            return Ok((text, Outcome::Denied));
        }
    };
    text.push_str(&about_body(&admitted));
    let ended = ask(config, &policies, admitted, circumstances, &mut text).await;
    let Some((verdict, outcome)) = ended else {
        let outcome = match flags_say {
            Decision::Allow => Outcome::Allowed,
            Decision::Deny(_) => Outcome::Denied,
        };
        return Ok((text + &report::explain_flags(config.flags, operation), outcome));
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
    config: &Config,
    policies: &[(&PolicyConfig, Candidate)],
    admitted: Admitted,
    circumstances: &Circumstances,
    text: &mut String,
) -> Option<(String, Outcome)> {
    let Admitted { operation, headers, body, .. } = admitted;
    let attributes = circumstances.client.clone();
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
        let (verdict, log) = overhear(candidate.decide(asked.clone(), Arc::clone(&engine))).await;
        let _ = writeln!(text, "{}", in_words(&verdict));
        for Line { level, text: line } in log {
            let _ = writeln!(text, "  log      {level}: {line}");
        }
        ended = end(name, Weight::of(mode, verdict));
    }
    ended
}

async fn load(config: &Config) -> Result<Vec<(&PolicyConfig, Candidate)>, Unexplained> {
    let workbench = Workbench::new(config.policies.limits, config.policies.cache.as_deref())?;
    let mut policies = Vec::new();
    for policy in &config.policies.chain {
        policies.push((policy, workbench.load_configured(policy).await?));
    }
    Ok(policies)
}

/// Who of these reads the body.
fn readers(operation: &Operation, policies: &[(&PolicyConfig, Candidate)]) -> Readers {
    let reading = || policies.iter().filter(|(_, candidate)| candidate.reads_body_of(operation));
    match (reading().next(), reading().any(|(policy, _)| policy.mode != Mode::Observe)) {
        (None, _) => Readers::Nobody,
        (Some(_), false) => Readers::Observing,
        (Some(_), true) => Readers::Deciding,
    }
}

/// A line, if there is something to know.
fn about_body(admitted: &Admitted) -> String {
    match (&admitted.body, &admitted.unshown) {
        (Body::Empty, _) => "body       none; policies would read one (--body FILE)\n".to_owned(),
        (_, Some(bad)) => format!("body       would be refused, but who reads it only observes: {bad}\n"),
        (Body::Complete(_) | Body::Unread, None) => String::new(),
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
