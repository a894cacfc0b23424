//! The command line. Settings come from the environment alone; commands only say what to do with them.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use engine_api::{Flag, Operation, report};
use pdp::{Chain, Compiler, PolicyDecisionPoint};
use sockgate::config::SETTINGS;
use sockgate::{Config, ConfigError, Health};

mod policy_tools;
mod preset;
mod warnings;

use policy_tools::PolicyCommand;
pub(crate) use preset::PresetCommand;

/// `EX_USAGE` of sysexits.h: the configuration or the command line is wrong.
pub(crate) const EX_USAGE: u8 = 64;

/// A gateway that guards the Docker socket.
#[derive(Debug, Parser)]
#[command(name = "sockgate", version, about, disable_help_subcommand = true)]
pub(crate) struct Cli {
    /// Without a command: serve
    #[command(subcommand)]
    command: Option<Command>,
}

/// The command to run.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve (the default); exit 0 after SIGTERM or SIGINT, 130 if a second one cuts what is in flight, 64 with all mistakes,
    /// or 1 if something else prevents the start
    Serve,
    /// Read the environment and load the policies as serve would, and print what would be enforced; exit 0, 64 with all
    /// mistakes, or 1 if a policy does not load
    Check,
    /// Say what would become of a request, and which policy or which flags decide it; exit 0 if it is allowed, 1 if not
    Explain {
        /// The method, such as POST
        method: String,
        /// The path, such as /v1.41/containers/web/start
        path: String,
        /// The request's body, for policies that read it
        #[arg(long, value_name = "FILE")]
        body: Option<PathBuf>,
        /// A fact about the client, for policies: listener=unix:///run/team-a.sock, peer.uid=1000
        #[arg(long, value_name = "NAME=VALUE", value_parser = fact)]
        client: Vec<(String, String)>,
    },
    /// For authors of policies: check, test, measure or start one
    #[command(subcommand)]
    Policy(PolicyCommand),
    /// Print the settings with which an application works, with a reason for each; without a name, list the applications;
    /// exit 0, or 64 if there is no such preset
    Preset(PresetCommand),
    /// Ping the engine through the running gateway (for containers); exit 0 if it answers or pings are not let through, 1
    /// without an answer, 3 if the engine is away, 4 if a policy fails, 5 if there is no place for the ping
    Healthcheck,
}

impl Cli {
    /// Reads the command line. `--help`, `--version` and mistakes are answered here.
    ///
    /// # Errors
    /// The exit code with which the process ends at once.
    pub(crate) fn from_args() -> Result<Command, ExitCode> {
        let matches = Self::command().after_help(variables()).try_get_matches();
        let cli = matches.and_then(|matches| Self::from_arg_matches(&matches)).map_err(|error| {
            // Nobody is left to tell if printing fails.
            let _ = error.print();
            ExitCode::from(if error.use_stderr() { EX_USAGE } else { 0 })
        })?;
        Ok(cli.command.unwrap_or(Command::Serve))
    }
}

/// Runs a command other than `serve`, which needs a runtime.
#[must_use]
pub(crate) fn run(command: &Command, config: Result<Config, ConfigError>) -> ExitCode {
    let config = match config {
        Ok(config) => config,
        Err(error) => {
            return say(&mut std::io::stderr(), &format!("sockgate: {}\n", report(&error)), EX_USAGE);
        }
    };
    warnings::tell();
    let out = &mut std::io::stdout();
    match command {
        Command::Serve | Command::Check => match load_policies(&config) {
            Ok(chain) => say(out, &sockgate::check(&config, &chain), 0),
            Err(problem) => say(&mut std::io::stderr(), &format!("sockgate: {problem}\n"), 1),
        },
        Command::Explain { method, path, body, client } => {
            explain(&config, method, path, body.as_deref(), client)
        }
        Command::Policy(command) => policy_tools::run(command, &config),
        Command::Preset(command) => preset(command),
        Command::Healthcheck => match sockgate::ping(&config.listen) {
            Ok(Health::EngineAnswers) => say(out, "ok: the engine answers through the gateway\n", 0),
            Ok(Health::Refused(why)) => {
                say(out, &format!("ok: the gateway answers, and lets no ping through: {why}\n"), 0)
            }
            Err(error) => {
                say(&mut std::io::stderr(), &format!("sockgate: {}\n", report(&error)), error.exit_code())
            }
        },
    }
}

/// Prints a preset, which does not depend on the configuration.
pub(crate) fn preset(command: &PresetCommand) -> ExitCode {
    match preset::text(command) {
        Ok(text) => say(&mut std::io::stdout(), &text, 0),
        Err(problem) => say(&mut std::io::stderr(), &format!("sockgate: {problem}"), EX_USAGE),
    }
}

/// Says that there is no log, without which nothing is served.
pub(crate) fn no_log(error: &std::io::Error) -> ExitCode {
    let problem = format!(
        "sockgate: cannot start the thread that writes the log: {error}; nothing is served without a log. \
         Is there a limit on processes (ulimit -u, pids_limit) or on memory?\n"
    );
    say(&mut std::io::stderr(), &problem, 1)
}

/// Loads the policies as `serve` would. The error is a sentence for standard error.
fn load_policies(config: &Config) -> Result<std::sync::Arc<Chain>, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| format!("cannot start the async runtime: {}", report(&error)))?;
    let compiler = Compiler::this_program();
    let loaded = runtime.block_on(PolicyDecisionPoint::start(config.rights, &config.policies, &compiler));
    loaded.map(|pdp| pdp.chain()).map_err(|error| report(&error))
}

/// Writes `text` and gives the exit code. A reader that has gone (`| head`) is not an error.
fn say(out: &mut dyn std::io::Write, text: &str, code: u8) -> ExitCode {
    let _ = out.write_all(text.as_bytes());
    let _ = out.flush();
    ExitCode::from(code)
}

fn explain(
    config: &Config,
    method: &str,
    path: &str,
    body: Option<&Path>,
    client: &[(String, String)],
) -> ExitCode {
    let out = &mut std::io::stdout();
    let operation = match Operation::parse(&method.to_ascii_uppercase(), path) {
        Ok(operation) => operation,
        Err(bad) => {
            return say(out, &format!("verdict    refused: {}\n", author::refused_in_words(&bad.into())), 1);
        }
    };
    if config.policies.chain.is_empty() {
        let (text, decision) = author::explain_by_settings(config.rights, &operation);
        return say(out, &text, policy_tools::exit_code(decision));
    }
    policy_tools::explain(config, &operation, body, client)
}

/// Reads `NAME=VALUE`.
fn fact(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE, such as peer.uid=1000")?;
    match author::unknown_fact(name) {
        Some(mistake) => Err(mistake),
        None => Ok((name.to_owned(), value.to_owned())),
    }
}

/// Lists every variable with its default, for `--help`.
fn variables() -> String {
    let mut text = String::from("Settings (environment; SOCKGATE_X wins over X):\n");
    for setting in SETTINGS {
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "  {:<19} {} [default: {}]",
            setting.name,
            plain(setting.meaning),
            setting.default
        );
    }
    text.push_str("\nFlags (environment; 1 true yes on / 0 false no off):\n");
    for flag in Flag::ALL {
        let default = u8::from(flag.is_on_by_default());
        let _ = writeln!(text, "  {:<19} {} [default: {default}]", flag.name(), plain(flag.meaning()));
    }
    text
}

/// The meaning without its Markdown: the tables are also written to the README.
fn plain(meaning: &str) -> String {
    meaning.replace('`', "")
}
