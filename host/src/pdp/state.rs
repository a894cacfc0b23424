//! What the host keeps for one instance of a policy, and what that instance may call.

use std::sync::Arc;
use std::time::{Duration, Instant};

use wasmtime::component::ResourceTable;
use wasmtime::{ResourceLimiter, Store, UpdateDeadline, bail};
use wasmtime_wasi::random::WasiRandomCtx;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

use super::bindings::{Kind, Level, LookupError, RequestBody, call, engine, log, types};
use super::coarse::{MonotonicClock, WallClock};
use super::fault::{Allowance, MemoryAsked, TimeIsUp};
use super::output::{Output, Std, StdStream};
use super::question::{Body, Question};
use super::sandbox::{MAX_TABLE_ELEMENTS, Sandbox};

/// The most that one call between guest and host may hand over, in bytes.
pub(super) const MAX_HOSTCALL: usize = 1024 * 1024;

/// How many resources (streams, pollables) a guest may hold.
const MAX_RESOURCES: usize = 100;

/// After so many calls of the clock a guest gives way to others. The first is forgiven: the thread may have been without a
/// processor, and the guest without a millisecond of its own.
const SLICE: u32 = 2;

/// Header fields that hold credentials; a policy reads of them that they are there.
const CREDENTIALS: [&str; 6] = [
    "authorization",
    "cookie",
    "proxy-authorization",
    "x-registry-auth",
    "x-registry-config",
    "x-registry-identity-token",
];

/// One instance's side of the host.
pub(super) struct State {
    /// Made when a guest first asks for anything of WASI, which most never do.
    wasi: Option<WasiCtx>,
    resources: ResourceTable,
    memory: Memory,
    /// Where what it says goes.
    pub output: Output,
    /// What is being decided; in `configure`, nothing.
    pub question: Option<Question>,
    deadline: Instant,
    time: Duration,
    /// How often the clock has called on it.
    called_on: u32,
}

/// How long a guest took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pace {
    /// Less than its first slice, waiting aside.
    Quick,
    /// More.
    Slow,
}

/// What an instance may hold, all its memories taken together.
struct Memory {
    limit: usize,
    used: usize,
    asked: MemoryAsked,
}

impl State {
    /// A store for one instance, whose time starts now.
    pub(super) fn store(sandbox: &Sandbox, memory: usize, output: Output, time: Duration) -> Store<Self> {
        let mut resources = ResourceTable::new();
        resources.set_max_capacity(MAX_RESOURCES);
        let state = Self {
            wasi: None,
            resources,
            memory: Memory { limit: memory, used: 0, asked: MemoryAsked::Within },
            output,
            question: None,
            deadline: Instant::now() + time,
            time,
            called_on: 0,
        };
        let mut store = Store::new(sandbox.engine(), state);
        store.limiter(|state| &mut state.memory);
        store.set_hostcall_fuel(MAX_HOSTCALL);
        store.set_max_component_handles(MAX_RESOURCES);
        let clock = Arc::clone(sandbox.clock());
        clock.keep_going();
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(move |mut store| {
            clock.keep_going();
            let state = store.data_mut();
            state.called_on = state.called_on.saturating_add(1);
            if Instant::now() >= state.deadline {
                Err(TimeIsUp.into())
            } else if state.called_on < SLICE {
                Ok(UpdateDeadline::Continue(1))
            } else {
                Ok(UpdateDeadline::Yield(1))
            }
        });
        store
    }

    /// Gives the instance `time` from now on, for `question`.
    pub(super) fn ask(store: &mut Store<Self>, sandbox: &Sandbox, question: Question, time: Duration) {
        let state = store.data_mut();
        state.output.about(question.id);
        state.question = Some(question);
        state.time = time;
        state.deadline = Instant::now() + time;
        state.called_on = 0;
        sandbox.clock().keep_going();
        store.set_epoch_deadline(1);
    }

    /// Whether it took so long that others had to have their turn.
    pub(super) fn pace(&self) -> Pace {
        if self.called_on < SLICE { Pace::Quick } else { Pace::Slow }
    }

    /// What it was allowed.
    pub(super) fn allowance(&self) -> Allowance {
        Allowance { time: self.time, memory: self.memory.limit, memory_ran_out: self.memory.asked }
    }

    /// How much memory it holds, in bytes.
    pub(super) fn memory_used(&self) -> usize {
        self.memory.used
    }

    fn question(&self) -> wasmtime::Result<&Question> {
        match &self.question {
            Some(question) => Ok(question),
            None => bail!("there is no request yet: `call` and `engine` are for `decide`"),
        }
    }
}

impl ResourceLimiter for Memory {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let used = self.used.saturating_add(desired.saturating_sub(current));
        if used > self.limit || maximum.is_some_and(|maximum| desired > maximum) {
            self.asked = MemoryAsked::Beyond;
            return Ok(false);
        }
        self.used = used;
        Ok(true)
    }

    fn table_growing(
        &mut self,
        _current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(desired <= MAX_TABLE_ELEMENTS)
    }
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        let output = &self.output;
        let ctx = self.wasi.get_or_insert_with(|| {
            WasiCtx::builder()
                .stdout(StdStream::new(output.clone(), Std::Out))
                .stderr(StdStream::new(output.clone(), Std::Err))
                .wall_clock(WallClock)
                .monotonic_clock(MonotonicClock::start())
                .max_random_size(64 * 1024)
                .build()
        });
        WasiCtxView { ctx, table: &mut self.resources }
    }
}

impl State {
    /// For the linker.
    pub(super) fn random(&mut self) -> &mut WasiRandomCtx {
        self.ctx().ctx.random()
    }
}

impl types::Host for State {}

impl call::Host for State {
    fn header(&mut self, name: String) -> wasmtime::Result<Vec<String>> {
        let headers = &self.question()?.headers;
        Ok(headers.get_all(name.as_str()).iter().map(|value| shown(&name, value)).collect())
    }

    fn headers(&mut self) -> wasmtime::Result<Vec<(String, String)>> {
        let headers = self.question()?.headers.iter();
        Ok(headers.map(|(name, value)| (name.as_str().to_owned(), shown(name.as_str(), value))).collect())
    }

    fn body(&mut self) -> wasmtime::Result<RequestBody> {
        Ok(match &self.question()?.body {
            Body::Empty => RequestBody::Empty,
            Body::Complete(bytes) => RequestBody::Complete(String::from_utf8(bytes.to_vec())?),
            Body::Unread => RequestBody::Unread,
        })
    }
}

/// A value that is not UTF-8 reads as it can.
fn shown(name: &str, value: &http::HeaderValue) -> String {
    if CREDENTIALS.iter().any(|credential| credential.eq_ignore_ascii_case(name)) {
        return "<withheld>".to_owned();
    }
    String::from_utf8_lossy(value.as_bytes()).into_owned()
}

impl engine::Host for State {
    async fn inspect(
        &mut self,
        kind: Kind,
        reference: String,
    ) -> wasmtime::Result<Result<String, LookupError>> {
        let lookups = Arc::clone(&self.question()?.lookups);
        let answer = lookups.inspect(kind, reference).await;
        Ok(answer.map(|json| json.as_ref().to_owned()))
    }
}

impl log::Host for State {
    fn log(&mut self, level: Level, message: String) -> wasmtime::Result<()> {
        self.output.line(level, &message);
        Ok(())
    }
}
