//! `sockgate policy new`: begins a policy with a project that builds and passes its test as it is.
//!
//! The files are those of `author/templates`; only the name `my-policy` in them is replaced.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::ValueEnum;

/// The language of a new policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Language {
    /// Small and fast
    Rust,
    /// By componentize-qjs, with the QuickJS engine in the component
    Js,
    /// By componentize-py, with CPython in the component
    Python,
}

/// Why a new policy cannot be begun.
#[derive(Debug, thiserror::Error)]
pub enum NewError {
    /// The folder holds something already, and nothing is ever overwritten.
    #[error("{} exists already, and is not an empty folder: name another", .0.display())]
    Taken(PathBuf),
    /// Cargo, npm or Python would not take the name.
    #[error(
        "{0:?} cannot be a policy's name: name the folder, for example, my-policy (a letter a-z first, then letters, digits and -)"
    )]
    Name(String),
    /// A file cannot be written.
    #[error("{} cannot be written", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why it cannot be written.
        source: io::Error,
    },
}

/// One file of a project: its path there, and its content.
type File = (&'static str, &'static str);

macro_rules! files {
    ($($path:literal $from:literal),* $(,)?) => {
        &[$(($path, include_str!(concat!("../templates/", $from)))),*]
    };
}

/// The files of every project.
const COMMON: &[File] = files!["cases.yaml" "common/cases.yaml", "wit/policy.wit" "../../wit/policy.wit"];

const RUST: &[File] = files![
    "README.md" "rust/README.md",
    "Cargo.toml" "rust/Cargo.toml",
    "Cargo.lock" "rust/Cargo.lock",
    "src/lib.rs" "rust/src/lib.rs",
    ".gitignore" "rust/gitignore",
];

const JS: &[File] = files![
    "README.md" "js/README.md",
    "package.json" "js/package.json",
    "package-lock.json" "js/package-lock.json",
    "policy.js" "js/policy.js",
    ".gitignore" "js/gitignore",
];

const PYTHON: &[File] = files![
    "README.md" "python/README.md",
    "requirements.txt" "python/requirements.txt",
    "policy.py" "python/policy.py",
    ".gitignore" "python/gitignore",
];

impl Language {
    const fn files(self) -> &'static [File] {
        match self {
            Self::Rust => RUST,
            Self::Js => JS,
            Self::Python => PYTHON,
        }
    }
}

/// Makes a project in `folder` that has the folder's name. Returns a text that lists the files.
///
/// # Errors
/// [`NewError`].
pub fn new(language: Language, folder: &Path) -> Result<String, NewError> {
    let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let is_name = name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.len() <= 64
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    if !is_name {
        return Err(NewError::Name(name));
    }
    require_free(folder)?;
    let mut text = format!("{name} is made:\n");
    for (path, content) in language.files().iter().chain(COMMON) {
        let content = content.replace("my-policy", &name).replace("my_policy", &name.replace('-', "_"));
        write(&folder.join(path), &content)?;
        // Writing to a string cannot fail.
        let _ = writeln!(text, "  {}", folder.join(path).display());
    }
    let _ = writeln!(text, "Its README.md says how to build it, test it and run it.");
    Ok(text)
}

fn require_free(folder: &Path) -> Result<(), NewError> {
    match fs::read_dir(folder).map(Iterator::count) {
        Ok(0) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Ok(_) | Err(_) => Err(NewError::Taken(folder.to_owned())),
    }
}

fn write(path: &Path, content: &str) -> Result<(), NewError> {
    let folder = path.parent().unwrap_or(Path::new(""));
    let written = fs::create_dir_all(folder).and_then(|()| fs::write(path, content));
    written.map_err(|source| NewError::Write { path: path.to_owned(), source })
}
