//! The state that the host keeps for one instance of a policy, and the functions that the instance may call.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::time::timeout_at;
use wasmtime::component::ResourceTable;
use wasmtime::{Engine, ResourceLimiter, Store, UpdateDeadline, bail};
use wasmtime_wasi::random::WasiRandomCtx;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

use crate::bindings::{Level, LookupError, ObjectKind, RequestBody, call, engine, log, types};
use crate::guest::epoch_ticker::EpochTicker;
use crate::guest::fault::{Allowance, Fault, MemoryAsked, TimeIsUp};
use crate::guest::guest_clock::{MonotonicClock, WallClock};
use crate::guest::limits::{MAX_CORE_INSTANCES, MAX_HOSTCALL, MAX_MEMORIES, MAX_TABLE_ELEMENTS, MAX_TABLES};
use crate::guest::output::{Output, Std, StdStream};
use crate::guest::slow_operations::{SlowOperations, Speed};
use crate::question::{InspectedBody, Question};

/// How many resources (streams, pollables) a guest may hold.
const MAX_RESOURCES: usize = 100;

/// A guest yields to others at this tick. It does not yield at the first: the thread may have been without a processor,
/// and the guest may not have run for a millisecond.
const SLICE: u32 = 2;

/// After so much time it yields even at the first tick: a single instruction can fill a whole memory.
const LONGEST_SLICE: Duration = Duration::from_millis(3);

/// Header fields that hold credentials. A policy sees that they are there, but not their values.
const CREDENTIALS: [&str; 6] = [
    "authorization",
    "cookie",
    "proxy-authorization",
    "x-registry-auth",
    "x-registry-config",
    "x-registry-identity-token",
];

/// What the host keeps for one instance.
pub(crate) struct State {
    /// The WASI context, made when a guest first uses WASI, which most never do.
    wasi: Option<WasiCtx>,
    resources: ResourceTable,
    memory: Memory,
    /// Where the instance's log lines go.
    pub output: Output,
    /// The question that is being decided; `None` in `configure`.
    pub question: Option<Question>,
    term: Term,
    slow: Arc<SlowOperations>,
    /// When the call that is running now began.
    since: Instant,
    /// The number of ticks since then.
    ticks: u32,
    speed: Speed,
}

/// The time that a guest may run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Term {
    deadline: Instant,
    /// The whole time, from its beginning to the deadline.
    time: Duration,
}

impl Term {
    /// A term that begins now.
    pub(crate) fn of(time: Duration) -> Self {
        Self { deadline: Instant::now() + time, time }
    }

    /// Waits for `work` until the deadline.
    ///
    /// # Errors
    /// [`Fault::Timeout`] if the deadline comes first.
    pub(crate) async fn bound<T>(self, work: impl Future<Output = T>) -> Result<T, Fault> {
        timeout_at(self.deadline.into(), work).await.map_err(|_elapsed| Fault::Timeout(self.time))
    }
}

/// How much memory an instance may hold, all its memories and tables together.
struct Memory {
    limit: usize,
    used: usize,
    asked: MemoryAsked,
}

impl State {
    /// A store for one instance, which may run until the end of `term`.
    pub(crate) fn store(
        engine: &Engine,
        ticker: &Arc<EpochTicker>,
        memory: usize,
        output: Output,
        slow: Arc<SlowOperations>,
        term: Term,
    ) -> Store<Self> {
        let mut resources = ResourceTable::new();
        resources.set_max_capacity(MAX_RESOURCES);
        let state = Self {
            wasi: None,
            resources,
            memory: Memory { limit: memory, used: 0, asked: MemoryAsked::Within },
            output,
            question: None,
            term,
            slow,
            since: Instant::now(),
            ticks: 0,
            speed: Speed::Quick,
        };
        let mut store = Store::new(engine, state);
        store.limiter(|state| &mut state.memory);
        store.set_hostcall_fuel(MAX_HOSTCALL);
        store.set_max_component_handles(MAX_RESOURCES);
        let ticker = Arc::clone(ticker);
        ticker.keep_going();
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(move |mut store| {
            ticker.keep_going();
            store.data_mut().tick()
        });
        store
    }

    /// Decides at a tick whether the guest goes on, yields to others, or is ended.
    fn tick(&mut self) -> wasmtime::Result<UpdateDeadline> {
        let now = Instant::now();
        if now >= self.term.deadline {
            return Err(TimeIsUp.into());
        }
        self.ticks = self.ticks.saturating_add(1);
        if self.ticks < SLICE && now.duration_since(self.since) < LONGEST_SLICE {
            return Ok(UpdateDeadline::Continue(1));
        }
        // This is noted now and not at the end of the decision: a client that never waits for the end must not prevent
        // it.
        if let Some(question) = &self.question {
            self.slow.note(&question.operation, Speed::Slow);
        }
        self.speed = Speed::Slow;
        Ok(UpdateDeadline::Yield(1))
    }

    /// Prepares the instance for `question`, for which it has until the end of `term`.
    pub(crate) fn ask(store: &mut Store<Self>, ticker: &EpochTicker, question: Question, term: Term) {
        let state = store.data_mut();
        state.output.about(question.id);
        state.question = Some(question);
        state.term = term;
        state.since = Instant::now();
        state.ticks = 0;
        state.speed = Speed::Quick;
        ticker.keep_going();
        store.set_epoch_deadline(1);
    }

    /// Whether the guest took so long that it had to yield.
    pub(crate) fn speed(&self) -> Speed {
        self.speed
    }

    /// What the guest was allowed.
    pub(crate) fn allowance(&self) -> Allowance {
        Allowance { time: self.term.time, memory: self.memory.limit, memory_ran_out: self.memory.asked }
    }

    /// How much memory the instance holds, in bytes.
    pub(crate) fn memory_used(&self) -> usize {
        self.memory.used
    }

    fn question(&self) -> wasmtime::Result<&Question> {
        match &self.question {
            Some(question) => Ok(question),
            None => bail!("there is no request yet: `call` and `engine` are for `decide`"),
        }
    }
}

impl Memory {
    fn grow(&mut self, bytes: usize) -> bool {
        let used = self.used.saturating_add(bytes);
        if used > self.limit {
            self.asked = MemoryAsked::Beyond;
            return false;
        }
        self.used = used;
        true
    }
}

/// If instances come out of a pool, the pool has the same limits; if not, these are the only ones.
impl ResourceLimiter for Memory {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        if maximum.is_some_and(|maximum| desired > maximum) {
            self.asked = MemoryAsked::Beyond;
            return Ok(false);
        }
        Ok(self.grow(desired.saturating_sub(current)))
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let bytes = desired.saturating_sub(current).saturating_mul(size_of::<usize>());
        Ok(desired <= MAX_TABLE_ELEMENTS && self.grow(bytes))
    }

    fn instances(&self) -> usize {
        MAX_CORE_INSTANCES as usize
    }

    fn tables(&self) -> usize {
        MAX_TABLES as usize
    }

    fn memories(&self) -> usize {
        MAX_MEMORIES as usize
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
    /// The random numbers of WASI, for the linker.
    pub(crate) fn random(&mut self) -> &mut WasiRandomCtx {
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
            InspectedBody::Empty => RequestBody::Empty,
            InspectedBody::Complete(bytes) => RequestBody::Complete(String::from_utf8(bytes.to_vec())?),
            InspectedBody::Unread => RequestBody::Unread,
        })
    }
}

/// The value of a header field as a policy sees it. Bytes that are not UTF-8 are replaced.
fn shown(name: &str, value: &http::HeaderValue) -> String {
    if CREDENTIALS.iter().any(|credential| credential.eq_ignore_ascii_case(name)) {
        return "<withheld>".to_owned();
    }
    String::from_utf8_lossy(value.as_bytes()).into_owned()
}

impl engine::Host for State {
    async fn inspect(
        &mut self,
        kind: ObjectKind,
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
