//! Compares the output that a page shows with the output of the command.
//!
//! `…` in a page stands for any text, and alone on a line for any number of lines. Dates and measured times are equal to each other.

/// Whether the output has the lines that are shown.
pub(crate) fn matches(shown: &[String], actual: &[String]) -> bool {
    let shown: Vec<_> = trimmed(shown).iter().map(|line| normal(line)).collect();
    let actual: Vec<_> = trimmed(actual).iter().map(|line| normal(line)).collect();
    lines_match(&shown, &actual)
}

/// The actual output, with the lines of the page where they match it: dates and elisions stay as they are shown.
pub(crate) fn updated(shown: &[String], actual: &[String]) -> Vec<String> {
    let keep = |(index, line): (usize, &String)| match shown.get(index) {
        Some(shown) if line_matches(&normal(shown), &normal(line)) => shown.clone(),
        _ => line.clone(),
    };
    trimmed(actual).iter().enumerate().map(keep).map(|line| line.trim_end().to_owned()).collect()
}

/// Both outputs as a diff: lines of the page with `-`, lines that the command printed with `+`, lines of both with a space.
pub(crate) fn diff(shown: &[String], actual: &[String]) -> String {
    let (mut shown, mut actual) = (trimmed(shown), trimmed(actual));
    let (mut before, mut after) = (Vec::new(), Vec::new());
    let is_same = |shown: &String, actual: &String| line_matches(&normal(shown), &normal(actual));
    while let (Some((first, rest)), Some((line, others))) = (shown.split_first(), actual.split_first()) {
        if !is_same(first, line) {
            break;
        }
        before.push(format!("  {first}"));
        (shown, actual) = (rest, others);
    }
    while let (Some((last, rest)), Some((line, others))) = (shown.split_last(), actual.split_last()) {
        if !is_same(last, line) {
            break;
        }
        after.push(format!("  {last}"));
        (shown, actual) = (rest, others);
    }
    before.extend(shown.iter().map(|line| format!("- {line}")));
    before.extend(actual.iter().map(|line| format!("+ {line}")));
    before.extend(after.into_iter().rev());
    before.join("\n")
}

/// Whether parts of the output are left out, so that the rest cannot be matched line by line.
pub(crate) fn leaves_out_lines(shown: &[String]) -> bool {
    shown.iter().any(|line| line.trim() == "…")
}

/// Without empty lines at the end.
fn trimmed(lines: &[String]) -> &[String] {
    let len = lines.iter().rposition(|line| !line.trim().is_empty()).map_or(0, |last| last + 1);
    &lines[..len]
}

fn lines_match(shown: &[String], actual: &[String]) -> bool {
    match shown.split_first() {
        None => actual.is_empty(),
        Some((first, rest)) if first.trim() == "…" => {
            (0..=actual.len()).any(|skipped| lines_match(rest, &actual[skipped..]))
        }
        Some((first, rest)) => actual
            .split_first()
            .is_some_and(|(line, others)| line_matches(first, line) && lines_match(rest, others)),
    }
}

fn line_matches(shown: &str, actual: &str) -> bool {
    let mut parts = shown.split('…');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = actual.strip_prefix(first) else { return false };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

/// The line with the same text for every date and every measured time, and without whitespace at its end.
fn normal(line: &str) -> String {
    let line = replace_shape(line.trim_end(), "www, dd www dddd dd:dd:dd GMT", "DATE");
    let line = replace_shape(&line, "dddd-dd-ddTdd:dd:dd.dddZ", "DATE");
    let line = replace_shape(&line, "dddd-dd-ddTdd:dd:ddZ", "DATE");
    let mut words: Vec<_> = line.split(' ').map(str::to_owned).collect();
    for index in 1..words.len() {
        if words[index].trim_end_matches([',', ';', ')']) == "ms" && words[index - 1].parse::<f64>().is_ok() {
            "TIME".clone_into(&mut words[index - 1]);
        }
    }
    words.join(" ")
}

/// Replaces what has this shape: `d` is a digit, `w` a letter, any other character itself.
fn replace_shape(line: &str, shape: &str, replacement: &str) -> String {
    let fits = |c: char, shape: u8| match shape {
        b'd' => c.is_ascii_digit(),
        b'w' => c.is_ascii_alphabetic(),
        other => c == char::from(other),
    };
    let mut text = String::new();
    let mut rest = line;
    while let Some(c) = rest.chars().next() {
        let is_here = rest.is_char_boundary(shape.len().min(rest.len()))
            && rest.len() >= shape.len()
            && rest.chars().zip(shape.bytes()).all(|(c, shape)| fits(c, shape));
        if is_here {
            text.push_str(replacement);
            rest = &rest[shape.len()..];
        } else {
            text.push(c);
            rest = &rest[c.len_utf8()..];
        }
    }
    text
}

#[test]
fn output_matches_as_documented() {
    for (shown, actual, is_equal) in [
        ("a\nb", "a\nb\n\n", true),
        ("a\nb", "a", false),
        ("a", "a\nb", false),
        ("a…c", "abc", true),
        ("a…c…", "a c d", true),
        ("a…c", "abd", false),
        ("a\n…\nc", "a\nb\nb\nc", true),
        ("a\n…\nc", "a\nc", true),
        ("a\n…\nc", "a\nb", false),
        ("date: Sat, 21 Nov 2026 04:21:33 GMT", "date: Sun, 22 Nov 2026 04:21:33 GMT", true),
        ("date: Sat, 21 Nov 2026 04:21:33 GMT", "date: never", false),
        ("at 2026-11-22T13:22:15Z.", "at 2027-01-02T03:04:05Z.", true),
        ("at 2026-11-22T13:22:15.123Z", "at 2026-11-22T13:22:15.456Z", true),
        ("first byte: 11 ms", "first byte: 7.5 ms", true),
        ("first byte: 11 ms", "first byte: many ms", false),
        ("ü…", "ü", true),
    ] {
        let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(matches(&lines(shown), &lines(actual)), is_equal, "{shown:?} and {actual:?}");
    }
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(diff(&lines("a\nb\nc\nd"), &lines("a\nx\nd\n")), "  a\n- b\n- c\n+ x\n  d");
    assert_eq!(updated(&lines("a 1 ms\nb\nc"), &lines("a 2 ms\nB")), ["a 1 ms", "B"]);
}
