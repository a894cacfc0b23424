//! `sockgate explain` where policies are loaded: each is asked as the gateway would ask it, with the real engine behind its
//! look-ups, and what it says is put in the order in which it counts.

use std::fmt::Write as _;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header};
use policy::{Decision, Endpoint, Operation};

use super::overheard::{Line, overhear, printable};
use crate::config::{Config, PolicyConfig};
use crate::pdp::workbench::{Asked, Candidate, Workbench};
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
    let body = circumstances.body.as_deref();
    if let Some(refusal) = refused(config, operation, &policies, body) {
        let _ = writeln!(text, "verdict    refused: {refusal}");
        return Ok((text, Outcome::Denied));
    }
    let reads_body = policies.iter().any(|(_, candidate)| candidate.reads_body_of(operation));
    if reads_body && body.is_none() {
        text.push_str("body       none; policies would read one (--body FILE)\n");
    }
    let engine: Arc<dyn Inspector> =
        Arc::new(EngineInspector::new(Arc::new(Upstream::new(config.docker_socket.clone()))));
    let mut ended = None;
    for (policy, candidate) in &policies {
        let (name, mode) = (candidate.name(), policy.mode);
        let _ = write!(text, "policy     {name} {} ({}): ", candidate.version(), mode.as_str());
        if ended.is_some() {
            text.push_str("not asked any more\n");
            continue;
        }
        let asked = asked(config, operation, circumstances);
        let (verdict, log) = overhear(candidate.decide(asked, Arc::clone(&engine))).await;
        let _ = writeln!(text, "{}", in_words(&verdict));
        for Line { level, text: line } in log {
            let _ = writeln!(text, "  log      {level}: {line}");
        }
        ended = end(name, Weight::of(mode, verdict));
    }
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

async fn load(config: &Config) -> Result<Vec<(&PolicyConfig, Candidate)>, Unexplained> {
    let workbench = Workbench::new(config.policies.limits, config.policies.cache.as_deref())?;
    let mut policies = Vec::new();
    for policy in &config.policies.chain {
        policies.push((policy, workbench.load_configured(policy).await?));
    }
    Ok(policies)
}

/// Why the gateway would refuse the body before it asks a policy.
fn refused(
    config: &Config,
    operation: &Operation,
    policies: &[(&PolicyConfig, Candidate)],
    body: Option<&str>,
) -> Option<String> {
    let body = body.filter(|_| policies.iter().any(|(_, candidate)| candidate.reads_body_of(operation)))?;
    let limit = config.policies.body_limit;
    if body.len() > limit {
        return Some(format!("the body has more than {limit} bytes (POLICY_BODY_LIMIT) (413)"));
    }
    let shape = operation.endpoint().and_then(Endpoint::body)?;
    shape.judge(body.as_bytes()).err().map(|refusal| format!("{refusal} (400)"))
}

fn asked(config: &Config, operation: &Operation, circumstances: &Circumstances) -> Asked {
    let mut headers = HeaderMap::new();
    if circumstances.body.is_some() {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    Asked {
        operation: operation.clone(),
        flags: config.flags,
        headers,
        body: circumstances.body.clone().map(Bytes::from),
        attributes: circumstances.client.clone(),
    }
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
