//! Media by link and by id, and their captions and file names.

use super::*;

#[test]
fn media_have_an_id_or_a_link_everywhere() {
    for (name, pointer) in [
        ("cloud/image", "/image"),
        ("cloud/audio", "/audio"),
        ("cloud/document", "/document"),
        ("cloud/sticker", "/sticker"),
        ("cloud/buttons", "/interactive/header/image"),
        ("cloud/cta-url", "/interactive/header/document"),
        ("cloud/carousel-links", "/interactive/action/cards/0/header/image"),
        ("cloud/template-header-image", "/template/components/0/parameters/0/image"),
        ("cloud/template-header-document", "/template/components/0/parameters/0/document"),
    ] {
        let link = format!("{pointer}/link");
        let id = format!("{pointer}/id");
        let both = with(payload(name), &id, "1013859600285441");
        assert_eq!(said(&both), [format!("error {} 100", path_of(pointer))], "{name}");
        assert_eq!(said(&without(both, &link)), [""; 0], "{name}");
        let neither = without(payload(name), &link);
        assert_eq!(said(&neither), [format!("error {} 131008", path_of(pointer))], "{name}");

        let of = |text: &str| said(&with(payload(name), &link, text));
        let path = path_of(&link);
        for (text, verdict) in [
            ("http://media.example.com/a?v=1", None),
            ("https://media.example.com/a", Some(format!("warning {path}"))),
            ("https://media.example.com/\u{e4}?v=1", Some(format!("warning {path} 100"))),
            ("https://scontent.whatsapp.net/v/a?v=1", Some(format!("error {path} 131053"))),
            ("ftp://media.example.com/a?v=1", Some(format!("error {path} 100"))),
            ("", Some(format!("error {path} 100"))),
        ] {
            assert_eq!(of(text), Vec::from_iter(verdict), "{name} {text}");
        }
    }
}

#[test]
fn buttons_accept_any_url() {
    let pointer = "/interactive/action/parameters/url";
    assert_eq!(said(&with(payload("cloud/cta-url"), pointer, "https://shop.example")), [""; 0]);
    let bad = with(payload("cloud/cta-url"), pointer, "shop.example");
    assert_eq!(said(&bad), ["error interactive.action.parameters.url 100"]);
}

#[test]
fn captions_and_file_names_only_where_they_are_shown() {
    for (name, pointer) in [
        ("cloud/audio", "/audio/caption"),
        ("cloud/sticker", "/sticker/caption"),
        ("cloud/buttons", "/interactive/header/image/caption"),
        ("cloud/template-header-document", "/template/components/0/parameters/0/document/caption"),
        ("cloud/image", "/image/filename"),
        ("cloud/video", "/video/voice"),
        ("cloud/location-request", "/interactive/header"),
        ("cloud/location-request", "/interactive/footer"),
        ("cloud/carousel-links", "/interactive/header"),
        ("cloud/carousel-links", "/interactive/footer"),
        ("cloud/product", "/interactive/header"),
        ("cloud/text", "/preview_url"),
    ] {
        let fault = only(&with(payload(name), pointer, "x"));
        assert_eq!((fault.path.clone(), fault.code), (path_of(pointer), Some(100)), "{fault}");
        // The field is known elsewhere, so it is an error even with `Unknown::Warned`.
        let lenient = validate(&with(payload(name), pointer, "x"), Dialect::Cloud, Unknown::Warned);
        assert!(lenient[0].is_error(), "{fault}");
    }
}

#[test]
fn file_name_of_a_document_has_an_extension() {
    let of = |name: &str| said(&with(payload("cloud/document"), "/document/filename", name));
    for good in ["a.pdf", "Q1. Report v2.PDF", "\u{5d3}\u{5d5}\u{5d7}.pdf"] {
        assert_eq!(of(good), [""; 0], "{good}");
    }
    for bad in ["", "report", "report.", ".pdf"] {
        assert_eq!(of(bad), ["warning document.filename"], "{bad}");
    }
    let missing = without(payload("cloud/document"), "/document/filename");
    assert_eq!(said(&missing), ["warning document.filename"]);
}

#[test]
fn voice_message_is_opus_in_ogg() {
    let of = |link: &str| said(&with(payload("cloud/voice"), "/audio/link", link));
    for good in ["https://x.example/a.ogg?v=1", "https://x.example/a.OGG?v=1"] {
        assert_eq!(of(good), [""; 0], "{good}");
    }
    for bad in ["https://x.example/a.mp3?v=1", "https://x.example/?v=1", "https://x.example/a?v=1&f=.ogg"] {
        assert_eq!(of(bad), ["warning audio.link 131053"], "{bad}");
    }
    let no_voice = with(payload("cloud/voice"), "/audio/voice", false);
    assert_eq!(said(&with(no_voice, "/audio/link", "https://x.example/a.mp3?v=1")), [""; 0]);
}

#[test]
fn on_premises_link_may_name_its_provider() {
    let of = |payload: &Value| said_in(payload, Dialect::Dialog360OnPremises);
    let good = payload("on-premises/image-of-provider");
    assert_eq!(of(&good), [""; 0]);
    let plain = with(good.clone(), "/image/link", "https://media.example.com/banner.jpg");
    assert_eq!(of(&plain), [""; 0]);
    let other = with(good.clone(), "/image/provider/name", "another");
    assert_eq!(of(&other), ["error image.link 1009"]);
    assert_eq!(of(&without(good.clone(), "/image/provider")), ["error image.link 1009"]);
    let cloud = with(payload("cloud/image"), "/image/provider", json!({"name": "shop"}));
    assert_eq!(said(&cloud), ["error image.provider 100"]);
    assert!(only(&cloud).reason.contains("On-Premises"));
}

#[test]
fn a_documents_name_has_the_extension_of_its_link() {
    let of = |link: &str, name: &str| {
        let document = with(payload("cloud/document"), "/document/link", link);
        said(&with(document, "/document/filename", name))
    };
    for (link, name) in [
        ("https://x.example/rows.xls?v=1", "rows.XLS"),
        ("https://x.example/a.jpeg?v=1", "a.jpg"),
        ("https://x.example/a.htm?v=1", "a.html"),
        ("https://x.example/invoice?v=1", "invoice.pdf"),
        ("https://x.example/invoice.php?v=1", "invoice.pdf"),
        ("https://x.example/get.aspx?v=1", "invoice.pdf"),
        ("https://x.example/v1.2/f?v=1", "invoice.pdf"),
        ("https://x.example/a.unheard-of?v=1", "a.pdf"),
    ] {
        assert_eq!(of(link, name), [""; 0], "{link} {name}");
    }
    for (link, name) in [
        ("https://x.example/rows.xls?v=1", "rows.pdf"),
        ("https://x.example/rows.XLSX?v=1", "rows.xls"),
        ("https://x.example/a.pdf?v=1", "a.docx"),
        ("https://x.example/a.mp4?v=1", "a.mp3"),
    ] {
        assert_eq!(of(link, name), ["warning document.filename"], "{link} {name}");
    }
}

#[test]
fn a_document_in_the_header_of_a_template_is_a_pdf() {
    let at = "/template/components/0/parameters/0/document";
    let of = |document: Value| said(&with(payload("cloud/template-header-document"), at, document));
    for document in [
        json!({"link": "https://x.example/a.PDF?v=1", "filename": "a.pdf"}),
        json!({"link": "https://x.example/a?v=1", "filename": "a.pdf"}),
        json!({"link": "https://x.example/a.php?v=1", "filename": "a.pdf"}),
        json!({"id": "1", "filename": "a.pdf"}),
    ] {
        assert_eq!(of(document.clone()), [""; 0], "{document}");
    }
    let path = "template.components[0].parameters[0].document";
    let link = json!({"link": "https://x.example/a.docx?v=1", "filename": "a.docx"});
    assert_eq!(of(link), [format!("error {path}.link 132012")]);
    assert_eq!(of(json!({"id": "1", "filename": "a.xlsx"})), [format!("error {path}.filename 132012")]);
}

#[test]
fn a_link_that_ends_like_another_kind_of_file_is_doubted() {
    for (name, pointer, fine, odd) in [
        (
            "cloud/image",
            "/image/link",
            &["jpg", "JPEG", "png", "php", "unknown"][..],
            &["pdf", "mp4", "webp", "heic", "gif"][..],
        ),
        ("cloud/video", "/video/link", &["mp4", "3gp"], &["mov", "jpg", "webm"]),
        ("cloud/audio", "/audio/link", &["ogg", "mp3", "m4a", "aac", "amr", "opus"], &["wav", "pdf", "jpg"]),
        ("cloud/sticker", "/sticker/link", &["webp"], &["png", "gif"]),
        ("cloud/buttons", "/interactive/header/image/link", &["png"], &["pdf"]),
        (
            "cloud/template-header-image",
            "/template/components/0/parameters/0/image/link",
            &["jpg"],
            &["pdf", "mp4"],
        ),
    ] {
        let of = |extension: &str| {
            let mut linked =
                with(payload(name), pointer, format!("https://media.example.com/a.{extension}?v=1"));
            let media = linked.pointer_mut(pointer.strip_suffix("/link").expect("a link")).expect("media");
            media.as_object_mut().expect("an object").remove("id");
            said(&linked)
        };
        for extension in fine {
            assert_eq!(of(extension), [""; 0], "{name} {extension}");
        }
        for extension in odd {
            assert_eq!(of(extension), [format!("warning {} 131053", path_of(pointer))], "{name} {extension}");
        }
    }
}
