//! The server: accepts, speaks HTTP/1 with each client, and ends in order.
//!
//! One thread carries everything: a request costs less if it never moves from one thread to another. A task that panics
//! takes its own connection with it and nothing else.

use std::convert::Infallible;
use std::future::ready;
use std::io;
use std::os::fd::OwnedFd;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use http::header::{self, HeaderValue};
use http::{Request, Response};
use hyper::body::{Body as _, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use pdp::{ChainError, Compiler, PolicyDecisionPoint, Reload};
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use crate::config::Config;
use crate::engine::inspect::EngineInspector;
use crate::engine::pool::{Bounds, MAX_IDLE};
use crate::engine::upstream::Upstream;
use crate::gateway::Gateway;
use crate::http::body::coalesce::counting_turns;
use crate::http::body::inspected::BodyInspector;
use crate::http::body::request::RequestBody;
use crate::http::body::response::ResponseBody;
use crate::http::refusal::{Refusal, UnreadHeads, refuse};
use crate::memory;
use crate::net::client::{Client, Peer};
use crate::net::connection_limit::{ConnectionLimit, LimitedBy, Slot};
use crate::net::listener::{Acceptor, BindError, Listener, Stream};
use crate::net::messages::Messages;
use crate::net::timeouts::{Closing, ConnectionTimer, Timeouts};
use crate::open_files;
use crate::record::Record;
use crate::stop::Stop;

/// The most headers that a request may have. BuildKit's session repeats one header dozens of times; hyper's default is
/// 100.
const MAX_HEADERS: usize = 1000;

/// The largest head that is taken, and the most that is read at a time, in bytes. `X-Registry-Config` alone can take
/// tens of KiB.
const MAX_BUFFER: usize = 128 * 1024;

/// The pause between two attempts while `accept` fails, as it does when no file descriptor is left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How long cut connections may take to end.
const CUT_GRACE: Duration = Duration::from_secs(1);

/// A gateway whose listeners are bound and whose policies are loaded.
#[derive(Debug)]
pub struct Server {
    listeners: Vec<Listener>,
    serving: Arc<Serving>,
    shutdown_grace: Duration,
    reload: Reload,
}

/// Why the gateway cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// An address cannot be listened on.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// A policy cannot be loaded.
    #[error(transparent)]
    Policies(#[from] ChainError),
}

impl Server {
    /// Binds every address of the configuration, then loads its policies, which `compiler` compiles. Clients that connect
    /// in the meantime wait. Dropping the future ends the start; what waits for a file system or a resolver is left behind
    /// on a thread of its own.
    ///
    /// # Errors
    /// The first [`StartError`].
    pub async fn start(config: Config, compiler: &Compiler) -> Result<Self, StartError> {
        let listeners = Listener::bind_all(&config.listen, config.socket_mode, &config.docker_socket).await?;
        let pdp = PolicyDecisionPoint::start(config.rights, &config.policies, compiler).await?;
        let shutdown_grace = config.shutdown_grace;
        let serving = Arc::new(Serving::new(config, pdp));
        serving.gateway.upstream.warn_if_unreachable().await;
        Ok(Self { listeners, serving, shutdown_grace, reload: Reload::default() })
    }

    /// The addresses that clients connect to: `127.0.0.1:2375`, `unix:///run/sockgate.sock`.
    #[must_use]
    pub fn local_addrs(&self) -> Vec<String> {
        self.listeners.iter().map(|listener| listener.address().to_string()).collect()
    }

    /// A handle that asks the running server to load its policies anew.
    #[must_use]
    pub fn reload(&self) -> Reload {
        self.reload.clone()
    }

    /// Serves until `stop`, then drains: connections end of which no request is in flight, and so do streams that only
    /// follow something; other requests in flight have the grace period to end, and are then cut. So are all where this is
    /// dropped before its end.
    ///
    /// # Errors
    /// If the runtime cannot watch a listener.
    pub async fn run(self, stop: impl Future<Output = ()>) -> io::Result<()> {
        let serving = self.serving;
        let _cut_at_the_end = serving.gateway.stop.cut.clone().drop_guard();
        for listener in self.listeners {
            tracing::info!("listening on {}", listener.address());
            let acceptor = listener.into_acceptor()?;
            serving.gateway.tasks.spawn(Arc::clone(&serving).accept(acceptor));
        }
        serving.gateway.tasks.spawn(Arc::clone(&serving).follow_files(self.reload));
        serving.gateway.tasks.spawn(Arc::clone(&serving).age_kept_connections());
        serving.gateway.tasks.spawn(Arc::clone(&serving).report_turned_away());
        stop.await;
        serving.drain(self.shutdown_grace).await;
        Ok(())
    }
}

/// What all connections share.
#[derive(Debug)]
struct Serving {
    gateway: Gateway,
    timeouts: Timeouts,
    connection_limit: ConnectionLimit,
}

impl Serving {
    fn new(config: Config, pdp: PolicyDecisionPoint) -> Self {
        // A place for each decision, and as many for policies that only observe.
        let look_ups = if config.policies.chain.is_empty() { 0 } else { 2 * config.policies.concurrency };
        let connection_limit = ConnectionLimit::new(config.max_connections, look_ups);
        let connections = connection_limit.connections + look_ups;
        let bounds = Bounds { connections, idle: config.timeouts.idle.min(MAX_IDLE) };
        let upstream = Arc::new(Upstream::new(config.docker_socket, bounds));
        Self {
            gateway: Gateway {
                allowed_clients: config.allowed_clients,
                pdp,
                body_inspector: BodyInspector::new(
                    config.policies.body_limit,
                    config.timeouts,
                    memory::limit(),
                ),
                inspector: Arc::new(EngineInspector::new(Arc::clone(&upstream))),
                upstream,
                tasks: TaskTracker::new(),
                stop: Stop::default(),
            },
            timeouts: config.timeouts,
            connection_limit,
        }
    }

    async fn accept(self: Arc<Self>, acceptor: Acceptor) {
        loop {
            let accepted = tokio::select! {
                accepted = self.next(&acceptor) => accepted,
                () = self.gateway.stop.begun.cancelled() => return,
            };
            match accepted {
                Ok((stream, socket, peer, slot)) => {
                    let served = Arc::clone(&self).serve(stream, socket, peer, slot);
                    self.gateway.tasks.spawn(counting_turns(served));
                }
                Err(error) => {
                    let advice = open_files::advice(&error).unwrap_or_default();
                    let error = engine_api::report(&error) + advice;
                    tracing::warn!(error, "cannot accept a connection, trying again");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    /// Waits for the next connection, and a slot for it. Without its second file descriptor a connection is not served:
    /// nobody would see that its client has left, and it would keep its slot.
    async fn next(&self, acceptor: &Acceptor) -> io::Result<(Stream, OwnedFd, Peer, Slot)> {
        let upstream = &self.gateway.upstream;
        let (stream, peer) = upstream.with_room(|| acceptor.accept()).await?;
        let socket = upstream.with_room(|| ready(stream.duplicate())).await?;
        Ok((stream, socket, peer, self.connection_limit.take().await))
    }

    async fn follow_files(self: Arc<Self>, reload: Reload) {
        self.gateway.stop.begun.run_until_cancelled(self.gateway.pdp.follow_files(&reload)).await;
    }

    async fn age_kept_connections(self: Arc<Self>) {
        self.gateway.stop.begun.run_until_cancelled(self.gateway.upstream.age_kept_connections()).await;
    }

    async fn report_turned_away(self: Arc<Self>) {
        self.gateway.stop.begun.run_until_cancelled(self.connection_limit.report()).await;
        self.connection_limit.report_now();
    }

    /// Serves one client, until it or the shutdown ends the connection.
    async fn serve(self: Arc<Self>, stream: Stream, socket: OwnedFd, peer: Peer, slot: Slot) {
        let client = Arc::new(Client {
            peer,
            timer: ConnectionTimer::new(),
            slot,
            socket,
            stop: self.gateway.stop.clone(),
            follows: AtomicBool::new(false),
        });
        let io = TokioIo::new(Messages::new(stream, client.timer.clone(), UnreadHeads(Arc::clone(&client))));
        let (gateway, for_service, limited_by) = (&self.gateway, &client, self.connection_limit.limited_by);
        let service = service_fn(move |request: Request<Incoming>| {
            // Before the future is first polled: the body may be read before that.
            for_service.timer.request_started(length(request.body()));
            async move {
                Ok::<_, Infallible>(match for_service.slot {
                    Slot::Taken(_) => gateway.handle(request, for_service).await,
                    Slot::TurnedAway(_) => turn_away(gateway, for_service, request, limited_by),
                })
            }
        });
        let connection = http1::Builder::new()
            .max_headers(MAX_HEADERS)
            .max_buf_size(MAX_BUFFER)
            .header_read_timeout(None) // `net/timeouts.rs` watches the client without a timer for each request
            .serve_connection(io, service)
            .with_upgrades();
        let mut connection = pin!(connection);
        let mut closing = pin!(client.timer.until_closing(self.timeouts, &client.socket));
        let mut draining = pin!(self.gateway.stop.begun.cancelled());
        let mut is_draining = false;
        loop {
            tokio::select! {
                biased; // a request that has come goes before what would end the connection
                ended = connection.as_mut() => {
                    return log_end(&client.peer, ended);
                }
                reason = closing.as_mut() => {
                    return tracing::info!(client = client.peer.name(), "closed a connection: {}", describe(reason));
                }
                () = draining.as_mut(), if !is_draining => {
                    if client.is_cut() || client.timer.is_in_head() {
                        return;
                    }
                    is_draining = true;
                    connection.as_mut().graceful_shutdown();
                }
                () = client.slot.until_needed() => return,
                () = self.gateway.stop.cut.cancelled() => return,
            }
        }
    }

    async fn drain(&self, grace: Duration) {
        let tasks = &self.gateway.tasks;
        self.gateway.stop.begun.cancel();
        tasks.close();
        tracing::info!(grace_s = grace.as_secs_f64(), "stopping: no new connections");
        if timeout(grace, tasks.wait()).await.is_err() {
            tracing::warn!(open = tasks.len(), "SHUTDOWN_GRACE is over: cutting what is still open");
            self.gateway.stop.cut.cancel();
            // What is left after that ends with the runtime.
            let _ = timeout(CUT_GRACE, tasks.wait()).await;
        }
        tracing::info!("stopped");
    }
}

fn turn_away(
    gateway: &Gateway,
    client: &Arc<Client>,
    request: Request<Incoming>,
    limited_by: LimitedBy,
) -> Response<ResponseBody> {
    let record = Record::new(client, request.method().clone(), request.uri().clone());
    drop(RequestBody::counted(request.into_body(), Arc::default(), &gateway.tasks)); // dropping it reads it to its end
    let mut response = refuse(&Refusal::Overloaded(limited_by), gateway.pdp.flags(), record);
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}

/// The length of a body as hyper frames it; `None` if it comes in chunks.
fn length(body: &Incoming) -> Option<u64> {
    if body.is_end_stream() { Some(0) } else { body.size_hint().exact() }
}

/// Logs how a connection ended. What is not HTTP/1 was refused like any other request, and has a record.
fn log_end(peer: &Peer, ended: hyper::Result<()>) {
    if let Err(error) = ended {
        let error = engine_api::report(&error);
        tracing::debug!(client = peer.name(), error, "a connection ended in an error");
    }
}

const fn describe(reason: Closing) -> &'static str {
    match reason {
        Closing::Head => "the request's head was not complete within HEADER_TIMEOUT",
        Closing::Gone => "the client left",
        Closing::Idle => "nothing was asked within IDLE_TIMEOUT",
    }
}
