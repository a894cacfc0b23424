//! `sockgate policy …`: the command line of the policy author's tools.
//!
//! What a policy may take (`POLICY_TIMEOUT`, `POLICY_MEMORY`) and where compiled code is kept (`POLICY_CACHE`) comes from
//! the environment, as for the gateway; its settings come from the command line.

use std::io::{stderr, stdout};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Subcommand;

use super::{EX_USAGE, say};
use crate::author::{self, CaseFile, Passed};
use crate::config::Policies;
use crate::pdp::SandboxError;
use crate::pdp::workbench::Workbench;

/// What to do with a policy.
#[derive(Clone, Debug, Subcommand)]
pub enum PolicyCommand {
    /// Say what a policy is, and whether the gateway would load it; exit 0 if so, 1 if not
    Check {
        /// The component
        file: PathBuf,
        /// What its configure gets: a text, or @FILE
        #[arg(long, default_value = "", hide_default_value = true)]
        settings: String,
    },
    /// Ask a policy about requests and compare; exit 0 if all is as expected, 1 if not, 64 if the cases make no sense
    Test {
        /// The component
        file: PathBuf,
        /// Requests and what is expected of them, in YAML
        cases: PathBuf,
        /// What configure gets where the cases do not say: a text, or @FILE
        #[arg(long, default_value = "", hide_default_value = true)]
        settings: String,
        /// Write the results there too, as JUnit XML
        #[arg(long, value_name = "FILE")]
        junit: Option<PathBuf>,
    },
}

/// Why a tool cannot do its work. Each is a sentence for standard error.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("{0}")]
    Usage(String),
    #[error("{0}")]
    Failed(String),
}

/// Runs one of the tools.
pub(super) fn run(command: &PolicyCommand, policies: &Policies) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let done = runtime.map_err(|error| Failure::Failed(format!("there is no runtime to be had: {error}")));
    let done = done.and_then(|runtime| {
        runtime.block_on(async {
            match command {
                PolicyCommand::Check { file, settings } => check(policies, file, settings).await,
                PolicyCommand::Test { file, cases, settings, junit } => {
                    test(policies, file, cases, settings, junit.as_deref()).await
                }
            }
        })
    });
    match done {
        Ok((text, code)) => say(&mut stdout(), &text, code),
        Err(Failure::Usage(problem)) => say(&mut stderr(), &format!("sockgate: {problem}\n"), EX_USAGE),
        Err(Failure::Failed(problem)) => say(&mut stderr(), &format!("sockgate: {problem}\n"), 1),
    }
}

async fn check(policies: &Policies, file: &Path, settings: &str) -> Result<(String, u8), Failure> {
    let settings = read_settings(settings)?;
    // Without the cache: how long it takes to compile is one of the things to be known.
    let workbench = Workbench::new(policies.limits, None)?;
    let (text, result) = author::check(&workbench, policies.limits, file, &settings).await;
    Ok((text, u8::from(result.is_err())))
}

async fn test(
    policies: &Policies,
    file: &Path,
    cases: &Path,
    settings: &str,
    junit: Option<&Path>,
) -> Result<(String, u8), Failure> {
    let settings = read_settings(settings)?;
    let cases = CaseFile::read(cases).map_err(|error| Failure::Usage(error.to_string()))?;
    let workbench = Workbench::new(policies.limits, policies.cache.as_deref())?;
    let results = author::run(&workbench, file, &settings, &cases).await;
    let results = results.map_err(|error| {
        Failure::Failed(format!("the policy {} cannot be tested: {error}", file.display()))
    })?;
    if let Some(path) = junit {
        std::fs::write(path, author::junit(&results))
            .map_err(|error| Failure::Failed(format!("{} cannot be written: {error}", path.display())))?;
    }
    let code = match results.passed() {
        Passed::All => 0,
        Passed::NotAll => 1,
    };
    Ok((results.to_string(), code))
}

/// As `POLICY_SETTINGS` is read.
fn read_settings(settings: &str) -> Result<String, Failure> {
    let Some(file) = settings.strip_prefix('@') else { return Ok(settings.to_owned()) };
    std::fs::read_to_string(file)
        .map_err(|error| Failure::Usage(format!("the settings file {file} cannot be read: {error}")))
}

impl From<SandboxError> for Failure {
    fn from(error: SandboxError) -> Self {
        Self::Failed(error.to_string())
    }
}
