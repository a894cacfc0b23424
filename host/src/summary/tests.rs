use super::*;

fn warned(environment: &str) -> Vec<String> {
    let pairs = environment.split_whitespace().filter_map(|pair| pair.split_once('='));
    let config = Config::from_vars(pairs.map(|(name, value)| (name.to_owned(), value.to_owned()))).unwrap();
    warnings(config.flags, &config.policies)
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
