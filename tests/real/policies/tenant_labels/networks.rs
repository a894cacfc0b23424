//! Volumes and networks, which the engine knows by names for longer than one would think.

use e2e::dockerd::IMAGE;

use super::{Teams, ok, refused};

pub(super) fn volumes_and_networks_are_a_teams_own(Teams { a, b, of_a, of_b, .. }: &Teams) {
    for (client, team, of) in [(a, "a", of_a), (b, "b", of_b)] {
        ok(client, &format!("volume create --label team={team} {of}-data"));
        ok(client, &format!("network create --label team={team} {of}-net"));
    }
    let run = |options: String| format!("run --rm --label team=a {options} {IMAGE} true");
    ok(a, &run(format!("--volume {of_a}-data:/data --network {of_a}-net")));
    ok(a, &run(format!("--mount type=volume,source={of_a}-data,target=/data")));
    ok(a, &format!("network connect {of_a}-net {of_a}"));
    ok(a, &format!("network disconnect {of_a}-net {of_a}"));
    ok(a, &format!("volume inspect {of_a}-data"));
    refused(
        a,
        &run(format!("--volume {of_b}-data:/data")),
        &format!("no volume {of_b}-data with label team=a"),
    );
    refused(a, &run(format!("--volume {of_a}-new:/data")), &format!("no volume {of_a}-new"));
    refused(a, &run(format!("--mount type=volume,source={of_b}-data,target=/data")), "no volume");
    refused(a, &run(format!("--network {of_b}-net")), &format!("no network {of_b}-net with label team=a"));
    refused(a, &format!("network connect {of_b}-net {of_a}"), "no network");
    refused(a, &format!("network connect {of_a}-net {of_b}"), "no container");
    refused(a, &format!("network disconnect --force bridge {of_b}"), "no container");
    refused(a, &format!("volume create --label team=a {of_b}-data"), "exists and is not yours");
    refused(a, &format!("volume create --label team=a --opt device=/ {of_a}-host"), "DriverOpts");
    for command in
        ["volume inspect NAME-data", "volume rm NAME-data", "network rm NAME-net", "network inspect NAME-net"]
    {
        refused(a, &command.replace("NAME", of_b), of_b);
    }
    refused(
        a,
        &format!("network create --label team=a --subnet 10.77.0.0/16 {of_a}-host"),
        "Config is not for you",
    );
    refused(a, &format!("network create --label team=a --ipam-driver other {of_a}-host"), "driver other");
    refused(a, "network inspect bridge", "bridge"); // it shows whoever is on it
    let listed = |what: &str| ok(a, &format!("{what} ls --filter label=team=a --format {{{{.Name}}}}"));
    for (what, kind) in [("volume", "data"), ("network", "net")] {
        let names = listed(what);
        assert!(names.lines().any(|name| name == format!("{of_a}-{kind}")), "{names}");
        assert!(!names.contains(&format!("{of_b}-")), "{names}");
    }
    for (client, of) in [(a, of_a), (b, of_b)] {
        ok(client, &format!("volume rm {of}-data"));
        ok(client, &format!("network rm {of}-net"));
    }
}

pub(super) fn a_container_does_not_follow_a_name_to_another_teams_network(
    Teams { a, b, engine, of_a, of_b, .. }: &Teams,
) {
    let network = format!("{of_b}-squat");
    let make = |client, team| ok(client, &format!("network create --label team={team} {network}"));
    make(a, "a");
    ok(a, &format!("create --label team=a --name {of_a}-made --network {network} {IMAGE} sleep 1000"));
    ok(a, &format!("create --label team=a --name {of_a}-joined {IMAGE} sleep 1000"));
    ok(a, &format!("network connect {network} {of_a}-joined"));
    ok(a, &format!("create --label team=a --name {of_a}-ended --network {network} {IMAGE} true"));
    ok(a, &format!("start --attach {of_a}-ended"));
    ok(a, &format!("network rm {network}"));
    make(b, "b");
    for how in ["start", "restart"] {
        for container in ["made", "joined"] {
            refused(
                a,
                &format!("{how} {of_a}-{container}"),
                &format!("no network {network} with label team=a"),
            );
        }
        // It has been in the network that is gone: the engine knows that one by its id.
        refused(a, &format!("{how} {of_a}-ended"), "not found");
    }
    let within = || ok(b, &format!("network inspect --format {{{{.Containers}}}} {network}"));
    assert_eq!(within(), "map[]");
    // The engine itself follows the name.
    engine.docker(&["start", &format!("{of_a}-made")]);
    assert!(within().contains(&format!("{of_a}-made")), "{}", within());
    ok(a, &format!("rm --force {of_a}-made {of_a}-ended"));
    ok(b, &format!("network rm {network}"));
    make(a, "a");
    ok(a, &format!("start {of_a}-joined"));
    ok(a, &format!("rm --force {of_a}-joined"));
    ok(a, &format!("network rm {network}"));
}
