//! Look-ups: what policies ask the engine while they decide.
//!
//! This is the one way to the engine without a [`Permit`](pdp::Permit), so all that it can make is an
//! [`Inspection`]: the GET that inspects one object. It goes out without a word of the client's: no header, no API version.
//! So a policy is told the same whoever asks, in the engine's newest form, and no client can choose an older one that
//! lacks what the policy looks for.

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
use pdp::{Inspector, LookupAnswer, LookupError, ObjectKind};
use tokio::runtime::Handle;
use tokio_util::task::AbortOnDropHandle;

use crate::engine::upstream::{EngineAnswer, Upstream, UpstreamError};
use crate::http::body::request::RequestBody;
use crate::http::head::Outbound;

#[cfg(test)]
mod tests;

/// The longest name that is asked for, in bytes; the engine's own are shorter.
const MAX_REFERENCE: usize = 1024;

/// The largest answer that is read, in bytes.
const MAX_ANSWER: usize = 1024 * 1024;

/// Of the engine's words in an error, in bytes.
const MAX_MESSAGE: usize = 1024;

/// A request that inspects one object, and can be no other.
#[derive(Debug)]
struct Inspection(Operation);

impl Inspection {
    /// `None` if the engine has no object of that kind that could be called so.
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
        let fits = reference.len() <= MAX_REFERENCE;
        fits.then(|| Operation::of(endpoint, reference)).flatten().map(Self)
    }
}

/// The engine, as policies see it.
///
/// A decision may go on in another thread than the gateway's. What is asked goes out on the gateway's own all the same,
/// where the connections live, and is dropped with its connection as soon as nobody waits for the answer.
pub(crate) struct EngineInspector {
    upstream: Arc<Upstream>,
    runtime: Handle,
}

impl EngineInspector {
    /// Asks over the connections of `upstream`, on the runtime that this is called in.
    pub(crate) fn new(upstream: Arc<Upstream>) -> Self {
        Self { upstream, runtime: Handle::current() }
    }
}

/// Look-ups in the engine behind `socket`, for a command that explains what policies would say. It must be called in a
/// runtime.
#[must_use]
pub fn engine_inspector(socket: PathBuf) -> Arc<dyn Inspector> {
    Arc::new(EngineInspector::new(Arc::new(Upstream::new(socket))))
}

impl Inspector for EngineInspector {
    fn inspect(
        &self,
        kind: ObjectKind,
        reference: &str,
    ) -> Pin<Box<dyn Future<Output = LookupAnswer> + Send>> {
        let Some(inspection) = Inspection::of(kind, reference) else {
            return Box::pin(ready(Err(LookupError::Refused("nothing can be called so".to_owned()))));
        };
        let upstream = Arc::clone(&self.upstream);
        let asking = async move { upstream.inspect(inspection).await };
        let asked = AbortOnDropHandle::new(self.upstream.connections.spawn_on(asking, &self.runtime));
        Box::pin(async move {
            let answer = asked.await.unwrap_or(Err(Failure::Stopping));
            answer.map_err(LookupError::from)
        })
    }
}

/// Why an inspection has no answer for the policy. The text is for the policy, and so perhaps for a client.
#[derive(Debug, thiserror::Error)]
enum Failure {
    /// 404.
    #[error("no such object")]
    NotFound,
    /// Another status, with the engine's words.
    #[error("the engine answered {0}: {1}")]
    Status(StatusCode, String),
    /// Nobody needs so much.
    #[error("the engine's answer is larger than {} KiB", MAX_ANSWER / 1024)]
    TooLarge,
    /// Not what an engine says.
    #[error("the engine's answer is not UTF-8")]
    NotUtf8(#[source] std::string::FromUtf8Error),
    /// Not what an engine says.
    #[error("the engine's answer is not JSON: {0}")]
    NotJson(#[source] serde_json::Error),
    /// No answer.
    #[error("{0}")]
    Unreachable(#[from] UpstreamError),
    /// Half an answer.
    #[error("the engine's answer broke off")]
    Broken(#[source] hyper::Error),
    /// The runtime is ending.
    #[error("the gateway is stopping")]
    Stopping,
}

impl From<Failure> for LookupError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::NotFound => Self::NotFound,
            Failure::Status(..) | Failure::TooLarge | Failure::NotUtf8(_) | Failure::NotJson(_) => {
                Self::Refused(failure.to_string())
            }
            Failure::Unreachable(_) | Failure::Broken(_) | Failure::Stopping => {
                Self::Unavailable(failure.to_string())
            }
        }
    }
}

impl Upstream {
    /// Inspects one object.
    async fn inspect(&self, Inspection(operation): Inspection) -> Result<Arc<str>, Failure> {
        let answer = self.exchange(&operation, Outbound::bare(), RequestBody::empty()).await?;
        let status = answer.response.status();
        if status == StatusCode::SWITCHING_PROTOCOLS {
            return Err(UpstreamError::UnexpectedUpgrade.into());
        }
        let body = read(answer).await?;
        match status {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND => return Err(Failure::NotFound),
            status => return Err(Failure::Status(status, message(&body))),
        }
        let text = String::from_utf8(body).map_err(Failure::NotUtf8)?;
        serde_json::from_str::<serde::de::IgnoredAny>(&text).map_err(Failure::NotJson)?;
        Ok(text.into())
    }
}

/// All of a body, and the connection back to the others.
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

/// What the engine says is wrong.
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
