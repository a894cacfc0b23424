//! `sockgate policy check`: tells what a policy is, and whether the gateway would load it.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use engine_api::report;
use engine_api::{Method, Operation, Rights, Target};
use pdp::workbench::{Asked, Candidate, Draft, Workbench};
use pdp::{Fault, InspectedBody, Limits, LoadError, NoEngine};

use crate::capture_log::{LogLine, capture_log};
use crate::units::{mebibytes, size};

/// Describes a policy's file as text. If the gateway would not load it, the text ends with the reason, and the result is the
/// error.
pub async fn check(
    workbench: &Workbench,
    limits: Limits,
    file: &Path,
    settings: &str,
) -> (String, Result<(), LoadError>) {
    let mut text = format!("file      {}\n", file.display());
    let (result, log) = capture_log(describe(&mut text, workbench, limits, file, settings)).await;
    if result.is_err() {
        for LogLine { level, text: line } in log {
            let _ = writeln!(text, "log       {level}: {line}");
        }
    }
    // Writing to a string cannot fail.
    let _ = match &result {
        Ok(()) => writeln!(text, "verdict   the gateway would load it"),
        Err(error) => writeln!(text, "verdict   the gateway would not load it: {}", report(error)),
    };
    (text, result)
}

async fn describe(
    text: &mut String,
    workbench: &Workbench,
    limits: Limits,
    file: &Path,
    settings: &str,
) -> Result<(), LoadError> {
    let draft = workbench.compile(file).await?;
    describe_file(text, &draft);
    let candidate = draft.configured(settings).await?;
    describe_policy(text, &candidate);
    let memory = memory(&candidate).await.map_err(LoadError::Trial)?;
    let _ = writeln!(
        text,
        "memory    {} for a decision on GET /_ping; POLICY_MEMORY allows {}",
        mebibytes(memory as u64),
        mebibytes(limits.memory as u64)
    );
    Ok(())
}

fn describe_file(text: &mut String, draft: &Draft<'_>) {
    let _ = writeln!(text, "size      {}", size(draft.size()));
    let _ = writeln!(text, "sha256    {}", draft.digest());
    if let Some(time) = draft.compile_time() {
        let _ = writeln!(text, "compiled  in {} ms", time.as_millis());
    }
    let imports = draft.imports();
    if imports.is_empty() {
        let _ = writeln!(text, "imports   nothing");
    }
    for (at, import) in imports.iter().enumerate() {
        let label = if at == 0 { "imports" } else { "" };
        let _ = match import {
            Ok(name) => writeln!(text, "{label:<9} provided  {name}"),
            Err(import) => writeln!(text, "{label:<9} REFUSED   {}: {}", import.name, import.hint),
        };
    }
}

fn describe_policy(text: &mut String, candidate: &Candidate) {
    let _ = writeln!(text, "world     policy of sockgate:policy@0.1");
    let _ = writeln!(text, "policy    {} {}", candidate.name(), candidate.version());
    for (name, value) in candidate.attributes() {
        let _ = writeln!(text, "{name:<9} {value}");
    }
    let inspected: Vec<_> = candidate.inspect().iter().map(|endpoint| endpoint.operation_id()).collect();
    let inspected = if inspected.is_empty() { "no body".to_owned() } else { inspected.join(", ") };
    let _ = writeln!(text, "inspects  {inspected}");
}

/// How much memory an instance of the policy has after it has decided on the simplest of requests.
async fn memory(candidate: &Candidate) -> Result<usize, Fault> {
    let Ok(target) = Target::parse("/_ping") else { return Ok(0) };
    let asked = Asked {
        operation: Operation::new(Method::Get, target),
        rights: Rights::default(),
        headers: http::HeaderMap::new(),
        body: InspectedBody::Empty,
        attributes: Vec::new(),
    };
    candidate.dissect(asked, Arc::new(NoEngine)).await.map(|(_, parts)| parts.memory)
}
