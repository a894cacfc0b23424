//! A program that runs while a test talks with it, through pipes or through a terminal.
//!
//! Nothing here waits for a fixed time: a test waits for words, and [`LIMIT`] only bounds a failure.

use std::fs::File;
use std::io::{Read, Write};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

/// How long anything in these tests may take before it counts as hung.
pub(crate) const LIMIT: Duration = Duration::from_secs(100);

/// The running program and what it has said so far, both of its outputs together.
pub(crate) struct Conversation {
    child: Child,
    input: Option<Box<dyn Write>>,
    terminal: Option<File>,
    heard: Arc<Heard>,
    /// How much of what was heard earlier `expect` calls have used up.
    used: usize,
}

/// What the readers hand to the test.
#[derive(Default)]
struct Heard {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    bytes: Vec<u8>,
    readers: usize,
}

/// Why something was not heard.
#[derive(Debug, PartialEq, Eq)]
enum Missed {
    /// The program has closed its outputs.
    Ended,
    /// The time is up.
    Late,
}

impl Conversation {
    /// Starts `command` on pipes.
    pub(crate) fn through_pipes(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let input = child.stdin.take().map(|pipe| Box::new(pipe) as Box<dyn Write>);
        let outputs: [Box<dyn Read + Send>; 2] =
            [Box::new(child.stdout.take().unwrap()), Box::new(child.stderr.take().unwrap())];
        Self { child, input, terminal: None, heard: Heard::listen(outputs), used: 0 }
    }

    /// Starts `command` on a terminal of its own, of this size, which signals it when it is resized.
    pub(crate) fn on_a_terminal(command: &Command, rows: u16, columns: u16) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        let slave = File::options().read(true).write(true).open(name.to_str().unwrap()).unwrap();
        // `setsid --ctty` makes its stdin the controlling terminal; without one no SIGWINCH comes.
        let mut session = Command::new("setsid");
        session.arg("--ctty").arg(command.get_program()).args(command.get_args());
        for (name, value) in command.get_envs() {
            session.env(name, value.unwrap());
        }
        let child = session
            .stdin(slave.try_clone().unwrap())
            .stdout(slave.try_clone().unwrap())
            .stderr(slave)
            .spawn()
            .unwrap();
        drop(session); // it holds the slave's files, and a terminal ends when the last one closes
        let master = File::from(master);
        let output: Box<dyn Read + Send> = Box::new(master.try_clone().unwrap());
        let heard = Heard::listen([output]);
        let input = Some(Box::new(master.try_clone().unwrap()) as Box<dyn Write>);
        let conversation = Self { child, input, terminal: Some(master), heard, used: 0 };
        conversation.resizer()(rows, columns);
        conversation
    }

    /// Writes `text` to the program's stdin.
    pub(crate) fn say(&mut self, text: &str) {
        let input = self.input.as_mut().expect("stdin was closed before");
        input.write_all(text.as_bytes()).unwrap();
        input.flush().unwrap();
    }

    /// Closes the program's stdin.
    pub(crate) fn end_input(&mut self) {
        self.input = None;
    }

    /// What types `text` on the terminal.
    pub(crate) fn typist(&self, text: &str) -> impl FnMut() + use<> {
        let mut terminal = self.own_terminal();
        let text = text.to_owned();
        move || terminal.write_all(text.as_bytes()).unwrap()
    }

    /// What changes the terminal's rows and columns; the kernel tells the program.
    pub(crate) fn resizer(&self) -> impl Fn(u16, u16) + use<> {
        let terminal = self.own_terminal();
        move |rows, columns| {
            let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
            tcsetwinsize(&terminal, size).unwrap();
        }
    }

    fn own_terminal(&self) -> File {
        self.terminal.as_ref().expect("this program runs on pipes").try_clone().unwrap()
    }

    /// Waits until the program has said `words`, after all that earlier calls waited for.
    pub(crate) fn expect(&mut self, words: &str) {
        self.expect_while(words, LIMIT, || {});
    }

    /// Like [`Self::expect`], doing `nudge` now and again: for a program that does not tell when it begins to listen.
    pub(crate) fn expect_while(&mut self, words: &str, pause: Duration, mut nudge: impl FnMut()) {
        let give_up = Instant::now() + LIMIT;
        let found = |state: &State| find(&state.bytes[self.used..], words.as_bytes());
        loop {
            nudge();
            match self.heard.wait_for(pause, found) {
                Ok(end) => return self.used += end,
                Err(Missed::Ended) => panic!("ended without {words:?}; it said: {}", self.heard.text()),
                Err(Missed::Late) if Instant::now() < give_up => {}
                Err(Missed::Late) => panic!("no {words:?} within {LIMIT:?}; it said: {}", self.heard.text()),
            }
        }
    }

    /// Waits for the program's end; returns how it ended and all that it said.
    pub(crate) fn finish(mut self) -> (ExitStatus, String) {
        if self.heard.wait_for::<()>(LIMIT, |_| None) == Err(Missed::Late) {
            panic!("it did not end within {LIMIT:?}; it said: {}", self.heard.text());
        }
        (self.child.wait().unwrap(), self.heard.text())
    }
}

impl Drop for Conversation {
    fn drop(&mut self) {
        // Fails when the program has ended, which is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Heard {
    fn listen(outputs: impl IntoIterator<Item = Box<dyn Read + Send>>) -> Arc<Self> {
        let heard = Arc::new(Self::default());
        for mut output in outputs {
            heard.state.lock().unwrap().readers += 1;
            let heard = Arc::clone(&heard);
            std::thread::spawn(move || {
                let mut buffer = [0; 16 * 1024];
                // A terminal ends with EIO, a pipe with 0.
                while let Ok(count @ 1..) = output.read(&mut buffer) {
                    heard.state.lock().unwrap().bytes.extend_from_slice(&buffer[..count]);
                    heard.changed.notify_all();
                }
                heard.state.lock().unwrap().readers -= 1;
                heard.changed.notify_all();
            });
        }
        heard
    }

    fn wait_for<T>(&self, limit: Duration, found: impl Fn(&State) -> Option<T>) -> Result<T, Missed> {
        let give_up = Instant::now() + limit;
        let mut state = self.state.lock().unwrap();
        loop {
            let left = give_up.saturating_duration_since(Instant::now());
            match found(&state) {
                Some(value) => return Ok(value),
                None if state.readers == 0 => return Err(Missed::Ended),
                None if left.is_zero() => return Err(Missed::Late),
                None => state = self.changed.wait_timeout(state, left).unwrap().0,
            }
        }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.state.lock().unwrap().bytes).into_owned()
    }
}

/// Where the first `words` in `bytes` end.
fn find(bytes: &[u8], words: &[u8]) -> Option<usize> {
    bytes.windows(words.len()).position(|window| window == words).map(|start| start + words.len())
}
