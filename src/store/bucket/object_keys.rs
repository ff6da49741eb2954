//! Encodes the keys in a bucket list, so that `object_store` passes them on unchanged.
//!
//! `object_store` parses a list page by page and makes paths of its keys: it loses a slash at either end of a key,
//! and rejects a whole page that contains a key like `a//b` or `a/../b`. So the keys of a list are percent-encoded
//! before it is parsed, slashes and dots too, and decoded afterwards.

use std::borrow::Cow;

use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// The elements that contain keys: those of S3 and Google, and that of Azure. No code reads other elements of these
/// names in a list.
const ELEMENTS: [&str; 2] = ["Key", "Name"];

/// The page of a list with its keys encoded.
pub(super) fn encoded(page: &str) -> String {
    let mut out = String::with_capacity(page.len() + page.len() / 8);
    let mut rest = page;
    while let Some((before, behind)) = rest.split_once('<') {
        out.push_str(before);
        out.push('<');
        rest = behind;
        if let Some((name, key, behind)) = element(behind) {
            out.extend([name, ">"]);
            out.extend(utf8_percent_encode(&key, NON_ALPHANUMERIC));
            rest = behind;
        }
    }
    out.push_str(rest);
    out
}

/// The original of an encoded key.
pub(super) fn decoded(key: &str) -> Cow<'_, str> {
    percent_decode_str(key).decode_utf8_lossy()
}

/// Parses the element that begins here, after its `<`: its name, the key in it, and the rest from its end tag on.
fn element(text: &str) -> Option<(&'static str, String, &str)> {
    let name = ELEMENTS.into_iter().find(|name| text.starts_with(name))?;
    let (attributes, rest) = text[name.len()..].split_once('>')?;
    let end = rest.find('<')?;
    let is_closed = rest[end..].strip_prefix("</").and_then(|rest| rest.strip_prefix(name))?.starts_with('>');
    // Not `<Names>` or `<Name/>`.
    let is_one = attributes.is_empty() || attributes.starts_with(' ') && !attributes.ends_with('/');
    if !is_closed || !is_one {
        return None;
    }
    let key = unescaped(&rest[..end])?;
    // Azure encodes names that XML cannot express.
    let key = if attributes.contains("Encoded=\"true\"") { decoded(&key).into_owned() } else { key };
    Some((name, key, &rest[end..]))
}

/// The text of an element with its entities replaced (XML 1.0, sections 4.1 and 4.6); `None` if one is invalid.
fn unescaped(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once('&') {
        out.push_str(before);
        let (entity, behind) = behind.split_once(';')?;
        out.push(match entity {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "apos" => '\'',
            _ => {
                let number = entity.strip_prefix('#')?;
                let number = match number.strip_prefix('x') {
                    Some(hex) => u32::from_str_radix(hex, 16),
                    None => number.parse(),
                };
                char::from_u32(number.ok()?)?
            }
        });
        rest = behind;
    }
    out.push_str(rest);
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use object_store::path::Path;
    use proptest::prelude::*;

    #[test]
    fn keys_are_encoded_in_the_lists_of_every_service() {
        for (page, expected) in [
            (
                "<?xml version=\"1.0\"?><ListBucketResult><Name>media</Name><Contents><Key>a//b.jpg</Key><Size>1</Size></Contents></ListBucketResult>",
                "<?xml version=\"1.0\"?><ListBucketResult><Name>media</Name><Contents><Key>a%2F%2Fb%2Ejpg</Key><Size>1</Size></Contents></ListBucketResult>",
            ),
            ("<Key>/a</Key><Key>a/</Key><Key>..</Key>", "<Key>%2Fa</Key><Key>a%2F</Key><Key>%2E%2E</Key>"),
            ("<Key>R&amp;B &#x2F;&#10;&lt;</Key>", "<Key>R%26B%20%2F%0A%3C</Key>"),
            ("<Blob><Name>a b</Name>", "<Blob><Name>a%20b</Name>"),
            ("<Name Encoded=\"true\">a%EF%BF%BF%2Fb</Name>", "<Name>a%EF%BF%BF%2Fb</Name>"),
            // Other elements stay as they are.
            ("<KeyCount>1</KeyCount><Key/><Key></Key>", "<KeyCount>1</KeyCount><Key/><Key></Key>"),
            ("<Key><![CDATA[a]]></Key>", "<Key><![CDATA[a]]></Key>"),
            ("<Key>a&nbsp;</Key><Key>b", "<Key>a&nbsp;</Key><Key>b"),
            ("no list < at all", "no list < at all"),
        ] {
            assert_eq!(encoded(page), expected);
        }
    }

    proptest! {
        #[test]
        fn any_key_round_trips(key in "[a-z/.%&<> \\x00-\\x1f\u{e4}\u{1f600}]{1,20}") {
            let escaped = key.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
            let page = encoded(&format!("<Key>{escaped}</Key>"));
            let carried = page.strip_prefix("<Key>").and_then(|page| page.strip_suffix("</Key>"));
            let path = Path::parse(carried.expect("one key")).expect("a path");
            prop_assert_eq!(decoded(path.as_ref()), key);
        }

        #[test]
        fn any_text_is_encoded(page in "[<>/&;#xKeyNam= \"a%]{0,60}") {
            let _ = encoded(&page);
        }
    }
}
