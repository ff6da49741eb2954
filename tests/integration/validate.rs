//! `wamedia message validate`: input, output and exit codes.

use std::fs::File;

use serde_json::{Value, json};

use crate::support::{Folder, outcome, outcome_to, run, wamedia, wamedia_from_shell};

const VALID: &str = "{\n\t\"to\": \"+16505551234\", \"type\":\"location\",\n\"messaging_product\" : \"whatsapp\",\n  \
                     \"location\": {\"longitude\": 11.5754900, \"latitude\":4.8e1, \"name\": \"\\u00e9\\ud83d\\ude00\"}}";

#[test]
fn a_valid_payload_is_printed_back_unchanged() {
    let folder = Folder::new();
    folder.write("a.json", VALID);
    let from_file = run(folder.path(), &["message", "validate", "a.json"]);
    assert_eq!((from_file.code, from_file.stdout.as_str(), from_file.stderr.as_str()), (Some(0), VALID, ""));
    for arguments in [
        &["message", "validate"][..],
        &["message", "validate", "-"],
        &["message", "validate", "--format", "json", "-"],
    ] {
        let stdin = File::open(folder.at("a.json")).expect("a file");
        let from_stdin = outcome(wamedia().args(arguments).stdin(stdin));
        assert_eq!((from_stdin.code, &from_stdin.stdout), (Some(0), &from_file.stdout), "{arguments:?}");
    }
}

#[test]
fn warnings_go_to_stderr_and_change_nothing() {
    let folder = Folder::new();
    folder.write("a.json", VALID.replace("+1650", "1650"));
    let text = run(folder.path(), &["message", "validate", "a.json"]);
    assert_eq!((text.code, text.stdout), (Some(0), VALID.replace("+1650", "1650")));
    assert!(
        text.stderr.starts_with("warning to: has no +, ") && text.stderr.lines().count() == 1,
        "{}",
        text.stderr
    );
    let json = run(folder.path(), &["message", "validate", "--format", "json", "a.json"]);
    let fault: Value = serde_json::from_str(&json.stderr).expect("a JSON line");
    assert_eq!(
        (json.code, &fault["severity"], &fault["path"], &fault["code"]),
        (Some(0), &json!("warning"), &json!("to"), &Value::Null)
    );
}

#[test]
fn errors_go_to_stdout_in_the_order_of_the_payload() {
    let folder = Folder::new();
    let payload = json!({
        "messaging_product": "whatsapp",
        "to": "6505551234",
        "type": "interactive",
        "interactive": {
            "type": "button",
            "body": {"text": "Which?"},
            "footre": {"text": "Soon"},
            "action": {"buttons": [
                {"type": "reply", "reply": {"id": "1", "title": "One"}},
                {"type": "reply", "reply": {"id": "2", "title": "Two, which is too long to be shown"}},
                {"type": "reply", "reply": {"id": "3", "title": "Three"}},
                {"type": "reply", "reply": {"id": "4", "title": "Four"}},
            ]},
        },
    });
    folder.write("a.json", payload.to_string());
    let text = run(folder.path(), &["message", "validate", "a.json"]);
    assert_eq!((text.code, text.stderr.as_str()), (Some(1), ""));
    let starts = [
        "warning to: has no +, ",
        "error interactive.footre: is not known; did you mean `footer`? (error 100; ",
        "error interactive.action.buttons: has 4 buttons; at most 3 are allowed: remove some (error 131009; ",
        "error interactive.action.buttons[1].reply.title: has 34 characters; at most 20 are allowed: shorten it (error 100; ",
    ];
    let lines: Vec<_> = text.stdout.lines().collect();
    assert_eq!(lines.len(), starts.len(), "{}", text.stdout);
    for (line, start) in lines.iter().zip(starts) {
        assert!(line.starts_with(start), "{line}");
    }

    let json = run(folder.path(), &["message", "validate", "--format", "json", "a.json"]);
    assert_eq!(json.code, Some(1));
    let faults: Vec<Value> =
        json.stdout.lines().map(|line| serde_json::from_str(line).expect("a JSON line")).collect();
    assert_eq!(faults[2]["path"], "interactive.action.buttons");
    assert_eq!(faults[2]["code"], 131_009);
    for fault in &faults {
        let names: Vec<_> = fault.as_object().expect("an object").keys().collect();
        assert_eq!(names, ["severity", "path", "kind", "code", "reason", "source"]);
    }

    let lenient = run(folder.path(), &["message", "validate", "--allow-unknown", "a.json"]);
    assert!(lenient.stdout.contains("\nwarning interactive.footre: "), "{}", lenient.stdout);
    assert_eq!(lenient.code, Some(1));
}

#[test]
fn unknown_fields_may_be_allowed() {
    let folder = Folder::new();
    folder.write("a.json", VALID.replace("\"name\"", "\"nom\""));
    assert_eq!(run(folder.path(), &["message", "validate", "a.json"]).code, Some(1));
    let lenient = run(folder.path(), &["message", "validate", "--allow-unknown", "a.json"]);
    assert_eq!(lenient.code, Some(0));
    assert!(lenient.stderr.starts_with("warning location.nom: "), "{}", lenient.stderr);
}

#[test]
fn a_duplicate_name_is_rejected() {
    let folder = Folder::new();
    folder.write("a.json", VALID.replace("\"type\"", "\"to\": \"+49301234567\", \"type\""));
    let twice = run(folder.path(), &["message", "validate", "a.json"]);
    assert_eq!(twice.code, Some(1));
    assert!(twice.stdout.starts_with("error to: is there a second time"), "{}", twice.stdout);
}

#[test]
fn invalid_json_is_reported_with_line_and_column() {
    let folder = Folder::new();
    for (bytes, part) in [
        (&b""[..], "at line 1 column"),
        (b"{\n  \"to\": \"+1\",\n}", "at line 3 column 1"),
        (b"{} {}", "at line 1 column 4; pass one payload at a time"),
        (b"to: you", "at line 1 column"),
        (b"{\"to\":\n \"\xff\"}", "invalid UTF-8 at line 2 column 3"),
        (b"\xef\xbb\xbf{}", "a byte order mark at line 1 column 1; save it"),
        ("[".repeat(100_000).as_bytes(), "recursion limit exceeded at line 1 column"),
    ] {
        folder.write("a.json", bytes);
        for arguments in
            [&["message", "validate", "a.json"][..], &["message", "validate", "--format", "json", "a.json"]]
        {
            let output = run(folder.path(), arguments);
            assert_eq!((output.code, output.stdout.as_str()), (Some(2), ""), "{part}");
            assert!(output.stderr.starts_with("wamedia: a.json: is not JSON: "), "{}", output.stderr);
            assert!(output.stderr.contains(part), "{}", output.stderr);
        }
    }
}

#[test]
fn a_payload_over_one_mebibyte_is_rejected() {
    let folder = Folder::new();
    let of = |len: usize| VALID.to_owned() + &" ".repeat(len - VALID.len());
    folder.write("good.json", of(1 << 20)).write("bad.json", of((1 << 20) + 1));
    let printed = File::create(folder.at("printed")).expect("a file");
    let good =
        outcome_to(printed, wamedia().current_dir(folder.path()).args(["message", "validate", "good.json"]));
    assert_eq!((good.code, good.stderr.as_str()), (Some(0), ""));
    assert_eq!(std::fs::read_to_string(folder.at("printed")).expect("a file"), of(1 << 20));
    let bad = run(folder.path(), &["message", "validate", "bad.json"]);
    assert_eq!(bad.code, Some(2));
    assert!(bad.stderr.contains("more than 1 MiB"), "{}", bad.stderr);
}

#[test]
fn usage_errors_name_the_valid_choices() {
    let folder = Folder::new();
    for (arguments, code, part) in [
        (&["message", "validate", "missing.json"][..], 2, "there is no such file"),
        (&["message", "validate", "."], 3, "cannot be read"),
        (&["message", "validate", "--dialect", "360-dialog"], 2, "did you mean 360dialog?"),
        (&["message", "validate", "--format", "xml"], 2, "text, json"),
        (&["message"], 2, "validate"),
    ] {
        let output = run(folder.path(), arguments);
        assert_eq!(output.code, Some(code), "{arguments:?}: {}", output.stderr);
        assert!(output.stderr.contains(part), "{arguments:?}: {}", output.stderr);
    }
    let help = run(folder.path(), &["message", "validate", "--help"]);
    assert_eq!(help.code, Some(0));
    assert!(
        help.stdout.contains("Examples:") && help.stdout.contains("360dialog-on-premises"),
        "{}",
        help.stdout
    );
}

#[test]
fn hostile_payloads_use_bounded_memory_and_time() {
    let folder = Folder::new();
    // 20,000 duplicate names below a long name, and a carousel that compares 60,000 buttons with 60,000 cards.
    let members = "\"a\":0,".repeat(20_000);
    folder.write("names.json", format!("{{\"{}\":{{{}\"b\":0}}}}", "k".repeat(300_000), members));
    let list = |element: &str| vec![element; 60_000].join(",");
    let cards = format!("{{\"action\":{{\"buttons\":[{}]}}}},{}", list("{}"), list("{}"));
    let payload = format!(
        "{{\"messaging_product\":\"whatsapp\",\"to\":\"+16505551234\",\"type\":\"interactive\",\"interactive\":{{\"type\":\
         \"carousel\",\"body\":{{\"text\":\"a\"}},\"action\":{{\"cards\":[{cards}]}}}}}}"
    );
    folder.write("cards.json", payload);
    for file in ["names.json", "cards.json"] {
        let printed = File::create(folder.at("printed")).expect("a file");
        let outcome = outcome_to(
            printed,
            wamedia_from_shell("ulimit -v 2000000; exec \"$0\" message validate \"$1\"").arg(folder.at(file)),
        );
        assert_eq!(outcome.code, Some(1), "{file}: {}", outcome.stderr);
    }
}

/// A template message with these components.
fn template(components: &Value) -> String {
    serde_json::json!({
        "messaging_product": "whatsapp", "to": "+16505551234", "type": "template",
        "template": {"name": "order", "language": {"code": "en"}, "components": components},
    })
    .to_string()
}

#[test]
fn templates_are_checked_against_the_list_of_the_account() {
    let folder = Folder::new();
    let body =
        |text: &str| serde_json::json!([{"type": "body", "parameters": [{"type": "text", "text": text}]}]);
    folder
        .write("good.json", template(&body("42")))
        .write("bad.json", template(&serde_json::json!([])))
        .write("lines.json", template(&body("4\n2")))
        .write("not.json", "{\"error\": {\"message\": \"expired\"}}")
        .write("syntax.json", "{")
        .write("page.json", r#"{"data": [{"name": "other", "language": "en", "components": []}], "paging": {"next": "https://x"}}"#)
        .write("list.json", r#"[{"name": "order", "language": "en", "components": [{"type": "BODY", "text": "Order {{1}}"}]}]"#);
    for (arguments, code, stdout, stderr) in [
        (&["--templates", "list.json", "good.json"][..], 0, "\"42\"", ""),
        (&["--templates", "list.json", "bad.json"], 1, "error 132000", ""),
        (&["bad.json"], 0, "order", ""),
        (&["--templates", "page.json", "good.json"], 0, "\"42\"", "incomplete"),
        (&["--templates", "page.json", "--templates", "list.json", "bad.json"], 1, "132000", "incomplete"),
        (&["--templates", "not.json", "good.json"], 2, "", "expired"),
        (&["--templates", "syntax.json", "good.json"], 2, "", "is not JSON"),
        (&["--templates", "missing.json", "good.json"], 2, "", "there is no such file"),
        (&["--templates", "-"], 2, "", "cannot both read stdin"),
        (&["lines.json"], 1, "132018", ""),
        (&["--flatten", "lines.json"], 0, "\"4 2\"", "note: template.components[0].parameters[0].text"),
        (&["--flatten", "good.json"], 0, "\"42\"", ""),
    ] {
        let said = run(folder.path(), &[&["message", "validate"], arguments].concat());
        assert_eq!(said.code, Some(code), "{arguments:?}: {said:?}");
        assert!(said.stdout.contains(stdout) && said.stderr.contains(stderr), "{arguments:?}: {said:?}");
    }
}

#[test]
fn unlisted_values_can_be_allowed() {
    let folder = Folder::new();
    folder.write(
        "a.json",
        template(&serde_json::json!([{"type": "button", "sub_type": "telepathy", "index": 0}])),
    );
    let refused = run(folder.path(), &["message", "validate", "a.json"]);
    assert!(refused.code == Some(1) && refused.stdout.contains("January 2026"), "{refused:?}");
    let allowed = run(folder.path(), &["message", "validate", "--allow-unknown", "a.json"]);
    assert!(allowed.code == Some(0) && allowed.stderr.contains("warning template"), "{allowed:?}");
}
