//! Hostile policies: whatever a policy file or a guest tries, the request is refused, or the load is.
//!
//! Each case drives the binary: the engine must see nothing of the request, another client must be served meanwhile, the
//! log must say in one line what happened, and the gateway must end in order. `tests/guests/README.md` has the list.

use std::path::{Path, PathBuf};

use e2e::binary::Done;
use e2e::guests;

use gate::Gate;

mod bombs;
mod decisions;
mod files;
mod frozen;
mod gate;
mod health;
mod limits;
mod loads;
mod replaced;
mod shapes;
mod snapshots;
mod speed;
mod turns;

/// The guest whose settings choose what it does.
fn hostile() -> PathBuf {
    guests::rust("hostile")
}

/// What a gateway says that refuses to start with this policy and these settings: on one line, and in order.
fn refusal(policy: &Path, settings: &[(&str, &str)]) -> String {
    refused(Gate::start(policy, settings))
}

/// The line with which a gateway refused to start.
fn refused(started: Result<Gate, Done>) -> String {
    match started {
        Ok(gate) => panic!("it was loaded:\n{}", gate.log()),
        Err(Done { code, stderr: said, .. }) => {
            assert!(code > 0, "{code}:\n{said}");
            let lines: Vec<_> = said.lines().filter(|line| line.contains("is not loaded")).collect();
            let [line] = lines[..] else { panic!("not one line that says why:\n{said}") };
            let wild: Vec<_> = line.chars().filter(|c| c.is_control()).collect();
            assert!(line.len() < 6000 && wild.is_empty(), "{wild:?} {line}");
            line.to_owned()
        }
    }
}

/// Collects what does not hold, so that one case does not hide the others.
#[derive(Default)]
struct Failures(Vec<String>);

impl Failures {
    fn expect(&mut self, case: &str, got: &str, want: &str) {
        if !got.contains(want) {
            self.0.push(format!("{case}: {want:?} was expected, and got:\n{got}"));
        }
    }

    fn none(self) {
        assert!(self.0.is_empty(), "{} cases do not hold:\n\n{}", self.0.len(), self.0.join("\n\n"));
    }
}
