//! Requests as they stand on the wire, in a form that can be compared: the order of header lines does not count, and
//! nothing else is forgiven.

/// Takes a stream of requests apart. An incomplete one at the end is kept as it is.
pub(super) fn split(mut stream: &[u8]) -> Vec<String> {
    let mut messages = Vec::new();
    while !stream.is_empty() {
        let Some(end) = find(stream, b"\r\n\r\n") else {
            messages.push(text(stream));
            break;
        };
        let head = text(&stream[..end]);
        let (start, fields) = head.split_once("\r\n").unwrap_or((&head, ""));
        let mut fields: Vec<_> = fields.split("\r\n").collect();
        fields.sort_unstable();
        let rest = &stream[end + 4..];
        let (body, after) = rest.split_at(body_len(&fields, rest).min(rest.len()));
        messages.push(format!("{start}\n{}\n\n{}", fields.join("\n"), text(body)));
        stream = after;
    }
    messages
}

/// All that is left, for an upgrade.
fn body_len(fields: &[&str], rest: &[u8]) -> usize {
    let value = |name: &str| fields.iter().find_map(|field| field.strip_prefix(name));
    if value("upgrade: ").is_some() {
        return rest.len();
    }
    if value("transfer-encoding: ").is_some() {
        return chunked_len(rest).unwrap_or(rest.len());
    }
    value("content-length: ").map_or(0, |length| length.parse().expect("the gateway wrote this length"))
}

/// Up to and with the empty line behind the last chunk and the trailers.
fn chunked_len(body: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        let line_end = at + find(&body[at..], b"\r\n")?;
        let size =
            usize::from_str_radix(&text(&body[at..line_end]), 16).expect("the gateway wrote this size");
        at = line_end + 2 + size + 2;
        if at > body.len() {
            return None;
        }
        if size == 0 {
            // Without trailers the empty line is behind us already.
            let from = line_end;
            return find(&body[from..], b"\r\n\r\n").map(|end| from + end + 4);
        }
    }
}

fn find(bytes: &[u8], mark: &[u8]) -> Option<usize> {
    bytes.windows(mark.len()).position(|window| window == mark)
}

/// Bytes as text that shows each of them.
fn text(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|&byte| {
            let shown: Vec<char> = match byte {
                b'\r' | b'\n' | 0x20..=0x7e => vec![char::from(byte)],
                _ => std::ascii::escape_default(byte).map(char::from).collect(),
            };
            shown
        })
        .collect()
}

#[test]
fn requests_are_taken_apart_by_their_framing() {
    let stream = b"GET /a HTTP/1.1\r\nb: 1\r\na: 2\r\n\r\nPOST /b HTTP/1.1\r\ncontent-length: 3\r\n\r\nabcPUT /c HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nx: y\r\n\r\nGET /d HT";
    let want = [
        "GET /a HTTP/1.1\na: 2\nb: 1\n\n",
        "POST /b HTTP/1.1\ncontent-length: 3\n\nabc",
        "PUT /c HTTP/1.1\ntransfer-encoding: chunked\n\n2\r\nhi\r\n0\r\nx: y\r\n\r\n",
        "GET /d HT",
    ];
    assert_eq!(split(stream), want);
}
