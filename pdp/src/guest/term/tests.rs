use std::future::{pending, ready};

use tokio::task::yield_now;

use super::*;

const SHORT: Duration = Duration::from_millis(20);
const LONG: Duration = Duration::from_secs(60);

/// Takes so much of the processor, however busy the machine is.
fn burn(time: Duration) {
    let begin = processor_time();
    while processor_time() - begin < time {}
}

#[tokio::test]
async fn what_ends_in_time_counts() {
    assert_eq!(Term::of(LONG).run(ready(1)).await, Ok(1));
    assert_eq!(Term::of(LONG).run(async { yield_now().await }).await, Ok(()));
}

#[tokio::test]
async fn what_ends_after_its_time_is_out_of_time_whatever_it_says() {
    let late = Term::of(SHORT).run(async { burn(SHORT) }).await;
    assert_eq!(late, Err(Fault::Timeout(SHORT)));
    let in_turns = async {
        burn(SHORT / 2);
        yield_now().await;
        burn(SHORT / 2);
    };
    assert_eq!(Term::of(SHORT).run(in_turns).await, Err(Fault::Timeout(SHORT)));
}

#[tokio::test]
async fn waiting_for_an_answer_counts() {
    assert_eq!(Term::of(SHORT).run(pending::<()>()).await, Err(Fault::Timeout(SHORT)));
}

/// Ends a turn, and can go on at once, as a guest does that yields. (tokio wakes who yields to it a little later.)
async fn end_turn() {
    let mut is_over = false;
    std::future::poll_fn(|cx| {
        cx.waker().wake_by_ref();
        if std::mem::replace(&mut is_over, true) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

/// Two pieces of work in one thread: while the first has its turn, the second waits, and that is not its time.
#[tokio::test]
async fn waiting_for_a_turn_does_not_count_but_ends_too() {
    let turns = |time: Duration| async move {
        for _ in 0..4 {
            burn(time);
            end_turn().await;
        }
    };
    let term = Term::of(LONG);
    let (first, second) = tokio::join!(term.run(turns(10 * SHORT)), async {
        let term = Term::of(SHORT);
        let ended = term.run(turns(Duration::ZERO)).await;
        (ended, term.ran())
    });
    assert_eq!(first, Ok(()));
    assert!(term.ran() >= 40 * SHORT, "{:?}", term.ran());
    let (ended, ran) = second;
    assert_eq!(ended, Err(Fault::Crowded(10 * SHORT)));
    assert!(ran < SHORT, "{ran:?}");
}

#[test]
fn a_guest_goes_on_within_its_slice_then_yields_and_then_ends() {
    let term = Term::of(SHORT);
    let mut paces = Vec::new();
    term.0.begin_turn(Waker::noop()).unwrap();
    for time in [Duration::ZERO, 2 * SLICE, SHORT] {
        burn(time);
        paces.push(term.pace());
    }
    assert_eq!(paces[1..], [Pace::Yield, Pace::End]);
    assert_eq!(paces[0], Pace::GoOn, "unless this thread took a whole slice to get here");
    let cost = term.0.end_turn();
    assert!(cost.turn >= SHORT && cost.all == cost.turn, "{cost:?}");
}

#[tokio::test]
async fn each_turn_is_noted_also_if_nobody_waits_for_the_end() {
    let mut costs = Vec::new();
    let endless = async {
        loop {
            burn(2 * SLICE);
            yield_now().await;
        }
    };
    {
        let term = Term::of(LONG);
        let mut run = pin!(term.run_noting::<()>(endless, |cost| costs.push(cost)));
        for _ in 0..3 {
            let polled = std::future::poll_fn(|cx| Poll::Ready(run.as_mut().poll(cx))).await;
            assert!(polled.is_pending());
        }
    }
    assert_eq!(costs.len(), 3);
    assert!(costs[2].turn >= 2 * SLICE && costs[2].all >= 6 * SLICE, "{costs:?}");
}
