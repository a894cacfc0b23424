//! Writes the reference documents that are generated from the code: `cargo run -p e2e --bin reference`.
#![allow(clippy::print_stdout, reason = "it says what it wrote")]

use anyhow::Result;
use e2e::reference::{DOCUMENTS, root};

fn main() -> Result<()> {
    for document in DOCUMENTS {
        let committed = document.committed()?;
        let renewed = document.renewed(&committed)?;
        if renewed != committed {
            std::fs::write(root().join(document.path), renewed)?;
            println!("{} is new", document.path);
        }
    }
    Ok(())
}
