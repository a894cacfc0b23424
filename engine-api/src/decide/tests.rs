use crate::{
    Decision, DenyReason, Family, Flag, Flags, Method, Operation, OperationSet, Rights, Target, decide,
};

mod by_name;

fn rights(environment: &str) -> Rights {
    let value_of = |wanted: &str| {
        let mut pairs = environment.split_whitespace().filter_map(|pair| pair.split_once('='));
        pairs.find(|(name, _)| *name == wanted).map(|(_, value)| value)
    };
    let named = |list: &str| {
        let words = value_of(list).into_iter().flat_map(|value| value.split(','));
        words.flat_map(|word| OperationSet::named_by(word).unwrap().operations()).collect()
    };
    Rights {
        flags: Flags::from_values(|flag| value_of(flag.name())).unwrap(),
        allowed: named("ALLOW_OPERATIONS"),
        denied: named("DENY_OPERATIONS"),
    }
}

fn judge(environment: &str, request: &str) -> String {
    let (method, target) = request.split_once(' ').unwrap();
    let operation = Operation::new(Method::from_token(method).unwrap(), Target::parse(target).unwrap());
    match decide(rights(environment), &operation) {
        Decision::Allow => "allow".to_owned(),
        Decision::Deny(denial) => format!("{} {denial}", denial.status()),
    }
}

#[test]
fn every_row_of_the_conformance_table_holds() {
    let rows = include_str!("conformance.tsv").lines().filter(|line| !line.starts_with('#'));
    let mut count = 0;
    for row in rows {
        let columns: Vec<_> = row.split('\t').collect();
        let [environment, method, path, want, ..] = columns[..] else { panic!("{row}") };
        let got = match Target::parse(path) {
            Err(_) => "400".to_owned(),
            Ok(_) => judge(environment, &format!("{method} {path}")).replace("allow", "200"),
        };
        assert!(got.starts_with(want), "{row}: {got}");
        count += 1;
    }
    assert!(count >= 70, "{count} rows");
}

#[test]
fn a_closed_family_is_closed_for_every_method_with_any_flags_and_on_every_path() {
    let none = Flag::ALL.iter().fold(Flags::default(), |flags, &flag| flags.without(flag));
    let all = Flag::ALL.iter().fold(none, |flags, &flag| flags.with(flag));
    let each = Flag::ALL.iter().map(|&flag| none.with(flag));
    let closed: Vec<_> = Family::ALL.iter().filter(|family| family.flag().is_none()).collect();
    assert!(!closed.is_empty());
    for flags in [none, all, Flags::default()].into_iter().chain(each) {
        for (method, family) in
            Method::ALL.iter().flat_map(|method| closed.iter().map(move |family| (*method, family)))
        {
            for path in [
                format!("/{family}"),
                format!("/v1.41/{family}/containers/json"),
                format!("/{family}/pprof/heap"),
            ] {
                let operation = Operation::new(method, Target::parse(&path).unwrap());
                let Decision::Deny(denial) = decide(flags, &operation) else {
                    panic!("{method} {path} is allowed")
                };
                assert!(denial.is_final(), "{method} {path}");
                assert_eq!(denial.reason, DenyReason::FamilyClosed(**family), "{method} {path}");
                assert_eq!(denial.to_string(), format!("/{family} is never forwarded; no setting allows it"));
            }
        }
    }
}

/// What follows where the flags that would help hand out more than was asked for.
const ROOT: &str = ", but also give clients root on the host";

#[test]
fn a_denial_names_what_would_allow_it_the_finest_first_and_says_where_that_leads_to_root() {
    for (environment, request, want) in [
        (
            "",
            "GET /containers/json",
            "403 /containers is off (CONTAINERS=0); ALLOW_OPERATIONS=ContainerList would allow just this; CONTAINERS=1 would allow it",
        ),
        (
            "",
            "POST /containers/create",
            "405 the method POST is off (POST=0); ALLOW_OPERATIONS=ContainerCreate would allow just this; POST=1 CONTAINERS=1 would allow it{ROOT}",
        ),
        (
            "",
            "PUT /containers/x/archive",
            "405 the method PUT is off (PUT=0); ALLOW_OPERATIONS=PutContainerArchive would allow just this; PUT=1 CONTAINERS=1 would allow it, but either would also give clients root on the host; a policy can allow what is harmless",
        ),
        (
            "",
            "DELETE /containers/x",
            "405 the method DELETE is off (DELETE=0); ALLOW_OPERATIONS=ContainerDelete would allow just this; DELETE=1 CONTAINERS=1 would allow it",
        ),
        (
            "CONTAINERS=1 POST=1",
            "POST /v1.41/containers/x/start",
            "403 ContainerStart is off (ALLOW_START=0); ALLOW_OPERATIONS=ContainerStart would allow just this; ALLOW_START=1 would allow it",
        ),
        (
            "CONTAINERS=1 POST=1",
            "POST /containers/a/b/kill",
            "403 ContainerKill is off (ALLOW_RESTARTS=0); ALLOW_OPERATIONS=ContainerKill would allow just this; ALLOW_RESTARTS=1 would allow it",
        ),
        (
            "CONTAINERS=1 POST=1",
            "POST /containers/x/exec",
            "403 ContainerExec is off (EXEC=0); ALLOW_OPERATIONS=ContainerExec would allow just this; EXEC=1 would allow it",
        ),
        (
            "CONTAINERS=1",
            "GET /containers/x/attach/ws",
            "405 attaching by websocket writes stdin, and writes are off (POST=0); ALLOW_OPERATIONS=ContainerAttachWebsocket would allow just this; POST=1 would allow it{ROOT}",
        ),
        (
            "CONTAINERS=1",
            "HEAD /containers/x/attach/ws",
            "405 attaching by websocket writes stdin, and writes are off (POST=0); ALLOW_OPERATIONS=ContainerAttachWebsocket would allow just this; POST=1 would allow it{ROOT}",
        ),
        (
            "",
            "POST /containers/x/start",
            "405 the method POST is off (POST=0); ALLOW_OPERATIONS=ContainerStart would allow just this; POST=1 CONTAINERS=1 ALLOW_START=1 would allow it{ROOT}",
        ),
        (
            "CONTAINERS=1 ALLOW_RESTARTS=1",
            "POST /containers/x/restart",
            "405 the method POST is off (POST=0); ALLOW_OPERATIONS=ContainerRestart would allow just this; POST=1 would allow it{ROOT}",
        ),
        (
            "CONTAINERS=1",
            "POST /volumes/create",
            "405 the method POST is off (POST=0); ALLOW_OPERATIONS=VolumeCreate would allow just this; POST=1 VOLUMES=1 would allow it{ROOT}",
        ),
        (
            "SERVICES=1 POST=1",
            "POST /images/create",
            "403 /images is off (IMAGES=0); ALLOW_OPERATIONS=ImageCreate would allow just this; IMAGES=1 would allow it",
        ),
        ("", "POST /debug/pprof/heap", "403 /debug is never forwarded; no setting allows it"),
        ("", "GET /debug/pprof/heap", "403 /debug is never forwarded; no setting allows it"),
        ("POST=1", "POST /libpod/containers/create", "403 /libpod is never forwarded; no setting allows it"),
        ("", "POST /nowhere", "403 the path is outside every family of the Engine API; no setting allows it"),
        ("", "GET /", "403 the path is outside every family of the Engine API; no setting allows it"),
        (
            "",
            "GET /v1.41/v1.41/_ping",
            "403 the path is outside every family of the Engine API; no setting allows it",
        ),
    ] {
        let want = want.replace("{ROOT}", ROOT);
        assert_eq!(judge(environment, request), want, "{environment} | {request}");
    }
}

#[test]
fn an_unlisted_operation_of_an_enabled_family_is_judged_by_its_method() {
    for (environment, request, want) in [
        ("CONTAINERS=1", "GET /containers/x/next-year", "allow"),
        (
            "CONTAINERS=1",
            "POST /containers/x/next-year",
            "405 the method POST is off (POST=0); POST=1 would allow it{ROOT}",
        ),
        ("CONTAINERS=1 POST=1", "POST /containers/x/next-year", "allow"),
        (
            "POST=1",
            "POST /containers/x/next-year",
            "403 /containers is off (CONTAINERS=0); CONTAINERS=1 would allow it{ROOT}",
        ),
    ] {
        let want = want.replace("{ROOT}", &format!("{ROOT}; a policy can allow it alone"));
        assert_eq!(judge(environment, request), want, "{environment} | {request}");
    }
}

#[test]
fn an_encoded_spelling_of_an_operation_is_that_operation() {
    for request in
        ["POST /containers/x/%73tart", "POST /%63ontainers/x/start", "POST /containers%2Fx%2fstart"]
    {
        let want = "403 ContainerStart is off (ALLOW_START=0); ALLOW_OPERATIONS=ContainerStart would allow just this; ALLOW_START=1 would allow it";
        assert_eq!(judge("CONTAINERS=1 POST=1", request), want, "{request}");
    }
}
