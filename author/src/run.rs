//! `sockgate policy test`: runs the cases, compares what they come to with what they expect, and tells what differs.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt::{self, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use engine_api::untrusted::escaped;
use pdp::admit::{Admission, Admitted, Refused, Sent};
use pdp::workbench::{Asked, Candidate, Draft, Workbench};
use pdp::{LoadError, Verdict};

use super::capture_log::{LogLine, capture_log};
use super::cases::{Case, CaseFile};
use super::expected::{Actual, ExpectedOperation};
use super::fixtures::UnlistedLookup;
use crate::request::{readers_of, requested};

/// The results of all cases of a file.
pub struct RunResults {
    /// The name, version and digest of the policy, unless it refused the settings of every case.
    pub policy: Option<String>,
    /// The path of the file of cases.
    pub file: String,
    /// The results, in the order of the cases.
    pub cases: Vec<CaseResult>,
}

/// The result of one case.
pub struct CaseResult {
    /// The name of the case, fit for a terminal.
    pub name: String,
    /// The line on which the case begins.
    pub line: u64,
    /// How the case failed, if it did.
    pub mismatch: Option<Mismatch>,
    /// What the policy logged.
    pub log: Vec<LogLine>,
    /// The look-ups that no fixture answers.
    pub unlisted: Vec<UnlistedLookup>,
    /// How long the decision took.
    pub took: Duration,
}

/// A case that did not come to what it expects. `Display` writes three lines.
pub struct Mismatch {
    request: String,
    expected: String,
    /// What the case came to.
    pub actual: String,
}

/// Runs the cases of `file` with the policy in the file `policy`. Cases without settings of their own get `settings`.
/// `body_limit` is `POLICY_BODY_LIMIT`.
///
/// # Errors
/// [`LoadError`], if the gateway would not load the policy, whatever its settings.
pub async fn run(
    workbench: &Workbench,
    policy: &Path,
    settings: &str,
    file: &CaseFile,
    body_limit: usize,
) -> Result<RunResults, LoadError> {
    let draft = workbench.compile(policy).await?;
    let mut configured = Configured { draft, by_settings: HashMap::new() };
    let mut results = RunResults { policy: None, file: file.path.display().to_string(), cases: Vec::new() };
    for case in &file.cases {
        let candidate = configured.with(case.settings.as_deref().unwrap_or(settings)).await?;
        if let Ok(candidate) = &candidate {
            results.policy.get_or_insert_with(|| {
                let digest = candidate.digest().short();
                format!("{} {} sha256:{digest}", candidate.name(), candidate.version())
            });
        }
        results.cases.push(run_case(case, candidate, body_limit).await);
    }
    Ok(results)
}

/// A policy that is compiled once, and configured once with each of the settings that cases have.
struct Configured<'w> {
    draft: Draft<'w>,
    by_settings: HashMap<String, Result<Candidate, String>>,
}

impl Configured<'_> {
    /// The policy with these settings, or its complaint about them.
    ///
    /// # Errors
    /// [`LoadError`], if it is not the settings that the policy refuses.
    async fn with(&mut self, settings: &str) -> Result<Result<&Candidate, &str>, LoadError> {
        let found = match self.by_settings.entry(settings.to_owned()) {
            Entry::Occupied(configured) => configured.into_mut(),
            Entry::Vacant(unknown) => unknown.insert(match self.draft.configured(settings).await {
                Ok(candidate) => Ok(candidate),
                Err(LoadError::Settings(complaint)) => Err(complaint),
                Err(error) => return Err(error),
            }),
        };
        Ok(found.as_ref().map_err(String::as_str))
    }
}

async fn run_case(case: &Case, candidate: Result<&Candidate, &str>, body_limit: usize) -> CaseResult {
    let started = Instant::now();
    let (actual, log) = match candidate {
        Err(complaint) => (Actual::InvalidSettings(complaint.to_owned()), Vec::new()),
        Ok(candidate) => capture_log(ask(case, candidate, body_limit)).await,
    };
    let took = started.elapsed();
    // Of a request that is refused, the refusal is what the case is about, unless it says more.
    let is_about_refusal =
        matches!(actual, Actual::Refused { .. }) && case.operation == ExpectedOperation::Listed;
    let contradiction = (!is_about_refusal).then(|| case.operation.contradicted_by(&case.request)).flatten();
    let actual = contradiction.unwrap_or(actual);
    CaseResult {
        name: escaped(&case.name),
        line: case.line,
        mismatch: (!case.expected.is_met_by(&actual)).then(|| Mismatch {
            request: escaped(&case.request),
            expected: escaped(&case.expected.to_string()),
            actual: escaped(&actual.to_string()),
        }),
        log,
        unlisted: case.engine.unlisted(),
        took,
    }
}

async fn ask(case: &Case, candidate: &Candidate, body_limit: usize) -> Actual {
    let Admitted { operation, headers, body, .. } = match admitted(case, candidate, body_limit) {
        Ok(admitted) => admitted,
        Err(refusal) => {
            let (status, message) = (refusal.status(), refusal.to_string());
            return Actual::Refused { status, message };
        }
    };
    let asked =
        Asked { operation, rights: case.flags.into(), headers, body, attributes: case.attributes.clone() };
    let engine = Arc::clone(&case.engine);
    match candidate.decide(asked, engine).await {
        Ok(Verdict::Allow) => Actual::Allow,
        Ok(Verdict::Defer) => Actual::Defer,
        Ok(Verdict::Deny(denial)) => Actual::Deny(denial),
        Err(fault) => Actual::Fault(fault.to_string()),
    }
}

fn admitted(case: &Case, candidate: &Candidate, body_limit: usize) -> Result<Admitted, Refused> {
    let operation = requested(&case.request)?;
    let readers = readers_of(candidate, &operation);
    let (headers, body) = (case.headers.clone(), case.body.clone().unwrap_or_default());
    Admission { rights: case.flags.into(), body_limit }.admit(Sent { operation, headers, body }, readers)
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "request   {}", self.request)?;
        writeln!(f, "expected  {}", self.expected)?;
        writeln!(f, "actual    {}", self.actual)
    }
}

impl CaseResult {
    /// What the policy logged, and the look-ups that no fixture answers, each on a line.
    pub fn remarks(&self) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        for LogLine { level, text: line } in &self.log {
            let _ = writeln!(text, "log       {level}: {line}");
        }
        for lookup in &self.unlisted {
            let _ = writeln!(text, "look-up   {lookup}");
        }
        text
    }
}

impl RunResults {
    /// How many cases failed.
    pub fn failed(&self) -> usize {
        self.cases.iter().filter(|case| case.mismatch.is_some()).count()
    }
}

/// Writes a line for each case, more lines for those that failed, and how many there were of each.
impl fmt::Display for RunResults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(policy) = &self.policy {
            writeln!(f, "policy {policy}")?;
        }
        for case in &self.cases {
            let remarks = case.remarks();
            let details = match &case.mismatch {
                None => {
                    writeln!(f, "ok    {}", case.name)?;
                    if case.unlisted.is_empty() { String::new() } else { remarks }
                }
                Some(mismatch) => {
                    writeln!(f, "FAIL  {} ({}:{})", case.name, self.file, case.line)?;
                    format!("{mismatch}{remarks}")
                }
            };
            for line in details.lines() {
                writeln!(f, "      {line}")?;
            }
        }
        let (all, failed) = (self.cases.len(), self.failed());
        match failed {
            0 => writeln!(f, "{all} passed"),
            failed => writeln!(f, "{} passed, {failed} failed", all - failed),
        }
    }
}
