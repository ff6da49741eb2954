//! The exact JSON of each builder, and the errors.

use serde_json::{Value, json};

use super::super::*;
use super::TO;

/// The payload as text, which includes the order of members.
#[track_caller]
fn printed(message: &Message, dialect: Dialect) -> String {
    message.build(dialect).unwrap_or_else(|refused| panic!("{refused}")).to_string()
}

/// The object under the message's type.
#[track_caller]
fn object(content: impl Into<Content>) -> Value {
    content.into().object().clone()
}

#[test]
fn envelope_has_only_the_given_fields() {
    let text = || Text::new("Hi").preview_url(false);
    for (message, dialect, payload) in [
        (
            Message::new(TO, text()),
            Dialect::Cloud,
            r#"{"messaging_product":"whatsapp","to":"+16505551234","type":"text","text":{"preview_url":false,"body":"Hi"}}"#,
        ),
        (
            Message::new(TO, text()).say_individual().reply_to("wamid.A").callback_data("x"),
            Dialect::Dialog360,
            r#"{"messaging_product":"whatsapp","recipient_type":"individual","to":"+16505551234","context":{"message_id":"wamid.A"},"biz_opaque_callback_data":"x","type":"text","text":{"preview_url":false,"body":"Hi"}}"#,
        ),
        (
            Message::new(Recipient::user("US.1349").or_phone(TO), Text::new("Hi")),
            Dialect::Cloud,
            r#"{"messaging_product":"whatsapp","to":"+16505551234","recipient":"US.1349","type":"text","text":{"body":"Hi"}}"#,
        ),
        (
            Message::new(Recipient::group("Y2FwaQ"), Pin::new("wamid.A", 7)),
            Dialect::Cloud,
            r#"{"messaging_product":"whatsapp","recipient_type":"group","to":"Y2FwaQ","type":"pin","pin":{"type":"pin","message_id":"wamid.A","expiration_days":7}}"#,
        ),
        // On-Premises: no product, and the preview beside the text.
        (
            Message::new(TO, text()),
            Dialect::OnPremises,
            r#"{"to":"+16505551234","type":"text","preview_url":false,"text":{"body":"Hi"}}"#,
        ),
    ] {
        assert_eq!(printed(&message, dialect), payload);
    }
}

#[test]
fn media_have_an_id_or_a_link_everywhere() {
    let link = || Source::link("https://x.example/a.jpg");
    assert_eq!(object(Image::id("1").caption("A")), json!({"id": "1", "caption": "A"}));
    assert_eq!(
        object(Document::new(link()).filename("a.jpg")),
        json!({"link": "https://x.example/a.jpg", "filename": "a.jpg"})
    );
    let provider = Source::Provider { name: "shop".to_owned(), link: "https://x.example/a.webp".to_owned() };
    assert_eq!(
        object(Sticker::new(provider)),
        json!({"link": "https://x.example/a.webp", "provider": {"name": "shop"}})
    );
    let header = CtaUrl::new("B", "T", "https://x.example").header(HeaderMedia::Image(link()));
    assert_eq!(
        object(header)["header"],
        json!({"type": "image", "image": {"link": "https://x.example/a.jpg"}})
    );
    let filename = Some("a.pdf".to_owned());
    let template =
        Template::new("a", "en").header(HeaderMedia::Document { source: Source::id("1"), filename });
    assert_eq!(
        object(template)["components"],
        json!([{"type": "header", "parameters": [{"type": "document", "document": {"id": "1", "filename": "a.pdf"}}]}])
    );
}

#[test]
fn coordinates_are_numbers_or_on_request_strings() {
    assert_eq!(
        object(Location::new(37.75, -122.5).name("N")).to_string(),
        r#"{"latitude":37.75,"longitude":-122.5,"name":"N"}"#
    );
    assert_eq!(
        object(Location::new(37.75, -122.5).as_strings()).to_string(),
        r#"{"latitude":"37.75","longitude":"-122.5"}"#
    );
}

#[test]
fn template_has_every_component_in_its_shape() {
    let order = Order::new("r", "digital-goods", "INR", json!({"value": 1}), json!({}));
    let sections = [("Roses".to_owned(), vec!["r1".to_owned()])];
    let template = Template::new("all_of_it", "en_US")
        .deterministic()
        .header(TemplateHeader::Text(TemplateText::named("who", "Pablo")))
        .body([
            Parameter::text("a"),
            Parameter::currency("$1", "USD", 1000),
            Parameter::DateTime(DateTime::new("Monday").day_of_week(1)),
        ])
        .limited_time_offer(1_209_600_000)
        .button(TemplateButton::quick_reply(0, "p"))
        .button(TemplateButton::url(1, "s"))
        .button(TemplateButton::copy_code(2, "25OFF"))
        .button(TemplateButton::flow(3, Some("t"), Some(json!({"k": "v"}))))
        .button(TemplateButton::catalog(4, "r1"))
        .button(TemplateButton::products(5, "r1", &sections))
        .button(TemplateButton::voice_call(6, Some(100), Some("p")))
        .button(TemplateButton::order_details(7, &order))
        .tap_target("https://x.example", "X");
    let object = object(template);
    assert_eq!(object["language"], json!({"policy": "deterministic", "code": "en_US"}));
    let components = [
        json!({"type": "header", "parameters": [{"type": "text", "parameter_name": "who", "text": "Pablo"}]}),
        json!({"type": "body", "parameters": [
            {"type": "text", "text": "a"},
            {"type": "currency", "currency": {"fallback_value": "$1", "code": "USD", "amount_1000": 1000}},
            {"type": "date_time", "date_time": {"fallback_value": "Monday", "day_of_week": 1}},
        ]}),
        json!({"type": "limited_time_offer", "parameters": [
            {"type": "limited_time_offer", "limited_time_offer": {"expiration_time_ms": 1_209_600_000_u64}},
        ]}),
        json!({"type": "button", "sub_type": "quick_reply", "index": "0", "parameters": [{"type": "payload", "payload": "p"}]}),
        json!({"type": "button", "sub_type": "url", "index": "1", "parameters": [{"type": "text", "text": "s"}]}),
        json!({"type": "button", "sub_type": "copy_code", "index": "2", "parameters": [{"type": "coupon_code", "coupon_code": "25OFF"}]}),
        json!({"type": "button", "sub_type": "flow", "index": "3", "parameters": [
            {"type": "action", "action": {"flow_token": "t", "flow_action_data": {"k": "v"}}},
        ]}),
        json!({"type": "button", "sub_type": "catalog", "index": "4", "parameters": [
            {"type": "action", "action": {"thumbnail_product_retailer_id": "r1"}},
        ]}),
        json!({"type": "button", "sub_type": "mpm", "index": "5", "parameters": [
            {"type": "action", "action": {"thumbnail_product_retailer_id": "r1", "sections": [
                {"title": "Roses", "product_items": [{"product_retailer_id": "r1"}]},
            ]}},
        ]}),
        json!({"type": "button", "sub_type": "voice_call", "index": "6", "parameters": [
            {"type": "ttl_minutes", "ttl_minutes": 100}, {"type": "payload", "payload": "p"},
        ]}),
        json!({"type": "button", "sub_type": "order_details", "index": "7", "parameters": [
            {"type": "action", "action": {"order_details": {
                "reference_id": "r", "type": "digital-goods", "currency": "INR", "total_amount": {"value": 1}, "order": {},
            }}},
        ]}),
        json!({"type": "tap_target_configuration", "parameters": [
            {"type": "tap_target_configuration", "tap_target_configuration": [{"url": "https://x.example", "title": "X"}]},
        ]}),
    ];
    assert_eq!(object["components"], Value::from(components.to_vec()));
}

#[test]
fn build_error_has_every_fault_with_its_path() {
    let message = Message::new(TO, ReplyButtons::new("", "a", "A").button("a", "A").footer("f".repeat(61)));
    let refused = message.build(Dialect::Cloud).expect_err("three faults");
    for path in ["interactive.body.text", "interactive.footer.text", "interactive.action.buttons[1]"] {
        let found = refused.faults().iter().any(|fault| fault.path.starts_with(path));
        assert!(found, "nothing of {path} in {:#?}", refused.faults());
    }
    assert!(refused.to_string().contains("; "), "{refused}");
}

#[test]
fn invalid_messages_are_not_built() {
    let two = |second: Card| {
        let source = Source::link("https://x.example/a.jpg");
        MediaCarousel::new("B", Card::image(source, CardButtons::replies([("a", "A")])), second)
    };
    let video = Source::link("https://x.example/a.mp4");
    for (what, message) in [
        ("a reply with a reaction", Message::new(TO, Reaction::new("wamid.A", "👍")).reply_to("wamid.B")),
        ("two emoji", Message::new(TO, Reaction::new("wamid.A", "👍👎"))),
        ("no product", Message::new(TO, ProductList::new("H", "B", "1"))),
        ("one card", Message::new(TO, ProductCarousel::new("B", "1", ["a"]))),
        ("cards of two kinds", Message::new(TO, two(Card::video(video, CardButtons::replies([("b", "B")]))))),
        ("an emoji on a flow's button", Message::new(TO, Flow::new("B", FlowName::Id("1".into()), "Go 🚀"))),
        ("a pin for one", Message::new(TO, Pin::new("wamid.A", 7))),
        ("a birthday in no calendar", {
            let contact = Contact::new(Name::first("A", "A")).birthday(2023, 2, 29);
            Message::new(TO, Contacts::one(contact))
        }),
        ("a name that no template has", Message::new(TO, Template::new("Spring Sale", "en"))),
        ("a provider in the cloud", {
            let link = "https://x.example/a.jpg".to_owned();
            Message::new(TO, Image::new(Source::Provider { name: "p".to_owned(), link }))
        }),
        ("an hsm in the cloud", Message::new(TO, Hsm::new("n", "e", "en"))),
        (
            "a caption by hand",
            Message::new(TO, Content::written("audio", json!({"id": "1", "caption": "x"}))),
        ),
        ("a type that there is none of", Message::new(TO, Content::written("hologram", json!({})))),
    ] {
        assert!(message.build(Dialect::Cloud).is_err(), "{what}");
    }
}
