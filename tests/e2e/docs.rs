//! The documents keep their word: what is written from the code is fresh, links lead somewhere, quoted output is what
//! the binary prints, examples start.

use std::collections::BTreeSet;

use e2e::reference::{DOCUMENTS, RENEW, root};

use binary::{check, printed, request_lines};
use markdown::{Quote, anchors, blocks, documents, links, quotes};

mod binary;
mod markdown;
mod toolchain;
mod walk;

#[test]
fn what_is_written_from_the_code_is_up_to_date() {
    for document in DOCUMENTS {
        let committed = document.committed().unwrap();
        let is_fresh = document.renewed(&committed).unwrap() == committed;
        assert!(is_fresh, "{} is stale; `{RENEW}` writes it anew", document.path);
    }
}

#[test]
fn every_relative_link_leads_somewhere() {
    let mut dead = Vec::new();
    for document in documents() {
        let text = std::fs::read_to_string(&document).unwrap();
        for link in links(&text) {
            let (path, anchor) = link.split_once('#').unwrap_or((&link, ""));
            let target = match path {
                "" => document.clone(),
                path => document.parent().unwrap().join(path),
            };
            let leads_somewhere = match anchor {
                "" => target.exists(),
                anchor => std::fs::read_to_string(&target).is_ok_and(|text| anchors(&text).contains(anchor)),
            };
            if !leads_somewhere {
                dead.push(format!("{}: {link}", document.display()));
            }
        }
    }
    assert!(dead.is_empty(), "dead links:\n{}", dead.join("\n"));
}

#[test]
fn quoted_check_and_explain_output_is_what_the_binary_prints() {
    let mut compared = BTreeSet::new();
    for document in documents() {
        for Quote { command, output } in quotes(&std::fs::read_to_string(&document).unwrap()) {
            let Some(printed) = printed(&command) else { continue };
            assert_eq!(printed.trim_end(), output.trim_end(), "{}: $ {command}", document.display());
            compared.insert(command);
        }
    }
    for subcommand in ["sockgate check", "sockgate explain"] {
        assert!(
            compared.iter().any(|command| command.contains(subcommand)),
            "no document quotes {subcommand}"
        );
    }
}

#[test]
fn the_compose_examples_start_without_a_warning() {
    let folder = root().join("examples/compose");
    let mut seen = 0;
    for file in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if file.extension().is_some_and(|extension| extension == "yml") {
            let environment = compose_environment(&std::fs::read_to_string(&file).unwrap());
            assert!(!environment.is_empty(), "{} sets no flag", file.display());
            let checked = check(&environment);
            let is_quiet = !checked.contains("\nwarning") && !checked.contains("\nhint");
            assert!(is_quiet, "{}:\n{checked}", file.display());
            seen += 1;
        }
    }
    assert!(seen > 0, "there are no compose examples");
}

/// The variables of the service `sockgate`, written as `NAME: "value"` below `environment:`.
fn compose_environment(compose: &str) -> Vec<(String, String)> {
    let service = compose.lines().skip_while(|line| *line != "  sockgate:").skip(1);
    let service = service.take_while(|line| line.is_empty() || line.starts_with("   "));
    let variables = service.skip_while(|line| *line != "    environment:").skip(1);
    let variables = variables.take_while(|line| line.starts_with("      "));
    let variables = variables.filter_map(|line| line.trim().split_once(": "));
    variables.map(|(name, value)| (name.to_owned(), value.trim_matches('"').to_owned())).collect()
}

#[tokio::test]
async fn the_log_reference_lists_the_fields_of_a_request_line_and_no_other() {
    let reference = std::fs::read_to_string(root().join("docs/LOGGING.md")).unwrap();
    let (_, table) = reference.split_once("| Field |").expect("a table of the fields");
    let documented: BTreeSet<_> = table
        .lines()
        .skip(1)
        .take_while(|line| line.starts_with('|'))
        .filter_map(|line| line.strip_prefix("| `")?.split_once('`'))
        .map(|(field, _)| field.to_owned())
        .collect();
    let logged: BTreeSet<_> = request_lines().await.iter().flat_map(|line| fields(line)).collect();
    assert_eq!(logged, documented);
    for line in blocks(&reference, "json").iter().flat_map(|block| block.lines()) {
        if line.contains("\"operation\"") {
            assert!(fields(line).is_subset(&documented), "{line}");
        }
    }
}

fn fields(json: &str) -> BTreeSet<String> {
    let line: serde_json::Map<String, serde_json::Value> = serde_json::from_str(json).unwrap();
    line.keys().cloned().collect()
}
