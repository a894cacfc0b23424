use super::{HostRule, OriginRule};

fn host(value: &str) -> String {
    match (HostRule { allowed: vec!["docker.example.org".to_owned()] }).judge(value) {
        Ok(()) => "ok".to_owned(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn names_that_a_web_page_cannot_own_are_answered() {
    for value in [
        "127.0.0.1",
        "127.0.0.1:2375",
        "[::1]:2375",
        "[::1]",
        "10.0.0.7:80",
        "localhost",
        "LOCALHOST:2375",
        "a.localhost",
        "api.moby.localhost",
        "sockgate:2375",
        "socket_proxy",
        "docker",
        "docker.example.com",
        "DOCKER.example.com:80",
        "docker.example.org",
        "Docker.Example.org:443",
        "localhost:",
        "",
    ] {
        assert_eq!(host(value), "ok", "{value}");
    }
}

#[test]
fn a_dotted_name_must_be_listed() {
    for value in [
        "evil.example",
        "evil.example:2375",
        "localhost.evil.example",
        "127.0.0.1.nip.io",
        "xdocker.example.org",
        "example.com",
        "x.docker.example.com",
        "docker.example.com.evil.example",
    ] {
        let name = value.split(':').next().unwrap();
        let want = format!(
            "the host name {name:?} is not one that this listener answers to; ALLOWED_HOSTS={name} would allow it"
        );
        assert_eq!(host(value), want, "{value}");
    }
}

#[test]
fn what_is_no_host_is_refused() {
    for value in [
        " ",
        ":2375",
        "localhost:80:80",
        "localhost:port",
        "user@localhost",
        "local host",
        "[::1",
        "[::1]x",
        "[evil]",
        "::1",
        "localhost.",
        ".localhost",
        "a..localhost",
        "localhost/x",
        "localhost:123456",
        "127.0.0.1, localhost",
        "é",
    ] {
        assert_eq!(host(value), "the Host header is not a host name with an optional port", "{value}");
    }
}

#[test]
fn a_web_page_must_be_listed() {
    let rule = OriginRule { allowed: vec!["https://ui.example.org".to_owned()] };
    let refused_origin = |origin: &str| {
        format!(
            "requests from the web origin {origin:?} are refused; ALLOWED_ORIGINS={origin} would allow them"
        )
    };
    let refused_site = |site: &str| {
        format!("requests that a web page of another site sends are refused (Sec-Fetch-Site: {site})")
    };
    for (origins, sites, want) in [
        (&[][..], &[][..], "ok".to_owned()),
        (&[], &["none"], "ok".to_owned()),
        (&[], &["same-origin"], "ok".to_owned()),
        (&[], &["same-site"], refused_site("same-site")),
        (&[], &["cross-site"], refused_site("cross-site")),
        (&[], &["none", "cross-site"], refused_site("cross-site")),
        (&["https://ui.example.org"], &["cross-site"], "ok".to_owned()),
        (&["https://evil.example"], &[], refused_origin("https://evil.example")),
        (&["https://ui.example.org", "https://evil.example"], &[], refused_origin("https://evil.example")),
        (&["null"], &[], refused_origin("null")),
        (&["https://evil.example"], &["same-origin"], refused_origin("https://evil.example")),
    ] {
        let judged = rule.judge(origins.iter().copied(), sites.iter().copied());
        let judged = judged.map_or_else(|refusal| refusal.to_string(), |()| "ok".to_owned());
        assert_eq!(judged, want, "{origins:?} {sites:?}");
    }
}
