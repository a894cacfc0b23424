//! A policy in use whose file or settings are exchanged for hostile ones.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use e2e::{Client, Endpoint};

use super::gate::Gate;
use super::hostile;

type Exchange = fn(&Path, &Path);

/// What happens to the policy's file and to that of its settings, and what the log says of it.
const EXCHANGES: [(Exchange, &str); 11] = [
    (|_, settings| fs::write(settings, "configure=abort").unwrap(), "its configure failed: it crashed"),
    (|_, settings| fs::write(settings, "configure=loop").unwrap(), "its configure failed: it did not answer"),
    (
        |_, settings| fs::write(settings, "configure=hoard").unwrap(),
        "its configure failed: it needed more than",
    ),
    (|_, settings| fs::write(settings, "decide=recurse").unwrap(), "it ran out of stack"),
    (|_, settings| fs::write(settings, "name=a\\nb").unwrap(), "its name must have"),
    (|policy, _| fs::write(policy, "garbage").unwrap(), "it is not a WebAssembly component"),
    (|policy, _| fs::File::create(policy).unwrap().set_len(200 << 20).unwrap(), "it has 209715200 bytes"),
    (|policy, _| instead(policy, "mkfifo", &[]), "it is not a regular file"),
    (|policy, _| instead(policy, "ln", &["-s", "/dev/zero"]), "it is not a regular file"),
    (|policy, _| instead(policy, "ln", &["-s", "/proc/self/mem"]), "it is a file of the kernel (procfs)"),
    (|policy, _| fs::remove_file(policy).unwrap(), "No such file"),
];

fn instead(policy: &Path, program: &str, arguments: &[&str]) {
    fs::remove_file(policy).unwrap();
    assert!(Command::new(program).args(arguments).arg(policy).status().unwrap().success());
}

/// Every request is answered by the policy that was in use before, until there is a good one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_replacements_are_named_and_change_nothing_for_those_who_are_served() {
    let folder = tempfile::tempdir().unwrap();
    let (policy, settings) = (folder.path().join("rules.wasm"), folder.path().join("settings"));
    let good = |word: &str| fs::write(&settings, format!("on=ContainerList\ndecide=deny:{word}")).unwrap();
    fs::copy(hostile(), &policy).unwrap();
    good("as ever");
    let from_file = format!("@{}", settings.display());
    let gate = Gate::start(&policy, &[("POLICY_SETTINGS", &from_file), ("POLICY_TIMEOUT", "10s")]).unwrap();
    let over = Arc::new(AtomicBool::new(false));
    let load = tokio::spawn(ask_until(gate.endpoint(), Arc::clone(&over)));
    for (exchange, why) in EXCHANGES {
        exchange(&policy, &settings);
        gate.signal("-HUP");
        let lines = gate.lines(&["the policies stay as they were", why]);
        assert!(lines.iter().all(|line| line.contains(" ERROR ")), "{lines:#?}");
        let _ = fs::remove_file(&policy); // one exchange deletes it
        fs::copy(hostile(), &policy).unwrap();
        good("as ever");
    }
    over.store(true, Ordering::Relaxed);
    assert!(load.await.unwrap() > 0, "requests were answered meanwhile");
    good("from now on");
    gate.signal("-HUP");
    gate.lines(&["has new settings"]);
    let refusal = gate.fetch("GET /containers/json", &[]).await;
    assert!(refusal.text().contains("from now on"), "{}", refusal.text());
    gate.stop();
}

/// Asks without a pause; gives how often.
async fn ask_until(endpoint: Endpoint, over: Arc<AtomicBool>) -> usize {
    let mut client = Client::connect(&endpoint).await;
    let mut count = 0;
    while !over.load(Ordering::Relaxed) {
        assert_eq!(client.fetch("GET /_ping", &[]).await.status(), 200);
        let refusal = client.fetch("GET /containers/json", &[]).await;
        assert_eq!(refusal.status(), 403);
        assert!(refusal.text().contains("as ever"), "{}", refusal.text());
        count += 1;
    }
    count
}
