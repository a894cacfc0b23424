//! The allocator, and how it gives memory back.
//!
//! The allocator is not that of musl: hyper takes 64 KiB for each head that it parses, which musl asks the kernel for
//! and gives back each time. The threads of policies must not wait for one another in the allocator, either.
//!
//! It gives back memory only when it is called, so that after a peak an idle gateway would keep what it took. So the
//! gateway has it look through what is free whenever it is quiet.

use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::sleep;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How often the gateway looks whether it is quiet.
const LOOK: Duration = Duration::from_secs(5);

/// The gateway is quiet if it has been busy for at most this time since the last look.
const QUIET: Duration = Duration::from_millis(20);

/// Gives memory back to the system whenever the runtime's thread, which is this one, has been quiet for some seconds.
pub(crate) async fn give_back_when_quiet() -> ! {
    let metrics = Handle::current().metrics();
    let mut before = Duration::ZERO;
    loop {
        sleep(LOOK).await;
        let busy = metrics.worker_total_busy_duration(0);
        if busy.saturating_sub(before) <= QUIET {
            give_back();
        }
        before = busy;
    }
}

#[allow(unsafe_code, reason = "a function of C without arguments that could be wrong")]
fn give_back() {
    // SAFETY: it may be called at any time, and looks only at what is free.
    unsafe { libmimalloc_sys::mi_collect(true) }
}
