//! Message statuses in a webhook body, counted, and the origin of an error in it.

/// What an error belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Origin {
    /// The status of a message that was sent.
    Status,
    /// A response of the API. Also the default when nothing says where the error comes from.
    #[default]
    Answer,
    /// The account or the app as a whole.
    Account,
    /// An inbound message, sent by a customer.
    Inbound,
    /// Plain text, not JSON.
    Text,
}

/// Number of messages for each status.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Statuses([usize; STATUSES.len()]);

/// The statuses of Meta's messages webhook, April 2026. The last entry stands for any other status.
const STATUSES: [&str; 6] = ["sent", "delivered", "read", "played", "failed", "other"];

impl Origin {
    /// `status`, `answer`, `account`, `inbound` or `text`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Status => "status",
            Self::Answer => "answer",
            Self::Account => "account",
            Self::Inbound => "inbound",
            Self::Text => "text",
        }
    }
}

impl Statuses {
    /// Each status that occurs, with its count. `other` counts those that Meta does not document.
    pub fn counts(&self) -> impl Iterator<Item = (&'static str, usize)> {
        STATUSES.into_iter().zip(self.0).filter(|(_, count)| *count > 0)
    }

    /// Whether Meta documents this status.
    pub(crate) fn is_documented(status: &str) -> bool {
        STATUSES[..STATUSES.len() - 1].iter().any(|known| known.eq_ignore_ascii_case(status))
    }

    /// Counts one message; returns whether its status is a failure.
    pub(crate) fn count(&mut self, status: &str) -> bool {
        let at = STATUSES.iter().position(|known| *known == status).unwrap_or(STATUSES.len() - 1);
        self.0[at] += 1;
        status == "failed"
    }
}
