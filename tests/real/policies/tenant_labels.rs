//! `examples/js-tenant-labels` in front of a real engine: two teams, a unix socket for each.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::time::SystemTime;

use e2e::dockerd::{Dockerd, IMAGE, Release};
use e2e::{Gateway, Via, guests, request};
use engine_api::Endpoint;
use tempfile::TempDir;

use crate::client::{Client, fresh_name};
use crate::conversation::LIMIT;

mod marks;
mod networks;

use marks::{
    a_label_of_an_image_makes_nobody_its_containers_owner, no_link_takes_the_id_of_another_container,
};
use networks::{
    a_container_does_not_follow_a_name_to_another_teams_network, volumes_and_networks_are_a_teams_own,
};

/// Either engine, each with the docker command of its day.
macro_rules! on_both_engines {
    ($($scenario:ident)*) => {
        mod modern_engine { $(#[test] fn $scenario() { super::$scenario(&super::Teams::new(super::Release::Modern)); })* }
        mod engine_20 { $(#[test] fn $scenario() { super::$scenario(&super::Teams::new(super::Release::V20)); })* }
    };
}

on_both_engines! {
    a_team_lists_only_its_own
    another_teams_container_is_not_there_by_whatever_name
    no_operation_of_the_api_reaches_another_teams
    a_team_does_to_its_own_what_it_likes
    what_is_made_carries_the_label
    a_new_container_reaches_neither_another_team_nor_the_host
    volumes_and_networks_are_a_teams_own
    a_container_does_not_follow_a_name_to_another_teams_network
    what_shows_or_changes_everything_is_refused
    events_are_a_teams_own
    a_prune_sweeps_up_a_teams_own
    what_the_cli_does_not_send_is_judged_too
    a_label_of_an_image_makes_nobody_its_containers_owner
    no_link_takes_the_id_of_another_container
}

#[test]
fn its_own_tests_pass() {
    guests::javascript_tests("js-tenant-labels");
}

/// Two teams with a docker command each, before one gateway; a container of each runs.
struct Teams {
    a: Client,
    b: Client,
    /// A client of a listener that is nobody's.
    stranger: Client,
    engine: &'static Dockerd,
    /// The containers' names.
    of_a: String,
    of_b: String,
    folder: TempDir,
}

impl Teams {
    fn new(engine: Release) -> Self {
        let engine = Dockerd::shared(engine);
        let folder = tempfile::tempdir().unwrap();
        let [a, b, nobody] =
            ["a", "b", "nobody"].map(|team| folder.path().join(team).to_str().unwrap().to_owned());
        let listen = format!("127.0.0.1:0,unix://{a},unix://{b},unix://{nobody}");
        // Team b must be root besides; whoever is uid 4294967294 is nobody here.
        let settings = format!(
            r#"{{"label": "team", "clients": [{{"listener": "unix://{a}", "tenant": "a"}},
                {{"listener": "unix://{b}", "uid": 0, "tenant": "b"}}, {{"uid": 4294967294, "tenant": "c"}}]}}"#
        );
        let (policy, cache) = (guests::javascript("js-tenant-labels"), guests::code_cache());
        let settings = [
            ("LISTEN_ADDR", listen.as_str()),
            ("POLICY", policy.to_str().unwrap()),
            ("POLICY_SETTINGS", &settings),
            ("POLICY_CACHE", cache.to_str().unwrap()),
            ("POLICY_TIMEOUT", "10s"), // a machine that runs all tests at once may be slow
        ];
        let gateway = Rc::new(Gateway::open_with(&engine.socket(), &settings));
        let client = |socket: &str| {
            Client::behind(engine.release().docker(), Rc::clone(&gateway), Via::Tcp)
                .with("DOCKER_HOST", &format!("unix://{socket}"))
        };
        let teams = Self {
            a: client(&a),
            b: client(&b),
            stranger: client(&nobody),
            engine,
            of_a: fresh_name(),
            of_b: fresh_name(),
            folder,
        };
        for (team, name) in [("team=a", &teams.of_a), ("team=b", &teams.of_b)] {
            let run = ["run", "--detach", "--label", team, "--name", name, IMAGE, "sleep", "1000"];
            engine.docker(&run);
        }
        teams
    }

    /// Sends a request as a team's client, byte by byte as it is here, and returns all of the answer.
    fn ask(&self, team: &str, line: &str, body: &str) -> String {
        let mut stream = UnixStream::connect(self.folder.path().join(team)).unwrap();
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        let headers = [
            "Connection: close",
            "Content-Type: application/json",
            &format!("Content-Length: {}", body.len()),
        ];
        stream.write_all((request(line, &headers) + body).as_bytes()).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }
}

impl Drop for Teams {
    fn drop(&mut self) {
        self.engine.docker(&["rm", "--force", &self.of_a, &self.of_b]);
    }
}

/// Runs `docker` with these words; it must fail with `because` among what it says.
#[track_caller]
fn refused(client: &Client, command: &str, because: &str) {
    let said = client.fails(&command.split_whitespace().collect::<Vec<_>>());
    assert!(said.contains(because), "docker {command}: {said}");
}

fn ok(client: &Client, command: &str) -> String {
    client.ok(&command.split_whitespace().collect::<Vec<_>>())
}

fn a_team_lists_only_its_own(Teams { a, b, stranger, of_a, of_b, .. }: &Teams) {
    let names = |client, team| ok(client, &format!("ps --format {{{{.Names}}}} --filter label=team={team}"));
    assert!(names(a, "a").lines().any(|name| name == of_a) && !names(a, "a").contains(of_b.as_str()));
    assert!(names(b, "b").lines().any(|name| name == of_b) && !names(b, "b").contains(of_a.as_str()));
    refused(a, "ps", "ask for your own: add --filter label=team=a (policy tenant-labels)");
    refused(a, "ps --all --filter label=team=b", "add --filter label=team=a");
    refused(a, "ps --filter label=team", "add --filter label=team=a");
    refused(a, "volume ls", "add --filter label=team=a");
    refused(a, "network ls", "add --filter label=team=a");
    refused(stranger, "ps --filter label=team=a", "this client belongs to no tenant");
}

fn another_teams_container_is_not_there_by_whatever_name(teams: &Teams) {
    let Teams { a, b, of_a, of_b, folder, .. } = teams;
    let id = ok(b, &format!("inspect --format {{{{.Id}}}} {of_b}"));
    let before = teams.engine.events_of(of_b);
    for name in [of_b.as_str(), &id, &id[..12], &id[..20]] {
        let answer = teams.ask("a", &format!("POST /containers/{name}/stop"), "");
        assert!(answer.contains(&format!("no container {name} with label team=a")), "{answer}");
        let file = folder.path().join("hosts");
        for command in [
            format!("inspect --type container {name}"),
            format!("logs {name}"),
            format!("kill {name}"),
            format!("rename {name} {of_a}x"),
            format!("update --memory 64m {name}"),
            format!("exec {name} true"),
            format!("cp {name}:/etc/hosts {}", file.display()),
            format!("attach {name}"),
        ] {
            refused(a, &command, name); // some versions of the command have words of their own for a 404
        }
        let _ = a.feed(&["rm", "--force", name], b""); // which is content if there is none
    }
    assert_eq!(teams.engine.events_of(of_b), before);
}

fn no_operation_of_the_api_reaches_another_teams(teams: &Teams) {
    let common = "SystemPing SystemPingHead SystemVersion ImageList ImageInspect ImageCreate";
    let before = teams.engine.events_of(&teams.of_b);
    for endpoint in Endpoint::ALL {
        let template = endpoint.templates()[0];
        let path = ["{name...}", "{name}", "{id}"]
            .iter()
            .fold(template.to_owned(), |path, hole| path.replace(hole, &teams.of_b));
        let line = format!("{} {}", endpoint.method(), path.replace("{checkpoint}", "x"));
        if common.split(' ').any(|id| id == endpoint.operation_id()) {
            continue;
        }
        let answer = teams.ask("a", &line, "");
        let is_head = line.starts_with("HEAD");
        let is_refused = answer.contains(" 403 ") || answer.contains(" 404 ");
        assert!(is_refused && (is_head || answer.contains("(policy tenant-labels)")), "{line}: {answer}");
    }
    assert_eq!(teams.engine.events_of(&teams.of_b), before);
}

fn a_team_does_to_its_own_what_it_likes(Teams { a, of_a, folder, .. }: &Teams) {
    let id = ok(a, &format!("inspect --format {{{{.Id}}}} {of_a}"));
    assert_eq!(ok(a, &format!("exec {of_a} echo within")), "within");
    assert_eq!(ok(a, &format!("exec {} echo within", &id[..12])), "within");
    ok(a, &format!("cp {of_a}:/etc/hosts {}", folder.path().join("hosts").display()));
    ok(a, &format!("cp {} {of_a}:/tmp/hosts", folder.path().join("hosts").display()));
    ok(a, &format!("update --cpu-shares 512 {of_a}"));
    ok(a, &format!("rename {of_a} {of_a}-x"));
    ok(a, &format!("rename {of_a}-x {of_a}"));
    ok(a, &format!("restart --time 0 {of_a}"));
    assert!(ok(a, &format!("top {of_a}")).contains("sleep"));
    assert_eq!(ok(a, &format!("run --rm --label team=a {IMAGE} echo hello")), "hello");
    assert_eq!(
        String::from_utf8(
            a.feed(&["run", "--rm", "--interactive", "--label", "team=a", IMAGE, "cat"], b"through").stdout
        ),
        Ok("through".to_owned())
    );
}

fn what_is_made_carries_the_label(Teams { a, of_a, .. }: &Teams) {
    let wanted = "what you make needs your label: add --label team=a (policy tenant-labels)";
    refused(a, &format!("run {IMAGE} true"), wanted);
    refused(a, &format!("create --label team=b {IMAGE} true"), wanted);
    refused(a, &format!("volume create {of_a}-volume"), wanted);
    refused(a, &format!("network create --label team=b {of_a}-network"), wanted);
    // The last of several counts, as the CLI sends it.
    refused(a, &format!("create --label team=a --label team=b {IMAGE} true"), wanted);
}

fn a_new_container_reaches_neither_another_team_nor_the_host(Teams { a, of_a, of_b, .. }: &Teams) {
    let run = |options: &str| format!("run --label team=a {options} {IMAGE} true");
    ok(a, &run(&format!("--rm --volumes-from {of_a}")));
    ok(a, &run(&format!("--rm --network container:{of_a}")));
    ok(a, &run(&format!("--rm --link {of_a}:other")));
    ok(a, &run("--rm --mount type=volume,target=/anonymous"));
    ok(a, &run("--rm --tmpfs /scratch --volume /anonymous --memory 64m --publish-all --restart no"));
    let theirs = format!("no container {of_b} with label team=a");
    refused(a, &run(&format!("--volumes-from {of_b}")), &theirs);
    refused(a, &run(&format!("--network container:{of_b}")), &theirs);
    refused(a, &run(&format!("--link {of_b}:other")), &theirs);
    let short = ok(a, &format!("inspect --format {{{{.Id}}}} {of_a}"))[..12].to_owned();
    refused(a, &run(&format!("--volumes-from {short}")), "write the whole id of container");
    for (option, because) in [
        ("--privileged", "Privileged is not for you to set"),
        ("--pid host", "PidMode"),
        ("--ipc host", "IpcMode"),
        ("--uts host", "UTSMode"),
        ("--network host", "no network host"),
        ("--cap-add SYS_ADMIN", "CapAdd"),
        ("--device /dev/null", "Devices"),
        ("--security-opt systempaths=unconfined", "Paths"),
        ("--security-opt apparmor=unconfined", "SecurityOpt"),
        ("--cgroup-parent /other", "CgroupParent"),
        ("--volume /etc:/host", "bind mounts are not allowed"),
        ("--mount type=bind,source=/etc,target=/host", "bind mounts are not allowed"),
        ("--mount type=volume,target=/host,volume-opt=device=/", "VolumeOptions"),
    ] {
        refused(a, &run(option), because);
    }
    refused(a, &format!("exec --privileged {of_a} true"), "Privileged is not for you to set");
}

fn what_shows_or_changes_everything_is_refused(Teams { a, of_a, .. }: &Teams) {
    for command in [
        "system df",
        "container prune --force",
        "volume prune --force",
        "network prune --force",
        "image prune --force",
        "tag IMAGE stolen",
        "rmi IMAGE",
        "save --output x IMAGE",
        "commit OWN stolen",
        "swarm init",
        "events",
        "plugin ls",
        "search x",
        "login --username x --password y example.org",
    ] {
        let command = command.replace("IMAGE", IMAGE).replace("OWN", of_a);
        refused(a, &command, "(policy tenant-labels)");
    }
    assert!(ok(a, "images").contains("busybox"));
}

fn events_are_a_teams_own(Teams { a, engine, of_a, of_b, .. }: &Teams) {
    let format = "{{.Action}} {{.Actor.Attributes.name}}.";
    let mut stream = a.start(&["events", "--filter", "label=team=a", "--since", "0", "--format", format]);
    stream.expect(&format!("start {of_a}."));
    for container in [of_b, of_a] {
        engine.docker(&["pause", container]);
        engine.docker(&["unpause", container]);
    }
    stream.expect(&format!("unpause {of_a}."));
    // What the stream did not say: with an end in the past it comes from the engine's log, and ends.
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs() + 1;
    let until = now.to_string();
    let log = ["events", "--filter", "label=team=a", "--since", "0", "--until", &until, "--format", format];
    let log = a.ok(&log);
    assert!(log.contains(&format!("unpause {of_a}.")) && !log.contains(of_b.as_str()), "{log}");
}

fn a_prune_sweeps_up_a_teams_own(Teams { a, b, of_a, of_b, .. }: &Teams) {
    // Labels of this test alone: the engine is shared.
    ok(a, &format!("network create --label team=a --label of={of_a} {of_a}-old"));
    ok(b, &format!("network create --label team=b --label of={of_a} {of_b}-old"));
    let pruned = ok(a, &format!("network prune --force --filter label=of={of_a} --filter label=team=a"));
    assert!(pruned.contains(&format!("{of_a}-old")) && !pruned.contains(of_b.as_str()), "{pruned}");
    ok(b, &format!("network rm {of_b}-old"));
}

fn what_the_cli_does_not_send_is_judged_too(teams: &Teams) {
    let Teams { a, b, of_a, of_b, .. } = teams;
    let exec_of = |team, container: &str| {
        let made = teams.ask(team, &format!("POST /containers/{container}/exec"), r#"{"Cmd":["true"]}"#);
        let id = made.split("\"Id\":\"").nth(1).and_then(|rest| rest.split('"').next());
        id.unwrap_or_else(|| panic!("{made}")).to_owned()
    };
    let (own, theirs) = (exec_of("a", of_a), exec_of("b", of_b));
    assert!(teams.ask("a", &format!("GET /exec/{own}/json"), "").contains(" 200 "));
    for line in [format!("GET /exec/{theirs}/json"), format!("POST /exec/{theirs}/start")] {
        let answer = teams.ask("a", &line, "{}");
        assert!(answer.contains(" 404 ") && answer.contains("with label team=a"), "{answer}");
    }
    let id = ok(a, &format!("inspect --format {{{{.Id}}}} {of_a}"));
    let id_of_b = ok(b, &format!("inspect --format {{{{.Id}}}} {of_b}"));
    let label = |team: &str| format!("%22label%22%3A%5B%22team%3D{team}%22%5D");
    let mine = format!("%7B{}%7D", label("a"));
    // The last of two keys counts, for the policy and for the engine.
    let last = format!("GET /containers/json?filters=%7B{},{}%7D", label("b"), label("a"));
    let listed = teams.ask("a", &last, "");
    assert!(listed.contains(of_a.as_str()) && !listed.contains(of_b.as_str()), "{listed}");
    for (line, body, status) in [
        (format!("GET /containers/{of_b}/attach/ws?stream=1"), "", 404),
        (format!("GET /containers/{of_b}/archive?path=/etc"), "", 404),
        (format!("GET /containers/json?filters={mine}"), "", 200),
        (format!("GET /containers/json?filters=&filters={mine}"), "", 403),
        (format!("GET /containers/json?filters=%7B%7D&filters={mine}"), "", 403),
        (format!("GET /containers/json?filters=%7B{},{}%7D", label("a"), label("b")), "", 403),
        ("GET /containers/json?filters=%7B%22label%22%3A%7B%22team%3Da%22%3Atrue%7D%7D".to_owned(), "", 200),
        ("GET /containers/json?filters=%7B%22label%22%3A%7B%22team%3Da%22%3Afalse%7D%7D".to_owned(), "", 403),
        // By the gateway itself, before the policy is asked: only old engines read it.
        (format!("POST /v1.23/containers/{id}/start"), r#"{"Binds":["/:/host"]}"#, 400),
        ("POST /images/create?fromSrc=-&repo=stolen".to_owned(), "", 403),
        (format!("POST /containers/{id}/start?checkpoint=x&checkpoint-dir=/x"), "", 403),
        (format!("POST /containers/{id}/rename?name={}", &id_of_b[..12]), "", 403),
        (format!("POST /containers/create?name={id_of_b}"), r#"{"Labels":{"team":"a"}}"#, 403),
        (format!("POST /containers/{of_b}/checkpoints"), "{}", 403),
        ("GET /unheard/of".to_owned(), "", 403),
    ] {
        let answer = teams.ask("a", &line, body);
        assert!(answer.contains(&format!(" {status} ")), "{line}: {answer}");
    }
}
