use super::*;

#[test]
fn what_is_unfit_for_a_terminal_is_escaped_and_read_back_as_it_was() {
    let text = "a\u{7f}\u{9b}31m\u{202e}\u{2028}\u{feff}\u{e0041}é日🦀\n";
    let json = serde_json::to_string(text).unwrap();
    let mut line = String::new();
    put(&mut Writer::new(&mut line), &json).unwrap();
    assert_eq!(line, r#""a\u007f\u009b31m\u202e\u2028\ufeff\udb40\udc41é日🦀\n""#);
    assert_eq!(serde_json::from_str::<String>(&line).unwrap(), text);
}
