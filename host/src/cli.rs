//! The command line. Settings come from the environment alone; commands only say what to do with them.

use std::fmt::Write as _;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use policy::{Flag, Method, Operation, Target};

use crate::config::{Config, ConfigError, SETTINGS};
use crate::healthcheck::{self, Health};
use crate::pdp::{Chain, PolicyDecisionPoint};
use crate::report;

/// `EX_USAGE` of sysexits.h: the configuration or the command line is wrong.
pub const EX_USAGE: u8 = 64;

/// A gateway that guards the Docker socket.
#[derive(Debug, Parser)]
#[command(name = "sockgate", version, about, disable_help_subcommand = true)]
pub struct Cli {
    /// Without a command: serve
    #[command(subcommand)]
    command: Option<Command>,
}

/// What to do.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Serve (the default)
    Serve,
    /// Read the environment and load the policies as serve would, and print what would be enforced; exit 0, 64 with all
    /// mistakes, or 1 if a policy does not load
    Check,
    /// Say what would become of a request and which flags decide it; exit 0 if it is allowed, 1 if not
    Explain {
        /// Such as POST
        method: String,
        /// Such as /v1.41/containers/web/start
        path: String,
    },
    /// Ping the engine through the running gateway; exit 0 if it answers (for containers)
    Healthcheck,
}

impl Cli {
    /// Reads the command line. `--help` and `--version` are answered here, as is a line that makes no sense.
    ///
    /// # Errors
    /// The exit code with which the process ends at once.
    pub fn from_args() -> Result<Command, ExitCode> {
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
pub fn run(command: &Command, config: Result<Config, ConfigError>) -> ExitCode {
    let config = match config {
        Ok(config) => config,
        Err(error) => return say(&mut std::io::stderr(), &format!("sockgate: {error}\n"), EX_USAGE),
    };
    let out = &mut std::io::stdout();
    match command {
        Command::Serve | Command::Check => match load_policies(&config) {
            Ok(chain) => say(out, &report::check(&config, &chain), 0),
            Err(problem) => say(&mut std::io::stderr(), &format!("sockgate: {problem}\n"), 1),
        },
        Command::Explain { method, path } => match explained(&config, method, path) {
            Ok((text, Verdict::Allowed)) => say(out, &text, 0),
            Ok((text, Verdict::Denied)) => say(out, &text, 1),
            Err(refusal) => say(out, &format!("verdict    refused: {refusal}\n"), 1),
        },
        Command::Healthcheck => match healthcheck::ping(&config.listen) {
            Ok(Health::EngineAnswers) => say(out, "ok: the engine answers through the gateway\n", 0),
            Ok(Health::GatewayAnswers) => {
                say(out, "ok: the gateway answers; the engine was not asked (PING=0)\n", 0)
            }
            Err(problem) => say(&mut std::io::stderr(), &format!("sockgate: {problem}\n"), 1),
        },
    }
}

/// The policies, as `serve` would load them.
fn load_policies(config: &Config) -> Result<std::sync::Arc<Chain>, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| format!("cannot load policies: {error}"))?;
    let loaded = runtime.block_on(PolicyDecisionPoint::start(config.flags, &config.policies));
    loaded.map(|pdp| pdp.chain()).map_err(|error| error.to_string())
}

/// A reader that has gone (`| head`) is no error of ours.
fn say(out: &mut dyn std::io::Write, text: &str, code: u8) -> ExitCode {
    let _ = out.write_all(text.as_bytes());
    let _ = out.flush();
    ExitCode::from(code)
}

enum Verdict {
    Allowed,
    Denied,
}

fn explained(config: &Config, method: &str, path: &str) -> Result<(String, Verdict), String> {
    let method = Method::from_token(&method.to_ascii_uppercase())
        .ok_or_else(|| format!("the Engine API has no method {method:?} (405)"))?;
    let target = Target::parse(path).map_err(|error| format!("{error} (400)"))?;
    let operation = Operation::new(method, target);
    let verdict = match policy::decide(config.flags, &operation) {
        policy::Decision::Allow => Verdict::Allowed,
        policy::Decision::Deny(_) => Verdict::Denied,
    };
    let mut text = report::explain(config.flags, &operation);
    if !config.policies.chain.is_empty() {
        text.push_str("this is what the flags say; the policies in POLICY are asked before them\n");
    }
    Ok((text, verdict))
}

/// Every variable with its default, for `--help`.
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

/// The tables are written for Markdown.
fn plain(meaning: &str) -> String {
    meaning.replace('`', "")
}
