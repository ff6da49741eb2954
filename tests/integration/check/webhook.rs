//! `wamedia check --webhook`: what it says of failures, where, and its exit codes.

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
        "wamid.B to 16505551235: 131053 Media upload error\n",
        "seen     text/html; taken are image/png, image/jpeg\n",
        "means    the link answered with a page",
        "asset    not named; ",
        "callback order 17 \\u{1b}[2J\n",
        "rules    redirect, ",
        "again    helps once it is mended\n",
        "look     wamedia check URL --as image\n",
    ] {
        assert!(text.stdout.contains(part), "{part}: {}", text.stdout);
    }
    assert!(!text.stdout.contains("wamid.A") && !text.stdout.contains('\u{1b}'), "{}", text.stdout);

    let stdin = File::open(folder.at("a.json")).expect("a file");
    let line = outcome(wamedia().args(["check", "--webhook", "-", "--format", "json"]).stdin(stdin));
    assert_eq!((line.code, line.stdout.lines().count()), (Some(1), 1));
    let told: Value = serde_json::from_str(&line.stdout).expect("a JSON line");
    for (name, expected) in [
        ("message", json!("wamid.B")),
        ("code", json!(131_053)),
        ("cause", json!("page")),
        ("asset", Value::Null),
        ("retry", json!("mended")),
        ("path", json!("entry[0].changes[0].value.statuses[1].errors[0]")),
    ] {
        assert_eq!(told[name], expected, "{name}");
    }
    assert_eq!(told["seen"]["accepted"], json!(["image/png", "image/jpeg"]));
}

#[test]
fn nothing_that_failed_is_fine() {
    let folder = Folder::new();
    folder.write("a.json", body("read").replace("\"errors\"", "\"eroors\""));
    let said = run(folder.path(), &["check", "--webhook", "a.json"]);
    assert_eq!((said.code, said.stdout.as_str()), (Some(0), ""));
    assert_eq!(said.stderr, "wamedia: a.json: nothing in it has failed; statuses: 1 delivered, 1 read\n");
}

#[test]
fn the_text_of_details_is_enough() {
    let folder = Folder::new();
    let text = "Downloading media from weblink failed with http code 429, status message Too Many Requests, ratelimit reason: \
                Request ratelimit by fwdproxy. Details: x asn_list: 47583";
    folder.write("a.txt", text);
    let said = run(folder.path(), &["check", "--webhook", "a.txt"]);
    assert_eq!(said.code, Some(1), "{}", said.stderr);
    assert!(
        said.stdout.contains("never reached your server") && said.stdout.contains("AS47583"),
        "{}",
        said.stdout
    );
}

#[test]
fn what_cannot_be_explained_is_said_with_the_reason() {
    let folder = Folder::new();
    for (bytes, part) in [
        (&b""[..], "is empty"),
        (b"hello", "is neither JSON nor a text"),
        (b"{\"a\":1}", "has neither a status nor an error"),
        (b"{\"a\":", "is no JSON: "),
        (b"\xff\xfe", "is not UTF-8: see byte 0"),
        ("[".repeat(100_000).as_bytes(), "recursion limit"),
        (&vec![b' '; (8 << 20) + 1], "has more than 8 MiB"),
    ] {
        folder.write("a.json", bytes);
        let said = run(folder.path(), &["check", "--webhook", "a.json"]);
        assert_eq!((said.code, said.stdout.as_str()), (Some(2), ""), "{part}");
        assert!(
            said.stderr.starts_with("wamedia: a.json: ") && said.stderr.contains(part),
            "{}",
            said.stderr
        );
    }
    for (file, code, part) in [("missing", 2, "there is no such file"), (".", 3, "cannot be read")] {
        let said = run(folder.path(), &["check", "--webhook", file]);
        assert_eq!(said.code, Some(code), "{file}");
        assert!(said.stderr.contains(part), "{}", said.stderr);
    }
}
