//! How much memory the gateway may use: the limits of its control groups, which a container's memory limit is.
//!
//! The tightest limit of the group and of those around it counts, for version 2 and for version 1. Whatever cannot be
//! read sets no limit.

use std::fs;
use std::path::{Path, PathBuf};

/// Where control groups are mounted.
const MOUNT: &str = "/sys/fs/cgroup";

/// The memory limit of this process in bytes, if there is one.
pub(crate) fn limit() -> Option<u64> {
    let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    limit_of(&groups, |path| fs::read_to_string(path).ok())
}

/// The tightest limit of the groups that `/proc/self/cgroup` lists.
fn limit_of(groups: &str, read: impl Fn(&Path) -> Option<String>) -> Option<u64> {
    let files = groups.lines().filter_map(limit_files).flatten();
    // `max`, and a number that no machine has, stand for no limit.
    files.filter_map(|file| read(&file)?.trim().parse().ok()).filter(|limit| *limit < 1 << 50).min()
}

/// The files with the limits of one line's group and of the groups around it. In a container the path may be the host's,
/// while the container's own group is mounted as the outermost one.
fn limit_files(line: &str) -> Option<Vec<PathBuf>> {
    let mut fields = line.splitn(3, ':').skip(1);
    let (controllers, group) = (fields.next()?, fields.next()?);
    let (mount, name) = match controllers {
        "" => (PathBuf::from(MOUNT), "memory.max"),
        _ if controllers.split(',').any(|one| one == "memory") => {
            (Path::new(MOUNT).join("memory"), "memory.limit_in_bytes")
        }
        _ => return None,
    };
    let groups =
        Path::new(group.trim_start_matches('/')).ancestors().map(|group| mount.join(group).join(name));
    Some(groups.collect())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::limit_of;

    #[test]
    fn the_tightest_limit_of_all_groups_counts() {
        let v1 = "5:devices:/\n4:memory:/docker/x\n0::/\n";
        for (groups, files, want) in [
            ("0::/\n", &[("/sys/fs/cgroup/memory.max", "67108864\n")][..], Some(64 << 20)),
            ("0::/\n", &[("/sys/fs/cgroup/memory.max", "max\n")], None),
            ("0::/\n", &[], None),
            ("", &[("/sys/fs/cgroup/memory.max", "1\n")], None),
            (
                "0::/a/b\n",
                &[("/sys/fs/cgroup/a/b/memory.max", "max\n"), ("/sys/fs/cgroup/a/memory.max", "7\n")],
                Some(7),
            ),
            (
                "0::/a\n",
                &[("/sys/fs/cgroup/a/memory.max", "9\n"), ("/sys/fs/cgroup/memory.max", "7\n")],
                Some(7),
            ),
            ("0::/../x\n", &[("/sys/fs/cgroup/memory.max", "7\n")], Some(7)),
            (v1, &[("/sys/fs/cgroup/memory/docker/x/memory.limit_in_bytes", "8\n")], Some(8)),
            (v1, &[("/sys/fs/cgroup/memory/memory.limit_in_bytes", "8\n")], Some(8)),
            (v1, &[("/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n")], None),
            (v1, &[("/sys/fs/cgroup/devices/memory.limit_in_bytes", "8\n")], None),
            ("4:cpu,memory:/\n", &[("/sys/fs/cgroup/memory/memory.limit_in_bytes", "8\n")], Some(8)),
            ("nonsense\n:\n::\n", &[], None),
        ] {
            let read = |path: &Path| {
                let found = files.iter().find(|(file, _)| Path::new(file) == path);
                found.map(|(_, text)| (*text).to_owned())
            };
            assert_eq!(limit_of(groups, read), want, "{groups:?} {files:?}");
        }
    }
}
