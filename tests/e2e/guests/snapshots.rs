//! Policies that take long to configure: a snapshot of one that is configured decides, where there can be one.

use super::decisions::message;
use super::gate::Gate;
use super::hostile;

/// What `configure` does: some milliseconds of work.
const LONG: &str = "configure=work:3000";
const TAKEN: [&str; 2] = ["DEBUG", "its decisions begin with a snapshot of it, configured"];

fn gate(settings: &str, others: &[(&str, &str)]) -> Gate {
    let own = [("POLICY_SETTINGS", settings), ("LOG_LEVEL", "debug"), ("POLICY_TIMEOUT", "5s")];
    Gate::start(&hostile(), &[&own, others].concat())
        .unwrap_or_else(|refused| panic!("{settings}: {refused:?}"))
}

/// What the policy denies with.
async fn told(gate: &Gate) -> String {
    let told = message(&gate.fetch("GET /info", &[]).await.text());
    let (_, told) = told.split_once("SystemInfo: ").unwrap_or_else(|| panic!("no denial: {told}"));
    told.strip_suffix(" (policy hostile)").unwrap_or(told).to_owned()
}

#[tokio::test]
async fn a_policy_that_takes_long_to_configure_decides_from_a_snapshot_with_its_settings() {
    let gate = gate(&format!("{LONG}\ndecide=deny:as set"), &[]);
    assert_eq!(told(&gate).await, "as set", "before");
    gate.lines(&TAKEN);
    for _more_than_wait_ready in 0..20 {
        assert_eq!(told(&gate).await, "as set");
    }
    gate.stop();
}

#[tokio::test]
async fn a_decision_from_a_snapshot_remembers_nothing_of_another() {
    let gate = gate(&format!("{LONG}\ndecide=remember"), &[]);
    gate.lines(&TAKEN);
    for _decision in 0..20 {
        assert_eq!(told(&gate).await, "0 decisions before this one");
    }
    gate.stop();
}

#[tokio::test]
async fn a_decision_from_a_snapshot_ends_with_its_time_and_its_memory() {
    for (deed, why) in [
        ("loop", "it did not answer within 300 ms (POLICY_TIMEOUT)"),
        ("hoard", "it needed more than 64 MiB of memory"),
        ("abort", "wasm `unreachable` instruction executed"),
    ] {
        let settings = format!("{LONG}\non=ContainerList\ndecide={deed}");
        let gate = gate(&settings, &[("POLICY_TIMEOUT", "300ms")]);
        gate.lines(&TAKEN);
        let refusal = gate.fetch("GET /containers/json", &[]).await;
        assert_eq!(refusal.status(), 403, "{deed}");
        gate.lines(&["operation=ContainerList", why]);
        gate.stop();
    }
}

/// What was kept is bound to the policy and to its settings, and there is one for each policy.
#[tokio::test]
async fn the_snapshot_of_the_last_settings_is_kept_in_the_cache() {
    let cache = tempfile::tempdir().unwrap();
    let folder = cache.path().display().to_string();
    let entries = || std::fs::read_dir(cache.path()).unwrap().count();
    for word in ["one", "one", "two", "one"] {
        let gate = gate(&format!("{LONG}\ndecide=deny:{word}"), &[("POLICY_CACHE", &folder)]);
        gate.lines(&TAKEN);
        assert_eq!(told(&gate).await, word);
        assert_eq!(entries(), 2, "{word}: the policy and its snapshot");
        gate.stop();
    }
}

#[tokio::test]
async fn a_policy_of_which_there_can_be_no_snapshot_decides_without_one() {
    for (deed, why) in [("print:said\\n", "it holds things of the host's"), ("hoard:40", "no snapshot of it")]
    {
        let gate = gate(&format!("{LONG}\nconfigure={deed}\ndecide=deny:as set"), &[]);
        gate.lines(&["DEBUG", "so it is configured for each decision", why]);
        for _decision in 0..3 {
            assert_eq!(told(&gate).await, "as set", "{deed}");
        }
        gate.stop();
    }
}
