use crate::{Access, Endpoint, Method, Operation, Target, Transport};

const ID: &str = "5bd1c0ffee5bd1c0ffee5bd1c0ffee5bd1c0ffee5bd1c0ffee5bd1c0ffee5bd1";

fn made(endpoint: Endpoint, subject: &str) -> Option<String> {
    Operation::of(endpoint, subject).map(|operation| operation.target().to_string())
}

#[test]
fn an_operation_is_made_for_the_very_object_that_is_named() {
    for (endpoint, subject, want) in [
        (Endpoint::ContainerInspect, "web", "/containers/web/json"),
        (Endpoint::ContainerInspect, "web/db", "/containers/web/db/json"), // the name of a link, which old engines have
        (Endpoint::ContainerInspect, "json", "/containers/json/json"),
        (Endpoint::ContainerInspect, "prune", "/containers/prune/json"),
        (Endpoint::ContainerInspect, "v1.24", "/containers/v1.24/json"),
        (Endpoint::ContainerInspect, "x?all=1", "/containers/x%3Fall=1/json"),
        (Endpoint::ContainerInspect, "x#y", "/containers/x%23y/json"),
        (Endpoint::ContainerInspect, "x y", "/containers/x%20y/json"),
        (Endpoint::ContainerInspect, "x HTTP/1.1", "/containers/x%20HTTP/1.1/json"),
        (Endpoint::ContainerInspect, "é", "/containers/%C3%A9/json"),
        (Endpoint::ContainerInspect, "x/json", "/containers/x/json/json"),
        (Endpoint::ContainerInspect, "a/attach/ws", "/containers/a/attach/ws/json"),
        (Endpoint::ImageInspect, "registry:5000/team/app:1", "/images/registry:5000/team/app:1/json"),
        (Endpoint::ImageInspect, "json", "/images/json/json"),
        (Endpoint::ImageInspect, "containers/web/json", "/images/containers/web/json/json"),
        (Endpoint::NetworkInspect, "bridge", "/networks/bridge"),
        (Endpoint::VolumeInspect, "prune", "/volumes/prune"),
        (Endpoint::ExecInspect, ID, &format!("/exec/{ID}/json")),
        (Endpoint::PluginInspect, "privileges", "/plugins/privileges/json"),
        (Endpoint::ServiceInspect, "create", "/services/create"),
        (Endpoint::ContainerStart, "web", "/containers/web/start"),
    ] {
        assert_eq!(made(endpoint, subject).as_deref(), Some(want), "{endpoint:?} {subject}");
    }
}

/// Every operation that reads a stream is here, so that a new one has to be put on one side or the other.
#[test]
fn what_follows_has_no_end_of_its_own() {
    let cases = [
        ("/events", true),
        ("/events?until=1700000000", true),
        ("/containers/web/logs", false),
        ("/containers/web/logs?follow=1", true),
        ("/v1.41/containers/web/logs?stdout=1&follow=True", true),
        ("/containers/web/logs?foll%6Fw=1", true),
        ("/containers/web/logs?follow=", false),
        ("/containers/web/logs?follow=none", false),
        ("/containers/web/logs?follow=0&follow=1", false),
        ("/containers/web/logs?Follow=1", false),
        ("/services/web/logs?follow=1", true),
        ("/services/web/logs", false),
        ("/tasks/web/logs?follow=1", true),
        ("/tasks/web/logs", false),
        ("/containers/web/stats", true),
        ("/containers/web/stats?stream=1", true),
        ("/containers/web/stats?stream=0", false),
        ("/containers/web/stats?stream=false&one-shot=1", false),
        ("/containers/web/export", false),
        ("/containers/web/archive?path=/&follow=1", false),
        ("/images/get?names=web", false),
        ("/images/web/get", false),
        ("/info?follow=1", false),
        ("/containers/json?stream=1", false),
    ];
    let mut streams = Endpoint::ALL.to_vec();
    streams.retain(|it| (it.access(), it.transport()) == (Access::Read, Transport::Stream));
    for (target, follows) in cases {
        let operation = Operation::parse("GET", target).unwrap();
        assert_eq!(operation.follows(), follows, "{target}");
        streams.retain(|stream| Some(*stream) != operation.endpoint());
    }
    assert_eq!(streams, []);
    for upload in ["/containers/web/wait?follow=1", "/build?stream=1", "/containers/web/attach?stream=1"] {
        assert!(!Operation::parse("POST", upload).unwrap().follows(), "{upload}");
    }
}

#[test]
fn what_would_be_another_operation_or_another_object_is_not_made() {
    for (endpoint, subject) in [
        (Endpoint::ContainerInspect, ""),
        (Endpoint::ContainerInspect, "."),
        (Endpoint::ContainerInspect, ".."),
        (Endpoint::ContainerInspect, "/web"),
        (Endpoint::ContainerInspect, "web/"),
        (Endpoint::ContainerInspect, "a//b"),
        (Endpoint::ContainerInspect, "../images"),
        (Endpoint::ContainerInspect, "../images/json"),
        (Endpoint::ContainerInspect, "%2e%2e"),
        (Endpoint::ContainerInspect, "a%2fb"),
        (Endpoint::ContainerInspect, "a;b"),
        (Endpoint::ContainerInspect, "a\\b"),
        (Endpoint::ContainerInspect, "a\nb"),
        (Endpoint::ContainerInspect, "a\r\n\r\nGET /info"),
        (Endpoint::ContainerInspect, "a\0b"),
        (Endpoint::ImageInspect, ""),
        (Endpoint::ImageInspect, "../containers/web"),
        (Endpoint::NetworkInspect, ""),
        (Endpoint::VolumeInspect, ""),
        (Endpoint::PluginInspect, ""),
        // A service's name has no slash: what follows one would be another operation.
        (Endpoint::ServiceInspect, "web/logs"),
        (Endpoint::ServiceInspect, "a/b"),
        (Endpoint::TaskInspect, "t/logs"),
        (Endpoint::NodeInspect, "a/b"),
        (Endpoint::SecretInspect, "a/b"),
        (Endpoint::ConfigInspect, "a/b"),
        (Endpoint::GetPluginPrivileges, "x"),
        (Endpoint::ContainerList, "x"),
        (Endpoint::CheckpointDelete, "x"),
    ] {
        assert_eq!(made(endpoint, subject), None, "{endpoint:?} {subject:?}");
    }
}

#[test]
fn every_operation_of_a_container_can_be_done_to_an_id() {
    let mut pinned = 0;
    for &endpoint in Endpoint::ALL {
        for template in endpoint.templates() {
            let Some(rest) = template.strip_prefix("/containers/{").or(template.strip_prefix("/exec/{"))
            else {
                continue;
            };
            let tail = rest.split_once('}').unwrap().1.replace("{checkpoint}", "web");
            let family = template.split('/').nth(1).unwrap();
            // Names that are also words of the API, and the start of an id.
            for name in ["web", "json", "start", "containers", "web/db", "5bd1"] {
                let asked = format!("/v1.41/{family}/{name}{tail}?name=web&t=1");
                let operation = Operation::new(endpoint.method(), Target::parse(&asked).unwrap());
                if operation.endpoint() != Some(endpoint) {
                    assert!(name == "web/db", "{asked}"); // a checkpoint's container has no slash
                    continue;
                }
                let on = operation.on(ID).unwrap();
                assert_eq!(on.target().to_string(), format!("/v1.41/{family}/{ID}{tail}?name=web&t=1"));
                assert_eq!((on.endpoint(), on.method()), (Some(endpoint), endpoint.method()), "{asked}");
                pinned += 1;
            }
        }
    }
    assert!(pinned > 100, "{pinned}");
}

#[test]
fn a_head_is_done_to_an_id_as_its_get_is() {
    for path in ["/containers/web/json", "/containers/web/archive"] {
        let operation = Operation::new(Method::Head, Target::parse(path).unwrap());
        assert_eq!(operation.on(ID).unwrap().target().path(), path.replace("web", ID));
    }
}

#[test]
fn what_is_no_name_is_put_into_no_path() {
    let start = Operation::new(Method::Post, Target::parse("/containers/web/start").unwrap());
    for id in ["", ".", "..", "a/../b", "a%2fb", "a\nb", "a//b", "/a"] {
        assert_eq!(start.on(id), None, "{id:?}");
    }
    for target in
        ["/containers/json", "/containers/create?name=web", "/commit?container=web", "/nowhere/web/start"]
    {
        let operation = Operation::new(Method::Post, Target::parse(target).unwrap());
        assert_eq!(operation.on(ID), None, "{target}");
    }
}

#[test]
fn a_read_with_empty_segments_is_redirected_to_the_path_without_them_and_a_write_is_told_of_it() {
    for (target, clean) in [
        ("/containers//web/json", "/containers/web/json"),
        ("/v1.41/containers//web//json?size=1&x=//", "/v1.41/containers/web/json?size=1&x=//"),
        ("/v1.41//containers/json", "/v1.41/containers/json"),
        ("/containers/%2Fweb/json", "/containers/web/json"),
        ("/containers/a%20b//json", "/containers/a%20b/json"),
        ("/containers/json/", "/containers/json"),
        ("/containers/", "/containers"),
        ("/networks//", "/networks"),
    ] {
        for method in ["GET", "HEAD"] {
            let refusal = Operation::parse(method, target).unwrap_err();
            assert_eq!(refusal.status(), 301, "{method} {target}");
            assert_eq!(refusal.redirect().unwrap().to_string(), clean, "{method} {target}");
            assert!(Operation::parse(method, clean).is_ok());
        }
        for method in ["POST", "PUT", "DELETE"] {
            let refusal = Operation::parse(method, target).unwrap_err();
            assert_eq!((refusal.status(), refusal.redirect()), (400, None), "{method} {target}");
            assert!(refusal.to_string().ends_with(&format!("without it, it is {clean}")), "{refusal}");
        }
    }
}

#[test]
fn a_long_path_with_empty_segments_is_refused_without_being_named() {
    for target in [format!("/containers//{}/json", "a".repeat(300)), format!("/info//?{}", "a".repeat(300))] {
        let refusal = Operation::parse("GET", &target).unwrap_err();
        assert_eq!((refusal.status(), refusal.redirect()), (400, None));
        assert!(refusal.to_string().len() < 200, "{refusal}");
    }
}

#[test]
fn nothing_is_redirected_to_what_could_be_a_host_or_is_refused_anyway() {
    for target in [
        "//evil.example/containers/json",
        "//",
        "/%2Fevil.example",
        "/a//..",
        "/a//%2e%2e/b",
        "/a//%25",
        "/a//b;",
        "/a//b?c;",
    ] {
        let refusal = Operation::parse("GET", target).unwrap_err();
        assert_eq!((refusal.status(), refusal.redirect()), (400, None), "{target}");
    }
}

#[test]
fn only_reads_list_networks_with_a_slash_at_the_end() {
    for prefix in ["", "/v1.41"] {
        let target = format!("{prefix}/networks/");
        assert_eq!(Operation::parse("GET", &target).unwrap().id(), "NetworkList");
        for method in ["POST", "PUT", "DELETE"] {
            assert_eq!(Operation::parse(method, &target).unwrap_err().status(), 400, "{method} {target}");
        }
    }
}

#[test]
fn an_answer_ends_by_itself_unless_it_follows_something() {
    for (line, ends) in [
        ("GET /info", true),
        ("GET /elsewhere", true),
        ("POST /containers/web/start", true),
        ("POST /containers/create", true),
        ("POST /images/create?fromImage=a", true),
        ("POST /build", true),
        ("GET /containers/web/export", true),
        ("POST /exec/1/start", true),
        ("GET /events", false),
        ("GET /events?since=1", false),
        ("GET /events?since=1&until=2", true),
        ("GET /events?until=", false),
        ("GET /containers/web/logs?stdout=1", true),
        ("GET /containers/web/logs?follow=0", true),
        ("GET /containers/web/logs?follow=False", true),
        ("GET /containers/web/logs?follow=1", false),
        ("GET /containers/web/logs?%66ollow=true&follow=0", false),
        ("GET /services/web/logs?follow=1", false),
        ("GET /tasks/web/logs?follow=1", false),
        ("GET /containers/web/stats", false),
        ("GET /containers/web/stats?stream=1", false),
        ("GET /containers/web/stats?stream=false", true),
        ("GET /containers/web/stats?stream=", true),
        ("POST /containers/web/attach?stream=1&stdout=1", false),
        ("POST /containers/web/attach?logs=1&stdout=1", false),
        ("GET /containers/web/attach/ws", false),
        ("POST /containers/web/wait", false),
        ("POST /session", false),
        ("POST /grpc", false),
    ] {
        let (method, target) = line.split_once(' ').unwrap();
        assert_eq!(Operation::parse(method, target).unwrap().ends_by_itself(), ends, "{line}");
    }
}
