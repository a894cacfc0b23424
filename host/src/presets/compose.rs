//! A preset as a compose file: the gateway, and the application's service beside it.

use super::settings::{comment, head, settings};
use super::{File, Preset, Reach};

const OVER_TCP: &str = "\
In a file, and with an image of sockgate (`docker build -t sockgate .` in its repository):

    export DOCKER_GID=$(stat -c %g /var/run/docker.sock)
    docker compose -f FILE up";

const OVER_UNIX: &str = "\
In a file, and with an image of sockgate (`docker build -t sockgate .` in its repository):

    docker compose -f FILE up";

/// What the gateway needs around it, and nothing else.
const HARDENED: &str = "    read_only: true
    cap_drop: [ALL]
    security_opt: [\"no-new-privileges:true\"]
    restart: unless-stopped
";

const NETWORKS: &str = "
networks:
  # Whoever is in here may ask whatever is allowed above: no ports, no other services.
  docker-api:
    internal: true
";

pub(super) fn text(preset: &Preset) -> String {
    let service = &preset.service;
    let (usage, networks, gate) = match service.reach {
        Reach::Tcp => (OVER_TCP, NETWORKS, None),
        Reach::Unix => (OVER_UNIX, "", Some("gate")),
    };
    let mut text: String = head(preset, usage).iter().map(|line| comment("", line)).collect();
    text += &gateway(preset);
    text += &application(preset);
    text += networks;
    let volumes: Vec<_> = gate.iter().chain(service.volumes).collect();
    if !volumes.is_empty() {
        text += "\nvolumes:\n";
        text.extend(volumes.iter().map(|name| format!("  {name}:\n")));
    }
    if let Some(File { content, .. }) = service.file {
        text += "\nconfigs:\n  settings:\n    content: |\n";
        text += &indented("      ", content);
    }
    text
}

fn gateway(preset: &Preset) -> String {
    let mut text = "services:\n  sockgate:\n    image: sockgate\n    pull_policy: never\n".to_owned();
    text += match preset.service.reach {
        Reach::Tcp => "    user: \"65534:${DOCKER_GID:?the group of the engine's socket, see above}\"\n",
        Reach::Unix => "    # As root, to put its socket into the volume; it needs no capability for that.\n",
    };
    text += "    environment:\n";
    for setting in settings(preset) {
        text.extend(setting.reason.iter().map(|line| comment("      ", line)));
        text += &format!("      {}: \"{}\"\n", setting.name, setting.value);
    }
    text += "    volumes:\n      - /var/run/docker.sock:/var/run/docker.sock\n";
    text += match preset.service.reach {
        Reach::Tcp => "    networks: [docker-api]\n",
        Reach::Unix => "      - gate:/run/sockgate\n    network_mode: none\n",
    };
    text + HARDENED
}

fn application(preset: &Preset) -> String {
    let service = &preset.service;
    let mut text = format!("\n  {}:\n{}", preset.name, indented("    ", service.yaml));
    if let Some(File { path, .. }) = service.file {
        text += &format!("    configs:\n      - source: settings\n        target: {path}\n");
    }
    text += "    depends_on:\n      sockgate:\n        condition: service_healthy\n";
    match service.reach {
        Reach::Tcp => text += "    networks: [docker-api, default]\n",
        Reach::Unix => {}
    }
    text
}

fn indented(indent: &str, text: &str) -> String {
    text.lines().map(|line| format!("{indent}{line}\n")).collect()
}
