//! The spine: parse, decide, forward, answer.

use std::sync::Arc;

use engine_api::headers::{self, Framing};
use http::header::{self, HeaderValue};
use http::{Request, Response, StatusCode, Version, request};
use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;
use pdp::admit::{Readers, UNASKED};
use pdp::{Chain, InspectedBody, Lookups, Permit, PolicyDecisionPoint, Question};
use tokio_util::task::TaskTracker;

use crate::engine::inspect::EngineInspector;
use crate::engine::upstream::{EngineAnswer, Upstream, UpstreamError};
use crate::http::body::inspected::BodyInspector;
use crate::http::body::request::RequestBody;
use crate::http::body::response::{Relay, ResponseBody};
use crate::http::head::{AllowedClients, Head, Outbound};
use crate::http::refusal::{REFUSED_BY, Refusal, refuse};
use crate::net::client::Client;
use crate::record::Record;
use crate::stop::Stop;
use crate::tunnel::Upgrade;

/// Everything that handles a request on its way.
#[derive(Debug)]
pub(crate) struct Gateway {
    /// The hosts and origins that clients of TCP listeners may use.
    pub allowed_clients: AllowedClients,
    /// The policies and flags, which decide.
    pub pdp: PolicyDecisionPoint,
    /// Reads the bodies that policies inspect.
    pub body_inspector: BodyInspector,
    /// The engine, which permitted requests are sent to.
    pub upstream: Arc<Upstream>,
    /// The look-ups that policies make in the engine.
    pub inspector: Arc<EngineInspector>,
    /// The tasks that a shutdown waits for, tunnels included.
    pub tasks: TaskTracker,
    /// The gateway's own stop.
    pub stop: Stop,
}

/// The engine's answer, and the upgrade that the client asked for, if it did.
struct Exchanged {
    answer: EngineAnswer,
    upgrade: Option<(OnUpgrade, &'static str)>,
}

impl Gateway {
    /// Answers one request: with the engine's answer if the request is allowed, else with a refusal.
    pub(crate) async fn handle(
        &self,
        request: Request<Incoming>,
        client: &Arc<Client>,
    ) -> Response<ResponseBody> {
        let mut record = Record::new(client, request.method().clone(), request.uri().clone());
        let exchanged = self.exchange(request, client, &mut record).await;
        match exchanged.and_then(|exchanged| self.tunnel_or_body(exchanged)) {
            Ok(relayed) => self.relay(relayed, record).await,
            Err(refusal) => refuse(&refusal, self.pdp.flags(), record),
        }
    }

    async fn exchange(
        &self,
        mut request: Request<Incoming>,
        client: &Arc<Client>,
        record: &mut Record,
    ) -> Result<Exchanged, Refusal> {
        let downstream = hyper::upgrade::on(&mut request);
        let (parts, body) = request.into_parts();
        let mut body = RequestBody::counted(body, Arc::clone(&record.request_bytes), &self.tasks);
        let waits_for_100 = headers::has_token(&parts.headers, &header::EXPECT, "100-continue");
        let (permit, outbound) = match self.judge(parts, &mut body, client, record).await {
            Ok(judged) => judged,
            Err(refusal) if waits_for_100 => {
                body.leave_unread();
                return Err(refusal);
            }
            Err(refusal) => return Err(refusal),
        };
        if permit.operation().follows() {
            client.follow()?;
        }
        let upgrade = outbound.upgrade.map(|protocol| (downstream, protocol));
        let answer = self.upstream.send(permit, outbound, body).await?;
        Ok(Exchanged { answer, upgrade })
    }

    async fn judge(
        &self,
        parts: request::Parts,
        body: &mut RequestBody,
        client: &Arc<Client>,
        record: &mut Record,
    ) -> Result<(Permit, Outbound), Refusal> {
        let head = Head::parse(parts, &client.peer, &self.allowed_clients)?;
        record.is_about(Arc::clone(&head.operation));
        let chain = self.pdp.chain();
        if chain.is_empty() {
            return Ok((self.pdp.permit_by_settings(head.operation, &mut record.ruling)?, head.outbound));
        }
        // In a box, so that a request that no policy is asked about does not take the memory for it.
        Box::pin(self.ask(&chain, head, body, client, record)).await
    }

    /// Asks the policies, after taking the body if one of them reads it.
    async fn ask(
        &self,
        chain: &Chain,
        head: Head,
        body: &mut RequestBody,
        client: &Client,
        record: &mut Record,
    ) -> Result<(Permit, Outbound), Refusal> {
        let Head { operation, mut outbound } = head;
        let readers = chain.readers(&operation);
        let taken = match readers.shape(&operation) {
            None => Ok(InspectedBody::Unread),
            Some(shape) => {
                if outbound.framing != Framing::Empty
                    && let Err(denied) = self.pdp.require_chance(chain, &operation, &mut record.ruling)
                {
                    record.ruling.observed =
                        (readers == Readers::Observing).then(|| format!("no policy was asked: {UNASKED}"));
                    return Err(denied.into());
                }
                match self.body_inspector.take(body, &outbound, shape, client.peer.owner()).await {
                    Err(bad) if bad.is_fatal() => return Err(bad.into()),
                    taken => taken,
                }
            }
        };
        let (body, unshown) = readers.settle(taken)?;
        record.ruling.observed =
            unshown.map(|bad| format!("the body would be refused: {}", engine_api::report(&bad)));
        let headers = Arc::new(std::mem::take(&mut outbound.headers));
        let inspector = Arc::<EngineInspector>::clone(&self.inspector);
        let question = Question {
            id: record.id(),
            lookups: Arc::new(Lookups::new(record.id(), inspector, &operation)),
            operation,
            headers: Arc::clone(&headers),
            body,
            attributes: client.peer.attributes(),
        };
        let permit = self.pdp.permit(chain, question, &mut record.ruling).await?;
        outbound.headers = Arc::unwrap_or_clone(headers);
        Ok((permit, outbound))
    }

    /// Tells a tunnel from a body. An engine may only switch to the protocol that it was asked for.
    fn tunnel_or_body(&self, exchanged: Exchanged) -> Result<Relayed, Refusal> {
        let Exchanged { answer: EngineAnswer { response, lease }, upgrade } = exchanged;
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            return Ok(Relayed::Body(EngineAnswer { response, lease }));
        }
        match upgrade {
            Some((downstream, protocol))
                if headers::has_token(response.headers(), &header::UPGRADE, protocol) =>
            {
                Ok(Relayed::Tunnel { answer: EngineAnswer { response, lease }, downstream, protocol })
            }
            Some(_) | None => Err(Refusal::Upstream(UpstreamError::UnexpectedUpgrade)),
        }
    }

    async fn relay(&self, relayed: Relayed, mut record: Record) -> Response<ResponseBody> {
        match relayed {
            Relayed::Body(EngineAnswer { response, lease }) => {
                record.status = Some(response.status());
                let (mut parts, body) = Relay::begin(response, lease, &self.upstream).await.into_parts();
                headers::settle_length(&mut parts.headers);
                headers::strip_hop_by_hop(&mut parts.headers);
                parts.headers.remove(REFUSED_BY); // only the gateway says that it refused
                parts.version = Version::HTTP_11;
                Response::from_parts(parts, ResponseBody::relayed(body, record))
            }
            Relayed::Tunnel { answer: EngineAnswer { mut response, lease }, downstream, protocol } => {
                record.status = Some(response.status());
                let upstream = hyper::upgrade::on(&mut response);
                record.client().timer.tunnel_started();
                let tunnel = Upgrade { downstream, upstream, lease, engine: Arc::clone(&self.upstream) };
                self.tasks.spawn(tunnel.run(record, self.stop.cut.clone()));
                let (mut parts, _) = response.into_parts();
                headers::strip_hop_by_hop(&mut parts.headers);
                parts.headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
                parts.headers.insert(header::UPGRADE, HeaderValue::from_static(protocol));
                Response::from_parts(parts, ResponseBody::none())
            }
        }
    }
}

/// What is sent back to the client.
enum Relayed {
    /// A response with its body.
    Body(EngineAnswer),
    /// The 101 that starts a tunnel.
    Tunnel { answer: EngineAnswer, downstream: OnUpgrade, protocol: &'static str },
}
