//! Finds an error code in a text.

use super::text::{after, has, number, split};
use crate::whatsapp::errors::error_code;

/// The error code in a text: `(#131009)`, a number after the word `code`, or a number that can hardly be anything else.
pub(crate) fn code_in(text: &str) -> Option<u32> {
    let mut rest = text;
    while let Some(found) = after(rest, "(#") {
        if let Some((code, end)) = number(found)
            && end.starts_with(')')
        {
            return Some(code);
        }
        rest = found;
    }
    labelled(text).or_else(|| alone(text))
}

/// `error code: 131053`, `errorCode=63016`, `'code': 100`.
fn labelled(text: &str) -> Option<u32> {
    let mut rest = text;
    while let Some((before, found)) = split(rest, "code") {
        rest = found;
        // The code of an HTTP status, a country or a language is not an error code.
        let word = before.trim_end_matches([' ', '_', '-', '.', '"', '\'']);
        let others = ["status", "http", "country", "language", "qr", "de", "zip"];
        if others.iter().any(|other| ends_with(word, other)) {
            continue;
        }
        let value = found.trim_start_matches([' ', ':', '=', '"', '\'', '>', '#', '(']);
        if value.len() == found.len() {
            continue;
        }
        if let Some((code, _)) = number(value)
            && error_code(code).is_some()
            && !is_http_status(code)
        {
            return Some(code);
        }
    }
    None
}

/// A six-digit code of the Cloud API, or one of Twilio's beside a word that says so.
fn alone(text: &str) -> Option<u32> {
    let is_twilio = has(text, "error") || has(text, "twilio") || has(text, "fail");
    let is_code = |code: &u32| {
        let is_single = || error_code(*code).is_some_and(|known| known.first == known.last);
        (*code >= 130_000 || (is_twilio && (63_000..64_000).contains(code))) && is_single()
    };
    // The number of a network in the text of a rate limit can have six digits, too.
    let text = split(text, "asn").map_or(text, |(before, _)| before);
    text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| matches!(word.len(), 5 | 6)).find_map(
        |word| number(word).filter(|(_, rest)| rest.is_empty()).map(|(code, _)| code).filter(is_code),
    )
}

/// Whether a number is far more often an HTTP status than an error code of WhatsApp's.
pub(crate) const fn is_http_status(code: u32) -> bool {
    code >= 400 && code < 600 && !matches!(code, 470 | 471 | 480 | 506)
}

fn ends_with(text: &str, end: &str) -> bool {
    text.len() >= end.len() && text.as_bytes()[text.len() - end.len()..].eq_ignore_ascii_case(end.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_found_by_their_mark_and_not_in_other_numbers() {
        for (text, code) in [
            ("(#131047) Re-engagement message", Some(131_047)),
            ("see (#fragment): (#100) Invalid parameter", Some(100)),
            ("error code: 63016", Some(63_016)),
            ("ErrorCode=63019", Some(63_019)),
            ("{ 'code': 100, 'title': 'x' }", Some(100)),
            ("Twilio 63024: invalid message recipient", Some(63_024)),
            ("failed with 131053", Some(131_053)),
            ("zip code 63016", None),
            ("status code 470", None),
            ("http code 100", None),
            ("Request failed with status code 400", None),
            ("country code: 33", None),
            ("we sold 63016 tickets", None),
            ("limited for asn_list: 131053", None),
            ("", None),
        ] {
            assert_eq!(code_in(text), code, "{text}");
        }
    }
}
