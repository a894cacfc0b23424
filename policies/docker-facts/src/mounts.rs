//! What a container or a service has mounted, by whichever way its body says so.
//!
//! Docker has five: `Binds`, `Mounts`, `Tmpfs` and `VolumesFrom` of `HostConfig`, and `Volumes` beside it; a service has
//! `Mounts` of its own.

#[cfg(test)]
mod tests;

use serde_json::Value;

/// Something that is mounted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mount {
    /// `bind`, `volume`, `tmpfs` or what else `Mounts` says; `volumes-from` for all that another container has, and
    /// `volume-driver` for a volume that the body has a driver make with options, or by another driver than the engine's own:
    /// it can be any folder of the host.
    pub kind: String,
    /// The folder of the host, without `.` and `..`; the volume's name, the device of a volume's driver, the other container;
    /// empty for a volume without a name and a tmpfs.
    pub source: String,
    /// Where it is in the container.
    pub target: String,
    /// Whether it cannot be written to.
    pub read_only: bool,
}

/// Everything that a body of `ContainerCreate`, `ServiceCreate` or `ServiceUpdate` has mounted.
///
/// # Errors
/// The field that is not of the type that the engine reads.
pub fn mounts(body: &Value) -> Result<Vec<Mount>, String> {
    let host = body.get("HostConfig").unwrap_or(&Value::Null);
    let mut mounts = Vec::new();
    let volume = match text(host, "VolumeDriver")?.as_str() {
        "" | "local" => "volume",
        _ => DRIVER,
    };
    for bind in items(host, "Binds")? {
        mounts.push(bind_mount(bind.as_str().ok_or_else(|| wrong("Binds"))?, volume));
    }
    let service = body.pointer("/TaskTemplate/ContainerSpec").unwrap_or(&Value::Null);
    for mount in items(host, "Mounts")?.iter().chain(items(service, "Mounts")?) {
        mounts.push(long_mount(mount)?);
    }
    for (field, kind, of) in [("Tmpfs", "tmpfs", host), ("Volumes", volume, body)] {
        for target in keys(of, field)? {
            mounts.push(Mount { kind: kind.to_owned(), target: target.clone(), ..Mount::default() });
        }
    }
    for other in items(host, "VolumesFrom")? {
        let other = other.as_str().ok_or_else(|| wrong("VolumesFrom"))?;
        let (source, mode) = other.split_once(':').unwrap_or((other, ""));
        mounts.push(Mount {
            kind: "volumes-from".to_owned(),
            source: source.to_owned(),
            target: String::new(),
            read_only: has_ro(mode),
        });
    }
    Ok(mounts)
}

/// The kind of a volume that may be any folder of the host.
const DRIVER: &str = "volume-driver";

/// `source:target:mode`, or a target alone. `volume` is the kind of a volume here.
fn bind_mount(bind: &str, volume: &str) -> Mount {
    let (source, rest) = bind.split_once(':').unwrap_or(("", bind));
    let (target, mode) = rest.split_once(':').unwrap_or((rest, ""));
    // A path is a folder of the host, and what is neither a path nor empty is a volume's name.
    let (kind, source) =
        if source.starts_with('/') { ("bind", clean(source)) } else { (volume, source.to_owned()) };
    Mount { kind: kind.to_owned(), source, target: target.to_owned(), read_only: has_ro(mode) }
}

/// A path from the root as the engine takes it (Go's `path.Clean`): without `.`, `..` and empty names.
fn clean(path: &str) -> String {
    let mut names = Vec::new();
    for name in path.split('/') {
        match name {
            "" | "." => {}
            ".." => drop(names.pop()),
            name => names.push(name),
        }
    }
    format!("/{}", names.join("/"))
}

fn has_ro(mode: &str) -> bool {
    mode.split(',').any(|word| word == "ro")
}

fn long_mount(mount: &Value) -> Result<Mount, String> {
    let read_only = match mount.get("ReadOnly") {
        None | Some(Value::Null) => false,
        Some(value) => value.as_bool().ok_or_else(|| wrong("ReadOnly"))?,
    };
    if !mount.is_object() {
        return Err(wrong("Mounts"));
    }
    let driver = mount.pointer("/VolumeOptions/DriverConfig").unwrap_or(&Value::Null);
    let options = driver.get("Options").unwrap_or(&Value::Null);
    let (mut kind, mut source) = (text(mount, "Type")?, text(mount, "Source")?);
    if kind == "bind" && !source.starts_with('/') {
        return Err("Source: a folder of the host is named from the root on".to_owned());
    } else if kind == "bind" {
        source = clean(&source);
    } else if !matches!(text(driver, "Name")?.as_str(), "" | "local")
        || keys(driver, "Options")?.next().is_some()
    {
        (kind, source) = (DRIVER.to_owned(), text(options, "device")?);
    }
    Ok(Mount { kind, source, target: text(mount, "Target")?, read_only })
}

/// A field that is a text; the engine takes null for none.
fn text(of: &Value, field: &str) -> Result<String, String> {
    match of.get(field) {
        None | Some(Value::Null) => Ok(String::new()),
        Some(Value::String(text)) => Ok(text.clone()),
        Some(_) => Err(wrong(field)),
    }
}

fn items<'b>(of: &'b Value, field: &str) -> Result<&'b [Value], String> {
    match of.get(field) {
        None | Some(Value::Null) => Ok(&[]),
        Some(Value::Array(items)) => Ok(items),
        Some(_) => Err(wrong(field)),
    }
}

fn keys<'b>(of: &'b Value, field: &str) -> Result<impl Iterator<Item = &'b String>, String> {
    match of.get(field) {
        None | Some(Value::Null) => Ok(None.into_iter().flatten()),
        Some(Value::Object(entries)) => Ok(Some(entries.keys()).into_iter().flatten()),
        Some(_) => Err(wrong(field)),
    }
}

fn wrong(field: &str) -> String {
    format!("{field}: is not of the right type")
}
