//! HTTP authentication: verifies `Authorization` with Basic (RFC 7617) and Bearer (RFC 6750).
//!
//! Secrets are known only by their SHA-256. That is enough for secrets between machines: a long random secret cannot
//! be found from its hash, however fast hashing is. It would not be enough for passwords that people can remember.
//! Which paths need credentials is up to the configuration.

use std::fmt;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use base64::Engine as _;
use hyper::StatusCode;
use hyper::header::{AUTHORIZATION, HeaderMap, HeaderValue, WWW_AUTHENTICATE};
use sha2::{Digest as _, Sha256};

use super::base64::BASE64;
use super::response::{Answer, problem};
use crate::asset::Digest;

/// Longest field value that is read, in bytes.
const MAX_LEN: usize = 8 << 10;

/// The credentials that are accepted for some paths: at least one.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Credentials(Vec<Credential>);

/// What one client sends. Only the digests of the user name and the secret are kept.
#[derive(Clone, PartialEq, Eq)]
struct Credential {
    scheme: AuthScheme,
    /// Digest of the user name; zeros if the scheme has none.
    user: [u8; 32],
    secret: [u8; 32],
}

/// How credentials are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthScheme {
    /// A user name and a password (RFC 7617).
    Basic,
    /// A token (RFC 6750).
    Bearer,
}

impl AuthScheme {
    /// Both schemes.
    pub const ALL: [Self; 2] = [Self::Basic, Self::Bearer];

    /// The name of the scheme in a header.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Basic => "Basic",
            Self::Bearer => "Bearer",
        }
    }
}

impl Credentials {
    /// Adds a credential: `USER:sha256:HEX` for Basic, with the digest of the password, or `sha256:HEX` for Bearer,
    /// with that of the token. The error does not repeat the text, which may be the secret itself.
    pub fn add(&mut self, scheme: AuthScheme, text: &str) -> Result<(), &'static str> {
        let (user, hash) = match scheme {
            AuthScheme::Basic => {
                let (user, hash) = text.rsplit_once(":sha256:").ok_or(NOT_BASIC)?;
                if user.is_empty() || user.contains(|c: char| c == ':' || c.is_control()) {
                    return Err(
                        "has a user name that is empty or contains a colon or a control character, which \
                                Basic cannot send; use another",
                    );
                }
                (Sha256::digest(user).into(), hash)
            }
            AuthScheme::Bearer => ([0; 32], text.strip_prefix("sha256:").ok_or(NOT_BEARER)?),
        };
        let secret = Digest::parse(hash).map(|digest| *digest.octets());
        let secret = secret.ok_or(if scheme == AuthScheme::Basic { NOT_BASIC } else { NOT_BEARER })?;
        if secret == <[u8; 32]>::from(Sha256::digest("")) {
            return Err(
                "has the SHA-256 of the empty string, as if a variable was not set; hash the secret itself",
            );
        }
        let credential = Credential { scheme, user, secret };
        if self.0.contains(&credential) {
            return Err("is listed twice; keep one");
        }
        self.0.push(credential);
        Ok(())
    }

    /// The number of credentials of this scheme.
    pub fn count(&self, scheme: AuthScheme) -> usize {
        self.0.iter().filter(|credential| credential.scheme == scheme).count()
    }

    /// Whether the `Authorization` of a request has one of these credentials. All are compared, each in constant
    /// time.
    pub fn admit(&self, request: &HeaderMap) -> bool {
        let Some((scheme, user, secret)) = presented(request) else { return false };
        // Counted, so that the comparison does not stop at the first match.
        let matching = self.0.iter().filter(|known| {
            let is_user = verify_slices_are_equal(&known.user, &user).is_ok();
            let is_secret = verify_slices_are_equal(&known.secret, &secret).is_ok();
            known.scheme == scheme && is_user && is_secret
        });
        matching.count() > 0
    }

    /// The response to a request without valid credentials: `401` with a challenge for each accepted scheme (RFC 9110
    /// section 11.6.1), whatever was wrong. `realm` must not contain characters that a quoted string has to escape.
    pub fn challenge(&self, realm: &str) -> Answer {
        let mut answer = problem(
            StatusCode::UNAUTHORIZED,
            "this path needs credentials, and the request has none that are valid",
        );
        for scheme in AuthScheme::ALL.into_iter().filter(|scheme| self.count(*scheme) > 0) {
            let challenge = match scheme {
                AuthScheme::Basic => format!("Basic realm=\"{realm}\", charset=\"UTF-8\""),
                AuthScheme::Bearer => format!("Bearer realm=\"{realm}\""),
            };
            let challenge = HeaderValue::try_from(challenge).expect("a realm is printable ASCII");
            answer.headers.append(WWW_AUTHENTICATE, challenge);
        }
        answer
    }
}

/// A cache policy without the three directives that let shared caches give a response to a request with credentials
/// to others (RFC 9111 section 3.5). `None` if it has none of them.
pub fn without_sharing(policy: &str) -> Option<String> {
    let is_kept = |directive: &&str| {
        let name = directive.split('=').next().unwrap_or_default();
        !["public", "s-maxage", "must-revalidate"].contains(&name)
    };
    let directives: Vec<_> = policy.split(", ").collect();
    let kept: Vec<_> = directives.iter().copied().filter(is_kept).collect();
    (kept.len() < directives.len()).then(|| kept.join(", "))
}

const NOT_BASIC: &str = "is not a user name, `:sha256:` and the 64 hex digits of the password's SHA-256; write it like \
                         \"whatsapp:sha256:9f86…\", with the digits that this command prints: printf %s \"$PASSWORD\" | sha256sum";
const NOT_BEARER: &str = "is not `sha256:` and the 64 hex digits of the token's SHA-256; write it like \"sha256:9f86…\", with \
                          the digits that this command prints: printf %s \"$TOKEN\" | sha256sum";

/// The scheme and digests that a request presents; `None` if there are none, or they are malformed or repeated.
fn presented(request: &HeaderMap) -> Option<(AuthScheme, [u8; 32], [u8; 32])> {
    let mut lines = request.get_all(AUTHORIZATION).iter();
    let (line, None) = (lines.next()?.as_bytes(), lines.next()) else { return None };
    if line.len() > MAX_LEN {
        return None;
    }
    let at = line.iter().position(|&b| b == b' ')?;
    let (name, value) = (&line[..at], line[at..].trim_ascii());
    let scheme =
        AuthScheme::ALL.into_iter().find(|scheme| name.eq_ignore_ascii_case(scheme.as_str().as_bytes()))?;
    match scheme {
        AuthScheme::Basic => {
            let pair = BASE64.decode(value).ok()?;
            let colon = pair.iter().position(|&b| b == b':')?;
            Some((scheme, Sha256::digest(&pair[..colon]).into(), Sha256::digest(&pair[colon + 1..]).into()))
        }
        AuthScheme::Bearer => (!value.is_empty()).then(|| (scheme, [0; 32], Sha256::digest(value).into())),
    }
}

/// How many, not which.
impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Credentials({} Basic, {} Bearer)",
            self.count(AuthScheme::Basic),
            self.count(AuthScheme::Bearer)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::prelude::BASE64_STANDARD;
    use proptest::prelude::*;

    fn hash(secret: &str) -> String {
        Sha256::digest(secret).iter().fold(String::new(), |text, octet| format!("{text}{octet:02x}"))
    }

    fn credentials(texts: &[(AuthScheme, &str)]) -> Credentials {
        let mut all = Credentials::default();
        for (scheme, text) in texts {
            all.add(*scheme, text).unwrap_or_else(|error| panic!("{text}: {error}"));
        }
        all
    }

    fn accepted() -> Credentials {
        credentials(&[
            (AuthScheme::Basic, &format!("whatsapp:sha256:{}", hash("pass:word"))),
            (AuthScheme::Basic, &format!("M\u{e4}rz:sha256:{}", hash("\u{e4}").to_uppercase())),
            (AuthScheme::Bearer, &format!("sha256:{}", hash("t0ken"))),
            (AuthScheme::Bearer, &format!("sha256:{}", hash("new-token"))),
        ])
    }

    fn request(lines: &[&[u8]]) -> HeaderMap {
        lines.iter().map(|line| (AUTHORIZATION, HeaderValue::from_bytes(line).expect("a value"))).collect()
    }

    fn basic(pair: &str) -> String {
        format!("Basic {}", BASE64_STANDARD.encode(pair))
    }

    #[test]
    fn valid_credentials_are_accepted() {
        let padded = basic("whatsapp:pass:word");
        for line in [
            padded.clone(),
            padded.trim_end_matches('=').to_owned(),
            padded.replace("Basic ", "bAsIc    "),
            basic("M\u{e4}rz:\u{e4}"),
            "Bearer t0ken".to_owned(),
            "BEARER new-token".to_owned(),
        ] {
            assert!(accepted().admit(&request(&[line.as_bytes()])), "{line}");
        }
    }

    #[test]
    fn invalid_credentials_are_rejected() {
        let good = basic("whatsapp:pass:word");
        let long = format!("Bearer {}", "x".repeat(MAX_LEN));
        for line in [
            "",
            "Basic",
            "Basic ",
            "Bearer",
            "Bearer ",
            "Bearer t0ke",
            "Bearer T0ken",
            "Bearer t0ken x",
            "Bearer \"t0ken\"",
            "t0ken",
            "Token t0ken",
            "Digest username=\"whatsapp\"",
            &long,
            &basic("whatsapp:password"),
            &basic("whatsapp:pass:word\n"),
            &basic("whatsapp:"),
            &basic("whatsapp"),
            &basic(":pass:word"),
            &basic("Whatsapp:pass:word"),
            &basic("M\u{e4}rz:pass:word"),
            &basic(""),
            &good.replace("Basic", "Bearer"),
            &good.replace("Basic ", "Basic="),
            &good.replace("Basic ", "Basic\t"),
            &basic("t0ken").replace("Basic", "Bearer"),
            "Basic whatsapp:pass:word",
            "Basic !!!!",
            &format!("{good}A"),
            &format!("{good}===="),
            // The hash of a secret is not the secret.
            &basic(&format!("whatsapp:{}", hash("pass:word"))),
            &format!("Bearer {}", hash("t0ken")),
            &format!("Bearer sha256:{}", hash("t0ken")),
        ] {
            assert!(!accepted().admit(&request(&[line.as_bytes()])), "{line:.80}");
        }
        assert!(!accepted().admit(&HeaderMap::new()));
        assert!(!accepted().admit(&request(&[b"Basic \xff\xfe"])));
        // With two, it is not clear which one is meant.
        for lines in
            [[good.as_bytes(), b"Bearer t0ken"], [good.as_bytes(), good.as_bytes()], [b"", good.as_bytes()]]
        {
            assert!(!accepted().admit(&request(&lines)));
        }
        assert!(!Credentials::default().admit(&request(&[b"Bearer t0ken"])));
    }

    #[test]
    fn a_credential_is_configured_as_a_digest_and_nothing_else() {
        let mut all = Credentials::default();
        let good = hash("secret");
        let empty = hash("");
        for (scheme, text, part) in [
            (AuthScheme::Basic, "whatsapp:secret".to_owned(), "printf %s \"$PASSWORD\" | sha256sum"),
            (AuthScheme::Basic, good.clone(), "whatsapp:sha256:"),
            (AuthScheme::Basic, format!("sha256:{good}"), "whatsapp:sha256:"),
            (AuthScheme::Basic, format!(":sha256:{good}"), "empty"),
            (AuthScheme::Basic, format!("a:b:sha256:{good}"), "colon"),
            (AuthScheme::Basic, format!("a\n:sha256:{good}"), "control"),
            (AuthScheme::Basic, format!("a:sha256:{}", &good[1..]), "64 hex digits"),
            (AuthScheme::Basic, format!("a:sha256:{good}0"), "64 hex digits"),
            (AuthScheme::Basic, format!("a:sha256:{good}  -"), "64 hex digits"),
            (AuthScheme::Basic, format!("a:sha512:{good}"), "`:sha256:`"),
            (AuthScheme::Basic, format!("a:sha256:{empty}"), "the empty string"),
            (AuthScheme::Bearer, "secret".to_owned(), "printf %s \"$TOKEN\" | sha256sum"),
            (AuthScheme::Bearer, format!("whatsapp:sha256:{good}"), "`sha256:`"),
            (AuthScheme::Bearer, format!("sha256:{}\u{e4}", &good[2..]), "64 hex digits"),
            (AuthScheme::Bearer, "sha256:".to_owned(), "64 hex digits"),
        ] {
            let error = all.add(scheme, &text).expect_err(&text);
            assert!(error.contains(part) && !error.contains("secret\"") && !error.contains(&good), "{error}");
        }
        let text = format!("sha256:{good}");
        assert_eq!(all.add(AuthScheme::Bearer, &text), Ok(()));
        assert!(all.add(AuthScheme::Bearer, &text).is_err());
        assert_eq!(
            format!("{all:?} {:?}", accepted()),
            "Credentials(0 Basic, 1 Bearer) Credentials(2 Basic, 2 Bearer)"
        );
    }

    #[test]
    fn a_challenge_names_each_accepted_scheme() {
        let bearer = format!("sha256:{}", hash("x"));
        let user = format!("a:sha256:{}", hash("x"));
        for (all, expected) in [
            (vec![(AuthScheme::Basic, &*user)], vec!["Basic realm=\"/partner\", charset=\"UTF-8\""]),
            (vec![(AuthScheme::Bearer, &*bearer)], vec!["Bearer realm=\"/partner\""]),
            (
                vec![(AuthScheme::Bearer, &*bearer), (AuthScheme::Basic, &*user)],
                vec!["Basic realm=\"/partner\", charset=\"UTF-8\"", "Bearer realm=\"/partner\""],
            ),
        ] {
            let answer = credentials(&all).challenge("/partner");
            assert_eq!(
                (answer.status, &answer.headers["cache-control"]),
                (StatusCode::UNAUTHORIZED, &"no-store".parse().unwrap())
            );
            assert_eq!(answer.headers.get_all(WWW_AUTHENTICATE).iter().collect::<Vec<_>>(), expected);
        }
    }

    #[test]
    fn shared_caching_is_removed_from_a_policy() {
        for (policy, left) in [
            ("max-age=60", None),
            ("private", None),
            ("no-cache", None),
            ("max-age=31536000, immutable", None),
            ("public, max-age=60", Some("max-age=60")),
            ("max-age=31536000, immutable, public", Some("max-age=31536000, immutable")),
            (
                "public, max-age=60, s-maxage=9, must-revalidate, no-transform",
                Some("max-age=60, no-transform"),
            ),
            ("public, no-cache", Some("no-cache")),
        ] {
            assert_eq!(without_sharing(policy).as_deref(), left, "{policy}");
        }
    }

    proptest! {
        #[test]
        fn any_field_is_read_or_refused(line in "(Basic |bearer |)[ -~]{0,40}", pair in "\\PC{0,20}") {
            let has_it = |line: &str| ["t0ken", "new-token"].iter().any(|token| line.trim().ends_with(token));
            prop_assert!(!accepted().admit(&request(&[line.as_bytes()])) || has_it(&line));
            prop_assert!(!accepted().admit(&request(&[basic(&pair).as_bytes()])));
        }
    }
}
