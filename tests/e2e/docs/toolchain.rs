//! The oldest Rust that is promised is the one that builds, here and in the image, and the one that documents name.

use e2e::reference::root;

use super::markdown::documents;

#[test]
fn the_promised_rust_is_the_pinned_one_and_that_of_the_image() {
    let read = |path: &str| std::fs::read_to_string(root().join(path)).unwrap();
    let after = |text: &str, mark: &str| {
        let (_, rest) = text.split_once(mark).unwrap_or_else(|| panic!("there is no {mark}"));
        version_at_start_of(rest).to_owned()
    };
    let promised = after(&read("Cargo.toml"), "\nrust-version = \"");
    assert!(promised.contains('.'), "{promised}");
    assert_eq!(after(&read("rust-toolchain.toml"), "\nchannel = \""), format!("{promised}.0"));
    assert_eq!(after(&read("Dockerfile"), "\nFROM rust:"), promised);
    for document in documents() {
        let text = std::fs::read_to_string(&document).unwrap();
        for named in ["Rust 1.", "rustc 1."].iter().flat_map(|words| text.match_indices(words)) {
            let named = version_at_start_of(&text[named.0..][named.1.len() - 2..]);
            assert_eq!(named, promised, "{}", document.display());
        }
    }
}

fn version_at_start_of(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    text[..end].trim_end_matches('.')
}
