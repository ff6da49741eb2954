//! Why a certificate could not be obtained, and how to fix it.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use instant_acme::{Error, Problem};

use super::client::{AcmeClientError, PROCESSING_TIMEOUT};
use super::state::StateError;
use crate::config::ChallengeType;

/// Prefix of all problem types (RFC 8555 section 6.7).
const TYPES: &str = "urn:ietf:params:acme:error:";
/// Most characters of an authority's text that are passed on.
const MAX_TEXT: usize = 600;

/// Why there is no certificate. Displays as the reason and the fix.
#[derive(Debug)]
pub(super) enum OrderError {
    /// The authority was not reached, or did not answer as an ACME server.
    Client(AcmeClientError),
    /// The response makes no sense for an ACME server.
    NotAcme(String),
    /// The authority did not finish within this time.
    Timeout(Duration),
    /// The authority does not offer the configured challenge for this name.
    NotOffered(String, ChallengeType),
    /// The authority rejected a request.
    Rejected(Problem),
    /// The authority could not validate that these names are this server's.
    NotValidated(ChallengeType, Vec<(String, Problem)>),
    /// What was issued cannot be used.
    Unusable(String),
    /// The state cannot be read or written.
    State(StateError),
}

impl OrderError {
    /// Whether the authority did not receive or process the request that failed. It may have processed earlier ones of the same
    /// attempt; see [`AcmeHttpClient::may_have_acted`](super::client::AcmeHttpClient::may_have_acted).
    pub(super) fn is_unprocessed(&self) -> bool {
        match self {
            Self::Client(AcmeClientError::Unreachable(_) | AcmeClientError::Timeout) => true,
            // It was rejected before anything else was checked (RFC 8555 section 6.5).
            Self::Rejected(problem) => kind(problem) == "badNonce",
            _ => false,
        }
    }

    /// The names that it concerns, if it concerns some and not all.
    pub(super) fn names(&self) -> BTreeSet<String> {
        match self {
            Self::NotOffered(name, _) => BTreeSet::from([name.clone()]),
            Self::NotValidated(_, names) => names.iter().map(|(name, _)| name.clone()).collect(),
            Self::Rejected(problem) => {
                let parts = problem.subproblems.iter().filter_map(|part| part.identifier.as_ref());
                parts.map(|name| name.authorized(false).to_string()).collect()
            }
            _ => BTreeSet::new(),
        }
    }

    /// Whether the authority does not know the account.
    pub(super) fn is_of_unknown_account(&self) -> bool {
        matches!(self, Self::Rejected(problem) if kind(problem) == "accountDoesNotExist")
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
            Error::Api(problem) => Self::Rejected(problem),
            Error::Timeout(_) => Self::Timeout(PROCESSING_TIMEOUT),
            Error::Other(error) => match error.downcast::<AcmeClientError>() {
                Ok(error) => Self::Client(*error),
                Err(error) => Self::NotAcme(error.to_string()),
            },
            error => Self::NotAcme(error.to_string()),
        }
    }
}

impl fmt::Display for OrderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Client(reason @ AcmeClientError::Unreachable(text))
                if text.contains("invalid peer certificate") =>
            {
                write!(
                    f,
                    "the authority's certificate is not trusted ({reason}); for a private authority, name a file with its CA \
                 certificate as `acme.ca`"
                )
            }
            Self::Client(reason @ AcmeClientError::Unexpected(_)) => {
                write!(f, "{reason}; check `acme.directory`, or ask its operator")
            }
            Self::Client(reason) => {
                write!(
                    f,
                    "the authority cannot be reached: {reason}; allow this machine to connect to it, or wait"
                )
            }
            Self::NotAcme(reason) => {
                write!(f, "the server is not an ACME server ({}); check `acme.directory`", clean(reason))
            }
            Self::Timeout(time) => {
                write!(f, "the authority did not finish within {} s; wait", time.as_secs())
            }
            Self::NotOffered(name, kind) => write!(
                f,
                "the authority does not offer {} for {name}; set `acme.challenge` to the other type",
                kind.as_str()
            ),
            Self::Rejected(problem) => write!(f, "rejected by the authority: {}", describe(problem, None)),
            Self::NotValidated(kind, names) => {
                for (at, (name, problem)) in names.iter().enumerate() {
                    let begin = if at == 0 { "" } else { "; " };
                    write!(
                        f,
                        "{begin}{name} could not be validated: {}",
                        describe(problem, Some((name, *kind)))
                    )?;
                }
                Ok(())
            }
            Self::Unusable(reason) => f.write_str(reason),
            Self::State(error) => error.fmt(f),
        }
    }
}

/// The problem's type, without the prefix.
fn kind(problem: &Problem) -> &str {
    let kind = problem.r#type.as_deref().unwrap_or_default();
    kind.strip_prefix(TYPES).unwrap_or(kind)
}

/// What the authority says, and how to fix it.
fn describe(problem: &Problem, challenge: Option<(&str, ChallengeType)>) -> String {
    let mut text = match &problem.detail {
        Some(detail) => clean(detail),
        None => "no reason given".to_owned(),
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

/// How to fix a problem of this type (RFC 8555 section 6.7).
fn fix(kind: &str, challenge: Option<(&str, ChallengeType)>) -> Option<String> {
    let name = challenge.map_or("the name", |(name, _)| name);
    let port = challenge.map_or("ports 443 and 80".to_owned(), |(_, kind)| format!("port {}", kind.port()));
    let text = match kind {
        "dns" => format!("add an A or AAAA record for {name} that points to this server"),
        "connection" => format!(
            "make {port} of the addresses of {name} reachable from the internet (firewall, port forwarding to `listen` and \
             `plain_listen`), also over IPv6 if there is an AAAA record"
        ),
        "unauthorized" | "tls" | "incorrectResponse" if challenge.is_some() => format!(
            "point the A and AAAA records of {name} to this server only, make {port} reachable from the internet, and put nothing \
             in front of it that terminates TLS or answers in its place"
        ),
        "unauthorized" => "the account may have been closed; ask the directory's operator".to_owned(),
        "caa" => format!("add this authority to the CAA records of {name}, or remove them"),
        "rateLimited" => "wait; for tests, set directory = \"staging\" under [acme]".to_owned(),
        "rejectedIdentifier" | "unsupportedIdentifier" => {
            "the authority issues no certificate for such a name; remove it from `acme.domains`".to_owned()
        }
        "invalidContact" | "unsupportedContact" => "fix `acme.contact`, or remove it".to_owned(),
        "externalAccountRequired" => {
            "this authority requires external account binding, which wamedia does not support; use another authority"
                .to_owned()
        }
        "userActionRequired" => "do what it asks, then restart".to_owned(),
        "badNonce" => "nothing needs to be fixed".to_owned(),
        "serverInternal" => "the authority has an internal error; wait".to_owned(),
        _ => return None,
    };
    Some(text)
}

/// Untrusted text as one line of bounded length.
fn clean(text: &str) -> String {
    let cleaned: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MAX_TEXT).collect();
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
    fn every_error_has_a_reason_and_a_fix() {
        let invalid = |kind, problem| OrderError::NotValidated(kind, vec![("a.example".to_owned(), problem)]);
        let tls = ChallengeType::TlsAlpn01;
        for (error, parts) in [
            (
                invalid(tls, problem("dns", "NXDOMAIN looking up A")),
                &["a.example", "NXDOMAIN", "add an A or AAAA record"][..],
            ),
            (
                invalid(tls, problem("connection", "Timeout")),
                &["Timeout (connection)", "port 443", "firewall"],
            ),
            (
                invalid(ChallengeType::Http01, problem("connection", "Refused.")),
                &["Refused (connection)", "port 80 of the addresses"],
            ),
            (
                invalid(tls, problem("unauthorized", "x")),
                &["records of a.example to this server only, make port 443 reachable"],
            ),
            (invalid(tls, problem("caa", "x")), &["CAA records of a.example"]),
            (OrderError::Rejected(problem("rateLimited", "too many")), &["too many", "staging"]),
            (OrderError::Rejected(problem("externalAccountRequired", "x")), &["use another"]),
            (OrderError::Rejected(problem("strange\n", "a\nb\u{1b}[1m")), &["a b [1m (strange )"]),
            (
                OrderError::Client(AcmeClientError::Unreachable(
                    "invalid peer certificate: UnknownIssuer".to_owned(),
                )),
                &["UnknownIssuer", "`acme.ca`"],
            ),
            (OrderError::Client(AcmeClientError::Timeout), &["cannot be reached", "wait"]),
            (
                OrderError::NotOffered("a.example".to_owned(), tls),
                &["tls-alpn-01 for a.example", "`acme.challenge`"],
            ),
        ] {
            let text = error.to_string();
            for part in parts {
                assert!(text.contains(part), "{part}: {text}");
            }
            assert!(!text.contains(char::is_control), "{text:?}");
        }
        let long = OrderError::Rejected(problem("malformed", &"x".repeat(100_000))).to_string();
        assert!(long.len() < 1000);
    }

    #[test]
    fn only_requests_that_the_authority_ignored_are_unprocessed() {
        let unreachable = || OrderError::Client(AcmeClientError::Unreachable("refused".to_owned()));
        let full = StateError::Io {
            path: "/a".into(),
            verb: "written",
            source: std::io::ErrorKind::StorageFull.into(),
        };
        for (error, is_unprocessed) in [
            (unreachable(), true),
            (OrderError::Client(AcmeClientError::Timeout), true),
            (OrderError::Rejected(problem("badNonce", "x")), true),
            (OrderError::Client(AcmeClientError::Unexpected(hyper::StatusCode::BAD_GATEWAY)), false),
            (OrderError::NotAcme("x".to_owned()), false),
            (OrderError::Timeout(Duration::from_secs(1)), false),
            (OrderError::NotOffered("a.example".to_owned(), ChallengeType::Http01), false),
            (OrderError::Rejected(problem("rateLimited", "x")), false),
            (OrderError::NotValidated(ChallengeType::Http01, Vec::new()), false),
            (OrderError::Unusable("x".to_owned()), false),
            // A certificate may have been issued and not stored.
            (OrderError::State(full), false),
        ] {
            assert_eq!(error.is_unprocessed(), is_unprocessed, "{error}");
        }
    }

    #[test]
    fn each_of_several_names_is_reported() {
        let names = ["a.example", "b.example"].map(|name| (name.to_owned(), problem("dns", "gone")));
        let text = OrderError::NotValidated(ChallengeType::TlsAlpn01, names.to_vec()).to_string();
        assert!(text.contains("a.example could not") && text.contains("; b.example could not"), "{text}");
    }
}
