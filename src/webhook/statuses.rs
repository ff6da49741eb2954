//! Message statuses in a webhook, counted, and what an error in it belongs to.

/// What an error belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Origin {
    /// A message that was sent: its status says that it failed.
    Status,
    /// A request: the API answered it so, or nothing says what it was.
    #[default]
    Answer,
    /// The account or the app as a whole.
    Account,
    /// A message from a customer.
    Inbound,
    /// Text that is no JSON.
    Text,
}

/// How many messages have which status.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Statuses([usize; STATUSES.len()]);

/// The statuses of Meta's messages webhook, April 2026. The last stands for any other.
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
    /// How many there are, with the status of each; `other` for those that Meta does not document.
    pub fn counts(&self) -> impl Iterator<Item = (&'static str, usize)> {
        STATUSES.into_iter().zip(self.0).filter(|(_, count)| *count > 0)
    }

    pub(crate) fn knows(status: &str) -> bool {
        STATUSES[..STATUSES.len() - 1].iter().any(|known| known.eq_ignore_ascii_case(status))
    }

    /// Counts one in; says whether it is that of a failure.
    pub(crate) fn count(&mut self, status: &str) -> bool {
        let at = STATUSES.iter().position(|known| *known == status).unwrap_or(STATUSES.len() - 1);
        self.0[at] += 1;
        status == "failed"
    }
}
