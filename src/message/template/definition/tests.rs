//! Messages that match their template but for one thing, and the faults that are reported.

#![expect(clippy::needless_pass_by_value, reason = "a `json!` value reads best where it is passed")]

use serde_json::json;

use super::*;

/// A list with one template for each kind of component.
fn templates() -> Definitions {
    let body = |text: &str| json!({"type": "BODY", "text": text});
    let template = |name: &str, components: Value| json!({"name": name, "language": "en", "status": "APPROVED", "components": components});
    let card = json!({"components": [
        {"type": "HEADER", "format": "IMAGE"},
        {"type": "BODY", "text": "{{1}} off"},
        {"type": "BUTTONS", "buttons": [
            {"type": "QUICK_REPLY", "text": "More"},
            {"type": "URL", "text": "Buy", "url": "https://shop.example/{{1}}"},
        ]},
    ]});
    let product = json!({"components": [
        {"type": "header", "format": "product"},
        {"type": "buttons", "buttons": [{"type": "spm", "text": "View"}]},
    ]});
    Definitions::read(&json!({"data": [
        template("plain", json!([body("Hello"), {"type": "FOOTER", "text": "Bye"}])),
        template("two", json!([body("Hi {{1}}, order {{2}}, {{1}}")])),
        template("named", json!([
            {"type": "HEADER", "format": "TEXT", "text": "I am {{agent}}"},
            body("Hi {{first_name}}, order {{order}}"),
        ])),
        template("image", json!([{"type": "HEADER", "format": "IMAGE"}, body("Look")])),
        template("pdf", json!([{"type": "HEADER", "format": "DOCUMENT"}, body("Read")])),
        template("place", json!([{"type": "HEADER", "format": "LOCATION"}, body("Come")])),
        template("buttons", json!([body("Choose"), {"type": "BUTTONS", "buttons": [
            {"type": "PHONE_NUMBER", "text": "Call", "phone_number": "+15551234"},
            {"type": "URL", "text": "Home", "url": "https://shop.example/"},
            {"type": "URL", "text": "Track", "url": "https://shop.example/o/{{1}}"},
            {"type": "COPY_CODE", "example": "SAVE20"},
            {"type": "QUICK_REPLY", "text": "Stop"},
            {"type": "TELEPATHY", "text": "?"},
        ]}])),
        template("code", json!([
            {"type": "BODY", "add_security_recommendation": true},
            {"type": "BUTTONS", "buttons": [{"type": "OTP", "otp_type": "COPY_CODE"}]},
        ])),
        template("flow", json!([body("Book"), {"type": "BUTTONS", "buttons": [{"type": "FLOW", "text": "Book"}]}])),
        template("offer", json!([
            {"type": "LIMITED_TIME_OFFER", "limited_time_offer": {"text": "Today", "has_expiration": true}},
            body("Sale"),
        ])),
        template("cards", json!([body("Sale"), {"type": "CAROUSEL", "cards": [card, card]}])),
        template("products", json!([body("Sale"), {"type": "CAROUSEL", "cards": [product, product]}])),
        {"name": "two", "language": "pt_BR", "status": "PAUSED", "components": []},
        {"name": "two", "language": "de", "status": "rejected", "components": []},
        {"name": "two", "language": "fr", "status": "DISABLED", "components": []},
        {"name": "two", "language": "it", "status": "ODD", "components": []},
        {"name": "bare", "language": "en", "status": "APPROVED"},
    ], "paging": {"cursors": {"before": "a", "after": "b"}}}))
    .expect("templates")
}

fn send(name: &str, language: &str, components: Value) -> Value {
    json!({
        "messaging_product": "whatsapp", "to": "+16505551234", "type": "template",
        "template": {"name": name, "language": {"code": language}, "components": components},
    })
}

/// `error template.name 132001`: each fault without its reason.
fn found_in(definitions: &Definitions, payload: &Value) -> Vec<String> {
    let short = |fault: Fault| {
        let code = fault.code.map_or_else(String::new, |code| format!(" {code}"));
        let path = fault.path.replace("template.", "").replace("components", "c").replace("parameters", "p");
        format!("{} {path}{code}", fault.severity)
    };
    definitions.validate(payload, Dialect::Cloud, Unknown::Refused).into_iter().map(short).collect()
}

#[track_caller]
fn assert_found(name: &str, components: Value, expected: &[&str]) {
    assert_eq!(
        found_in(&templates(), &send(name, "en", components.clone())),
        expected,
        "{name} {components}"
    );
}

/// The reasons of all faults.
fn reasons(name: &str, components: Value) -> String {
    let faults = templates().validate(&send(name, "en", components), Dialect::Cloud, Unknown::Refused);
    faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

fn texts(values: &[&str]) -> Value {
    values.iter().map(|value| json!({"type": "text", "text": value})).collect()
}

fn named(values: &[&str]) -> Value {
    values.iter().map(|name| json!({"type": "text", "parameter_name": name, "text": "x"})).collect()
}

fn component(kind: &str, parameters: Value) -> Value {
    json!({"type": kind, "parameters": parameters})
}

fn button(sub_type: &str, index: u8) -> Value {
    let parameter = match sub_type {
        "copy_code" => json!({"type": "coupon_code", "coupon_code": "SAVE20"}),
        "quick_reply" => json!({"type": "payload", "payload": "p"}),
        "flow" => json!({"type": "action", "action": {"flow_token": "t"}}),
        _ => json!({"type": "text", "text": "42"}),
    };
    json!({"type": "button", "sub_type": sub_type, "index": index, "parameters": [parameter]})
}

#[test]
fn name_language_and_status_have_to_be_those_of_an_approved_template() {
    let templates = templates();
    for (name, language, expected) in [
        ("plain", "en", &[][..]),
        ("plainn", "en", &["error name 132001"]),
        ("two", "en_US", &["error language.code 132001"]),
        ("two", "pt_BR", &["error name 132015"]),
        ("two", "de", &["error name 132001"]),
        ("two", "fr", &["error name 132016"]),
        ("two", "it", &["warning name"]),
        ("bare", "en", &["warning name"]),
    ] {
        assert_eq!(found_in(&templates, &send(name, language, json!([]))), expected, "{name} {language}");
    }
    let reason = |name: &str, language: &str| {
        templates.validate(&send(name, language, json!([])), Dialect::Cloud, Unknown::Refused)[0].to_string()
    };
    assert!(reason("plainn", "en").contains("did you mean `plain`?"));
    assert!(reason("two", "en_US").contains("only in `en`, `pt_BR`"), "{}", reason("two", "en_US"));
    assert!(reason("two", "de").contains("REJECTED"));
}

#[test]
fn a_payload_without_a_template_is_only_validated() {
    for payload in [
        json!({"messaging_product": "whatsapp", "to": "+16505551234", "type": "text", "text": {"body": "Hi"}}),
        json!({"type": "template"}),
        json!({"type": "template", "template": 1}),
        json!({"type": "template", "template": {"name": 1, "language": "en"}}),
        json!(null),
    ] {
        let templates = templates();
        assert_eq!(
            templates.validate(&payload, Dialect::Cloud, Unknown::Refused),
            validate(&payload, Dialect::Cloud, Unknown::Refused)
        );
    }
}

#[test]
fn positional_parameters_are_counted_for_each_component() {
    assert_found("two", json!([component("body", texts(&["a", "b"]))]), &[]);
    assert_found("two", json!([component("BODY", texts(&["a", "b"]))]), &["warning c[0].type"]);
    assert_found("two", json!([]), &["error c 132000"]);
    assert_found("two", json!([component("body", texts(&["a"]))]), &["error c[0].p 132000"]);
    assert_found("two", json!([{"type": "body"}]), &["error c[0].p 132000"]);
    assert_found("two", json!([component("body", texts(&["a", "b", "c"]))]), &["error c[0].p 132000"]);
    assert_found("plain", json!([component("body", texts(&["a"]))]), &["error c[0].p 132000"]);
    assert_found("plain", json!([component("header", texts(&["a"]))]), &["error c[0].p 132000"]);
    assert_found("two", json!([component("body", named(&["1", "2"]))]), &[]);
    assert_found(
        "two",
        json!([component("body", named(&["a", "2"]))]),
        &["error c[0].p[0].parameter_name 132000"],
    );
    let text = reasons("two", json!([component("body", texts(&["a"]))]));
    assert!(
        text.contains("has 1 parameter, and the template's body has 2 variables ({{1}}, {{2}}); add 1"),
        "{text}"
    );
    // Without a list of components, too.
    let mut payload = send("two", "en", json!([]));
    payload["template"].as_object_mut().expect("an object").shift_remove("components");
    assert_eq!(found_in(&templates(), &payload), ["error c 132000"]);
}

#[test]
fn named_parameters_have_the_names_of_their_component() {
    let header = component("header", named(&["agent"]));
    let good = component("body", named(&["order", "first_name"]));
    assert_found("named", json!([header, good]), &[]);
    // A variable in the header alone, as in templates that greet with the agent's name.
    assert_found("named", json!([good]), &["error c 132000"]);
    assert_found(
        "named",
        json!([component("header", texts(&["Ann"])), component("body", texts(&["a", "b"]))]),
        &[
            "error c[0].p[0].parameter_name 100",
            "error c[1].p[0].parameter_name 100",
            "error c[1].p[1].parameter_name 100",
        ],
    );
    assert_found("named", json!([header, component("body", named(&["order"]))]), &["error c[1].p 132000"]);
    assert_found(
        "named",
        json!([header, component("body", named(&["order", "first_nam"]))]),
        &["error c[1].p[1].parameter_name 132000"],
    );
    assert_found(
        "named",
        json!([header, component("body", named(&["order", "first_name", "zzz"]))]),
        &["error c[1].p[2].parameter_name 132000"],
    );
    let text = reasons("named", json!([header, component("body", named(&["order", "first_nam"]))]));
    assert!(text.contains("did you mean `first_name`?"), "{text}");
}

#[test]
fn a_media_header_comes_with_each_message_and_has_the_templates_format() {
    let parameter = |kind: &str| {
        let extension = if kind == "video" { "mp4" } else { "pdf" };
        json!([{"type": kind, kind: {"link": format!("https://x.example/a.{extension}?v=1")}}])
    };
    let image = json!([{"type": "image", "image": {"id": "1"}}]);
    assert_found("image", json!([component("header", image.clone())]), &[]);
    assert_found("image", json!([component("Header", image.clone())]), &["warning c[0].type"]);
    assert_found("image", json!([]), &["error c 132012"]);
    assert_found("image", json!([{"type": "header"}]), &["error c[0].p 132012"]);
    assert_found("image", json!([component("header", texts(&["a"]))]), &["error c[0].p[0].type 132012"]);
    assert_found("image", json!([component("header", parameter("video"))]), &["error c[0].p[0].type 132012"]);
    assert_found("plain", json!([component("header", image)]), &["error c[0].p[0].type 132012"]);
    assert_found("place", json!([]), &["error c 132012"]);
    let document =
        |link: &str| json!([{"type": "document", "document": {"link": link, "filename": "a.pdf"}}]);
    assert_found("pdf", json!([component("header", document("https://x.example/a.pdf?v=1"))]), &[]);
    assert_found(
        "pdf",
        json!([component("header", document("https://x.example/a.docx?v=1"))]),
        &["error c[0].p[0].document.link 132012", "warning c[0].p[0].document.filename"],
    );
    assert!(reasons("image", json!([])).contains(r#"add {"type":"header","parameters":[{"type":"image","#));
}

#[test]
fn buttons_have_the_index_the_type_and_the_parameters_of_the_template() {
    let good = [button("url", 2), button("copy_code", 3)];
    let with = |more: Value| json!([good[0], good[1], more]);
    assert_found("buttons", json!(good), &[]);
    assert_found("buttons", with(button("quick_reply", 4)), &[]);
    assert_found("buttons", with(button("url", 5)), &[]);
    assert_found("buttons", json!([]), &["error c 131008", "error c 131008"]);
    // A static URL and a call button have no component: it goes, its type does not change.
    assert_found("buttons", with(button("url", 1)), &["error c[2] 132018"]);
    assert_found("buttons", with(button("url", 0)), &["error c[2] 100"]);
    assert_found("buttons", with(button("url", 6)), &["error c[2] 132000"]);
    assert_found("buttons", with(button("url", 4)), &["error c[2].sub_type 132012"]);
    assert_found("plain", json!([button("url", 0)]), &["error c[0] 132000"]);
    let text = reasons("buttons", with(button("url", 1)));
    assert!(text.contains("does not require parameters") && text.contains("remove this component"), "{text}");
    let text = reasons("buttons", json!([]));
    assert!(
        text.contains(r#"index 2 of type Url (`Track`), which requires a parameter; add {"type":"button","sub_type":"url","index":"2""#),
        "{text}"
    );
}

#[test]
fn a_whole_url_instead_of_its_suffix_is_doubtful() {
    let with = |text: &str| {
        let mut url = button("url", 2);
        url["parameters"][0]["text"] = text.into();
        reasons("buttons", json!([url, button("copy_code", 3)]))
    };
    assert!(with("https://shop.example/o/42").contains("write `42`"));
    assert!(with("http://other.example/").contains("whole URL"));
    assert_eq!(with("o/42"), "");
}

#[test]
fn passcode_and_flow_buttons_are_sent_as_meta_does() {
    let body = component("body", texts(&["123456"]));
    assert_found("code", json!([body, button("url", 0)]), &[]);
    assert_found("code", json!([body]), &["error c 131008"]);
    assert_found("code", json!([body, button("copy_code", 0)]), &["error c[1].sub_type 132012"]);
    // As Meta lists the same template.
    let listed = Definitions::read(&json!([{"name": "code", "language": "en", "components": [
        {"type": "BODY", "text": "*{{1}}* is your verification code."},
        {"type": "BUTTONS", "buttons": [{"type": "URL", "text": "Copy code",
            "url": "https://www.whatsapp.com/otp/code/?otp_type=COPY_CODE&code=otp{{1}}"}]},
    ]}]))
    .expect("a template");
    assert_eq!(found_in(&listed, &send("code", "en", json!([body, button("url", 0)]))), [""; 0]);
    assert_eq!(found_in(&listed, &send("code", "en", json!([body]))), ["error c 131008"]);
    assert_found("flow", json!([button("flow", 0)]), &[]);
    assert_found("flow", json!([]), &["warning c 131008"]);
}

#[test]
fn offers_and_carousels_are_as_in_the_template() {
    let offer = component(
        "limited_time_offer",
        json!([{
            "type": "limited_time_offer", "limited_time_offer": {"expiration_time_ms": 1_900_000_000_000_u64},
        }]),
    );
    assert_found("offer", json!([offer]), &[]);
    assert_found("offer", json!([]), &["error c 131008"]);
    assert_found("plain", json!([offer]), &["error c[0] 132000"]);

    let card = |index: usize, components: Value| json!({"card_index": index, "components": components});
    let image = component("header", json!([{"type": "image", "image": {"id": "1"}}]));
    let body = component("body", texts(&["20%"]));
    let good = json!([image, body, button("url", 1)]);
    let cards = |cards: Value| json!([{"type": "carousel", "cards": cards}]);
    assert_found("cards", cards(json!([card(0, good.clone()), card(1, good.clone())])), &[]);
    assert_found("cards", json!([]), &["error c 131008"]);
    assert_found("plain", cards(json!([card(0, good.clone())])), &["error c[0] 132000"]);
    assert_found("cards", cards(json!([card(0, good.clone())])), &["error c[0].cards 132000"]);
    assert_found(
        "cards",
        cards(json!([card(0, good.clone()), card(1, json!([image]))])),
        &["error c[0].cards[1].c 132000", "error c[0].cards[1].c 131008"],
    );
    let product = component(
        "header",
        json!([{"type": "product", "product": {"product_retailer_id": "1", "catalog_id": "2"}}]),
    );
    let three: Value = (0..3).map(|index| card(index, json!([product]))).collect();
    assert_found("products", cards(three), &[]);
}

#[test]
fn an_incomplete_list_does_not_prove_that_a_template_is_absent() {
    let page = |name: &str, paging: Value| {
        let templates = json!([{"name": name, "language": "en", "status": "APPROVED", "components": []}]);
        Definitions::read(&json!({"data": templates, "paging": paging})).expect("a page")
    };
    let first = page("a", json!({"cursors": {"after": "x"}, "next": "https://graph.facebook.com/?after=x"}));
    let last =
        page("b", json!({"cursors": {"before": "y"}, "previous": "https://graph.facebook.com/?before=y"}));
    assert!(!first.is_complete() && !last.is_complete());
    assert_eq!(found_in(&first, &send("b", "en", json!([]))), ["warning name 132001"]);
    let all = first.and(last);
    assert!(all.is_complete());
    assert_eq!(found_in(&all, &send("b", "en", json!([]))), [""; 0]);
    assert_eq!(found_in(&all, &send("c", "en", json!([]))), ["error name 132001"]);
}

#[test]
fn lists_are_read_as_apis_write_them() {
    let one = json!({"name": "a", "language": "en", "components": []});
    for json in [
        one.clone(),
        json!([one]),
        json!({"data": [one]}),
        json!([{"data": [one]}, {"data": []}]),
        json!({"message_templates": {"data": [one]}, "id": "1"}),
        json!({"waba_templates": [one], "count": 1}),
        json!({"name": "a", "language": {"code": "en"}, "components": null}),
    ] {
        assert!(Definitions::read(&json).expect("a list").find("a", "en").is_some(), "{json}");
    }
    for (json, part) in [
        (json!(1), "neither"),
        (json!({}), "neither `data` nor"),
        (json!([]), "no templates"),
        (json!({"data": []}), "no templates"),
        (json!({"data": [1]}), "data[0]: is neither"),
        (json!({"error": {"message": "expired\n"}}), "expired\\n"),
        (json!([{"name": "a", "components": []}]), "[0]: the template `a` has no `language`"),
        (json!([{"name": "a", "language": "en", "components": {}}]), "`components` is not an array"),
    ] {
        let error = Definitions::read(&json).expect_err("an error").to_string();
        assert!(error.contains(part), "{json}: {error}");
    }
    // Of two templates with the same name and language, the approved one counts.
    let two = json!([
        {"name": "a", "language": "en", "status": "APPROVED", "components": []},
        {"name": "a", "language": "en", "status": "REJECTED", "components": []},
    ]);
    assert_eq!(found_in(&Definitions::read(&two).expect("a list"), &send("a", "en", json!([]))), [""; 0]);
}

#[test]
fn the_declared_format_wins_over_the_names() {
    let template = json!([{"name": "a", "language": "en", "parameter_format": "named", "components": [
        {"type": "BODY", "text": "{{1}}"},
    ]}]);
    let definitions = Definitions::read(&template).expect("a template");
    assert!(definitions.find("a", "en").expect("a template").is_named());
}
