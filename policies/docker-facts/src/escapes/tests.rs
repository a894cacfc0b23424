//! What gets at the host and what does not, as tables. Look-ups need an engine: sockgate's own tests have one.

#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use serde_json::{Value, json};

use super::{Judge, escapes, operations, operations_with_body};

mod other_bodies;

/// One listed folder, any image, and no engine.
struct Listed(Vec<String>);

impl Judge for Listed {
    fn image(&self, text: &str) -> Result<(), String> {
        if text.is_empty() { Err("an image has to be named".to_owned()) } else { Ok(()) }
    }

    fn driver_of(&self, network: &str) -> Result<String, String> {
        match network {
            "mine" => Ok("bridge".to_owned()),
            "an-id-of-the-hosts" => Ok("host".to_owned()),
            _ => Err(format!("there is no network {network}")),
        }
    }

    fn folders(&self) -> &[String] {
        &self.0
    }

    fn capabilities(&self) -> &[String] {
        &[]
    }
}

/// The first escape, or `lets through`.
pub(crate) fn judge(operation: &str, body: &Value) -> String {
    judge_query(operation, &json!({}), body)
}

/// The same with a query.
pub(crate) fn judge_query(operation: &str, query: &Value, body: &Value) -> String {
    let pairs = query.as_object().expect("an object").iter();
    let pairs: Vec<_> =
        pairs.map(|(name, value)| (name.clone(), value.as_str().expect("a text").to_owned())).collect();
    let found = escapes(operation, &pairs, body, &Listed(vec!["/srv/data".to_owned()]));
    found.into_iter().next().unwrap_or_else(|| "lets through".to_owned())
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
        let image = json!({"TaskTemplate": {"ContainerSpec": {"Image": "alpine"}}});
        let body = if operation.starts_with("Service") { image } else { Value::Null };
        let verdict = judge_query(operation, &query, &body);
        assert!(verdict.contains(want), "{operation} {query}: {verdict}");
    }
}

#[test]
fn all_escapes_are_found_and_what_is_not_known_is_one() {
    let host = json!({"Privileged": true, "PidMode": "host", "Binds": ["/:/host", "v:/v"], "OfNextYear": 1});
    let body = json!({"Image": "alpine", "HostConfig": host});
    let found = escapes("ContainerCreate", &[], &body, &Listed(Vec::new()));
    assert_eq!(
        found,
        [
            "body.HostConfig.Binds: the host's / is not a listed folder (listed: none)",
            "body.HostConfig.OfNextYear: must be left out",
            "body.HostConfig.PidMode: must be left out",
            "body.HostConfig.Privileged: must be left out",
        ]
    );
    for operation in ["ImageBuild", "ContainerStop", "OfNextYear", ""] {
        let found = escapes(operation, &[], &Value::Null, &Listed(Vec::new()));
        assert_eq!(found, [format!("body: nothing is known of what {operation} can do")]);
    }
}

#[test]
fn a_network_is_the_hosts_by_whatever_name() {
    for (network, want) in [
        ("mine", "lets through"),
        ("an-id-of-the-hosts", "an-id-of-the-hosts is the host's network"),
        ("gone", "there is no network gone"),
    ] {
        let body = json!({"Image": "alpine", "HostConfig": {"NetworkMode": network}});
        assert!(judge("ContainerCreate", &body).contains(want), "{network}");
    }
}

#[test]
fn capabilities_of_the_callers_list_may_be_added_in_both_spellings() {
    struct Ptrace;
    impl Judge for Ptrace {
        fn image(&self, _: &str) -> Result<(), String> {
            Ok(())
        }
        fn driver_of(&self, _: &str) -> Result<String, String> {
            Err("no engine".to_owned())
        }
        fn folders(&self) -> &[String] {
            &[]
        }
        fn capabilities(&self) -> &[String] {
            static LISTED: std::sync::LazyLock<Vec<String>> =
                std::sync::LazyLock::new(|| vec!["SYS_PTRACE".to_owned()]);
            &LISTED
        }
    }
    for (word, is_escape) in [
        ("SYS_PTRACE", false),
        ("CAP_SYS_PTRACE", false),
        ("CHOWN", false),
        ("SYS_ADMIN", true),
        ("sys_ptrace", true),
        ("ALL", true),
    ] {
        let body = json!({"Image": "alpine", "HostConfig": {"CapAdd": [word]}});
        assert_eq!(!escapes("ContainerCreate", &[], &body, &Ptrace).is_empty(), is_escape, "{word}");
    }
}

#[test]
fn the_bodies_that_count_are_known() {
    let names: Vec<_> = operations().collect();
    for operation in operations_with_body() {
        assert!(names.contains(&operation), "{operation}");
    }
    for operation in "ContainerCreate ContainerExec ContainerUpdate ServiceCreate ServiceUpdate VolumeCreate \
                      NetworkCreate NetworkConnect"
        .split_whitespace()
    {
        assert!(operations_with_body().any(|known| known == operation), "{operation}");
    }
}
