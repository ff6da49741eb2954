//! Which asset gets which cache policy: globs over asset paths, the first match wins.
//!
//! A rule also says whether its assets need a signed link. What a policy may say is for `asset`; whether a rule is ever
//! reached, for [`super::unreachable_rules`].

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use super::raw::{Entry, Value};
use super::unreachable_rules::{Shadowed, first_overlap, first_shadowed};
use super::{ConfigError, Settings, values};
use crate::asset::{AssetPath, CachePolicy, Storage};

/// The cache policies of all assets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CacheRules {
    /// For what no rule matches; `no-cache` unless the operator says otherwise.
    pub default: CachePolicy,
    /// For a request that names the asset's current version (see [`CachePolicy::when_versioned`]);
    /// `max-age=31536000, immutable` unless the operator says otherwise.
    pub versioned: CachePolicy,
    /// In the order in which they are tried.
    pub rules: Vec<Rule>,
    /// Whether they come before or after what an object in a bucket says of itself.
    pub precedence: Precedence,
}

/// What counts first where an object in a bucket carries a Cache-Control of its own and a rule matches it, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Precedence {
    /// The object's own.
    Object,
    /// The rule's.
    Rules,
}

impl Precedence {
    pub(super) const ALL: [Self; 2] = [Self::Object, Self::Rules];

    /// As it is written in a configuration file.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Object => "object",
            Self::Rules => "rules",
        }
    }
}

impl CacheRules {
    /// The policy of the asset with this path: that of the first rule that matches, else the default. What the asset
    /// says of itself, `own`, comes before both or between them. Where a rule says `no-store` or `private`, it may only be as
    /// strict, and where it is signed, too, only stricter.
    pub fn policy_for<'a>(&'a self, path: &AssetPath, own: Option<&'a CachePolicy>) -> &'a CachePolicy {
        let rule = self.rules.iter().find(|rule| rule.matches(path));
        if let Some(Rule { policy, is_signed: true, .. }) = rule {
            return own.filter(|own| own.storage() == Storage::NoStore).unwrap_or(policy);
        }
        let rule = rule.map(Rule::policy);
        // That something is private is hardly ever a slip, and what was kept once is out of hand.
        let loosens = |own: &CachePolicy| {
            let closed = rule.map(CachePolicy::storage).filter(|storage| *storage <= Storage::Private);
            closed.is_some_and(|storage| own.storage() > storage)
        };
        let first = match self.precedence {
            Precedence::Object => own.filter(|own| !loosens(own)).or(rule),
            Precedence::Rules => rule.or(own),
        };
        first.unwrap_or(&self.default)
    }

    /// Whether the asset with this path is had by a signed link only: what the first rule that matches says.
    pub fn is_signed(&self, path: &AssetPath) -> bool {
        // Behind the last that says so, nothing can change.
        let Some(last) = self.rules.iter().rposition(|rule| rule.is_signed) else { return false };
        self.rules[..=last].iter().find(|rule| rule.matches(path)).is_some_and(|rule| rule.is_signed)
    }
}

/// A cache policy for the assets whose path matches a pattern.
///
/// Patterns are globs: `?` and `*` stay within a segment (`?` is one byte, so a character outside ASCII needs several),
/// `**` as a whole segment spans segments, `{a,b}` and `[a-z]` offer choices. A pattern without a slash is matched
/// against the file name in any folder; any other against the whole path, without a leading slash.
#[derive(Debug, Clone)]
pub struct Rule {
    pattern: String,
    policy: CachePolicy,
    is_signed: bool,
    regex: String,
    // A set of one: unlike a single matcher it is built without a panic on patterns that are too large.
    matcher: GlobSet,
}

impl Rule {
    /// Compiles a pattern; the error says what is wrong with it and what to write.
    pub(super) fn new(pattern: &str, policy: CachePolicy) -> Result<Self, String> {
        refuse_misleading(pattern)?;
        let anywhere = if pattern.contains('/') || pattern == "**" { "" } else { "**/" };
        let refuse = |error: globset::Error| {
            format!("`{}` is not a pattern: {}; mend it", pattern.escape_debug(), error.kind())
        };
        let glob = GlobBuilder::new(&format!("{anywhere}{pattern}"))
            .literal_separator(true)
            .build()
            .map_err(refuse)?;
        let regex = glob.regex().to_owned();
        let matcher = GlobSetBuilder::new().add(glob).build().map_err(refuse)?;
        Ok(Self { pattern: pattern.to_owned(), policy, is_signed: false, regex, matcher })
    }

    /// The pattern as the operator wrote it.
    pub fn pattern(&self) -> &str {
        &self.pattern
    }

    /// The policy of what matches.
    pub fn policy(&self) -> &CachePolicy {
        &self.policy
    }

    /// Whether what matches is had by a signed link only.
    pub fn is_signed(&self) -> bool {
        self.is_signed
    }

    /// Whether the rule is about the asset with this path.
    pub fn matches(&self, path: &AssetPath) -> bool {
        self.matcher.is_match(path.as_str())
    }

    /// The pattern as a regular expression over bytes, anchored at both ends.
    pub(super) fn regex(&self) -> &str {
        &self.regex
    }
}

// The other two fields follow from the pattern.
impl PartialEq for Rule {
    fn eq(&self, other: &Self) -> bool {
        self.pattern == other.pattern && self.policy == other.policy && self.is_signed == other.is_signed
    }
}

impl Eq for Rule {}

/// Refuses what globset takes but what never means what it seems to.
fn refuse_misleading(pattern: &str) -> Result<(), String> {
    let shown = pattern.escape_debug();
    if pattern.is_empty() {
        return Err("the pattern is empty; write one such as \"campaign/**\" or \"*.pdf\"".to_owned());
    }
    if pattern.starts_with('/') {
        let fix = pattern.trim_start_matches('/').escape_debug();
        return Err(format!(
            "`{shown}` begins with a slash, and paths are matched without one; write \"{fix}\""
        ));
    }
    if pattern.ends_with('/') {
        return Err(format!(
            "`{shown}` names a folder, and rules are about the assets in it; write \"{shown}**\""
        ));
    }
    if pattern.split('/').any(|segment| segment == "." || segment == "..") {
        return Err(format!("`{shown}` has a `.` or `..` segment, which no asset's path has; leave it out"));
    }
    if has_wide_class(pattern) {
        return Err(format!(
            "`{shown}` has a character outside ASCII between brackets, where bytes are matched; \
             write a choice such as \"{{\u{e4},\u{f6}}}\""
        ));
    }
    Ok(())
}

/// Whether a class such as `[a-zä]` holds a character that is more than one byte.
fn has_wide_class(pattern: &str) -> bool {
    let mut chars = pattern.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' => {
                chars.next();
            }
            '[' => {
                chars.next_if(|c| matches!(c, '!' | '^'));
                // A closing bracket that comes first stands for itself.
                let first = chars.next();
                let mut class = first.into_iter().chain(chars.by_ref().take_while(|c| *c != ']'));
                if class.any(|c| !c.is_ascii()) {
                    return true;
                }
            }
            _ => {}
        }
    }
    false
}

/// The rules of the configuration file, in its order.
pub(super) fn read(entries: &[Entry]) -> Result<Vec<Rule>, ConfigError> {
    let mut rules = Vec::with_capacity(entries.len());
    for entry in entries {
        let policy = entry.required("cache_control", "cache_control = \"max-age=604800\"")?;
        let is_signed = entry.field("signed").map_or(Ok(false), |field| field.read(Value::truth))?;
        let policy = policy.read(|value| policy_for(is_signed, values::policy(value)?))?;
        let pattern = entry.required("match", "match = \"campaign/**\"")?;
        // An empty pattern has its own refusal with an example.
        let rule = pattern.read(|value| Rule::new(value.text()?, policy))?;
        rules.push(Rule { is_signed, ..rule });
    }
    refuse_idle(&rules, entries)?;
    refuse_unsigned_first(&rules, entries)?;
    Ok(rules)
}

/// Refuses a policy that would have caches hand out what only a signed link may fetch.
fn policy_for(is_signed: bool, policy: CachePolicy) -> Result<CachePolicy, String> {
    if is_signed && !matches!(policy.storage(), Storage::NoStore | Storage::Private) {
        return Err(format!(
            "\"{policy}\" lets caches keep what only a signed link may fetch, and hand it out when the link has expired; \
             write \"private\" or \"no-store\""
        ));
    }
    Ok(policy)
}

/// Refuses rules that ask for signed links where there is nothing to sign with.
pub(super) fn refuse_unsignable(entries: &[Entry], settings: &Settings) -> Result<(), ConfigError> {
    let signed = settings.cache.rules.iter().position(Rule::is_signed);
    match signed.and_then(|index| entries[index].field("signed")) {
        Some(field) if settings.signing.keys.is_none() => field.read(|_| {
            Err("links can only be signed with keys; name a file with some in [signing] (key_file = \"signing.keys\"), or \
                 set WAMEDIA_SIGNING_KEYS"
                .to_owned())
        }),
        _ => Ok(()),
    }
}

/// Refuses a rule that says nothing of signatures and takes assets from a signed rule behind it: they would be had by
/// anybody, and hardly anybody who reads the rules would see it.
fn refuse_unsigned_first(rules: &[Rule], entries: &[Entry]) -> Result<(), ConfigError> {
    let regexes: Vec<_> = rules.iter().map(Rule::regex).collect();
    let says_nothing = |index: usize| entries[index].field("signed").is_none();
    let Some((index, signed)) = first_overlap(&regexes, says_nothing, |index| rules[index].is_signed) else {
        return Ok(());
    };
    Err(ConfigError::Value {
        key: "cache.rule".to_owned(),
        place: entries[index].place.clone(),
        reason: format!(
            "`{}` comes before the signed rule `{}` in {} and takes assets from it, which would then be had without a \
             signature; put the signed rule first, or write signed = false here if that is meant",
            rules[index].pattern.escape_debug(),
            rules[signed].pattern.escape_debug(),
            entries[signed].place,
        ),
    })
}

fn refuse_idle(rules: &[Rule], entries: &[Entry]) -> Result<(), ConfigError> {
    let regexes: Vec<_> = rules.iter().map(Rule::regex).collect();
    let (index, reason) = match first_shadowed(&regexes) {
        None => return Ok(()),
        Some(Shadowed::ByNothing(index)) => (
            index,
            "no asset can have such a path (segments are never empty and never begin with a dot); mend it or remove it"
                .to_owned(),
        ),
        Some(Shadowed::By(index, by)) => (
            index,
            format!(
                "the rule `{}` in {} comes first and matches everything that it would; \
                 put the narrower rule first, or remove this one",
                rules[by].pattern.escape_debug(),
                entries[by].place,
            ),
        ),
        Some(Shadowed::ByAll(index)) => (
            index,
            "the rules before it together match everything that it would; put it before them, or remove it".to_owned(),
        ),
    };
    let pattern = rules[index].pattern.escape_debug().to_string();
    Err(ConfigError::IdleRule { pattern, place: entries[index].place.clone(), reason })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(pattern: &str) -> Result<Rule, String> {
        Rule::new(pattern, CachePolicy::NO_CACHE)
    }

    #[test]
    fn patterns_match_paths() {
        for (pattern, path, matches) in [
            ("campaign/**", "campaign/a.png", true),
            ("campaign/**", "campaign/a/b.png", true),
            ("campaign/**", "campaign", false),
            ("campaign/**", "x/campaign/a.png", false),
            ("campaign/*", "campaign/a/b.png", false),
            ("*.pdf", "a.pdf", true),
            ("*.pdf", "a/b/c.pdf", true),
            ("*.pdf", "a.PDF", false),
            ("*.pdf", "a.pdf/b", false),
            ("logo.png", "x/logo.png", true),
            ("logo.png", "x/a-logo.png", false),
            ("**", "a", true),
            ("**", "a/b/c", true),
            ("*", "a/b/c", true),
            ("**/logo.png", "logo.png", true),
            ("a/**/z.png", "a/z.png", true),
            ("a/**/z.png", "a/b/c/z.png", true),
            ("*.{jpg,png}", "a/b.png", true),
            ("{a/b,c}.png", "a/b.png", true),
            ("{a/b,c}.png", "x/c.png", false),
            ("[a-c].png", "x/b.png", true),
            ("[!a-c].png", "b.png", false),
            ("M\u{e4}rz/*.pdf", "M\u{e4}rz/1.pdf", true),
            ("{\u{e4},\u{f6}}.pdf", "\u{f6}.pdf", true),
            ("\\*.png", "*.png", true),
            ("\\*.png", "a.png", false),
        ] {
            let rule = rule(pattern).unwrap();
            assert_eq!(rule.matches(&AssetPath::from_plain(path).unwrap()), matches, "{pattern} {path}");
            assert_eq!(rule.pattern(), pattern);
        }
    }

    #[test]
    fn patterns_that_mislead_are_refused_with_the_mend() {
        let nested = format!("{}a{}", "{".repeat(400), "}".repeat(400));
        for (pattern, part) in [
            ("", "\"campaign/**\""),
            ("/campaign/*", "write \"campaign/*\""),
            ("campaign/", "write \"campaign/**\""),
            ("../a", "`..` segment"),
            ("a/./b", "`.` or `..`"),
            ("a[", "unclosed character class"),
            ("a[z-a]", "invalid range"),
            ("{a", "unclosed alternate"),
            ("[\u{e4}].pdf", "{\u{e4},\u{f6}}"),
            ("[]\u{e4}].pdf", "{\u{e4},\u{f6}}"),
            (&nested, "is not a pattern"),
        ] {
            let message = rule(pattern).expect_err(pattern);
            assert!(message.contains(part), "{pattern}: {message}");
        }
    }

    #[test]
    fn the_first_rule_that_matches_decides() {
        let cache = rules();
        for (path, policy) in [("a/b.pdf", "private"), ("b.pdf", "max-age=60"), ("b.png", "no-store")] {
            assert_eq!(cache.policy_for(&AssetPath::from_plain(path).unwrap(), None).as_str(), policy);
        }
    }

    #[test]
    fn what_an_object_says_of_itself_comes_before_the_rules_or_before_the_default() {
        let own: CachePolicy = "max-age=5".parse().unwrap();
        for (precedence, path, policy) in [
            (Precedence::Object, "b.pdf", "max-age=5"),
            (Precedence::Object, "b.png", "max-age=5"),
            (Precedence::Rules, "b.pdf", "max-age=60"),
            (Precedence::Rules, "b.png", "max-age=5"),
        ] {
            let cache = CacheRules { precedence, ..rules() };
            let path = AssetPath::from_plain(path).unwrap();
            assert_eq!(cache.policy_for(&path, Some(&own)).as_str(), policy, "{precedence:?} {path}");
        }
    }

    #[test]
    fn what_an_object_says_of_itself_does_not_loosen_a_rule_that_closes() {
        let rule = |policy: &str| Rule::new("**", policy.parse().unwrap()).unwrap();
        for (closed, own, policy) in [
            ("private", "public, max-age=60", "private"),
            ("private", "no-cache", "private"),
            ("private", "private, max-age=60", "private, max-age=60"),
            ("private", "no-store", "no-store"),
            ("private, max-age=9", "max-age=0", "private, max-age=9"),
            ("no-store", "private", "no-store"),
            ("no-store", "max-age=60", "no-store"),
            ("no-store", "no-store, private", "no-store, private"),
            ("no-cache", "max-age=60", "max-age=60"),
            ("max-age=1", "max-age=60", "max-age=60"),
        ] {
            let cache = CacheRules { rules: vec![rule(closed)], ..rules() };
            let own: CachePolicy = own.parse().unwrap();
            let path = AssetPath::from_plain("a.pdf").unwrap();
            assert_eq!(cache.policy_for(&path, Some(&own)).as_str(), policy, "{closed} {own}");
        }
    }

    fn rules() -> CacheRules {
        let rule = |pattern: &str, policy: &str| Rule::new(pattern, policy.parse().unwrap()).unwrap();
        CacheRules {
            default: "no-store".parse().unwrap(),
            versioned: "max-age=1".parse().unwrap(),
            rules: vec![rule("a/*.pdf", "private"), rule("*.pdf", "max-age=60")],
            precedence: Precedence::Object,
        }
    }
}
