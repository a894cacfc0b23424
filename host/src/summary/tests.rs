use super::*;

fn warned(environment: &str) -> Vec<String> {
    let pairs = environment.split_whitespace().filter_map(|pair| pair.split_once('='));
    let config = Config::from_vars(pairs.map(|(name, value)| (name.to_owned(), value.to_owned()))).unwrap();
    warnings(config.rights, &config.policies)
}

#[test]
fn what_a_policy_may_refuse_is_its_business() {
    for (policies, warnings) in [
        ("", 1),
        ("POLICY=a.wasm POLICY_MODE=observe", 1),
        ("POLICY=a.wasm POLICY_MODE=narrow", 0),
        ("POLICY=a.wasm", 0),
        ("POLICY=a.wasm,b.wasm POLICY_MODE_A=observe", 0),
    ] {
        let warned = warned(&format!("CONTAINERS=1 POST=1 {policies}"));
        assert_eq!(warned.len(), warnings, "{policies}: {warned:?}");
        assert!(warned.iter().all(|warning| warning.contains("gives clients root")), "{warned:?}");
    }
}

#[test]
fn a_policy_that_can_only_deny_what_is_denied_already_is_warned_of() {
    for (environment, warnings) in [
        ("POLICY=a.wasm POLICY_MODE=narrow", 1),
        ("POLICY=a.wasm,b.wasm POLICY_MODE=narrow POLICY_MODE_B=observe", 1),
        ("POLICY=a.wasm,b.wasm POLICY_MODE=narrow POLICY_MODE_B=decide", 0),
        ("POLICY=a.wasm POLICY_MODE=narrow CONTAINERS=1", 0),
        ("POLICY=a.wasm POLICY_MODE=observe", 0),
        ("POLICY=a.wasm", 0),
    ] {
        let warned = warned(environment);
        assert_eq!(warned.len(), warnings, "{environment}: {warned:?}");
        assert!(warned.iter().all(|warning| warning.starts_with("POLICY_MODE=narrow can only deny")));
    }
}

#[test]
fn what_gives_root_is_warned_of_whatever_allows_it_and_not_where_it_is_denied() {
    let create =
        "gives clients root on this host: a client can create a container that mounts / or is privileged";
    let commands = "gives clients root on this host: a client can run privileged commands in every container";
    let tokens = "shows the swarm's join tokens: whoever has one can add a node, or a manager";
    for (environment, want) in [
        ("CONTAINERS=1 POST=1", vec![format!("CONTAINERS=1 with POST=1 {create}")]),
        (
            "ALLOW_OPERATIONS=ContainerCreate,ContainerStart",
            vec![format!("ALLOW_OPERATIONS=ContainerCreate,ContainerStart {create}")],
        ),
        (
            "CONTAINERS=1 ALLOW_OPERATIONS=ContainerCreate",
            vec![format!("CONTAINERS=1 with ALLOW_OPERATIONS=ContainerCreate {create}")],
        ),
        (
            "CONTAINERS=1 POST=1 ALLOW_START=1 DENY_OPERATIONS=ContainerArchive",
            vec![format!("CONTAINERS=1 with POST=1 and ALLOW_START=1 {create}")],
        ),
        ("CONTAINERS=1 POST=1 DENY_OPERATIONS=ContainerCreate", vec![]),
        ("ALLOW_OPERATIONS=ContainerCreate", vec![]),
        (
            "ALLOW_OPERATIONS=ContainerExec,ExecStart",
            vec![format!("ALLOW_OPERATIONS=ContainerExec,ExecStart {commands}")],
        ),
        ("ALLOW_OPERATIONS=ContainerExec", vec![]),
        (
            "CONTAINERS=1 POST=1 DENY_OPERATIONS=ContainerCreate EXEC=1",
            vec![format!("CONTAINERS=1 with EXEC=1 and POST=1 {commands}")],
        ),
        ("ALLOW_OPERATIONS=SwarmInspect", vec![format!("ALLOW_OPERATIONS=SwarmInspect {tokens}")]),
        ("SWARM=1", vec![format!("SWARM=1 {tokens}")]),
        ("SWARM=1 DENY_OPERATIONS=SwarmInspect", vec![]),
    ] {
        assert_eq!(warned(environment), want, "{environment}");
    }
}

#[test]
fn what_a_list_makes_useless_or_useful_is_known_to_the_warnings() {
    let idle = "ALLOW_OPERATIONS does nothing here: the flags allow all that it names";
    let versions =
        "takes version negotiation away: newer clients may speak a version that the engine refuses";
    for (environment, want) in [
        ("CONTAINERS=1 ALLOW_OPERATIONS=ContainerList,SystemPing", vec![idle.to_owned()]),
        ("CONTAINERS=1 ALLOW_OPERATIONS=ContainerList,ImageList", vec![]),
        ("ALLOW_HOST_ARGS=1", vec!["ALLOW_HOST_ARGS=1 does nothing here: it needs CONTAINERS=1".to_owned()]),
        ("PING=0", vec![format!("PING=0 {versions}")]),
        ("PING=0 ALLOW_OPERATIONS=SystemPing", vec![]),
        ("DENY_OPERATIONS=SystemPing*", vec![format!("DENY_OPERATIONS=SystemPing* {versions}")]),
        ("DENY_OPERATIONS=SystemPing", vec![]), // clients ask by HEAD
        ("POLICY=a.wasm POLICY_MODE=narrow ALLOW_OPERATIONS=ContainerList", vec![]),
    ] {
        assert_eq!(warned(environment), want, "{environment}");
    }
    let shown = warned("ALLOW_HOST_ARGS=1 ALLOW_OPERATIONS=ContainerTop");
    assert!(shown.concat().starts_with("ALLOW_HOST_ARGS=1 lets clients read environments"), "{shown:?}");
}
