//! Property tests: every message within the limits builds, validates and round-trips.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::*;
use super::TO;

/// Texts of several lengths that are within WhatsApp's limits in every unit of counting.
#[derive(Debug, Clone)]
struct Texts {
    /// At most 10 characters: titles and buttons.
    short: String,
    /// At most 30: headers and footers.
    medium: String,
    /// At most 150, with line breaks: bodies and captions.
    long: String,
    /// A path in a URL.
    path: String,
}

prop_compose! {
    fn texts()(
        short in "[a-zA-Zäéß漢ש🙂\u{301}]{0,4}",
        medium in "[\\PC]{0,14}",
        long in "[\\PC\n\"'$`\\\\]{0,70}",
        path in "[a-z0-9-]{1,20}",
    ) -> Texts {
        // None is blank, and a card allows at most two line breaks.
        Texts { short: format!("s{short}"), medium: format!("m{medium}"), long: format!("l{}", long.replacen('\n', " ", 70)), path }
    }
}

/// A message of every kind, with these texts.
fn every_kind(texts: &Texts) -> Vec<Content> {
    [plain(texts), interactive(texts), templates(texts)].concat()
}

/// A link with this path.
fn url(path: &str) -> String {
    format!("https://x.example/{path}?v=0123456789abcdef")
}

fn image(path: &str) -> Source {
    Source::link(url(path))
}

fn order(path: &str) -> Order {
    let amount = json!({"value": 1100, "offset": 100});
    let order = json!({"status": "pending", "subtotal": amount, "items": []});
    Order::new(path, "digital-goods", "INR", amount.clone(), order)
}

fn plain(Texts { short, medium, long, path }: &Texts) -> Vec<Content> {
    vec![
        Text::new(long).preview_url(true).into(),
        Image::link(url(path)).caption(long).into(),
        Video::id("1").caption(long).into(),
        Audio::id("1").voice(true).into(),
        Document::link(url(path)).caption(long).filename(format!("{path}.pdf")).into(),
        Sticker::id("1").into(),
        Location::new(-12.5, 120.25).name(medium).address(long).into(),
        Contacts::one(
            Contact::new(Name::first(medium, short).last_name(short).prefix(short))
                .phone(Phone::new(TO).label("WORK").wa_id("16505551234"))
                .email("a@x.example", Some("HOME"))
                .url(url(path), None)
                .address(PostalAddress { city: Some(medium.clone()), ..PostalAddress::default() })
                .organization(Organization { company: Some(medium.clone()), ..Organization::default() })
                .birthday(2012, 8, 18),
        )
        .into(),
        Reaction::new("wamid.A", "👩🏽‍🚀").into(),
        Reaction::removed("wamid.A").into(),
    ]
}

fn interactive(Texts { short, medium, long, path }: &Texts) -> Vec<Content> {
    let card = |n: &str| {
        let buttons = CardButtons::replies([(format!("{n}{short}"), format!("{n}{short}"))]);
        Card::image(image(path), buttons).body(long)
    };
    vec![
        ReplyButtons::new(long, "a", format!("a{short}"))
            .button("b", format!("b{short}"))
            .header(HeaderMedia::Video(image(path)))
            .footer(medium)
            .into(),
        List::new(long, short, Section::new(short, Row::new("a", short).description(medium)))
            .section(Section::new(format!("2{short}"), Row::new("b", short)))
            .header(medium)
            .footer(medium)
            .into(),
        CtaUrl::new(long, short, url(path)).header(medium.as_str()).footer(medium).into(),
        Flow::new(long, FlowName::Id("1".to_owned()), "Book")
            .token(path)
            .mode(FlowMode::Draft)
            .navigate("SCREEN", Some(json!({"k": long})))
            .footer(medium)
            .into(),
        Flow::new(long, FlowName::Name("f".to_owned()), "Book").data_exchange().into(),
        Flow::new(long, FlowName::Id("1".to_owned()), "Book").header(HeaderMedia::Image(image(path))).into(),
        CtaUrl::new(long, short, url(path))
            .header(HeaderMedia::Document { source: image(path), filename: Some("a.pdf".to_owned()) })
            .into(),
        MediaCarousel::new(
            long,
            Card::video(image(path), CardButtons::url(short, url(path))),
            Card::video(image(path), CardButtons::url(short, url(path))),
        )
        .into(),
        AddressRequest::new(long, "IN")
            .header(medium.as_str())
            .footer(medium)
            .saved_address(json!({"id": "1", "value": {"name": medium}}))
            .validation_errors(json!({"in_pin_code": medium}))
            .into(),
        Template::new("text_header", "en").header(TemplateHeader::Text(TemplateText::new(medium))).into(),
        Template::new("video_header", "en")
            .header(HeaderMedia::Video(image(path)))
            .tap_target(url(path), medium)
            .into(),
        LocationRequest::new(long).into(),
        AddressRequest::new(long, "IN").values(json!({"name": medium})).into(),
        CallPermission::new(long).into(),
        ContactInfoRequest::new(long).into(),
        VoiceCall::new(long).into(),
        VoiceCall::new(long).display_text(short).ttl_minutes(43200).payload(medium).into(),
        Product::new("1", path).body(long).footer(medium).into(),
        ProductList::new(medium, long, "1").section(short, [path]).footer(medium).into(),
        Catalog::new(long).thumbnail(path).footer(medium).into(),
        Catalog::new(long).into(),
        MediaCarousel::new(long, card("a"), card("b")).card(card("c")).into(),
        ProductCarousel::new(long, "1", [format!("a{path}"), format!("b{path}")]).into(),
        OrderDetails::new(long, order(path)).header(HeaderMedia::Image(image(path))).footer(medium).into(),
        OrderStatus::new(long, path, "processing").description(medium).into(),
    ]
}

fn templates(Texts { short, medium, long, path }: &Texts) -> Vec<Content> {
    let card = |n: &str| {
        TemplateCard::new(HeaderMedia::Image(image(path)))
            .body([Parameter::text(long)])
            .button(TemplateButton::quick_reply(0, format!("{n}{path}")))
    };
    vec![
        Template::new("hello_world", "en_US").into(),
        Template::new("a_1", "pt_BR")
            .header(HeaderMedia::Image(image(path)))
            .body([Parameter::text(long), Parameter::currency("$1", "USD", 1000)])
            .button(TemplateButton::quick_reply(0, path))
            .button(TemplateButton::url(1, path))
            .into(),
        Template::new("named", "en").body([Parameter::named("first_name", long)]).into(),
        Template::new("place", "en")
            .header(TemplateHeader::Location(Location::new(1.5, 2.5).name(medium).address(long)))
            .into(),
        Template::new("product", "en")
            .header(TemplateHeader::Product { catalog_id: "1".to_owned(), retailer_id: path.clone() })
            .into(),
        Template::new("offer", "en")
            .limited_time_offer(1_764_547_200_000)
            .button(TemplateButton::copy_code(0, "25OFF"))
            .into(),
        Template::new("cards", "en").body([Parameter::text(long)]).card(card("a")).card(card("b")).into(),
        Template::new("more", "en")
            .button(TemplateButton::flow(0, Some(path), Some(json!({"k": medium}))))
            .button(TemplateButton::catalog(1, path))
            .button(TemplateButton::products(2, path, &[(short.clone(), vec![path.clone()])]))
            .button(TemplateButton::voice_call(3, Some(100), Some(path)))
            .button(TemplateButton::order_details(4, &order(path)))
            .into(),
    ]
}

/// Whether the value contains a null.
fn has_null(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(values) => values.iter().any(has_null),
        Value::Object(members) => members.values().any(has_null),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

proptest! {
    // Each case builds a hundred messages.
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn messages_within_the_limits_build_and_round_trip(texts in texts()) {
        for dialect in [Dialect::Cloud, Dialect::Dialog360] {
            for content in every_kind(&texts) {
                let kind = content.kind().to_owned();
                let message = Message::new(TO, content).callback_data(&texts.medium);
                let message = if kind == "reaction" { message } else { message.reply_to("wamid.A") };
                let built = message.build(dialect);
                prop_assert!(built.is_ok(), "{}: {:#?}", kind, built);
                let value = built.expect("it is within the limits");
                prop_assert!(!has_null(&value), "{}", value);
                let read: Value = serde_json::from_str(&value.to_string()).expect("JSON");
                prop_assert_eq!(read.to_string(), value.to_string());
                prop_assert_eq!(read, value);
            }
        }
    }

    #[test]
    fn on_premises_payloads_have_their_own_shapes(texts in texts()) {
        let link = || format!("https://x.example/{}", texts.path);
        for content in [
            Content::from(Text::new(&texts.long).preview_url(true)),
            Image::link(link()).caption(&texts.long).into(),
            Document::id("1").filename("a.pdf").into(),
            Sticker::new(Source::Provider { name: "shop".to_owned(), link: link() }).into(),
            Location::new(1.5, 2.5).into(),
            Template::new("a", "en").deterministic().namespace("n").body([Parameter::text(&texts.long)]).into(),
            Hsm::new("n", "e", "en").parameters([&texts.long]).into(),
        ] {
            for dialect in [Dialect::OnPremises, Dialect::Dialog360OnPremises] {
                let built = Message::new(TO, content.clone()).build(dialect);
                prop_assert!(built.is_ok(), "{:#?}", built);
                let value = built.expect("it is within the limits");
                prop_assert!(value.get("messaging_product").is_none() && !has_null(&value), "{}", value);
            }
        }
    }

    #[test]
    fn any_text_is_built_or_rejected_without_a_panic(body in any::<String>(), to in any::<String>()) {
        for dialect in Dialect::ALL {
            if let Ok(value) = Message::new(to.as_str(), Text::new(&*body)).build(dialect) {
                prop_assert_eq!(value["text"]["body"].as_str(), Some(&*body));
                let faults = validate(&value, dialect, Unknown::Refused);
                prop_assert!(!faults.iter().any(Fault::is_error));
            }
        }
    }
}
