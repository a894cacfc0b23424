//! Files that are small, and take a compiler minutes or gigabytes. What compiles them is a process with limits, so at the
//! start they are refused, and a gateway that runs goes on as if they were not there.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use e2e::binary::executable;
use e2e::guests::shape;
use e2e::{BOUND, Client, within};

use super::gate::Gate;
use super::shapes::file;
use super::{Failures, hostile, refused};

/// How much CPU time the gateway has in some cases, and with it the compiler, so that the case does not take minutes.
const SECONDS: &str = "3";

/// A component around one function, whose body is given as bytes, with a number of locals.
fn function(parameter: u8, locals: u32, body: &[u8]) -> Vec<u8> {
    let declared = if locals == 0 { vec![0] } else { [&[1][..], &size(locals), &[0x7f]].concat() };
    let code = [&declared[..], body, &[0x0b]].concat();
    let code = [&[1][..], &size(code.len() as u32), &code].concat();
    let types = [1, 0x60, 1, parameter, 1, parameter];
    let module = [&b"\0asm\x01\0\0\0"[..], &section(1, &types), &section(3, &[1, 0]), &section(10, &code)];
    [&b"\0asm\x0d\0\x01\0"[..], &section(1, &module.concat())].concat()
}

fn section(id: u8, content: &[u8]) -> Vec<u8> {
    [&[id][..], &size(content.len() as u32), content].concat()
}

/// A number as WebAssembly writes it (LEB128).
fn size(mut number: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number >= 0x80 {
        bytes.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

const GET: u8 = 0x20;
const SET: u8 = 0x21;
const ADD: u8 = 0x6a;
const END: u8 = 0x0b;

/// Locals that are alive across as many blocks as there are locals: the compiler keeps a range for each in each.
fn locals_alive_across_blocks() -> Vec<u8> {
    let many = 20_000;
    let mut body = Vec::new();
    for local in 1..=many {
        body.extend([&[GET, 0, SET][..], &size(local)].concat());
    }
    for local in 1..=many {
        body.extend([&[GET, 0, 4, 0x40, GET, 0, SET][..], &size(local), &[END]].concat());
    }
    body.extend(sum(many));
    function(0x7f, many, &body)
}

/// Adds up all locals, so that none is done without.
fn sum(many: u32) -> Vec<u8> {
    let mut body: Vec<u8> = (1..=many).flat_map(|local| [&[GET][..], &size(local)].concat()).collect();
    body.extend(vec![ADD; many as usize - 1]);
    body
}

/// Tables of branches, where each branch carries another value of each local.
fn branches_that_carry_locals() -> Vec<u8> {
    let (locals, tables, targets) = (100, 150, 400);
    let mut body = [2, 0x40].repeat(targets as usize);
    for table in 0..tables {
        body.extend([2, 0x40]);
        for local in 0..locals {
            let other = (local + table) % locals + 1;
            body.extend([&[GET][..], &size(other), &[0x45, SET], &size(local + 1)].concat());
        }
        body.extend([&[GET, 0, 0x0e][..], &size(targets)].concat());
        body.extend((1..=targets).flat_map(size));
        body.extend([0, END]);
    }
    for target in 0..targets {
        body.extend(
            [&[END, GET][..], &size(target % locals + 1), &[0x45, SET], &size(target % locals + 1)].concat(),
        );
    }
    body.extend(sum(locals));
    function(0x7f, locals, &body)
}

/// Two million square roots, one of the other: each is a byte, and kilobytes for the compiler.
fn square_roots() -> Vec<u8> {
    let body = [&[GET, 0][..], &vec![0x9f; 2_000_000]].concat();
    function(0x7c, 0, &body)
}

/// So many components, of which each instantiates the one before twice, and the first a module a hundred times: two
/// kilobytes that make instances without end.
fn components_that_double(levels: u32) -> Vec<u8> {
    let modules = "(core instance (instantiate $m))".repeat(100);
    let mut text = format!("(component (component $c0 (core module $m) {modules})");
    for n in 1..levels {
        let before = n - 1;
        let _ = write!(
            text,
            "(component $c{n} (alias outer 1 $c{before} (component $c)) (instance (instantiate $c)) (instance (instantiate $c)))"
        );
    }
    let _ = write!(text, "(instance (instantiate $c{})))", levels - 1);
    shape::binary(&text)
}

/// So many components, each in another; the text format goes less deep.
fn nested(depth: usize) -> Vec<u8> {
    let empty = shape::binary("(component)");
    (0..depth).fold(empty.clone(), |inner, _| [&empty[..], &section(4, &inner)].concat())
}

/// Loops that take a hundred parameters.
fn loops_with_parameters() -> Vec<u8> {
    let fields = format!(
        "(type $t (func (param{0}) (result{0}))) (func (type $t) {1} {2})",
        " i64".repeat(100),
        (0..100).map(|n| format!("local.get {n} ")).collect::<String>(),
        "loop (type $t) end ".repeat(4_000)
    );
    shape::binary(&format!("(component (core module {fields}))"))
}

/// Ten functions of two megabytes each.
fn dense_code() -> Vec<u8> {
    let mut body = String::from("(local $x i64)");
    for n in 0..200_000 {
        let _ =
            write!(body, "(local.set $x (i64.add (i64.mul (local.get $x) (i64.const {n})) (local.get $x)))");
    }
    shape::binary(&format!("(component (core module {}))", format!("(func {body})").repeat(10)))
}

/// Which limit it is that they reach depends on how fast the compiler is, and that of the tests is slow.
#[test]
fn bombs_for_the_compiler_are_refused_at_the_start() {
    let mut failures = Failures::default();
    for (name, wasm, why) in [
        ("locals that are alive across blocks", locals_alive_across_blocks(), "compiling it took more than"),
        (
            "branches that carry locals",
            branches_that_carry_locals(),
            "compiling it took more than 2 s of CPU time",
        ),
        ("components that double forty times", components_that_double(40), "compiling it took more than"),
        ("twenty thousand components in each other", nested(20_000), "compiling it"),
        ("loops with a hundred parameters", loops_with_parameters(), "compiling it took more than"),
        ("20 MiB of dense code", dense_code(), "compiling it took more than"),
    ] {
        let (_folder, path) = file(&wasm);
        let mut limited = Command::new("prlimit");
        limited.arg(format!("--cpu={SECONDS}")).arg(executable());
        failures.expect(name, &refused(Gate::start_as(limited, &path, &[("POLICY_CACHE", "off")])), why);
    }
    failures.none();
}

/// What a ping may take while something is compiled, on a busy machine with few cores.
const SLOWEST: Duration = Duration::from_secs(1);
const MEDIAN: Duration = Duration::from_millis(50);

#[tokio::test]
async fn a_reload_of_a_bomb_leaves_the_gateway_up_at_speed_and_small() {
    let (folder, policy) = file(&std::fs::read(hostile()).unwrap());
    let gate = Gate::start(&policy, &[("POLICY_SETTINGS", "on=ContainerList\ndecide=deny:as ever")]).unwrap();
    let before = memory(gate.id(), "VmRSS:");
    let mut client = gate.connect().await;
    let bombs = [
        (locals_alive_across_blocks(), "compiling it took more than 1024 MiB of memory"),
        (components_that_double(15), "loading its code took more than 256 MiB of memory"),
        (square_roots(), "compiling it took more than 1024 MiB of memory"),
    ];
    for (turn, (bomb, why)) in bombs.into_iter().enumerate() {
        let new = folder.path().join("new");
        std::fs::write(&new, bomb).unwrap();
        std::fs::rename(&new, &policy).unwrap();
        gate.signal("-HUP");
        let mut took = Vec::new();
        let begun = Instant::now();
        let stays = |log: String| log.matches("the policies stay as they were").count() > turn;
        while !stays(gate.log()) {
            assert!(begun.elapsed() < 8 * BOUND, "bomb {turn} is still compiled:\n{}", gate.log());
            let asked = Instant::now();
            within("a ping", ping(&mut client)).await;
            took.push(asked.elapsed());
        }
        let log = gate.log();
        let last = log.lines().rfind(|line| line.contains("the policies stay as they were"));
        assert!(last.is_some_and(|line| line.contains(why)), "{why}: {last:?}");
        took.sort_unstable();
        let (median, slowest) = (took[took.len() / 2], took[took.len() - 1]);
        assert!(median < MEDIAN && slowest < SLOWEST, "bomb {turn}: {median:?}, {slowest:?}");
        let refusal = client.fetch("GET /containers/json", &[]).await;
        assert!(refusal.text().contains("as ever"), "{}", refusal.text());
    }
    let most = memory(gate.id(), "VmHWM:");
    assert!(most - before < 256 << 10, "{before} KiB before, and {most} KiB at most");
    gate.stop();
}

async fn ping(client: &mut Client) {
    assert_eq!(client.fetch("GET /_ping", &[]).await.status(), 200);
}

/// A line of the process's status, in KiB.
fn memory(process: u32, line: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let value = status.lines().find_map(|text| text.strip_prefix(line)).expect("such a line");
    value.trim().trim_end_matches(" kB").parse().unwrap()
}

/// In order, and at once: neither waits for the compiler, and neither leaves it behind.
#[tokio::test]
async fn a_gateway_that_ends_takes_the_compiler_along() {
    for signal in ["-TERM", "-KILL"] {
        let (folder, policy) = file(&std::fs::read(hostile()).unwrap());
        let gate = Gate::start(&policy, &[]).unwrap();
        let new = folder.path().join("new");
        std::fs::write(&new, branches_that_carry_locals()).unwrap();
        std::fs::rename(&new, &policy).unwrap();
        gate.signal("-HUP");
        let compiler = until("a compiler", || compiler_of(gate.id()));
        let arguments = std::fs::read_to_string(format!("/proc/{compiler}/cmdline")).unwrap();
        assert!(arguments.contains("compile-policy"), "{arguments:?}");
        let environment = std::fs::read(format!("/proc/{compiler}/environ")).unwrap();
        assert!(environment.is_empty(), "{}", String::from_utf8_lossy(&environment));
        match signal {
            "-TERM" => drop(gate.stop()),
            other => {
                gate.signal(other);
                gate.until_ended();
            }
        }
        let is_gone = || (!Path::new(&format!("/proc/{compiler}")).exists()).then_some(());
        until("the compiler's end", || is_gone().or_else(|| is_zombie(compiler).then_some(())));
    }
}

/// A process that this gateway has started and that has set its limits.
fn compiler_of(gateway: u32) -> Option<u32> {
    let threads = std::fs::read_dir(format!("/proc/{gateway}/task")).ok()?;
    let children =
        threads.filter_map(|thread| std::fs::read_to_string(thread.ok()?.path().join("children")).ok());
    let children: String = children.collect();
    let children = children.split_whitespace().filter_map(|id| id.parse().ok());
    let is_limited = |id: &u32| {
        std::fs::read_to_string(format!("/proc/{id}/cmdline")).is_ok_and(|text| text.contains("limited"))
    };
    children.into_iter().find(is_limited)
}

/// It has ended, and whoever inherited it has not noticed yet.
fn is_zombie(process: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{process}/status"))
        .is_ok_and(|status| status.contains("State:\tZ"))
}

/// Looks until there is something to see.
fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begun.elapsed() < BOUND, "waited {BOUND:?} in vain for {what}");
        std::thread::yield_now();
    }
}

/// There is no `/proc` to find the program in: a file that nothing can compile safely is not compiled.
#[test]
fn without_a_process_to_compile_in_nothing_is_loaded() {
    let mut alone = Command::new("unshare");
    alone.args(["--mount", "sh", "-c", "umount --lazy /proc && exec \"$0\""]).arg(executable());
    let said = refused(Gate::start_as(alone, &hostile(), &[("POLICY_CACHE", "off")]));
    for words in ["/proc/self/exe cannot be started as one: mount /proc", "No such file"] {
        assert!(said.contains(words), "{said}");
    }
}

/// As the warning promises: without the addresses for a pool, policies run, and slower.
#[tokio::test]
async fn with_little_address_space_policies_run_without_a_pool() {
    let mut limited = Command::new("prlimit");
    limited.args(["--as=1500000000"]).arg(executable());
    let settings =
        [("POLICY_SETTINGS", "on=ContainerList\ndecide=deny:all the same"), ("POLICY_CACHE", "off")];
    let gate = Gate::start_as(limited, &hostile(), &settings).unwrap_or_else(|refused| panic!("{refused:?}"));
    gate.lines(&["policies run slower than they could", "ulimit -v"]);
    let mut client = gate.connect().await;
    for _ in 0..20 {
        ping(&mut client).await;
        let refusal = client.fetch("GET /containers/json", &[]).await;
        assert!(refusal.text().contains("all the same"), "{}", refusal.text());
    }
    gate.stop();
}
