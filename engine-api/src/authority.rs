//! Which requests a TCP listener answers: the `Host` and `Origin` rules that keep web pages out.
//!
//! A web page can make a browser on the host talk to a local port, directly or by rebinding a name of its own to a
//! local address. It cannot make the browser leave out that name (`Host`) or the page's origin (`Origin`). Unix
//! listeners need no rule: no browser connects to them.

use std::net::{Ipv4Addr, Ipv6Addr};

#[cfg(test)]
mod tests;

/// Which host names a TCP listener answers to: an IP literal, `localhost`, `*.localhost`, a single label (a service
/// name such as `sockgate`), the name that docker's own client sends where it has no address, and those in
/// `ALLOWED_HOSTS`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostRule {
    /// Names without a port, such as `docker.example.org`.
    pub allowed: Vec<String>,
}

/// What docker's client, and every Go client with its connection helper, names over `ssh://` and `docker system dial-stdio`.
/// Nobody can own it: RFC 2606 §3 reserves `example.com`.
const DOCKER_CLIENT: &str = "docker.example.com";

/// Why a `Host` is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadAuthority {
    /// The value is not a host name with an optional port.
    #[error("the Host header is not a host name with an optional port")]
    Malformed,
    /// The value is a name that a web page could have chosen.
    #[error("the host name {0:?} is not one that this listener answers to; ALLOWED_HOSTS={0} would allow it")]
    NotAllowed(String),
}

impl HostRule {
    /// Judges a `Host` value, or the authority of an absolute-form target (RFC 9112 §3.2.2). An empty `Host` says that the
    /// request's target has no authority (§3.2), as buildx's upgrades do; a browser always has one to name.
    ///
    /// # Errors
    /// [`BadAuthority`] for a name that a web page could have chosen, and for a value that is not a host name.
    pub fn judge(&self, value: &str) -> Result<(), BadAuthority> {
        if value.is_empty() {
            return Ok(());
        }
        let host = host_of(value).ok_or(BadAuthority::Malformed)?;
        let is_listed = self.allowed.iter().any(|name| name.eq_ignore_ascii_case(host));
        let is_docker_client = host.eq_ignore_ascii_case(DOCKER_CLIENT);
        if is_listed
            || is_docker_client
            || is_ip_literal(host)
            || is_single_label(host)
            || is_below_localhost(host)
        {
            Ok(())
        } else if is_host_name(host) {
            Err(BadAuthority::NotAllowed(host.to_owned()))
        } else {
            Err(BadAuthority::Malformed)
        }
    }
}

/// The host without its port; `None` if what follows the host is not a port.
fn host_of(value: &str) -> Option<&str> {
    let (host, port) = match value.strip_prefix('[') {
        Some(bracketed) => {
            let (literal, rest) = bracketed.split_once(']')?;
            (value.get(..literal.len() + 2)?, rest)
        }
        None => value.split_at(value.find(':').unwrap_or(value.len())),
    };
    let port_is_well_formed = match port.strip_prefix(':') {
        Some(digits) => digits.len() <= 5 && digits.bytes().all(|byte| byte.is_ascii_digit()),
        None => port.is_empty(),
    };
    (port_is_well_formed && !host.is_empty()).then_some(host)
}

fn is_ip_literal(host: &str) -> bool {
    match host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(v6) => v6.parse::<Ipv6Addr>().is_ok(),
        None => host.parse::<Ipv4Addr>().is_ok(),
    }
}

fn is_single_label(host: &str) -> bool {
    is_host_name(host) && !host.contains('.')
}

fn is_below_localhost(host: &str) -> bool {
    let last_label = host.rsplit_once('.').map_or(host, |(_, last)| last);
    is_host_name(host) && last_label.eq_ignore_ascii_case("localhost")
}

/// Whether `host` has the form of a host name without a port: labels of letters, digits, `-` and `_`.
#[must_use]
pub fn is_host_name(host: &str) -> bool {
    host.len() <= 253
        && host.split('.').all(|label| {
            !label.is_empty()
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
        })
}

/// Whether `origin` has the form of a web origin: `scheme://host[:port]` (RFC 6454 §6.2).
#[must_use]
pub fn is_web_origin(origin: &str) -> bool {
    let Some((scheme, authority)) = origin.split_once("://") else { return false };
    let is_scheme =
        !scheme.is_empty() && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    is_scheme && host_of(authority).is_some_and(|host| is_host_name(host) || is_ip_literal(host))
}

/// Which web origins may send requests to a TCP listener: only those in `ALLOWED_ORIGINS`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OriginRule {
    /// Serialized origins, such as `https://ui.example.org`.
    pub allowed: Vec<String>,
}

/// Why a request that a web page sent is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UntrustedOrigin {
    /// Its `Origin` is not listed.
    #[error("requests from the web origin {0:?} are refused; ALLOWED_ORIGINS={0} would allow them")]
    Origin(String),
    /// The browser says that a page of another site sent it.
    #[error("requests that a web page of another site sends are refused (Sec-Fetch-Site: {0})")]
    FetchSite(String),
}

impl OriginRule {
    /// Judges all `Origin` and `Sec-Fetch-Site` values of a request. A listed origin may be cross-site.
    ///
    /// # Errors
    /// [`UntrustedOrigin`] with the value that is refused.
    pub fn judge<'v>(
        &self,
        mut origins: impl Iterator<Item = &'v str>,
        mut fetch_sites: impl Iterator<Item = &'v str>,
    ) -> Result<(), UntrustedOrigin> {
        let mut from_listed_origin = false;
        if let Some(stranger) = origins.find(|&origin| {
            let is_listed = self.allowed.iter().any(|allowed| allowed.eq_ignore_ascii_case(origin));
            from_listed_origin |= is_listed;
            !is_listed
        }) {
            return Err(UntrustedOrigin::Origin(shortened(stranger)));
        }
        match fetch_sites.find(|site| !matches!(*site, "none" | "same-origin")) {
            Some(site) if !from_listed_origin => Err(UntrustedOrigin::FetchSite(shortened(site))),
            Some(_) | None => Ok(()),
        }
    }
}

/// The beginning of a value that a client sent, short enough for an answer and a log line.
fn shortened(value: &str) -> String {
    value.chars().take(253).collect()
}
