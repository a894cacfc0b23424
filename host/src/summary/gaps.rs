//! What a combination of flags leaves out although the clients that it is meant for tend to need it: they stop half-way
//! then, with some of their work done.

use engine_api::{Family, Flag, Flags};

/// What clients do with a container once it is created, and the flag that each needs besides those for creating it.
const AFTER_CREATE: [(Flag, &str); 6] = [
    (Flag::AllowStart, "start it"),
    (Flag::AllowStop, "stop it"),
    (Flag::AllowRestarts, "restart or kill it"),
    (Flag::Delete, "remove it"),
    (Flag::Exec, "run a command in it"),
    (Flag::Put, "copy files into it"),
];

/// The families, other than that of containers, in which clients create things that they remove again.
const REMOVABLE: [Family; 7] = [
    Family::Images,
    Family::Networks,
    Family::Volumes,
    Family::Plugins,
    Family::Services,
    Family::Secrets,
    Family::Configs,
];

/// A sentence for each thing that is left out.
pub(super) fn gaps(flags: Flags) -> Vec<String> {
    if !flags.has(Flag::Post) {
        return if flags.has(Flag::Exec) {
            vec!["EXEC=1 without POST=1 runs no command: it only shows those that others have run".to_owned()]
        } else {
            Vec::new()
        };
    }
    [containers(flags), pull(flags), build(flags), removal(flags)].into_iter().flatten().collect()
}

fn containers(flags: Flags) -> Option<String> {
    let missing: Vec<_> = AFTER_CREATE.iter().filter(|(flag, _)| !flags.has(*flag)).collect();
    if !flags.has(Flag::Containers) || missing.is_empty() {
        return None;
    }
    let missing: Vec<_> = missing.iter().map(|(flag, what)| format!("{what} ({}=0)", flag.name())).collect();
    let replaces = [Flag::AllowStart, Flag::AllowStop, Flag::Delete].iter().all(|&flag| flags.has(flag));
    let updaters =
        if replaces { "" } else { ". A client that replaces containers, such as an updater, stops half-way" };
    Some(format!(
        "CONTAINERS=1 with POST=1 lets a client create a container, but not {}{updaters}",
        missing.join(", ")
    ))
}

fn pull(flags: Flags) -> Option<String> {
    (flags.has(Flag::Containers) && !flags.has(Flag::Images)).then(|| {
        "CONTAINERS=1 with POST=1 lets a client create a container, but not pull its image (IMAGES=0)"
            .to_owned()
    })
}

fn build(flags: Flags) -> Option<String> {
    let missing: Vec<_> = [Flag::Session, Flag::Grpc].into_iter().filter(|&flag| !flags.has(flag)).collect();
    if !flags.has(Flag::Build) || missing.is_empty() {
        return None;
    }
    let missing: Vec<_> = missing.iter().map(|flag| format!("{}=0", flag.name())).collect();
    Some(format!(
        "BUILD=1 with POST=1 builds with the docker command up to 22 alone: later ones use BuildKit ({}), and buildx \
         then tries to run a privileged builder container instead",
        missing.join(", ")
    ))
}

fn removal(flags: Flags) -> Option<String> {
    let is_on = |family: &&Family| family.flag().is_some_and(|flag| flags.has(flag));
    let families: Vec<_> = REMOVABLE.iter().filter(is_on).map(|family| format!("/{family}")).collect();
    (!flags.has(Flag::Delete) && !families.is_empty())
        .then(|| format!("POST=1 lets a client create in {}, but not remove (DELETE=0)", families.join(", ")))
}

#[cfg(test)]
mod tests {
    use engine_api::{Endpoint, Method};

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
            assert_eq!(REMOVABLE.contains(&family), both, "{family}");
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
            assert_eq!(gaps(Flags::from_words(words).unwrap()), want, "{words}");
        }
    }
}
