//! A client program, pointed at a gateway of its own in front of an engine.

use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::rc::Rc;
use std::sync::atomic::{AtomicU32, Ordering};

use e2e::dockerd::Dockerd;
use e2e::{Endpoint, Gateway, Program, Via};
use tempfile::TempDir;

use crate::conversation::{Conversation, LIMIT};

/// A program with the gateway's address in its environment, and a name that no other test uses.
pub(crate) struct Client {
    program: Program,
    environment: Vec<(String, String)>,
    _gateway: Rc<Gateway>,
    folder: TempDir,
    name: String,
}

impl Client {
    /// `program` behind a gateway that allows everything.
    pub(crate) fn of_open_gateway(program: impl Into<Program>, engine: &Dockerd, via: Via) -> Self {
        Self::behind(program, Gateway::open(&engine.socket()), via)
    }

    /// `program` behind this gateway, which others may share.
    pub(crate) fn behind(program: impl Into<Program>, gateway: impl Into<Rc<Gateway>>, via: Via) -> Self {
        let (program, gateway) = (program.into(), gateway.into());
        let folder = tempfile::tempdir().unwrap();
        let environment = vec![
            ("DOCKER_HOST".to_owned(), address_of(&gateway, via)),
            ("DOCKER_CONFIG".to_owned(), folder.path().join("config").to_str().unwrap().to_owned()),
        ];
        Self { program, environment, _gateway: gateway, folder, name: fresh_name() }
    }

    /// Sets one more variable for every run.
    #[must_use]
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// This test's own name, for the things that it makes in the engine.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// A further name of this test's own.
    pub(crate) fn named(&self, suffix: &str) -> String {
        format!("{}-{suffix}", self.name)
    }

    /// A path in this test's own folder.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file into this test's own folder and returns its path.
    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.file(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// Runs the program and returns its stdout, trimmed; it must succeed.
    pub(crate) fn ok<A: AsRef<OsStr>>(&self, arguments: &[A]) -> String {
        let output = self.feed(arguments, b"");
        text(&self.expect_success(arguments, output).stdout)
    }

    /// Runs the program and returns all that it printed; it must fail.
    pub(crate) fn fails<A: AsRef<OsStr>>(&self, arguments: &[A]) -> String {
        let output = self.feed(arguments, b"");
        assert!(!output.status.success(), "{} succeeded: {output:?}", show(arguments));
        text(&[output.stdout, output.stderr].concat())
    }

    /// Runs the program with `input` as its stdin, to the end.
    pub(crate) fn feed<A: AsRef<OsStr>>(&self, arguments: &[A], input: &[u8]) -> Output {
        // `timeout` bounds a hang; its 124 then is the exit code.
        let limit = LIMIT.as_secs().to_string();
        let mut command = self.program.after(&["timeout", "--kill-after=5", &limit]);
        command.args(arguments);
        let mut child = self
            .furnish(&mut command)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        std::thread::scope(|scope| {
            // A program that ends early does not read it all.
            scope.spawn(move || drop(stdin.write_all(input)));
            child.wait_with_output().unwrap()
        })
    }

    /// Runs the program with its stdout in the file `name` of this test's folder; it must succeed.
    pub(crate) fn save_stdout<A: AsRef<OsStr>>(&self, arguments: &[A], name: &str) -> PathBuf {
        let path = self.file(name);
        let file = std::fs::File::create(&path).unwrap();
        let output =
            self.furnish(&mut self.command(arguments)).stdout(file).stdin(Stdio::null()).output().unwrap();
        self.expect_success(arguments, output);
        path
    }

    /// Starts the program to talk with it through pipes.
    pub(crate) fn start<A: AsRef<OsStr>>(&self, arguments: &[A]) -> Conversation {
        Conversation::through_pipes(&mut self.command(arguments))
    }

    /// Starts the program on a terminal of this size.
    pub(crate) fn on_a_terminal<A: AsRef<OsStr>>(
        &self,
        arguments: &[A],
        rows: u16,
        columns: u16,
    ) -> Conversation {
        Conversation::on_a_terminal(&self.command(arguments), rows, columns)
    }

    fn command<A: AsRef<OsStr>>(&self, arguments: &[A]) -> Command {
        let mut command = self.program.command();
        command.args(arguments);
        self.furnish(&mut command);
        command
    }

    fn furnish<'command>(&self, command: &'command mut Command) -> &'command mut Command {
        command
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .current_dir(self.folder.path())
    }

    fn expect_success<A: AsRef<OsStr>>(&self, arguments: &[A], output: Output) -> Output {
        let (status, said) = (output.status, text(&output.stderr));
        assert!(status.success(), "{} {}: {status}: {said}", self.program.name(), show(arguments));
        output
    }
}

/// Runs each case four times: against either engine, over either kind of listener. A case is an `async fn(Release, Via)`
/// beside the call.
macro_rules! on_each_engine {
    ($($case:ident),+ $(,)?) => {
        crate::client::on_each_engine! { @tests modern_engine_over_tcp, Modern, Tcp, $($case),+ }
        crate::client::on_each_engine! { @tests modern_engine_over_unix, Modern, Unix, $($case),+ }
        crate::client::on_each_engine! { @tests engine_20_over_tcp, V20, Tcp, $($case),+ }
        crate::client::on_each_engine! { @tests engine_20_over_unix, V20, Unix, $($case),+ }
    };
    (@tests $module:ident, $engine:ident, $via:ident, $($case:ident),+) => {
        mod $module {
            $(
                #[tokio::test]
                async fn $case() {
                    super::$case(e2e::dockerd::Release::$engine, e2e::Via::$via).await;
                }
            )+
        }
    };
}
pub(crate) use on_each_engine;

/// Runs each case twice, against either engine. A case is a `fn(Release)` beside the call.
macro_rules! on_both_engines {
    ($($case:ident),+ $(,)?) => {
        mod modern_engine {
            $(#[test] fn $case() { super::$case(e2e::dockerd::Release::Modern); })+
        }
        mod engine_20 {
            $(#[test] fn $case() { super::$case(e2e::dockerd::Release::V20); })+
        }
    };
}
pub(crate) use on_both_engines;

/// A gateway's address, as DOCKER_HOST wants it.
pub(crate) fn address_of(gateway: &Gateway, via: Via) -> String {
    match gateway.endpoint(via) {
        Endpoint::Tcp(address) => format!("tcp://{address}"),
        Endpoint::Unix(path) => format!("unix://{}", path.display()),
    }
}

/// A name that no other test uses.
pub(crate) fn fresh_name() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(1);
    format!("t{}", COUNT.fetch_add(1, Ordering::Relaxed))
}

/// What a program printed, without white space at its ends.
pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim().to_owned()
}

/// The hash of a file, as `sha256sum` prints it in the container too.
pub(crate) fn sha256(file: &Path) -> String {
    let output = Command::new("sha256sum").stdin(std::fs::File::open(file).unwrap()).output().unwrap();
    text(&output.stdout).split(' ').next().unwrap().to_owned()
}

/// Bytes that no compression shortens.
pub(crate) fn random(count: usize) -> Vec<u8> {
    use std::io::Read;
    let mut bytes = Vec::with_capacity(count);
    std::fs::File::open("/dev/urandom").unwrap().take(count as u64).read_to_end(&mut bytes).unwrap();
    bytes
}

fn show<A: AsRef<OsStr>>(arguments: &[A]) -> String {
    arguments.iter().map(|argument| argument.as_ref().to_string_lossy()).collect::<Vec<_>>().join(" ")
}
