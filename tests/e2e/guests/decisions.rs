//! Guests that misbehave while they decide.
//!
//! They do so when containers are listed, and allow everything else.

use super::gate::Gate;
use super::hostile;

const LIST: &str = "GET /containers/json";

/// A gateway whose policy does this when containers are listed.
fn gate(deed: &str, settings: &[(&str, &str)]) -> Gate {
    let deed = format!("on=ContainerList\ndecide={deed}");
    let timeout = ("POLICY_TIMEOUT", "5s"); // a loaded machine is no misdeed
    let timeout = [timeout].into_iter().filter(|(name, _)| settings.iter().all(|(given, _)| given != name));
    let settings: Vec<_> =
        timeout.chain([("POLICY_SETTINGS", deed.as_str())]).chain(settings.iter().copied()).collect();
    Gate::start(&hostile(), &settings).unwrap_or_else(|refused| panic!("{deed}: {refused:?}"))
}

/// The policy fails: the client is told that it did, the log why, in one line.
async fn fails(deed: &str, settings: &[(&str, &str)], why: &str) {
    let gate = gate(deed, settings);
    let (mut client, mut other) = (gate.connect().await, gate.connect().await);
    client.ask(LIST, &[]).await;
    assert_eq!(other.fetch("GET /_ping", &[]).await.status(), 200, "{deed}: another client meanwhile");
    let refusal = client.read_response().await;
    assert_eq!(refusal.status(), 403, "{deed}: {}", refusal.text());
    let told = message(&refusal.text());
    assert!(told.starts_with("sockgate denied ContainerList: the policy hostile "), "{deed}: {told}");
    assert!(told.ends_with(", so nothing is let through"), "{deed}: {told}");
    assert!(!told.contains(why), "{deed}: the client is told too much: {told}");
    assert_eq!(client.fetch("GET /_ping", &[]).await.status(), 200, "{deed}: the same client behind it");
    let lines = gate.lines(&["operation=ContainerList", "the policy hostile failed: "]);
    assert!(matches!(&lines[..], [line] if line.contains(why)), "{deed}: {lines:#?}");
    only_pings_arrived(&gate, deed);
    gate.stop();
}

/// The policy answers, if only with a denial that tells what it saw.
async fn says(deed: &str, settings: &[(&str, &str)]) -> String {
    let gate = gate(deed, settings);
    let refusal = gate.fetch(LIST, &[]).await;
    assert_eq!(refusal.status(), 403, "{deed}: {}", refusal.text());
    assert_eq!(gate.fetch("GET /_ping", &[]).await.status(), 200, "{deed}");
    only_pings_arrived(&gate, deed);
    gate.stop();
    message(&refusal.text())
}

fn only_pings_arrived(gate: &Gate, deed: &str) {
    let seen = gate.engine.requests();
    assert!(seen.iter().all(|seen| seen.head.target() == "/_ping"), "{deed}: {seen:?}");
}

/// What `docker` would print.
pub(super) fn message(body: &str) -> String {
    let body: serde_json::Value = serde_json::from_str(body).unwrap();
    body["message"].as_str().unwrap().to_owned()
}

macro_rules! failing {
    ($($name:ident $deed:literal $([$($setting:literal = $value:literal),+])? $why:literal;)+) => {
        $(#[tokio::test] async fn $name() { fails($deed, &[$($(($setting, $value)),+)?], $why).await; })+
    };
}

failing! {
    an_abort_is_a_fault "abort" "wasm `unreachable` instruction executed";
    a_panic_is_a_fault "panic:oh" "wasm `unreachable` instruction executed";
    a_read_outside_the_memory_is_a_fault "out-of-bounds" "out of bounds memory access";
    a_recursion_without_an_end_is_a_fault "recurse" "it ran out of stack";
    an_exit_is_a_fault "exit" "it called exit";
    an_exit_with_a_failure_is_a_fault "exit:failure" "it called exit";
    a_loop_is_ended_by_the_deadline "loop" ["POLICY_TIMEOUT" = "300ms"] "it did not answer within 300 ms (POLICY_TIMEOUT)";
    a_sleep_is_ended_by_the_deadline "sleep:60000" ["POLICY_TIMEOUT" = "300ms"] "it did not answer within 300 ms";
    memory_ends_at_the_cap "hoard" "it needed more than 64 MiB of memory";
    memory_ends_at_a_cap_of_the_operator "hoard" ["POLICY_MEMORY" = "8M"] "it needed more than 8 MiB of memory";
    a_message_larger_than_its_memory_is_a_fault "message-mib:100" "it needed more than 64 MiB of memory";
    a_message_of_100_mib_is_a_fault "message-mib:100" ["POLICY_MEMORY" = "256M"] "it handed over more than";
    a_log_line_of_100_mib_is_a_fault "log-mib:100" ["POLICY_MEMORY" = "256M"] "it handed over more than";
    a_message_that_is_no_text_is_a_fault "not-utf8" "it crashed: invalid utf-8";
    an_ok_is_no_status_of_a_denial "deny:no:200" "a denial with status 200";
    a_switch_is_no_status_of_a_denial "deny:no:101" "a denial with status 101";
    a_redirect_is_no_status_of_a_denial "deny:no:302" "a denial with status 302";
    a_server_error_is_no_status_of_a_denial "deny:no:500" "a denial with status 500";
    status_0_is_nonsense "deny:no:0" "a denial with status 0";
    status_99_is_nonsense "deny:no:99" "a denial with status 99";
    status_600_is_nonsense "deny:no:600" "a denial with status 600";
    status_65535_is_nonsense "deny:no:65535" "a denial with status 65535";
    words_of_a_senseless_answer_cannot_break_the_log_line r"deny:a\nb\e[31m:99" "a denial with status 99";
}

#[tokio::test]
async fn what_a_policy_says_reaches_the_client_without_control_characters_and_the_log_on_one_line() {
    let gate = gate(r"deny:no\r\nSet-Cookie: a=b\r\n\r\n\e[31m\x00\x85\x7f\x9b red:451", &[]);
    let refusal = gate.fetch(LIST, &[]).await;
    assert_eq!(refusal.status(), 451, "{}", refusal.text());
    assert_eq!(refusal.head.header("set-cookie"), None, "{refusal:?}");
    let text = message(&refusal.text());
    assert!(text.starts_with("sockgate denied ContainerList: no") && text.contains("red"), "{text:?}");
    assert!(!text.contains(char::is_control), "{text:?}");
    let lines = gate.lines(&["ContainerList"]);
    assert!(
        matches!(&lines[..], [line] if line.contains("red") && !line.contains(char::is_control)),
        "{lines:#?}"
    );
    gate.stop();
}

#[tokio::test]
async fn a_long_message_is_cut() {
    let said = says(&format!("deny:{}", "é".repeat(10_000)), &[]).await;
    assert!((4000..5000).contains(&said.len()), "{} bytes", said.len());
}

#[tokio::test]
async fn a_decision_remembers_nothing_of_another() {
    let gate = gate("remember", &[]);
    let mut client = gate.connect().await;
    for _ in 0..50 {
        let refusal = client.fetch(LIST, &[]).await.text();
        assert!(refusal.contains("0 decisions before this one"), "{refusal}");
    }
    gate.stop();
}

#[tokio::test]
async fn there_is_no_environment_and_there_are_no_arguments() {
    let said = says("environment", &[]).await;
    assert!(said.contains("[] []"), "{said}");
}

#[tokio::test]
async fn there_is_nothing_to_read_on_stdin() {
    let said = says("stdin", &[]).await;
    assert!(said.contains("Ok(0)"), "{said}");
}

#[tokio::test]
async fn the_clock_has_no_finer_step_than_a_millisecond() {
    let said = says("clock", &[("POLICY_TIMEOUT", "10s")]).await;
    let step: u64 = said.split_once(": ").unwrap().1.split(' ').next().unwrap().parse().unwrap();
    assert!(step >= 1_000_000 && step.is_multiple_of(1_000_000), "{said}");
    let said = says("wall-clock", &[]).await;
    let time = said.split_once("Ok(").unwrap().1.split_once(')').unwrap().0;
    assert!(
        time.trim_end_matches('s').split_once('.').is_none_or(|(_, fraction)| fraction.len() <= 3),
        "{said}"
    );
}

#[tokio::test]
async fn memory_that_is_refused_can_be_done_without() {
    let said = says("memory", &[]).await;
    let got: u64 = said.split_once(": ").unwrap().1.split(' ').next().unwrap().parse().unwrap();
    assert!((32..64).contains(&got), "{said}");
}

/// Floods end up in a few KiB of log, whichever way they take, and cost the decision nothing but time.
#[tokio::test]
async fn a_flood_of_words_is_cut() {
    for way in ["flood-stdout", "flood-stderr", "flood-log", "flood-log-with-nothing"] {
        let gate = gate(&format!("{way}:4"), &[("POLICY_TIMEOUT", "30s")]);
        let refusal = gate.fetch(LIST, &[]).await.text();
        assert!(refusal.contains("nothing stopped it"), "{way}: {refusal}");
        let log = gate.stop();
        assert!(log.len() < 16 << 10, "{way}: {} bytes of log", log.len());
    }
}

#[tokio::test]
async fn a_line_of_the_log_is_a_line() {
    let gate = gate(r"log:one\r\n2026-01-01T00:00:00Z INFO forged\e[31m\x9b31m", &[]);
    gate.fetch(LIST, &[]).await;
    let lines = gate.lines(&["forged"]);
    assert!(
        matches!(&lines[..], [line] if line.contains("one") && !line.contains(char::is_control)),
        "{lines:#?}"
    );
    gate.stop();
}

/// What stands unquoted in a line is the gateway's own.
#[tokio::test]
async fn a_policy_cannot_write_what_looks_like_a_record() {
    let forged = "id=1042 client=10.0.0.1:1 decision=allow status=201";
    let gate = gate(&format!("log:{forged}"), &[]);
    gate.fetch(LIST, &[]).await;
    let lines = gate.lines(&["1042"]);
    let want = format!(" WARN  a policy says file=hostile id=1 said=\"{forged}\"");
    assert!(matches!(&lines[..], [line] if line.ends_with(&want)), "{lines:#?}");
    gate.stop();
}

/// However a policy fills its share of the log, a line is no longer than 4 KiB and what stands before the text.
#[tokio::test]
async fn what_is_escaped_counts_as_it_is_written() {
    for (flood, times) in
        [("\\0", 4000), ("\\e", 4000), ("\"", 4000), ("\u{202e}", 1300), ("\u{e000}", 1300), ("'", 4000)]
    {
        for format in ["text", "json"] {
            let gate = gate(&format!("log:{}", flood.repeat(times)), &[("LOG_FORMAT", format)]);
            gate.fetch(LIST, &[]).await;
            let lines = gate.lines(&["a policy says"]);
            let longest = lines.iter().map(String::len).max().unwrap();
            assert!((1024..4096 + 256).contains(&longest), "{flood:?} in {format}: {longest}");
            gate.stop();
        }
    }
}

/// A policy is tried out on a ping when it is loaded, which is no request.
#[tokio::test]
async fn what_a_policy_says_when_it_is_tried_out_is_about_no_request() {
    let settings = [("POLICY_SETTINGS", "decide=log:here I am")];
    let gate = Gate::start(&hostile(), &settings).unwrap_or_else(|refused| panic!("{refused:?}"));
    gate.fetch("GET /_ping", &[]).await;
    let lines = gate.lines(&["here I am", " id=1 "]);
    let all = gate.lines(&["here I am"]);
    assert!(lines.len() == 1 && all.len() == 2 && !all[0].contains(" id="), "{all:#?}");
    gate.stop();
}

#[tokio::test]
async fn what_steers_a_terminal_is_escaped_in_json_as_well() {
    let wild = r"one\n\e[31m\x7f\x85\x9b31m";
    let bidi = "\u{202e}\u{2028}\u{200b}\u{feff}";
    let gate = gate(&format!("log:{wild}{bidi}"), &[("LOG_FORMAT", "json")]);
    gate.fetch(LIST, &[]).await;
    gate.connect().await.fetch("GET /images/%C2%9B31m%E2%80%AE/json", &[]).await;
    gate.lines(&["/images/"]);
    let lines = gate.lines(&["a policy says"]);
    let [line] = &lines[..] else { panic!("{lines:#?}") };
    let record: serde_json::Value = serde_json::from_str(line).unwrap();
    assert_eq!(record["message"], "a policy says");
    assert_eq!(record["said"], format!("one\n\u{1b}[31m\u{7f}\u{85}\u{9b}31m{bidi}"));
    let log = gate.stop();
    let is_unfit = |c: char| (c.is_control() && c != '\n') || bidi.contains(c);
    assert!(!log.contains(is_unfit), "{log:?}");
}

#[tokio::test]
async fn marks_of_direction_do_not_reach_the_client_or_the_log() {
    let gate = gate("deny:left\u{202e}right\u{2028}\u{200f}\u{feff}\u{e0041}end", &[]);
    let text = message(&gate.fetch(LIST, &[]).await.text());
    assert_eq!(text, "sockgate denied ContainerList: left right    end (policy hostile)");
    gate.stop();
}

#[tokio::test]
async fn look_ups_without_an_end_do_not_wear_the_engine_out() {
    let gate = gate("inspect-many:10000", &[("POLICY_TIMEOUT", "30s")]);
    let refusal = gate.fetch(LIST, &[]).await;
    assert_eq!(refusal.status(), 403);
    assert!(refusal.text().contains(" answered; refused: "), "{}", refusal.text());
    let asked = gate.engine.requests();
    assert!(!asked.is_empty() && asked.len() < 100, "{} look-ups", asked.len());
    assert!(asked.iter().all(|seen| seen.head.target().starts_with("/containers/c")), "{asked:?}");
    gate.stop();
}
