use std::collections::HashSet;

use crate::{Endpoint, Family, Method, Operation, Target};

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

#[test]
fn no_operation_has_an_empty_name() {
    let mut tried = 0;
    for (&endpoint, method) in
        Endpoint::ALL.iter().flat_map(|endpoint| Method::ALL.iter().map(move |method| (endpoint, method)))
    {
        for template in endpoint.templates().iter().filter(|template| template.contains('{')) {
            let (before, rest) = template.split_once('{').unwrap();
            let (_, after) = rest.split_once('}').unwrap();
            for path in
                [format!("{before}{after}"), format!("/v1.41{before}{after}"), format!("{before}%2F{after}")]
            {
                let parsed = Operation::parse(method.as_str(), &path);
                let is_network_list =
                    matches!(method, Method::Get | Method::Head) && path.ends_with("/networks/");
                match parsed {
                    Ok(operation) => {
                        assert!(is_network_list && operation.id() == "NetworkList", "{method} {path}")
                    }
                    Err(refusal) => assert!(!is_network_list && refusal.status() < 405, "{method} {path}"),
                }
                tried += 1;
            }
        }
    }
    assert!(tried > 500, "{tried}");
}

/// A route of the engine: method, pattern, operation.
type Route = (Method, Vec<&'static str>, Endpoint);

/// The routes of a family, in the order in which the engine registers them.
fn registered(family: Family) -> Vec<Route> {
    let ids = include_str!("routes.tsv").lines().filter_map(|line| line.split('\t').nth(2));
    let endpoint = |id: &str| Endpoint::ALL.iter().copied().find(|endpoint| endpoint.operation_id() == id);
    let routes = ids.filter_map(endpoint).flat_map(|endpoint| {
        let pattern = |template: &&'static str| template.split('/').skip(1).collect();
        endpoint.templates().iter().map(pattern).map(move |pattern| (endpoint.method(), pattern, endpoint))
    });
    routes.filter(|(_, pattern, _): &Route| pattern[0] == family.segment()).collect()
}

/// The engine takes the first route whose pattern fits. A name is `.*` or `[^/]+` there.
fn routed_by_the_engine(routes: &[Route], method: Method, path: &[&str]) -> Option<Endpoint> {
    fn fits(pattern: &[&str], path: &[&str]) -> bool {
        match (pattern, path) {
            ([], []) => true,
            ([name, behind @ ..], [_, rest @ ..]) if name.ends_with("...}") => {
                fits(behind, rest) || fits(pattern, rest)
            }
            ([word, behind @ ..], [segment, rest @ ..]) => {
                (word.starts_with('{') || word == segment) && fits(behind, rest)
            }
            ([], [_, ..]) | ([_, ..], []) => false,
        }
    }
    routes
        .iter()
        .find(|(of, pattern, _)| *of == method && fits(pattern, path))
        .map(|(_, _, endpoint)| *endpoint)
}

/// Every path of up to `more` further segments made of `words`.
fn each_path<'w>(path: &mut Vec<&'w str>, words: &[&'w str], more: usize, visit: &mut dyn FnMut(&[&str])) {
    visit(path);
    if more > 0 {
        for word in words {
            path.push(word);
            each_path(path, words, more - 1, visit);
            path.pop();
        }
    }
}

#[test]
fn every_short_path_is_the_operation_that_the_engine_routes_it_to() {
    let mut routed = 0;
    for &family in Family::ALL {
        let routes = registered(family);
        let literals = routes.iter().flat_map(|(_, pattern, _)| pattern).copied();
        let mut words: Vec<_> = literals.filter(|word| !word.is_empty() && !word.starts_with('{')).collect();
        words.push("a");
        words.sort_unstable();
        words.dedup();
        let mut agree = |path: &[&str]| {
            for method in [Method::Get, Method::Post, Method::Put, Method::Delete] {
                let found = operation(method, &format!("/{}", path.join("/"))).endpoint();
                assert_eq!(found, routed_by_the_engine(&routes, method, path), "{method} {path:?}");
                routed += usize::from(found.is_some());
            }
        };
        each_path(&mut vec![family.segment()], &words, 2, &mut agree);
        let tails = ["a", "attach", "checkpoints", "json", "start", "ws"];
        each_path(&mut vec![family.segment()], &tails, 4, &mut agree);
    }
    assert!(routed > 10_000, "{routed} paths lead to an operation");
}
