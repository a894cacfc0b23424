//! Mounts, as tables.

use serde_json::{Value, json};

use super::mounts;

fn shown(body: &Value) -> String {
    match mounts(body) {
        Ok(mounts) => mounts
            .iter()
            .map(|mount| {
                let read_only = if mount.read_only { " ro" } else { "" };
                format!("{} {} {}{read_only}", mount.kind, mount.source, mount.target)
            })
            .collect::<Vec<_>>()
            .join("; "),
        Err(problem) => problem,
    }
}

#[test]
fn each_way_to_mount_something_is_found() {
    let mount = json!({"Type": "bind", "Source": "/etc", "Target": "/x", "ReadOnly": true});
    for (body, want) in [
        (json!({"HostConfig": {"Binds": ["/etc:/x"]}}), "bind /etc /x"),
        (json!({"HostConfig": {"Binds": ["/etc:/x:z,ro"]}}), "bind /etc /x ro"),
        (json!({"HostConfig": {"Binds": ["data:/x"]}}), "volume data /x"),
        (json!({"HostConfig": {"Binds": ["/x"]}}), "volume  /x"),
        (json!({"HostConfig": {"Binds": ["/srv/../etc:/x"]}}), "bind /etc /x"),
        (json!({"HostConfig": {"Binds": ["//var/./run//docker.sock:/x"]}}), "bind /var/run/docker.sock /x"),
        (json!({"HostConfig": {"Binds": ["/../..:/x"]}}), "bind / /x"),
        (json!({"HostConfig": {"Binds": ["data:/x"], "VolumeDriver": "other"}}), "volume-driver data /x"),
        (json!({"HostConfig": {"Binds": ["data:/x"], "VolumeDriver": "local"}}), "volume data /x"),
        (json!({"Volumes": {"/data": {}}, "HostConfig": {"VolumeDriver": "other"}}), "volume-driver  /data"),
        (json!({"HostConfig": {"Mounts": [{"Type": "bind", "Source": "/a/../etc"}]}}), "bind /etc "),
        (
            json!({"HostConfig": {"Mounts": [{"Type": "volume", "Source": "v", "Target": "/x", "VolumeOptions":
                {"DriverConfig": {"Name": "local", "Options": {"type": "none", "o": "bind", "device": "/etc"}}}}]}}),
            "volume-driver /etc /x",
        ),
        (
            json!({"HostConfig": {"Mounts": [{"Type": "volume", "Source": "v", "VolumeOptions":
                {"DriverConfig": {"Name": "other"}}}]}}),
            "volume-driver  ",
        ),
        (
            json!({"HostConfig": {"Mounts": [{"Type": "volume", "Source": "v", "VolumeOptions":
                {"DriverConfig": {"Name": "local", "Options": {}}}}]}}),
            "volume v ",
        ),
        (json!({"HostConfig": {"Mounts": [mount]}}), "bind /etc /x ro"),
        (json!({"HostConfig": {"Mounts": [{"Type": "image", "Source": "alpine"}]}}), "image alpine "),
        (json!({"TaskTemplate": {"ContainerSpec": {"Mounts": [mount]}}}), "bind /etc /x ro"),
        (json!({"HostConfig": {"Tmpfs": {"/run": "size=1m"}}}), "tmpfs  /run"),
        (json!({"Volumes": {"/data": {}}}), "volume  /data"),
        (json!({"HostConfig": {"VolumesFrom": ["web", "db:ro"]}}), "volumes-from web ; volumes-from db  ro"),
        (json!({"HostConfig": {"Binds": null, "Mounts": null}, "Volumes": null}), ""),
        (json!({}), ""),
        (Value::Null, ""),
    ] {
        assert_eq!(shown(&body), want, "{body}");
    }
}

#[test]
fn what_the_engine_would_not_read_is_no_empty_list() {
    for (body, want) in [
        (json!({"HostConfig": {"Binds": "/etc:/x"}}), "Binds: is not of the right type"),
        (json!({"HostConfig": {"Binds": [1]}}), "Binds: is not of the right type"),
        (json!({"HostConfig": {"Mounts": [null]}}), "Mounts: is not of the right type"),
        (json!({"HostConfig": {"Mounts": [{"Source": 1}]}}), "Source: is not of the right type"),
        (json!({"HostConfig": {"Mounts": [{"ReadOnly": "yes"}]}}), "ReadOnly: is not of the right type"),
        (
            json!({"HostConfig": {"Mounts": [{"Type": "bind", "Source": "\\/../../.."}]}}),
            "Source: a folder of the host is named from the root on",
        ),
        (json!({"HostConfig": {"VolumeDriver": 1}}), "VolumeDriver: is not of the right type"),
        (json!({"HostConfig": {"Tmpfs": []}}), "Tmpfs: is not of the right type"),
        (json!({"Volumes": ["/x"]}), "Volumes: is not of the right type"),
        (json!({"HostConfig": {"VolumesFrom": [{}]}}), "VolumesFrom: is not of the right type"),
    ] {
        assert_eq!(shown(&body), want, "{body}");
    }
}
