//! Rules about the names of files: extensions of links and of documents.

use serde_json::{Map, Value};

use super::Walk;
use super::field_rules::of;
use super::json_path::Place;
use crate::asset::AssetPath;
use crate::whatsapp::schema::Code;
use crate::whatsapp::{Kind, media_type, url_syntax};

/// Extensions of Opus in Ogg.
const VOICE: [&str; 3] = ["ogg", "oga", "opus"];

impl Walk {
    pub(super) fn named_file(&mut self, map: &Map<String, Value>, place: &Place) {
        let reason = match map.get("filename") {
            None => {
                "is missing, so the recipient sees no name, or one made from the link; add one with its extension"
                    .to_owned()
            }
            Some(Value::String(name)) => {
                let link = map.get("link").and_then(Value::as_str).and_then(|link| url_syntax::read(link).0);
                match (url_syntax::extension(name), link.as_ref().and_then(url_syntax::Url::extension)) {
                    (None, _) => "has no extension, which is what the recipient's icon goes by; add it, as in .pdf".to_owned(),
                    (Some(named), Some(linked)) if contradicts(named, linked) => format!(
                        "ends in .{}, and the link in .{}: the recipient's device opens the file by this name; write the \
                         extension that the file has",
                        named.escape_debug(),
                        linked.escape_debug()
                    ),
                    _ => return,
                }
            }
            Some(_) => return,
        };
        self.warning(&of(map, place, "filename"), None, reason);
    }

    pub(super) fn pdf_file(&mut self, map: &Map<String, Value>, place: &Place) {
        let text = |name: &str| map.get(name).and_then(Value::as_str);
        let link = text("link").and_then(|link| url_syntax::read(link).0);
        let linked = link.as_ref().and_then(url_syntax::Url::extension).filter(|linked| is_file_type(linked));
        let named = text("filename").and_then(url_syntax::extension);
        // The link is the file; the name may only be wrong.
        let Some((field, found)) = linked.map(|e| ("link", e)).or(named.map(|e| ("filename", e))) else {
            return;
        };
        if !found.eq_ignore_ascii_case("pdf") {
            let reason = format!(
                "ends in .{}, and the header of a template takes no document but PDF; convert the file to PDF",
                found.escape_debug()
            );
            self.error(&of(map, place, field), Code::TemplateFormat, reason);
        }
    }

    /// The response decides, not the link's text, so this is a warning.
    pub(super) fn linked_kind(&mut self, kind: Kind, map: &Map<String, Value>, place: &Place) {
        let link = map.get("link").and_then(Value::as_str).and_then(|link| url_syntax::read(link).0);
        let Some(linked) =
            link.as_ref().and_then(url_syntax::Url::extension).filter(|linked| is_file_type(linked))
        else {
            return;
        };
        let accepted: Vec<_> = kind.media_types().collect();
        let is_accepted = mime_guess::from_ext(linked).iter_raw().any(|guess| accepted.contains(&guess))
            || AssetPath::from_plain(&format!("a.{linked}"))
                .is_ok_and(|path| accepted.contains(&media_type(&path).as_str()));
        if !is_accepted {
            let kind = kind.name();
            let reason = format!(
                "ends in .{}, and a message of the kind `{kind}` takes {}; correct the link, convert the file, or send it as the \
                 kind that it is",
                linked.escape_debug(),
                accepted.join(", ")
            );
            self.warning(&of(map, place, "link"), Some(Code::Media), reason);
        }
    }

    pub(super) fn voice_file(&mut self, map: &Map<String, Value>, place: &Place) {
        let Some(link) = map.get("link").and_then(Value::as_str) else { return };
        let (Some(Value::Bool(true)), Some(url)) = (map.get("voice"), url_syntax::read(link).0) else {
            return;
        };
        if !url.extension().is_some_and(|given| VOICE.iter().any(|known| given.eq_ignore_ascii_case(known))) {
            let reason = "does not end in .ogg, and a voice message is Opus in Ogg; leave `voice` out, or send such a \
                          file";
            self.warning(&of(map, place, "link"), Some(Code::Media), reason);
        }
    }
}

/// Whether two extensions stand for different types of file.
fn contradicts(named: &str, linked: &str) -> bool {
    let types = |extension: &str| {
        let all = mime_guess::from_ext(extension);
        all.iter_raw().collect::<Vec<_>>()
    };
    if named.eq_ignore_ascii_case(linked) || !is_file_type(linked) {
        return false;
    }
    let (named, linked) = (types(named), types(linked));
    !linked.is_empty() && !named.iter().any(|named| linked.contains(named))
}

/// Whether an extension is that of a file, and not of a program that answers with a file.
fn is_file_type(extension: &str) -> bool {
    const PROGRAMS: [&str; 12] =
        ["php", "php5", "phtml", "asp", "aspx", "ashx", "jsp", "do", "cgi", "pl", "py", "cfm"];
    let is_program = PROGRAMS.iter().any(|known| extension.eq_ignore_ascii_case(known));
    !is_program && mime_guess::from_ext(extension).first_raw().is_some()
}
