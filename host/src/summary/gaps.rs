//! What a combination of settings leaves out although the clients that it is meant for tend to need it: they stop half-way
//! then, with some of their work done.

use engine_api::{Endpoint, Family, Flag, Rights};

/// What clients do with a container once it is created, the flag that each needs besides those for creating it, and the
/// operation.
const AFTER_CREATE: [(Flag, Endpoint, &str); 6] = [
    (Flag::AllowStart, Endpoint::ContainerStart, "start it"),
    (Flag::AllowStop, Endpoint::ContainerStop, "stop it"),
    (Flag::AllowRestarts, Endpoint::ContainerRestart, "restart or kill it"),
    (Flag::Delete, Endpoint::ContainerDelete, "remove it"),
    (Flag::Exec, Endpoint::ContainerExec, "run a command in it"),
    (Flag::Put, Endpoint::PutContainerArchive, "copy files into it"),
];

/// How things are removed that clients create in families other than that of containers.
const REMOVALS: [Endpoint; 7] = [
    Endpoint::ImageDelete,
    Endpoint::NetworkDelete,
    Endpoint::VolumeDelete,
    Endpoint::PluginDelete,
    Endpoint::ServiceDelete,
    Endpoint::SecretDelete,
    Endpoint::ConfigDelete,
];

/// A sentence for each thing that is left out. What is allowed or denied by name is meant to be.
pub(super) fn gaps(rights: Rights) -> Vec<String> {
    let flags = rights.flags;
    if !flags.has(Flag::Post) {
        return if flags.has(Flag::Exec) && !rights.allowed.has(Endpoint::ExecStart) {
            vec!["EXEC=1 without POST=1 runs no command: it only shows those that others have run".to_owned()]
        } else {
            Vec::new()
        };
    }
    [containers(rights), pull(rights), build(rights), removal(rights)].into_iter().flatten().collect()
}

/// Whether the flag is off, and the operation that needs it is in no list.
fn is_missing(rights: Rights, flag: Flag, endpoint: Endpoint) -> bool {
    !rights.flags.has(flag) && !rights.allowed.has(endpoint) && !rights.denied.has(endpoint)
}

/// Whether the flags let a client create a container.
fn flags_let_create(rights: Rights) -> bool {
    rights.have_flags_of(Endpoint::ContainerCreate) && !rights.denied.has(Endpoint::ContainerCreate)
}

fn containers(rights: Rights) -> Option<String> {
    let is_left_out = |(flag, endpoint, _): &&(Flag, Endpoint, &str)| is_missing(rights, *flag, *endpoint);
    let missing: Vec<_> = AFTER_CREATE.iter().filter(is_left_out).collect();
    if !flags_let_create(rights) || missing.is_empty() {
        return None;
    }
    let missing: Vec<_> =
        missing.iter().map(|(flag, _, what)| format!("{what} ({}=0)", flag.name())).collect();
    let replaces = [Endpoint::ContainerStart, Endpoint::ContainerStop, Endpoint::ContainerDelete]
        .iter()
        .all(|&endpoint| rights.permit(endpoint));
    let updaters =
        if replaces { "" } else { ". A client that replaces containers, such as an updater, stops half-way" };
    Some(format!(
        "CONTAINERS=1 with POST=1 lets a client create a container, but not {}{updaters}",
        missing.join(", ")
    ))
}

fn pull(rights: Rights) -> Option<String> {
    (flags_let_create(rights) && is_missing(rights, Flag::Images, Endpoint::ImageCreate)).then(|| {
        "CONTAINERS=1 with POST=1 lets a client create a container, but not pull its image (IMAGES=0)"
            .to_owned()
    })
}

fn build(rights: Rights) -> Option<String> {
    let needed = [(Flag::Session, Endpoint::Session), (Flag::Grpc, Endpoint::Grpc)];
    let missing: Vec<_> =
        needed.into_iter().filter(|&(flag, endpoint)| is_missing(rights, flag, endpoint)).collect();
    if !rights.flags.has(Flag::Build) || rights.denied.has(Endpoint::ImageBuild) || missing.is_empty() {
        return None;
    }
    let missing: Vec<_> = missing.iter().map(|(flag, _)| format!("{}=0", flag.name())).collect();
    Some(format!(
        "BUILD=1 with POST=1 builds with the docker command up to 22 alone: later ones use BuildKit ({}), and buildx \
         then tries to run a privileged builder container instead",
        missing.join(", ")
    ))
}

fn removal(rights: Rights) -> Option<String> {
    let is_on = |family: &Family| family.flag().is_some_and(|flag| rights.flags.has(flag));
    let is_left_out = |endpoint: &&Endpoint| is_missing(rights, Flag::Delete, **endpoint);
    let families = REMOVALS.iter().filter(is_left_out).filter_map(|endpoint| endpoint.family());
    let families: Vec<_> = families.filter(is_on).map(|family| format!("/{family}")).collect();
    (!families.is_empty())
        .then(|| format!("POST=1 lets a client create in {}, but not remove (DELETE=0)", families.join(", ")))
}

#[cfg(test)]
mod tests {
    use engine_api::{Flags, Method, OperationSet};

    use super::*;

    #[test]
    fn what_clients_create_and_remove_is_what_the_catalogue_lets_them() {
        let has = |family: Family, method: Method, name: &str| {
            Endpoint::ALL.iter().any(|endpoint| {
                let families = endpoint.templates().iter().filter_map(|template| template.split('/').nth(1));
                endpoint.method() == method
                    && endpoint.operation_id().ends_with(name)
                    && families.into_iter().any(|segment| segment == family.segment())
            })
        };
        for family in Family::ALL.iter().copied().filter(|&family| family != Family::Containers) {
            let both = has(family, Method::Post, "Create") && has(family, Method::Delete, "Delete");
            let is_removable = REMOVALS.iter().any(|endpoint| endpoint.family() == Some(family));
            assert_eq!(is_removable, both, "{family}");
        }
    }

    #[test]
    fn what_a_combination_leaves_out_is_said() {
        let all =
            "CONTAINERS=1 POST=1 IMAGES=1 DELETE=1 PUT=1 EXEC=1 ALLOW_START=1 ALLOW_STOP=1 ALLOW_RESTARTS=1";
        for (words, want) in [
            ("", vec![]),
            ("CONTAINERS=1", vec![]),
            (all, vec![]),
            (
                "EXEC=1",
                vec!["EXEC=1 without POST=1 runs no command: it only shows those that others have run"],
            ),
            (
                "CONTAINERS=1 POST=1 IMAGES=1",
                vec![
                    "CONTAINERS=1 with POST=1 lets a client create a container, but not start it (ALLOW_START=0), stop it \
                     (ALLOW_STOP=0), restart or kill it (ALLOW_RESTARTS=0), remove it (DELETE=0), run a command in it \
                     (EXEC=0), copy files into it (PUT=0). A client that replaces containers, such as an updater, stops \
                     half-way",
                    "POST=1 lets a client create in /images, but not remove (DELETE=0)",
                ],
            ),
            (
                "CONTAINERS=1 POST=1 DELETE=1 EXEC=1 ALLOW_START=1 ALLOW_STOP=1 ALLOW_RESTARTS=1",
                vec![
                    "CONTAINERS=1 with POST=1 lets a client create a container, but not copy files into it (PUT=0)",
                    "CONTAINERS=1 with POST=1 lets a client create a container, but not pull its image (IMAGES=0)",
                ],
            ),
            (
                "BUILD=1 POST=1 SESSION=1",
                vec![
                    "BUILD=1 with POST=1 builds with the docker command up to 22 alone: later ones use BuildKit (GRPC=0), \
                     and buildx then tries to run a privileged builder container instead",
                ],
            ),
            ("BUILD=1 POST=1 SESSION=1 GRPC=1", vec![]),
            (
                "NETWORKS=1 VOLUMES=1 POST=1",
                vec!["POST=1 lets a client create in /networks, /volumes, but not remove (DELETE=0)"],
            ),
        ] {
            assert_eq!(gaps(Flags::from_words(words).unwrap().into()), want, "{words}");
        }
    }

    #[test]
    fn what_is_allowed_or_denied_by_name_is_not_left_out() {
        let named = |word: &str| OperationSet::named_by(word).unwrap();
        let flags = Flags::from_words("CONTAINERS=1 POST=1 PUT=1 EXEC=1 ALLOW_START=1 ALLOW_STOP=1").unwrap();
        let said = |allowed: &str, denied: &str| {
            gaps(Rights { flags, allowed: named(allowed), denied: named(denied) }).join("\n")
        };
        let all = said("SystemInfo", "SystemVersion");
        for gap in ["restart or kill it (ALLOW_RESTARTS=0)", "remove it (DELETE=0)", "not pull its image"] {
            assert!(all.contains(gap), "{all}");
        }
        assert!(!said("ContainerRestart", "SystemVersion").contains("restart or kill it"));
        assert!(!said("ContainerDelete", "SystemVersion").contains("stops half-way"));
        assert!(!said("ImageCreate", "SystemVersion").contains("not pull its image"));
        assert!(!said("SystemInfo", "ContainerDelete").contains("remove it (DELETE=0)"));
        assert_eq!(said("SystemInfo", "ContainerCreate"), "");
    }
}
