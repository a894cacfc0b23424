//! The server: accepts, speaks HTTP/1 with each client, and ends in order.
//!
//! One thread carries everything: a request costs less where nothing has to be handed from one to another, and a task
//! that panics takes its own connection with it and nothing else.

use std::convert::Infallible;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::Config;
use crate::engine_socket;
use crate::gateway::{Client, Gateway, Refusal};
use crate::listener::{Acceptor, BindError, Listener, Peer, Stream};
use crate::pace::{Overrun, Pace, Paced, Patience};
use crate::pdp::PolicyDecisionPoint;
use crate::record::Record;
use crate::response;
use crate::upstream::Upstream;

/// BuildKit's session repeats one header dozens of times; hyper's default is 100.
const MAX_HEADERS: usize = 1000;

/// The most that a head may take, and that is read at a time. `X-Registry-Config` alone can take tens of KiB.
const MAX_BUFFER: usize = 256 * 1024;

/// Between two attempts while `accept` fails, as it does without a file descriptor left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Connections beyond the cap that are told so at a time; the rest are closed without a word.
const MAX_TURNED_AWAY: usize = 64;

/// A client's socket, one to look at it through, and the engine's.
const FILES_PER_CONNECTION: usize = 3;

/// Listeners, the log, connections that are turned away.
const FILES_APART: usize = 2 * MAX_TURNED_AWAY + 32;

/// What a cut connection has to say good-bye.
const CUT_GRACE: Duration = Duration::from_secs(1);

/// A gateway whose listeners are bound.
#[derive(Debug)]
pub struct Server {
    config: Config,
    listeners: Vec<Listener>,
}

impl Server {
    /// Binds every address of the configuration.
    ///
    /// # Errors
    /// The first [`BindError`].
    pub fn bind(config: Config) -> Result<Self, BindError> {
        let bound = config.listen.iter().map(|address| Listener::bind(address, config.socket_mode));
        let listeners = bound.collect::<Result<_, _>>()?;
        Ok(Self { config, listeners })
    }

    /// Where clients connect to: `127.0.0.1:2375`, `unix:///run/sockgate.sock`.
    #[must_use]
    pub fn local_addrs(&self) -> Vec<String> {
        self.listeners.iter().map(|listener| listener.address().to_string()).collect()
    }

    /// Serves until `stop`, then drains: idle connections end, requests in flight have the grace period to end, and
    /// then are cut.
    ///
    /// # Errors
    /// If the runtime cannot watch a listener.
    pub async fn run(self, stop: impl Future<Output = ()>) -> io::Result<()> {
        engine_socket::warn_if_unreachable(&self.config.docker_socket).await;
        let serving = Arc::new(Serving::new(&self.config));
        for listener in self.listeners {
            tracing::info!("listening on {}", listener.address());
            let acceptor = listener.into_acceptor()?;
            serving.gateway.tasks.spawn(Arc::clone(&serving).accept(acceptor));
        }
        stop.await;
        serving.drain(self.config.shutdown_grace).await;
        Ok(())
    }
}

/// What all connections share.
struct Serving {
    gateway: Gateway,
    patience: Patience,
    draining: CancellationToken,
    places: Arc<Semaphore>,
    turned_away: Arc<Semaphore>,
}

/// `MAX_CONNECTIONS`, or as many as there are file descriptors for: a client that holds the last one would starve the
/// engine's side.
fn places(wanted: usize) -> usize {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    let limit = limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX);
    let fit = limit.saturating_sub(FILES_APART) / FILES_PER_CONNECTION;
    if fit < wanted {
        let fit = fit.max(1);
        tracing::warn!("MAX_CONNECTIONS={wanted} is lowered to {fit}: the limit of open files is {limit}");
        return fit;
    }
    wanted
}

/// Whether a connection has a place, or is told that there is none.
#[derive(Debug)]
pub(crate) enum Place {
    Taken(#[allow(dead_code, reason = "held for its drop")] OwnedSemaphorePermit),
    TurnedAway(#[allow(dead_code, reason = "held for its drop")] OwnedSemaphorePermit),
}

impl Serving {
    fn new(config: &Config) -> Self {
        Self {
            gateway: Gateway {
                admission: config.admission.clone(),
                pdp: PolicyDecisionPoint::new(config.flags),
                upstream: Upstream::new(config.docker_socket.clone()),
                tasks: TaskTracker::new(),
                cut: CancellationToken::new(),
            },
            patience: config.patience,
            draining: CancellationToken::new(),
            places: Arc::new(Semaphore::new(places(config.max_connections))),
            turned_away: Arc::new(Semaphore::new(MAX_TURNED_AWAY)),
        }
    }

    async fn accept(self: Arc<Self>, acceptor: Acceptor) {
        loop {
            let accepted = tokio::select! {
                accepted = acceptor.accept() => accepted,
                () = self.draining.cancelled() => return,
            };
            match accepted {
                Ok((stream, peer)) => {
                    if let Some(place) = self.place() {
                        self.gateway.tasks.spawn(Arc::clone(&self).serve(stream, peer, place));
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection, trying again");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    fn place(&self) -> Option<Place> {
        match Arc::clone(&self.places).try_acquire_owned() {
            Ok(permit) => Some(Place::Taken(permit)),
            Err(_full) => Arc::clone(&self.turned_away).try_acquire_owned().ok().map(Place::TurnedAway),
        }
    }

    /// One client, until it or the shutdown ends the connection.
    async fn serve(self: Arc<Self>, stream: Stream, peer: Peer, place: Place) {
        let client = Arc::new(Client { peer, pace: Pace::new(), place, cut: self.gateway.cut.clone() });
        let socket = stream.duplicate();
        let io = TokioIo::new(Paced::new(stream, client.pace.clone()));
        let (gateway, for_service) = (&self.gateway, &client);
        let service = service_fn(move |request: http::Request<hyper::body::Incoming>| async move {
            Ok::<_, Infallible>(match for_service.place {
                Place::Taken(_) => gateway.handle(request, for_service).await,
                Place::TurnedAway(_) => {
                    let record = Record::new(for_service, request.method().clone(), request.uri().clone());
                    let mut response = response::refuse(&Refusal::Overloaded, gateway.pdp.flags(), record);
                    response
                        .headers_mut()
                        .insert(http::header::CONNECTION, http::HeaderValue::from_static("close"));
                    response
                }
            })
        });
        let connection = http1::Builder::new()
            .max_headers(MAX_HEADERS)
            .max_buf_size(MAX_BUFFER)
            .header_read_timeout(None) // `Paced` watches the client without a timer for each request
            .serve_connection(io, service)
            .with_upgrades();
        let mut connection = pin!(connection);
        let mut overrun = pin!(client.pace.overrun(self.patience, socket));
        let mut draining = pin!(self.draining.cancelled());
        let mut is_draining = false;
        loop {
            tokio::select! {
                ended = connection.as_mut() => {
                    return log_end(&client.peer, ended);
                }
                limit = overrun.as_mut() => {
                    return tracing::info!(client = client.peer.name(), "closed a connection: {}", describe(limit));
                }
                () = draining.as_mut(), if !is_draining => {
                    is_draining = true;
                    connection.as_mut().graceful_shutdown();
                }
                () = self.gateway.cut.cancelled() => return,
            }
        }
    }

    async fn drain(&self, grace: Duration) {
        let tasks = &self.gateway.tasks;
        self.draining.cancel();
        tasks.close();
        tracing::info!(grace_s = grace.as_secs_f64(), "stopping: no new connections");
        if timeout(grace, tasks.wait()).await.is_err() {
            tracing::warn!(open = tasks.len(), "SHUTDOWN_GRACE is over: cutting what is still open");
            self.gateway.cut.cancel();
            // Whoever has not gone by then goes with the runtime.
            let _ = timeout(CUT_GRACE, tasks.wait()).await;
        }
        tracing::info!("stopped");
    }
}

/// What is no HTTP/1 has been answered by hyper (400, 431 or not at all) and left no record.
fn log_end(peer: &Peer, ended: hyper::Result<()>) {
    match ended {
        Err(error) if error.is_parse() => {
            tracing::warn!(client = peer.name(), %error, "refused what is no HTTP/1 request")
        }
        Err(error) => tracing::debug!(client = peer.name(), %error, "a connection ended in an error"),
        Ok(()) => {}
    }
}

const fn describe(limit: Overrun) -> &'static str {
    match limit {
        Overrun::Head => "the request's head was not complete within HEADER_TIMEOUT",
        Overrun::Gone => "the client left",
        Overrun::Idle => "nothing was asked within IDLE_TIMEOUT",
    }
}
