//! A control group with a memory limit, as a container's is: whoever needs more is killed by the kernel.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A control group of version 1 or 2, removed when it is dropped.
pub(crate) struct MemoryGroup {
    folder: PathBuf,
    peak: &'static str,
}

impl MemoryGroup {
    /// A group beside that of this process (version 2) or below it (version 1), limited to so many bytes.
    pub(crate) fn new(name: &str, limit: u64) -> Self {
        let groups = fs::read_to_string("/proc/self/cgroup").unwrap();
        let of = |controllers: &str| {
            let path = groups.lines().find_map(|line| line.split_once(controllers)?.1.strip_prefix('/'));
            path.map(|path| path.trim_start_matches("../").to_owned())
        };
        let (parent, file, peak) = match of(":memory:") {
            Some(own) => {
                let mount = Path::new("/sys/fs/cgroup/memory");
                (mount.join(own), "memory.limit_in_bytes", "memory.max_usage_in_bytes")
            }
            None => {
                let own = Path::new("/sys/fs/cgroup").join(of("0::").unwrap());
                (own.parent().unwrap().to_owned(), "memory.max", "memory.peak")
            }
        };
        let folder = parent.join(format!("sockgate-{name}-{}", std::process::id()));
        let made = fs::create_dir(&folder).and_then(|()| fs::write(folder.join(file), limit.to_string()));
        made.unwrap_or_else(|error| {
            panic!(
                "{}: {error}: this test needs root and a control group whose memory can be limited; in a container, \
                 mount /sys/fs/cgroup writable",
                folder.display()
            )
        });
        Self { folder, peak }
    }

    /// A command that becomes `binary`, in this group.
    pub(crate) fn command(&self, binary: &Path) -> Command {
        let mut command = Command::new("/bin/sh");
        let script = r#"echo $$ > "$0/cgroup.procs" && exec "$1""#;
        command.args(["-c", script]).arg(&self.folder).arg(binary);
        command
    }

    /// The most that the group has held, in KiB: the binary's own pages are in it.
    pub(crate) fn peak(&self) -> f64 {
        let bytes = fs::read_to_string(self.folder.join(self.peak)).unwrap();
        u32::try_from(bytes.trim().parse::<u64>().unwrap() / 1024).unwrap().into()
    }
}

impl Drop for MemoryGroup {
    fn drop(&mut self) {
        // It cannot be removed before the process in it is gone, whose handle was dropped before this one.
        let _ = fs::remove_dir(&self.folder);
    }
}
