//! Cache policies: validated `Cache-Control` response header values.
//!
//! A policy is parsed strictly, because the operator who writes it can fix it. Directives that neither WhatsApp's
//! documentation nor RFC 9111 defines are rejected, and so is a text whose directives contradict each other. What
//! WhatsApp does with a policy is in [`whatsapp`](crate::whatsapp); which asset has which policy is in
//! [`config`](crate::config).

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use crate::suggest::nearest;

/// What caches may do with an asset: a validated `Cache-Control` response header value (RFC 9111 section 5.2.2).
///
/// It has at least one of the four directives that WhatsApp documents (`max-age=n`, `no-cache`, `no-store`,
/// `private`), and no two that contradict each other. Its text is in lower case, its directives in their original
/// order, separated by a comma and a space.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CachePolicy {
    value: Cow<'static, str>,
    storage: Storage,
}

/// How a policy restricts storage of an asset: the four ways that WhatsApp documents, the strictest first.
///
/// If a policy has several of them, the strictest counts. A smaller value is stricter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Storage {
    /// `no-store`: no cache may store it.
    NoStore,
    /// `private`: it is personal to one recipient, and no shared cache may store it.
    Private,
    /// `no-cache`: it may be stored, but must be revalidated before every use.
    NoCache,
    /// `max-age=n`: it may be used for so many seconds without revalidation, at most [`CachePolicy::MAX_SECONDS`].
    MaxAge(u32),
}

/// Why a text is not a cache policy. Each message ends with the fix.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// The text has no directive.
    #[error("it is empty; {ONE_OF_FOUR}")]
    Empty,
    /// The directives are valid, but none says whether the asset may be stored.
    #[error("`{0}` says neither how long the asset may be stored nor that it must not be; add {ONE_OF_FOUR}")]
    Undecided(String),
    /// A directive that no document defines for responses.
    #[error("`{name}` is not a response directive; {}", suggestion(.nearest.as_deref()))]
    Unknown {
        /// The directive as written.
        name: String,
        /// The most similar known directive, if any is similar.
        nearest: Option<String>,
    },
    /// A directive that needs a number of seconds has none, or something else.
    #[error(
        "`{written}` has no whole number of seconds; write {name}=60, without quotes, spaces or units, for a minute"
    )]
    NotSeconds {
        /// The directive's name.
        name: &'static str,
        /// The directive as written.
        written: String,
    },
    /// A number of seconds that recipients need not be able to represent (RFC 9111 section 1.2.2).
    #[error("`{written}` is more seconds than caches can represent; the maximum is {max} (68 years)", max = CachePolicy::MAX_SECONDS)]
    TooLong {
        /// The directive as written.
        written: String,
    },
    /// A directive without an argument has one.
    #[error("`{name}` takes no argument here, since WhatsApp documents none; write `{name}` alone")]
    Argument {
        /// The directive's name.
        name: &'static str,
    },
    /// A directive is repeated.
    #[error("`{0}` is repeated; keep one")]
    Twice(&'static str),
    /// Two directives that contradict each other.
    #[error("`{one}` and `{other}` contradict each other: {why}; leave one of them out")]
    Contradiction {
        /// The directive that forbids or narrows.
        one: &'static str,
        /// The directive that contradicts it.
        other: &'static str,
        /// Why the two contradict each other.
        why: &'static str,
    },
    /// A directive that only modifies `max-age` occurs without it.
    #[error("`{0}` only adds to `max-age`, which is missing; add max-age=n (in seconds), or leave `{0}` out")]
    WithoutMaxAge(&'static str),
}

const ONE_OF_FOUR: &str =
    "one of the four that WhatsApp obeys: max-age=n (in seconds), no-cache, no-store or private";

fn suggestion(nearest: Option<&str>) -> String {
    match nearest {
        Some(nearest) => format!("did you mean `{nearest}`?"),
        None => format!("the known ones are {}", DIRECTIVES.map(|(name, _)| name).join(", ")),
    }
}

/// Whether a directive takes an argument.
#[derive(Clone, Copy, PartialEq)]
enum Takes {
    Nothing,
    Seconds,
}

/// Every response directive of RFC 9111 section 5.2.2, RFC 8246 (`immutable`) and RFC 5861 (`stale-…`).
const DIRECTIVES: [(&str, Takes); 13] = [
    ("max-age", Takes::Seconds),
    ("no-cache", Takes::Nothing),
    ("no-store", Takes::Nothing),
    ("private", Takes::Nothing),
    ("public", Takes::Nothing),
    ("s-maxage", Takes::Seconds),
    ("must-revalidate", Takes::Nothing),
    ("proxy-revalidate", Takes::Nothing),
    ("must-understand", Takes::Nothing),
    ("no-transform", Takes::Nothing),
    ("immutable", Takes::Nothing),
    ("stale-while-revalidate", Takes::Seconds),
    ("stale-if-error", Takes::Seconds),
];

/// Directives that contradict each other, with the reason. Caches would resolve each contradiction; it is not
/// documented that WhatsApp resolves them in the same way.
const CONTRADICTIONS: [(&str, &[&str], &str); 4] = [
    (
        "no-store",
        &["max-age", "s-maxage", "public", "immutable", "stale-while-revalidate", "stale-if-error"],
        "what may not be stored cannot be used again",
    ),
    (
        "no-cache",
        &["max-age", "s-maxage", "immutable", "stale-while-revalidate", "stale-if-error"],
        "one demands revalidation before each use, the other allows use without it, \
         and which of them WhatsApp obeys is documented nowhere",
    ),
    ("public", &["private"], "the asset is either for everyone or for one recipient"),
    ("private", &["s-maxage"], "shared caches must not store it, so they cannot store it for a time"),
];

/// Directives that mean nothing without `max-age`.
const NEEDS_MAX_AGE: [&str; 3] = ["immutable", "stale-while-revalidate", "stale-if-error"];

impl CachePolicy {
    /// The maximum of a directive in seconds: 2³¹, which RFC 9111 section 1.2.2 requires every cache to understand.
    pub const MAX_SECONDS: u32 = 1 << 31;

    /// `no-cache`: the safe policy, with which an old version of a changed asset is never sent.
    pub const NO_CACHE: Self = Self { value: Cow::Borrowed("no-cache"), storage: Storage::NoCache };

    /// The default policy for links that name their version: a year, which is longer than any send.
    pub const VERSIONED: Self =
        Self { value: Cow::Borrowed("max-age=31536000, immutable"), storage: Storage::MaxAge(31_536_000) };

    /// The header value.
    pub fn as_str(&self) -> &str {
        &self.value
    }

    /// Which of the four ways of storing the policy asks for.
    pub fn storage(&self) -> Storage {
        self.storage
    }

    /// The policy in a `Cache-Control` that cannot be fixed here, because it comes from elsewhere.
    ///
    /// An invalid text is read as the strictest of the four documented directives that it names, and that one alone;
    /// `None` if it names none of them. A `max-age` that cannot be parsed is read as `no-cache`.
    pub fn lenient(text: &str) -> Option<Self> {
        if let Ok(policy) = text.parse() {
            return Some(policy);
        }
        let known: Read = text
            .split(',')
            .filter_map(|member| {
                let member = member.trim();
                let (name, argument) = member.split_once('=').unwrap_or((member, ""));
                // A cache that does not support an argument of these obeys the directive all the same. More seconds
                // than can be represented are read as the maximum (RFC 9111 section 1.2.2).
                let digits = argument.trim_matches('"');
                let is_number = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
                let seconds =
                    digits.parse().map_or(Self::MAX_SECONDS, |seconds: u32| seconds.min(Self::MAX_SECONDS));
                match name.to_ascii_lowercase().as_str() {
                    "no-store" => Some(("no-store", None)),
                    "private" => Some(("private", None)),
                    "max-age" if is_number => Some(("max-age", Some(seconds))),
                    "no-cache" | "max-age" => Some(("no-cache", None)),
                    _ => None,
                }
            })
            .collect();
        let storage = storage(&known)?;
        let value = match storage {
            Storage::NoStore => Cow::Borrowed("no-store"),
            Storage::Private => Cow::Borrowed("private"),
            Storage::NoCache => Cow::Borrowed("no-cache"),
            Storage::MaxAge(seconds) => Cow::Owned(format!("max-age={seconds}")),
        };
        Some(Self { value, storage })
    }

    /// The policy for a request that names the asset's current version: `versioned`, unless this policy forbids
    /// storage or says that the asset is personal. A link never loosens that.
    #[must_use]
    pub fn when_versioned(&self, versioned: &Self) -> Self {
        match self.storage {
            Storage::NoStore | Storage::Private => self.clone(),
            Storage::NoCache | Storage::MaxAge(_) => versioned.clone(),
        }
    }

    /// The policy for a request that names a version which the asset does not have: `no-cache`, or this policy if it
    /// is at least as strict. The link means other bytes, so caches must not store these under it.
    #[must_use]
    pub fn when_unrecognised(&self) -> Self {
        match self.storage {
            Storage::NoStore | Storage::Private | Storage::NoCache => self.clone(),
            Storage::MaxAge(_) => Self::NO_CACHE,
        }
    }
}

/// The directives of one policy, parsed.
type Read = Vec<(&'static str, Option<u32>)>;

impl FromStr for CachePolicy {
    type Err = PolicyError;

    /// Parses a header value. Names are case-insensitive, empty list members are ignored (RFC 9110 section 5.6.1).
    fn from_str(text: &str) -> Result<Self, PolicyError> {
        let mut read = Read::new();
        // A quoted argument may contain a comma, but no directive takes one here, so the first half is rejected as
        // well.
        for member in text.split(',').map(|member| member.trim_matches([' ', '\t'])).filter(|m| !m.is_empty())
        {
            let directive = read_directive(member)?;
            if has(&read, directive.0) {
                return Err(PolicyError::Twice(directive.0));
            }
            read.push(directive);
        }
        reject_contradictions(&read)?;
        let value = write(&read);
        match storage(&read) {
            Some(storage) => Ok(Self { value: value.into(), storage }),
            None if read.is_empty() => Err(PolicyError::Empty),
            None => Err(PolicyError::Undecided(value)),
        }
    }
}

fn read_directive(member: &str) -> Result<(&'static str, Option<u32>), PolicyError> {
    let (name, argument) = match member.split_once('=') {
        Some((name, argument)) => (name, Some(argument)),
        None => (member, None),
    };
    let Some(&(name, takes)) = DIRECTIVES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)) else {
        return Err(unknown(name));
    };
    match (takes, argument) {
        (Takes::Nothing, None) => Ok((name, None)),
        (Takes::Nothing, Some(_)) => Err(PolicyError::Argument { name }),
        (Takes::Seconds, Some(digits))
            if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) =>
        {
            match digits.parse() {
                Ok(seconds) if seconds <= CachePolicy::MAX_SECONDS => Ok((name, Some(seconds))),
                _ => Err(PolicyError::TooLong { written: member.to_owned() }),
            }
        }
        (Takes::Seconds, _) => {
            Err(PolicyError::NotSeconds { name, written: member.escape_debug().to_string() })
        }
    }
}

fn unknown(name: &str) -> PolicyError {
    let lower = name.to_ascii_lowercase();
    let nearest = nearest(&lower, DIRECTIVES.iter().map(|(known, _)| *known));
    PolicyError::Unknown { name: name.escape_debug().to_string(), nearest: nearest.map(str::to_owned) }
}

fn reject_contradictions(read: &Read) -> Result<(), PolicyError> {
    for (one, others, why) in CONTRADICTIONS.into_iter().filter(|(one, ..)| has(read, one)) {
        if let Some(other) = others.iter().copied().find(|other| has(read, other)) {
            return Err(PolicyError::Contradiction { one, other, why });
        }
    }
    if !has(read, "max-age")
        && let Some(addition) = NEEDS_MAX_AGE.into_iter().find(|addition| has(read, addition))
    {
        return Err(PolicyError::WithoutMaxAge(addition));
    }
    Ok(())
}

/// The strictest of the four directives in the policy.
fn storage(read: &Read) -> Option<Storage> {
    if has(read, "no-store") {
        Some(Storage::NoStore)
    } else if has(read, "private") {
        Some(Storage::Private)
    } else if has(read, "no-cache") {
        Some(Storage::NoCache)
    } else {
        read.iter().find(|(name, _)| *name == "max-age")?.1.map(Storage::MaxAge)
    }
}

fn has(read: &Read, name: &str) -> bool {
    read.iter().any(|(known, _)| *known == name)
}

fn write(read: &Read) -> String {
    let directives: Vec<_> = read
        .iter()
        .map(|(name, seconds)| match seconds {
            Some(seconds) => format!("{name}={seconds}"),
            None => (*name).to_owned(),
        })
        .collect();
    directives.join(", ")
}

impl fmt::Display for CachePolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn policy(text: &str) -> CachePolicy {
        text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn a_valid_policy_is_normalised_and_its_strictest_storage_directive_counts() {
        for (text, value, storage) in [
            ("max-age=604800", "max-age=604800", Storage::MaxAge(604_800)),
            ("max-age=0", "max-age=0", Storage::MaxAge(0)),
            ("max-age=2147483648", "max-age=2147483648", Storage::MaxAge(CachePolicy::MAX_SECONDS)),
            ("Max-Age=0060,PUBLIC", "max-age=60, public", Storage::MaxAge(60)),
            (
                "max-age=60, public, must-revalidate",
                "max-age=60, public, must-revalidate",
                Storage::MaxAge(60),
            ),
            ("public , max-age=60\t,s-maxage=9", "public, max-age=60, s-maxage=9", Storage::MaxAge(60)),
            ("max-age=9, stale-if-error=5", "max-age=9, stale-if-error=5", Storage::MaxAge(9)),
            ("max-age=31536000, immutable", "max-age=31536000, immutable", Storage::MaxAge(31_536_000)),
            ("no-cache", "no-cache", Storage::NoCache),
            ("public, no-cache, no-transform", "public, no-cache, no-transform", Storage::NoCache),
            ("no-store", "no-store", Storage::NoStore),
            (",no-store,, ", "no-store", Storage::NoStore),
            ("must-understand, no-store", "must-understand, no-store", Storage::NoStore),
            ("no-cache, no-store, must-revalidate", "no-cache, no-store, must-revalidate", Storage::NoStore),
            ("private, no-store", "private, no-store", Storage::NoStore),
            ("private", "private", Storage::Private),
            ("private, no-cache", "private, no-cache", Storage::Private),
            ("private, max-age=60", "private, max-age=60", Storage::Private),
        ] {
            let policy = policy(text);
            assert_eq!((policy.as_str(), policy.storage()), (value, storage), "{text}");
        }
    }

    #[test]
    fn an_error_names_the_reason_and_the_fix() {
        for (text, parts) in [
            ("", &["empty", "max-age=n", "no-cache"][..]),
            (" , ", &["empty"]),
            ("public", &["`public`", "neither how long", "max-age=n"]),
            ("s-maxage=60, must-revalidate", &["neither how long", "no-store"]),
            ("no-chache", &["`no-chache`", "did you mean `no-cache`?"]),
            ("maxage=60", &["`maxage`", "did you mean `max-age`?"]),
            ("MUST_REVALIDATE, no-cache", &["did you mean `must-revalidate`?"]),
            ("xyzzy", &["`xyzzy`", "the known ones are max-age, no-cache"]),
            ("no-cache; max-age=60", &["did you mean `no-cache`?"]),
            ("no-cache\r\nX-Evil: 1", &["no-cache\\r\\nX-Evil"]),
            ("max-age", &["`max-age`", "whole number of seconds", "max-age=60"]),
            ("max-age=", &["whole number of seconds"]),
            ("max-age=\"60\"", &["without quotes"]),
            ("max-age=1d", &["`max-age=1d`", "units"]),
            ("max-age=-1", &["whole number of seconds"]),
            ("max-age=+1", &["whole number of seconds"]),
            ("max-age= 60", &["spaces"]),
            ("max-age=60 no-cache", &["`max-age=60 no-cache`"]),
            ("max-age=2147483649", &["2147483648"]),
            ("max-age=60, stale-if-error=99999999999999999999999", &["stale-if-error=99", "2147483648"]),
            ("no-cache=\"Set-Cookie, X\"", &["`no-cache` takes no argument", "WhatsApp"]),
            ("private=\"x\"", &["`private` takes no argument"]),
            ("no-store=1", &["write `no-store` alone"]),
            ("no-cache, No-Cache", &["`no-cache` is repeated"]),
            ("max-age=1, max-age=2", &["`max-age` is repeated"]),
            ("no-store, max-age=60", &["`no-store` and `max-age` contradict", "leave one of them out"]),
            ("s-maxage=1, no-store", &["`no-store` and `s-maxage`"]),
            ("no-store, public", &["`no-store` and `public`"]),
            ("no-store, immutable", &["`no-store` and `immutable`"]),
            ("no-store, stale-while-revalidate=1", &["`no-store` and `stale-while-revalidate`"]),
            ("no-store, stale-if-error=1", &["`no-store` and `stale-if-error`"]),
            ("no-cache, max-age=0", &["`no-cache` and `max-age`", "documented nowhere"]),
            ("no-cache, s-maxage=1", &["`no-cache` and `s-maxage`"]),
            ("no-cache, immutable", &["`no-cache` and `immutable`"]),
            ("no-cache, stale-while-revalidate=1", &["`no-cache` and `stale-while-revalidate`"]),
            ("no-cache, stale-if-error=1", &["`no-cache` and `stale-if-error`"]),
            ("private, public", &["`public` and `private`"]),
            ("private, s-maxage=1", &["`private` and `s-maxage`"]),
            ("private, immutable", &["`immutable` only adds to `max-age`"]),
            ("public, stale-if-error=1", &["`stale-if-error` only adds"]),
            ("stale-while-revalidate=1, private", &["`stale-while-revalidate` only adds"]),
        ] {
            let message = text.parse::<CachePolicy>().expect_err(text).to_string();
            for part in parts {
                assert!(message.contains(part), "{text:?}: {message}");
            }
        }
    }

    #[test]
    fn a_link_never_loosens_a_policy_that_forbids_storage() {
        let versioned = policy("max-age=31536000, immutable");
        for (own, current, unrecognised) in [
            ("max-age=60", "max-age=31536000, immutable", "no-cache"),
            ("no-cache", "max-age=31536000, immutable", "no-cache"),
            ("public, no-cache", "max-age=31536000, immutable", "public, no-cache"),
            ("no-store", "no-store", "no-store"),
            ("private, max-age=60", "private, max-age=60", "private, max-age=60"),
        ] {
            assert_eq!(policy(own).when_versioned(&versioned).as_str(), current, "{own}");
            assert_eq!(policy(own).when_unrecognised().as_str(), unrecognised, "{own}");
        }
        assert_eq!(CachePolicy::NO_CACHE, policy("no-cache"));
        assert_eq!(CachePolicy::VERSIONED, policy("max-age=31536000, immutable"));
    }

    proptest! {
        #[test]
        fn any_text_is_rejected_or_its_own_normal_form(text in "\\PC{0,40}") {
            if let Ok(policy) = text.parse::<CachePolicy>() {
                prop_assert_eq!(policy.to_string().parse::<CachePolicy>(), Ok(policy));
            }
        }

        #[test]
        fn any_choice_of_directives_is_rejected_or_its_own_normal_form(
            chosen in prop::collection::vec((0..DIRECTIVES.len(), any::<u32>(), any::<bool>()), 0..5),
        ) {
            let members: Vec<_> = chosen
                .into_iter()
                .map(|(at, seconds, upper)| {
                    let (name, takes) = DIRECTIVES[at];
                    let name = if upper { name.to_ascii_uppercase() } else { name.to_owned() };
                    if takes == Takes::Seconds { format!("{name}={seconds}") } else { name }
                })
                .collect();
            if let Ok(policy) = members.join(",").parse::<CachePolicy>() {
                prop_assert_eq!(policy.to_string().parse::<CachePolicy>(), Ok(policy));
            }
        }
    }

    #[test]
    fn a_lenient_policy_is_the_strictest_documented_directive() {
        for (text, policy) in [
            ("Public, Max-Age=60", Some("public, max-age=60")),
            ("no-cache, no-store, max-age=0, must-revalidate", Some("no-store")),
            ("max-age=0, no-cache", Some("no-cache")),
            ("max-age=60, x-custom", Some("max-age=60")),
            ("max-age=\"60\"", Some("max-age=60")),
            ("private=\"set-cookie\", max-age=60", Some("private")),
            ("max-age=soon", Some("no-cache")),
            ("max-age=-1", Some("no-cache")),
            ("max-age=99999999999", Some("max-age=2147483648")),
            ("public", None),
            ("s-maxage=60", None),
            ("", None),
        ] {
            let read = CachePolicy::lenient(text);
            assert_eq!(read.as_ref().map(CachePolicy::as_str), policy, "{text}");
        }
    }
}
