//! Cache rules (`[[cache.rule]]`): globs over asset paths, the first match decides the cache policy.
//!
//! A rule also decides whether its assets need a signed link. The module `asset` parses policies; [`super::unreachable_rules`]
//! finds rules that can never match.

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use super::raw::{Entry, Value};
use super::unreachable_rules::{Shadowed, first_overlap, first_shadowed};
use super::{ConfigError, Settings, values};
use crate::asset::{AssetPath, CachePolicy, Storage};

/// The cache policies of all assets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CacheRules {
    /// For assets that no rule matches. Default `no-cache`.
    pub default: CachePolicy,
    /// For requests that name the asset's current version (see [`CachePolicy::when_versioned`]). Default
    /// `max-age=31536000, immutable`.
    pub versioned: CachePolicy,
    /// In matching order.
    pub rules: Vec<Rule>,
    /// Whether rules or the `Cache-Control` of an object in a bucket come first.
    pub precedence: Precedence,
}

/// What counts where an object in a bucket has its own `Cache-Control` and a rule matches it too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Precedence {
    /// The object's `Cache-Control`.
    Object,
    /// The rule.
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
    /// The policy of the asset with this path: the policy of the first rule that matches, else the default. The asset's own
    /// policy, `own`, comes before both or between them, as `precedence` says. It never loosens a rule with `no-store` or
    /// `private`; with a signed rule only `no-store` counts.
    pub fn policy_for<'a>(&'a self, path: &AssetPath, own: Option<&'a CachePolicy>) -> &'a CachePolicy {
        let rule = self.rules.iter().find(|rule| rule.matches(path));
        if let Some(Rule { policy, is_signed: true, .. }) = rule {
            return own.filter(|own| own.storage() == Storage::NoStore).unwrap_or(policy);
        }
        let rule = rule.map(Rule::policy);
        // A rule with `private` or `no-store` is hardly ever a mistake, and a copy in a cache cannot be taken back.
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

    /// Whether the asset with this path needs a signed link: decided by the first rule that matches.
    pub fn is_signed(&self, path: &AssetPath) -> bool {
        // Rules after the last signed one cannot change the answer.
        let Some(last) = self.rules.iter().rposition(|rule| rule.is_signed) else { return false };
        self.rules[..=last].iter().find(|rule| rule.matches(path)).is_some_and(|rule| rule.is_signed)
    }
}

/// A cache policy for the assets whose path matches a pattern.
///
/// Patterns are globs: `?` and `*` stay within a segment (`?` is one byte, so a character outside ASCII needs several),
/// `**` as a whole segment spans segments, `{a,b}` and `[a-z]` are alternatives. A pattern without a slash matches the
/// file name in any folder; any other matches the whole path, without a leading slash.
#[derive(Debug, Clone)]
pub struct Rule {
    pattern: String,
    policy: CachePolicy,
    is_signed: bool,
    regex: String,
    // A set of one: building it never panics, while a single matcher panics on patterns that are too large.
    matcher: GlobSet,
}

impl Rule {
    /// Compiles a pattern; the error has the reason and the fix.
    pub(super) fn new(pattern: &str, policy: CachePolicy) -> Result<Self, String> {
        reject_misleading(pattern)?;
        let anywhere = if pattern.contains('/') || pattern == "**" { "" } else { "**/" };
        let invalid = |error: globset::Error| {
            format!("`{}` is not a pattern: {}; correct it", pattern.escape_debug(), error.kind())
        };
        let glob = GlobBuilder::new(&format!("{anywhere}{pattern}"))
            .literal_separator(true)
            .build()
            .map_err(invalid)?;
        let regex = glob.regex().to_owned();
        let matcher = GlobSetBuilder::new().add(glob).build().map_err(invalid)?;
        Ok(Self { pattern: pattern.to_owned(), policy, is_signed: false, regex, matcher })
    }

    /// The pattern as the operator wrote it.
    pub fn pattern(&self) -> &str {
        &self.pattern
    }

    /// The policy of matching assets.
    pub fn policy(&self) -> &CachePolicy {
        &self.policy
    }

    /// Whether matching assets need a signed link.
    pub fn is_signed(&self) -> bool {
        self.is_signed
    }

    /// Whether the rule matches the asset with this path.
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

/// Rejects patterns that globset accepts but that do not mean what they seem to.
fn reject_misleading(pattern: &str) -> Result<(), String> {
    let shown = pattern.escape_debug();
    if pattern.is_empty() {
        return Err("the pattern is empty; write one such as \"campaign/**\" or \"*.pdf\"".to_owned());
    }
    if pattern.starts_with('/') {
        let fix = pattern.trim_start_matches('/').escape_debug();
        return Err(format!(
            "`{shown}` begins with a slash, but paths are matched without one; write \"{fix}\""
        ));
    }
    if pattern.ends_with('/') {
        return Err(format!("`{shown}` names a folder, but rules match assets; write \"{shown}**\""));
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
                // A closing bracket in first place is a member of the class.
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
        // An empty pattern has its own error with an example.
        let rule = pattern.read(|value| Rule::new(value.text()?, policy))?;
        rules.push(Rule { is_signed, ..rule });
    }
    reject_unreachable(&rules, entries)?;
    reject_unsigned_first(&rules, entries)?;
    Ok(rules)
}

/// Rejects a policy with which caches would serve assets that need a signed link.
fn policy_for(is_signed: bool, policy: CachePolicy) -> Result<CachePolicy, String> {
    if is_signed && !matches!(policy.storage(), Storage::NoStore | Storage::Private) {
        return Err(format!(
            "\"{policy}\" lets caches keep an asset that needs a signed link, and serve it after the link has expired; \
             write \"private\" or \"no-store\""
        ));
    }
    Ok(policy)
}

/// Rejects rules that require signed links if there are no signing keys.
pub(super) fn reject_unsignable(entries: &[Entry], settings: &Settings) -> Result<(), ConfigError> {
    let signed = settings.cache.rules.iter().position(Rule::is_signed);
    match signed.and_then(|index| entries[index].field("signed")) {
        Some(field) if settings.signing.keys.is_none() => field.read(|_| {
            Err("signed links need signing keys; name a file with keys in [signing] (key_file = \"signing.keys\"), or \
                 set WAMEDIA_SIGNING_KEYS"
                .to_owned())
        }),
        _ => Ok(()),
    }
}

/// Rejects a rule without `signed` that matches assets of a later signed rule: those assets would be public, which is easy to
/// overlook in the rules.
fn reject_unsigned_first(rules: &[Rule], entries: &[Entry]) -> Result<(), ConfigError> {
    let regexes: Vec<_> = rules.iter().map(Rule::regex).collect();
    let says_nothing = |index: usize| entries[index].field("signed").is_none();
    let Some((index, signed)) = first_overlap(&regexes, says_nothing, |index| rules[index].is_signed) else {
        return Ok(());
    };
    Err(ConfigError::Value {
        key: "cache.rule".to_owned(),
        place: entries[index].place.clone(),
        reason: format!(
            "`{}` comes before the signed rule `{}` in {} and matches some of its assets, which would then need no \
             signature; put the signed rule first, or write signed = false here if this is intended",
            rules[index].pattern.escape_debug(),
            rules[signed].pattern.escape_debug(),
            entries[signed].place,
        ),
    })
}

fn reject_unreachable(rules: &[Rule], entries: &[Entry]) -> Result<(), ConfigError> {
    let regexes: Vec<_> = rules.iter().map(Rule::regex).collect();
    let (index, reason) = match first_shadowed(&regexes) {
        None => return Ok(()),
        Some(Shadowed::ByNothing(index)) => (
            index,
            "no asset can have such a path (segments are never empty and never begin with a dot); correct or remove it"
                .to_owned(),
        ),
        Some(Shadowed::By(index, by)) => (
            index,
            format!(
                "the rule `{}` in {} comes first and matches all of its assets; \
                 put the narrower rule first, or remove this one",
                rules[by].pattern.escape_debug(),
                entries[by].place,
            ),
        ),
        Some(Shadowed::ByAll(index)) => (
            index,
            "the rules before it together match all of its assets; put it before them, or remove it".to_owned(),
        ),
    };
    let pattern = rules[index].pattern.escape_debug().to_string();
    Err(ConfigError::UnreachableRule { pattern, place: entries[index].place.clone(), reason })
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
    fn misleading_patterns_are_rejected_with_the_fix() {
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
    fn first_matching_rule_decides() {
        let cache = rules();
        for (path, policy) in [("a/b.pdf", "private"), ("b.pdf", "max-age=60"), ("b.png", "no-store")] {
            assert_eq!(cache.policy_for(&AssetPath::from_plain(path).unwrap(), None).as_str(), policy);
        }
    }

    #[test]
    fn cache_control_of_an_object_comes_before_the_rules_or_before_the_default() {
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
    fn cache_control_of_an_object_does_not_loosen_private_or_no_store() {
        let rule = |policy: &str| Rule::new("**", policy.parse().unwrap()).unwrap();
        for (strict, own, policy) in [
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
            let cache = CacheRules { rules: vec![rule(strict)], ..rules() };
            let own: CachePolicy = own.parse().unwrap();
            let path = AssetPath::from_plain("a.pdf").unwrap();
            assert_eq!(cache.policy_for(&path, Some(&own)).as_str(), policy, "{strict} {own}");
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
