use bytes::Bytes;
use engine_api::{Endpoint, Flags, Operation, Rights};
use http::{HeaderMap, HeaderValue};

use super::{Admission, Readers, Sent};
use crate::question::InspectedBody;
use crate::settings::Mode::{self, Decide, Narrow, Observe};

#[test]
fn one_policy_whose_word_counts_is_enough_for_a_body_to_be_insisted_on() {
    let rows: [(&[Mode], Readers); 7] = [
        (&[], Readers::Nobody),
        (&[Observe], Readers::Observing),
        (&[Observe, Observe], Readers::Observing),
        (&[Decide], Readers::Deciding),
        (&[Narrow], Readers::Deciding),
        (&[Observe, Narrow], Readers::Deciding),
        (&[Decide, Observe], Readers::Deciding),
    ];
    for (modes, want) in rows {
        assert_eq!(Readers::of(modes.iter().copied()), want, "{modes:?}");
    }
}

/// The outcome for a create with this body and this header: what policies are shown, or the refusal with its status.
fn admitted(readers: Readers, body: &'static str, coding: Option<&'static str>) -> String {
    let mut headers = HeaderMap::new();
    if let Some(coding) = coding {
        headers.insert("content-encoding", HeaderValue::from_static(coding));
    }
    let operation = Operation::parse("POST", "/containers/create").unwrap();
    let sent = Sent { operation, headers, body: Bytes::from_static(body.as_bytes()) };
    match (Admission { rights: Flags::default().into(), body_limit: 16 }).admit(sent, readers) {
        Err(refused) => format!("{}: {refused}", refused.status()),
        Ok(admitted) => match (admitted.body, admitted.unshown) {
            (body, Some(bad)) => format!("{body:?}, though {bad}"),
            (InspectedBody::Complete(bytes), None) => format!("shown {}", String::from_utf8_lossy(&bytes)),
            (body, None) => format!("{body:?}"),
        },
    }
}

#[test]
fn a_body_that_cannot_be_shown_is_refused_only_where_a_policy_must_see_it() {
    use Readers::{Deciding, Nobody, Observing};
    let large =
        "the body is larger than 16 bytes, and a policy must read all of it; POLICY_BODY_LIMIT allows more";
    let coded = "the body of this operation is read by a policy: send it without Content-Encoding";
    let twice = "the body has the key \"a\" twice in one object";
    for (readers, body, coding, want) in [
        (Nobody, r#"{"a":1,"a":2}"#, Some("gzip"), "Unread".to_owned()),
        (Nobody, "", None, "Unread".to_owned()),
        (Observing, "", None, "Empty".to_owned()),
        (Observing, "{}", Some("identity"), "shown {}".to_owned()),
        (Observing, "{}", Some("gzip"), format!("Unread, though {coded}")),
        (Observing, r#"{"a":1,"a":2}"#, None, format!("Unread, though {twice}")),
        (Observing, r#"{"a":"0123456789"}"#, None, format!("Unread, though {large}")),
        (Deciding, "", Some("gzip"), "Empty".to_owned()),
        (Deciding, "{}", None, "shown {}".to_owned()),
        (Deciding, "{}", Some("gzip"), format!("400: {coded}")),
        (Deciding, r#"{"a":1,"a":2}"#, None, format!("400: {twice}")),
        (Deciding, r#"{"a":"0123456789"}"#, None, format!("413: {large}")),
    ] {
        assert_eq!(admitted(readers, body, coding), want, "{readers:?} | {body} | {coding:?}");
    }
}

#[test]
fn a_family_that_is_never_forwarded_is_refused_before_a_policy_is_asked() {
    let operation = Operation::parse("GET", "/debug/vars").unwrap();
    let sent = Sent { operation, headers: HeaderMap::new(), body: Bytes::new() };
    let refused = Admission { rights: Flags::default().into(), body_limit: 16 }.admit(sent, Readers::Nobody);
    let refused = refused.unwrap_err();
    assert_eq!(
        (refused.status(), refused.to_string().as_str()),
        (403, "/debug is never forwarded; no setting allows it")
    );
}

#[test]
fn an_operation_that_is_denied_by_name_is_refused_before_its_body_is_looked_at() {
    let operation = Operation::parse("POST", "/containers/create").unwrap();
    let sent =
        Sent { operation, headers: HeaderMap::new(), body: Bytes::from_static(b"no JSON, and too large") };
    let denied = [Endpoint::ContainerCreate].into_iter().collect();
    let admission = Admission { rights: Rights { denied, ..Rights::default() }, body_limit: 16 };
    let refused = admission.admit(sent, Readers::Deciding).unwrap_err();
    assert_eq!(refused.status(), 403);
    assert!(refused.to_string().starts_with("ContainerCreate is in DENY_OPERATIONS; "), "{refused}");
}
