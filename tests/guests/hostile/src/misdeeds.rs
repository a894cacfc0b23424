//! What a guest can do wrong wherever it is called, in `configure` as in `decide`.

use std::hash::{BuildHasher as _, RandomState};
use std::hint::black_box;
use std::io::Write as _;
use std::time::Duration;

use crate::bindings::{call, engine, log};
use crate::settings::Deed;

/// Does it. Most deeds do not come back.
///
/// # Errors
/// The name of the deed, if it is none of these.
pub(crate) fn commit(deed: &Deed) -> Result<(), String> {
    match deed.name.as_str() {
        "abort" | "unreachable" => std::process::abort(),
        "abort-perhaps" if is_odd_one() => std::process::abort(),
        "loop-perhaps" if is_odd_one() => spin(),
        "abort-perhaps" | "loop-perhaps" => {}
        "panic" => panic!("a panic of the guest: {}", deed.argument),
        "out-of-bounds" => out_of_bounds(),
        "loop" => spin(),
        "fill" => fill(),
        "work" => work(deed.number(1000)),
        "recurse" => drop(black_box(recurse(deed.number(usize::MAX)))),
        "hoard" => hoard(deed.number(usize::MAX)),
        "exit" => std::process::exit(i32::from(deed.argument == "failure")),
        "sleep" => std::thread::sleep(Duration::from_millis(deed.number(10_000) as u64)),
        "flood-stdout" => flood(deed, |line| drop(writeln!(std::io::stdout(), "{line}"))),
        "flood-stderr" => flood(deed, |line| drop(writeln!(std::io::stderr(), "{line}"))),
        "flood-log" => flood(deed, |line| log::log(log::Level::Warn, line)),
        "flood-log-with-nothing" => flood(deed, |_line| log::log(log::Level::Warn, "")),
        "log" => log::log(log::Level::Warn, &deed.argument),
        "log-mib" => log::log(log::Level::Warn, &"x".repeat(deed.number(1) << 20)),
        "print" => print!("{}", deed.argument),
        "ask-for-header" => drop(black_box(call::header("host"))),
        "ask-for-headers" => drop(black_box(call::headers())),
        "ask-for-body" => drop(black_box(call::body())),
        "look-up" => drop(black_box(engine::inspect(engine::Kind::Container, "web"))),
        _ => return Err(deed.name.clone()),
    }
    Ok(())
}

/// The last byte of the address space, where no memory reaches.
#[allow(unsafe_code, reason = "reading where nothing is: the sandbox must catch it")]
fn out_of_bounds() {
    let nowhere = black_box(usize::MAX) as *const u8;
    black_box(unsafe { nowhere.read_volatile() });
}

/// One instance of two.
fn is_odd_one() -> bool {
    RandomState::new().hash_one(0).is_multiple_of(2)
}

fn spin() {
    let mut count = 0_u64;
    loop {
        count = black_box(count.wrapping_add(1));
    }
}

/// So many thousand steps.
fn work(thousands: usize) {
    let mut count = 0_usize;
    while count < thousands * 1000 {
        count = black_box(count + 1);
    }
}

/// A loop of few instructions that take long: each writes 32 MiB.
fn fill() {
    let mut block = vec![0_u8; 32 << 20];
    let mut byte = 0_u8;
    loop {
        byte = byte.wrapping_add(1);
        black_box(&mut block).fill(byte);
    }
}

fn recurse(depth: usize) -> usize {
    let frame = black_box([depth; 16]);
    match depth {
        0 => 0,
        _ => recurse(depth - 1) + frame.iter().sum::<usize>(),
    }
}

/// Keeps and writes so many mebibytes; Rust's allocator gives up with a trap where there are no more.
fn hoard(mebibytes: usize) {
    let mut kept: Vec<Vec<u8>> = Vec::new();
    for _ in 0..mebibytes {
        kept.push(black_box(vec![1; 1 << 20]));
    }
    std::mem::forget(kept);
}

/// So many mebibytes in lines of a kibibyte.
fn flood(deed: &Deed, write: impl Fn(&str)) {
    let line = "flood ".repeat(170);
    for _ in 0..deed.number(64) << 10 {
        write(&line);
    }
}
