//! Presets: each lets through what its application calls and nothing else.

use e2e::{FakeEngine, Gateway, Via};
use engine_api::Endpoint;
use sockgate::presets::{self, Preset};

#[tokio::test]
async fn a_preset_lets_through_what_its_application_calls_and_nothing_else() {
    for preset in presets::ALL {
        let engine = FakeEngine::start();
        let gateway = Gateway::of_preset(engine.socket(), preset);
        for &endpoint in Endpoint::ALL {
            let allowed = lets_through(&gateway, &request_line(endpoint)).await;
            assert_eq!(allowed, preset.allows(endpoint), "{}: {endpoint:?}", preset.name);
        }
        for unlisted in unlisted(preset) {
            assert!(!lets_through(&gateway, &unlisted).await, "{}: {unlisted}", preset.name);
        }
    }
}

/// The answer is begun: it could be endless.
async fn lets_through(gateway: &Gateway, line: &str) -> bool {
    let mut client = gateway.connect(Via::Unix).await;
    client.ask(line, &[]).await;
    client.read_head().await.header("sockgate-refused-by").is_none()
}

fn request_line(endpoint: Endpoint) -> String {
    let path = endpoint.templates()[0].split('/');
    let path = path.map(|segment| if segment.starts_with('{') { "x" } else { segment }).collect::<Vec<_>>();
    format!("{} {}", endpoint.method(), path.join("/"))
}

/// What no catalogue has, in the families that the preset's calls are of.
fn unlisted(preset: &Preset) -> Vec<String> {
    let families = preset.calls.iter().filter_map(|call| call.0.templates()[0].split('/').nth(1));
    families.map(|family| format!("POST /{family}/x/of-tomorrow")).collect()
}
