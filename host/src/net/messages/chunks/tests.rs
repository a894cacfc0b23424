use super::ChunkScan;

/// How much of `bytes` belongs to the body, if it comes in pieces of this size, and where it ends.
fn read(bytes: &[u8], piece: usize) -> (usize, ChunkScan) {
    let (mut scan, mut taken) = (ChunkScan::START, 0);
    for piece in bytes.chunks(piece) {
        let now = scan.scan(piece);
        taken += now;
        if now < piece.len() {
            break;
        }
    }
    (taken, scan)
}

#[test]
fn a_body_ends_behind_its_last_chunk_however_it_comes() {
    for body in [
        "0\r\n\r\n",
        "5\r\nhello\r\n0\r\n\r\n",
        "5\r\n0\r\n\r\n\r\n0\r\n\r\n",
        "005;a=\"<?\"\r\nhello\r\n0;x\r\n\r\n",
        "A\r\n0123456789\r\nb \t\r\n0123456789?\r\n0\r\nX-Sum: 1\r\nY: 2\r\n\r\n",
    ] {
        for rest in ["", "\r\n", "GET /?\" HTTP/1.1\r\n\r\n", "0\r\n\r\n"] {
            for piece in 1..=body.len() + rest.len() {
                let got = read(format!("{body}{rest}").as_bytes(), piece);
                assert_eq!(got, (body.len(), ChunkScan::Ended), "{body:?} {rest:?} in pieces of {piece}");
            }
        }
    }
}

#[test]
fn a_body_that_is_malformed_has_no_end() {
    for body in [
        "g\r\n",
        "-1\r\n",
        "+1\r\n",
        "0x1\r\n",
        "5\nhello",
        "5\rhello",
        "5 5\r\nhello\r\n",
        "5\r\nhello0\r\n",
        "5\r\nhello\n",
        "5;a\nb\r\nhello",
        "10000000000000000\r\n",
        "0\r\nX: 1\ry",
        "0\r\n\rx",
    ] {
        for piece in 1..=body.len() {
            let (_, scan) = read(body.as_bytes(), piece);
            assert_eq!(scan, ChunkScan::Broken, "{body:?} in pieces of {piece}");
        }
    }
}
