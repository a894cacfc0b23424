//! Bodies of what is not a container's creation, as a table.

use serde_json::{Value, json};

use super::judge;

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
