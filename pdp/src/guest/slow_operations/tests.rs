use engine_api::{Method, Target};

use super::*;

const MS: Duration = Duration::from_millis(1);

fn operation(path: &str) -> Operation {
    Operation::new(Method::Get, Target::parse(path).unwrap())
}

fn turn(took: Duration) -> Cost {
    Cost { turn: took, all: took }
}

/// How many quick decisions it takes until one begins in the gateway's own thread.
fn quick_ones_needed(slow: &SlowOperations, operation: &Operation) -> Option<u32> {
    for quick_ones in 0..=2 * MOST {
        if slow.start(operation) == Start::Here {
            return Some(quick_ones);
        }
        slow.note_quick(operation, Thread::Slow);
    }
    None
}

#[test]
fn each_slow_decision_needs_twice_as_many_quick_ones_to_be_forgotten() {
    let (slow, ping) = (SlowOperations::of_new_policy(), operation("/_ping"));
    assert_eq!(quick_ones_needed(&slow, &ping), Some(FIRST), "of a new policy");
    for needed in [32, 64, 128, 256] {
        assert_eq!(slow.note_turn(&ping, turn(MS), Thread::Gateways), Noted::Nothing);
        assert_eq!(quick_ones_needed(&slow, &ping), Some(needed));
    }
    for _ in 0..20 {
        slow.note_turn(&ping, turn(MS), Thread::Slow);
    }
    assert_eq!(quick_ones_needed(&slow, &ping), Some(MOST), "at most");
}

#[test]
fn the_turns_of_one_decision_count_once() {
    let (slow, ping) = (SlowOperations::of_new_policy(), operation("/_ping"));
    for turns in 1..10 {
        slow.note_turn(&ping, Cost { turn: MS, all: turns * MS }, Thread::Slow);
    }
    assert_eq!(quick_ones_needed(&slow, &ping), Some(AFTER_SLOW));
}

#[test]
fn what_held_up_the_gateways_thread_is_never_forgotten_and_told_once() {
    let (slow, ping, list) =
        (SlowOperations::of_new_policy(), operation("/_ping"), operation("/containers/json"));
    assert_eq!(slow.note_turn(&ping, turn(2 * HELD_UP), Thread::Slow), Noted::Nothing, "nobody waits there");
    assert_eq!(quick_ones_needed(&slow, &ping), Some(AFTER_SLOW));
    assert_eq!(slow.note_turn(&ping, turn(2 * HELD_UP), Thread::Gateways), Noted::HeldUp);
    assert_eq!(slow.note_turn(&ping, turn(2 * HELD_UP), Thread::Gateways), Noted::Nothing);
    slow.note_turn(&ping, turn(MS), Thread::Slow);
    assert_eq!(quick_ones_needed(&slow, &ping), None);
    assert_eq!(quick_ones_needed(&slow, &list), Some(FIRST), "another operation is another matter");
}

#[test]
fn what_was_slow_by_chance_is_forgotten_by_and_by() {
    let (slow, ping) = (SlowOperations::of_new_policy(), operation("/_ping"));
    assert_eq!(quick_ones_needed(&slow, &ping), Some(FIRST));
    for needed in [32, 64, 128] {
        slow.note_turn(&ping, turn(MS), Thread::Gateways);
        assert_eq!(quick_ones_needed(&slow, &ping), Some(needed));
    }
    for halved in [256, 128, 64] {
        for _ in 0..halved {
            slow.note_quick(&ping, Thread::Slow);
            slow.note_quick(&ping, Thread::Gateways);
        }
    }
    slow.note_turn(&ping, turn(MS), Thread::Gateways);
    assert_eq!(quick_ones_needed(&slow, &ping), Some(32));
}

#[test]
fn a_decision_is_quick_though_nothing_of_it_is_in_the_caches() {
    let (slow, ping) = (SlowOperations::of_new_policy(), operation("/_ping"));
    slow.note_turn(&ping, turn(Duration::from_micros(250)), Thread::Gateways);
    assert_eq!(quick_ones_needed(&slow, &ping), Some(FIRST));
    slow.note_turn(&ping, turn(Duration::from_micros(500)), Thread::Gateways);
    assert_eq!(quick_ones_needed(&slow, &ping), Some(AFTER_SLOW));
}
