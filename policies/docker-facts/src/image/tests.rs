//! Names of images, as a table.

use super::Image;

fn parts(text: &str) -> String {
    match Image::parse(text) {
        Ok(Image { registry, repository, tag, digest }) => {
            format!("{registry} {repository} {tag} {digest}").trim_end().to_owned()
        }
        Err(problem) => problem,
    }
}

#[test]
fn a_name_is_completed_as_the_engine_completes_it() {
    let digest = format!("sha256:{}", "ab".repeat(32));
    for (text, want) in [
        ("alpine", "docker.io library/alpine latest"),
        ("alpine:3", "docker.io library/alpine 3"),
        ("docker.io/alpine", "docker.io library/alpine latest"),
        ("index.docker.io/alpine", "docker.io library/alpine latest"),
        ("index.docker.io/evil/alpine", "docker.io evil/alpine latest"),
        ("registry-1.docker.io/library/alpine", "registry-1.docker.io library/alpine latest"),
        ("e2e/app_a/b__c/d--e", "docker.io e2e/app_a/b__c/d--e latest"),
        ("localhost/app", "localhost app latest"),
        ("localhost:5000/app:1", "localhost:5000 app 1"),
        ("Evil/app", "Evil app latest"), // no path has capitals, so that is a host
        ("registry.example.org:5000/team/app:1.2-x", "registry.example.org:5000 team/app 1.2-x"),
        ("[fe80::1]:5000/app", "[fe80::1]:5000 app latest"),
        ("10.0.0.1/app", "10.0.0.1 app latest"),
        (&format!("alpine@{digest}"), &format!("docker.io library/alpine  {digest}")),
        (&format!("alpine:3@{digest}"), &format!("docker.io library/alpine 3 {digest}")),
        ("c0ffee:1", "docker.io library/c0ffee 1"),
    ] {
        assert_eq!(parts(text), want, "{text}");
    }
}

#[test]
fn what_is_no_name_or_says_not_where_an_image_comes_from_is_refused() {
    for (text, want) in [
        ("", "an image has to be named"),
        ("c0ffee", "c0ffee is an image's id"),
        ("sha256:c0ffee", "is an image's id"),
        ("Alpine", "is not an image's name"),
        ("alpine:", "is not an image's name"),
        ("alpine:.x", "is not an image's name"),
        ("alpine@", "is not an image's name"),
        ("alpine@sha256:abcd", "is not an image's name"),
        ("a@b@c", "is not an image's name"),
        ("a b", "is not an image's name"),
        (" alpine", "is not an image's name"),
        ("alpine\n", "is not an image's name"),
        ("https://registry.example.org/app", "is not an image's name"),
        ("registry.example.org//app", "is not an image's name"),
        ("registry.example.org/", "is not an image's name"),
        ("/app", "is not an image's name"),
        ("../app", "is not an image's name"),
        ("a..b", "is not an image's name"),
        ("a___b", "is not an image's name"),
        ("-a", "is not an image's name"),
        ("registry.example.org:x/app", "is not an image's name"),
        ("registry.example.org:/app", "is not an image's name"),
        ("user@registry.example.org/app", "is not an image's name"),
        ("re\u{e9}.org/app", "is not an image's name"),
    ] {
        assert!(parts(text).contains(want), "{text}: {}", parts(text));
    }
    assert!(parts(&"a".repeat(300)).contains("id"), "hex digits alone");
    assert!(parts(&"x".repeat(300)).contains("is not an image's name"));
}
