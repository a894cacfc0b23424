use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;

use tracing_subscriber::fmt::MakeWriter as _;

use super::{Cause, Entry, Lines, MAX_FOR_POLICIES, MAX_UNWRITTEN, Missing, start};

fn in_words(missing: &Missing) -> String {
    format!("{} dropped, {} of policies\n", missing.dropped, missing.of_policies)
}

/// A log and who reads it.
fn log() -> (Lines, super::Flush, UnixStream) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let (lines, flush) = start(ours, in_words).unwrap();
    (lines, flush, theirs)
}

fn read(mut theirs: UnixStream) -> std::thread::JoinHandle<String> {
    std::thread::spawn(move || {
        let mut text = String::new();
        theirs.read_to_string(&mut text).unwrap();
        text
    })
}

#[test]
fn every_line_is_written_in_order_by_the_time_that_the_guard_has_gone() {
    let (lines, flush, theirs) = log();
    let reader = read(theirs);
    for number in 0..1000 {
        writeln!(lines.make_writer(), "{number}").unwrap();
    }
    drop(flush);
    let want: String = (0..1000).map(|number| format!("{number}\n")).collect();
    assert_eq!(reader.join().unwrap(), want);
}

/// A line that fills what a socket holds and more, so that the thread is in the middle of writing it.
fn stall(lines: &Lines, theirs: &mut UnixStream) {
    let mut first = vec![b'x'; MAX_UNWRITTEN - 1];
    first.push(b'\n');
    lines.make_writer().write_all(&first).unwrap();
    theirs.read_exact(&mut [0]).unwrap();
}

#[test]
fn a_reader_that_stalls_costs_lines_and_no_time() {
    let (lines, flush, mut theirs) = log();
    stall(&lines, &mut theirs);
    let mut line = vec![b'y'; MAX_UNWRITTEN / 2 - 1];
    line.push(b'\n');
    for _ in 0..5 {
        lines.make_writer().write_all(&line).unwrap();
    }
    let reader = read(theirs);
    drop(flush);
    let written = reader.join().unwrap();
    assert!(written.ends_with("y\n3 dropped, 0 of policies\n"), "{}", written.len());
}

#[test]
fn what_policies_say_takes_no_room_from_what_the_gateway_says() {
    let (lines, flush, mut theirs) = log();
    stall(&lines, &mut theirs);
    let said = [&[b'p'; 999][..], b"\n"].concat();
    let says = || Entry { lines: &lines, cause: Cause::Policy };
    for _ in 0..MAX_UNWRITTEN / said.len() {
        says().write_all(&said).unwrap();
    }
    let room = (MAX_UNWRITTEN - MAX_FOR_POLICIES) / said.len();
    for number in 0..room {
        writeln!(lines.make_writer(), "{number:0999}").unwrap();
        says().write_all(&said).unwrap();
    }
    let reader = read(theirs);
    drop(flush);
    let written = reader.join().unwrap();
    let records: Vec<_> = written.lines().filter_map(|line| line.parse::<usize>().ok()).collect();
    assert!(records.iter().copied().eq(0..room), "of {room} records {} are there", records.len());
    let kept = MAX_FOR_POLICIES / said.len();
    let dropped = MAX_UNWRITTEN / said.len() - kept + room;
    assert!(written.ends_with(&format!("\n{dropped} dropped, {dropped} of policies\n")), "{}", written.len());
}
