//! A preset as an environment file: `NAME=value` and comments, in the form that Docker, systemd and shells all read.

use super::Preset;
use super::settings::{comment, head, settings};

pub(super) fn text(preset: &Preset) -> String {
    let usage = format!(
        "In a file, these lines are for `docker run --env-file FILE` or, in a shell,\n\
         `set -a; . ./FILE; set +a; sockgate`. `sockgate check` says what they come to, and\n\
         `sockgate preset {} --compose` prints a compose file with them.",
        preset.name
    );
    let mut text: String = head(preset, &usage).iter().map(|line| comment("", line)).collect();
    for setting in settings(preset) {
        text.push('\n');
        text.extend(setting.reason.iter().map(|line| comment("", line)));
        text += &format!("{}={}\n", setting.name, setting.value);
    }
    text
}
