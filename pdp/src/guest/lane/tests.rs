use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::{ThreadId, current};
use std::time::Duration;

use super::*;

const BOUND: Duration = Duration::from_secs(10);

fn thread() -> ThreadId {
    current().id()
}

#[tokio::test]
async fn what_ends_at_once_runs_here() {
    let lane = SlowLane::start("slow", 5).unwrap();
    assert_eq!(lane.run(Start::Here, async { thread() }).await, Ok(thread()));
}

#[tokio::test]
async fn what_yields_goes_on_in_the_slow_thread() {
    let lane = SlowLane::start("slow", 5).unwrap();
    let threads = lane.run(Start::Here, async {
        let first = thread();
        tokio::task::yield_now().await;
        (first, thread())
    });
    let (first, then) = threads.await.unwrap();
    assert_eq!(first, thread());
    assert_ne!(then, thread());
}

#[tokio::test]
async fn what_is_known_to_be_slow_begins_in_the_slow_thread() {
    let lane = SlowLane::start("slow", 5).unwrap();
    assert_ne!(lane.run(Start::There, async { thread() }).await.unwrap(), thread());
}

#[tokio::test]
async fn a_panic_is_an_error_here_and_there_and_hurts_nobody_else() {
    let lane = SlowLane::start("slow", 5).unwrap();
    let here: Result<(), _> = lane.run(Start::Here, async { panic!("here, on purpose") }).await;
    assert_eq!(here, Err(Panicked));
    let there: Result<(), _> = lane
        .run(Start::Here, async {
            tokio::task::yield_now().await;
            panic!("there, on purpose")
        })
        .await;
    assert_eq!(there, Err(Panicked));
    assert_eq!(lane.run(Start::Here, async { 1 }).await, Ok(1));
}

#[tokio::test]
async fn work_that_nobody_waits_for_any_more_is_dropped() {
    struct Dropped(Arc<AtomicBool>, mpsc::Sender<()>);
    impl Drop for Dropped {
        fn drop(&mut self) {
            self.0.store(true, Ordering::SeqCst);
            let _ = self.1.send(()); // the test may be over
        }
    }
    let lane = SlowLane::start("slow", 5).unwrap();
    let (is_dropped, (say, said)) = (Arc::new(AtomicBool::new(false)), mpsc::channel());
    let endless = Dropped(Arc::clone(&is_dropped), say);
    let work = lane.run(Start::Here, async move {
        let _endless = endless;
        std::future::pending::<()>().await;
    });
    assert!(tokio::time::timeout(Duration::from_millis(10), work).await.is_err());
    said.recv_timeout(BOUND).unwrap();
    assert!(is_dropped.load(Ordering::SeqCst));
}

#[tokio::test]
async fn those_who_come_new_do_not_keep_others_from_going_on() {
    const NEWCOMERS: usize = 1000;
    let lane = SlowLane::start("slow", 5).unwrap();
    let (go, gate) = mpsc::channel::<()>();
    lane.spawn(async move { gate.recv().unwrap() }); // holds the thread until all have come
    let came = Arc::new(AtomicUsize::new(0));
    let (done, seen) = tokio::sync::oneshot::channel();
    lane.spawn({
        let came = Arc::clone(&came);
        async move {
            for _turn in 0..10 {
                tokio::task::yield_now().await;
            }
            done.send(came.load(Ordering::SeqCst)).unwrap();
        }
    });
    for _ in 0..NEWCOMERS {
        let came = Arc::clone(&came);
        lane.spawn(async move {
            came.fetch_add(1, Ordering::SeqCst);
        });
    }
    go.send(()).unwrap();
    let before_it = tokio::time::timeout(BOUND, seen).await.unwrap().unwrap();
    assert!(before_it < NEWCOMERS / 10, "{before_it} newcomers had their turn before it was done");
}
