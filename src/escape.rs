//! What may be shown as it is: names and texts from strangers end in terminals and logs.

/// Whether a terminal shows this character, and does nothing else with it: no control character, nothing that turns the
/// direction of writing, nothing invisible.
pub(crate) fn is_shown(c: char) -> bool {
    if c.is_ascii() {
        return !c.is_ascii_control();
    }
    // Behind another character, an accent of its own is shown, too.
    let mut behind = [b'a', 0, 0, 0, 0];
    let len = 1 + c.encode_utf8(&mut behind[1..]).len();
    std::str::from_utf8(&behind[..len]).is_ok_and(|text| text.escape_debug().count() == 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_obeys_or_hides_is_not_shown() {
        assert!("aZ ~\u{e4}\u{308}\u{5d0}\u{1f600}".chars().all(is_shown));
        for c in
            ['\n', '\u{1b}', '\u{7f}', '\u{9b}', '\u{200b}', '\u{2028}', '\u{202e}', '\u{feff}', '\u{e0001}']
        {
            assert!(!is_shown(c), "{c:?}");
        }
    }
}
