use std::os::unix::fs::PermissionsExt;

use tempfile::TempDir;

use super::*;

/// The smallest component: the preamble, and nothing in it.
const EMPTY: &[u8] = b"\0asm\x0d\x00\x01\x00";

/// What can happen to an entry.
type Damage = fn(&mut Vec<u8>);

struct Scene {
    engine: Engine,
    folder: TempDir,
}

impl Scene {
    fn new() -> Self {
        Self { engine: Engine::default(), folder: tempfile::tempdir().unwrap() }
    }

    fn cache(&self) -> CodeCache {
        CodeCache::open(&self.folder.path().join("code"))
    }

    fn origin(&self, cache: &CodeCache) -> Origin {
        cache.component(&self.engine, EMPTY, &Digest::of(EMPTY)).unwrap().1
    }

    /// The entries' files.
    fn entries(&self) -> Vec<PathBuf> {
        let folder = fs::read_dir(self.folder.path().join("code")).unwrap();
        folder.map(|entry| entry.unwrap().path()).collect()
    }
}

#[test]
fn what_one_start_compiled_the_next_finds() {
    let scene = Scene::new();
    assert_eq!(scene.origin(&scene.cache()), Origin::Compiled);
    assert_eq!(scene.origin(&scene.cache()), Origin::Cached);
    assert_eq!(scene.entries().len(), 1);
}

#[test]
fn the_folder_and_its_entries_are_for_their_owner_alone() {
    let scene = Scene::new();
    scene.origin(&scene.cache());
    let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o777;
    assert_eq!(mode(&scene.folder.path().join("code")), 0o700);
    assert_eq!(mode(&scene.entries()[0]), 0o600);
}

#[test]
fn a_damaged_entry_is_compiled_anew_and_mended() {
    let (empty, half): (Damage, Damage) = (Vec::clear, |entry| entry.truncate(entry.len() / 2));
    let flipped: Damage = |entry| {
        let middle = entry.len() / 2;
        entry[middle] ^= 1;
    };
    let longer: Damage = |entry| entry.push(0);
    for (what, damage) in
        [("empty", empty), ("cut off", half), ("a bit flipped", flipped), ("something behind it", longer)]
    {
        let scene = Scene::new();
        let cache = scene.cache();
        scene.origin(&cache);
        let [entry] = &scene.entries()[..] else { panic!("{what}: one entry") };
        let mut bytes = fs::read(entry).unwrap();
        damage(&mut bytes);
        fs::write(entry, bytes).unwrap();
        assert_eq!(scene.origin(&cache), Origin::Compiled, "{what}");
        assert_eq!(scene.origin(&cache), Origin::Cached, "{what}: mended");
    }
}

#[test]
fn an_entry_that_others_may_write_to_is_not_run() {
    let scene = Scene::new();
    let cache = scene.cache();
    scene.origin(&cache);
    for mode in [0o620, 0o602] {
        fs::set_permissions(&scene.entries()[0], fs::Permissions::from_mode(mode)).unwrap();
        assert_eq!(scene.origin(&cache), Origin::Compiled, "{mode:o}");
        assert_eq!(scene.origin(&cache), Origin::Cached, "{mode:o}: replaced by one of our own");
    }
}

#[test]
fn a_folder_that_is_not_ours_alone_is_not_used() {
    let scene = Scene::new();
    let code = scene.folder.path().join("code");
    for make in [
        |code: &Path| {
            fs::create_dir(code).unwrap();
            fs::set_permissions(code, fs::Permissions::from_mode(0o777)).unwrap();
        },
        |code: &Path| std::os::unix::fs::symlink(std::env::temp_dir(), code).unwrap(),
        |code: &Path| fs::write(code, "a file").unwrap(),
    ] {
        make(&code);
        let cache = scene.cache();
        assert_eq!(cache.folder, None);
        assert_eq!(scene.origin(&cache), Origin::Compiled);
        assert_eq!(scene.origin(&cache), Origin::Compiled, "and is not kept");
        let _ = fs::remove_dir(&code).or_else(|_| fs::remove_file(&code));
    }
}
