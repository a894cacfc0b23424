//! The turns that the kernel's scheduler gives to the gateway's own thread: short ones, and therefore soon.
//!
//! A thread that has just woken waits for the one that has the processor until that one's slice is over: by default some
//! milliseconds, and a tick of the clock. Since Linux 6.12 a thread may ask for a slice of its own, and one whose slice is
//! shorter need not wait ("Earliest Eligible Virtual Deadline First", `Documentation/scheduler/sched-eevdf.rst`). It gets no
//! larger part of the processor by that. On an older kernel the request changes nothing.

use std::io;
use std::mem::size_of;

/// The shortest slice that the kernel gives, in nanoseconds.
const SLICE: u64 = 100_000;

/// Asks for short slices for this thread, but not for the threads and processes that it will start: these do what may
/// wait. A failure does no harm.
pub fn ask_for_short_slices() {
    if let Err(error) = shorten() {
        tracing::debug!("cannot ask for short slices of the processor: {error}");
    }
}

fn shorten() -> io::Result<()> {
    let mut attributes = attributes()?;
    if attributes.sched_policy == libc::SCHED_OTHER.cast_unsigned() {
        attributes.sched_runtime = SLICE;
        attributes.sched_flags |= u64::from(libc::SCHED_FLAG_RESET_ON_FORK.cast_unsigned());
        set(&attributes)?;
    } // else an operator has chosen a class that has no such slices
    Ok(())
}

/// How this thread is scheduled: sched_getattr(2).
#[allow(unsafe_code, reason = "a system call that no crate without unsafe code offers")]
fn attributes() -> io::Result<libc::sched_attr> {
    let mut attributes = libc::sched_attr {
        size: 0,
        sched_policy: 0,
        sched_flags: 0,
        sched_nice: 0,
        sched_priority: 0,
        sched_runtime: 0,
        sched_deadline: 0,
        sched_period: 0,
    };
    let size = size_of::<libc::sched_attr>();
    // SAFETY: the kernel writes at most `size` bytes, which is what `attributes` has; each of its fields may have any value.
    let done = unsafe { libc::syscall(libc::SYS_sched_getattr, 0, &raw mut attributes, size, 0) };
    if done == 0 { Ok(attributes) } else { Err(io::Error::last_os_error()) }
}

/// Has this thread scheduled so: sched_setattr(2).
#[allow(unsafe_code, reason = "a system call that no crate without unsafe code offers")]
fn set(attributes: &libc::sched_attr) -> io::Result<()> {
    // SAFETY: the kernel reads `attributes.size` bytes, which is what it wrote of them, and writes at most there.
    let done = unsafe { libc::syscall(libc::SYS_sched_setattr, 0, std::ptr::from_ref(attributes), 0) };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::{SLICE, attributes, shorten};

    #[test]
    fn the_thread_that_asks_has_short_slices_and_those_that_it_starts_have_not() {
        let (before, own, child) = thread::spawn(|| {
            let before = attributes().unwrap();
            shorten().unwrap();
            (before, attributes().unwrap(), thread::spawn(|| attributes().unwrap()).join().unwrap())
        })
        .join()
        .unwrap();
        assert_eq!(own.sched_nice, before.sched_nice);
        assert_eq!(child.sched_runtime, before.sched_runtime);
        if before.sched_runtime != 0 {
            // The kernel tells slices, so it is one that has them.
            assert_eq!(own.sched_runtime, SLICE);
        }
    }
}
