//! Fields of objects, rules between fields, and the order of faults.

use super::*;

#[test]
fn unknown_fields_are_reported_with_the_nearest_name() {
    let meant = [
        ("cloud/text", "/recepient_type", "did you mean `recipient_type`?"),
        ("cloud/text", "/text/boddy", "did you mean `body`?"),
        ("cloud/image", "/image/captoin", "did you mean `caption`?"),
        ("cloud/list", "/interactive/action/sections/0/rows/0/descripton", "did you mean `description`?"),
        ("cloud/template-body", "/template/components/1/parameters/0/txt", "did you mean `text`?"),
        ("cloud/text", "/image", "belongs to `type` `image`, but `type` is `text` here"),
        ("cloud/text", "/hsm", "belongs to `type` `hsm`"),
        ("cloud/text", "/text/zebra", "known here: body, preview_url"),
        ("cloud/typing", "/to", "is not known"),
    ];
    for (name, pointer, part) in meant {
        let payload = with(payload(name), pointer, json!({}));
        let fault = only(&payload);
        assert_eq!((fault.path.clone(), fault.code), (path_of(pointer), Some(100)), "{fault}");
        assert!(fault.is_error() && fault.reason.contains(part), "{fault}");
        let lenient = validate(&payload, Dialect::Cloud, Unknown::Warned);
        assert_eq!(lenient, [Fault { severity: Severity::Warning, ..fault }]);
    }
}

#[test]
fn undocumented_objects_are_not_checked() {
    for (name, pointer) in [
        ("cloud/contacts", "/contacts/0/addresses/0/planet"),
        ("cloud/contacts", "/contacts/0/org/floor"),
        ("cloud/flow", "/interactive/action/parameters/flow_action_payload/data/k"),
        ("cloud/address", "/interactive/action/parameters/values/k"),
        ("cloud/voice-call", "/interactive/action/parameters/k"),
        ("cloud/order-details", "/interactive/action/parameters/k"),
        ("cloud/order-status", "/interactive/action/parameters/order/k"),
        ("cloud/template-body", "/template/components/1/parameters/2/date_time/hour"),
        ("cloud/template-buttons", "/template/components/3/parameters/0/action/flow_action_data/k"),
        ("cloud/template-offer", "/template/components/1/k"),
        ("cloud/pin", "/pin/k"),
    ] {
        assert_eq!(said(&with(payload(name), pointer, json!([null]))), [""; 0], "{name} {pointer}");
    }
    let as_text = "/interactive/action/parameters/flow_action_payload/data";
    assert_eq!(said(&with(payload("cloud/flow"), as_text, "{\"k\":1}")), [""; 0]);
}

#[test]
fn missing_required_fields_are_reported() {
    for (name, pointer) in [
        ("cloud/text", "/messaging_product"),
        ("cloud/text", "/type"),
        ("cloud/text", "/text"),
        ("cloud/text", "/text/body"),
        ("cloud/text-reply", "/context/message_id"),
        ("cloud/location", "/location/longitude"),
        ("cloud/contacts", "/contacts/0/name"),
        ("cloud/contacts", "/contacts/0/name/formatted_name"),
        ("cloud/reaction", "/reaction/emoji"),
        ("cloud/buttons", "/interactive/type"),
        ("cloud/buttons", "/interactive/body"),
        ("cloud/buttons", "/interactive/action"),
        ("cloud/buttons", "/interactive/action/buttons/0/type"),
        ("cloud/buttons", "/interactive/header/image"),
        ("cloud/list", "/interactive/action/button"),
        ("cloud/list", "/interactive/action/sections/1/title"),
        ("cloud/product-list", "/interactive/header"),
        ("cloud/product-list", "/interactive/action/sections/0/title"),
        ("cloud/carousel-links", "/interactive/action/cards/1/card_index"),
        ("cloud/template-plain", "/template/language"),
        ("cloud/template-buttons", "/template/components/0/index"),
        ("cloud/template-buttons", "/template/components/0/parameters"),
        ("cloud/template-header-image", "/template/components/0/parameters/0/image"),
        ("cloud/mark-read", "/message_id"),
        ("cloud/typing", "/typing_indicator/type"),
        ("cloud/typing", "/status"),
    ] {
        let faults = validate(&without(payload(name), pointer), Dialect::Cloud, Unknown::Refused);
        let missed = faults.iter().any(|f| f.path == path_of(pointer) && f.code == Some(131_008));
        assert!(missed, "{name} {pointer}: {faults:#?}");
    }
    // A name needs at least one part.
    let part = without(payload("cloud/contacts"), "/contacts/0/name/prefix");
    assert_eq!(said(&part), [""; 0]);
    let none = without(part, "/contacts/0/name/first_name");
    assert_eq!(said(&none), ["error contacts[0].name.first_name 131008"]);
    // A single section needs no title.
    let one = with(
        payload("cloud/list"),
        "/interactive/action/sections",
        json!([{"rows": [{"id": "1", "title": "a"}]}]),
    );
    assert_eq!(said(&one), [""; 0]);
}

#[test]
fn unknown_types_are_reported_with_the_nearest_type() {
    let contact = with(without(payload("cloud/contacts"), "/contacts"), "/type", "contact");
    let fault = only(&with(contact, "/contact", json!([])));
    assert_eq!((fault.path.as_str(), fault.code), ("type", Some(131_051)));
    assert!(fault.reason.contains("did you mean `contacts`?"), "{fault}");

    let capitals = with(payload("cloud/text"), "/type", "TEXT");
    assert!(only(&capitals).reason.contains("did you mean `text`?"));
    // Some documents write types of templates in upper case.
    let capitals = with(
        payload("cloud/template-plain"),
        "/template/components",
        json!([{"type": "BODY", "parameters": [{"type": "TEXT", "text": "a"}]}]),
    );
    assert_eq!(
        said(&capitals),
        ["warning template.components[0].type", "warning template.components[0].parameters[0].type"]
    );

    let hsm = with(payload("cloud/template-plain"), "/type", "hsm");
    assert_eq!(said(&hsm)[0], "error type 131051");
    assert_eq!(said_in(&payload("cloud/pin"), Dialect::OnPremises)[1], "error type 1009");

    // Lists and product lists have a text header.
    for name in ["cloud/list", "cloud/product-list"] {
        let image = json!({"type": "image", "image": {"id": "1"}});
        let fault = only(&with(payload(name), "/interactive/header", image));
        assert_eq!((fault.path.as_str(), fault.code), ("interactive.header.type", Some(131_009)), "{fault}");
        assert!(fault.reason.ends_with("write `text`"), "{fault}");
    }
    let parameter = json!({"type": "text", "text": true});
    let wrong = with(payload("cloud/template-buttons"), "/template/components/0/parameters/0", parameter);
    assert_eq!(said(&wrong), ["error template.components[0].parameters[0].type 132012"]);
}

#[test]
fn repeated_values_are_reported() {
    let two = with(payload("cloud/buttons"), "/interactive/action/buttons/1/reply/id", "a");
    assert_eq!(said(&two), ["error interactive.action.buttons[1].reply.id 131009"]);
    let two = with(payload("cloud/buttons"), "/interactive/action/buttons/1/reply/title", "The first");
    assert_eq!(said(&two), ["error interactive.action.buttons[1].reply.title 131009"]);
    // Rows are unique across sections.
    let two = with(payload("cloud/list"), "/interactive/action/sections/1/rows/0/id", "1");
    assert_eq!(said(&two), ["error interactive.action.sections[1].rows[0].id 131009"]);
    let two = with(payload("cloud/carousel-links"), "/interactive/action/cards/1/card_index", 0);
    assert_eq!(said(&two), ["error interactive.action.cards[1].card_index 131009"]);
}

#[test]
fn cards_of_a_carousel_must_have_the_same_form() {
    let cards = "interactive.action.cards[1]";
    let header = json!({"type": "video", "video": {"id": "1"}});
    let other = with(payload("cloud/carousel-links"), "/interactive/action/cards/1/header", header);
    assert_eq!(said(&other), [format!("error {cards}.header.type 131009")]);
    let mut fewer = payload("cloud/carousel-replies");
    let buttons =
        fewer.pointer_mut("/interactive/action/cards/1/action/buttons").and_then(Value::as_array_mut);
    buttons.expect("buttons").pop();
    assert_eq!(said(&fewer), [format!("error {cards}.action.buttons 131009")]);
    let product = json!({"card_index": 1, "type": "product", "action": {"product_retailer_id": "a", "catalog_id": "1"}});
    let mixed = with(payload("cloud/carousel-links"), "/interactive/action/cards/1", product);
    assert_eq!(said(&mixed), [format!("error {cards}.type 131009")]);
}

#[test]
fn flow_has_an_id_or_a_name() {
    let path = "interactive.action.parameters";
    let both = with(payload("cloud/flow"), "/interactive/action/parameters/flow_name", "booking");
    assert_eq!(said(&both), [format!("error {path} 100")]);
    assert_eq!(said(&without(both, "/interactive/action/parameters/flow_id")), [""; 0]);
    let neither = without(payload("cloud/flow"), "/interactive/action/parameters/flow_id");
    assert_eq!(said(&neither), [format!("error {path} 131008")]);
}

#[test]
fn replies_are_what_can_be_one() {
    let context = json!({"message_id": "wamid.HBgL"});
    for (name, verdict) in [
        ("cloud/image", None),
        ("cloud/list", None),
        ("cloud/reaction", Some("error context 100")),
        ("cloud/template-plain", Some("warning context")),
    ] {
        assert_eq!(
            said(&with(payload(name), "/context", context.clone())),
            Vec::from_iter(verdict),
            "{name}"
        );
    }
}

#[test]
fn only_groups_have_pins() {
    let pin = with(payload("cloud/pin"), "/to", "+16505551234");
    assert_eq!(said(&with(pin.clone(), "/recipient_type", "individual")), ["error recipient_type 131009"]);
    assert_eq!(said(&without(pin, "/recipient_type")), ["error recipient_type 131009"]);
}

#[test]
fn each_platform_has_its_own_envelope() {
    for name in ["text", "text-without-type", "image-of-provider", "template", "hsm"] {
        let payload = payload(&format!("on-premises/{name}"));
        for dialect in [Dialect::OnPremises, Dialect::Dialog360OnPremises] {
            assert_eq!(said_in(&payload, dialect), [""; 0], "{name}");
        }
        for dialect in [Dialect::Cloud, Dialect::Dialog360] {
            let said = said_in(&payload, dialect);
            assert!(said.contains(&"error messaging_product 131008".to_owned()), "{name}: {said:?}");
        }
    }
    let text = payload("cloud/text");
    assert_eq!(said_in(&text, Dialect::Dialog360), [""; 0]);
    assert_eq!(
        said_in(&text, Dialect::OnPremises),
        ["error messaging_product 1009", "error text.preview_url 1009"]
    );
    let namespace = with(payload("cloud/template-plain"), "/template/namespace", "cca3");
    assert_eq!(said(&namespace), ["error template.namespace 100"]);
    // The On-Premises API has its own codes, for templates only as a range.
    let long = with(payload("on-premises/text"), "/text/body", "x".repeat(4097));
    assert_eq!(said_in(&long, Dialect::OnPremises), ["error text.body 1001"]);
    let language = with(payload("on-premises/template"), "/template/language/code", "en-US");
    assert_eq!(said_in(&language, Dialect::OnPremises), ["error template.language.code"]);
}

#[test]
fn all_faults_are_reported_in_the_order_of_the_payload() {
    let payload = json!({
        "type": "interactive",
        "interactive": {
            "action": {
                "sections": [
                    {"rows": [{"title": "a", "id": "1"}, {"id": "1", "tittle": "b"}]},
                    {"rows": [], "title": "x".repeat(25)},
                ],
                "button": "",
            },
            "header": {"type": "text", "text": "x".repeat(61)},
            "type": "list",
        },
        "to": "631",
        "messaging_product": "WhatsApp",
    });
    assert_eq!(
        said(&payload),
        [
            "error interactive.action.sections[0].rows[1].id 131009",
            "error interactive.action.sections[0].rows[1].tittle 100",
            "error interactive.action.sections[0].rows[1].title 131008",
            "error interactive.action.sections[0].title 131008",
            "error interactive.action.sections[1].rows 131009",
            "error interactive.action.sections[1].title 100",
            "error interactive.action.button 100",
            "error interactive.header.text 100",
            "error interactive.body 131008",
            "warning to",
            "error messaging_product 131009",
        ]
    );
}

#[test]
fn every_fault_is_one_line_with_its_source() {
    let payload = json!({"a\nb": 1, "to": "x\u{7f}\n", "type": "\u{1b}[31m", "text": {"body\n": null}});
    for fault in validate(&payload, Dialect::Cloud, Unknown::Refused) {
        assert!(!fault.to_string().contains(char::is_control), "{fault:?}");
        assert!(!fault.source.is_empty() && !fault.reason.is_empty(), "{fault:?}");
    }
}

#[test]
fn repeated_template_components_are_warnings() {
    let buttons = payload("cloud/template-buttons");
    assert_eq!(
        said(&with(buttons.clone(), "/template/components/1/index", 0)),
        ["warning template.components[1]"]
    );
    let first = buttons.pointer("/template/components/0").expect("a button").clone();
    let body = json!({"type": "body", "parameters": [{"type": "text", "text": "a"}]});
    let twice = with(buttons, "/template/components", json!([first, body, body]));
    let fault = only(&twice);
    assert_eq!((fault.path.as_str(), fault.severity), ("template.components[2]", Severity::Warning));
    assert!(fault.reason.starts_with("is a second `body`"), "{}", fault.reason);
}
