//! Text encodings, HTML, SVG, XML and JSON, and bytes that are not text.

use super::*;

fn text(encoding: TextEncoding, has_bom: bool) -> Format {
    Format::Text(Text { encoding, has_bom })
}

#[test]
fn encodings() {
    use TextEncoding::{Ascii, Legacy, Utf8, Utf16};
    let texts: &[(&[u8], TextEncoding, bool)] = &[
        (b"Open 8 to 18\r\n", Ascii, false),
        (b"\n", Ascii, false),
        ("Café Luna".as_bytes(), Utf8, false),
        ("\u{feff}Cafe".as_bytes(), Utf8, true),
        ("価格表".as_bytes(), Utf8, false),
        (b"Caf\xe9 Luna, open 8 to 18", Legacy, false),
        (b"The best caf\xe9", Legacy, false),
        (b"\xff\xfeC\0a\0f\0\xe9\0", Utf16, true),
        (b"\xfe\xff\0C\0a\0f\0\xe9", Utf16, true),
        (b"C\0a\0f\0\xe9\0 \0L\0", Utf16, false),
        (b"\0C\0a\0f\0\xe9", Utf16, false),
    ];
    for (bytes, encoding, has_bom) in texts {
        assert_eq!(undamaged(bytes), text(*encoding, *has_bom), "{}", bytes.escape_ascii());
    }
}

#[test]
fn a_character_cut_by_the_read_window_is_not_damage_but_one_cut_by_the_end_is() {
    for pad in 0..4 {
        let long = format!("{}{}", "x".repeat(pad), "日本語のメニュー ".repeat(20_000));
        assert_eq!(undamaged(long.as_bytes()), text(TextEncoding::Utf8, false), "{pad}");
        let wide: Vec<u8> = long.encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(undamaged(&[&b"\xff\xfe"[..], &wide].concat()), text(TextEncoding::Utf16, true), "{pad}");
    }
    let cut = recognise_bytes(&"Menü für heute: Café".as_bytes()[..22]);
    assert!(is_truncated(&cut) && cut.format == text(TextEncoding::Utf8, false), "{cut:?}");
}

#[test]
fn the_end_of_a_long_text_counts_too() {
    let head = "plain words, row after row\n".repeat(4_000);
    let with = |end: &[u8]| undamaged(&[head.as_bytes(), end].concat());
    assert_eq!(with(b"the last"), text(TextEncoding::Ascii, false));
    assert_eq!(with("Café".as_bytes()), text(TextEncoding::Utf8, false));
    assert_eq!(with(b"caf\xe9 au lait"), text(TextEncoding::Legacy, false));
    assert_eq!(with(b"\0\x01\x02"), Format::Unknown);
}

#[test]
fn html_svg_xml_and_json_are_recognised_by_their_start() {
    let long = format!("[{}1]", "{\"a\": \"b\"}, ".repeat(10_000));
    let texts: &[(&str, Format)] = &[
        ("<!DOCTYPE html><p>403</p>", Format::Html),
        ("\n\n<HTML lang=de>", Format::Html),
        ("\u{feff}<!-- a proxy's page -->\n<head>", Format::Html),
        ("<?xml version=\"1.0\"?><!DOCTYPE html PUBLIC \"x\" \"y\"><html>", Format::Html),
        ("<svg xmlns=\"http://www.w3.org/2000/svg\"/>", Format::Svg),
        ("<?xml version=\"1.0\"?>\n<!-- a > b -->\n<!DOCTYPE svg [<!ENTITY a \"b\">]><svg>", Format::Svg),
        ("<?xml version=\"1.0\"?><!DOCTYPE x [<!ENTITY a \"b\">]><svg>", Format::Svg),
        ("<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code></Error>", Format::Xml { is_error: true }),
        ("<rss version=\"2.0\"></rss>\n", Format::Xml { is_error: false }),
        ("{\"error\": {\"code\": 131053}}", Format::Json { is_error: true }),
        ("[1, 2]\n", Format::Json { is_error: false }),
        (&long, Format::Json { is_error: false }),
        ("{\\rtf1\\ansi Hello}", Format::Rtf),
        ("<3 is a heart", text(TextEncoding::Ascii, false)),
        ("<paragraph about nothing", text(TextEncoding::Ascii, false)),
        ("[see below]", text(TextEncoding::Ascii, false)),
        ("{name}, hello", text(TextEncoding::Ascii, false)),
        ("How to write <html>", text(TextEncoding::Ascii, false)),
        ("<html> is how a page begins.", text(TextEncoding::Ascii, false)),
        ("<!DOCTYPE html> stands before it.\n", text(TextEncoding::Ascii, false)),
        ("<b>Menu</b> of today: soup, 4 <", text(TextEncoding::Ascii, false)),
        ("<p>404 page not found</p>\n", Format::Html),
        ("<html>\r\n<head><title>403 Forbidden</title></head>\r\ncut he", Format::Html),
    ];
    for (bytes, format) in texts {
        assert_eq!(undamaged(bytes.as_bytes()), *format, "{}", &bytes[..bytes.len().min(60)]);
    }
    let wide: Vec<u8> = "\u{feff}<html>".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(undamaged(&wide), Format::Html);
    let nested = "[".repeat(30_000);
    assert_eq!(undamaged(nested.as_bytes()), text(TextEncoding::Ascii, false));
}

#[test]
fn api_errors_are_distinguished_from_data() {
    for (text, expected) in [
        // Errors of gateways, object stores and frameworks.
        (r#"{"error":{"message":"(#100) Invalid parameter","type":"OAuthException","code":100}}"#, true),
        (r#"{"Error": "no such file"}"#, true),
        (r#"{"errors":[{"status":"404"}],"data":null}"#, true),
        (r#"{"message":"Forbidden"}"#, true),
        (r#"{"detail":"Not found."}"#, true),
        (r#"{"type":"about:blank","title":"Not Found","status":404,"detail":"x"}"#, true),
        (r#"{"__type":"AccessDeniedException","Message":"x"}"#, true),
        (r#"{"message":"Not Found","documentation_url":"https://docs.example","status":"404"}"#, true),
        (r#"{"timestamp":"2026-01-01","status":404,"error":"Not Found","path":"/a"}"#, true),
        (r#"{"success":false,"message":"expired"}"#, true),
        // Data.
        (r#"{"error":null,"data":[1]}"#, false),
        (r#"{"errors":[],"items":[]}"#, false),
        (r#"{"title":"Soup","price":4}"#, false),
        (r#"{"status":"open"}"#, false),
        (r#"{"message":{"text":"Hello"}}"#, false),
        (r#"[{"error":"x"}]"#, false),
        ("{}", false),
    ] {
        assert_eq!(undamaged(text.as_bytes()), Format::Json { is_error: expected }, "{text}");
    }
    for (text, expected) in [
        ("<Error><Code>NoSuchKey</Code></Error>", true),
        ("<?xml version=\"1.0\"?><problem xmlns=\"urn:ietf:rfc:7807\"><title>x</title></problem>", true),
        ("<?xml version=\"1.0\"?><soap:Fault><a/></soap:Fault>", true),
        ("<ErrorResponse/>", true),
        ("<errors-of-the-week></errors-of-the-week>", false),
        ("<menu><error>none</error></menu>", false),
    ] {
        assert_eq!(undamaged(text.as_bytes()), Format::Xml { is_error: expected }, "{text}");
    }
}

#[test]
fn binary_data_is_not_text() {
    for bytes in [
        &b"\x80\x81\x82\x83"[..],
        b"\xff\xfe\x00",
        b"\xff\xfe\x00\xd8\x41\x00",
        b"abc\0def",
        b"\x01\x02\x03\x04",
        b"words\x0b",
        b"\xc0\xc1\xf5\xfe\xff\x90",
    ] {
        assert_eq!(undamaged(bytes), Format::Unknown, "{}", bytes.escape_ascii());
    }
    // Pseudo-random bytes of many lengths.
    let mut state = 0x2545_F491_4F6C_DD1D_u64;
    let mut random = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[0]
    };
    let taken = (0..2_000).filter(|round| {
        let bytes: Vec<u8> = (0..64 + round % 200).map(|_| random()).collect();
        matches!(recognise_bytes(&bytes).format, Format::Text(_))
    });
    assert_eq!(taken.count(), 0);
}
