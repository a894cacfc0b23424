//! A path with a doubled slash is redirected to the path that it means, as the engine's router does it; a write is told.

use e2e::{Via, on_both_listeners, scene};

on_both_listeners![a_read_is_redirected_within_the_gateway, a_write_is_told_the_path_that_it_means];

async fn a_read_is_redirected_within_the_gateway(via: Via) {
    let (engine, _gateway, mut client) = scene(via).await;
    for (target, location) in [
        ("/v1.41/containers//web/json", "/v1.41/containers/web/json"),
        ("/containers//a%20b/json?size=1&x=//y", "/containers/a%20b/json?size=1&x=//y"),
        ("/images/json/", "/images/json"),
    ] {
        for method in ["GET", "HEAD"] {
            let answer = client.fetch(&format!("{method} {target}"), &[]).await;
            assert_eq!((answer.status(), answer.head.header("location")), (301, Some(location)), "{method}");
        }
        let followed = client.fetch(&format!("GET {location}"), &[]).await;
        assert_eq!(followed.status(), 200, "{location}");
    }
    assert_eq!(engine.requests().len(), 3, "only what was followed");
}

async fn a_write_is_told_the_path_that_it_means(via: Via) {
    let (engine, _gateway, mut client) = scene(via).await;
    for method in ["POST", "PUT", "DELETE"] {
        let line = format!("{method} /containers//web/start?t=1");
        let answer = client.fetch(&line, &["Content-Length: 0"]).await;
        assert_eq!((answer.status(), answer.head.has("location")), (400, false), "{line}");
        assert!(answer.text().contains("without it, it is /containers/web/start?t=1"), "{}", answer.text());
    }
    engine.assert_untouched();
}
