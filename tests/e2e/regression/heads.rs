//! The form rule read a media type as ASCII where the engine reads Unicode.

use e2e::{Via, on_both_listeners, scene};

on_both_listeners![
    a_content_type_beside_a_body_is_ascii,
    a_form_under_any_spelling_is_refused,
    an_empty_form_passes,
    a_body_that_is_no_form_passes,
];

/// `POST /images/create?fromImage=good` with these header lines; `chunked` or with a length.
fn create(lines: &[&[u8]], body: &str) -> [Vec<u8>; 2] {
    let length = format!("Content-Length: {}\r\n\r\n{body}", body.len());
    let chunks = format!("Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
    [length, chunks].map(|framed| {
        let mut request = b"POST /images/create?fromImage=good HTTP/1.1\r\nHost: localhost\r\n".to_vec();
        for line in lines {
            request.extend([line, &b"\r\n"[..]].concat());
        }
        request.extend(framed.as_bytes());
        request
    })
}

async fn is_a_bad_request(via: Via, lines: &[&[u8]]) {
    let (engine, gateway, _) = scene(via).await;
    for sent in create(lines, "fromImage=evil") {
        let mut client = gateway.connect(via).await;
        client.send(&sent).await;
        let refused = client.read_response().await;
        let sent = String::from_utf8_lossy(&sent);
        assert_eq!(refused.status(), 400, "{sent}");
        assert!(refused.text().starts_with(r#"{"message":"#), "{sent}: {}", refused.text());
    }
    engine.assert_untouched();
}

/// Go trims and folds it as Unicode: U+0130 becomes `i`, U+00A0, U+0085 and U+2003 are white space.
async fn a_content_type_beside_a_body_is_ascii(via: Via) {
    for content_type in [
        b"Content-Type: appl\xc4\xb0cation/x-www-form-urlencoded".as_slice(),
        b"Content-Type: application/x-www-form-urlencoded\xc2\xa0",
        b"Content-Type: \xc2\xa0application/x-www-form-urlencoded",
        b"Content-Type: \xc2\x85application/x-www-form-urlencoded",
        b"Content-Type: application/x-www-form-urlencoded\xc2\x85; charset=utf-8",
        b"Content-Type: \xe2\x80\x83application/x-www-form-urlencoded",
        b"content-type:\xe3\x80\x80application/x-www-form-urlencoded\xe2\x80\xa8",
        b"Content-Type: application/x-www-form-urlencoded; charset=\xc3\xa9",
        b"Content-Type: mult\xc4\xb0part/form-data; boundary=a",
        b"Content-Type: application/x-www-form-urlencoded\xff",
    ] {
        is_a_bad_request(via, &[content_type]).await;
        is_a_bad_request(via, &[b"Content-Type: application/json", content_type]).await;
        is_a_bad_request(via, &[content_type, b"Content-Type: application/json"]).await;
    }
}

async fn a_form_under_any_spelling_is_refused(via: Via) {
    for content_type in [
        b"Content-Type: application/x-www-form-urlencoded".as_slice(),
        b"Content-Type: APPLICATION/X-WWW-Form-Urlencoded",
        b"Content-Type:\t application/x-www-form-urlencoded \t; charset=utf-8",
        b"Content-Type: application/x-www-form-urlencoded;",
        b"Content-Type: application/x-www-form-urlencoded , application/json",
        b"Content-Type: multipart/form-data; boundary=a",
    ] {
        is_a_bad_request(via, &[content_type]).await;
        is_a_bad_request(via, &[b"Content-Type: application/json", content_type]).await;
    }
}

/// `wget --post-data=''` sends one.
async fn an_empty_form_passes(via: Via) {
    let (engine, _gateway, mut client) = scene(via).await;
    let headers = ["Content-Type: application/x-www-form-urlencoded", "Content-Length: 0"];
    assert_eq!(client.fetch("POST /containers/web/start", &headers).await.status(), 200);
    assert_eq!(client.fetch("POST /containers/web/start", &headers[..1]).await.status(), 200);
    assert_eq!(engine.requests().len(), 2);
}

async fn a_body_that_is_no_form_passes(via: Via) {
    let (engine, _gateway, mut client) = scene(via).await;
    for content_type in [
        b"Content-Type: application/json".as_slice(),
        b"Content-Type: application/json; charset=\"utf-8\"",
        b"Content-Type: text/plain\t",
        b"Content-Type: application/x-tar",
        b"X-Name: \xc3\xa9",
    ] {
        for sent in create(&[content_type], "{}") {
            client.send(&sent).await;
            assert_eq!(client.read_response().await.status(), 200, "{}", String::from_utf8_lossy(&sent));
        }
    }
    assert_eq!(engine.requests().len(), 10);
}
