//! `wamedia check --webhook`: its output and its exit codes.

use std::fs::File;

use serde_json::{Value, json};

use crate::support::{Folder, outcome, run, wamedia};

fn body(status: &str) -> String {
    json!({"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": [{"field": "messages", "value": {
        "messaging_product": "whatsapp", "metadata": {"phone_number_id": "2"}, "statuses": [
            {"id": "wamid.A", "status": "delivered", "timestamp": "1", "recipient_id": "16505551234"},
            {"id": "wamid.B", "status": status, "timestamp": "2", "recipient_id": "16505551235",
             "biz_opaque_callback_data": "order 17 \u{1b}[2J", "errors": [{"code": 131_053, "title": "Media upload error",
             "message": "Media upload error", "error_data": {"details":
             "Unsupported Image mime type text/html. Please use one of image/png, image/jpeg."}}]},
        ]}}]}]})
    .to_string()
}

#[test]
fn a_failed_status_is_explained() {
    let folder = Folder::new();
    folder.write("a.json", body("failed"));
    let text = run(folder.path(), &["check", "--webhook", "a.json"]);
    assert_eq!((text.code, text.stderr.as_str()), (Some(1), ""), "{}", text.stdout);
    for part in [
        "wamid.B to 16505551235: Media upload error\n  code     131053\n",
        "seen     text/html; accepted types: image/png, image/jpeg\n",
        "meaning  the link answered with a web page",
        "asset    not in the webhook; ",
        "callback order 17 \\u{1b}[2J\n",
        "rules    redirect, ",
        "retry    helps once the cause is fixed\n",
        "command  wamedia check URL --as image\n",
    ] {
        assert!(text.stdout.contains(part), "{part}: {}", text.stdout);
    }
    assert!(!text.stdout.contains("wamid.A") && !text.stdout.contains('\u{1b}'), "{}", text.stdout);

    let stdin = File::open(folder.at("a.json")).expect("a file");
    let line = outcome(wamedia().args(["check", "--webhook", "-", "--format", "json"]).stdin(stdin));
    assert_eq!((line.code, line.stdout.lines().count()), (Some(1), 1));
    let explained: Value = serde_json::from_str(&line.stdout).expect("a JSON line");
    for (name, expected) in [
        ("message", json!("wamid.B")),
        ("code", json!(131_053)),
        ("cause", json!("page")),
        ("asset", Value::Null),
        ("retry", json!("after-fix")),
        ("path", json!("entry[0].changes[0].value.statuses[1].errors[0]")),
    ] {
        assert_eq!(explained[name], expected, "{name}");
    }
    assert_eq!(explained["seen"]["accepted"], json!(["image/png", "image/jpeg"]));
}

#[test]
fn a_webhook_without_failures_exits_with_0() {
    let folder = Folder::new();
    folder.write("a.json", body("read").replace("\"errors\"", "\"eroors\""));
    let output = run(folder.path(), &["check", "--webhook", "a.json"]);
    assert_eq!((output.code, output.stdout.as_str()), (Some(0), ""));
    assert_eq!(output.stderr, "wamedia: a.json: no failures found; statuses: 1 delivered, 1 read\n");
}

#[test]
fn the_text_of_the_details_alone_is_explained() {
    let folder = Folder::new();
    let text = "Downloading media from weblink failed with http code 429, status message Too Many Requests, ratelimit reason: \
                Request ratelimit by fwdproxy. Details: x asn_list: 47583";
    folder.write("a.txt", text);
    let output = run(folder.path(), &["check", "--webhook", "a.txt"]);
    assert_eq!(output.code, Some(1), "{}", output.stderr);
    assert!(
        output.stdout.contains("never reached your server") && output.stdout.contains("AS47583"),
        "{}",
        output.stdout
    );
}

#[test]
fn unusable_input_is_rejected_with_the_reason() {
    let folder = Folder::new();
    for (bytes, part) in [
        (&b""[..], "is empty"),
        (b"hello", "is neither JSON nor a known error text"),
        (b"{\"a\":1}", "has no WhatsApp status or error"),
        (b"{\"a\":", "is not valid JSON: "),
        (b"\xff\xfe", "is not UTF-8 at byte 0"),
        ("[".repeat(100_000).as_bytes(), "recursion limit"),
        (&vec![b' '; (8 << 20) + 1], "has more than 8 MiB"),
    ] {
        folder.write("a.json", bytes);
        let output = run(folder.path(), &["check", "--webhook", "a.json"]);
        assert_eq!((output.code, output.stdout.as_str()), (Some(2), ""), "{part}");
        assert!(
            output.stderr.starts_with("wamedia: a.json: ") && output.stderr.contains(part),
            "{}",
            output.stderr
        );
    }
    for (file, code, part) in [("missing", 2, "there is no such file"), (".", 3, "cannot be read")] {
        let output = run(folder.path(), &["check", "--webhook", file]);
        assert_eq!(output.code, Some(code), "{file}");
        assert!(output.stderr.contains(part), "{}", output.stderr);
    }
}

#[test]
fn what_is_needed_in_the_payload_is_printed_as_json_to_paste() {
    let folder = Folder::new();
    let error = json!({"error": {"code": 132_000, "message": "(#132000) x", "error_data": {"details":
        "body: number of localizable_params (2) does not match the expected number of params (1)"}}});
    folder.write("log.txt", format!("2026-12-01 ERROR send failed: {error}\n2026-12-01 INFO next\n"));
    let text = run(folder.path(), &["check", "--webhook", "log.txt"]);
    assert_eq!((text.code, text.stderr.as_str()), (Some(1), ""), "{}", text.stdout);
    for part in [
        "line 1: error: API error: (#132000) x\n  code     132000\n",
        "  field    template.components[type=body]\n",
        "  needed   1 parameter in this component; the message has 2\n",
        "  paste    {\"type\":\"body\",\"parameters\":[{\"type\":\"text\",\"text\":\"TEXT 1\"}]}\n",
        "  command  wamedia message validate --templates TEMPLATES.json PAYLOAD.json\n",
    ] {
        assert!(text.stdout.contains(part), "{part}: {}", text.stdout);
    }
    let line = run(folder.path(), &["check", "--webhook", "log.txt", "--format", "json"]);
    let explained: Value = serde_json::from_str(&line.stdout).expect("one JSON line");
    assert_eq!(explained["paste"]["parameters"][0]["text"], json!("TEXT 1"));
    assert_eq!((&explained["cause"], &explained["seen"]["expected"]), (&json!("parameter-count"), &json!(1)));
}

#[test]
fn twilios_form_encoded_webhook_is_explained() {
    let folder = Folder::new();
    folder
        .write("a.txt", "SmsSid=SM1&MessageStatus=undelivered&ErrorCode=63016&To=whatsapp%3A%2B491701234567");
    let output = run(folder.path(), &["check", "--webhook", "a.txt"]);
    assert_eq!(output.code, Some(1), "{}", output.stderr);
    assert!(
        output.stdout.starts_with("SM1 to +491701234567\n  code     63016 (Twilio)\n"),
        "{}",
        output.stdout
    );
}
