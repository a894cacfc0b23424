use std::collections::HashSet;

use crate::{Endpoint, Method, Operation, Target};

fn operation(method: Method, path: &str) -> Operation {
    Operation::new(method, Target::parse(path).unwrap())
}

#[test]
fn every_route_of_the_engine_is_in_the_catalogue() {
    for line in include_str!("routes.tsv").lines().filter(|line| !line.starts_with('#')) {
        let columns: Vec<_> = line.split('\t').collect();
        let [method, path, want, ..] = columns[..] else { panic!("{line}") };
        let method = Method::from_token(method).unwrap();
        for path in [path.to_owned(), format!("/v1.41{path}")] {
            assert_eq!(operation(method, &path).id(), want, "{line}");
        }
    }
}

#[test]
fn the_list_of_routes_names_every_operation_of_the_catalogue() {
    let listed: HashSet<_> =
        include_str!("routes.tsv").lines().filter_map(|line| line.split('\t').nth(2)).collect();
    for endpoint in Endpoint::ALL {
        assert!(listed.contains(endpoint.operation_id()), "{endpoint:?}");
    }
}

#[test]
fn each_template_leads_to_its_own_operation() {
    for &endpoint in Endpoint::ALL {
        for template in endpoint.templates() {
            let path = template.replace("{name...}", "a/b").replace("{name}", "a").replace("{id}", "a");
            let path = path.replace("{checkpoint}", "c");
            assert_eq!(operation(endpoint.method(), &path).endpoint(), Some(endpoint), "{template}");
        }
    }
}

#[test]
fn the_subject_is_what_the_path_names() {
    for (method, path, id, subject) in [
        (Method::Post, "/containers/web/start", "ContainerStart", Some("web")),
        (Method::Post, "/containers/web/db/start", "ContainerStart", Some("web/db")),
        (Method::Get, "/images/registry:5000/a/b:1/json", "ImageInspect", Some("registry:5000/a/b:1")),
        (Method::Get, "/images/json/json", "ImageInspect", Some("json")),
        (Method::Get, "/images/json", "ImageList", None),
        (Method::Get, "/containers/json/attach/ws", "ContainerAttachWebsocket", Some("json")),
        (Method::Get, "/containers/a/attach/attach/ws", "ContainerAttachWebsocket", Some("a/attach")),
        (Method::Delete, "/containers/a/checkpoints/c", "CheckpointDelete", Some("a")),
        (Method::Delete, "/containers/a/b/checkpoints/c", "ContainerDelete", Some("a/b/checkpoints/c")),
        (Method::Get, "/networks/", "NetworkList", None),
        (Method::Get, "/networks/x/connect", "NetworkInspect", Some("x/connect")),
        (Method::Head, "/containers/x/archive", "ContainerArchiveInfo", Some("x")),
        (Method::Head, "/containers/json", "ContainerList", None),
        (Method::Delete, "/networks/", "", None),
        (Method::Get, "/services/a/b", "", None),
        (Method::Post, "/containers/x/attach/ws", "", None),
        (Method::Get, "/containers/x/start", "", None),
        (Method::Get, "/containers", "", None),
        (Method::Get, "/_ping/containers/json", "", None),
    ] {
        let operation = operation(method, path);
        assert_eq!((operation.id(), operation.subject()), (id, subject), "{method} {path}");
    }
}
