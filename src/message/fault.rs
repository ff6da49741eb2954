//! What is wrong with a payload, in words and for machines.

use std::fmt;

use crate::whatsapp::messages::Code;

/// One thing that is wrong with a payload, or doubtful.
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
    /// The field, as in `interactive.action.buttons[2].reply.title`; empty for the whole payload. A field that is missing
    /// is named as if it were there. A name that is not all letters, digits, `_` and `-` is quoted: `text["a.b"]`.
    pub path: String,
    /// Whether WhatsApp would refuse it, as far as is documented.
    pub severity: Severity,
    /// What kind of fault it is, to be matched; `None` for doubts that no error stands behind.
    pub kind: Option<Code>,
    /// The code that WhatsApp answers with, where it is documented: that of the dialect's platform.
    pub code: Option<u32>,
    /// What is wrong, with the limit that it breaks, and the mend. One line; what stood in the payload is escaped in it.
    pub reason: String,
    /// The document that says so.
    pub source: &'static str,
}

/// How bad a fault is.
///
/// ```
/// use wamedia::message::Severity;
///
/// assert!(Severity::Error > Severity::Warning);
/// assert_eq!(Severity::Warning.to_string(), "warning");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Severity {
    /// A doubt: WhatsApp may do something else than the sender means.
    Warning,
    /// What WhatsApp refuses.
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
    /// Whether WhatsApp would refuse the payload for it.
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
    fn a_fault_is_one_line() {
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
