//! Look-ups: what policies ask the engine while they decide.
//!
//! This is the only way to the engine without a [`Permit`](pdp::Permit), so all that it can send is an [`Inspection`]:
//! the GET that inspects one object. Nothing of the client's request goes along, neither headers nor the API version.
//! So a policy gets the same answer whoever the client is, in the engine's newest form, and no client can choose an
//! older form that lacks what the policy looks for.

use std::fmt;
use std::future::{poll_fn, ready};
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;

use engine_api::untrusted;
use engine_api::{Endpoint, Operation};
use http::StatusCode;
use http_body::Body as _;
use hyper::body::Incoming;
use pdp::{Inspector, LookupAnswer, LookupError, ObjectKind, no_name};
use tokio::runtime::Handle;
use tokio_util::task::AbortOnDropHandle;

use crate::engine::pool::{Bounds, MAX_IDLE};
use crate::engine::upstream::{EngineAnswer, Upstream, UpstreamError};
use crate::heavy_work::HeavyWork;
use crate::http::body::request::RequestBody;
use crate::http::head::Outbound;

#[cfg(test)]
mod tests;

/// The largest answer that is read, in bytes.
const MAX_ANSWER: usize = 1024 * 1024;

/// An answer of at most so many bytes is read in some 50 us.
const SHORT_ANSWER: usize = 16 * 1024;

/// How much of the engine's error message is passed on, in bytes.
const MAX_MESSAGE: usize = 1024;

/// A request that inspects one object. It cannot be any other request. How long its reference may be is up to whoever
/// keeps it (`pdp/src/lookup.rs`).
#[derive(Debug)]
struct Inspection(Operation);

impl Inspection {
    /// The inspection of the object that `reference` names; `None` if no object of that kind can have that name.
    fn of(kind: ObjectKind, reference: &str) -> Option<Self> {
        let endpoint = match kind {
            ObjectKind::Container => Endpoint::ContainerInspect,
            ObjectKind::Image => Endpoint::ImageInspect,
            ObjectKind::Network => Endpoint::NetworkInspect,
            ObjectKind::Volume => Endpoint::VolumeInspect,
            ObjectKind::Exec => Endpoint::ExecInspect,
            ObjectKind::Service => Endpoint::ServiceInspect,
            ObjectKind::Task => Endpoint::TaskInspect,
            ObjectKind::Node => Endpoint::NodeInspect,
            ObjectKind::Secret => Endpoint::SecretInspect,
            ObjectKind::Config => Endpoint::ConfigInspect,
            ObjectKind::Plugin => Endpoint::PluginInspect,
        };
        Operation::of(endpoint, reference).map(Self)
    }
}

/// The engine, as policies see it.
///
/// A decision may run on another thread than the gateway's. Its look-ups still go out on the gateway's own thread,
/// where the connections live, and are dropped with their connections as soon as nobody waits for the answer.
pub(crate) struct EngineInspector {
    upstream: Arc<Upstream>,
    reading: Arc<HeavyWork>,
    runtime: Handle,
}

impl EngineInspector {
    /// Look-ups over the connections of `upstream`, on the runtime that this is called in.
    pub(crate) fn new(upstream: Arc<Upstream>) -> Self {
        let reading = Arc::new(HeavyWork::above(SHORT_ANSWER));
        Self { upstream, reading, runtime: Handle::current() }
    }
}

/// Look-ups in the engine behind `socket`, for a command that explains what policies would say. It must be called in a
/// runtime.
#[must_use]
pub fn engine_inspector(socket: PathBuf) -> Arc<dyn Inspector> {
    let bounds = Bounds { connections: 1, idle: MAX_IDLE };
    Arc::new(EngineInspector::new(Arc::new(Upstream::new(socket, bounds))))
}

impl Inspector for EngineInspector {
    fn inspect(
        &self,
        kind: ObjectKind,
        reference: &str,
    ) -> Pin<Box<dyn Future<Output = LookupAnswer> + Send>> {
        let Some(inspection) = Inspection::of(kind, reference) else {
            return Box::pin(ready(Err(no_name())));
        };
        let (upstream, reading) = (Arc::clone(&self.upstream), Arc::clone(&self.reading));
        let asking = async move {
            let (status, body) = upstream.inspect(inspection).await?;
            reading.run(body.len(), move || understand(status, body)).await
        };
        let asked = AbortOnDropHandle::new(self.upstream.connections.spawn_on(asking, &self.runtime));
        Box::pin(async move {
            let answer = asked.await.unwrap_or(Err(Failure::Stopping));
            answer.map_err(LookupError::from)
        })
    }
}

/// Why an inspection has no answer for the policy. The text is for the policy, and so perhaps for a client: it does not
/// tell the cause, except where in the answer the JSON is wrong.
#[derive(Debug, thiserror::Error)]
enum Failure {
    /// The engine answered 404.
    #[error("no such object")]
    NotFound,
    /// The engine answered another status, with this message.
    #[error("the engine answered {0}: {1}")]
    Status(StatusCode, String),
    /// The answer is larger than any policy needs.
    #[error("the engine's answer is larger than {} KiB", MAX_ANSWER / 1024)]
    TooLarge,
    /// The answer is not text.
    #[error("the engine's answer is not UTF-8")]
    NotUtf8(#[source] std::string::FromUtf8Error),
    /// The answer is text, but not JSON.
    #[error("the engine's answer is not JSON")]
    NotJson(#[source] serde_json::Error),
    /// There is no answer.
    #[error(transparent)]
    Unreachable(#[from] UpstreamError),
    /// The answer ended in the middle.
    #[error("the engine's answer broke off")]
    Broken(#[source] hyper::Error),
    /// The gateway's runtime is ending.
    #[error("the gateway is stopping")]
    Stopping,
}

impl From<Failure> for LookupError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::NotFound => Self::NotFound,
            Failure::NotJson(_) => Self::Refused(engine_api::report(&failure)),
            Failure::Status(..) | Failure::TooLarge | Failure::NotUtf8(_) => {
                Self::Refused(failure.to_string())
            }
            Failure::Unreachable(_) | Failure::Broken(_) | Failure::Stopping => {
                Self::Unavailable(failure.to_string())
            }
        }
    }
}

impl Upstream {
    /// Inspects one object, and reads the whole answer.
    async fn inspect(&self, Inspection(operation): Inspection) -> Result<(StatusCode, Vec<u8>), Failure> {
        let answer = self.exchange(&operation, Outbound::bare(), RequestBody::empty()).await?;
        let status = answer.response.status();
        if status == StatusCode::SWITCHING_PROTOCOLS {
            return Err(UpstreamError::UnexpectedUpgrade.into());
        }
        Ok((status, read(answer).await?))
    }
}

/// Makes of an answer what the policy is told.
fn understand(status: StatusCode, body: Vec<u8>) -> Result<Arc<str>, Failure> {
    match status {
        StatusCode::OK => {}
        StatusCode::NOT_FOUND => return Err(Failure::NotFound),
        status => return Err(Failure::Status(status, message(&body))),
    }
    let text = String::from_utf8(body).map_err(Failure::NotUtf8)?;
    serde_json::from_str::<serde::de::IgnoredAny>(&text).map_err(Failure::NotJson)?;
    Ok(text.into())
}

/// Reads the whole body and gives the connection back to the pool.
async fn read(EngineAnswer { response, lease }: EngineAnswer) -> Result<Vec<u8>, Failure> {
    let mut body: Incoming = response.into_body();
    let mut read = Vec::new();
    while let Some(frame) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        let Ok(data) = frame.map_err(Failure::Broken)?.into_data() else { continue };
        if read.len() + data.len() > MAX_ANSWER {
            return Err(Failure::TooLarge);
        }
        read.extend_from_slice(&data);
    }
    lease.release(read.len() as u64);
    Ok(read)
}

/// The message in the body of an engine's error, shortened.
fn message(body: &[u8]) -> String {
    #[derive(serde::Deserialize)]
    struct Error {
        message: String,
    }
    let message = serde_json::from_slice(body)
        .map_or_else(|_| "(it did not say why)".to_owned(), |Error { message }| message);
    untrusted::fit(&message, MAX_MESSAGE)
}

impl fmt::Debug for EngineInspector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EngineInspector").field("upstream", &self.upstream).finish_non_exhaustive()
    }
}
