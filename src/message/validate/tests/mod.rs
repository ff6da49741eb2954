//! Tests of validation: valid payloads with one mistake each.

mod limits;
mod links;
mod properties;
mod structure;
mod templates;
mod values;

use serde_json::{Value, json};

use super::*;
use crate::message::Severity;

/// A payload of `tests/payloads`, all of which are valid.
fn payload(name: &str) -> Value {
    let file = format!("{}/tests/payloads/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&file).expect(&file);
    serde_json::from_str(&text).expect(&file)
}

/// The same with another value at a JSON pointer (RFC 6901) whose parent exists.
fn with(mut payload: Value, pointer: &str, value: impl Into<Value>) -> Value {
    let (around, name) = pointer.rsplit_once('/').expect("a pointer");
    match payload.pointer_mut(around).expect(pointer) {
        Value::Object(map) => drop(map.insert(name.to_owned(), value.into())),
        Value::Array(elements) => elements[name.parse::<usize>().expect("a position")] = value.into(),
        _ => panic!("{around} is neither an object nor an array"),
    }
    payload
}

/// The same without the field at a JSON pointer.
fn without(mut payload: Value, pointer: &str) -> Value {
    let (around, name) = pointer.rsplit_once('/').expect("a pointer");
    let map = payload.pointer_mut(around).and_then(Value::as_object_mut).expect(pointer);
    map.shift_remove(name).expect(pointer);
    payload
}

/// The path of a pointer, as in faults.
fn path_of(pointer: &str) -> String {
    let mut path = String::new();
    for name in pointer.split('/').skip(1) {
        path = match name.parse::<usize>() {
            Ok(at) => format!("{path}[{at}]"),
            Err(_) => join(&path, name),
        };
    }
    path
}

/// A fault in short: `error image.link 100`.
fn said_in(payload: &Value, dialect: Dialect) -> Vec<String> {
    let short = |fault: Fault| {
        let code = fault.code.map_or_else(String::new, |code| format!(" {code}"));
        format!("{} {}{code}", fault.severity, fault.path)
    };
    validate(payload, dialect, Unknown::Refused).into_iter().map(short).collect()
}

fn said(payload: &Value) -> Vec<String> {
    said_in(payload, Dialect::Cloud)
}

/// The only fault, in full.
#[track_caller]
fn only(payload: &Value) -> Fault {
    let mut faults = validate(payload, Dialect::Cloud, Unknown::Refused);
    assert_eq!(faults.len(), 1, "{faults:#?}");
    faults.remove(0)
}
