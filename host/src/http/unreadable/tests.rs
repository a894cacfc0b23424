use super::RequestLine;

#[test]
fn a_head_that_is_refused_is_named_as_far_as_it_can_be_read() {
    for (start, method, target, why) in [
        (
            b"GET /a<b HTTP/1.1\r\n".as_slice(),
            "GET",
            "/a<b",
            "the request target has a '<' that is not percent-encoded",
        ),
        (b"\r\n\r\nGET /a HTTP/3\r\n", "GET", "/a", "the request line does not end in HTTP/1.1 or HTTP/1.0"),
        (b"GET /a b HTTP/1.1\r\n", "GET", "/a", "the request line does not end in HTTP/1.1 or HTTP/1.0"),
        (b"GET /a\r\n\r\n", "GET", "/a", "the request line does not end in HTTP/1.1 or HTTP/1.0"),
        (b"GET /a HTTP/1.1\nX : y\n", "GET", "/a", "the request is not valid HTTP/1.1"),
        (b"GET /a%zz HTTP/1.1\n", "GET", "/a%zz", "the request target has a % that is not followed"),
        (b"get /a HTTP/1.1\r\n", "get", "/a", "the Engine API has no method \"get\""),
        (b"GET /a\xffb HTTP/1.1\r\n", "GET", "/a", "the request is not valid HTTP/1.1"),
        (b"GET /aaaaaaaaaaaaa", "GET", "/aaaaaaaaaaaaa", "the request is not valid HTTP/1.1"),
        (b"\x16\x03\x01\x02\x00", "\x16\x03\x01\x02\x00", "", "this listener speaks plain HTTP and not TLS"),
        (b"\xff\xfe", "", "", "the request is not valid HTTP/1.1"),
        (b"", "", "", "the request is not valid HTTP/1.1"),
    ] {
        let line = RequestLine::read(start);
        let text = String::from_utf8_lossy(start);
        assert_eq!((line.method, line.target), (method, target), "{text:?}");
        let fault = line.fault(start).to_string();
        assert!(fault.starts_with(why), "{text:?}: {fault}");
    }
}
