use super::*;

/// The first and the last character of each range of unfit characters.
const UNFIT: &str = "\0\n\r\u{1b}\u{1f}\u{7f}\u{80}\u{85}\u{9b}\u{9f}\u{61c}\u{200b}\u{200f}\u{2028}\u{2029}\u{202a}\u{202e}\u{2060}\u{2069}\u{feff}\u{e0000}\u{e007f}";

#[test]
fn what_is_unfit_is_replaced_and_what_stands_beside_it_is_not() {
    for c in UNFIT.chars() {
        assert_eq!(fit(&format!("a{c}b"), 100), "a b", "{c:?}");
    }
    let fine = " ~\u{a0}äß\u{61b}\u{61d}\u{200a}\u{2010}\u{2027}\u{202f}\u{205f}\u{206a}日本語🦀\u{e0080}";
    assert_eq!(fit(fine, 100), fine);
    assert_eq!(escaped(fine), fine);
}

#[test]
fn what_is_unfit_can_be_told_apart_once_it_is_escaped() {
    assert_eq!(escaped("a\n\u{1b}\u{202e}\u{e0041}b"), r"a\n\u{1b}\u{202e}\u{e0041}b");
    assert!(!escaped(UNFIT).contains(is_unfit));
}

#[test]
fn a_text_is_cut_between_characters() {
    assert_eq!(fit("éé", 3), "é");
    assert_eq!(fit("éé", 4), "éé");
    assert_eq!(fit("é", 0), "");
}
