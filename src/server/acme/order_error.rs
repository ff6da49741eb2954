//! Why a certificate could not be had, in words with the mend.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use instant_acme::{Error, Problem};

use super::client::{AcmeClientError, PROCESSING_TIMEOUT};
use super::state::StateError;
use crate::config::ChallengeType;

/// How all types of problems begin (RFC 8555 section 6.7).
const TYPES: &str = "urn:ietf:params:acme:error:";
/// Most of what an authority writes that is passed on, in characters.
const LONGEST: usize = 600;

/// Why there is no certificate. Displays as the reason and the mend.
#[derive(Debug)]
pub(super) enum OrderError {
    /// The authority was not reached, or what answered is none.
    AcmeClientError(AcmeClientError),
    /// What answered says things that no authority says.
    NoAuthority(String),
    /// It did not come to an end within this time.
    Late(Duration),
    /// It has not offered the challenge that we would take up, for this name.
    NotOffered(String, ChallengeType),
    /// It would not do what it was asked.
    Refused(Problem),
    /// It could not see that these names are this server's.
    Unproven(ChallengeType, Vec<(String, Problem)>),
    /// What it issued is of no use.
    Useless(String),
    /// Something of ours failed.
    State(StateError),
}

impl OrderError {
    /// Whether what failed is that the authority did not hear or heed a request. Of those before it in the same attempt, it may
    /// have heard; [`AcmeHttpClient::was_heard`](super::client::AcmeHttpClient::was_heard) tells.
    pub(super) fn is_unheard(&self) -> bool {
        match self {
            Self::AcmeClientError(AcmeClientError::Unreached(_) | AcmeClientError::Late) => true,
            // It has not looked any further (RFC 8555 section 6.5).
            Self::Refused(problem) => kind(problem) == "badNonce",
            _ => false,
        }
    }

    /// The names that it is about, where it is about some and not about all.
    pub(super) fn names(&self) -> BTreeSet<String> {
        match self {
            Self::NotOffered(name, _) => BTreeSet::from([name.clone()]),
            Self::Unproven(_, names) => names.iter().map(|(name, _)| name.clone()).collect(),
            Self::Refused(problem) => {
                let parts = problem.subproblems.iter().filter_map(|part| part.identifier.as_ref());
                parts.map(|name| name.authorized(false).to_string()).collect()
            }
            _ => BTreeSet::new(),
        }
    }

    /// Whether the authority does not know the account.
    pub(super) fn is_of_unknown_account(&self) -> bool {
        matches!(self, Self::Refused(problem) if kind(problem) == "accountDoesNotExist")
    }
}

impl From<StateError> for OrderError {
    fn from(error: StateError) -> Self {
        Self::State(error)
    }
}

impl From<Error> for OrderError {
    fn from(error: Error) -> Self {
        match error {
            Error::Api(problem) => Self::Refused(problem),
            Error::Timeout(_) => Self::Late(PROCESSING_TIMEOUT),
            Error::Other(error) => match error.downcast::<AcmeClientError>() {
                Ok(no_answer) => Self::AcmeClientError(*no_answer),
                Err(error) => Self::NoAuthority(error.to_string()),
            },
            error => Self::NoAuthority(error.to_string()),
        }
    }
}

impl fmt::Display for OrderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AcmeClientError(reason @ AcmeClientError::Unreached(text))
                if text.contains("invalid peer certificate") =>
            {
                write!(
                    f,
                    "the authority is not believed to be itself ({reason}); if it is a private one, name a file with the certificate \
                 that vouches for it as `acme.ca`"
                )
            }
            Self::AcmeClientError(reason @ AcmeClientError::Unexpected(_)) => {
                write!(f, "{reason}; check `acme.directory`, or ask its operator")
            }
            Self::AcmeClientError(reason) => {
                write!(
                    f,
                    "the authority cannot be reached: {reason}; let this machine connect to it, or wait"
                )
            }
            Self::NoAuthority(reason) => {
                write!(f, "what answers is not an ACME server ({}); check `acme.directory`", clean(reason))
            }
            Self::Late(time) => write!(f, "the authority was not done after {} s; wait", time.as_secs()),
            Self::NotOffered(name, kind) => write!(
                f,
                "the authority does not offer {} for {name}; name the other one as `acme.challenge`",
                kind.as_str()
            ),
            Self::Refused(problem) => write!(f, "the authority refuses: {}", describe(problem, None)),
            Self::Unproven(kind, names) => {
                for (at, (name, problem)) in names.iter().enumerate() {
                    let begin = if at == 0 { "" } else { "; " };
                    write!(
                        f,
                        "{begin}{name} was not shown to be this server's: {}",
                        describe(problem, Some((name, *kind)))
                    )?;
                }
                Ok(())
            }
            Self::Useless(reason) => f.write_str(reason),
            Self::State(error) => error.fmt(f),
        }
    }
}

/// The problem's type, without what all types begin with.
fn kind(problem: &Problem) -> &str {
    let kind = problem.r#type.as_deref().unwrap_or_default();
    kind.strip_prefix(TYPES).unwrap_or(kind)
}

/// What the authority says, and what to do about it.
fn describe(problem: &Problem, challenge: Option<(&str, ChallengeType)>) -> String {
    let mut text = match &problem.detail {
        Some(detail) => clean(detail),
        None => "it gives no reason".to_owned(),
    };
    for part in &problem.subproblems {
        let name = part.identifier.as_ref().map(|name| name.authorized(false).to_string());
        let (name, detail) = (name.unwrap_or_default(), part.detail.as_deref().unwrap_or_default());
        text += &clean(&format!("; {name}: {detail}"));
    }
    let kind = kind(problem);
    match fix(kind, challenge) {
        Some(fix) => format!("{text} ({}); {fix}", clean(kind)),
        None => format!("{text} ({})", clean(kind)),
    }
}

/// What to do about a problem of this type (RFC 8555 section 6.7).
fn fix(kind: &str, challenge: Option<(&str, ChallengeType)>) -> Option<String> {
    let name = challenge.map_or("the name", |(name, _)| name);
    let port = challenge.map_or("ports 443 and 80".to_owned(), |(_, kind)| format!("port {}", kind.port()));
    let text = match kind {
        "dns" => format!("add an A or AAAA record for {name} that leads to this server"),
        "connection" => format!(
            "let {port} of the addresses that {name} leads to be reached from everywhere (firewall, forwarding to `listen` and \
             `plain_listen`), over IPv6 too if there is an AAAA record"
        ),
        "unauthorized" | "tls" | "incorrectResponse" if challenge.is_some() => format!(
            "have the A and AAAA records of {name} lead to this server alone, let {port} there be reached from everywhere, and put \
             nothing before it that ends TLS or answers in its place"
        ),
        "unauthorized" => "the account may have been closed; see the directory's operator".to_owned(),
        "caa" => format!("add this authority to the CAA records of {name}, or remove them"),
        "rateLimited" => "wait; to try things out, write directory = \"staging\" under [acme]".to_owned(),
        "rejectedIdentifier" | "unsupportedIdentifier" => {
            "the authority issues nothing for such a name; take it out of `acme.domains`".to_owned()
        }
        "invalidContact" | "unsupportedContact" => "mend `acme.contact`, or leave it out".to_owned(),
        "externalAccountRequired" => {
            "this authority wants an account that was made elsewhere, which wamedia cannot use; take another"
                .to_owned()
        }
        "userActionRequired" => "do what it asks, then start anew".to_owned(),
        "badNonce" => "nothing is wrong here".to_owned(),
        "serverInternal" => "the authority has failed; wait".to_owned(),
        _ => return None,
    };
    Some(text)
}

/// A stranger's text in one line of bounded length.
fn clean(text: &str) -> String {
    let cleaned: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(LONGEST).collect();
    cleaned.trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(kind: &str, detail: &str) -> Problem {
        Problem {
            r#type: Some(format!("{TYPES}{kind}")),
            detail: Some(detail.to_owned()),
            status: None,
            subproblems: Vec::new(),
        }
    }

    #[test]
    fn every_failure_says_the_reason_and_the_mend() {
        let unproven = |kind, problem| OrderError::Unproven(kind, vec![("a.example".to_owned(), problem)]);
        let tls = ChallengeType::TlsAlpn01;
        for (failure, parts) in [
            (
                unproven(tls, problem("dns", "NXDOMAIN looking up A")),
                &["a.example", "NXDOMAIN", "add an A or AAAA record"][..],
            ),
            (
                unproven(tls, problem("connection", "Timeout")),
                &["Timeout (connection)", "port 443", "firewall"],
            ),
            (
                unproven(ChallengeType::Http01, problem("connection", "Refused.")),
                &["Refused (connection)", "port 80 of the addresses"],
            ),
            (
                unproven(tls, problem("unauthorized", "x")),
                &["records of a.example lead to this server alone, let port 443 there"],
            ),
            (unproven(tls, problem("caa", "x")), &["CAA records of a.example"]),
            (OrderError::Refused(problem("rateLimited", "too many")), &["too many", "staging"]),
            (OrderError::Refused(problem("externalAccountRequired", "x")), &["take another"]),
            (OrderError::Refused(problem("strange\n", "a\nb\u{1b}[1m")), &["a b [1m (strange )"]),
            (
                OrderError::AcmeClientError(AcmeClientError::Unreached(
                    "invalid peer certificate: UnknownIssuer".to_owned(),
                )),
                &["UnknownIssuer", "`acme.ca`"],
            ),
            (OrderError::AcmeClientError(AcmeClientError::Late), &["cannot be reached", "wait"]),
            (
                OrderError::NotOffered("a.example".to_owned(), tls),
                &["tls-alpn-01 for a.example", "`acme.challenge`"],
            ),
        ] {
            let text = failure.to_string();
            for part in parts {
                assert!(text.contains(part), "{part}: {text}");
            }
            assert!(!text.contains(char::is_control), "{text:?}");
        }
        let long = OrderError::Refused(problem("malformed", &"x".repeat(100_000))).to_string();
        assert!(long.len() < 1000);
    }

    #[test]
    fn only_what_the_authority_cannot_have_minded_is_unheard() {
        let unreached = || OrderError::AcmeClientError(AcmeClientError::Unreached("refused".to_owned()));
        let full = StateError::Io {
            path: "/a".into(),
            verb: "written",
            source: std::io::ErrorKind::StorageFull.into(),
        };
        for (failure, is_unheard) in [
            (unreached(), true),
            (OrderError::AcmeClientError(AcmeClientError::Late), true),
            (OrderError::Refused(problem("badNonce", "x")), true),
            (OrderError::AcmeClientError(AcmeClientError::Unexpected(hyper::StatusCode::BAD_GATEWAY)), false),
            (OrderError::NoAuthority("x".to_owned()), false),
            (OrderError::Late(Duration::from_secs(1)), false),
            (OrderError::NotOffered("a.example".to_owned(), ChallengeType::Http01), false),
            (OrderError::Refused(problem("rateLimited", "x")), false),
            (OrderError::Unproven(ChallengeType::Http01, Vec::new()), false),
            (OrderError::Useless("x".to_owned()), false),
            // A certificate may have been issued that could not be kept.
            (OrderError::State(full), false),
        ] {
            assert_eq!(failure.is_unheard(), is_unheard, "{failure}");
        }
    }

    #[test]
    fn several_names_are_each_told_of() {
        let names = ["a.example", "b.example"].map(|name| (name.to_owned(), problem("dns", "gone")));
        let text = OrderError::Unproven(ChallengeType::TlsAlpn01, names.to_vec()).to_string();
        assert!(text.contains("a.example was not") && text.contains("; b.example was not"), "{text}");
    }
}
