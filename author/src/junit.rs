//! Writes the results of `sockgate policy test` as JUnit XML, which CI systems read.

use std::fmt::Write as _;
use std::path::Path;

use super::run::{CaseResult, RunResults};

/// The XML file for the results of a file of cases.
pub fn junit(results: &RunResults) -> String {
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let time: f64 = results.cases.iter().map(|case| case.took.as_secs_f64()).sum();
    let counts = format!(
        "tests=\"{}\" failures=\"{}\" errors=\"0\" time=\"{time:.6}\"",
        results.cases.len(),
        results.failed()
    );
    let suite = escaped(&results.file);
    // Writing to a string cannot fail.
    let _ = writeln!(xml, "<testsuites {counts}>");
    let _ = writeln!(xml, "  <testsuite name=\"{suite}\" {counts} skipped=\"0\">");
    for case in &results.cases {
        write_case(&mut xml, &suite, case);
    }
    xml.push_str("  </testsuite>\n</testsuites>\n");
    xml
}

/// The XML file for a file of cases of which none was run, with the reason.
pub fn junit_error(cases: &Path, problem: &str) -> String {
    let suite = escaped(&cases.display().to_string());
    let problem = escaped(problem);
    let counts = "tests=\"1\" failures=\"0\" errors=\"1\" time=\"0\"";
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites {counts}>\n  <testsuite name=\"{suite}\" {counts} \
         skipped=\"0\">\n    <testcase name=\"the policy loads\" classname=\"{suite}\" time=\"0\">\n      <error \
         message=\"{problem}\" type=\"load\"/>\n    </testcase>\n  </testsuite>\n</testsuites>\n"
    )
}

fn write_case(xml: &mut String, suite: &str, case: &CaseResult) {
    let _ = writeln!(
        xml,
        "    <testcase name=\"{}\" classname=\"{suite}\" file=\"{suite}\" line=\"{}\" time=\"{:.6}\">",
        escaped(&case.name),
        case.line,
        case.took.as_secs_f64()
    );
    if let Some(mismatch) = &case.mismatch {
        let _ = writeln!(
            xml,
            "      <failure message=\"{}\" type=\"decision\">{}</failure>",
            escaped(&mismatch.actual),
            escaped(&mismatch.to_string())
        );
    }
    let remarks = case.remarks();
    if !remarks.is_empty() {
        let _ = writeln!(xml, "      <system-out>{}</system-out>", escaped(&remarks));
    }
    xml.push_str("    </testcase>\n");
}

/// Escapes a text for XML 1.0. Control characters were escaped before; what else XML cannot carry, not even as a
/// reference, is replaced.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' | '\t' => escaped.push(c),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}
