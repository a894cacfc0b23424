//! Guests that take more time between two checks of it than others can spare: a neighbour does not wait for
//! them, and their own time ends when it is over.
//!
//! Each deed is done for the listing of containers, and a ping is decided on quickly by the same policy.

use std::fmt::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use e2e::guests::shape::{self, Shape};
use tokio::task::JoinSet;

use super::gate::Gate;
use super::limits::wit_with_pollables;
use super::shapes::file;

/// How many clients have the deed done at a time.
const CLIENTS: usize = 16;

/// How many requests the neighbour sends besides.
const ANSWERS: usize = 200;

/// The code of `decide` that does `deed` if the path is that of the listing, and allows.
fn for_the_listing(deed: &str) -> String {
    assert_eq!("/containers/json".len(), 16);
    // The third field of the record is the path: its address, and at 20 its length.
    let is_listing = "(i32.eq (i32.load offset=20 (local.get 0)) (i32.const 16))";
    format!("(if {is_listing} (then {deed})) {}", shape::ALLOW)
}

/// So many turns of a loop that does nothing else.
fn turns(count: u32) -> String {
    format!(
        "(local.set $n (i32.const {count}))
         (loop $again (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))"
    )
}

/// Grows its memory by 60 MiB and fills them with one instruction, after which nothing looks at the time.
const FILL: &str =
    "(memory.fill (i32.shl (memory.grow (i32.const 960)) (i32.const 16)) (i32.const 1) (i32.const 62914560))";

fn with_counter(code: &str) -> String {
    format!("(local $n i32) {code}")
}

/// The times of the answers to the neighbour, and of the requests beside which it asked, each sorted by the time that they took.
async fn answers_beside_listings(gate: &Gate) -> (Vec<Duration>, Vec<Duration>) {
    let mut busy = JoinSet::new();
    let (say, mut took) = tokio::sync::mpsc::unbounded_channel();
    for _ in 0..CLIENTS {
        let (mut client, say) = (gate.connect().await, say.clone());
        busy.spawn(async move {
            loop {
                let asked = Instant::now();
                client.fetch("GET /containers/json", &[]).await;
                if say.send(asked.elapsed()).is_err() {
                    return;
                }
            }
        });
    }
    let mut neighbour = gate.connect().await;
    let (mut answers, mut listings) = (Vec::new(), Vec::new());
    for _ in 0..CLIENTS {
        listings.extend(took.recv().await); // each has begun, more or less
    }
    while answers.len() < ANSWERS || listings.len() < 3 * CLIENTS {
        let asked = Instant::now();
        assert_eq!(neighbour.fetch("GET /debug/vars", &[]).await.status(), 403);
        answers.push(asked.elapsed());
        while let Ok(listing) = took.try_recv() {
            listings.push(listing);
        }
    }
    busy.shutdown().await;
    answers.sort_unstable();
    listings.sort_unstable();
    (answers, listings)
}

/// All is compared within one run: if the neighbour waited for the others' turns, it would take as long as they do. It asks
/// for what no policy is asked about: that takes nothing but a turn of the gateway's own thread, in an unoptimized build too.
#[tokio::test]
async fn the_gateways_thread_does_not_wait_for_a_guest_that_takes_long_between_two_checks() {
    let fill = for_the_listing(FILL);
    let a_millisecond = with_counter(&for_the_listing(&turns(1_000_000)));
    for (deed, decide, mode) in [
        ("fills 60 MiB", &fill, "decide"),
        ("fills 60 MiB and only observes", &fill, "observe"),
        ("takes a millisecond", &a_millisecond, "decide"),
    ] {
        let (_folder, path) = file(&Shape { decide, ..Shape::default() }.component());
        let settings = [("POLICY_MODE", mode), ("CONTAINERS", "1"), ("POLICY_TIMEOUT", "10s")];
        let gate = Gate::start(&path, &settings).unwrap_or_else(|refused| panic!("{refused:?}"));
        for _ in 0..20 {
            assert_eq!(gate.fetch("GET /_ping", &[]).await.status(), 200); // it is known to be quick
        }
        assert_eq!(gate.fetch("GET /containers/json", &[]).await.status(), 200, "{deed}");
        let (answers, listings) = answers_beside_listings(&gate).await;
        let (median, most) = (answers[answers.len() / 2], answers[answers.len() * 95 / 100]);
        // Of policies that observe, a listing that finds no place waits for none: the slow ones are those that did.
        let listing = listings[listings.len() * 90 / 100];
        assert!(
            median < listing / 4 && most < listing,
            "{deed}: answers take {median:?}, 95 % of them at most {most:?}; and the listings {listing:?}"
        );
        gate.stop();
    }
}

/// None of them is slow: a denial would be another's doing.
#[tokio::test]
async fn decisions_do_not_use_up_the_time_of_each_other() {
    let decide = with_counter(&for_the_listing(&turns(3_000_000)));
    let (_folder, path) = file(&Shape { decide: &decide, ..Shape::default() }.component());
    let gate = Gate::start(&path, &[("POLICY_TIMEOUT", "50ms"), ("POLICY_CONCURRENCY", "64")]).unwrap();
    let mut clients = Vec::new();
    for _ in 0..64 {
        let mut client = gate.connect().await;
        client.ask("GET /containers/json", &[]).await;
        clients.push(client);
    }
    let mut statuses = Vec::new();
    for client in &mut clients {
        let answer = client.read_response().await;
        statuses.push(answer.status());
        match answer.status() {
            200 => {}
            503 => assert!(answer.text().contains("is busy with other requests"), "{answer:?}"),
            _ => panic!("{answer:?}"),
        }
    }
    assert!(statuses.contains(&200), "{statuses:?}");
    gate.stop();
}

/// A guest whose time is over cannot go on by calls of the host that stand in a row. These need nothing of its memory,
/// and so lead out of it at once.
#[tokio::test]
async fn calls_of_the_host_in_a_row_end_with_the_guests_time() {
    let imports = r#"
        (import "wasi:clocks/monotonic-clock@0.2.6" "subscribe-duration" (func $subscribe (param i64) (result i32)))
        (import "wasi:io/poll@0.2.6" "[resource-drop]pollable" (func $drop (param i32)))"#;
    let mut calls = String::new();
    for _ in 0..CALLS {
        let _ = write!(calls, "(call $drop (call $subscribe (i64.const 0)))");
    }
    let decide = for_the_listing(&calls);
    let shape = Shape { imports, decide: &decide, ..Shape::default() };
    let (_folder, path) = file(&shape.component_of(&wit_with_pollables()));
    ends_in_time(&path).await;
}

const CALLS: usize = 4_000;

async fn ends_in_time(path: &Path) {
    let gate = Gate::start(path, &[("POLICY_TIMEOUT", "2ms")]).unwrap();
    let answer = gate.fetch("GET /containers/json", &[]).await;
    assert_eq!(answer.status(), 403, "its verdict came late and counted: {answer:?}");
    gate.lines(&["the policy shape failed: it did not answer within 2 ms (POLICY_TIMEOUT)"]);
    gate.engine.assert_untouched();
    let mut burning = gate.connect().await;
    burning.ask("GET /containers/json", &[]).await;
    gate.stop();
}
