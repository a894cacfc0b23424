//! `sockgate policy …`: the command line of the policy author's tools.
//!
//! What a policy may take (`POLICY_TIMEOUT`, `POLICY_MEMORY`) and where compiled code is kept (`POLICY_CACHE`) comes from
//! the environment, as for the gateway; its settings come from the command line.

use std::io::{stderr, stdout};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Subcommand;
use policy::Operation;

use super::{EX_USAGE, fact, say};
pub use crate::author::Language;
use crate::author::{self, BenchError, BenchPlan, CaseFile, FinalDecision, NewError, RequestDetails};
use crate::config::{Config, Policies};
use crate::foreign::report;
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
    /// Say what a policy costs: time, CPU, memory; flags are those of the environment
    Bench {
        /// The component
        file: PathBuf,
        /// What its configure gets: a text, or @FILE
        #[arg(long, default_value = "", hide_default_value = true)]
        settings: String,
        /// What it is asked about
        #[arg(long, default_value = "GET /containers/json")]
        request: String,
        /// The request's body
        #[arg(long, value_name = "FILE")]
        body: Option<PathBuf>,
        /// A fact about the client: listener=unix:///run/team-a.sock, peer.uid=1000
        #[arg(long, value_name = "NAME=VALUE", value_parser = fact)]
        client: Vec<(String, String)>,
        /// For so many seconds
        #[arg(long, default_value = "2", value_parser = clap::value_parser!(u64).range(1..=600))]
        seconds: u64,
    },
    /// Begin a policy: a folder with a project that builds and passes its test
    New {
        /// What it is written in
        #[arg(long)]
        lang: Language,
        /// The folder to be made; the policy gets its name
        folder: PathBuf,
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
pub(super) fn run(command: &PolicyCommand, config: &Config) -> ExitCode {
    let policies = &config.policies;
    finish(async {
        match command {
            PolicyCommand::Check { file, settings } => check(policies, file, settings).await,
            PolicyCommand::Test { file, cases, settings, junit } => {
                test(policies, file, cases, settings, junit.as_deref()).await
            }
            PolicyCommand::Bench { file, settings, request, body, client, seconds } => {
                let plan = BenchPlan {
                    file: file.clone(),
                    settings: read_settings(settings)?,
                    request: request.clone(),
                    body: body.as_deref().map(read_body).transpose()?,
                    flags: config.flags,
                    body_limit: policies.body_limit,
                    client: client.clone(),
                    time: Duration::from_secs(*seconds),
                };
                bench(policies, &plan).await
            }
            PolicyCommand::New { lang, folder } => match author::new(*lang, folder) {
                Ok(text) => Ok((text, 0)),
                Err(error @ NewError::Write { .. }) => Err(Failure::Failed(report(&error))),
                Err(error @ (NewError::Taken(_) | NewError::Name(_))) => Err(Failure::Usage(report(&error))),
            },
        }
    })
}

/// `explain`, where policies are loaded.
pub(super) fn explain(
    config: &Config,
    operation: &Operation,
    body: Option<&Path>,
    client: &[(String, String)],
) -> ExitCode {
    finish(async {
        let details = RequestDetails { body: body.map(read_body).transpose()?, client: client.to_vec() };
        let explained = author::explain(config, operation, &details).await;
        let (text, decision) = explained.map_err(|error| Failure::Failed(report(&error)))?;
        Ok(match decision {
            FinalDecision::Allowed => (text, 0),
            FinalDecision::Denied => (text, 1),
        })
    })
}

/// Does the work, prints what came of it, and gives the exit code.
fn finish(work: impl Future<Output = Result<(String, u8), Failure>>) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let done = runtime.map_err(|error| Failure::Failed(format!("cannot start the async runtime: {error}")));
    match done.and_then(|runtime| runtime.block_on(work)) {
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
    let cases = CaseFile::read(cases).map_err(|error| Failure::Usage(report(&error)))?;
    let workbench = Workbench::new(policies.limits, policies.cache.as_deref())?;
    let results = author::run(&workbench, file, &settings, &cases, policies.body_limit).await;
    let results = results
        .map_err(|error| format!("the policy {} cannot be tested: {}", file.display(), report(&error)));
    if let Some(path) = junit {
        // Also of a policy that does not load: a CI that only reads this file would see nothing amiss.
        let xml = match &results {
            Ok(results) => author::junit(results),
            Err(problem) => author::junit_error(&cases.path, problem),
        };
        std::fs::write(path, xml)
            .map_err(|error| Failure::Failed(format!("{} cannot be written: {error}", path.display())))?;
    }
    let results = results.map_err(Failure::Failed)?;
    Ok((results.to_string(), u8::from(results.failed() > 0)))
}

async fn bench(policies: &Policies, plan: &BenchPlan) -> Result<(String, u8), Failure> {
    let workbench = Workbench::new(policies.limits, policies.cache.as_deref())?;
    let text = author::bench(&workbench, plan).await.map_err(|error| match error {
        BenchError::Request { .. } => Failure::Usage(report(&error)),
        BenchError::Load { .. } | BenchError::Fault(_) => Failure::Failed(report(&error)),
    })?;
    Ok((text, 0))
}

fn read_body(file: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(file)
        .map_err(|error| Failure::Usage(format!("the body {} cannot be read: {error}", file.display())))
}

/// As `POLICY_SETTINGS` is read.
fn read_settings(settings: &str) -> Result<String, Failure> {
    let Some(file) = settings.strip_prefix('@') else { return Ok(settings.to_owned()) };
    std::fs::read_to_string(file)
        .map_err(|error| Failure::Usage(format!("the settings file {file} cannot be read: {error}")))
}

impl From<SandboxError> for Failure {
    fn from(error: SandboxError) -> Self {
        Self::Failed(report(&error))
    }
}
