//! The rules, as tables. Look-ups need an engine: sockgate's own tests have one.

#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use super::check;
use super::lists::Lists;
use super::names::without_own_id;
use super::rules::{KEYS, OPERATIONS, Rule, has};
use serde_json::{Value, json};

const SETTINGS: &str =
    r#"{"binds": ["/srv/data"], "registries": ["docker.io/library", "registry.example.com/team"]}"#;

/// The refusal of a body, or `lets through`.
pub(crate) fn judge(operation: &str, body: &Value) -> String {
    let lists = Lists::parse(SETTINGS).expect("settings");
    let (_, _, rule) =
        OPERATIONS.iter().find(|(names, ..)| has(names, operation)).expect("a listed operation");
    check(&lists, "body", rule, &without_own_id(body.clone()))
        .err()
        .unwrap_or_else(|| "lets through".to_owned())
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
        (json!({"CapDrop": ["ALL"], "CapAdd": ["NET_BIND_SERVICE", "CAP_CHOWN"]}), "lets through"),
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
        (json!({"CgroupnsMode": ""}), "lets through"),
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
        (r"\/../../../../..", r"\/../../../../.. is not a volume's name, nor a listed folder of the host"),
        (r"\..\..", "is not a volume's name"),
        (r"\", "is not a volume's name"),
        ("..", "is not a volume's name"),
        ("./data", "is not a volume's name"),
        ("a/b", "is not a volume's name"),
        ("a b", "is not a volume's name"),
        (" /etc", "is not a volume's name"),
        ("na-me_d.1", "lets through"),
    ] {
        for kind in ["bind", "volume"] {
            let options = json!({"CreateMountpoint": true, "Propagation": "rprivate"});
            let mount = json!({"Type": kind, "Source": source, "Target": "/x", "BindOptions": options});
            let host = json!({"Mounts": [mount]});
            let task = json!({"TaskTemplate": {"ContainerSpec": {"Image": "alpine", "Mounts": [mount]}}});
            let binds = json!({"Binds": ["other:/y", format!("{source}:/x:ro")]});
            for (operation, body) in [
                ("ContainerCreate", json!({"Image": "alpine", "HostConfig": binds})),
                ("ContainerCreate", json!({"Image": "alpine", "HostConfig": host})),
                ("ServiceCreate", task.clone()),
                ("ServiceUpdate", task),
            ] {
                let verdict = judge(operation, &body);
                assert!(verdict.contains(want), "{operation} {body}: {verdict}");
            }
        }
    }
}

#[test]
fn mounts_hold_what_is_listed_and_nothing_else() {
    for (mount, want) in [
        (json!({"Type": "tmpfs", "TmpfsOptions": {"SizeBytes": 1}}), "lets through"),
        (
            json!({"Type": "volume", "VolumeOptions": {"NoCopy": true, "DriverConfig": {"Name": "local"}}}),
            "lets through",
        ),
        (json!({"Type": "volume", "Source": "v", "VolumeOptions": {"Subpath": "part"}}), "lets through"),
        (
            json!({"Type": "bind", "BindOptions": {"OfNextYear": true}}),
            "BindOptions.OfNextYear: must be left out",
        ),
        (json!({"Type": "tmpfs", "TmpfsOptions": {"OfNextYear": 1}}), "OfNextYear: must be left out"),
        (json!({"Type": "image", "Source": "alpine"}), "Type: may only be one of"),
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
        let body = json!({"Image": "alpine", "HostConfig": {"Mounts": [mount]}});
        let verdict = judge("ContainerCreate", &body);
        assert!(verdict.contains(want), "{mount}: {verdict}");
    }
    for (bind, want) in [
        ("/data", "lets through"), // a target alone: a volume without a name
        ("/etc:", "the host's /etc is not a listed folder"),
        (":/data", "is not a volume's name"),
    ] {
        let verdict = judge("ContainerCreate", &json!({"Image": "alpine", "HostConfig": {"Binds": [bind]}}));
        assert!(verdict.contains(want), "{bind}: {verdict}");
    }
}

#[test]
fn other_bodies_hold_what_is_listed_and_nothing_else() {
    for (operation, body, want) in [
        ("ContainerExec", json!({"Cmd": ["true"], "Privileged": false, "User": "0"}), "lets through"),
        ("ContainerExec", json!({"Cmd": ["true"], "Privileged": true}), "body.Privileged: must be left out"),
        ("ContainerStart", Value::Null, "lets through"),
        ("ContainerStart", json!({}), "lets through"),
        ("ContainerStart", json!({"Privileged": true}), "body.Privileged: must be left out"),
        ("ContainerStart", json!({"Memory": 1}), "body.Memory: must be left out"),
        (
            "ContainerCreate",
            json!({"Image": "alpine", "NetworkingConfig": {"EndpointsConfig": {"none": null}}}),
            "lets through",
        ),
        (
            "ContainerCreate",
            json!({"NetworkingConfig": {"EndpointsConfig": {"none": {"DriverOpts": {"a": "b"}}}}}),
            "EndpointsConfig.none.DriverOpts: must be left out",
        ),
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
        (
            "NetworkConnect",
            json!({"EndpointConfig": {"DriverOpts": {"a": "b"}}}),
            "DriverOpts: must be left out",
        ),
        ("NetworkCreate", json!({"Name": "n", "Driver": "bridge", "Options": {}}), "lets through"),
        (
            "NetworkCreate",
            json!({"IPAM": {"Driver": "default", "Options": {}, "Config": [{"Subnet": "10.9.0.0/24"}]}}),
            "lets through",
        ),
        ("NetworkCreate", json!({"IPAM": {"Driver": "other"}}), "IPAM.Driver: may only be one of: default"),
        ("NetworkCreate", json!({"IPAM": {"Options": {"a": "b"}}}), "IPAM.Options: must be left out"),
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
        (
            "ServiceCreate",
            json!({"TaskTemplate": {"NetworkAttachmentSpec": {"ContainerID": "x"}}}),
            "NetworkAttachmentSpec: must be left out",
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
            "CapabilityAdd: may only be one of",
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
            json!({"TaskTemplate": {"ContainerSpec": {"Image": "alpine", "Privileges": {"CredentialSpec": null}}}}),
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
        ("docker.io/alpine", "lets through"),
        ("docker.io/alpine:3", "lets through"),
        ("index.docker.io/alpine", "lets through"),
        ("index.docker.io/library/alpine", "lets through"),
        ("index.docker.io/evil/alpine", "docker.io/evil/alpine is not of a listed registry"),
        ("registry-1.docker.io/library/alpine", "is not of a listed registry"),
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
fn a_container_has_an_image() {
    for none in [json!({}), json!({"Image": null}), json!({"Image": ""}), json!({"Image": []}), Value::Null] {
        let verdict = judge("ContainerCreate", &none);
        assert!(verdict.contains("body.Image: an image has to be named"), "{none}: {verdict}");
        for body in [json!({"TaskTemplate": {"ContainerSpec": none}}), json!({"TaskTemplate": none}), none] {
            let verdict = judge("ServiceUpdate", &body);
            let is_refused =
                ["an image has to be named", "must be left out"].map(|why| format!("Image: {why}"));
            assert!(is_refused.iter().any(|why| verdict.contains(why)), "{body}: {verdict}");
        }
    }
}

#[test]
fn queries_hold_nothing_that_takes_the_place_of_a_body() {
    let lists = Lists::parse(SETTINGS).expect("settings");
    for (operation, query, want) in [
        (
            "ServiceUpdate",
            json!({"version": "7", "registryAuthFrom": "spec", "rollback": ""}),
            "lets through",
        ),
        (
            "ServiceUpdate",
            json!({"version": "7", "rollback": "previous"}),
            "query.rollback: must be left out",
        ),
        ("ServiceUpdate", json!({"version": "7", "ofNextYear": "1"}), "query.ofNextYear: must be left out"),
        ("ServiceUpdate", json!({"version": "7", "TaskTemplate": "{}"}), "lets through"), // as dockerode does
        ("ContainerStart", json!({"checkpoint": "x"}), "query.checkpoint: must be left out"),
        ("ImageCreate", json!({"fromImage": "alpine", "tag": "3"}), "lets through"),
        ("ImageCreate", json!({"fromImage": "alpine", "fromSrc": "-"}), "query.fromSrc: must be left out"),
        ("ImageCreate", json!({"tag": "3"}), "query.fromImage: an image has to be named"),
    ] {
        let (_, rule, _) = OPERATIONS.iter().find(|(names, ..)| has(names, operation)).expect("listed");
        let verdict = check(&lists, "query", rule, &query).err().unwrap_or_else(|| "lets through".to_owned());
        assert!(verdict.contains(want), "{operation} {query}: {verdict}");
    }
}

#[test]
fn what_is_not_listed_is_not_let_through_and_bodies_are_read_where_they_count() {
    let listed = |operation| OPERATIONS.iter().find(|(names, ..)| has(names, operation));
    for operation in
        "ImageBuild ImageLoad ImageCommit ImageTag PluginPull SwarmJoin SwarmUpdate NodeUpdate VolumeUpdate \
        CheckpointCreate Session Grpc"
            .split_whitespace()
            .chain(KEYS.split_whitespace())
            .chain([""])
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
