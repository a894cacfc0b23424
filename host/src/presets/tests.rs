use std::collections::BTreeMap;

use engine_api::{Endpoint, Family, Flag, ways_to_root};
use serde_json::Value;

use super::{ALL, Call, LeftOut, ON_BY_DEFAULT, Preset};
use crate::Config;

#[test]
fn what_is_on_by_default_is_what_the_flags_have_on_by_default() {
    let on: Vec<_> = Flag::ALL.iter().copied().filter(|flag| flag.is_on_by_default()).collect();
    assert_eq!(ON_BY_DEFAULT.map(|(flag, _)| flag).to_vec(), on);
}

#[test]
fn names_are_words_with_dashes_and_no_two_are_the_same() {
    let mut names: Vec<_> = ALL.iter().map(|preset| preset.name).collect();
    for name in &names {
        assert!(name.chars().all(|c| c.is_ascii_lowercase() || c == '-'), "{name}");
        assert_eq!(Preset::find(name).unwrap().name, *name);
    }
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), ALL.len());
}

#[test]
fn calls_are_in_the_order_of_the_catalogue_each_once_and_with_a_reason() {
    let place = |endpoint: Endpoint| Endpoint::ALL.iter().position(|known| *known == endpoint).unwrap();
    for preset in ALL {
        let places: Vec<_> = preset.calls.iter().map(|call| place(call.0)).collect();
        assert!(places.is_sorted_by(|one, next| one < next), "{}: {places:?}", preset.name);
        for Call(endpoint, why) in preset.calls {
            assert_clause(why, &format!("{}: {endpoint:?}", preset.name));
            assert_ne!(*endpoint, Endpoint::SystemPingHead, "{}: SystemPing stands for it", preset.name);
        }
    }
}

#[test]
fn the_health_check_of_the_gateway_reaches_the_engine() {
    for preset in ALL {
        assert!(
            preset.allows(Endpoint::SystemPing) && preset.allows(Endpoint::SystemPingHead),
            "{}",
            preset.name
        );
    }
}

#[test]
fn no_call_is_of_a_family_that_is_always_refused() {
    for preset in ALL {
        for Call(endpoint, _) in preset.calls {
            let segment = endpoint.templates()[0].split('/').nth(1).unwrap();
            let family = Family::from_segment(segment).unwrap();
            assert!(family.flag().is_some(), "{}: {endpoint:?}", preset.name);
        }
    }
}

#[test]
fn what_is_left_out_is_not_let_through() {
    for preset in ALL {
        for LeftOut(what, operations) in preset.left_out {
            assert_clause(what, preset.name);
            let let_through: Vec<_> =
                operations.iter().filter(|endpoint| preset.allows(**endpoint)).collect();
            let names_more = operations.is_empty() || let_through.len() < operations.len();
            assert!(names_more, "{}: {what}: all of {operations:?} is let through", preset.name);
        }
    }
}

#[test]
fn whatever_hands_out_root_says_so() {
    for preset in ALL {
        let config = Config::from_vars(variables(&preset.environment())).unwrap();
        let is_root = ways_to_root(config.rights).next().is_some();
        assert_eq!(preset.root.is_some(), is_root, "{}", preset.name);
        for text in [preset.environment(), preset.compose()] {
            assert_eq!(text.contains("\n# WARNING: with these settings clients are root"), is_root, "{text}");
        }
        if let Some(root) = preset.root {
            assert_clause(root.how, preset.name);
            assert!(root.advice.ends_with('.'), "{}", preset.name);
        }
    }
}

#[test]
fn every_preset_names_its_sources() {
    for preset in ALL {
        assert_clause(preset.about, preset.name);
        assert!(!preset.sources.is_empty(), "{}", preset.name);
        assert!(preset.sources.iter().all(|source| source.starts_with("https://")), "{}", preset.name);
    }
}

#[test]
fn the_settings_are_understood_without_a_hint() {
    for preset in ALL {
        let config = Config::from_vars(variables(&preset.environment())).unwrap();
        assert!(config.hints.is_empty(), "{}: {:?}", preset.name, config.hints);
    }
}

#[test]
fn a_compose_file_sets_what_the_environment_file_does() {
    for preset in ALL {
        let compose = parsed(preset);
        let gateway = &compose["services"]["sockgate"];
        let set: BTreeMap<_, _> = gateway["environment"].as_object().unwrap().iter().collect();
        let wanted = variables(&preset.environment());
        assert_eq!(set.len(), wanted.len(), "{}", preset.name);
        for (name, value) in &wanted {
            assert_eq!(set[name].as_str(), Some(value.as_str()), "{}: {name}", preset.name);
        }
    }
}

#[test]
fn a_compose_file_wires_the_application_to_the_gateway_and_gives_it_no_socket_of_the_engine() {
    const SOCKET: &str = "/var/run/docker.sock";
    for preset in ALL {
        let compose = parsed(preset);
        let (gateway, application) = (&compose["services"]["sockgate"], &compose["services"][preset.name]);
        assert_eq!(compose["services"].as_object().unwrap().len(), 2, "{}", preset.name);
        assert_eq!((&gateway["read_only"], &gateway["cap_drop"][0]), (&true.into(), &"ALL".into()));
        assert!(gateway.to_string().contains(SOCKET), "{}", preset.name);
        assert!(!application.to_string().contains(SOCKET), "{}", preset.name);
        assert!(application["image"].is_string(), "{}", preset.name);
        assert_eq!(application["depends_on"]["sockgate"]["condition"], "service_healthy");
        let wired = [application.to_string(), compose["configs"].to_string()].concat();
        let is_wired = if wired.contains("unix:///run/sockgate/docker.sock") {
            gateway["network_mode"] == "none" && compose["volumes"].get("gate").is_some()
        } else {
            wired.contains("sockgate") && compose["networks"]["docker-api"]["internal"] == true
        };
        assert!(is_wired, "{}", preset.compose());
    }
}

#[test]
fn every_volume_and_file_that_a_compose_file_mounts_is_declared_in_it() {
    for preset in ALL {
        let compose = parsed(preset);
        for service in compose["services"].as_object().unwrap().values() {
            let mounts = service["volumes"].as_array().into_iter().flatten();
            let sources = mounts.map(|mount| mount.as_str().unwrap().split(':').next().unwrap());
            for source in sources.filter(|source| !source.starts_with(['/', '.'])) {
                assert!(compose["volumes"].get(source).is_some(), "{}: {source}", preset.name);
            }
            for file in service["configs"].as_array().into_iter().flatten() {
                let source = file["source"].as_str().unwrap();
                assert!(compose["configs"][source]["content"].is_string(), "{}: {source}", preset.name);
            }
        }
        for volume in compose["volumes"].as_object().into_iter().flat_map(|volumes| volumes.keys()) {
            let mount = format!("\"{volume}:/");
            assert!(compose["services"].to_string().contains(&mount), "{}: {volume}", preset.name);
        }
    }
}

#[test]
fn a_name_that_is_not_there_has_near_misses() {
    for (name, near) in [
        ("trafik", &["traefik"][..]),
        ("Traefik", &["traefik"]),
        ("portainer", &["portainer-look", "portainer-manage"]),
        ("gitea", &["gitea-act-runner"]),
        ("act_runner", &[]),
        ("", &[]),
        ("x", &[]),
        ("kubernetes", &[]),
    ] {
        assert_eq!(Preset::find(name).unwrap_err(), near, "{name}");
    }
}

fn assert_clause(text: &str, about: &str) {
    assert!(!text.is_empty() && !text.ends_with('.') && text.trim() == text, "{about}: {text:?}");
}

/// The pairs of an environment file, read as Docker reads one.
fn variables(text: &str) -> Vec<(String, String)> {
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| line.split_once('=').unwrap())
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

fn parsed(preset: &Preset) -> Value {
    let text = preset.compose();
    serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}\n{text}", preset.name))
}
