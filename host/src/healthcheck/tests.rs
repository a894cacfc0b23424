use super::*;

#[test]
fn an_answer_tells_who_is_there_and_who_refuses() {
    let refused = |status: &str, by: &str| {
        format!("HTTP/1.1 {status}\r\nsockgate-refused-by: {by}\r\n\r\n{{\"message\":\"no\"}}")
    };
    for (answer, code) in [
        ("HTTP/1.1 200 OK\r\n\r\nOK".to_owned(), 0),
        ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK".to_owned(), 0),
        ("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nOK".to_owned(), 3),
        (refused("403 Forbidden", "flags"), 0),
        (refused("403 Forbidden", "deny-operations"), 0),
        (refused("404 Not Found", "policy"), 0),
        (refused("429 Too Many Requests", "policy"), 0),
        (refused("403 Forbidden", "policy-fault"), 4),
        (refused("503 Service Unavailable", "full"), 5),
        (refused("503 Service Unavailable", "engine"), 3),
        (refused("502 Bad Gateway", "engine"), 3),
        (refused("400 Bad Request", "request"), 1),
        (refused("403 Forbidden", "unheard-of"), 1),
        ("HTTP/1.1 403 Forbidden\r\n\r\n".to_owned(), 1),
        ("HTTP/1.1 500 Internal Server Error\r\n\r\n{\"message\":\"the engine's own\"}".to_owned(), 1),
        ("SSH-2.0-OpenSSH_9.2\r\n".to_owned(), 1),
        ("\r\n\r\n".to_owned(), 1),
    ] {
        let judged = judge(&answer);
        assert_eq!(judged.as_ref().map_or_else(Unhealthy::exit_code, |_| 0), code, "{answer}: {judged:?}");
    }
}

#[test]
fn who_refused_is_told_apart_by_one_word() {
    for one in RefusedBy::ALL {
        assert_eq!(RefusedBy::ALL.iter().filter(|other| other.as_str() == one.as_str()).count(), 1);
    }
}
