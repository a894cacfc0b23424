use super::HeadScan;

/// What the HTTP library gets of `bytes` that come in pieces of this size, and what is left for the next message.
fn read(bytes: &[u8], piece: usize) -> (Vec<u8>, usize, HeadScan) {
    let (mut scan, mut got, mut taken) = (HeadScan::Before, Vec::new(), 0);
    for piece in bytes.chunks(piece) {
        let scanned = scan.scan(piece);
        got.extend(scanned.encoded.unwrap_or_else(|| piece[..scanned.taken].to_vec()));
        taken += scanned.taken;
        if scanned.taken < piece.len() {
            break;
        }
    }
    (got, bytes.len() - taken, scan)
}

fn every_cut_gives(bytes: &str, want: &str, rest: &str, ends: HeadScan) {
    for piece in 1..=bytes.len() + rest.len() {
        let (got, left, scan) = read(format!("{bytes}{rest}").as_bytes(), piece);
        let seen = (String::from_utf8(got).unwrap(), left, scan);
        assert_eq!(seen, (want.to_owned(), rest.len(), ends), "{bytes:?} in pieces of {piece}");
    }
}

#[test]
fn the_query_of_the_request_line_alone_is_encoded_however_it_comes() {
    for (head, want) in [
        ("GET /a?b=[\"c\"] HTTP/1.1\r\nX: \"?<>\r\n\r\n", "GET /a?b=[%22c%22] HTTP/1.1\r\nX: \"?<>\r\n\r\n"),
        ("GET /a?<>&\"?\" HTTP/1.1\n\n", "GET /a?%3C%3E&%22?%22 HTTP/1.1\n\n"),
        ("GET /<a\">?\" HTTP/1.1\r\n\r\n", "GET /<a\">?%22 HTTP/1.1\r\n\r\n"),
        ("GET /a HTTP/1.1\r\nReferer: /?\"<>\"\r\n\r\n", "GET /a HTTP/1.1\r\nReferer: /?\"<>\"\r\n\r\n"),
        ("G?\"T /a HTTP/1.1\r\n\r\n", "G?\"T /a HTTP/1.1\r\n\r\n"),
        ("GET /a ?\" HTTP/1.1\r\n\r\n", "GET /a ?\" HTTP/1.1\r\n\r\n"),
        ("GET http://h/a?\" HTTP/1.0\r\n\r\n", "GET http://h/a?%22 HTTP/1.0\r\n\r\n"),
        ("\r\n\nGET /?\" HTTP/1.1\r\n\r\n", "\r\n\nGET /?%22 HTTP/1.1\r\n\r\n"),
        ("GET /?\"\r\nA: ?\"\r\n\r\n", "GET /?%22\r\nA: ?\"\r\n\r\n"),
    ] {
        for rest in ["", "{\"?\": 1}", "GET /?\"<> HTTP/1.1\r\n\r\n", "\r\n", "\n"] {
            every_cut_gives(head, want, rest, HeadScan::Ended);
        }
    }
}

#[test]
fn a_head_ends_with_its_first_empty_line() {
    for (head, ends) in [
        ("", HeadScan::Before),
        ("\r\n\r\n\n", HeadScan::Before),
        ("GET", HeadScan::Method),
        ("GET /", HeadScan::Path),
        ("GET /?", HeadScan::Query),
        ("GET / HTTP/1.1\r\n", HeadScan::LineStart),
        ("GET / HTTP/1.1\r\nA: b\r\n", HeadScan::LineStart),
        ("GET / HTTP/1.1\r\nA: b\r\n\r", HeadScan::EmptyLine),
        ("GET / HTTP/1.1\r\nA: b\r\n\r\r", HeadScan::Field),
        ("GET / HTTP/1.1\r\nA: b\r\n \r\n", HeadScan::LineStart),
        ("GET / HTTP/1.1\r\n\r\n", HeadScan::Ended),
        ("GET / HTTP/1.1\n\r\n", HeadScan::Ended),
        ("GET / HTTP/1.1\nA: b\n\n", HeadScan::Ended),
    ] {
        every_cut_gives(head, head, "", ends);
    }
}
