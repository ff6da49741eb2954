//! Property tests with arbitrary JSON.

use proptest::prelude::*;
use serde_json::{Map, Number};

use super::*;

/// Names and words that lead the walk beyond the first object.
const WORDS: [&str; 34] = [
    "type",
    "text",
    "body",
    "image",
    "link",
    "id",
    "interactive",
    "action",
    "buttons",
    "reply",
    "title",
    "sections",
    "rows",
    "cards",
    "header",
    "template",
    "components",
    "parameters",
    "contacts",
    "name",
    "to",
    "recipient_type",
    "group",
    "button",
    "list",
    "carousel",
    "messaging_product",
    "whatsapp",
    "context",
    "status",
    "location",
    "latitude",
    "voice",
    "audio",
];

fn word() -> impl Strategy<Value = String> {
    prop_oneof![4 => proptest::sample::select(&WORDS[..]).prop_map(str::to_owned), 1 => ".{0,8}"]
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        "-?(0|[1-9][0-9]{0,30})(\\.[0-9]{1,20})?(e[+-]?[0-9]{1,4})?"
            .prop_map(|text| serde_json::from_str::<Number>(&text).map_or(Value::Null, Value::Number)),
        word().prop_map(Value::String),
    ];
    leaf.prop_recursive(6, 64, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::Array),
            prop::collection::vec((word(), inner), 0..8)
                .prop_map(|fields| Value::Object(fields.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

/// A valid payload with one part replaced.
fn damaged() -> impl Strategy<Value = Value> {
    let folder = format!("{}/tests/payloads/cloud", env!("CARGO_MANIFEST_DIR"));
    let files = std::fs::read_dir(folder).expect("payloads");
    let stem =
        |file: std::fs::DirEntry| file.path().file_stem().map(|stem| stem.to_string_lossy().into_owned());
    let mut names: Vec<String> = files.filter_map(|file| stem(file.expect("a file"))).collect();
    names.sort();
    (proptest::sample::select(names), any::<proptest::sample::Index>(), any_json()).prop_map(
        |(name, at, part)| {
            let mut payload = payload(&format!("cloud/{name}"));
            let mut pointers = Vec::new();
            pointers_of(&payload, "", &mut pointers);
            let pointer = at.get(&pointers).clone();
            *payload.pointer_mut(&pointer).expect("a pointer of it") = part;
            payload
        },
    )
}

fn pointers_of(value: &Value, at: &str, pointers: &mut Vec<String>) {
    pointers.push(at.to_owned());
    match value {
        Value::Object(map) => map.iter().for_each(|(k, v)| pointers_of(v, &format!("{at}/{k}"), pointers)),
        Value::Array(all) => {
            all.iter().enumerate().for_each(|(i, v)| pointers_of(v, &format!("{at}/{i}"), pointers));
        }
        _ => {}
    }
}

proptest! {
    #[test]
    fn any_json_is_judged(payload in prop_oneof![any_json(), damaged()]) {
        for dialect in Dialect::ALL {
            let strict = validate(&payload, dialect, Unknown::Refused);
            for fault in &strict {
                prop_assert!(!fault.to_string().contains('\n'), "{}", fault);
            }
            // `Unknown` changes only the severity of faults.
            let lenient = validate(&payload, dialect, Unknown::Warned);
            prop_assert_eq!(strict.len(), lenient.len());
            prop_assert!(strict.iter().zip(&lenient).all(|(a, b)| a.path == b.path && a.reason == b.reason));
        }
    }

    #[test]
    fn what_is_read_is_printed_back_equal(payload in prop_oneof![any_json(), damaged()]) {
        let text = payload.to_string();
        let read: Value = serde_json::from_str(&text).expect("JSON");
        prop_assert_eq!(&read, &payload);
        prop_assert_eq!(read.to_string(), text);
    }
}

#[test]
fn deep_payloads_do_not_deepen_the_walk() {
    let mut deep = Value::Null;
    for _ in 0..10_000 {
        let fields = [("interactive".to_owned(), deep), ("type".to_owned(), "interactive".into())];
        deep = Value::Object(fields.into_iter().collect());
    }
    assert!(!validate(&deep, Dialect::Cloud, Unknown::Refused).is_empty());
    // Dropping a value of this depth recursively would overflow the stack.
    std::mem::forget(deep);
}
