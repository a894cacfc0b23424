//! The rules, as tables. Look-ups need an engine: sockgate's own tests have one.

#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use super::lists::Lists;
use super::rules::OPERATIONS;
use super::{Rule, check, has};
use serde_json::{Value, json};

const SETTINGS: &str =
    r#"{"binds": ["/srv/data"], "registries": ["docker.io/library", "registry.example.com/team"]}"#;

/// The refusal of a body, or `lets through`.
fn judge(operation: &str, body: &Value) -> String {
    let lists = Lists::parse(SETTINGS).expect("settings");
    let (_, _, rule) =
        OPERATIONS.iter().find(|(names, ..)| has(names, operation)).expect("a listed operation");
    check(&lists, "body", rule, body).err().unwrap_or_else(|| "lets through".to_owned())
}

#[test]
fn a_container_gets_what_is_listed_and_nothing_else() {
    let none = "must be left out";
    for (host_config, want) in [
        (json!({}), "lets through"),
        (
            json!({"Privileged": false, "Devices": [], "Sysctls": {}, "OomScoreAdj": 0, "Runtime": ""}),
            "lets through",
        ),
        (json!({"Memory": 1 << 30, "RestartPolicy": {"Name": "always"}, "CapDrop": ["ALL"]}), "lets through"),
        (json!({"Privileged": true}), "Privileged: must be left out"),
        (json!({"PidMode": "host"}), none),
        (json!({"PidMode": "container:web"}), none),
        (json!({"UTSMode": "host"}), none),
        (json!({"UsernsMode": "host"}), none),
        (json!({"Cgroup": "container:web"}), none),
        (json!({"CgroupParent": "/"}), none),
        (json!({"CapAdd": ["SYS_ADMIN"]}), none),
        (json!({"Devices": [{"PathOnHost": "/dev/sda"}]}), none),
        (json!({"DeviceCgroupRules": ["b 8:* rwm"]}), none),
        (json!({"DeviceRequests": [{"Count": -1}]}), none),
        (json!({"VolumesFrom": ["web"]}), none),
        (json!({"Sysctls": {"kernel.core_pattern": "|/x"}}), none),
        (json!({"Runtime": "other"}), none),
        (json!({"Annotations": {"a": "b"}}), none),
        (json!({"OfNextYear": true}), "OfNextYear: must be left out"),
        (json!({"MaskedPaths": null, "ReadonlyPaths": null}), "lets through"),
        (json!({"MaskedPaths": []}), none),
        (json!({"ReadonlyPaths": []}), none),
        (json!({"SecurityOpt": ["no-new-privileges"]}), "lets through"),
        (json!({"SecurityOpt": ["no-new-privileges:true", "seccomp=unconfined"]}), "may only be one of"),
        (json!({"IpcMode": "private"}), "lets through"),
        (json!({"IpcMode": "host"}), "may only be one of: none private shareable"),
        (json!({"IpcMode": "container:web"}), "may only be one of"),
        (json!({"CgroupnsMode": "private"}), "lets through"),
        (json!({"CgroupnsMode": "host"}), "may only be one of: private"),
        (json!({"NetworkMode": "default"}), "lets through"),
        (json!({"NetworkMode": "none"}), "lets through"),
        (json!({"NetworkMode": "host"}), "NetworkMode: host is not allowed"),
        (json!({"NetworkMode": "container:web"}), "is not allowed"),
        (json!({"VolumeDriver": "local"}), "lets through"),
        (json!({"VolumeDriver": "sshfs"}), "may only be one of: local"),
        (json!({"LogConfig": {"Type": "", "Config": null}}), "lets through"),
        (json!({"LogConfig": {"Type": "json-file", "Config": {"max-size": "1m"}}}), "lets through"),
        (json!({"LogConfig": {"Type": "syslog"}}), "LogConfig.Type: may only be one of"),
        (json!({"LogConfig": {"Config": {"syslog-address": "unix:///run/x"}}}), none),
        (json!("text"), "is not of the right type"),
        (json!({"Binds": {"/": "/host"}}), "is not of the right type"),
    ] {
        let verdict = judge("ContainerCreate", &json!({ "Image": "alpine", "HostConfig": host_config }));
        assert!(verdict.contains(want), "{host_config}: {verdict}");
        let update = judge("ContainerUpdate", &host_config).replace("body.", "body.HostConfig.");
        assert_eq!(update.replace("body:", "body.HostConfig:"), verdict, "an update of {host_config}");
        let has_root = host_config.as_object().is_some_and(|fields| !fields.contains_key("RestartPolicy"));
        if has_root && want != "lets through" {
            let verdict = judge("ContainerCreate", &host_config); // as engines up to 26 read it too
            assert!(verdict.contains(none), "{host_config} beside HostConfig: {verdict}");
        }
    }
}

#[test]
fn volumes_and_listed_folders_are_mounted_by_every_channel_and_nothing_else() {
    for (source, want) in [
        ("named", "lets through"),
        ("/srv/data", "lets through"),
        ("/srv/data/part", "the host's /srv/data/part is not a listed folder (listed: /srv/data)"),
        ("/srv/data/../../etc", "is not a listed folder"),
        ("/srv/database", "is not a listed folder"),
        ("/srv", "is not a listed folder"),
        ("/", "is not a listed folder"),
        ("//srv/data", "is not a listed folder"),
        ("/var/run/docker.sock", "is not a listed folder"),
    ] {
        let mount = json!({"Type": if source.starts_with('/') { "bind" } else { "volume" }, "Source": source, "Target": "/x"});
        for (operation, body) in [
            ("ContainerCreate", json!({"HostConfig": {"Binds": ["other:/y", format!("{source}:/x:ro")]}})),
            ("ContainerCreate", json!({"HostConfig": {"Mounts": [mount]}})),
            ("ServiceCreate", json!({"TaskTemplate": {"ContainerSpec": {"Mounts": [mount]}}})),
            ("ServiceUpdate", json!({"TaskTemplate": {"ContainerSpec": {"Mounts": [mount]}}})),
        ] {
            let verdict = judge(operation, &body);
            assert!(verdict.contains(want), "{operation} {body}: {verdict}");
        }
    }
    for (mount, want) in [
        (json!({"Type": "tmpfs", "TmpfsOptions": {"SizeBytes": 1}}), "lets through"),
        (
            json!({"Type": "volume", "VolumeOptions": {"NoCopy": true, "DriverConfig": {"Name": "local"}}}),
            "lets through",
        ),
        (json!({"Type": "npipe"}), "Type: may only be one of: bind tmpfs volume"),
        (json!({"Type": "cluster"}), "may only be one of"),
        (json!({"Type": "bind", "Source": "/srv/data:/etc"}), "is not a listed folder"),
        (
            json!({"Type": "volume", "VolumeOptions": {"DriverConfig": {"Options": {"o": "bind", "device": "/"}}}}),
            "VolumeOptions.DriverConfig.Options: must be left out",
        ),
        (
            json!({"Type": "volume", "VolumeOptions": {"DriverConfig": {"Name": "sshfs"}}}),
            "may only be one of: local",
        ),
        (json!({"Type": "volume", "OfNextYear": "/"}), "OfNextYear: must be left out"),
    ] {
        let verdict = judge("ContainerCreate", &json!({"HostConfig": {"Mounts": [mount]}}));
        assert!(verdict.contains(want), "{mount}: {verdict}");
    }
}

#[test]
fn other_bodies_hold_what_is_listed_and_nothing_else() {
    for (operation, body, want) in [
        ("ContainerExec", json!({"Cmd": ["true"], "Privileged": false, "User": "0"}), "lets through"),
        ("ContainerExec", json!({"Cmd": ["true"], "Privileged": true}), "body.Privileged: must be left out"),
        ("ContainerStart", Value::Null, "lets through"),
        ("ContainerStart", json!({}), "lets through"),
        ("ContainerStart", json!({"Privileged": true}), "body: must be left out"),
        ("ContainerStart", json!({"Memory": 1}), "body: must be left out"),
        ("ContainerCreate", json!({"NetworkingConfig": {"EndpointsConfig": {"none": null}}}), "lets through"),
        (
            "ContainerCreate",
            json!({"NetworkingConfig": {"EndpointsConfig": {"host": null}}}),
            "host is not allowed",
        ),
        (
            "ContainerCreate",
            json!({"NetworkingConfig": {"EndpointsConfig": {"bridge": {"NetworkID": "host"}}}}),
            "EndpointsConfig.bridge.NetworkID: must be left out",
        ),
        ("NetworkConnect", json!({"Container": "web", "EndpointConfig": {"Aliases": ["x"]}}), "lets through"),
        ("NetworkConnect", json!({"EndpointConfig": {"NetworkID": "host"}}), "NetworkID: must be left out"),
        ("NetworkCreate", json!({"Name": "n", "Driver": "bridge", "Options": {}}), "lets through"),
        ("NetworkCreate", json!({"Name": "n", "Driver": "macvlan"}), "may only be one of: bridge overlay"),
        ("NetworkCreate", json!({"Name": "n", "Options": {"parent": "eth0"}}), "Options: must be left out"),
        (
            "NetworkCreate",
            json!({"Name": "n", "ConfigFrom": {"Network": "x"}}),
            "ConfigFrom: must be left out",
        ),
        ("VolumeCreate", json!({"Name": "v", "Driver": "local", "DriverOpts": {}}), "lets through"),
        ("VolumeCreate", json!({"Name": "v", "Driver": "sshfs"}), "may only be one of: local"),
        (
            "VolumeCreate",
            json!({"DriverOpts": {"o": "bind", "device": "/", "type": "none"}}),
            "DriverOpts: must be",
        ),
        ("VolumeCreate", json!({"ClusterVolumeSpec": {"Group": "x"}}), "ClusterVolumeSpec: must be left out"),
        (
            "ServiceCreate",
            json!({"TaskTemplate": {"Runtime": "plugin"}}),
            "Runtime: may only be one of: container",
        ),
        (
            "ServiceCreate",
            json!({"TaskTemplate": {"PluginSpec": {"Name": "x"}}}),
            "PluginSpec: must be left out",
        ),
        ("ServiceCreate", json!({"TaskTemplate": {"Networks": [{"Target": "host"}]}}), "host is not allowed"),
        (
            "ServiceCreate",
            json!({"Networks": [{"Target": "host"}]}),
            "body.Networks.Target: host is not allowed",
        ),
        ("ServiceCreate", json!({"TaskTemplate": {"LogDriver": {"Name": "gelf"}}}), "may only be one of"),
        (
            "ServiceCreate",
            json!({"TaskTemplate": {"ContainerSpec": {"CapabilityAdd": ["ALL"]}}}),
            "must be left out",
        ),
        (
            "ServiceCreate",
            json!({"TaskTemplate": {"ContainerSpec": {"Sysctls": {"a": "b"}}}}),
            "must be left out",
        ),
        (
            "ServiceCreate",
            json!({"TaskTemplate": {"ContainerSpec": {"Privileges": {"Seccomp": {"Mode": "unconfined"}}}}}),
            "Privileges.Seccomp: must be left out",
        ),
        (
            "ServiceCreate",
            json!({"TaskTemplate": {"ContainerSpec": {"Privileges": {"CredentialSpec": null, "SELinuxContext": null}}}}),
            "lets through",
        ),
    ] {
        let verdict = judge(operation, &body);
        assert!(verdict.contains(want), "{operation} {body}: {verdict}");
    }
}

#[test]
fn images_come_from_listed_registries() {
    for (image, want) in [
        ("alpine", "lets through"),
        ("alpine:3", "lets through"),
        ("docker.io/library/alpine@sha256:abcd", "lets through"),
        ("registry.example.com/team/app/part:1", "lets through"),
        ("registry.example.com/team", "is not of a listed registry"),
        ("registry.example.com/teams/app", "is not of a listed registry"),
        ("registry.example.com:5000/team/app", "is not of a listed registry"),
        (
            "evil/alpine",
            "docker.io/evil/alpine is not of a listed registry (listed: docker.io/library, registry.example.com/team)",
        ),
        ("localhost/alpine", "localhost/alpine is not of a listed registry"),
        ("Evil/alpine", "Evil/alpine is not of a listed registry"),
        ("evil.example/library/alpine", "is not of a listed registry"),
        ("c0ffee", "is an image's id"),
        ("sha256:c0ffee", "is an image's id"),
        ("c0ffee:1", "lets through"),
    ] {
        for (operation, body) in [
            ("ContainerCreate", json!({ "Image": image })),
            ("ServiceUpdate", json!({"TaskTemplate": {"ContainerSpec": {"Image": image}}})),
        ] {
            let verdict = judge(operation, &body);
            assert!(verdict.contains(want), "{operation} {image}: {verdict}");
        }
    }
}

#[test]
fn what_is_not_listed_is_not_let_through_and_bodies_are_read_where_they_count() {
    let listed = |operation| OPERATIONS.iter().find(|(names, ..)| has(names, operation));
    for operation in
        ["ImageBuild", "ImageLoad", "ImageCommit", "ImageTag", "PluginPull", "SwarmJoin", "Grpc", ""]
    {
        assert!(listed(operation).is_none(), "{operation}");
    }
    for (names, query, body) in OPERATIONS {
        for name in names.split_whitespace() {
            let is_free = matches!((query, body), (Rule::Any, Rule::Any));
            assert!(
                !(is_free && name.ends_with("Create") && !matches!(name, "ConfigCreate" | "SecretCreate")),
                "{name}"
            );
        }
    }
}

#[test]
fn settings_that_mean_nothing_or_too_much_are_refused() {
    for (settings, want) in [
        ("", "expected {\"binds\""),
        ("{}", "missing field `registries`"),
        (r#"{"registries": "docker.io"}"#, "invalid type: string \"docker.io\", expected a sequence"),
        (r#"{"registry": []}"#, "unknown field `registry`"),
        (
            r#"{"registries": ["alpine"]}"#,
            "registries: alpine: expected docker.io or registry.example.com/team",
        ),
        (r#"{"registries": ["https://registry.example.com"]}"#, "expected docker.io or"),
        (r#"{"registries": [""]}"#, "expected docker.io or"),
        (r#"{"registries": ["docker.io/"]}"#, "expected docker.io or"),
        (r#"{"registries": [], "binds": ["data"]}"#, "binds: data: expected a folder's whole path"),
        (r#"{"registries": [], "binds": ["/"]}"#, "expected a folder's whole path"),
        (r#"{"registries": [], "binds": ["/a/../b"]}"#, "expected a folder's whole path"),
        (r#"{"registries": [], "binds": ["/a/"]}"#, "expected a folder's whole path"),
        (r#"{"registries": [], "binds": ["/srv", "/srv/data"]}"#, "/srv/data: who may write to /srv can put"),
    ] {
        let problem = Lists::parse(settings).err().unwrap_or_default();
        assert!(problem.contains(want), "{settings}: {problem}");
    }
}
