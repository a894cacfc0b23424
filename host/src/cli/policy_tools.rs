//! `sockgate policy …`: the command line of the policy author's tools.
//!
//! The limits of a policy (`POLICY_TIMEOUT`, `POLICY_MEMORY`) and the folder for compiled code (`POLICY_CACHE`) come
//! from the environment, as for the gateway; the settings of the policy come from the command line.

use std::io::{stderr, stdout};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use author::{BenchError, BenchPlan, CaseFile, FinalDecision, Language, NewError, RequestDetails};
use clap::Subcommand;
use engine_api::{Operation, report};
use pdp::workbench::Workbench;
use pdp::{Compiler, Policies, SandboxError};
use sockgate::Config;

use super::{EX_USAGE, fact, say};

/// The tool to run.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum PolicyCommand {
    /// Say what a policy is, and whether the gateway would load it; exit 0 if so, 1 if not
    Check {
        /// The component
        file: PathBuf,
        /// The settings that it is configured with: a text, or @FILE
        #[arg(long, default_value = "", hide_default_value = true)]
        settings: String,
    },
    /// Ask a policy about requests and compare; exit 0 if all is as expected, 1 if not, 64 if the cases make no sense
    Test {
        /// The component
        file: PathBuf,
        /// Requests and what is expected of them, in YAML
        cases: PathBuf,
        /// The settings for cases that have none of their own: a text, or @FILE
        #[arg(long, default_value = "", hide_default_value = true)]
        settings: String,
        /// Also write the results to this file, as JUnit XML
        #[arg(long, value_name = "FILE")]
        junit: Option<PathBuf>,
    },
    /// Measure what a policy costs: time, CPU, memory; the flags are those of the environment
    Bench {
        /// The component
        file: PathBuf,
        /// The settings that it is configured with: a text, or @FILE
        #[arg(long, default_value = "", hide_default_value = true)]
        settings: String,
        /// The request that it is asked about
        #[arg(long, default_value = "GET /containers/json")]
        request: String,
        /// The request's body
        #[arg(long, value_name = "FILE")]
        body: Option<PathBuf>,
        /// A fact about the client: listener=unix:///run/team-a.sock, peer.uid=1000
        #[arg(long, value_name = "NAME=VALUE", value_parser = fact)]
        client: Vec<(String, String)>,
        /// How many seconds to measure
        #[arg(long, default_value = "2", value_parser = clap::value_parser!(u64).range(1..=600))]
        seconds: u64,
    },
    /// Start a new policy: a folder with a project that builds and passes its test
    New {
        /// The language to write it in
        #[arg(long)]
        lang: Language,
        /// The folder to create; the policy gets its name
        folder: PathBuf,
    },
}

/// Why a tool cannot do its work: a sentence for standard error, and which exit code it has.
enum Failure {
    /// The command line, or a file that it names, is wrong: exit code 64.
    Usage(String),
    /// Something else failed: exit code 1.
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
                    rights: config.rights,
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

/// Runs `explain` where policies are loaded.
pub(super) fn explain(
    config: &Config,
    operation: &Operation,
    body: Option<&Path>,
    client: &[(String, String)],
) -> ExitCode {
    finish(async {
        let details = RequestDetails { body: body.map(read_body).transpose()?, client: client.to_vec() };
        let engine = sockgate::engine_inspector(config.docker_socket.clone());
        let compiler = Compiler::this_program();
        let explained =
            author::explain(config.rights, &config.policies, &compiler, engine, operation, &details).await;
        let (text, decision) = explained.map_err(|error| Failure::Failed(report(&error)))?;
        Ok((text, exit_code(decision)))
    })
}

/// The exit code of `explain`.
pub(super) const fn exit_code(decision: FinalDecision) -> u8 {
    match decision {
        FinalDecision::Allowed => 0,
        FinalDecision::Denied => 1,
    }
}

/// Does the work, prints what came of it, and gives the exit code.
fn finish(work: impl Future<Output = Result<(String, u8), Failure>>) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let done = runtime
        .map_err(|error| Failure::Failed(format!("cannot start the async runtime: {}", report(&error))));
    match done.and_then(|runtime| runtime.block_on(work)) {
        Ok((text, code)) => say(&mut stdout(), &text, code),
        Err(Failure::Usage(problem)) => say(&mut stderr(), &format!("sockgate: {problem}\n"), EX_USAGE),
        Err(Failure::Failed(problem)) => say(&mut stderr(), &format!("sockgate: {problem}\n"), 1),
    }
}

async fn check(policies: &Policies, file: &Path, settings: &str) -> Result<(String, u8), Failure> {
    let settings = read_settings(settings)?;
    // Without the cache: how long the compilation takes is part of what is reported.
    let workbench = Workbench::new(policies.limits, &Compiler::this_program(), None)?;
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
    let workbench = workbench(policies)?;
    let results = author::run(&workbench, file, &settings, &cases, policies.body_limit).await;
    let results = results
        .map_err(|error| format!("the policy {} cannot be tested: {}", file.display(), report(&error)));
    if let Some(path) = junit {
        // Also for a policy that does not load: a CI that only reads this file would see nothing wrong.
        let xml = match &results {
            Ok(results) => author::junit(results),
            Err(problem) => author::junit_error(&cases.path, problem),
        };
        std::fs::write(path, xml).map_err(|error| {
            Failure::Failed(format!("{} cannot be written: {}", path.display(), report(&error)))
        })?;
    }
    let results = results.map_err(Failure::Failed)?;
    Ok((results.to_string(), u8::from(results.failed() > 0)))
}

async fn bench(policies: &Policies, plan: &BenchPlan) -> Result<(String, u8), Failure> {
    let workbench = workbench(policies)?;
    let text = author::bench(&workbench, plan).await.map_err(|error| match error {
        BenchError::Request { .. } => Failure::Usage(report(&error)),
        BenchError::Load { .. } | BenchError::Fault(_) => Failure::Failed(report(&error)),
    })?;
    Ok((text, 0))
}

/// A workbench with the gateway's own cache.
fn workbench(policies: &Policies) -> Result<Workbench, SandboxError> {
    Workbench::new(policies.limits, &Compiler::this_program(), policies.cache.as_deref())
}

fn read_body(file: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(file).map_err(|error| {
        Failure::Usage(format!("the body {} cannot be read: {}", file.display(), report(&error)))
    })
}

/// Reads settings in the form of `POLICY_SETTINGS`: a text, or `@FILE`.
fn read_settings(settings: &str) -> Result<String, Failure> {
    let Some(file) = settings.strip_prefix('@') else { return Ok(settings.to_owned()) };
    std::fs::read_to_string(file).map_err(|error| {
        Failure::Usage(format!("the settings file {file} cannot be read: {}", report(&error)))
    })
}

impl From<SandboxError> for Failure {
    fn from(error: SandboxError) -> Self {
        Self::Failed(report(&error))
    }
}
