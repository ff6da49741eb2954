//! Parser for objects that programs print almost as JSON: Python's, Ruby's and JavaScript's own notation.
//!
//! `{'code': 100}` (Python), `{"code"=>100}` (Ruby) and `{ code: 100 }` (Node.js) are read, with the words of those languages for null
//! and true. What is not understood becomes a string.

use serde_json::{Map, Value};

/// Maximum nesting.
const MAX_DEPTH: usize = 60;

/// The object at the beginning of the text, which starts with `{`, and its length in bytes.
pub(crate) fn object(text: &str) -> Option<(Value, usize)> {
    let mut parser = Parser { rest: text };
    let value = parser.object(0)?;
    Some((value, text.len() - parser.rest.len()))
}

struct Parser<'a> {
    rest: &'a str,
}

impl Parser<'_> {
    fn object(&mut self, depth: usize) -> Option<Value> {
        if depth > MAX_DEPTH || !self.take('{') {
            return None;
        }
        let mut object = Map::new();
        loop {
            self.space();
            if self.take('}') {
                return Some(Value::Object(object));
            }
            let name = self.name()?;
            self.space();
            if !(self.take_text("=>") || self.take(':') || self.take('=')) {
                return None;
            }
            let value = self.value(depth)?;
            object.insert(name, value);
            self.space();
            if !self.take(',') && !self.rest.starts_with('}') {
                return None;
            }
        }
    }

    fn array(&mut self, depth: usize) -> Option<Value> {
        let mut array = Vec::new();
        loop {
            self.space();
            if self.take(']') {
                return Some(Value::Array(array));
            }
            array.push(self.value(depth)?);
            self.space();
            if !self.take(',') && !self.rest.starts_with(']') {
                return None;
            }
        }
    }

    fn value(&mut self, depth: usize) -> Option<Value> {
        self.space();
        match self.rest.chars().next()? {
            '{' => self.object(depth + 1),
            '[' if depth < MAX_DEPTH => {
                self.take('[');
                self.array(depth + 1)
            }
            '"' | '\'' | '`' => {
                let mut text = self.quoted()?;
                // Node.js prints a long text as 'one' + 'two'.
                loop {
                    let before = self.rest;
                    self.space();
                    if !self.take('+') {
                        self.rest = before;
                        return Some(text.into());
                    }
                    self.space();
                    text.push_str(&self.quoted()?);
                }
            }
            _ => self.bare(depth),
        }
    }

    fn name(&mut self) -> Option<String> {
        self.take(':');
        if self.rest.starts_with(['"', '\'', '`']) {
            return self.quoted();
        }
        let end = self.rest.find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '$' | '-' | '.')))?;
        let (name, rest) = self.rest.split_at(end);
        self.rest = rest;
        (!name.is_empty()).then(|| name.to_owned())
    }

    fn quoted(&mut self) -> Option<String> {
        let quote = self.rest.chars().next().filter(|c| matches!(c, '"' | '\'' | '`'))?;
        let mut text = String::new();
        let mut chars = self.rest[1..].char_indices();
        while let Some((at, c)) = chars.next() {
            match c {
                c if c == quote => {
                    self.rest = &self.rest[1 + at + 1..];
                    return Some(text);
                }
                '\\' => match chars.next()?.1 {
                    'n' => text.push('\n'),
                    't' => text.push('\t'),
                    'r' => text.push('\r'),
                    c => text.push(c),
                },
                c => text.push(c),
            }
        }
        None
    }

    /// A number, a word, or something else up to the next separator. A word before `{` is the name of a class.
    fn bare(&mut self, depth: usize) -> Option<Value> {
        let end = self.rest.find([',', '}', ']', '\n', '{'])?;
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        if rest.starts_with('{') {
            return self.object(depth + 1);
        }
        let word = word.trim();
        if let Ok(number @ Value::Number(_)) = serde_json::from_str(word) {
            return Some(number);
        }
        Some(match word {
            "null" | "None" | "nil" | "undefined" | "" => Value::Null,
            "true" | "True" => Value::Bool(true),
            "false" | "False" => Value::Bool(false),
            word => word.into(),
        })
    }

    fn space(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn take(&mut self, c: char) -> bool {
        self.take_text(c.encode_utf8(&mut [0; 4]))
    }

    fn take_text(&mut self, text: &str) -> bool {
        let rest = self.rest.strip_prefix(text);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn notations_of_other_languages_are_read() {
        let expected =
            json!({"error": {"message": "it's", "code": 100, "ok": false, "data": null, "list": ["a", 2]}});
        for text in [
            r#"{'error': {'message': "it's", 'code': 100, 'ok': False, 'data': None, 'list': ['a', 2]}} tail"#,
            r#"{"error"=>{"message"=>"it's", "code"=>100, "ok"=>false, "data"=>nil, "list"=>["a", 2]}}"#,
            "{\n  error: AxiosError {\n    message: 'it\\'s',\n    code: 100,\n    ok: false,\n    data: undefined,\n    list: [ 'a', 2 ],\n  }\n}",
            "{:error=>{:message=>'it' + '\\'s', code: 100, ok: false, data: nil, list: ['a', 2,],},}",
        ] {
            assert_eq!(object(text).expect(text).0, expected, "{text}");
        }
        let (node, len) = object("{ a: [Function: x], b: [Object], c: <ref *1> } rest").unwrap();
        assert_eq!((&node["a"], &node["c"], len), (&json!(["Function: x"]), &json!("<ref *1>"), 46));
        for text in ["{", "{a}", "{'a", "{a: 1", "x", "{a: [", &"{a:".repeat(100_000)] {
            assert_eq!(object(text), None, "{}", &text[..text.len().min(20)]);
        }
    }
}
