use std::os::unix::fs::PermissionsExt;

use tempfile::TempDir;

use super::*;

/// The smallest component: the preamble, and nothing in it.
const EMPTY: &[u8] = b"\0asm\x0d\x00\x01\x00";

/// A change to an entry that damages it.
type Damage = fn(&mut Vec<u8>);

/// What makes something that is not an entry.
type Make = fn(&Path);

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

    fn code(&self, wasm: &[u8]) -> Vec<u8> {
        self.engine.precompile_component(wasm).unwrap()
    }

    fn origin(&self, cache: &CodeCache) -> Origin {
        let digest = Digest::of(EMPTY);
        if cache.find(&self.engine, &digest).is_some() {
            return Origin::Cached;
        }
        cache.keep(&self.engine, &digest, &self.code(EMPTY));
        Origin::Compiled
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

#[test]
fn an_entry_is_not_taken_for_the_code_of_another_policy() {
    let scene = Scene::new();
    let cache = scene.cache();
    scene.origin(&cache);
    let [own] = &scene.entries()[..] else { panic!("one entry") };
    let other = Digest::of(b"another policy");
    let entry = Entry::of(&scene.folder.path().join("code"), &scene.engine, &other);
    fs::copy(own, &entry.path).unwrap();
    assert!(cache.find(&scene.engine, &other).is_none());
    assert_eq!(scene.origin(&cache), Origin::Cached, "under its own name it is");
}

#[test]
fn a_link_in_the_place_of_an_entry_is_not_followed() {
    let scene = Scene::new();
    let cache = scene.cache();
    scene.origin(&cache);
    let entry = scene.entries().remove(0);
    let elsewhere = scene.folder.path().join("elsewhere");
    fs::rename(&entry, &elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, &entry).unwrap();
    assert_eq!(scene.origin(&cache), Origin::Compiled);
    assert_eq!(scene.origin(&cache), Origin::Cached, "replaced by one of our own");
    assert!(fs::symlink_metadata(&entry).unwrap().is_file());
}

/// A pipe without a writer would be waited for, and one without a reader as well.
#[test]
fn what_is_no_file_in_the_place_of_an_entry_is_not_waited_for() {
    let scene = Scene::new();
    let cache = scene.cache();
    scene.origin(&cache);
    let entry = scene.entries().remove(0);
    let unfinished = entry.with_extension(format!("{}.new", std::process::id()));
    let pipe: Make = |path| rustix::fs::mkfifoat(rustix::fs::CWD, path, 0o600.into()).unwrap();
    let makes: [(&str, Make); 3] = [
        ("a pipe", pipe),
        ("a folder", |path| fs::create_dir(path).unwrap()),
        ("a socket", |path| drop(std::os::unix::net::UnixListener::bind(path).unwrap())),
    ];
    for (what, make) in makes {
        fs::remove_file(&entry).unwrap();
        make(&entry);
        pipe(&unfinished);
        assert_eq!(scene.origin(&cache), Origin::Compiled, "{what}");
        let _ = fs::remove_dir(&entry);
        assert!(what == "a folder" || scene.origin(&cache) == Origin::Cached, "{what}: replaced by a file");
        assert!(!unfinished.exists(), "{what}");
        scene.origin(&cache);
    }
}

#[test]
fn what_was_not_used_for_a_month_is_removed_and_nothing_else() {
    let scene = Scene::new();
    let cache = scene.cache();
    scene.origin(&cache);
    let folder = scene.folder.path().join("code");
    let own = scene.entries().remove(0);
    let name = |start: &str, end: &str| folder.join(format!("{start}-0123456789abcdef.{end}"));
    let (used, unused) = (name(&"a".repeat(64), "code"), name(&"b".repeat(64), "code"));
    let unfinished = name(&"c".repeat(64), "77.new");
    let others = [folder.join("notes.code"), name(&"d".repeat(63), "code"), name(&"e".repeat(64), "txt")];
    let age = |path: &Path, days: u64| {
        let file = OpenOptions::new().write(true).create(true).truncate(false).open(path).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(days * 24 * 60 * 60)).unwrap();
    };
    for path in others.iter().chain([&unused, &unfinished]) {
        age(path, 31);
    }
    age(&used, 29);
    age(&own, 31);
    assert_eq!(scene.origin(&cache), Origin::Cached, "which is a use");
    cache.keep(&scene.engine, &Digest::of(b"x"), &scene.code(b"\0asm\x0d\0\x01\0\0\x02\x01x"));
    for kept in others.iter().chain([&used, &own]) {
        assert!(kept.exists(), "{}", kept.display());
    }
    assert!(!unused.exists() && !unfinished.exists());
}
