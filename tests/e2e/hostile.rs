//! Hostile requests: every vector of `tests/vectors`, on both kinds of listener.
//!
//! Not a byte of a refused request may arrive at the engine. An allowed one must arrive in exactly the form that the
//! vector gives. The format is described in `tests/vectors/README.md`.

use std::collections::HashSet;
use std::path::PathBuf;

use e2e::Via;
use tokio::task::LocalSet;

mod echo;
mod messages;
mod run;
mod vector;

use vector::Vector;

/// Runs the vectors of each file, one test a file and listener, and knows which files those are.
macro_rules! vectors_of {
    ($($file:ident),+ $(,)?) => {
        const FILES: &[&str] = &[$(stringify!($file)),+];
        mod over_tcp {
            $(#[tokio::test] async fn $file() { super::hold(stringify!($file), e2e::Via::Tcp).await; })+
        }
        mod over_unix {
            $(#[tokio::test] async fn $file() { super::hold(stringify!($file), e2e::Via::Unix).await; })+
        }
    };
}

vectors_of!(
    arguments, chunks, connection, families, flags, forms, framing, heads, hosts, methods, origins, paths,
    pipelining, queries, targets, upgrades,
);

fn folder() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/vectors"))
}

/// What a vector sets of the flags; `None`: every flag is on.
pub(crate) type VectorFlags = Option<Vec<(String, String)>>;

/// Every request line of the vectors, with the flags that its vector sets.
pub(crate) fn request_lines() -> Vec<(VectorFlags, String)> {
    let vectors = FILES.iter().flat_map(|file| read(file));
    vectors
        .flat_map(|vector| {
            let sent = String::from_utf8_lossy(&vector.sent).into_owned();
            let lines =
                sent.lines().filter_map(|line| line.rsplit_once(" HTTP/1.")).map(|(line, _)| line.to_owned());
            lines.map(move |line| (vector.flags.clone(), line)).collect::<Vec<_>>()
        })
        .collect()
}

fn read(file: &str) -> Vec<Vector> {
    let path = folder().join(format!("{file}.vec"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    vector::parse(&text).unwrap_or_else(|problem| panic!("{}: {problem}", path.display()))
}

/// Runs all vectors of a file, so that one failure does not hide the others.
async fn hold(file: &str, via: Via) {
    let mut failures = Vec::new();
    for vector in read(file).into_iter().filter(|vector| vector.only.is_none_or(|only| only == via)) {
        let name = vector.name.clone();
        let local = LocalSet::new();
        let held = local.spawn_local(run::hold(vector, via));
        if let Err(failed) = local.run_until(held).await {
            let panic = failed.into_panic();
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
            failures.push(format!("{file}.vec, {name}: {}", text.unwrap_or_default()));
        }
    }
    assert!(failures.is_empty(), "{} vectors do not hold:\n\n{}", failures.len(), failures.join("\n\n"));
}

#[test]
fn every_file_of_vectors_is_run() {
    let mut files: Vec<_> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "vec"))
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    files.sort();
    assert_eq!(files, FILES);
}

#[test]
fn there_are_as_many_vectors_as_promised_and_each_has_a_name_of_its_own() {
    let mut names = HashSet::new();
    let mut allowed = 0;
    for vector in FILES.iter().flat_map(|file| read(file)) {
        allowed += usize::from(!vector.engine_gets.is_empty());
        assert!(names.insert(vector.name.clone()), "two vectors are called {:?}", vector.name);
    }
    assert!(names.len() >= 200, "{} vectors", names.len());
    assert!(allowed >= 40, "{allowed} vectors that reach the engine, to compare the others with");
}
