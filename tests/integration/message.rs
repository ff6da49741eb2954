//! `wamedia message`: payloads for assets and for each kind, errors, and curl commands that send exactly these payloads.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::JoinHandle;

use serde_json::{Value, json};

use crate::support::{Folder, Outcome, outcome, run, version_of, wamedia};

const URL: &str = "https://media.example.com";
const TO: &str = "+16505551234";

/// A folder that is served under [`URL`].
fn shop() -> Folder {
    let folder = Folder::new();
    folder.write("wamedia.toml", format!("public_url = \"{URL}\"\n[[mount]]\nstore = \".\"\n"));
    folder
}

/// `wamedia message` with these arguments, to one recipient.
fn message(folder: &Folder, arguments: &[&str]) -> Outcome {
    run(folder.path(), &[&["message"], arguments, &["--to", TO]].concat())
}

/// The one payload that a command printed, with nothing on stderr.
#[track_caller]
fn payload(outcome: &Outcome) -> Value {
    assert_eq!((outcome.code, &*outcome.stderr), (Some(0), ""), "{outcome:?}");
    serde_json::from_str(&outcome.stdout).expect("JSON")
}

/// Asserts that a command printed only errors, which have all these parts.
#[track_caller]
fn assert_refused(outcome: &Outcome, code: i32, parts: &[&str]) {
    assert_eq!((outcome.code, &*outcome.stdout), (Some(code), ""), "{outcome:?}");
    for part in parts {
        assert!(outcome.stderr.contains(part), "no {part:?} in: {}", outcome.stderr);
    }
}

/// A sparse file of this length.
fn make_large(folder: &Folder, name: &str, len: u64) {
    File::create(folder.at(name)).and_then(|file| file.set_len(len)).expect("a file");
}

#[test]
fn one_command_prints_the_message_for_the_sample_banner() {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR"));
    let outcome = run(
        repository,
        &[
            "message",
            "campaign/banner.jpg",
            "--config",
            "media-sample/wamedia.toml",
            "--to",
            "+1 650 555 1234",
            "--caption",
            "Today only",
        ],
    );
    let bytes = std::fs::read(repository.join("media-sample/campaign/banner.jpg")).expect("a banner");
    let version = version_of(&bytes);
    let expected = format!(
        r#"{{
  "messaging_product": "whatsapp",
  "to": "+1 650 555 1234",
  "type": "image",
  "image": {{
    "link": "http://127.0.0.1:8080/campaign/banner.jpg?v={version}",
    "caption": "Today only"
  }}
}}
"#
    );
    assert_eq!((outcome.code, outcome.stdout), (Some(0), expected));
    // The sample has no public URL, so this link works only on this machine.
    for part in ["public_url is not set", "this machine only", "WAMEDIA_PUBLIC_URL"] {
        assert!(outcome.stderr.contains(part), "no {part:?} in {}", outcome.stderr);
    }
}

#[test]
fn asset_is_sent_as_the_kind_of_its_type() {
    let folder = shop();
    for (name, kind) in [
        ("a.jpg", "image"),
        ("b.PNG", "image"),
        ("c.mp4", "video"),
        ("d.3gp", "video"),
        ("e.mp3", "audio"),
        ("f.opus", "audio"),
        ("g.webp", "sticker"),
        ("M\u{e4}rz 1.pdf", "document"),
        ("text.txt", "document"),
    ] {
        folder.write(name, name);
        let payload = payload(&message(&folder, &[name]));
        assert_eq!(payload["type"], kind, "{name}");
        let url_path = name.replace('\u{e4}', "%C3%A4").replace(' ', "%20");
        let mut object = json!({ "link": format!("{URL}/{url_path}?v={}", version_of(name.as_bytes())) });
        if kind == "document" {
            object["filename"] = name.into();
        }
        assert_eq!(payload[kind], object, "{name}");
    }
}

#[test]
fn flags_set_caption_file_name_and_voice() {
    let folder = shop();
    folder.write("a.jpg", "a").write("n.ogg", "n").write("p.pdf", "p").write("text", "t");
    let link = |name: &str, bytes: &str| format!("{URL}/{name}?v={}", version_of(bytes.as_bytes()));
    for (arguments, kind, object) in [
        (&["a.jpg", "--caption", "A"][..], "image", json!({"link": link("a.jpg", "a"), "caption": "A"})),
        (
            &["a.jpg", "--as", "document", "--caption", "A"],
            "document",
            json!({"link": link("a.jpg", "a"), "caption": "A", "filename": "a.jpg"}),
        ),
        (&["document", "a.jpg"], "document", json!({"link": link("a.jpg", "a"), "filename": "a.jpg"})),
        (&["n.ogg", "--voice"], "audio", json!({"link": link("n.ogg", "n"), "voice": true})),
        (
            &["p.pdf", "--filename", "Prices.pdf"],
            "document",
            json!({"link": link("p.pdf", "p"), "filename": "Prices.pdf"}),
        ),
        (&["p.pdf", "--id", "7"], "document", json!({"id": "7", "filename": "p.pdf"})),
        (&["image", "--id", "7", "--caption", "A"], "image", json!({"id": "7", "caption": "A"})),
        (
            &["sticker", "--link", "https://x.example/a.webp?v=1"],
            "sticker",
            json!({"link": "https://x.example/a.webp?v=1"}),
        ),
        (&["audio", "n.ogg"], "audio", json!({"link": link("n.ogg", "n")})),
    ] {
        let payload = payload(&message(&folder, arguments));
        assert_eq!((&payload["type"], &payload[kind]), (&json!(kind), &object), "{arguments:?}");
    }
    // A link without a version is printed with a warning.
    let plain = message(&folder, &["a.jpg", "--no-version"]);
    assert!(plain.stdout.contains("/a.jpg\"") && plain.stderr.contains("version"), "{plain:?}");
    // A file with the name of a kind.
    let text = message(&folder, &["./text"]);
    assert!(text.stdout.contains("\"filename\": \"text\""), "{text:?}");
    assert!(text.stderr.contains("WhatsApp does not list"), "{text:?}");
}

#[test]
fn asset_is_the_header_of_a_template() {
    let folder = shop();
    folder.write("a.jpg", "a").write("p.pdf", "p").write("a.mp3", "m");
    let template =
        ["template", "--name", "spring_sale", "--language", "en_US", "--parameter", "x", "--header"];
    for (name, parameter) in [
        ("a.jpg", json!({"type": "image", "image": {"link": format!("{URL}/a.jpg?v={}", version_of(b"a"))}})),
        (
            "p.pdf",
            json!({"type": "document", "document": {
                "link": format!("{URL}/p.pdf?v={}", version_of(b"p")),
                "filename": "p.pdf",
            }}),
        ),
    ] {
        let payload = payload(&message(&folder, &[&template[..], &[name]].concat()));
        let components = json!([
            {"type": "header", "parameters": [parameter]},
            {"type": "body", "parameters": [{"type": "text", "text": "x"}]},
        ]);
        assert_eq!(payload["template"]["components"], components);
    }
    let sound = message(&folder, &[&template[..], &["a.mp3"]].concat());
    assert_refused(&sound, 1, &["a.mp3", "audio", "an image, a video or a document"]);
}

#[test]
fn asset_that_whatsapp_would_reject_is_an_error_with_the_fix() {
    let folder = shop();
    folder.write("s.webp", "s").write("a.mp3", "a").write("a.jpg", "a").write("m.gif", "m");
    make_large(&folder, "large.jpg", (5 << 20) + 1);
    make_large(&folder, "large.mp4", (16 << 20) + 1);
    make_large(&folder, "large.webp", (500 << 10) + 1);
    for (arguments, parts) in [
        (
            &["s.webp", "--as", "image"][..],
            &["s.webp", "image/webp", "image/jpeg, image/png", "as sticker"][..],
        ),
        (&["video", "a.jpg"], &["a.jpg", "image/jpeg", "video/mp4", "as image"]),
        (&["m.gif", "--as", "video"], &["m.gif", "image/gif", "as document"]),
        (&["large.jpg"], &["large.jpg", "5242881 bytes", "5242880", "--as document"]),
        (&["large.mp4"], &["large.mp4", "16777216", "--as document"]),
        (&["large.webp"], &["large.webp", "512000"]),
        (&["a.mp3", "--voice"], &["a.mp3", "audio/mpeg", "Opus in Ogg", "omit --voice"]),
        (&["a.mp3", "--caption", "A"], &["no caption with audio", "omit --caption"]),
        (&["s.webp", "--caption", "A"], &["no caption with sticker"]),
        (&["a.jpg", "--filename", "b.jpg"], &["no filename with image"]),
        (&["a.jpg", "--voice"], &["no voice with image"]),
        (&["a.jpg", "--caption", &"\u{1f642}".repeat(1025)], &["image.caption", "1024"]),
        (&["nowhere.jpg"], &["no asset nowhere.jpg"]),
        (&["../a.jpg"], &["../a.jpg", "not the path of an asset"]),
    ] {
        assert_refused(&message(&folder, arguments), 1, parts);
    }
    let whole = payload(&message(&folder, &["large.jpg", "--as", "document"]));
    assert_eq!(whole["document"]["filename"], "large.jpg");
}

#[test]
fn size_between_mb_and_mib_is_a_warning() {
    let folder = shop();
    make_large(&folder, "a.jpg", 5_000_001);
    make_large(&folder, "fits.jpg", 5_000_000);
    make_large(&folder, "s.webp", 100_001);
    make_large(&folder, "v.ogg", 512_001);
    for (arguments, part) in
        [(&["a.jpg"][..], "1,000,000"), (&["s.webp"], "animated"), (&["v.ogg", "--voice"], "downloaded")]
    {
        let outcome = message(&folder, arguments);
        assert_eq!(outcome.code, Some(0));
        assert!(outcome.stderr.contains("warning") && outcome.stderr.contains(part), "{outcome:?}");
    }
    payload(&message(&folder, &["fits.jpg"]));
    payload(&message(&folder, &["v.ogg"]));
}

#[test]
fn each_kind_has_its_own_flags() {
    let folder = Folder::new();
    for (arguments, kind, object) in [
        (&["text", "--body", "Hi"][..], "text", json!({"body": "Hi"})),
        (&["text", "--body", "Hi", "--preview-url"], "text", json!({"preview_url": true, "body": "Hi"})),
        (
            &["text", "--body", "Hi", "--preview-url=false"],
            "text",
            json!({"preview_url": false, "body": "Hi"}),
        ),
        (
            &["location", "--latitude", "37.44", "--longitude", "-122.16", "--name", "N", "--address", "A"],
            "location",
            json!({"latitude": 37.44, "longitude": -122.16, "name": "N", "address": "A"}),
        ),
        (
            &["contacts", "--name", "Ada Lovelace", "--phone", TO, "--email", "ada@x.example"],
            "contacts",
            json!([{
                "emails": [{"email": "ada@x.example"}],
                "name": {"formatted_name": "Ada Lovelace", "first_name": "Ada"},
                "phones": [{"phone": TO}],
            }]),
        ),
        (
            &["reaction", "--message-id", "wamid.A", "--emoji", "\u{1f44d}"],
            "reaction",
            json!({"message_id": "wamid.A", "emoji": "\u{1f44d}"}),
        ),
        (
            &["reaction", "--message-id", "wamid.A", "--emoji", ""],
            "reaction",
            json!({"message_id": "wamid.A", "emoji": ""}),
        ),
        (
            &["template", "--name", "hello_world", "--language", "en_US"],
            "template",
            json!({"name": "hello_world", "language": {"code": "en_US"}}),
        ),
        (
            &["template", "--name", "a", "--language", "en", "--parameter", "x", "--parameter", "y"],
            "template",
            json!({
                "name": "a",
                "language": {"code": "en"},
                "components": [{"type": "body", "parameters": [{"type": "text", "text": "x"}, {"type": "text", "text": "y"}]}],
            }),
        ),
    ] {
        let payload = payload(&message(&folder, arguments));
        let expected = json!({"messaging_product": "whatsapp", "to": TO, "type": kind, kind: object});
        assert_eq!(payload, expected, "{arguments:?}");
    }
    let pin = message(&folder, &["pin", "--message-id", "wamid.A", "--days", "7"]);
    assert_eq!(payload(&pin)["recipient_type"], "group");
    let reply = message(&folder, &["text", "--body", "Hi", "--reply-to", "wamid.A", "--callback-data", "x"]);
    assert_eq!(payload(&reply)["context"], json!({"message_id": "wamid.A"}));
    assert_eq!(payload(&reply)["biz_opaque_callback_data"], "x");

    let read = run(folder.path(), &["message", "read", "--message-id", "wamid.A"]);
    let mut expected = json!({"messaging_product": "whatsapp", "status": "read", "message_id": "wamid.A"});
    assert_eq!(payload(&read), expected);
    let typing = run(folder.path(), &["message", "typing", "--message-id", "wamid.A"]);
    let older =
        run(folder.path(), &["message", "read", "--message-id", "wamid.A", "--dialect", "on-premises"]);
    assert_refused(&older, 1, &["on-premises has no such payload", "--dialect cloud"]);
    expected["typing_indicator"] = json!({"type": "text"});
    assert_eq!(payload(&typing), expected);
}

#[test]
fn json_replaces_flags() {
    let folder = Folder::new();
    let buttons = r#"{"type":"button","body":{"text":"Which?"},"action":{"buttons":[{"type":"reply","reply":{"id":"a","title":"A"}}]}}"#;
    let components = r#"[{"type":"header","parameters":[{"type":"image","image":{"id":"7"}}]}]"#;
    folder
        .write("buttons.json", buttons)
        .write("components.json", components)
        .write("broken.json", "{\n \"a\": }");
    folder.write("twice.json", r#"{"body":"a","body":"b"}"#);
    folder.write("place.json", "{\"latitude\":\"37.440\",\"longitude\":-122.1600}");
    let printed = message(&folder, &["interactive", "--json", "buttons.json"]);
    assert_eq!(payload(&printed)["interactive"].to_string(), buttons);
    // The JSON is kept unchanged, digits included.
    let place = message(&folder, &["location", "--json", "place.json"]);
    assert!(place.stdout.contains("\"37.440\"") && place.stdout.contains("-122.1600"), "{place:?}");
    let arguments = ["template", "--name", "a", "--language", "en", "--json", "components.json"];
    let template = payload(&message(&folder, &arguments));
    assert_eq!(template["template"]["components"].to_string(), components);

    let stdin = File::open(folder.at("buttons.json")).expect("a file");
    let arguments = ["message", "interactive", "--json", "-", "--to", TO];
    let piped = outcome(wamedia().current_dir(folder.path()).args(arguments).stdin(Stdio::from(stdin)));
    assert_eq!(piped.stdout, printed.stdout);

    for (arguments, code, parts) in [
        (&["interactive", "--json", "broken.json"][..], 2, &["broken.json", "line 2 column 7"][..]),
        (&["interactive", "--json", "nowhere.json"], 2, &["nowhere.json"]),
        (&["interactive", "--json", "."], 3, &["cannot be read"]),
        (&["interactive", "--json", "-", "--to-file", "-"], 2, &["both", "stdin"]),
        (&["text", "--json", "twice.json"], 1, &["twice.json: error body"]),
        (&["template", "--json", "components.json"], 2, &["--name"]),
        (&["template", "--name", "a"], 2, &["--language"]),
        (&["text", "--json", "buttons.json"], 1, &["error text.body"]),
        (&["text", "--json", "buttons.json", "--body", "Hi"], 2, &["--body"]),
        (&["interactive"], 2, &["--json"]),
    ] {
        assert_refused(&message(&folder, arguments), code, parts);
    }
}

#[test]
fn several_recipients_get_one_line_each_or_none_at_all() {
    let folder = Folder::new();
    folder.write("numbers.txt", "\u{feff}+1 650 555 0001\r\n\n  US.13491208655302741918 \n+16505550003");
    folder.write("bad.txt", "+16505550001\n\nno number\n").write("empty.txt", "\n\n");
    let text = ["message", "text", "--body", "Hi"];
    let listed = run(folder.path(), &[&text[..], &["--to", TO, "--to-file", "numbers.txt"]].concat());
    assert_eq!((listed.code, &*listed.stderr), (Some(0), ""));
    let lines: Vec<Value> =
        listed.stdout.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let recipients: Vec<_> =
        lines.iter().map(|line| (line["to"].as_str(), line["recipient"].as_str())).collect();
    assert_eq!(
        recipients,
        [
            (Some(TO), None),
            (Some("+1 650 555 0001"), None),
            (None, Some("US.13491208655302741918")),
            (Some("+16505550003"), None),
        ]
    );
    // A file with one recipient prints one line too.
    folder.write("one.txt", "+16505550001\n");
    let one = run(folder.path(), &[&text[..], &["--to-file", "one.txt"]].concat());
    assert_eq!(one.stdout.lines().count(), 1, "{one:?}");
    let groups =
        run(folder.path(), &[&text[..], &["--group", "--to", "Y2FwaV9n", "--to", "Y2FwaV9o"]].concat());
    assert_eq!(groups.stdout.matches(r#""recipient_type":"group""#).count(), 2, "{groups:?}");

    let bad = run(folder.path(), &[&text[..], &["--to-file", "bad.txt"]].concat());
    assert_refused(&bad, 1, &["bad.txt:3: error to"]);
    // A fault of the message is reported once.
    let arguments = ["message", "text", "--body", "", "--to", TO, "--to", "+16505550002"];
    let empty = run(folder.path(), &arguments);
    assert_refused(&empty, 1, &["text.body"]);
    assert_eq!(empty.stderr.lines().count(), 1, "{empty:?}");
    assert_refused(
        &run(folder.path(), &[&text[..], &["--to-file", "empty.txt"]].concat()),
        2,
        &["has no recipients"],
    );
    assert_refused(&run(folder.path(), &text), 2, &["--to <RECIPIENT>"]);
}

#[test]
fn warnings_do_not_change_output_or_exit_code() {
    let folder = Folder::new();
    let outcome = run(folder.path(), &["message", "text", "--body", "Hi", "--to", "(631) 555-1234"]);
    assert_eq!(outcome.code, Some(0));
    assert!(outcome.stdout.contains("(631) 555-1234"), "{outcome:?}");
    assert!(outcome.stderr.contains("warning to") && outcome.stderr.contains("+916315551234"), "{outcome:?}");
}

#[test]
fn wrong_usage_is_reported_with_the_fix() {
    let folder = shop();
    folder.write("a.jpg", "a");
    for (arguments, parts) in [
        (&["message"][..], &["<PATH>"][..]),
        (&["message", "a.jpg"], &["--to <RECIPIENT>"]),
        (
            &["message", "--to", TO, "text"],
            &["`text` is a kind of message", "directly after `message`", "./text"],
        ),
        (&["message", "a.jpg", "--to", TO, "--as", "picture"], &["picture", "image, video, audio"]),
        (&["message", "a.jpg", "--to", TO, "--dialect", "clowd"], &["clowd", "mean cloud?"]),
        (&["message", "image", "--to", TO], &["--link <URL>"]),
        (&["message", "image", "--to", TO, "--id", "1", "--link", "https://x.example"], &["--link"]),
        (&["message", "location", "--to", TO, "--latitude", "north", "--longitude", "1"], &["north"]),
        (&["message", "read", "--to", TO], &["--to"]),
    ] {
        assert_refused(&run(folder.path(), arguments), 2, parts);
    }
    // Without a known link, a media id works.
    let arguments = ["message", "a.jpg", "--to", TO];
    let mut command = wamedia();
    let unknown = command.current_dir(folder.path()).args(arguments).arg("--config=port.toml");
    folder.write("port.toml", "listen = [\"127.0.0.1:0\"]\n[[mount]]\nstore = \".\"\n");
    assert_refused(&outcome(unknown), 2, &["port 0", "set public_url"]);
    payload(&outcome(unknown.args(["--id", "7"])));
}

#[test]
fn help_has_examples_and_the_exit_codes() {
    let folder = Folder::new();
    let help = run(folder.path(), &["message", "--help"]);
    for part in
        ["Examples:", "campaign/banner.jpg --to", "--format curl", "Exit codes: 0", "validate", "interactive"]
    {
        assert!(help.stdout.contains(part), "no {part:?} in {}", help.stdout);
    }
}

#[test]
fn dialect_decides_the_shape_and_the_endpoint() {
    let folder = Folder::new();
    for (dialect, parts, absent) in [
        (
            "cloud",
            &[
                "\"https://graph.facebook.com/v23.0/${PHONE_NUMBER_ID}/messages\"",
                "\"Authorization: Bearer $WHATSAPP_TOKEN\"",
                "\"messaging_product\"",
            ][..],
            "D360",
        ),
        (
            "360dialog",
            &["\"https://waba-v2.360dialog.io/messages\"", "\"D360-API-KEY: $D360_API_KEY\""],
            "Bearer",
        ),
        ("on-premises", &["/v1/messages\"", "Bearer $WHATSAPP_TOKEN"], "messaging_product"),
        (
            "360dialog-on-premises",
            &["\"https://waba.360dialog.io/v1/messages\"", "$D360_API_KEY"],
            "messaging_product",
        ),
    ] {
        let arguments = ["text", "--body", "Hi", "--dialect", dialect, "--format", "curl"];
        let outcome = message(&folder, &arguments);
        for part in parts {
            assert!(outcome.stdout.contains(part), "{dialect}: no {part} in {}", outcome.stdout);
        }
        assert!(!outcome.stdout.contains(absent), "{dialect}: {}", outcome.stdout);
    }
    let older = message(&folder, &["text", "--body", "Hi", "--preview-url", "--dialect", "on-premises"]);
    assert_eq!(
        payload(&older),
        json!({"to": TO, "type": "text", "preview_url": true, "text": {"body": "Hi"}})
    );
    let own =
        ["text", "--body", "Hi", "--format=curl", "--phone-number-id=106540352242922", "--api-version=v24.0"];
    let outcome = message(&folder, &own);
    assert!(outcome.stdout.contains("graph.facebook.com/v24.0/106540352242922/messages"), "{outcome:?}");
}

/// A received request.
#[derive(Debug)]
struct Request {
    line: String,
    fields: Vec<(String, String)>,
    body: Vec<u8>,
}

/// A server that answers this many requests, each on its own connection, with 200, and records them.
fn recorder(count: usize) -> (SocketAddr, JoinHandle<Vec<Request>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let record = move || {
        let one = |_| {
            let (stream, _) = listener.accept().expect("a connection");
            stream.set_read_timeout(Some(crate::support::TIMEOUT)).expect("a timeout");
            let mut reader = BufReader::new(stream);
            let mut line = || {
                let mut line = String::new();
                reader.read_line(&mut line).expect("a line");
                line.trim_end().to_owned()
            };
            let first = line();
            let fields: Vec<(String, String)> = std::iter::from_fn(|| {
                let line = line();
                let (name, value) = line.split_once(": ")?;
                Some((name.to_ascii_lowercase(), value.to_owned()))
            })
            .collect();
            let length = fields.iter().find(|(name, _)| name == "content-length").expect("a length");
            let mut body = vec![0; length.1.parse().expect("a length")];
            reader.read_exact(&mut body).expect("a body");
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}";
            reader.get_mut().write_all(answer).expect("the response is written");
            Request { line: first, fields, body }
        };
        (0..count).map(one).collect()
    };
    (address, std::thread::spawn(record))
}

/// Runs a printed command in a shell, with a credential in the environment.
fn paste(script: &str) {
    let status = Command::new("sh")
        .args(["-eu", "-c", script])
        .env("WHATSAPP_TOKEN", "secret $HOME `id`")
        .env("D360_API_KEY", "key")
        .env("CURL_HOME", "/nonexistent")
        .env_remove("http_proxy")
        .env("NO_PROXY", "*")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .expect("a shell");
    assert!(status.success(), "{status} of {script}");
}

#[test]
fn printed_curl_command_sends_exactly_the_payload() {
    let folder = shop();
    folder.write("a.jpg", "a");
    let captions = [
        "plain",
        "it's \"quoted\" and 'again'",
        "one\ntwo\r\n\tthree\n",
        "$HOME ${PATH} $(id) $$ $1",
        "`id` \\` \\\\ \\n \\",
        "'; echo pwned; '",
        "!history #comment * ? [a] {b,c} ~ & | < > %s",
        "\u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467} \u{645}\u{631}\u{62d}\u{628}\u{627} e\u{301} \u{2028}",
        "'",
        "@file",
    ];
    let (address, server) = recorder(captions.len());
    let endpoint = format!("http://{address}/v23.0/1/messages?a=b&c=$d");
    for caption in captions {
        let printed =
            message(&folder, &["a.jpg", "--caption", caption, "--format", "curl", "--endpoint", &endpoint]);
        assert_eq!(printed.code, Some(0), "{printed:?}");
        paste(&printed.stdout);
    }
    for (request, caption) in server.join().expect("requests").iter().zip(captions) {
        assert_eq!(request.line, "POST /v23.0/1/messages?a=b&c=$d HTTP/1.1");
        let field = |name: &str| {
            let mut values =
                request.fields.iter().filter(|(n, _)| n == name).map(|(_, value)| value.as_str());
            (values.next(), values.next())
        };
        assert_eq!(field("content-type"), (Some("application/json"), None));
        assert_eq!(field("authorization"), (Some("Bearer secret $HOME `id`"), None));
        let json = message(&folder, &["a.jpg", "--caption", caption]);
        assert_eq!(String::from_utf8_lossy(&request.body), json.stdout.trim_end_matches('\n'));
        let body: Value = serde_json::from_slice(&request.body).expect("JSON");
        assert_eq!(body["image"]["caption"], caption);
    }
}

#[test]
fn several_printed_curl_commands_send_one_payload_each() {
    let folder = Folder::new();
    let numbers = ["+16505550001", "+16505550002", "+16505550003"];
    folder.write("numbers.txt", numbers.join("\n"));
    let (address, server) = recorder(numbers.len());
    let endpoint = format!("http://{address}/messages");
    let arguments =
        ["message", "text", "--body", "it's $5", "--to-file", "numbers.txt", "--dialect", "360dialog"];
    let printed =
        run(folder.path(), &[&arguments[..], &["--format", "curl", "--endpoint", &endpoint]].concat());
    paste(&printed.stdout);
    for (request, number) in server.join().expect("requests").iter().zip(numbers) {
        let body: Value = serde_json::from_slice(&request.body).expect("JSON");
        assert_eq!((&body["to"], &body["text"]["body"]), (&json!(number), &json!("it's $5")));
        assert!(request.fields.contains(&("d360-api-key".to_owned(), "key".to_owned())), "{request:?}");
        assert!(!request.fields.iter().any(|(name, _)| name == "authorization"), "{request:?}");
    }
}

#[test]
fn config_flag_may_follow_the_command() {
    let folder = Folder::new();
    folder.write("a.jpg", "a photo");
    folder.write("shop.toml", "public_url = \"https://x.example\"\n[[mount]]\nstore = \".\"\n");
    for arguments in [
        &["message", "--config", "shop.toml", "text", "--to", "+16505551234", "--body", "Hi"][..],
        &["message", "--config=shop.toml", "image", "a.jpg", "--to", "+16505551234"],
        &["message", "a.jpg", "--to", "+16505551234", "--config", "shop.toml"],
        &["--config", "shop.toml", "message", "a.jpg", "--to", "+16505551234"],
    ] {
        let outcome = run(folder.path(), arguments);
        assert_eq!(outcome.code, Some(0), "{arguments:?}: {}", outcome.stderr);
    }
}

#[test]
fn empty_asset_is_an_error_and_a_caption_may_begin_with_a_hyphen() {
    let folder = Folder::new();
    folder.write("a.jpg", "a photo").write("empty.jpg", "");
    folder.write("wamedia.toml", "public_url = \"https://x.example\"\n[[mount]]\nstore = \".\"\n");
    let empty = run(folder.path(), &["message", "empty.jpg", "--to", "+16505551234"]);
    assert_eq!((empty.code, empty.stdout.as_str()), (Some(1), ""));
    assert!(empty.stderr.contains("empty.jpg: it is empty"), "{}", empty.stderr);
    let caption =
        run(folder.path(), &["message", "a.jpg", "--to", "+16505551234", "--caption", "-10% today"]);
    assert!(caption.stdout.contains("\"caption\": \"-10% today\""), "{caption:?}");
}

#[test]
fn printed_curl_command_contains_no_shell_expansion_of_arguments() {
    let folder = Folder::new();
    let message = ["message", "text", "--to", "+16505551234", "--body", "Hi", "--format", "curl"];
    for (flag, value) in [
        ("--phone-number-id", "1$(id)"),
        ("--phone-number-id", "1\";x"),
        ("--api-version", "v23.0`id`"),
        ("--endpoint", "nope"),
        ("--endpoint", "http://a b"),
    ] {
        let outcome = run(folder.path(), &[&message[..], &[flag, value]].concat());
        assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(2), ""), "{flag} {value}");
    }
}

/// A list with a named template, a positional one with buttons, and one with an image.
fn write_templates(folder: &Folder) {
    folder.write(
        "templates.json",
        json!({"data": [
            {"name": "named", "language": "en", "status": "APPROVED", "parameter_format": "NAMED", "components": [
                {"type": "HEADER", "format": "TEXT", "text": "I am {{agent}}"},
                {"type": "BODY", "text": "Hi {{first_name}}, order {{order}}"},
            ]},
            {"name": "buttons", "language": "en", "status": "APPROVED", "components": [
                {"type": "BODY", "text": "Hi {{1}}"},
                {"type": "BUTTONS", "buttons": [
                    {"type": "PHONE_NUMBER", "text": "Call", "phone_number": "+15551234"},
                    {"type": "URL", "text": "Track", "url": "https://shop.example/{{1}}"},
                    {"type": "COPY_CODE", "example": "SAVE20"},
                ]},
            ]},
            {"name": "image", "language": "en", "status": "APPROVED", "components": [
                {"type": "HEADER", "format": "IMAGE"}, {"type": "BODY", "text": "Look"},
            ]},
        ]})
        .to_string(),
    );
}

#[test]
fn template_parameters_go_where_the_list_of_templates_has_them() {
    let folder = shop();
    write_templates(&folder);
    folder.write("a.jpg", "a");
    let of = |name: &str, more: &[&str]| {
        let flags = ["template", "--templates", "templates.json", "--language", "en", "--name", name];
        message(&folder, &[&flags[..], more].concat())
    };
    let named = of(
        "named",
        &["--parameter", "order=a=b", "--parameter", "agent=Ann", "--parameter", "first_name=Ada"],
    );
    assert_eq!(
        payload(&named)["template"]["components"],
        json!([
            {"type": "header", "parameters": [{"type": "text", "parameter_name": "agent", "text": "Ann"}]},
            {"type": "body", "parameters": [
                {"type": "text", "parameter_name": "order", "text": "a=b"},
                {"type": "text", "parameter_name": "first_name", "text": "Ada"},
            ]},
        ])
    );
    let header = of("named", &["--header", "Ann", "--parameter", "order=1", "--parameter", "first_name=Ada"]);
    assert_eq!(payload(&header)["template"]["components"], {
        let mut expected = payload(&named)["template"]["components"].clone();
        expected[1]["parameters"][0]["text"] = "1".into();
        expected
    });
    let buttons = of("buttons", &["--parameter", "a=b", "--button", "1=42", "--button", "2=SAVE20"]);
    assert_eq!(
        payload(&buttons)["template"]["components"],
        json!([
            {"type": "body", "parameters": [{"type": "text", "text": "a=b"}]},
            {"type": "button", "sub_type": "url", "index": "1", "parameters": [{"type": "text", "text": "42"}]},
            {"type": "button", "sub_type": "copy_code", "index": "2", "parameters": [
                {"type": "coupon_code", "coupon_code": "SAVE20"},
            ]},
        ])
    );
    assert_eq!(payload(&of("image", &["--header", "a.jpg"]))["template"]["components"][0]["type"], "header");
    let url = of("image", &["--header", "https://x.example/f?v=1"]);
    assert_eq!(
        payload(&url)["template"]["components"][0]["parameters"][0]["image"]["link"],
        "https://x.example/f?v=1"
    );

    assert_refused(
        &of("named", &["--parameter", "Ada"]),
        2,
        &["--parameter Ada has no name", "first_name, order"],
    );
    assert_refused(
        &of("named", &["--parameter", "first_nam=Ada"]),
        1,
        &["132000", "did you mean `first_name`?"],
    );
    assert_refused(&of("buttons", &["--parameter", "a"]), 1, &["131008", "Url", "CopyCode"]);
    let call = of("buttons", &["--parameter", "a", "--button", "0=1", "--button", "1=42", "--button", "2=S"]);
    assert_refused(&call, 1, &["does not support parameters", "remove this component"]);
    assert_refused(&of("image", &[]), 1, &["132012", "IMAGE"]);
    assert_refused(&of("imge", &[]), 1, &["132001", "did you mean `image`?"]);
}

#[test]
fn without_a_list_parameters_are_named_by_a_flag() {
    let folder = shop();
    let of =
        |more: &[&str]| message(&folder, &[&["template", "--name", "a", "--language", "en"], more].concat());
    let body = |outcome: &Outcome| payload(outcome)["template"]["components"][0]["parameters"][0].clone();
    assert_eq!(body(&of(&["--parameter", "a=b"])), json!({"type": "text", "text": "a=b"}));
    let named = json!({"type": "text", "parameter_name": "a", "text": "b"});
    assert_eq!(body(&of(&["--named", "--parameter", "a=b"])), named);
    assert_eq!(body(&of(&["--header-text", "Sale"])), json!({"type": "text", "text": "Sale"}));
    assert_eq!(body(&of(&["--button", "1:copy_code=S"])), json!({"type": "coupon_code", "coupon_code": "S"}));
    assert_refused(&of(&["--named", "--parameter", "Ada"]), 2, &["has no name"]);
    assert_refused(&of(&["--button", "x"]), 2, &["INDEX=TEXT"]);
}

#[test]
fn text_with_line_breaks_is_refused_in_a_template_or_flattened() {
    let folder = shop();
    let of = |more: &[&str]| {
        message(
            &folder,
            &[&["template", "--name", "a", "--language", "en", "--parameter", "two\nlines"], more].concat(),
        )
    };
    assert_refused(&of(&[]), 1, &["132018", "a line break", "--flatten"]);
    let flat = of(&["--flatten"]);
    assert_eq!(flat.code, Some(0), "{flat:?}");
    assert!(flat.stdout.contains("\"two lines\""), "{flat:?}");
    assert!(flat.stderr.contains("note: template.components[0].parameters[0].text"), "{flat:?}");
}
