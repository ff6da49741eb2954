//! Faults: errors and warnings about a payload, readable by people and programs.

use std::fmt;

use crate::whatsapp::messages::Code;

/// One error or warning about a payload.
///
/// Displays as one line, `error interactive.action.buttons: …`, with the error code and the source at its end.
///
/// ```
/// use wamedia::message::{Dialect, Unknown, validate};
///
/// let payload = serde_json::json!({
///     "messaging_product": "whatsapp", "to": "+16505551234", "type": "text", "text": {"body": ""}
/// });
/// let faults = validate(&payload, Dialect::Cloud, Unknown::Refused);
/// assert_eq!((&*faults[0].path, faults[0].is_error()), ("text.body", true));
/// assert!(faults[0].kind.is_some());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Fault {
    /// The field, as in `interactive.action.buttons[2].reply.title`; empty for the whole payload. A missing field is named as if it
    /// were there. A name with characters other than letters, digits, `_` and `-` is quoted: `text["a.b"]`.
    pub path: String,
    /// Whether WhatsApp would reject the payload, as far as documented.
    pub severity: Severity,
    /// The kind of fault, for programs; `None` for warnings without an error of WhatsApp.
    pub kind: Option<Code>,
    /// WhatsApp's error code on the dialect's platform, if documented.
    pub code: Option<u32>,
    /// The reason with the limit, and the fix. One line; text from the payload is escaped.
    pub reason: String,
    /// The document with the rule.
    pub source: &'static str,
}

/// The severity of a fault.
///
/// ```
/// use wamedia::message::Severity;
///
/// assert!(Severity::Error > Severity::Warning);
/// assert_eq!(Severity::Warning.to_string(), "warning");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Severity {
    /// WhatsApp may do something other than intended.
    Warning,
    /// WhatsApp rejects it.
    Error,
}

impl Severity {
    /// `error` or `warning`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Fault {
    /// Whether WhatsApp would reject the payload because of it.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.severity.name())?;
        if !self.path.is_empty() {
            write!(f, " {}", self.path)?;
        }
        write!(f, ": {} (", self.reason)?;
        if let Some(code) = self.code {
            write!(f, "error {code}; ")?;
        }
        write!(f, "{})", self.source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fault_displays_as_one_line() {
        let mut fault = Fault {
            path: "text.body".to_owned(),
            severity: Severity::Error,
            kind: Some(Code::TooLong),
            code: Some(100),
            reason: "has 4097 characters; shorten it to 4096".to_owned(),
            source: "a page",
        };
        assert_eq!(
            fault.to_string(),
            "error text.body: has 4097 characters; shorten it to 4096 (error 100; a page)"
        );
        fault.path.clear();
        fault.severity = Severity::Warning;
        fault.code = None;
        assert_eq!(fault.to_string(), "warning: has 4097 characters; shorten it to 4096 (a page)");
    }
}
