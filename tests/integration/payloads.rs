//! `wamedia message validate` with payloads from documents and with valid payloads of every message type.
//!
//! Most folders in `tests/payloads` belong to one document: `on-premises-media` to Meta's page on sending media messages with the On-Premises
//! API, whose German and Russian editions have the same JSON; `sending-messages` to Meta's page on sending messages, v20.0, with other texts;
//! `360dialog-media` to 360dialog's page on media messages. If a page shows several payloads in one example, each has a file of its own,
//! beside the original (`.txt`). `cloud` and `on-premises` have one valid payload for each message type.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::{Folder, run};

const ON_PREMISES: &str = "on-premises";
const CLOUD: &str = "cloud";
const DIALOG360: &str = "360dialog";
const DIALOG360_ON_PREMISES: &str = "360dialog-on-premises";

/// The field that is a placeholder in nearly all examples, so that nearly all are rejected for it.
const PLACEHOLDER: &str = "to";

/// File, dialect, paths of its errors, and its defect, if there is another than the placeholder for the recipient.
const PRINTED: &[(&str, &str, &[&str], &str)] = &[
    ("on-premises-media/audio-id.json", ON_PREMISES, &["to"], ""),
    ("on-premises-media/document-id.json", ON_PREMISES, &["to"], ""),
    (
        "on-premises-media/document-link-provider.json",
        ON_PREMISES,
        &["to", "document.link"],
        "the link names another provider than `provider`, and http(s) is not a scheme",
    ),
    (
        "on-premises-media/document-link.json",
        ON_PREMISES,
        &["to", "document.link"],
        "http(s) is not a scheme",
    ),
    ("on-premises-media/video-id.json", ON_PREMISES, &["to"], ""),
    (
        "on-premises-media/image-link-provider.json",
        ON_PREMISES,
        &["to", "image.link"],
        "http(s) is not a scheme",
    ),
    ("on-premises-media/image-id.json", ON_PREMISES, &["to"], ""),
    ("on-premises-media/sticker-id.json", ON_PREMISES, &["to"], ""),
    (
        "on-premises-media/sticker-link-provider.json",
        ON_PREMISES,
        &["to", "sticker.link"],
        "http(s) is not a scheme",
    ),
    ("on-premises-media/type-contact.json", ON_PREMISES, &["to", "type"], "the type is called contacts"),
    (
        "on-premises-media/one-object.json",
        ON_PREMISES,
        &[
            "document",
            "document",
            "image",
            "sticker",
            "to",
            "audio",
            "document.link",
            "video",
            "image",
            "sticker",
        ],
        "one message cannot have several types, nor a name twice",
    ),
    (
        "on-premises-media/response.json",
        ON_PREMISES,
        &["messages", "text", "to"],
        "a response is not a message",
    ),
    ("sending-messages/text.json", CLOUD, &[], ""),
    ("sending-messages/text-reply.json", CLOUD, &[], ""),
    ("sending-messages/syntax-fixed.json", CLOUD, &["to", "type"], "the type is a placeholder"),
    ("sending-messages/reply-syntax-fixed.json", CLOUD, &["to", "type"], "type and content are placeholders"),
    (
        "sending-messages/response-fixed.json",
        CLOUD,
        &["contacts[0].input", "contacts[0].wa_id", "contacts[0].name", "messages", "type", "to"],
        "a response is not a message",
    ),
    ("360dialog-media/audio-id.json", DIALOG360_ON_PREMISES, &["to"], ""),
    ("360dialog-media/document-id.json", DIALOG360_ON_PREMISES, &["to"], ""),
    (
        "360dialog-media/document-link-provider.json",
        DIALOG360_ON_PREMISES,
        &["to", "document.link"],
        "the link names another provider than `provider`, and http(s) is not a scheme",
    ),
    (
        "360dialog-media/document-link.json",
        DIALOG360_ON_PREMISES,
        &["to", "document.link"],
        "http(s) is not a scheme",
    ),
    ("360dialog-media/video-id.json", DIALOG360_ON_PREMISES, &["to"], ""),
    (
        "360dialog-media/image-link-provider.json",
        DIALOG360_ON_PREMISES,
        &["to", "image.link"],
        "http(s) is not a scheme",
    ),
    ("360dialog-media/image-id.json", DIALOG360_ON_PREMISES, &["to"], ""),
    ("360dialog-media/sticker-id.json", DIALOG360_ON_PREMISES, &["to"], ""),
    (
        "360dialog-media/sticker-link-provider.json",
        DIALOG360_ON_PREMISES,
        &["to", "sticker.link"],
        "http(s) is not a scheme",
    ),
    ("360dialog-media/cloud-image-link.json", DIALOG360, &["to"], ""),
    ("360dialog-media/cloud-image-id.json", DIALOG360, &["to"], ""),
];

/// Examples that are not JSON: file, position, defect.
const NOT_JSON: &[(&str, &str, &str)] = &[
    (
        "on-premises-media/as-printed.txt",
        "line 4 column 19",
        "alternatives with |, and no commas between objects",
    ),
    ("sending-messages/syntax.txt", "line 6 column 22", "a placeholder where a field belongs"),
    ("sending-messages/reply-syntax.txt", "line 9 column 3", "a comment, and a comma before it"),
    ("sending-messages/response.txt", "line 12 column 7", "a comma is missing after the id"),
    ("360dialog-media/audio-id-as-printed.txt", "line 7 column 1", "a comma after the last field"),
    (
        "360dialog-media/as-printed.txt",
        "line 4 column 17",
        "alternatives with |, and no commas between objects",
    ),
];

/// The example bodies in facebook/openapi, `business-messaging-api_v23.0.yaml`, under names that this project gave them.
///
/// A rejected `link` has `http(s)`; a rejected template name or language is a placeholder or has hyphens.
const OPENAPI: &[(&str, &[&str])] = &[
    ("audio-01", &["to"]),
    ("audio-02", &["audio.link", "to"]),
    ("audio-03", &["to"]),
    ("audio-04", &["audio.link", "to"]),
    ("button-01", &["to"]),
    ("catalog-01", &[]),
    ("contacts-01", &["to"]),
    ("contacts-02", &["to"]),
    ("document-01", &["to"]),
    ("document-02", &["document.link", "to"]),
    ("document-03", &["to"]),
    ("document-04", &["document.link", "to"]),
    ("flow-01", &["to"]),
    ("flow-02", &["to"]),
    ("flow-03", &["to"]),
    ("flow-04", &["to"]),
    ("image-01", &["to"]),
    ("image-02", &["image.link", "to"]),
    ("image-03", &["to"]),
    ("image-04", &["image.link", "to"]),
    ("list-01", &["to"]),
    ("location-01", &["to"]),
    ("location-02", &["to"]),
    ("order_details-01", &["to"]),
    ("order_status-01", &["to"]),
    ("product-01", &["to"]),
    ("product_list-01", &["interactive.header.type", "to"]),
    ("reaction-01", &["to"]),
    ("sticker-01", &["to"]),
    ("sticker-02", &["sticker.link", "to"]),
    ("sticker-03", &["to"]),
    ("sticker-04", &["sticker.link", "to"]),
    ("template-02", &["template.name", "to"]),
    (
        "template-03",
        &["template.components[0].parameters[0].image.link", "template.language.code", "template.name", "to"],
    ),
    (
        "template-04",
        &["template.components[0].parameters[0].image.link", "template.language.code", "template.name", "to"],
    ),
    ("template-05", &["template.language.code", "template.name", "to"]),
    (
        "template-06",
        &["template.components[1].parameters[0].type", "template.components[2].parameters[0].type", "to"],
    ),
    ("template-07", &["template.language.code", "template.name"]),
    ("template-08", &["to"]),
    ("text-01", &["to"]),
    ("text-02", &["to"]),
    ("typing-01", &[]),
    ("video-01", &["to"]),
    ("video-02", &["to", "video.link"]),
    ("video-03", &["to"]),
    ("video-04", &["to", "video.link"]),
];

fn payloads() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/payloads")
}

/// Validates a file and returns the paths of its errors. A valid file must be printed back unchanged.
#[track_caller]
fn errors(folder: &Path, file: &str, dialect: &str) -> Vec<String> {
    let output = run(folder, &["message", "validate", "--format", "json", "--dialect", dialect, file]);
    if output.code == Some(0) {
        let text = std::fs::read_to_string(folder.join(file)).expect("a payload");
        assert_eq!(output.stdout, text, "{file}");
        return Vec::new();
    }
    assert_eq!(output.code, Some(1), "{file}: {}", output.stderr);
    let faults = output.stdout.lines().map(|line| serde_json::from_str::<Value>(line).expect("a JSON line"));
    let of_error =
        |fault: Value| (fault["severity"] == "error").then(|| fault["path"].as_str().map(str::to_owned))?;
    faults.filter_map(of_error).collect()
}

/// The same with a valid recipient, so that only the errors of the message itself remain.
#[track_caller]
fn errors_with_recipient(payload: &Value, dialect: &str) -> Vec<String> {
    let mut payload = payload.clone();
    payload[PLACEHOLDER] = "+16505551234".into();
    let folder = Folder::new();
    folder.write("a.json", payload.to_string() + "\n");
    errors(folder.path(), "a.json", dialect)
}

#[test]
fn examples_of_documents_are_accepted_or_rejected_for_a_known_defect() {
    for (file, dialect, expected, defect) in PRINTED {
        assert_eq!(errors(&payloads(), file, dialect), *expected, "{file}: {defect}");
        if defect.is_empty() && !expected.is_empty() {
            assert_eq!(*expected, [PLACEHOLDER], "{file}: an unlisted defect");
            let text = std::fs::read_to_string(payloads().join(file)).expect("a payload");
            let payload = serde_json::from_str(&text).expect("JSON");
            assert_eq!(errors_with_recipient(&payload, dialect), [""; 0], "{file}");
        }
    }
}

#[test]
fn examples_that_are_not_json_are_reported_with_their_position() {
    for (file, place, defect) in NOT_JSON {
        let output = run(&payloads(), &["message", "validate", file]);
        assert_eq!((output.code, output.stdout.as_str()), (Some(2), ""), "{file}: {defect}");
        assert!(output.stderr.ends_with(&format!("at {place}\n")), "{file}: {defect}: {}", output.stderr);
    }
}

#[test]
fn every_example_file_is_in_a_table() {
    let mut here = Vec::new();
    for folder in ["on-premises-media", "sending-messages", "360dialog-media"] {
        let files = payloads().join(folder).read_dir().expect("payloads");
        here.extend(
            files.map(|file| format!("{folder}/{}", file.expect("a file").file_name().to_string_lossy())),
        );
    }
    let mut listed: Vec<_> =
        PRINTED.iter().map(|row| row.0).chain(NOT_JSON.iter().map(|row| row.0)).collect();
    here.sort();
    listed.sort_unstable();
    assert_eq!(here, listed);
}

#[test]
fn valid_payloads_of_every_type_are_printed_back_without_warnings() {
    for (folder, dialects) in
        [(CLOUD, [CLOUD, DIALOG360]), (ON_PREMISES, [ON_PREMISES, DIALOG360_ON_PREMISES])]
    {
        for file in payloads().join(folder).read_dir().expect("payloads") {
            let path = file.expect("a file").path();
            let text = std::fs::read_to_string(&path).expect("a payload");
            for dialect in dialects {
                let file = path.to_string_lossy();
                let output = run(&payloads(), &["message", "validate", "--dialect", dialect, &file]);
                assert_eq!(
                    (output.code, output.stdout, output.stderr.as_str()),
                    (Some(0), text.clone(), ""),
                    "{file}"
                );
            }
        }
    }
}

/// Needs a file that this repository may not distribute: an object `examples` with the bodies under the names in the table.
///
/// ```console
/// $ FACEBOOK_OPENAPI_EXAMPLES=messages.json cargo test --test integration openapi -- --ignored
/// ```
#[test]
#[ignore = "needs facebook/openapi's examples in the file that FACEBOOK_OPENAPI_EXAMPLES names"]
fn the_examples_of_openapi_are_accepted_or_rejected_for_a_known_defect() {
    let file =
        std::env::var("FACEBOOK_OPENAPI_EXAMPLES").expect("a file's name in FACEBOOK_OPENAPI_EXAMPLES");
    let all: Value = serde_json::from_str(&std::fs::read_to_string(file).expect("a file")).expect("JSON");
    let all = all["examples"].as_object().expect("examples");
    let mut names: Vec<_> = all.keys().collect();
    names.sort();
    assert_eq!(names, OPENAPI.iter().map(|(name, _)| name).collect::<Vec<_>>());
    let folder = Folder::new();
    for (name, expected) in OPENAPI {
        folder.write("a.json", all[*name].to_string() + "\n");
        assert_eq!(errors(folder.path(), "a.json", CLOUD), *expected, "{name}");
        if expected.contains(&PLACEHOLDER) {
            let others: Vec<_> = expected.iter().copied().filter(|path| *path != PLACEHOLDER).collect();
            assert_eq!(errors_with_recipient(&all[*name], CLOUD), others, "{name}");
        }
    }
}
