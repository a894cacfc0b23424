//! A request's head: judged as HTTP before it is judged as an operation.
//!
//! hyper refuses what cannot be framed; this module refuses what it lets through and the engine must not see: foreign
//! hosts and origins, targets that are not canonical, methods that the API does not use, transfer codings beside
//! `chunked`, form bodies. What leaves is an [`Operation`] and headers without any field of this hop.

use std::sync::Arc;

use engine_api::headers::{self, BadHeaders, Framing};
use engine_api::{BadAuthority, BadRequestLine, HostRule, Operation, OriginRule, UntrustedOrigin};
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Uri, Version, request};

use crate::net::client::{Peer, PeerKind};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Whom TCP listeners talk to.
#[derive(Clone, Debug, Default)]
pub(crate) struct AllowedClients {
    /// `ALLOWED_HOSTS`.
    pub hosts: HostRule,
    /// `ALLOWED_ORIGINS`.
    pub origins: OriginRule,
}

/// Why a head is refused. The text is meant for the client.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BadHead {
    /// See [`BadRequestLine`].
    #[error(transparent)]
    RequestLine(#[from] BadRequestLine),
    /// Absolute form with a scheme that is not `http`.
    #[error("the request target has a scheme other than http")]
    Scheme,
    /// RFC 9112 §3.2: HTTP/1.1 has exactly one.
    #[error("a request must have exactly one Host header")]
    HostCount,
    /// See [`BadAuthority`].
    #[error(transparent)]
    Host(#[from] BadAuthority),
    /// See [`UntrustedOrigin`].
    #[error(transparent)]
    Origin(#[from] UntrustedOrigin),
    /// Anything but one `chunked`: parsers disagree on it.
    #[error("the only transfer coding that is forwarded is a single chunked")]
    TransferCoding,
    /// See [`BadHeaders`].
    #[error(transparent)]
    Headers(#[from] BadHeaders),
}

/// A request that may be judged: what it asks for, and what goes out with it if that is allowed.
#[derive(Debug)]
pub(crate) struct Head {
    /// What it asks for.
    pub operation: Arc<Operation>,
    /// The rest.
    pub outbound: Outbound,
}

/// What is forwarded beside the operation.
#[derive(Debug)]
pub(crate) struct Outbound {
    /// Without any field of this hop.
    pub headers: HeaderMap,
    /// How the body came, and so goes out.
    pub framing: Framing,
    /// The protocol of an upgrade that the client asks for and that the operation has.
    pub upgrade: Option<&'static str>,
    /// Whether the client takes trailers.
    pub trailers: Trailers,
}

/// What the client says of trailers (`TE: trailers`, RFC 9110 §10.1.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trailers {
    /// It takes them.
    Accepted,
    /// It did not say so.
    Unasked,
}

impl Outbound {
    /// Nothing at all.
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
    /// [`BadHead`]; `response` maps it to a status.
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
    // Authority form has no path, and so is no target here.
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
    let host = match (hosts.next(), hosts.next(), peer.kind()) {
        (Some(host), None, _) => text(host),
        (None, _, PeerKind::Unix) if version == Version::HTTP_10 => return Ok(()),
        (None, ..) | (Some(_), Some(_), _) => return Err(BadHead::HostCount),
    };
    match peer.kind() {
        PeerKind::Unix => Ok(()),
        PeerKind::Tcp => {
            allowed_clients.hosts.judge(host)?;
            if let Some(authority) = uri.authority() {
                allowed_clients.hosts.judge(authority.as_str())?;
            }
            let origins = headers.get_all(header::ORIGIN).iter().map(text);
            let fetch_sites = headers.get_all(SEC_FETCH_SITE).iter().map(text);
            Ok(allowed_clients.origins.judge(origins, fetch_sites)?)
        }
    }
}

/// A value that is not ASCII is none that any rule lists.
fn text(value: &HeaderValue) -> &str {
    value.to_str().unwrap_or("(not ASCII)")
}

/// hyper reads `gzip, chunked` and `chunked, chunked` as chunked and has dropped a Content-Length beside it.
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

/// HTTP/1.0 has no upgrade (RFC 9110 §7.8).
fn asks_upgrade(version: Version, headers: &HeaderMap, protocol: &str) -> bool {
    version == Version::HTTP_11
        && headers::has_token(headers, &header::CONNECTION, "upgrade")
        && headers::has_token(headers, &header::UPGRADE, protocol)
}
