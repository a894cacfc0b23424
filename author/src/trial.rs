//! `sockgate policy test`: runs the cases, compares, and says what differed.

use std::collections::HashMap;
use std::fmt::{self, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::cases::{Case, CaseFile};
use super::expected::Came;
use super::fixtures::Unlisted;
use super::overheard::{Line, overhear, printable};
use pdp::admit::{Admission, Admitted, Refused, Sent};
use pdp::workbench::{Asked, Candidate, Draft, Workbench};
use pdp::{LoadError, Verdict};

use crate::request::{readers_of, requested};

/// What became of all cases.
pub struct Results {
    /// The policy, if its settings let it say.
    pub policy: Option<String>,
    /// The file of the cases.
    pub file: String,
    /// In the order of the cases.
    pub cases: Vec<CaseResult>,
}

/// What became of a case.
pub struct CaseResult {
    /// What the case shows.
    pub name: String,
    /// Where it begins in its file.
    pub line: usize,
    /// What went differently, if something did.
    pub difference: Option<Difference>,
    /// What the policy said to the log.
    pub log: Vec<Line>,
    /// The look-ups that nobody foresaw.
    pub unlisted: Vec<Unlisted>,
    /// How long the policy took.
    pub took: Duration,
}

/// A case that went differently. `Display` is three lines, one below the other.
pub struct Difference {
    request: String,
    expected: String,
    /// What came instead.
    pub came: String,
}

/// Whether all cases passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passed {
    /// Yes.
    All,
    /// No.
    NotAll,
}

/// Runs the cases of `file` against `policy`. `settings` are for the cases that have none, `body_limit` is
/// `POLICY_BODY_LIMIT`.
///
/// # Errors
/// [`LoadError`], if the gateway would not load the policy whatever its settings.
pub async fn run(
    workbench: &Workbench,
    policy: &Path,
    settings: &str,
    file: &CaseFile,
    body_limit: usize,
) -> Result<Results, LoadError> {
    let draft = workbench.compile(policy).await?;
    let mut configured = Configured { draft, by_settings: HashMap::new() };
    let mut results = Results { policy: None, file: file.path.display().to_string(), cases: Vec::new() };
    for case in &file.cases {
        let candidate = configured.with(case.settings.as_deref().unwrap_or(settings)).await?;
        if let Ok(candidate) = &candidate {
            results.policy.get_or_insert_with(|| {
                let digest = candidate.digest().short();
                format!("{} {} sha256:{digest}", candidate.name(), candidate.version())
            });
        }
        results.cases.push(judge(case, candidate, body_limit).await);
    }
    Ok(results)
}

/// One policy, with each of the settings that cases want.
struct Configured<'w> {
    draft: Draft<'w>,
    by_settings: HashMap<String, Result<Candidate, String>>,
}

impl Configured<'_> {
    /// The policy with these settings, or what it says against them.
    ///
    /// # Errors
    /// Every other [`LoadError`].
    async fn with(&mut self, settings: &str) -> Result<Result<&Candidate, &str>, LoadError> {
        if !self.by_settings.contains_key(settings) {
            let candidate = match self.draft.configured(settings).await {
                Ok(candidate) => Ok(candidate),
                Err(LoadError::Settings(complaint)) => Err(complaint),
                Err(error) => return Err(error),
            };
            self.by_settings.insert(settings.to_owned(), candidate);
        }
        let found = self.by_settings.get(settings).map(Result::as_ref);
        let found = found.ok_or_else(|| LoadError::Host("a policy that was there is gone".to_owned()))?;
        Ok(found.map_err(String::as_str))
    }
}

async fn judge(case: &Case, candidate: Result<&Candidate, &str>, body_limit: usize) -> CaseResult {
    let started = Instant::now();
    let (came, log) = match candidate {
        Err(complaint) => (Came::InvalidSettings(complaint.to_owned()), Vec::new()),
        Ok(candidate) => overhear(ask(case, candidate, body_limit)).await,
    };
    let took = started.elapsed();
    CaseResult {
        name: printable(&case.name),
        line: case.line,
        difference: (!case.expected.is_met_by(&came)).then(|| Difference {
            request: printable(&case.request),
            expected: printable(&case.expected.to_string()),
            came: printable(&came.to_string()),
        }),
        log,
        unlisted: case.engine.unlisted(),
        took,
    }
}

async fn ask(case: &Case, candidate: &Candidate, body_limit: usize) -> Came {
    let Admitted { operation, headers, body, .. } = match admitted(case, candidate, body_limit) {
        Ok(admitted) => admitted,
        Err(refusal) => {
            let (status, message) = (refusal.status(), refusal.to_string());
            return Came::Refused { status, message };
        }
    };
    let asked = Asked { operation, flags: case.flags, headers, body, attributes: case.attributes.clone() };
    let engine = Arc::clone(&case.engine);
    match candidate.decide(asked, engine).await {
        Ok(Verdict::Allow) => Came::Allow,
        Ok(Verdict::Defer) => Came::Defer,
        Ok(Verdict::Deny(denial)) => Came::Deny(denial),
        Err(fault) => Came::Fault(fault.to_string()),
    }
}

fn admitted(case: &Case, candidate: &Candidate, body_limit: usize) -> Result<Admitted, Refused> {
    let operation = requested(&case.request)?;
    let readers = readers_of(candidate, &operation);
    let (headers, body) = (case.headers.clone(), case.body.clone().unwrap_or_default());
    Admission { flags: case.flags, body_limit }.admit(Sent { operation, headers, body }, readers)
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "request   {}", self.request)?;
        writeln!(f, "expected  {}", self.expected)?;
        writeln!(f, "came      {}", self.came)
    }
}

impl CaseResult {
    /// All that was noticed, in lines.
    pub fn remarks(&self) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        for Line { level, text: line } in &self.log {
            let _ = writeln!(text, "log       {level}: {line}");
        }
        for lookup in &self.unlisted {
            let _ = writeln!(text, "look-up   {lookup}");
        }
        text
    }
}

impl Results {
    /// How many cases did not pass.
    pub fn failed(&self) -> usize {
        self.cases.iter().filter(|case| case.difference.is_some()).count()
    }

    /// Whether all did.
    pub fn passed(&self) -> Passed {
        if self.failed() == 0 { Passed::All } else { Passed::NotAll }
    }
}

/// A line for each case, more for those that failed, and the sum.
impl fmt::Display for Results {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(policy) = &self.policy {
            writeln!(f, "policy {policy}")?;
        }
        for case in &self.cases {
            let remarks = case.remarks();
            let details = match &case.difference {
                None => {
                    writeln!(f, "ok    {}", case.name)?;
                    if case.unlisted.is_empty() { String::new() } else { remarks }
                }
                Some(difference) => {
                    writeln!(f, "FAIL  {} ({}:{})", case.name, self.file, case.line)?;
                    format!("{difference}{remarks}")
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
