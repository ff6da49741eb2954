//! Every known error text and every form of webhook body, and arbitrary input.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::webhook::find_errors;
use crate::whatsapp::errors::Api;

fn only(input: &str) -> Explanation {
    let explained = explain(input).unwrap_or_else(|e| panic!("{input}: {e}"));
    assert_eq!(explained.explanations.len(), 1, "{input}");
    explained.explanations.into_iter().next().unwrap()
}

const OPUS: &str = "Unsupported Voice mime type audio/opus. Please use one of audio/ogg; codecs=opus, audio/mpeg, \
                    audio/amr, audio/mp4, audio/aac.";
const LIMITED: &str = "Downloading media from weblink failed with http code 429, status message Too Many Requests, ratelimit \
                       reason: Request ratelimit by fwdproxy. Details: [GlobalCountingRatelimiter] Request hit ratelimit \
                       policy x with destination matcher asn_list: 47583";

#[test]
fn every_error_text_yields_its_cause_and_parts() {
    let fetch = "Downloading media from weblink failed with http code";
    for (text, cause, seen) in [
        (format!("{fetch} 400, status message Bad Request"), Cause::BadRequest, "HTTP status 400 Bad Request"),
        (format!("{fetch} 401"), Cause::Denied, "HTTP status 401"),
        (format!("{fetch} 403, Forbidden"), Cause::Denied, "HTTP status 403 Forbidden"),
        (format!("{fetch} 404, status message Not Found"), Cause::NotFound, "HTTP status 404 Not Found"),
        (format!("{fetch} 410"), Cause::NotFound, "HTTP status 410"),
        (format!("{fetch} 302, status message Found"), Cause::Redirect, "HTTP status 302 Found"),
        (format!("{fetch} 500, status message Internal Server Error"), Cause::ServerError, "HTTP status 500 Internal Server Error"),
        (format!("{fetch} 503, status message Service Unavailable"), Cause::ServerError, "HTTP status 503 Service Unavailable"),
        (format!("{fetch} 0"), Cause::NotFetched, "HTTP status 0"),
        (format!("{fetch} 429, status message Too Many Requests"), Cause::TooManyRequests, "HTTP status 429 Too Many Requests"),
        (
            LIMITED.to_owned(),
            Cause::NetworkLimit,
            "HTTP status 429 Too Many Requests, limited by fwdproxy for the network AS47583",
        ),
        (
            format!("{fetch} 403, status message Forbidden: https://scontent.whatsapp.net/v/t61.jpg?oe=6AA"),
            Cause::MetaLink,
            "HTTP status 403 Forbidden",
        ),
        (
            "Unsupported Image mime type text/html. Please use one of image/png, image/jpeg.".to_owned(),
            Cause::Page,
            "text/html; accepted types: image/png, image/jpeg",
        ),
        (
            "Unsupported Video mime type text/html. Please use one of video/3gpp, video/mp4.".to_owned(),
            Cause::Page,
            "text/html; accepted types: video/3gpp, video/mp4",
        ),
        (OPUS.to_owned(), Cause::OpusType, "audio/opus; accepted types: audio/ogg; codecs=opus, audio/mpeg, audio/amr, audio/mp4, audio/aac"),
        (OPUS.replace("Voice", "Audio").to_uppercase(), Cause::OpusType, "AUDIO/OPUS; accepted types: AUDIO/OGG; CODECS=OPUS, AUDIO/MPEG, AUDIO/AMR, AUDIO/MP4, AUDIO/AAC"),
        (
            "Unsupported Image mime type image/webp. Please use one of image/jpeg.".to_owned(),
            Cause::WebpAsImage,
            "image/webp; accepted types: image/jpeg",
        ),
        (
            "unsupported image\n  mime-type: application/octet-stream.  please use one of image/png.".to_owned(),
            Cause::NoType,
            "application/octet-stream; accepted types: image/png",
        ),
        (
            "Unsupported Video mime type video/quicktime. Please use one of video/mp4.".to_owned(),
            Cause::OtherType,
            "video/quicktime; accepted types: video/mp4",
        ),
        (
            "Audio file uploaded with mimetype as audio/ogg; codecs=opus, however on processing it is of type \
             application/octet-stream. Please choose a different file."
                .to_owned(),
            Cause::Bytes,
            "sent as audio/ogg; codecs=opus, detected as application/octet-stream",
        ),
        (
            "Video file uploaded with mimetype as video/mp4, however on processing it is of type video/mp4, videoCodec=h264, \
             audioCodec=unknown. Please choose a different file."
                .to_owned(),
            Cause::Codec,
            "sent as video/mp4, detected as video/mp4, videoCodec=h264, audioCodec=unknown",
        ),
        (
            "(#100) Param file must be a file with one of the following types: audio/aac, image/png. Received file of type \
             'application/octet-stream'."
                .to_owned(),
            Cause::NoType,
            "application/octet-stream",
        ),
        (
            "Request for url https://a.example/b.jpg failed with error: 404 (Not Found)".to_owned(),
            Cause::NotFound,
            "HTTP status 404 Not Found",
        ),
        (
            "header: Format mismatch, expected IMAGE, received UNKNOWN".to_owned(),
            Cause::HeaderMissing,
            "header: the template has IMAGE, the message has UNKNOWN",
        ),
        (
            "header: Format mismatch, expected TEXT, received DOCUMENT".to_owned(),
            Cause::HeaderKind,
            "header: the template has TEXT, the message has DOCUMENT",
        ),
        ("(#100) Param image['link'] is not a valid URI".to_owned(), Cause::Link, "image['link']"),
    ] {
        let explained = only(&text);
        assert_eq!((explained.cause, explained.origin), (Some(cause), Origin::Text), "{text}");
        assert_eq!(explained.details.unwrap().to_string(), seen);
        // The same text beside a code, in a status, with other text around it.
        let status = json!({"id": "wamid.A", "status": "failed", "recipient_id": "1", "errors": [
            {"code": 131_053, "title": "Media upload error", "error_data": {"details": format!("Note: {text} ")}}]});
        assert_eq!(only(&status.to_string()).cause, Some(cause), "{text}");
    }
}

#[test]
fn error_texts_about_the_payload_name_the_place_and_what_is_needed() {
    for (text, cause, field, paste) in [
        (
            "buttons: Button at index 1 of type Url requires a parameter",
            Cause::ButtonParameter,
            Some("template.components[type=button, index=1]"),
            Some(
                json!({"type": "button", "sub_type": "url", "index": "1", "parameters": [{"type": "text", "text": "SUFFIX"}]}),
            ),
        ),
        (
            "body: number of localizable_params (2) does not match the expected number of params (1)",
            Cause::ParameterCount,
            Some("template.components[type=body]"),
            Some(json!({"type": "body", "parameters": [{"type": "text", "text": "TEXT 1"}]})),
        ),
        (
            "header: number of localizable_params (1) does not match the expected number of params (0)",
            Cause::ParameterCount,
            Some("template.components[type=header]"),
            None,
        ),
        (
            "(#100) Parameter name is missing or empty",
            Cause::ParameterName,
            Some("template.components[type=body]"),
            Some(
                json!({"type": "body", "parameters": [{"type": "text", "parameter_name": "NAME", "text": "TEXT"}]}),
            ),
        ),
        (
            "header: Format mismatch, expected DOCUMENT, received IMAGE",
            Cause::HeaderKind,
            Some("template.components[type=header]"),
            Some(json!({"type": "header", "parameters": [{"type": "document", "document":
                {"link": "https://HOST/FILE.pdf", "filename": "FILE.pdf"}}]})),
        ),
        (
            "(#100) Param template['components'][0]['parameters'][0]['text'] must be a string.",
            Cause::Field,
            Some("template.components[0].parameters[0].text"),
            Some(json!({"text": "TEXT"})),
        ),
        (
            "(#100) Param template['components'][3]['sub_type'] must be one of {CATALOG, FLOW, QUICK_REPLY, URL} - got \"quickreply\".",
            Cause::Choice,
            Some("template.components[3].sub_type"),
            Some(json!({"sub_type": "quick_reply"})),
        ),
        (
            "(#100) The parameter to is required.",
            Cause::FieldMissing,
            Some("to"),
            Some(json!({"to": "+16505551234"})),
        ),
        (
            "(#100) Param text cannot have new-line/tab characters or more than 4 consecutive spaces",
            Cause::Whitespace,
            Some("template.components[type=body]"),
            Some(json!({"type": "text", "text": "TEXT ON ONE LINE"})),
        ),
        (
            "Button title length invalid. Min length: 1, Max length: 20",
            Cause::Length,
            Some("Button title length"),
            None,
        ),
        (
            "template name (welcome) does not exist in en_UK",
            Cause::NoTemplate,
            Some("template.name, template.language.code"),
            Some(json!({"name": "welcome", "language": {"code": "LANGUAGE"}})),
        ),
    ] {
        let explained = only(text);
        assert_eq!(explained.cause, Some(cause), "{text}");
        assert_eq!(explained.guidance.field.as_deref(), field, "{text}");
        assert_eq!(explained.guidance.paste, paste, "{text}");
        assert!(explained.guidance.needed.is_some() && explained.command().is_some(), "{text}");
    }
    let choice = only(
        "Param template['components'][3]['sub_type'] must be one of {FLOW, URL} - got \"phone_number\".",
    );
    assert!(choice.guidance.needed.unwrap().contains("takes no component: remove it"));
    assert_eq!(choice.guidance.paste, None);
}

#[test]
fn the_payload_beside_the_error_shows_what_stands_there() {
    let payload = json!({"messaging_product": "whatsapp", "to": "+16505551234", "type": "template", "template": {
        "name": "welcome", "language": {"code": "en"}, "components": [
            {"type": "header", "parameters": [{"type": "image", "image": {"link": "https://a.example/b.jpg"}}]},
            {"type": "body", "parameters": [{"type": "text", "text": 5}, {"type": "text", "text": "two\nlines"}]}]}});
    let dump = |details: &str| {
        json!({"config": {"data": payload.to_string()}, "message": "Request failed with status code 400", "response":
            {"data": {"error": {"code": 132_000, "message": "(#132000) x", "error_data": {"details": details}}}}})
    };
    for (details, field, value) in [
        (
            "body: number of localizable_params (2) does not match the expected number of params (3)",
            "template.components[1]",
            r#"{"type":"body","#,
        ),
        (
            "Param template['components'][1]['parameters'][0]['text'] must be a string",
            "template.components[1].parameters[0].text",
            "5",
        ),
        (
            "Param text cannot have new-line/tab characters or more than 4 consecutive spaces",
            "template.components[1].parameters[1].text",
            r#""two\nlines""#,
        ),
    ] {
        let explained = only(&dump(details).to_string());
        assert_eq!(explained.guidance.field.as_deref(), Some(field));
        assert!(
            explained.guidance.value.as_deref().unwrap().starts_with(value),
            "{:?}",
            explained.guidance.value
        );
    }
    let padded = only(
        &dump("body: number of localizable_params (2) does not match the expected number of params (3)")
            .to_string(),
    );
    assert_eq!(padded.guidance.paste.unwrap()["parameters"][2], json!({"type": "text", "text": "TEXT 3"}));
}

#[test]
fn errors_are_found_in_whatever_wraps_them() {
    let details = "Downloading media from weblink failed with http code 404, status message Not Found";
    let meta = json!({"error": {"message": "(#131053) Media upload error", "type": "OAuthException", "code": 131_053,
        "error_data": {"messaging_product": "whatsapp", "details": details}, "fbtrace_id": "A"}});
    let quoted = Value::from(meta.to_string()).to_string();
    for (name, input) in [
        ("flat", json!({"status": "failed", "errorCode": "131053", "errorMessage": details}).to_string()),
        ("detail", json!({"errors": [{"code": 131_053, "detail": details}]}).to_string()),
        ("list of texts", json!({"status": 400, "error": "Bad Request", "response": {"message": [format!("(#131053) {details}")]}}).to_string()),
        ("Axios", json!({"message": "Request failed with status code 400", "code": "ERR_BAD_REQUEST", "status": 400,
            "stack": "AxiosError: Request failed with status code 400\n at x", "response": {"status": 400, "data": meta}}).to_string()),
        ("n8n", json!({"errorMessage": "Bad request", "errorDescription": "(#131053) Media upload error", "errorDetails":
            {"rawErrorMessage": [format!("400 - {quoted}")], "httpCode": "400"}}).to_string()),
        ("string", json!({"body": meta.to_string()}).to_string()),
        ("string in a string", json!({"body": json!({"inner": meta.to_string()}).to_string()}).to_string()),
        ("log line", format!("2026-12-01T05:00:00Z ERROR [send] POST /messages 400 {meta} in 12 ms")),
        ("status and body", format!("400 - {meta}")),
        ("YCloud", json!({"error": {"status": 429, "code": "BAD", "message": "(#131053) x", "whatsappApiError": meta["error"]}}).to_string()),
        ("Node.js", format!("AxiosError: Request failed with status code 400\n  data: {{ error: {{ code: 131053, error_data: {{ details: '{details}' }} }} }}\n")),
        ("Ruby", format!("{{\"error\"=>{{\"code\"=>131053, \"error_data\"=>{{\"details\"=>\"{details}\"}}}}}}")),
    ] {
        let explained = only(&input);
        assert_eq!((explained.code, explained.cause), (Some(131_053), Some(Cause::NotFound)), "{name}");
    }
}

#[test]
fn providers_own_codes_are_known_and_named() {
    for (input, code, api) in [
        (
            r#"{"sid":"SM1","status":"undelivered","error_code":63016,"error_message":null,"to":"whatsapp:+491701234567"}"#,
            63_016,
            Api::Twilio,
        ),
        (
            "SmsSid=SM1&MessageStatus=failed&ErrorCode=63019&To=whatsapp%3A%2B491701234567",
            63_019,
            Api::Twilio,
        ),
        (
            r#"{"type":"message-event","payload":{"id":"g","type":"failed","destination":"49170","payload":{"code":1002,"reason":"Number Does Not Exist On WhatsApp"}}}"#,
            1002,
            Api::Gupshup,
        ),
        (
            r#"{"type":"message-event","payload":{"id":"g","type":"failed","destination":"49170","payload":{"code":131053,"reason":"x"}}}"#,
            131_053,
            Api::Cloud,
        ),
    ] {
        let explained = only(input);
        assert_eq!(
            (explained.code, explained.known.map(|known| known.api)),
            (Some(code), Some(api)),
            "{input}"
        );
        assert!(explained.person.as_deref().unwrap().trim_start_matches('+').starts_with("4917"), "{input}");
    }
}

#[test]
fn lines_of_a_log_are_failures_of_their_own() {
    let log = format!(
        "a {}\nb {{\"x\":1}}\nc (#131047) Re-engagement message",
        json!({"error": {"code": 132_012, "message": "m"}})
    );
    let explained = explain(&log).unwrap();
    let found: Vec<_> = explained.explanations.iter().map(|e| (&*e.path, e.code)).collect();
    assert_eq!(found, [("line 1: error", Some(132_012)), ("line 3", Some(131_047))]);
}

#[test]
fn customers_words_and_sent_payloads_are_not_errors() {
    for input in [
        json!({"messages": [{"from": "1", "id": "a", "type": "text", "text": {"body": "(#100) {\"error\":{\"code\":100}}"}}], "messaging_product": "whatsapp"}),
        json!({"messaging_product": "whatsapp", "to": "1", "type": "text", "text": {"body": "(#131053) x"}}),
    ] {
        assert_eq!(explain(&input.to_string()).unwrap().explanations, [], "{input}");
    }
}

#[test]
fn a_number_in_argentina_or_mexico_explains_131030() {
    for (person, other) in [("5491123456789", "+541123456789"), ("525512345678", "+5215512345678")] {
        let status = json!({"status": "failed", "id": "wamid.A", "recipient_id": person, "errors": [{"code": 131_030, "title": "x"}]});
        let explained = only(&status.to_string());
        assert_eq!(explained.cause, Some(Cause::NumberForm));
        assert_eq!(explained.guidance.paste, Some(json!({"to": other})));
    }
    let german =
        only(r#"{"status":"failed","recipient_id":"491701234567","errors":[{"code":131030,"title":"x"}]}"#);
    assert_eq!(german.cause, None);
    assert!(german.fix().contains("Argentina") && german.fix().contains("Mexico"), "{}", german.fix());
}

#[test]
fn http_code_500_names_a_slow_response_and_a_transient_error_may_be_retried() {
    let explained = only(
        "Downloading media from weblink failed with http code 500, status message Internal Server Error",
    );
    assert!(explained.meaning().contains("its own fetcher gave up") && explained.meaning().contains("499"));
    let rules: Vec<_> = explained.cause.unwrap().rules().iter().map(|rule| rule.id).collect();
    assert!(rules.contains(&"slow-first-byte") && rules.contains(&"body-slow"), "{rules:?}");
    let transient = only(
        r#"{"error":{"code":190,"message":"x","type":"OAuthException","fbtrace_id":"A","is_transient":true}}"#,
    );
    assert_eq!(transient.retry(), Some(Retry::Later));
}

#[test]
fn metas_rate_limit_is_not_attributed_to_the_server() {
    let explained = only(LIMITED);
    assert!(explained.meaning().contains("never reached your server"), "{}", explained.meaning());
    assert_eq!(
        (explained.retry(), explained.command(), explained.cause.unwrap().rules()),
        (Some(Retry::Later), None, &[][..])
    );
    let bare =
        only("Downloading media from weblink failed with http code 429, status message Too Many Requests");
    assert!(bare.meaning().contains("Meta's own limit"), "{}", bare.meaning());
}

#[test]
fn a_code_without_a_known_text_is_explained_by_the_table() {
    for (input, code, api, cause) in [
        ("131053", 131_053, Api::Cloud, Some(Cause::Medium)),
        ("470", 470, Api::OnPremises, None),
        ("(#131047) Re-engagement message", 131_047, Api::Cloud, None),
        ("error 131026: Message undeliverable", 131_026, Api::Cloud, None),
        (r#"{"code": "131053", "title": "Media upload error"}"#, 131_053, Api::Cloud, Some(Cause::Medium)),
        (r#"{"code": 131053}"#, 131_053, Api::Cloud, Some(Cause::Medium)),
        ("media upload error.", 131_053, Api::Cloud, Some(Cause::Medium)),
        (r#"{"code": 131053.0, "title": "x", "error_data": null}"#, 131_053, Api::Cloud, Some(Cause::Medium)),
        (
            r#"{"code": 131053, "title": "File size exceeds the limit"}"#,
            131_053,
            Api::Cloud,
            Some(Cause::TooLarge),
        ),
        (r#"{"errors":[{"code":1014,"title":"Internal error","details":"x"}]}"#, 1014, Api::OnPremises, None),
        (
            r#"{"errors":[{"code":400,"title":"Media download error"}]}"#,
            400,
            Api::OnPremises,
            Some(Cause::Medium),
        ),
    ] {
        let explained = only(input);
        assert_eq!(
            (explained.code, explained.known.map(|known| known.api), explained.cause),
            (Some(code), Some(api), cause),
            "{input}"
        );
        assert!(explained.source().is_some());
    }
    let unknown = only(r#"{"status":"failed","recipient_id":"1","errors":[{"code":131999,"title":"New"}]}"#);
    assert_eq!((unknown.known, unknown.meaning()), (None, "wamedia does not know this error code"));
    let without_errors = only(r#"{"id":"wamid.A","status":"failed"}"#);
    assert_eq!((without_errors.code, without_errors.meaning()), (None, "WhatsApp gave no reason"));
}

#[test]
fn only_the_failures_of_a_webhook_are_explained() {
    let body = json!({"object": "whatsapp_business_account", "entry": [
        {"id": "1", "changes": [{"field": "messages", "value": {
            "messaging_product": "whatsapp", "metadata": {"phone_number_id": "2"},
            "statuses": [
                {"id": "wamid.A", "status": "delivered", "timestamp": "1", "recipient_id": "16505551234"},
                {"id": "wamid.B", "status": "failed", "timestamp": "1700000000", "recipient_id": "16505551235",
                 "biz_opaque_callback_data": "order 17", "errors": [{"code": 131_053, "title": "Media upload error",
                 "message": "Media upload error", "error_data": {"details": OPUS}, "href": "https://x.example"}]},
                {"id": "wamid.C", "status": "paid", "type": "payment", "timestamp": "1"},
            ]}}]},
        {"id": "3", "changes": [{"field": "messages", "value": {
            "messaging_product": "whatsapp", "metadata": {"phone_number_id": "2"},
            "errors": [{"code": 130_429, "title": "Rate limit hit"}],
            "messages": [{"from": "16505551236", "id": "wamid.D", "type": "unsupported", "timestamp": "5",
                          "errors": [{"code": 131_052, "title": "Media download error",
                                      "error_data": {"details": "Downloading media from weblink failed with http code 403"}}]}],
        }}]},
    ]});
    let explained = explain(&body.to_string()).unwrap();
    assert_eq!(
        explained.statuses.counts().collect::<Vec<_>>(),
        [("delivered", 1), ("failed", 1), ("other", 1)]
    );
    let [failed, account, inbound] = &explained.explanations[..] else { panic!("{explained:?}") };
    assert_eq!(failed.path, "entry[0].changes[0].value.statuses[1].errors[0]");
    assert_eq!(
        (failed.message.as_deref(), failed.person.as_deref(), failed.callback_data.as_deref()),
        (Some("wamid.B"), Some("16505551235"), Some("order 17"))
    );
    assert_eq!(
        (failed.title.as_deref(), failed.timestamp.as_deref()),
        (Some("Media upload error"), Some("1700000000"))
    );
    assert_eq!(
        (failed.origin, failed.cause, failed.asset.as_deref()),
        (Origin::Status, Some(Cause::OpusType), None)
    );
    assert_eq!(failed.command().as_deref(), Some("wamedia check FILE --as audio"));
    assert_eq!((account.origin, account.code), (Origin::Account, Some(130_429)));
    // Media of a customer is not the sender's, whatever the error text is.
    assert_eq!((inbound.origin, inbound.cause), (Origin::Inbound, Some(Cause::Inbound)));
    assert_eq!(
        (inbound.message.as_deref(), inbound.person.as_deref()),
        (Some("wamid.D"), Some("16505551236"))
    );
}

#[test]
fn wrapped_and_partial_bodies_are_explained() {
    let answer = only(
        r#"{"error":{"message":"(#131009) Parameter value is not valid","type":"OAuthException","code":131009,
            "error_data":{"messaging_product":"whatsapp","details":"x"},"fbtrace_id":"A"}}"#,
    );
    assert_eq!((answer.origin, answer.code, &*answer.path), (Origin::Answer, Some(131_009), "error"));
    assert_eq!(answer.command().as_deref(), Some("wamedia message validate PAYLOAD.json"));
    for name in ["developerMessage", "developer_message"] {
        let gateway =
            only(&json!({"meta": {"success": false, "http_code": 401, name: "Invalid api key"}}).to_string());
        assert_eq!(gateway.known.map(|known| known.api), Some(Api::Dialog360));
        assert!(gateway.fix().contains("D360-API-KEY"));
        assert_eq!(gateway.cause, None);
    }
    let older = only(
        r#"{"statuses":[{"id":"a","status":"failed","recipient_id":"1","errors":[{"code":131014,
            "title":"Request for url https://URL.jpg failed with error: 404 (Not Found)"}]}]}"#,
    );
    assert_eq!((older.asset.as_deref(), older.cause), (Some("https://URL.jpg"), Some(Cause::NotFound)));
    assert_eq!(older.command().as_deref(), Some("wamedia check 'https://URL.jpg'"));
    // As a JSON string, wrapped by a tool, and two bodies in a row.
    let body = r#"{"status":"failed","recipient_id":"1","errors":[{"code":"131053"}]}"#;
    assert_eq!(only(&json!(body).to_string()).cause, Some(Cause::Medium));
    assert_eq!(only(&format!(r#"[{{"body":{{"x":[{body}]}}}}]"#)).cause, Some(Cause::Medium));
    assert_eq!(explain(&format!("\u{feff}{body}\n{body}")).unwrap().explanations.len(), 2);
}

#[test]
fn input_that_is_not_from_whatsapp_is_rejected() {
    for (input, expected) in [
        ("", ExplainError::Empty),
        (" \u{feff}\n ", ExplainError::Empty),
        ("hello", ExplainError::UnknownText),
        ("999999", ExplainError::UnknownText),
        (r#""hello""#, ExplainError::UnknownText),
        (r#""\"hello\"""#, ExplainError::UnknownText),
        ("{}", ExplainError::NotWhatsApp),
        ("null", ExplainError::NotWhatsApp),
        (r#"{"code":200000}"#, ExplainError::NotWhatsApp),
        (r#"{"a":[1,null,{"status":3}]}"#, ExplainError::NotWhatsApp),
        (r#"{"errors":[null,3,{}]}"#, ExplainError::NotWhatsApp),
    ] {
        assert_eq!(explain(input), Err(expected), "{input}");
    }
    for input in ["{", "[1,", &"[".repeat(100_000), r#"{"a":1} x"#] {
        assert!(matches!(explain(input), Err(ExplainError::NotJson(_))), "{}", &input[..input.len().min(20)]);
    }
    // A dictionary printed by Python is not JSON but contains the error text.
    let printed = explain("{'code': 131053, 'details': 'Unsupported Image mime type text/html.'}").unwrap();
    assert_eq!((printed.explanations[0].cause, printed.not_json.is_some()), (Some(Cause::Page), true));
}

#[test]
fn messages_that_did_not_fail_are_not_explained() {
    let body = r#"{"statuses":[{"id":"a","status":"read","recipient_id":"1"},{"id":"b","status":"sent","recipient_id":"1"}]}"#;
    let explained = explain(body).unwrap();
    assert!(explained.explanations.is_empty());
    assert_eq!(explained.statuses.counts().collect::<Vec<_>>(), [("sent", 1), ("read", 1)]);
}

#[test]
fn a_long_text_is_read_line_by_line_and_excess_errors_are_counted() {
    let log = format!("{}\n131026 x\n{OPUS}\n", "nothing here\n".repeat(1000));
    let causes: Vec<_> =
        explain(&log).unwrap().explanations.iter().map(|explained| explained.cause).collect();
    assert_eq!(causes, [None, Some(Cause::OpusType)]);
    let many = format!("[{}]", vec![r#"{"code":1,"title":"x"}"#; find_errors::MAX_ERRORS + 3].join(","));
    let explained = explain(&many).unwrap();
    assert_eq!((explained.explanations.len(), explained.left_out), (find_errors::MAX_ERRORS, 3));
}

fn value() -> impl Strategy<Value = Value> {
    let name = prop_oneof![
        Just("errors".to_owned()),
        Just("error".to_owned()),
        Just("status".to_owned()),
        Just("code".to_owned()),
        Just("meta".to_owned()),
        Just("details".to_owned()),
        Just("error_data".to_owned()),
        Just("id".to_owned()),
        Just("developer_message".to_owned()),
        Just("title".to_owned()),
        Just("statuses".to_owned()),
        Just("recipient_id".to_owned()),
        ".{0,6}",
    ];
    let text = prop_oneof![
        Just("failed".to_owned()),
        (".{0,20}", ".{0,20}")
            .prop_map(|(a, b)| format!("{a}Unsupported Image mime type {b}/x; codecs={a}. one of {b}, {a}")),
        (".{0,9}", any::<u64>())
            .prop_map(|(a, n)| format!("weblink{a} http code {n}{a} ratelimit {a} asn_list: {n}")),
        (".{0,9}", ".{0,9}").prop_map(|(a, b)| format!("request for url http://{a} failed{b}: 4{a} (#{b}")),
        (".{0,9}", ".{0,9}").prop_map(|(a, b)| format!(
            "{a} file uploaded with mimetype as {b}/c, is of type {a}/é codec={b}"
        )),
        ".{0,40}",
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(|n| json!(n)),
        any::<i64>().prop_map(Value::from),
        text.prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 40, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((name.clone(), inner), 0..6)
                .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn no_json_panics_or_leaves_control_characters(value in value()) {
        if let Ok(explained) = explain(&value.to_string()) {
            for explained in &explained.explanations {
                let shown = format!("{:?}{:?}{:?}{:?}", explained.path, explained.command(), explained.meaning(), explained.fix());
                prop_assert!(!shown.is_empty());
                let untrusted = [&explained.message, &explained.person, &explained.callback_data, &explained.title, &explained.text, &explained.asset];
                for text in untrusted.into_iter().flatten().chain([&explained.path]) {
                    prop_assert!(!text.contains(char::is_control), "{text:?}");
                }
                if let Some(details) = &explained.details {
                    prop_assert!(!details.to_string().contains(char::is_control));
                }
            }
        }
    }

    #[test]
    fn no_text_panics(text in "\\PC{0,60}(\n|.{0,60})") {
        let _ = explain(&text);
        let _ = Details::parse(&text);
    }
}
