//! The env flags and the same policy as a component say the same, reason included, of whatever they are asked.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use e2e::binary::compiler;
use e2e::guests;
use engine_api::{Decision, Endpoint, Flag, Flags, Method, Operation, Rights, Target};
use pdp::workbench::{Asked, Candidate, Draft, Workbench};
use pdp::{InspectedBody, Limits, NoEngine, Verdict};

/// Where the flag sets come from. Any number would do; this one stays, so that a failure can be had again.
const SEED: u64 = 0x736f_636b_6761_7465;

/// How many sets of flags are drawn, besides those that are listed. Each is asked about every line: half a million
/// decisions, for which an unoptimized build takes about a minute of one core.
const DRAWN: usize = 3000;

#[tokio::test]
async fn flags_and_component_agree_on_every_operation() {
    let operations = operations(&lines());
    let workbench = workbench();
    let policy = workbench.compile(&guests::rust("guest-default")).await.unwrap();
    for settings in flag_sets() {
        agree(&policy, &settings, &operations).await;
    }
}

#[tokio::test]
async fn flags_and_component_agree_on_the_hostile_vectors() {
    let mut lines_by_settings = BTreeMap::<String, Vec<String>>::new();
    for (flags, line) in crate::hostile::request_lines() {
        lines_by_settings.entry(settings_of(flags)).or_default().push(line);
    }
    let workbench = workbench();
    let policy = workbench.compile(&guests::rust("guest-default")).await.unwrap();
    let mut count = 0;
    for (settings, lines) in &lines_by_settings {
        let operations = operations(lines);
        agree(&policy, settings, &operations).await;
        count += operations.len();
    }
    assert!(count >= 200, "{count} request lines of the vectors are operations");
}

fn workbench() -> Workbench {
    let limits = Limits { timeout: Duration::from_secs(30), memory: 16 << 20 };
    Workbench::new(limits, &compiler(), None).unwrap()
}

/// Asks both of every operation.
async fn agree(policy: &Draft<'_>, settings: &str, operations: &[(String, Operation)]) {
    let component = policy.configured(settings).await.unwrap();
    let flags = flags(settings);
    for (line, operation) in operations {
        let of_flags = of_flags(flags, operation);
        let of_component = of_component(&component, operation.clone()).await;
        assert_eq!(of_component, of_flags, "component and flags (from seed {SEED:#x}): {settings:?} {line}");
    }
}

async fn of_component(component: &Candidate, operation: Operation) -> String {
    let (headers, attributes) = (http::HeaderMap::new(), Vec::new());
    let asked =
        Asked { operation, rights: Rights::default(), headers, body: InspectedBody::Empty, attributes };
    match component.decide(asked, Arc::new(NoEngine)).await {
        Ok(Verdict::Allow) => "allow".to_owned(),
        Ok(Verdict::Defer) => "defer".to_owned(),
        Ok(Verdict::Deny(denial)) => format!("{} {}", denial.status, denial.message),
        Err(fault) => format!("fault: {fault}"),
    }
}

fn of_flags(flags: Flags, operation: &Operation) -> String {
    match engine_api::decide(flags, operation) {
        Decision::Allow => "allow".to_owned(),
        Decision::Deny(denial) => format!("{} {denial}", denial.status()),
    }
}

/// The lines that are operations, with these.
fn operations(lines: &[String]) -> Vec<(String, Operation)> {
    let operation = |line: &str| {
        let (method, target) = line.split_once(' ')?;
        Some(Operation::new(Method::from_token(method)?, Target::parse(target).ok()?))
    };
    lines.iter().filter_map(|line| Some((line.clone(), operation(line)?))).collect()
}

fn flags(settings: &str) -> Flags {
    let pairs: Vec<_> = settings.split_whitespace().filter_map(|word| word.split_once('=')).collect();
    let value_of = |flag: Flag| pairs.iter().find(|(name, _)| *name == flag.name()).map(|(_, value)| *value);
    Flags::from_values(value_of).unwrap()
}

/// Every route of the catalogue, HEAD where GET goes, and paths that it does not list.
fn lines() -> Vec<String> {
    let listed = Endpoint::ALL.iter().flat_map(|&endpoint| {
        let routes = endpoint.templates().iter().map(move |template| (endpoint.method(), filled(template)));
        routes.flat_map(|(method, path)| {
            let head = (method == Method::Get).then(|| format!("HEAD {path}"));
            [Some(format!("{method} {path}")), head].into_iter().flatten().collect::<Vec<_>>()
        })
    });
    let unlisted = [
        "GET /containers/web/future",
        "POST /containers/web/future",
        "DELETE /images",
        "PUT /containers/create",
        "GET /",
        "GET /containers",
        "GET /networks/",
        "GET /libpod/info",
        "POST /debug/pprof",
        "GET /v1.41/info",
        "POST /v1.41/containers/web/start",
        "GET /v1.41/v1.41/info",
        "GET /volumes/a%3Fb",
        "POST /containers/web%3Fx/start",
        "POST /containers/x/start%3Fa=b/json",
        "POST /containers/web/start?v1.41",
    ];
    listed.chain(unlisted.map(str::to_owned)).collect()
}

/// A template with a name in each of its holes: with slashes where a name may have some.
fn filled(template: &str) -> String {
    let fill = |segment: &str| match segment {
        segment if segment.starts_with('{') && segment.ends_with("...}") => {
            "registry:5000/team/app".to_owned()
        }
        segment if segment.starts_with('{') => "web".to_owned(),
        segment => segment.to_owned(),
    };
    template.split('/').map(fill).collect::<Vec<_>>().join("/")
}

/// The sets in which a flag matters most, and drawn ones.
fn flag_sets() -> Vec<String> {
    let all: Vec<_> = Flag::ALL.iter().map(|flag| format!("{}=1", flag.name())).collect();
    let none = all.iter().map(|word| word.replace("=1", "=0")).collect::<Vec<_>>();
    let mut sets = vec![String::new(), all.join(" "), none.join(" ")];
    for at in 0..all.len() {
        let (mut one, mut but_one) = (none.clone(), all.clone());
        one[at].clone_from(&all[at]);
        but_one[at].clone_from(&none[at]);
        sets.extend([one.join(" "), but_one.join(" ")]);
    }
    let mut dice = SEED;
    sets.extend((0..DRAWN).map(|_| drawn(&mut dice)));
    sets
}

/// Some flags on, some off, some unset, in the spellings that there are.
fn drawn(dice: &mut u64) -> String {
    let words = ["1", "t", "TRUE", "yes", "On", "0", "f", "False", "no", "OFF"];
    let words = Flag::ALL.iter().filter_map(|flag| {
        let word = words.get(usize::try_from(roll(dice) % 15).ok()?)?; // a third stays as it is
        Some(format!("{}={word}", flag.name()))
    });
    words.collect::<Vec<_>>().join(" ")
}

/// SplitMix64.
fn roll(dice: &mut u64) -> u64 {
    *dice = dice.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (*dice ^ (*dice >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// A vector's flags as settings; with none of its own, every flag is on.
fn settings_of(vector_flags: Option<Vec<(String, String)>>) -> String {
    let all_on = || Flag::ALL.iter().map(|flag| (flag.name().to_owned(), "1".to_owned())).collect();
    let words: Vec<_> = vector_flags.unwrap_or_else(all_on);
    words.into_iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
}
