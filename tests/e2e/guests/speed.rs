//! A guest that takes all the time it gets leaves others theirs.

use std::time::{Duration, Instant};

use super::gate::Gate;
use super::hostile;

/// What a ping may take, on a busy machine with few cores, and what half of them may. They take well below a millisecond
/// where nobody burns anything.
const SLOWEST: Duration = Duration::from_secs(1);
const MEDIAN: Duration = Duration::from_millis(50);

/// Four clients have the guest burn a minute each, and a fifth is served as if they were not there.
#[tokio::test]
async fn others_are_served_while_a_guest_burns_its_deadline() {
    for deed in ["loop", "sleep:60000", "fill", "flood-log:1000000"] {
        let settings = format!("on=ContainerList\ndecide={deed}");
        let settings = [("POLICY_SETTINGS", settings.as_str()), ("POLICY_TIMEOUT", "60s")];
        let gate = Gate::start(&hostile(), &settings).unwrap();
        let mut burning = Vec::new();
        for _ in 0..4 {
            let mut client = gate.connect().await;
            client.ask("GET /containers/json", &[]).await;
            burning.push(client);
        }
        let mut other = gate.connect().await;
        let mut took = Vec::new();
        for _ in 0..50 {
            let asked = Instant::now();
            assert_eq!(other.fetch("GET /_ping", &[]).await.status(), 200, "{deed}");
            took.push(asked.elapsed());
        }
        took.sort_unstable();
        assert!(took[49] < SLOWEST && took[25] < MEDIAN, "{deed}: {took:?}");
        for client in &mut burning {
            let answer = tokio::time::timeout(Duration::ZERO, client.read_response()).await;
            assert!(answer.is_err(), "{deed}: it was answered, so it did not burn: {answer:?}");
        }
        drop(burning); // who leaves ends the decision about what he asked
        gate.stop();
    }
}
