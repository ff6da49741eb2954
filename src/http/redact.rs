//! Redaction for logs: hides the signatures of links and access tokens in request targets.

use std::borrow::Cow;
use std::cmp::Reverse;

/// Query parameters whose values are hidden.
const SECRET_PARAMETERS: [&[u8]; 2] = [b"signature", b"access_token"];
/// Characters of a signature: 32 octets in base64url.
const SIGNATURE_CHARS: usize = 43;
/// Written in place of a secret.
const REDACTED: &str = "hidden";

/// A path or a query with the values of all signatures hidden.
///
/// Links get mangled: an ampersand becomes `&amp;`, a `?` becomes `%3F`, a whole link becomes the parameter of
/// another. So the value of every name that contains `signature`, in any case and however often percent-encoded, is
/// hidden up to the next ampersand. So is any text that looks like a signature, whatever its name, and an
/// `access_token`, which some clients send in the query.
pub fn without_signatures(text: &str) -> Cow<'_, str> {
    let has = |name: &[u8]| text.as_bytes().windows(name.len()).any(|at| at.eq_ignore_ascii_case(name));
    if text.len() < SIGNATURE_CHARS && !text.contains('%') && !SECRET_PARAMETERS.into_iter().any(has) {
        return Cow::Borrowed(text);
    }
    let decoded = decoded(text.as_bytes());
    let mut shown = String::new();
    // `done`: how much of the text is copied or hidden. `at`: how much of the decoded text is searched.
    let (mut done, mut at) = (0, 0);
    // Each finder's next match is kept until it is passed, so that the search takes linear time.
    let finders: [Finder; 3] = [
        |octets| next_named(octets, SECRET_PARAMETERS[0]),
        |octets| next_named(octets, SECRET_PARAMETERS[1]),
        next_signature_like,
    ];
    let mut next = finders.map(|find| (find, find(&decoded)));
    loop {
        for (find, found) in &mut next {
            if found.is_some_and(|(start, _)| start < at) {
                *found = find(&decoded[at..]).map(|(start, end)| (at + start, at + end));
            }
        }
        let first =
            next.iter().filter_map(|(_, found)| *found).min_by_key(|(start, end)| (*start, Reverse(*end)));
        let Some((start, end)) = first else { break };
        let raw_end = decoded.get(end).map_or(text.len(), |octet| octet.start);
        shown.push_str(&text[done..decoded[start].start]);
        shown.push_str(REDACTED);
        (done, at) = (raw_end, end);
    }
    if done == 0 {
        return Cow::Borrowed(text);
    }
    shown.push_str(&text[done..]);
    Cow::Owned(shown)
}

/// A decoded octet, and its place in the text.
struct Octet {
    value: u8,
    start: usize,
    end: usize,
}

/// Start and end in the decoded octets.
type Range = (usize, usize);
/// Finds the next range to hide.
type Finder = fn(&[Octet]) -> Option<Range>;

/// The octets of a text when all percent-encoding is decoded, repeatedly.
fn decoded(text: &[u8]) -> Vec<Octet> {
    let digit = |octet: u8| char::from(octet).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let mut octets: Vec<Octet> = Vec::with_capacity(text.len());
    for (start, &value) in text.iter().enumerate() {
        octets.push(Octet { value, start, end: start + 1 });
        while let [
            ..,
            Octet { value: b'%', start, .. },
            Octet { value: high, .. },
            Octet { value: low, end, .. },
        ] = octets[..]
            && let (Some(high), Some(low)) = (digit(high), digit(low))
        {
            octets.truncate(octets.len() - 3);
            octets.push(Octet { value: high << 4 | low, start, end });
        }
    }
    octets
}

/// The next range that looks like a signature: exactly that many characters, of mixed case, unlike names that people
/// choose. The last character has two unused bits, which are 0.
fn next_signature_like(octets: &[Octet]) -> Option<Range> {
    let is_of_one = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    let mut from = 0;
    loop {
        from += octets.get(from..)?.iter().position(|at| is_of_one(at.value))?;
        let run = &octets[from..];
        let run = &run[..run.iter().position(|at| !is_of_one(at.value)).unwrap_or(run.len())];
        let has = |is: fn(&u8) -> bool| run.iter().any(|at| is(&at.value));
        if run.len() == SIGNATURE_CHARS
            && has(u8::is_ascii_lowercase)
            && has(u8::is_ascii_uppercase)
            && b"AEIMQUYcgkosw048".contains(&run[SIGNATURE_CHARS - 1].value)
        {
            return Some((from, from + SIGNATURE_CHARS));
        }
        from += run.len();
    }
}

/// The next non-empty value of a parameter of this name.
fn next_named(octets: &[Octet], name: &[u8]) -> Option<Range> {
    let is_name =
        |at: &[Octet]| at.iter().zip(name).all(|(octet, name)| octet.value.eq_ignore_ascii_case(name));
    let mut from = 0;
    loop {
        let found = from + octets.get(from..)?.windows(name.len()).position(is_name)?;
        let name_end = found + name.len();
        // The rest of the name: `signature[]`, `signature2`. The search continues after it, so that it takes linear
        // time.
        let ends_name = |at: &Octet| matches!(at.value, b'=' | b'&' | b'?' | b'/' | b';');
        from = name_end + octets[name_end..].iter().position(ends_name)?;
        if octets[from].value != b'=' {
            continue;
        }
        let start = from + 1;
        let len = octets[start..].iter().position(|at| at.value == b'&').unwrap_or(octets.len() - start);
        if len > 0 {
            return Some((start, start + len));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn signatures_are_hidden_however_they_are_encoded() {
        for (text, shown) in [
            ("", ""),
            ("v=0123456789abcdef", "v=0123456789abcdef"),
            ("/personal/signature.png", "/personal/signature.png"),
            ("signature", "signature"),
            ("signature=", "signature="),
            ("signature=&v=1", "signature=&v=1"),
            ("signature=SECRET", "signature=hidden"),
            ("v=1&expires=2&key=k&signature=SECRET", "v=1&expires=2&key=k&signature=hidden"),
            ("signature=SECRET&v=1", "signature=hidden&v=1"),
            ("signature=SECRET&signature=SECRET", "signature=hidden&signature=hidden"),
            ("signature=&signature=SECRET", "signature=&signature=hidden"),
            ("signature=SE=CRET&x", "signature=hidden&x"),
            ("signature==SECRET", "signature=hidden"),
            ("Signature=SECRET", "Signature=hidden"),
            ("SIGNATURE=SECRET&%zz&%", "SIGNATURE=hidden&%zz&%"),
            ("%73ignature=SECRET", "%73ignature=hidden"),
            ("%73%69gNature=SECRET&x=%20", "%73%69gNature=hidden&x=%20"),
            ("%2573ignature=SECRET", "%2573ignature=hidden"),
            ("%252573ignature=SECRET", "%252573ignature=hidden"),
            ("signature%3DSECRET", "signature%3Dhidden"),
            ("signature%253dSECRET%2526v=1", "signature%253dhidden%2526v=1"),
            ("a=1&amp;signature=SECRET&amp;v=1", "a=1&amp;signature=hidden&amp;v=1"),
            ("a=1;signature=SECRET", "a=1;signature=hidden"),
            ("X-Amz-Signature=SECRET", "X-Amz-Signature=hidden"),
            ("signature[]=SECRET", "signature[]=hidden"),
            (
                "u=https%3A%2F%2Fx%2Fa%3Fsignature%3DSECRET%26v%3D1",
                "u=https%3A%2F%2Fx%2Fa%3Fsignature%3Dhidden%26v%3D1",
            ),
            ("/a.pdf%3Fv=1&signature=SECRET", "/a.pdf%3Fv=1&signature=hidden"),
            ("/signature.png?x=1&signature=SECRET", "/signature.png?x=1&signature=hidden"),
            ("signature=S\u{e4}CRET%", "signature=hidden"),
            ("\u{e4}=%C3%A4&signature=%53ECRET&\u{e4}", "\u{e4}=%C3%A4&signature=hidden&\u{e4}"),
        ] {
            assert_eq!(without_signatures(text), shown, "{text}");
        }
    }

    #[test]
    fn text_that_looks_like_a_signature_is_hidden_whatever_its_name() {
        const SIGNATURE: &str = "KCfdbGOEOirGCJf44k6pHk7U40ESQIyU0d3DwWBbIxw";
        for (before, after) in [
            ("sig=", ""),
            ("", ""),
            ("signature:", ""),
            ("/personal/", ""),
            ("/personal/", "/a.pdf"),
            ("/a.pdf?", "&v=1"),
            ("x%3D", "%26v%3D1"),
            ("curl (https://x/a.pdf?s=", ")"),
            ("Mozilla\u{e4} ", "\u{e4}"),
        ] {
            let shown = without_signatures(&format!("{before}{SIGNATURE}{after}")).into_owned();
            assert_eq!(shown, format!("{before}hidden{after}"));
        }
        for text in [
            &SIGNATURE[1..],
            &format!("{SIGNATURE}A"),
            &format!("{}x", &SIGNATURE[..SIGNATURE_CHARS - 1]),
            "/a/summer-sale-2026-landing-page-hero-banner-xs.jpg",
            "/a/4a5b6c7d8e9f4a5b6c7d8e9f4a5b6c7d8e9f4a5b6c8",
        ] {
            assert_eq!(without_signatures(text), text);
        }
        assert_eq!(without_signatures("access_token=t0ken&v=1"), "access_token=hidden&v=1");
        let twice = format!("sig={SIGNATURE}&signature={SIGNATURE}&s={SIGNATURE}");
        assert_eq!(without_signatures(&twice), "sig=hidden&signature=hidden&s=hidden");
    }

    proptest! {
        #[test]
        fn any_text_can_be_redacted(text in "(\\PC|%[0-9a-f]{2}|%25|signature|=|&){0,30}") {
            let _ = without_signatures(&text);
        }

        #[test]
        fn no_signature_is_shown_wherever_it_is(
            before in "([a-z]{1,5}(=|%3D)?[a-z]{0,5}(&|%26|;)){0,4}",
            name in "(s|%73|S|%2573)ignatur(e|%65)(=|%3D|%253D)",
            after in "((&|%26)[a-z]{1,9}){0,3}",
        ) {
            let shown = without_signatures(&format!("{before}{name}SECRET{after}")).into_owned();
            prop_assert_eq!(shown, format!("{}{}hidden{}", before, name, after));
        }
    }
}
