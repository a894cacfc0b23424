//! The binary: reads the environment and the command line, binds, serves, and maps what went wrong to an exit code.

use std::process::ExitCode;

use sockgate::{Config, Server, telemetry};
use tokio::signal::unix::{SignalKind, signal};

use cli::{Cli, Command};

mod allocator;
mod cli;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next().is_some_and(|first| first == pdp::COMPILE_POLICY) {
        return pdp::compile_policy(&arguments.collect::<Vec<_>>());
    }
    let command = match Cli::from_args() {
        Ok(command) => command,
        Err(code) => return code,
    };
    let text = |value: std::ffi::OsString| value.to_string_lossy().into_owned();
    let config = Config::from_vars(std::env::vars_os().map(|(name, value)| (text(name), text(value))));
    match (&command, config) {
        (Command::Serve, Ok(config)) => serve(config),
        (Command::Preset(command), _) => cli::preset(command),
        (
            Command::Serve
            | Command::Check
            | Command::Explain { .. }
            | Command::Policy(_)
            | Command::Healthcheck,
            config,
        ) => cli::run(&command, config),
    }
}

fn serve(config: Config) -> ExitCode {
    let _log = match telemetry::start(config.log_format, config.log_level) {
        Ok(log) => log,
        Err(error) => return cli::no_log(&error),
    };
    sockgate::announce(&config);
    sockgate::raise_file_limit();
    sockgate::ask_for_short_slices();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let served = runtime.and_then(|runtime| {
        let served = runtime.block_on(until_signalled(config));
        runtime.shutdown_background(); // a file system that hangs must not delay the exit
        served
    });
    match served {
        Ok(code) => code,
        Err(error) => {
            tracing::error!("cannot serve: {}", engine_api::report(&error));
            ExitCode::FAILURE
        }
    }
}

/// Serves until a signal: the first SIGTERM or SIGINT drains, a second one ends the process at once; SIGHUP reloads the
/// policies.
async fn until_signalled(config: Config) -> std::io::Result<ExitCode> {
    let (mut term, mut int) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let mut hangup = signal(SignalKind::hangup())?;
    let (first, stop) = tokio::sync::oneshot::channel();
    let twice = async {
        tokio::select! { _ = term.recv() => {}, _ = int.recv() => {} }
        let _ = first.send(());
        tokio::select! { _ = term.recv() => {}, _ = int.recv() => {} }
    };
    let compiler = pdp::Compiler::this_program();
    let serve = async {
        let mut stop = std::pin::pin!(stop);
        let started = tokio::select! {
            started = Server::start(config, &compiler) => started,
            _ = stop.as_mut() => {
                tracing::info!("stopped before anything was served");
                return Ok(ExitCode::SUCCESS);
            }
        };
        let server = match started {
            Ok(server) => server,
            Err(error) => {
                tracing::error!("{}", engine_api::report(&error));
                return Ok(ExitCode::FAILURE);
            }
        };
        let reload = server.reload();
        let reloads = async {
            while hangup.recv().await.is_some() {
                reload.ask();
            }
            std::future::pending().await
        };
        tokio::select! {
            served = server.run(async { drop(stop.await) }) => served.map(|()| ExitCode::SUCCESS),
            never = reloads => never,
            never = allocator::give_back_when_quiet() => never,
        }
    };
    tokio::select! {
        served = serve => served,
        () = twice => Ok(ExitCode::from(130)),
    }
}
