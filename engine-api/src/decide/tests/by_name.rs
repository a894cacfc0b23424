//! `ALLOW_OPERATIONS` and `DENY_OPERATIONS`: every operation of the catalogue, in every way in which it can be asked.

use std::collections::BTreeSet;

use super::{judge, rights};
use crate::{
    Decision, Endpoint, Flag, Flags, Method, Operation, OperationList, Rights, Target, decide, flags_of,
    needed_flags,
};

fn all_flags() -> Flags {
    Flag::ALL.iter().fold(Flags::default(), |flags, &flag| flags.with(flag))
}

fn no_flag() -> Flags {
    Flag::ALL.iter().fold(Flags::default(), |flags, &flag| flags.without(flag))
}

/// Every path of the catalogue, as it is and in another spelling, with each method.
fn requests() -> Vec<Operation> {
    let templates: BTreeSet<_> = Endpoint::ALL.iter().flat_map(|endpoint| endpoint.templates()).collect();
    let mut requests = Vec::new();
    for template in templates {
        let path = template.replace("{name...}", "a/b").replace("{name}", "a").replace("{id}", "a");
        let path = path.replace("{checkpoint}", "c");
        let encoded = format!("/v1.41/%{:02x}{}?a=b&all=1", path.as_bytes()[1], &path[2..]);
        for spelt in [path, encoded] {
            let target = Target::parse(&spelt).unwrap();
            requests.extend(Method::ALL.map(|method| Operation::new(method, target.clone())));
        }
    }
    requests
}

#[test]
fn an_operation_that_is_allowed_by_name_needs_no_flag_and_lets_nothing_else_through() {
    let requests = requests();
    for &endpoint in Endpoint::ALL {
        let alone = Rights::from(no_flag()).with(endpoint);
        let mut methods = Vec::new();
        for operation in &requests {
            let decision = decide(alone, operation);
            let is_it = operation.endpoint() == Some(endpoint);
            assert_eq!(decision == Decision::Allow, is_it, "{endpoint:?}: {operation:?}");
            let list = is_it.then_some(OperationList::Allow);
            assert_eq!(decision.settled_by(alone, operation), list, "{endpoint:?}: {operation:?}");
            if is_it && !methods.contains(&operation.method()) {
                methods.push(operation.method());
            }
        }
        // HEAD goes where GET goes, unless it is an operation of its own there.
        let has_head = ![Endpoint::SystemPing, Endpoint::ContainerArchive].contains(&endpoint);
        let want = match endpoint.method() {
            Method::Get if has_head => &[Method::Get, Method::Head][..],
            Method::Get => &[Method::Get],
            Method::Head => &[Method::Head],
            Method::Post => &[Method::Post],
            Method::Put => &[Method::Put],
            Method::Delete => &[Method::Delete],
        };
        assert_eq!(methods, want, "{endpoint:?}");
    }
}

#[test]
fn an_operation_that_is_denied_by_name_is_denied_finally_with_any_flags_and_nothing_else_is() {
    let requests = requests();
    let reason = |decision: &Decision| decision.denial().map(|denial| denial.reason);
    for flags in [all_flags(), no_flag()] {
        let of_flags: Vec<_> = requests.iter().map(|operation| reason(&decide(flags, operation))).collect();
        for &endpoint in Endpoint::ALL {
            let denied = [endpoint].into_iter().collect();
            let rights = Rights { flags, denied, ..Rights::default() };
            for (operation, of_flags) in requests.iter().zip(&of_flags) {
                let decision = decide(rights, operation);
                if operation.endpoint() == Some(endpoint) {
                    let denial = decision.final_denial().unwrap_or_else(|| panic!("{operation:?}"));
                    assert_eq!((denial.status(), denial.list()), (403, Some(OperationList::Deny)));
                    let says = format!("{} is in DENY_OPERATIONS; ", endpoint.operation_id());
                    assert!(denial.to_string().starts_with(&says), "{denial}");
                } else {
                    assert_eq!(reason(&decision), *of_flags, "{endpoint:?}: {operation:?}");
                }
            }
        }
    }
}

#[test]
fn an_operation_of_the_catalogue_needs_the_flags_that_a_request_for_it_needs() {
    for &endpoint in Endpoint::ALL {
        let path = endpoint.templates()[0].replace("...", "").replace(['{', '}'], "");
        let operation = Operation::new(endpoint.method(), Target::parse(&path).unwrap());
        assert_eq!(operation.endpoint(), Some(endpoint));
        assert_eq!(endpoint.family(), operation.family(), "{endpoint:?}");
        assert!(flags_of(endpoint).eq(needed_flags(&operation)), "{endpoint:?}");
        let enough = flags_of(endpoint).fold(no_flag(), Flags::with);
        for flags in [no_flag(), Flags::default(), enough, all_flags()] {
            let is_allowed = decide(flags, &operation) == Decision::Allow;
            assert_eq!(Rights::from(flags).permit(endpoint), is_allowed, "{endpoint:?}");
        }
    }
}

#[test]
fn a_name_lifts_neither_an_argument_that_reaches_the_host_nor_a_closed_family_nor_what_has_no_name() {
    for (environment, request, want) in [
        ("ALLOW_OPERATIONS=*", "GET /containers/x/top?ps_args=aux", "allow"),
        ("ALLOW_OPERATIONS=*", "GET /containers/x/top?ps_args=e", "403 the engine runs ps as root"),
        (
            "ALLOW_OPERATIONS=ContainerTop",
            "HEAD /containers/x/top?ps_args=aux&ps_args=e",
            "403 the engine runs ps",
        ),
        ("ALLOW_OPERATIONS=ContainerTop ALLOW_HOST_ARGS=1", "GET /containers/x/top?ps_args=e", "allow"),
        (
            "ALLOW_OPERATIONS=*",
            "GET /containers/x/checkpoints?dir=/root",
            "403 dir names a folder of the host",
        ),
        (
            "ALLOW_OPERATIONS=*",
            "DELETE /containers/x/checkpoints/c?dir=/",
            "403 dir names a folder of the host",
        ),
        (
            "ALLOW_OPERATIONS=*",
            "POST /containers/x/start?checkpoint-dir=/",
            "403 checkpoint-dir names a folder",
        ),
        ("ALLOW_OPERATIONS=*", "GET /debug/vars", "403 /debug is never forwarded; no setting allows it"),
        (
            "ALLOW_OPERATIONS=*",
            "POST /libpod/pods/create",
            "403 /libpod is never forwarded; no setting allows it",
        ),
        ("ALLOW_OPERATIONS=*", "GET /nowhere", "403 the path is outside every family"),
        (
            "ALLOW_OPERATIONS=*",
            "GET /containers/x/next-year",
            "403 /containers is off (CONTAINERS=0); CONTAINERS=1 ",
        ),
        (
            "ALLOW_OPERATIONS=*",
            "POST /containers/json",
            "405 the method POST is off (POST=0); POST=1 CONTAINERS=1 ",
        ),
        ("DENY_OPERATIONS=* CONTAINERS=1", "GET /containers/x/next-year", "allow"),
    ] {
        let got = judge(environment, request);
        assert!(got.starts_with(want), "{environment} | {request}: {got}");
    }
}

#[test]
fn a_denial_says_what_to_write_into_the_lists_and_what_to_take_out() {
    for (environment, request, want) in [
        (
            "CONTAINERS=1 DENY_OPERATIONS=ContainerLogs",
            "GET /containers/x/logs",
            "403 ContainerLogs is in DENY_OPERATIONS; taking it out of there would allow it",
        ),
        (
            "DENY_OPERATIONS=Container*",
            "POST /containers/x/start",
            "403 ContainerStart is in DENY_OPERATIONS; naming it in ALLOW_OPERATIONS instead would allow just this",
        ),
        (
            "CONTAINERS=1 DENY_OPERATIONS=ContainerTop",
            "GET /containers/x/top?ps_args=e",
            "403 ContainerTop is in DENY_OPERATIONS; taking it out of there with ALLOW_HOST_ARGS=1 would allow it",
        ),
        (
            "DENY_OPERATIONS=ContainerTop",
            "GET /containers/x/top?ps_args=e",
            "403 ContainerTop is in DENY_OPERATIONS; naming it in ALLOW_OPERATIONS instead with ALLOW_HOST_ARGS=1 would allow \
             just this",
        ),
        (
            "POST=1 CONTAINERS=1 DENY_OPERATIONS=ContainerCreate",
            "POST /containers/create",
            "403 ContainerCreate is in DENY_OPERATIONS; taking it out of there would allow it, but also give clients root on \
             the host",
        ),
        (
            "",
            "GET /containers/x/top?ps_args=e",
            "403 /containers is off (CONTAINERS=0); ALLOW_OPERATIONS=ContainerTop with ALLOW_HOST_ARGS=1 would allow just \
             this; CONTAINERS=1 ALLOW_HOST_ARGS=1 would allow it",
        ),
        (
            "ALLOW_OPERATIONS=ContainerList,ContainerRestart",
            "POST /containers/create",
            "405 the method POST is off (POST=0); ALLOW_OPERATIONS=ContainerCreate would allow just this; POST=1 CONTAINERS=1 \
             would allow it, but either would also give clients root on the host; a policy can allow what is harmless",
        ),
        // With these flags the file system of a created container can be read, so that its name alone hands it out.
        (
            "CONTAINERS=1",
            "POST /containers/create",
            "405 the method POST is off (POST=0); ALLOW_OPERATIONS=ContainerCreate would allow just this; POST=1 would allow \
             it, but either would also give clients root on the host; a policy can allow what is harmless",
        ),
        // What denies the creation of containers closes the way by which the flags would have opened it.
        (
            "CONTAINERS=1 DENY_OPERATIONS=ContainerCreate",
            "POST /containers/x/pause",
            "405 the method POST is off (POST=0); ALLOW_OPERATIONS=ContainerPause would allow just this; POST=1 would allow it",
        ),
    ] {
        assert_eq!(judge(environment, request), want, "{environment} | {request}");
    }
}

#[test]
fn a_way_to_root_is_open_whoever_opens_it_and_closed_by_denying_an_operation_of_it() {
    let create = "a client can create a container that mounts / or is privileged";
    let service = "a client can create or change a service so that it mounts /";
    for (environment, want) in [
        ("", &[][..]),
        ("CONTAINERS=1 POST=1", &[create]),
        ("CONTAINERS=1 POST=1 DENY_OPERATIONS=ContainerCreate", &[]),
        ("CONTAINERS=1 POST=1 DENY_OPERATIONS=ContainerStart", &[create]),
        ("CONTAINERS=1 POST=1 ALLOW_START=1 DENY_OPERATIONS=ContainerArchive", &[create]),
        ("CONTAINERS=1 POST=1 DENY_OPERATIONS=ContainerArchive,ContainerStart", &[]),
        ("ALLOW_OPERATIONS=ContainerCreate", &[]),
        ("ALLOW_OPERATIONS=ContainerStart,ContainerRestart,ContainerArchive", &[]),
        ("ALLOW_OPERATIONS=ContainerCreate,ContainerStart", &[create]),
        ("ALLOW_OPERATIONS=ContainerCreate,ContainerRestart", &[create]),
        ("ALLOW_OPERATIONS=ContainerCreate CONTAINERS=1", &[create]),
        ("ALLOW_OPERATIONS=ServiceUpdate", &[service]),
        ("ALLOW_OPERATIONS=PluginPull", &[]),
        ("ALLOW_OPERATIONS=PluginPull,PluginEnable", &["a client can install a plugin with every privilege"]),
        ("ALLOW_OPERATIONS=SwarmJoin", &["a client can make the engine join a swarm of its own"]),
        ("SERVICES=1 POST=1 DENY_OPERATIONS=ServiceCreate", &[service]),
        ("SERVICES=1 POST=1 DENY_OPERATIONS=ServiceCreate,ServiceUpdate", &[]),
    ] {
        let ways: Vec<_> = crate::ways_to_root(rights(environment)).map(|way| way.how).collect();
        assert_eq!(ways, want, "{environment}");
    }
}
