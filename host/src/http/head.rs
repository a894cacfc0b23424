//! A request's head: judged as HTTP before it is judged as an operation.
//!
//! hyper refuses what cannot be framed. This module refuses what hyper lets through and the engine must not see:
//! foreign hosts and origins, targets that are not canonical, methods that the API does not use, transfer codings other
//! than `chunked`, form bodies. The result is an [`Operation`] and headers without any field of this hop.

use std::sync::Arc;

use engine_api::headers::{self, BadHeaders, Framing};
use engine_api::{BadAuthority, BadRequestLine, HostRule, Operation, OriginRule, UntrustedOrigin};
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Uri, Version, request};

use crate::net::client::{Peer, PeerKind};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The hosts and origins that clients of TCP listeners may use.
#[derive(Clone, Debug, Default)]
pub(crate) struct AllowedClients {
    /// The rule for hosts: `ALLOWED_HOSTS`.
    pub hosts: HostRule,
    /// The rule for web origins: `ALLOWED_ORIGINS`.
    pub origins: OriginRule,
}

/// Why a head is refused. The text is meant for the client.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BadHead {
    /// The method or the target is refused.
    #[error(transparent)]
    RequestLine(#[from] BadRequestLine),
    /// The target is in absolute form, with a scheme other than `http`.
    #[error("the request target has a scheme other than http")]
    Scheme,
    /// There is no `Host`, or there are several: HTTP/1.1 has exactly one (RFC 9112 §3.2).
    #[error("a request must have exactly one Host header")]
    HostCount,
    /// The `Host`, or the authority of the target, is refused.
    #[error(transparent)]
    Host(#[from] BadAuthority),
    /// The web origin is not allowed.
    #[error(transparent)]
    Origin(#[from] UntrustedOrigin),
    /// The transfer coding is not a single `chunked`: parsers disagree on anything else.
    #[error("the only transfer coding that is forwarded is a single chunked")]
    TransferCoding,
    /// A header field is refused.
    #[error(transparent)]
    Headers(#[from] BadHeaders),
}

/// A head that passed: what the request asks for, and what is sent along if that is allowed.
#[derive(Debug)]
pub(crate) struct Head {
    /// What the request asks for.
    pub operation: Arc<Operation>,
    /// What is forwarded besides the operation.
    pub outbound: Outbound,
}

/// What is forwarded besides the operation and the body.
#[derive(Debug)]
pub(crate) struct Outbound {
    /// The header fields, without any field of this hop.
    pub headers: HeaderMap,
    /// The framing that the body came with and is sent with.
    pub framing: Framing,
    /// The protocol of an upgrade, if the client asks for one that the operation has.
    pub upgrade: Option<&'static str>,
    /// Whether the client takes trailers.
    pub trailers: Trailers,
}

/// What the client says about trailers (`TE: trailers`, RFC 9110 §10.1.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trailers {
    /// The client takes trailers.
    Accepted,
    /// The client did not say that it takes them.
    Unasked,
}

impl Outbound {
    /// No headers, no body, no upgrade.
    pub(crate) fn bare() -> Self {
        Self {
            headers: HeaderMap::new(),
            framing: Framing::Empty,
            upgrade: None,
            trailers: Trailers::Unasked,
        }
    }
}

impl Head {
    /// Judges a head that came from `peer`.
    ///
    /// # Errors
    /// [`BadHead`]; `refusal` maps it to a status.
    pub(crate) fn parse(
        parts: request::Parts,
        peer: &Peer,
        allowed_clients: &AllowedClients,
    ) -> Result<Self, BadHead> {
        let request::Parts { method, uri, version, mut headers, .. } = parts;
        require_admitted(&uri, version, &headers, peer, allowed_clients)?;
        let operation = Arc::new(Operation::parse(method.as_str(), path_and_query(&uri)?)?);
        let framing = framing(&headers)?;
        headers::require_forwardable(&headers, framing)?;
        let upgrade = operation
            .transport()
            .upgrade_protocol()
            .filter(|protocol| asks_upgrade(version, &headers, protocol));
        let trailers = match headers::has_token(&headers, &header::TE, "trailers") {
            true => Trailers::Accepted,
            false => Trailers::Unasked,
        };
        headers::strip_hop_by_hop(&mut headers);
        Ok(Self { operation, outbound: Outbound { headers, framing, upgrade, trailers } })
    }
}

fn path_and_query(uri: &Uri) -> Result<&str, BadHead> {
    if uri.scheme_str().is_some_and(|scheme| scheme != "http") {
        return Err(BadHead::Scheme);
    }
    // Authority form has no path, and an empty path is not a target.
    Ok(uri.path_and_query().map_or("", |target| target.as_str()))
}

fn require_admitted(
    uri: &Uri,
    version: Version,
    headers: &HeaderMap,
    peer: &Peer,
    allowed_clients: &AllowedClients,
) -> Result<(), BadHead> {
    let mut hosts = headers.get_all(header::HOST).iter();
    let host = match (hosts.next(), hosts.next()) {
        (Some(host), None) => Some(text(host)),
        // No browser speaks HTTP/1.0, so what sends no name is no web page: probes of load balancers are like that.
        (None, _) if version == Version::HTTP_10 => None,
        (None, _) | (Some(_), Some(_)) => return Err(BadHead::HostCount),
    };
    match peer.kind() {
        PeerKind::Unix => Ok(()),
        PeerKind::Tcp => {
            host.map_or(Ok(()), |host| allowed_clients.hosts.judge(host))?;
            if let Some(authority) = uri.authority() {
                allowed_clients.hosts.judge(authority.as_str())?;
            }
            let origins = headers.get_all(header::ORIGIN).iter().map(text);
            let fetch_sites = headers.get_all(SEC_FETCH_SITE).iter().map(text);
            Ok(allowed_clients.origins.judge(origins, fetch_sites)?)
        }
    }
}

/// The value as text. A value that is not ASCII becomes a text that no rule allows.
fn text(value: &HeaderValue) -> &str {
    value.to_str().unwrap_or("(not ASCII)")
}

/// The framing of the body. hyper reads `gzip, chunked` and `chunked, chunked` as chunked, and has dropped a
/// Content-Length beside it.
fn framing(headers: &HeaderMap) -> Result<Framing, BadHead> {
    let mut codings = headers.get_all(header::TRANSFER_ENCODING).iter();
    match (codings.next(), codings.next()) {
        (None, _) => Ok(match headers.get(header::CONTENT_LENGTH) {
            Some(length) if length.as_bytes().iter().any(|&digit| digit != b'0') => Framing::Length,
            Some(_) | None => Framing::Empty,
        }),
        (Some(coding), None) if coding.as_bytes().trim_ascii().eq_ignore_ascii_case(b"chunked") => {
            Ok(Framing::Chunked)
        }
        (Some(_), _) => Err(BadHead::TransferCoding),
    }
}

/// Whether the client asks for an upgrade to `protocol`. HTTP/1.0 has no upgrades (RFC 9110 §7.8).
fn asks_upgrade(version: Version, headers: &HeaderMap, protocol: &str) -> bool {
    version == Version::HTTP_11
        && headers::has_token(headers, &header::CONNECTION, "upgrade")
        && headers::has_token(headers, &header::UPGRADE, protocol)
}
