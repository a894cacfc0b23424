//! `sockgate preset`: what it prints, and what it says of a name that is none.

use e2e::binary::run;
use sockgate::presets;

#[test]
fn every_preset_is_listed_with_what_it_is_for() {
    let listed = run(&["preset"], &[]);
    assert_eq!((listed.code, listed.stderr.as_str()), (0, ""));
    assert_eq!(run(&["preset", "--list"], &[]).stdout, listed.stdout);
    let lines: Vec<_> = listed.stdout.lines().map(|line| line.split_once(' ').unwrap()).collect();
    let lines: Vec<_> = lines.iter().map(|(name, about)| (*name, about.trim())).collect();
    assert_eq!(lines, presets::ALL.map(|preset| (preset.name, preset.about)));
}

#[test]
fn a_preset_is_printed_in_either_form() {
    for preset in presets::ALL {
        for (arguments, want) in [
            (&["preset", preset.name][..], preset.environment()),
            (&["preset", preset.name, "--compose"], preset.compose()),
        ] {
            let done = run(arguments, &[]);
            assert_eq!((done.code, done.stdout, done.stderr.as_str()), (0, want, ""), "{arguments:?}");
        }
    }
}

#[test]
fn a_preset_is_printed_whatever_the_environment_says() {
    let done = run(&["preset", "traefik"], &[("POST", "perhaps"), ("EVENTS", "0")]);
    assert_eq!((done.code, done.stderr.as_str()), (0, ""));
    assert!(done.stdout.contains("\nEVENTS=1\n"), "{}", done.stdout);
}

#[test]
fn the_settings_of_a_preset_are_warned_of_only_where_they_hand_out_root() {
    for preset in presets::ALL {
        let text = preset.environment();
        let settings: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).collect();
        let settings: Vec<_> = settings.iter().filter_map(|line| line.split_once('=')).collect();
        let checked = run(&["check"], &settings);
        assert_eq!((checked.code, checked.stderr.as_str()), (0, ""), "{}", preset.name);
        let told = |line: &&str| ["warning", "hint", "note"].iter().any(|mark| line.starts_with(mark));
        for line in checked.stdout.lines().filter(told) {
            let is_root = preset.root.is_some() && line.contains("gives clients root on this host");
            assert!(is_root, "{}: {line}", preset.name);
        }
    }
}

#[test]
fn an_unknown_preset_is_answered_with_a_near_miss_and_the_list() {
    let list = run(&["preset"], &[]).stdout;
    for (name, want) in [
        ("trafik", "sockgate: there is no preset \"trafik\"; did you mean traefik?\n"),
        (
            "portainer",
            "sockgate: there is no preset \"portainer\"; did you mean portainer-look or portainer-manage?\n",
        ),
        ("nginx", "sockgate: there is no preset \"nginx\"\n"),
    ] {
        let done = run(&["preset", name], &[]);
        assert_eq!((done.code, done.stdout.as_str()), (64, ""), "{name}");
        assert_eq!(done.stderr, format!("{want}{list}"));
    }
}

#[test]
fn a_form_without_a_name_and_a_name_with_a_list_are_mistakes() {
    for line in [&["preset", "--compose"][..], &["preset", "traefik", "--list"], &["preset", "a", "b"]] {
        assert_eq!(run(line, &[]).code, 64, "{line:?}");
    }
}
