//! Header fields: those of one hop go, all others pass as they are, and none is invented.

use e2e::{Via, json, on_both_listeners, request, scene};

on_both_listeners![
    fields_of_one_hop_do_not_pass,
    fields_of_the_engines_hop_do_not_pass,
    the_engine_does_not_speak_for_the_gateway,
    the_engines_own_fields_pass,
    the_clients_own_fields_pass,
    no_field_is_invented,
    four_hundred_lines_of_one_name_pass_in_order,
    four_hundred_lines_of_an_answer_pass_in_order,
    a_registry_config_of_64_kib_passes,
    values_that_are_not_ascii_pass,
    the_query_passes_byte_for_byte,
];

const EXPOSED: &str = "X-Docker-Expose-Session-Grpc-Method";

async fn fields_of_one_hop_do_not_pass(via: Via) {
    let (engine, _gateway, mut client) = scene(via).await;
    let mut infos = engine.hand_over("GET /info");
    let headers = [
        "Connection: keep-alive, X-Hop",
        "Connection: X-Second-Hop",
        "Keep-Alive: timeout=5",
        "Proxy-Connection: keep-alive",
        "TE: gzip",
        "X-Hop: 1",
        "X-Second-Hop: 2",
        "X-End: 3",
    ];
    client.ask("GET /info", &headers).await;
    let info = infos.next().await;
    for gone in ["keep-alive", "proxy-connection", "te", "x-hop", "x-second-hop"] {
        assert!(!info.request.has(gone), "{gone} passed: {:#?}", info.request);
    }
    let options = info.request.all("connection").join(",");
    assert!(!options.to_lowercase().contains("hop"), "{options}");
    assert_eq!(info.request.header("x-end"), Some("3"));
    info.answer(json("200 OK", "{}")).await;
    assert_eq!(client.read_response().await.text(), "{}");
}

async fn fields_of_the_engines_hop_do_not_pass(via: Via) {
    let (engine, _gateway, mut client) = scene(via).await;
    engine.answer_and_close(
        "GET /info",
        "HTTP/1.1 200 OK\r\nConnection: close, X-Hop\r\nKeep-Alive: timeout=5\r\nX-Hop: 1\r\nX-End: 3\r\n\
         Content-Length: 2\r\n\r\n{}",
    );
    let info = client.fetch("GET /info", &[]).await;
    assert!(!info.head.has("keep-alive") && !info.head.has("x-hop"), "{:#?}", info.head);
    assert_eq!(info.head.header("x-end"), Some("3"));
    assert_eq!(info.text(), "{}");
    assert_eq!(
        client.fetch("GET /_ping", &[]).await.text(),
        "OK",
        "only the engine's connection was to close"
    );
}

async fn the_engine_does_not_speak_for_the_gateway(via: Via) {
    let (engine, _gateway, mut client) = scene(via).await;
    engine.answer(
        "GET /_ping",
        "HTTP/1.1 500 Internal Server Error\r\nSockgate-Refused-By: flags\r\nContent-Length: 0\r\n\r\n",
    );
    let answer = client.fetch("GET /_ping", &[]).await;
    assert_eq!((answer.status(), answer.head.has("sockgate-refused-by")), (500, false), "{:#?}", answer.head);
}

async fn the_engines_own_fields_pass(via: Via) {
    let (engine, _gateway, mut client) = scene(via).await;
    let lines = [
        ("Api-Version", "1.41"),
        ("Docker-Experimental", "false"),
        ("Ostype", "linux"),
        ("Server", "Docker/20.10.24 (linux)"),
        ("Date", "Mon, 01 Jan 2024 00:00:00 GMT"),
        ("Cache-Control", "no-cache, no-store, must-revalidate"),
        ("X-Tomorrow", "a field that nobody knows yet"),
    ];
    let head: String = lines.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    engine.answer("GET /info", format!("HTTP/1.1 200 OK\r\n{head}Content-Length: 2\r\n\r\n{{}}"));
    let info = client.fetch("GET /info", &[]).await;
    for (name, value) in lines {
        assert_eq!(info.head.all(name), [value], "{name}");
    }
}

async fn the_clients_own_fields_pass(via: Via) {
    let (engine, _gateway, mut client) = scene(via).await;
    let mut pulls = engine.hand_over("POST /images/create");
    let lines = [
        ("Accept", "application/jsonl, application/json;q=0.5"),
        ("User-Agent", "Docker-Client/28.2.2 (linux)"),
        ("X-Registry-Auth", "eyJ1c2VybmFtZSI6ImEifQ=="),
        ("X-Meta-Forwarded", "a field that nobody knows yet"),
        ("Content-Type", "text/plain"),
    ];
    let lines_sent: Vec<String> = lines.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    let lines_sent: Vec<&str> = lines_sent.iter().map(String::as_str).chain(["Content-Length: 0"]).collect();
    client.ask("POST /images/create?fromImage=web", &lines_sent).await;
    let pull = pulls.next().await;
    for (name, value) in lines {
        assert_eq!(pull.request.all(name), [value], "{name}");
    }
}

async fn no_field_is_invented(via: Via) {
    let (engine, _gateway, mut client) = scene(via).await;
    let mut infos = engine.hand_over("GET /info");
    client.ask("GET /info", &[]).await;
    let info = infos.next().await;
    let names: Vec<_> = info.request.headers.iter().map(|(name, _)| name.to_lowercase()).collect();
    assert_eq!(names, ["host"]);
    info.answer(json("200 OK", "{}")).await;
    let response = client.read_response().await;
    for invented in ["via", "x-powered-by", "connection", "x-frame-options"] {
        assert!(!response.head.has(invented), "{:#?}", response.head);
    }
}

async fn four_hundred_lines_of_one_name_pass_in_order(via: Via) {
    let (engine, _gateway, mut client) = scene(via).await;
    let mut sessions = engine.hand_over("POST /session");
    let methods: Vec<String> =
        (0..400).map(|count| format!("/moby.filesync.v1.FileSync/Method{count}")).collect();
    let lines: Vec<String> = methods.iter().map(|method| format!("{EXPOSED}: {method}")).collect();
    let upgrade = ["Connection: Upgrade", "Upgrade: h2c"];
    let lines: Vec<&str> = upgrade.into_iter().chain(lines.iter().map(String::as_str)).collect();
    client.ask("POST /session", &lines).await;
    let session = sessions.next().await;
    assert_eq!(session.request.all(EXPOSED).len(), 400);
    assert!(session.request.all(EXPOSED) == methods, "{:#?}", session.request);
}

async fn four_hundred_lines_of_an_answer_pass_in_order(via: Via) {
    let (engine, _gateway, mut client) = scene(via).await;
    let warnings: Vec<String> = (0..400).map(|count| format!("299 - \"warning {count}\"")).collect();
    let lines: String = warnings.iter().map(|warning| format!("Warning: {warning}\r\n")).collect();
    engine.answer("GET /info", format!("HTTP/1.1 200 OK\r\n{lines}Content-Length: 2\r\n\r\n{{}}"));
    let info = client.fetch("GET /info", &[]).await;
    assert_eq!((info.status(), info.head.all("warning").len()), (200, 400));
    assert!(info.head.all("warning") == warnings, "{:#?}", info.head);
}

async fn a_registry_config_of_64_kib_passes(via: Via) {
    let (engine, _gateway, mut client) = scene(via).await;
    let mut builds = engine.hand_over("POST /build");
    let config = "eyJhIjoi".repeat(8 << 10);
    assert_eq!(config.len(), 64 << 10);
    let line = format!("X-Registry-Config: {config}");
    client.ask("POST /build", &[&line, "Content-Length: 0"]).await;
    let build = builds.next().await;
    assert!(build.request.header("x-registry-config") == Some(&config), "the header differs");
}

async fn values_that_are_not_ascii_pass(via: Via) {
    let (engine, _gateway, mut client) = scene(via).await;
    engine.answer("GET /info", "HTTP/1.1 200 OK\r\nX-Name: Büro\r\nContent-Length: 2\r\n\r\n{}");
    let mut lists = engine.hand_over("GET /containers/json");
    client.send(request("GET /containers/json", &["X-Name: Büro"])).await;
    let list = lists.next().await;
    assert_eq!(list.request.header("x-name"), Some("Büro"));
    list.answer(json("200 OK", "[]")).await;
    assert_eq!(client.read_response().await.text(), "[]");
    assert_eq!(client.fetch("GET /info", &[]).await.head.header("x-name"), Some("Büro"));
}

async fn the_query_passes_byte_for_byte(via: Via) {
    let (engine, _gateway, mut client) = scene(via).await;
    let mut lists = engine.hand_over("GET /containers/json");
    let target = "/v1.41/containers/json?filters=%7B%22label%22%3A%7b%22a%3db%22:true%7D%7D&all=1&x=+%20&&y";
    client.ask(&format!("GET {target}"), &[]).await;
    assert_eq!(lists.next().await.request.target(), target);
}
