//! The state that the host keeps for one instance of a policy, and the functions that the instance may call.

use std::sync::Arc;

use tokio::task::yield_now;
use wasmtime::component::ResourceTable;
use wasmtime::{Engine, ResourceLimiterAsync, Store, UpdateDeadline, bail};
use wasmtime_wasi::random::WasiRandomCtx;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

use crate::bindings::{Level, LookupError, ObjectKind, RequestBody, call, engine, log, types};
use crate::guest::epoch_ticker::EpochTicker;
use crate::guest::fault::{Allowance, MemoryAsked, TimeIsUp};
use crate::guest::guest_clock::{MonotonicClock, WallClock};
use crate::guest::limits::{MAX_CORE_INSTANCES, MAX_HOSTCALL, MAX_MEMORIES, MAX_TABLE_ELEMENTS, MAX_TABLES};
use crate::guest::output::{Output, Std, StdStream};
use crate::guest::term::{Pace, Term};
use crate::question::{InspectedBody, Question};

/// How many resources (streams, pollables) a guest may hold.
const MAX_RESOURCES: usize = 100;

/// A guest yields to others before it gets so much memory, each time: filling, copying and giving back more takes
/// longer than a slice. So it has it in the slow thread.
pub(crate) const MUCH_MEMORY: usize = 8 * 1024 * 1024;

/// It yields to others before so many bytes are handed to it at once, too.
const MUCH_DATA: usize = 64 * 1024;

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
        term: &Term,
    ) -> Store<Self> {
        let mut resources = ResourceTable::new();
        resources.set_max_capacity(MAX_RESOURCES);
        let state = Self {
            wasi: None,
            resources,
            memory: Memory { limit: memory, used: 0, asked: MemoryAsked::Within },
            output,
            question: None,
            term: term.clone(),
        };
        let mut store = Store::new(engine, state);
        store.limiter_async(|state| &mut state.memory);
        store.set_hostcall_fuel(MAX_HOSTCALL);
        store.set_max_component_handles(MAX_RESOURCES);
        let ticker = Arc::clone(ticker);
        ticker.keep_going();
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(move |store| {
            ticker.keep_going();
            store.data().tick()
        });
        store
    }

    /// Decides at a tick whether the guest goes on, yields to others, or is ended.
    fn tick(&self) -> wasmtime::Result<UpdateDeadline> {
        match self.term.pace() {
            Pace::GoOn => Ok(UpdateDeadline::Continue(1)),
            Pace::Yield => Ok(UpdateDeadline::Yield(1)),
            Pace::End => Err(TimeIsUp.into()),
        }
    }

    /// Prepares the instance for `question`, for which it has the time of `term`.
    pub(crate) fn ask(store: &mut Store<Self>, ticker: &EpochTicker, question: Question, term: &Term) {
        let state = store.data_mut();
        state.output.about(question.id);
        state.question = Some(question);
        state.term = term.clone();
        ticker.keep_going();
        store.set_epoch_deadline(1);
    }

    /// What the guest was allowed.
    pub(crate) fn allowance(&self) -> Allowance {
        Allowance { time: self.term.time(), memory: self.memory.limit, memory_ran_out: self.memory.asked }
    }

    /// How much memory the instance holds, in bytes.
    pub(crate) fn memory_used(&self) -> usize {
        self.memory.used
    }

    /// Whether the guest holds something of the host's (streams, pollables).
    pub(crate) fn holds_resources(&self) -> bool {
        !self.resources.is_empty()
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
#[wasmtime_wasi::async_trait]
impl ResourceLimiterAsync for Memory {
    async fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        if maximum.is_some_and(|maximum| desired > maximum) {
            self.asked = MemoryAsked::Beyond;
            return Ok(false);
        }
        let before = self.used;
        let is_granted = self.grow(desired.saturating_sub(current));
        if before / MUCH_MEMORY != self.used / MUCH_MEMORY {
            yield_now().await;
        }
        Ok(is_granted)
    }

    async fn table_growing(
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

    async fn body(&mut self) -> wasmtime::Result<RequestBody> {
        Ok(match self.question()?.body.clone() {
            InspectedBody::Empty => RequestBody::Empty,
            InspectedBody::Complete(bytes) => {
                before_handing_over(bytes.len()).await;
                RequestBody::Complete(String::from_utf8(bytes.to_vec())?)
            }
            InspectedBody::Unread => RequestBody::Unread,
        })
    }
}

/// Lets others have their turn before many bytes are copied for a guest.
async fn before_handing_over(bytes: usize) {
    if bytes > MUCH_DATA {
        yield_now().await;
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
        before_handing_over(answer.as_ref().map_or(0, |json| json.len())).await;
        Ok(answer.map(|json| json.as_ref().to_owned()))
    }
}

impl log::Host for State {
    fn log(&mut self, level: Level, message: String) -> wasmtime::Result<()> {
        self.output.line(level, &message);
        Ok(())
    }
}
