use std::fs;
use std::os::unix::fs::symlink;

use super::*;

type Change = fn(&Path);

#[test]
fn every_way_to_change_a_file_changes_how_it_looks() {
    let rows: [(&str, Change); 6] = [
        ("rewritten in place, at the same length", |path| {
            fs::write(path.join("policy.wasm"), "two").unwrap()
        }),
        ("another moved over it", |path| {
            fs::write(path.join("new"), "one").unwrap();
            fs::rename(path.join("new"), path.join("policy.wasm")).unwrap();
        }),
        ("deleted", |path| fs::remove_file(path.join("policy.wasm")).unwrap()),
        ("deleted and made anew", |path| {
            // The old file is kept, so that the new one cannot get its inode.
            fs::hard_link(path.join("policy.wasm"), path.join("old")).unwrap();
            fs::remove_file(path.join("policy.wasm")).unwrap();
            fs::write(path.join("policy.wasm"), "one").unwrap();
        }),
        ("a link to another", |path| {
            fs::write(path.join("other"), "one").unwrap();
            fs::remove_file(path.join("policy.wasm")).unwrap();
            symlink("other", path.join("policy.wasm")).unwrap();
        }),
        ("grown", |path| fs::write(path.join("policy.wasm"), "one and more").unwrap()),
    ];
    for (change, make) in rows {
        let folder = tempfile::tempdir().unwrap();
        let paths = [folder.path().join("policy.wasm")];
        fs::write(&paths[0], "one").unwrap();
        // Times of files advance with the kernel's tick: two writes within one tick would look the same.
        let long_ago = std::time::SystemTime::UNIX_EPOCH;
        File::open(&paths[0]).unwrap().set_modified(long_ago).unwrap();
        let before = Look::at(&paths);
        assert_eq!(Look::at(&paths), before, "{change}: not yet");
        make(folder.path());
        assert_ne!(Look::at(&paths), before, "{change}");
    }
}

/// Kubernetes mounts a ConfigMap like this: each file is a link into `..data`, which is a link that is swapped.
#[test]
fn the_swap_of_a_mounted_config_map_is_seen() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    for version in ["..2026_1", "..2026_2"] {
        fs::create_dir(at(version)).unwrap();
        fs::write(at(version).join("policy.wasm"), "x").unwrap();
    }
    symlink("..2026_1", at("..data")).unwrap();
    symlink("..data/policy.wasm", at("policy.wasm")).unwrap();
    let paths = [at("policy.wasm")];
    let before = Look::at(&paths);
    symlink("..2026_2", at("..data_tmp")).unwrap();
    fs::rename(at("..data_tmp"), at("..data")).unwrap();
    assert_ne!(Look::at(&paths), before);
}

#[test]
fn what_is_no_file_or_too_large_is_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    fs::write(&path, "1234").unwrap();
    assert_eq!(read(&path, 4).unwrap(), b"1234");
    assert!(matches!(read(&path, 3), Err(Unreadable::TooLarge { found: 4, most: 3 })));
    assert!(matches!(read(folder.path(), 3), Err(Unreadable::NotAFile)));
    assert!(matches!(read(&folder.path().join("none"), 3), Err(Unreadable::Io(_))));
    let pipe = folder.path().join("pipe");
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, rustix::fs::Mode::RUSR, 0)
        .unwrap();
    assert!(matches!(read(&pipe, 3), Err(Unreadable::NotAFile)));
}

#[test]
fn a_file_that_changes_while_it_is_read_is_not_taken() {
    let changes: [(&str, Change); 3] = [
        ("rewritten", |path| fs::write(path, "two").unwrap()),
        ("shorter", |path| fs::write(path, "").unwrap()),
        ("longer", |path| fs::write(path, "one and more").unwrap()),
    ];
    for (change, make) in changes {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("policy.wasm");
        fs::write(&path, "one").unwrap();
        let file = File::open(&path).unwrap();
        // Times of files advance with the kernel's tick: two writes within one tick would look the same.
        file.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
        let read = read_from(&file, 100, || make(&path));
        assert!(matches!(read, Err(Unreadable::Changing)), "{change}: {read:?}");
        assert!(read_from(&file, 100, || {}).is_ok(), "{change}: and then it is whole again");
    }
}

/// Whoever may write to the folder of a file could otherwise choose what is read, and a policy could tell it to clients.
#[test]
fn links_of_those_who_could_not_have_read_the_file_are_not_followed() {
    if !rustix::process::geteuid().is_root() {
        return; // only root can make a file another's
    }
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let (stranger, other) = (65_534, 65_533);
    let is_read = |owner_of_file: u32, owner_of_link: u32, owner_of_second: u32| {
        for name in ["file", "folder", "link", "second"] {
            let _ = fs::remove_dir_all(at(name)).or_else(|_| fs::remove_file(at(name)));
        }
        fs::create_dir(at("folder")).unwrap();
        fs::write(at("folder/file"), "x").unwrap();
        std::os::unix::fs::lchown(at("folder/file"), Some(owner_of_file), None).unwrap();
        for (link, target, owner) in
            [("link", "folder", owner_of_link), ("second", "link/file", owner_of_second)]
        {
            symlink(target, at(link)).unwrap();
            std::os::unix::fs::lchown(at(link), Some(owner), None).unwrap();
        }
        match read(&at("second"), 10) {
            Ok(bytes) => bytes == b"x",
            Err(Unreadable::Link { owner, .. }) => {
                assert!([owner_of_link, owner_of_second].contains(&owner));
                false
            }
            Err(error) => panic!("{error}"),
        }
    };
    for (file, link, second, want) in [
        (0, 0, 0, true),
        (stranger, 0, 0, true),
        (stranger, stranger, stranger, true),
        (stranger, 0, stranger, true),
        (0, stranger, 0, false),
        (0, 0, stranger, false),
        (other, stranger, 0, false),
    ] {
        assert_eq!(is_read(file, link, second), want, "file of {file}, links of {link} and {second}");
    }
}

#[test]
fn files_of_the_kernel_are_not_read_by_whatever_way() {
    let folder = tempfile::tempdir().unwrap();
    let link = folder.path().join("link");
    symlink("/proc/self/environ", &link).unwrap();
    for path in [Path::new("/proc/self/environ"), Path::new("/proc/../proc/self/status"), &link] {
        let refused = read(path, 1 << 20);
        assert!(matches!(refused, Err(Unreadable::Kernel("procfs"))), "{}: {refused:?}", path.display());
    }
}

#[test]
fn a_path_is_followed_as_the_kernel_does() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::create_dir_all(at("a/b")).unwrap();
    fs::write(at("a/file"), "x").unwrap();
    symlink("a/b", at("deep")).unwrap();
    symlink(at("deep/../file"), at("absolute")).unwrap();
    symlink("circle", at("circle")).unwrap();
    for path in ["a/file", "deep/../file", "absolute", "./a/./b/.././file"] {
        let (end, _links) = follow(&at(path)).unwrap();
        assert_eq!(fs::canonicalize(&end).unwrap(), fs::canonicalize(at("a/file")).unwrap(), "{path}");
    }
    assert!(follow(&at("circle")).is_err());
}
