//! A guest that takes all the time it gets leaves others theirs.

use std::time::Instant;

use e2e::BOUND;

use super::gate::Gate;
use super::hostile;

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
        let asked = Instant::now();
        for _ in 0..50 {
            assert_eq!(other.fetch("GET /_ping", &[]).await.status(), 200, "{deed}");
        }
        let took = asked.elapsed();
        assert!(took < BOUND, "{deed}: 50 pings took {took:?}");
        drop(burning); // who leaves ends the decision about what he asked
        gate.stop();
    }
}
