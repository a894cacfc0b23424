//! `sockgate preset`: the settings for one application. They are data of the gateway's library; nothing is read from the
//! environment.

use std::fmt::Write as _;

use clap::Args;
use sockgate::presets::{self, Preset};

/// What to print.
#[derive(Clone, Debug, Args)]
pub(crate) struct PresetCommand {
    /// The application, such as traefik
    #[arg(conflicts_with = "list")]
    name: Option<String>,
    /// As a compose file, with the application's service beside the gateway
    #[arg(long, requires = "name")]
    compose: bool,
    /// List the applications, as without a name
    #[arg(long)]
    list: bool,
}

/// What is printed. The error is for standard error.
pub(super) fn text(command: &PresetCommand) -> Result<String, String> {
    let Some(name) = &command.name else { return Ok(list()) };
    let preset = Preset::find(name).map_err(|near| no_such(name, &near))?;
    Ok(if command.compose { preset.compose() } else { preset.environment() })
}

fn no_such(name: &str, near: &[&str]) -> String {
    let meant =
        if near.is_empty() { String::new() } else { format!("; did you mean {}?", near.join(" or ")) };
    format!("there is no preset {name:?}{meant}\n{}", list())
}

fn list() -> String {
    let mut text = String::new();
    for preset in presets::ALL {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{:<17} {}", preset.name, preset.about);
    }
    text
}
