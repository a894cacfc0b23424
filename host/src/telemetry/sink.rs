//! Where the log's lines go: stderr, which may be slow, full or gone.
//!
//! A line that could be written in part only must not be glued to the next, so what follows it begins a new line.

use std::io::{self, ErrorKind, Write};
use std::os::fd::AsFd;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;

/// A file that takes whole lines.
pub(super) struct Sink<O> {
    out: O,
    /// How the last thing that was written ended.
    end: End,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    /// With the end of a line.
    Whole,
    /// In the middle of a line.
    Torn,
}

/// Lines that were not written, or not to their end.
#[derive(Debug)]
pub(super) struct Lost {
    /// How many.
    pub lines: u64,
    /// Why.
    pub error: io::Error,
}

impl<O: Write + AsFd> Sink<O> {
    pub(super) fn new(out: O) -> Self {
        Self { out, end: End::Whole }
    }

    /// Writes whole lines. It waits as long as the file takes nothing, but does not try again after an error.
    ///
    /// # Errors
    /// [`Lost`], if not all of them were written.
    pub(super) fn write(&mut self, lines: &[u8]) -> Result<(), Lost> {
        if self.end == End::Torn && !lines.is_empty() {
            self.put(b"\n").map_err(|(_, error)| Lost { lines: count(lines), error })?;
        }
        self.put(lines).map_err(|(left, error)| Lost { lines: count(left), error })
    }

    /// Writes all of it, or says what is left.
    fn put<'b>(&mut self, bytes: &'b [u8]) -> Result<(), (&'b [u8], io::Error)> {
        let mut left = bytes;
        while !left.is_empty() {
            match self.out.write(left) {
                Ok(0) => return Err((left, ErrorKind::WriteZero.into())),
                Ok(written) => {
                    let (done, rest) = left.split_at_checked(written).unwrap_or((left, &[]));
                    self.end = if done.ends_with(b"\n") { End::Whole } else { End::Torn };
                    left = rest;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.until_writable().map_err(|error| (left, error))?;
                }
                Err(error) => return Err((left, error)),
            }
        }
        Ok(())
    }

    /// Waits until a file that does not block takes something again. Whoever shares the file may have made it so.
    fn until_writable(&self) -> io::Result<()> {
        loop {
            match poll(&mut [PollFd::new(&self.out, PollFlags::OUT)], None) {
                Ok(_) => return Ok(()),
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

fn count(lines: &[u8]) -> u64 {
    lines.iter().filter(|&&byte| byte == b'\n').count() as u64
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::fs::File;
    use std::io::{self, ErrorKind, Read as _, Write};
    use std::os::fd::{AsFd, BorrowedFd};
    use std::os::unix::net::UnixStream;

    use super::Sink;

    /// A file that says in turn how much it takes: so many bytes, or an error.
    struct Moody {
        moods: VecDeque<Result<usize, ErrorKind>>,
        taken: Vec<u8>,
        file: File,
    }

    impl Moody {
        fn of(moods: &[Result<usize, ErrorKind>]) -> Sink<Self> {
            let file = File::options().write(true).open("/dev/null").unwrap();
            Sink::new(Self { moods: moods.iter().copied().collect(), taken: Vec::new(), file })
        }
    }

    impl Write for Moody {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let most = self.moods.pop_front().unwrap_or(Ok(usize::MAX)).map_err(io::Error::from)?;
            let taken = bytes.get(..most).unwrap_or(bytes);
            self.taken.extend_from_slice(taken);
            Ok(taken.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl AsFd for Moody {
        fn as_fd(&self) -> BorrowedFd<'_> {
            self.file.as_fd()
        }
    }

    #[test]
    fn a_line_that_is_torn_is_counted_and_the_next_one_begins_anew() {
        const FULL: Result<usize, ErrorKind> = Err(ErrorKind::StorageFull);
        for (moods, lost, taken) in [
            (&[][..], 0, "one\ntwo\nthree\n"),
            (&[Ok(2), Err(ErrorKind::Interrupted), Err(ErrorKind::WouldBlock)], 0, "one\ntwo\nthree\n"),
            (&[FULL], 2, "three\n"),
            (&[Ok(0)], 2, "three\n"),
            (&[Ok(4), FULL], 1, "one\nthree\n"),
            (&[Ok(5), FULL], 1, "one\nt\nthree\n"),
            (&[Ok(1), FULL], 2, "o\nthree\n"),
            (&[Ok(1), FULL, FULL], 3, "o"),
        ] {
            let mut sink = Moody::of(moods);
            let written = [sink.write(b"one\ntwo\n"), sink.write(b"three\n")];
            let lines: u64 =
                written.iter().filter_map(|written| written.as_ref().err()).map(|lost| lost.lines).sum();
            let so_far = String::from_utf8_lossy(&sink.out.taken);
            assert_eq!((lines, so_far.as_ref()), (lost, taken), "{moods:?}");
        }
    }

    #[test]
    fn a_file_that_does_not_block_is_waited_for() {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        ours.set_nonblocking(true).unwrap();
        let lines = "a line of the log\n".repeat(100_000); // more than a socket holds
        let reader = std::thread::spawn(move || {
            let mut read = String::new();
            theirs.read_to_string(&mut read).map(|_| read)
        });
        let mut sink = Sink::new(ours);
        sink.write(lines.as_bytes()).unwrap();
        drop(sink);
        assert!(reader.join().unwrap().unwrap() == lines);
    }
}
