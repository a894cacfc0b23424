//! Labels, as a table.

use serde_json::{Value, json};

use super::labels;

#[test]
fn labels_are_those_that_the_engine_reads_and_no_others() {
    for (body, want) in [
        (json!({"Labels": {"team": "a"}}), json!({"team": "a"})),
        (json!({"Labels": null}), json!({})),
        (json!({}), json!({})),
        (Value::Null, json!({})),
        // Where an inspection shows them; in a body the engine takes no notice of it.
        (json!({"Config": {"Labels": {"team": "a"}}}), json!({})),
        (json!({"Spec": {"Labels": {"team": "a"}}}), json!({})),
    ] {
        assert_eq!(labels(&body).map(Value::Object), Ok(want), "{body}");
    }
    for body in [json!({"Labels": ["team=a"]}), json!({"Labels": "team=a"}), json!({"Labels": {"team": 1}})] {
        assert!(labels(&body).is_err(), "{body}");
    }
}
