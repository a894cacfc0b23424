//! What looks like a team's own, or like another's, and is not: labels out of images, names that read as ids.

use e2e::dockerd::IMAGE;

use super::{Teams, ok, refused};

pub(super) fn a_label_of_an_image_makes_nobody_its_containers_owner(
    Teams { a, engine, of_a, of_b, .. }: &Teams,
) {
    let image = format!("e2e/marked-{of_b}:1");
    let marked = format!("{of_b}-marked");
    engine.docker(&["commit", "--change", "LABEL team=a", of_b, &image]);
    engine.docker(&["run", "--detach", "--name", &marked, &image, "sleep", "1000"]);
    let label = engine.docker(&["inspect", "--format", "{{.Config.Labels.team}}", &marked]);
    assert_eq!(label.trim(), "a"); // to the engine it is the container's
    let before = engine.events_of(&marked);
    for command in ["inspect --type container NAME", "logs NAME", "stop NAME", "exec NAME true"] {
        refused(a, &command.replace("NAME", &marked), &marked);
    }
    refused(a, &format!("cp {marked}:/etc/hosts -"), &marked);
    refused(a, &format!("create --label team=a --volumes-from {marked} {IMAGE}"), "no container");
    refused(
        a,
        &format!("container prune --force --filter label=of={of_a} --filter label=team=a"),
        "(policy ",
    );
    refused(a, &format!("create --label team=a {image}"), "carries the label team=a itself");
    assert_eq!(engine.events_of(&marked), before);
    engine.docker(&["rm", "--force", &marked]);
    engine.docker(&["rmi", &image]);
}

pub(super) fn no_link_takes_the_id_of_another_container(Teams { a, engine, of_a, of_b, .. }: &Teams) {
    let id = engine.docker(&["inspect", "--format", "{{.Id}}", of_b]);
    let short = &id[..12];
    let squat = format!("{of_a}-squat");
    for alias in [format!("../{short}"), short.to_owned(), id.trim().to_owned(), format!("../{of_b}x")] {
        let create = format!("create --label team=a --name {squat} --link {of_a}:{alias} {IMAGE}");
        refused(a, &create, "(policy tenant-labels)");
        let rename = format!("rename {of_a} {alias}");
        refused(a, &rename, "(policy tenant-labels)");
    }
    let who = || engine.docker(&["inspect", "--type", "container", "--format", "{{.Name}}", short]);
    assert_eq!(who().trim(), format!("/{of_b}"));
    // This is what it would come to.
    let link = format!("{of_a}:../{short}");
    engine.docker(&["create", "--label", "team=a", "--name", &squat, "--link", &link, IMAGE, "true"]);
    let mistaken = who();
    engine.docker(&["rm", &squat]);
    assert_eq!(mistaken.trim(), format!("/{of_a}"), "the engine no longer takes an alias for a path");
    ok(a, &format!("run --rm --label team=a --link {of_a}:db {IMAGE} true"));
}
