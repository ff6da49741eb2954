//! Signed links and credentials: mistakes that would make private assets public are errors, and no secret is printed.

use super::*;
use crate::asset::AssetPath;

const SIGNING: &str = "[signing]\nkey_file = \"a.keys\"\n";
const PERSONAL: &str =
    "[[cache.rule]]\nmatch = \"personal/**\"\ncache_control = \"private\"\nsigned = true\n";
/// The SHA-256 of `secret`.
const HASH: &str = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b";

fn rule(pattern: &str, policy: &str, more: &str) -> String {
    format!("[[cache.rule]]\nmatch = \"{pattern}\"\ncache_control = \"{policy}\"\n{more}\n")
}

fn auth(path: &str, credentials: &str) -> String {
    format!("[[auth]]\npath = \"{path}\"\n{credentials}\n")
}

fn path(text: &str) -> AssetPath<'_> {
    AssetPath::from_plain(text).unwrap()
}

#[test]
fn first_matching_rule_decides_whether_a_link_is_signed() {
    let text = [
        MOUNT,
        SIGNING,
        &rule("personal/public/**", "no-cache", "signed = false"),
        PERSONAL,
        &rule("**/*.pdf", "max-age=60", ""),
        &rule("codes/*.png", "no-store", "signed = true"),
    ]
    .concat();
    let settings = Fixture::with_file(&text).load(&Flags::default(), &[]).unwrap();
    for (name, is_signed) in [
        ("personal/a.pdf", true),
        ("personal/x/a", true),
        ("personal/public/a.pdf", false),
        ("personal", false),
        ("Personal/a.pdf", false),
        ("x/personal/a.pdf", false),
        ("a.pdf", false),
        ("codes/a.png", true),
        ("codes/a.pdf", false),
    ] {
        assert_eq!(settings.signs(&path(name)).is_some(), is_signed, "{name}");
    }
}

#[test]
fn cache_control_of_an_object_only_tightens_a_signed_rule() {
    let no_store = rule("codes/**", "no-store", "signed = true");
    for precedence in ["object", "rules"] {
        let cache = format!("[cache]\nprecedence = \"{precedence}\"\n");
        let text = [MOUNT, SIGNING, &cache, PERSONAL, &no_store].concat();
        let cache = Fixture::with_file(&text).load(&Flags::default(), &[]).unwrap().cache;
        for (name, own, policy) in [
            ("personal/a", "public, max-age=60", "private"),
            ("personal/a", "no-cache", "private"),
            ("personal/a", "private, max-age=60", "private"),
            ("personal/a", "no-store", "no-store"),
            ("codes/a", "max-age=60", "no-store"),
            ("codes/a", "private", "no-store"),
        ] {
            let own = own.parse().unwrap();
            assert_eq!(
                cache.policy_for(&path(name), Some(&own)).as_str(),
                policy,
                "{name} {own} {precedence}"
            );
        }
        assert_eq!(cache.policy_for(&path("personal/a"), None).as_str(), "private");
    }
}

#[test]
fn mistakes_that_would_make_private_assets_public_are_errors() {
    let signed = |policy: &str| rule("a/**", policy, "signed = true");
    for (text, parts) in [
        (
            signed("private"),
            &[
                "`cache.rule.signed` in wamedia.toml line 6",
                "key_file = \"signing.keys\"",
                "WAMEDIA_SIGNING_KEYS",
            ][..],
        ),
        (
            format!("{SIGNING}{}", signed("max-age=60")),
            &["`cache.rule.cache_control`", "\"max-age=60\"", "write \"private\" or \"no-store\""],
        ),
        (format!("{SIGNING}{}", signed("no-cache")), &["\"no-cache\" lets caches keep"]),
        (
            format!("{SIGNING}{}", rule("a", "private", "signed = \"true\"")),
            &["neither true nor false", "without quotes"],
        ),
        (format!("{SIGNING}{}", rule("a", "private", "signed = 1")), &["neither true nor false"]),
        (
            format!("{SIGNING}{}{PERSONAL}", rule("*.pdf", "private", "")),
            &[
                "line 5: `*.pdf` comes before the signed rule `personal/**` in wamedia.toml line 9",
                "signed = false",
            ],
        ),
        (
            format!("{SIGNING}{}{PERSONAL}", rule("personal/x/*", "no-store", "")),
            &["`personal/x/*` comes before"],
        ),
        (
            format!("{SIGNING}{}{PERSONAL}", rule(&format!("*a{}", "?".repeat(20)), "private", "")),
            &["comes before the signed rule"],
        ),
        (
            "[signing]\nkey_file = \"gone\"\n".to_owned(),
            &["the key file /", "/gone: it cannot be read", "openssl rand"],
        ),
        ("[signing]\nkey_file = \"a.txt\"\n".to_owned(), &["/a.txt: it has the mode 06", "chmod 600 /"]),
        ("[signing]\nkey_file = \"\"\n".to_owned(), &["`signing.key_file` in wamedia.toml line 4: is empty"]),
        ("[signing]\nkeys = \"x\"\n".to_owned(), &["unknown key `signing.keys`", "signing.key_file"]),
        ("[[auth]]\nbasic = \"a\"\n".to_owned(), &["[[auth]] in wamedia.toml line 3 has no `path`"]),
        (auth("/partner", ""), &["[[auth]]", "has no `basic`", "bearer = \"sha256:HEX\""]),
        (auth("/partner", "basic = []"), &["`auth.basic` in wamedia.toml line 5: is an empty list"]),
        (auth("/partner", "basic = \"a:hunter2\""), &["number 1 is not a user name", "sha256sum"]),
        (auth("/partner", "bearer = [\"sha256:@\", \"hunter2\"]"), &["number 2", "sha256sum"]),
        (auth("/partner", "bearer = [\"sha256:@\", \"sha256:@\"]"), &["number 2 is listed twice"]),
        (auth("/.partner", "bearer = \"sha256:@\""), &["`auth.path`", "no asset can be below"]),
        (
            format!("{}{}", auth("/a", "bearer = \"sha256:@\""), auth("a/", "bearer = \"sha256:@\"")),
            &["`/a` already has an [[auth]] table, in wamedia.toml line 3"],
        ),
        ("auth = 1\n[[mount]]\nstore = \".\"\npath = \"/x\"".to_owned(), &["[[auth]]"]),
        (
            format!("[[door]]\npath = \"/partner\"\nbearer = \"sha256:{HASH}\"\n"),
            &["wamedia.toml line 3: `[[door]]` is now `[[auth]]`; rename the table"],
        ),
        (
            "door.path = \"/partner\"\n".to_owned(),
            &["line 1: `[[door]]` is now `[[auth]]`; rename the table"],
        ),
    ] {
        let text = if text.starts_with(['a', 'd']) { text } else { format!("{MOUNT}{text}") };
        let message = Fixture::with_file(&text.replace('@', HASH)).error(&Flags::default(), &[]);
        for part in parts {
            assert!(message.contains(part), "{text}: {message}");
        }
        assert!(!message.contains("hunter2") && !message.contains(HASH), "{message}");
    }
}

#[test]
fn rules_that_only_seem_to_overlap_are_accepted() {
    for first in [
        rule("campaign/**", "max-age=60", ""),
        rule("x/personal", "no-cache", ""),
        rule("*.pdf", "private", "signed = true"),
        rule("*.pdf", "no-cache", "signed = false"),
    ] {
        let text = [MOUNT, SIGNING, &first, PERSONAL, &rule("**", "no-cache", "")].concat();
        Fixture::with_file(&text)
            .load(&Flags::default(), &[])
            .unwrap_or_else(|error| panic!("{text}: {error}"));
    }
    // The overlap of the second and the third rule already belongs to the first.
    let text = [
        MOUNT,
        SIGNING,
        &rule("a/*.pdf", "private", "signed = true"),
        &rule("{a,b}/*.pdf", "no-cache", ""),
        &rule("a/*", "private", "signed = true"),
    ]
    .concat();
    Fixture::with_file(&text).load(&Flags::default(), &[]).unwrap();
}

#[test]
fn credentials_with_the_longest_path_count_and_each_path_needs_a_mount() {
    let bearer = format!("bearer = \"sha256:{HASH}\"");
    let tables = [auth("/", &bearer), auth("/partner/a b", &bearer), auth("/partner", &bearer)].concat();
    let settings = Fixture::with_file(&format!("{MOUNT}{tables}")).load(&Flags::default(), &[]).unwrap();
    for (name, covering) in [
        ("a.jpg", ""),
        ("partners/a.jpg", ""),
        ("partner/a.jpg", "partner"),
        ("partner/a b/c.jpg", "partner/a b"),
    ] {
        assert_eq!(settings.auth_for(&path(name)).unwrap().path, covering, "{name}");
    }
    for (mount, auth_path, is_taken) in [
        ("/x", "/x", true),
        ("/x", "/", true),
        ("/x", "/x/y", true),
        ("/x", "/y", false),
        ("/x", "/xy", false),
    ] {
        let text = format!("[[mount]]\npath = \"{mount}\"\nstore = \"media\"\n{}", auth(auth_path, &bearer));
        let loaded = Fixture::with_file(&text).load(&Flags::default(), &[]);
        assert_eq!(loaded.is_ok(), is_taken, "{text}");
        if let Err(error) = loaded {
            assert!(error.to_string().contains("would protect nothing"), "{error}");
        }
    }
}

#[test]
fn variable_overrides_key_file() {
    let fixture = Fixture::with_file(&format!("{MOUNT}{SIGNING}{PERSONAL}"));
    let variable = format!("# comment\nv:{}=", "A".repeat(43));
    for (variables, ids) in [(&[][..], ["a.keys"]), (&[("WAMEDIA_SIGNING_KEYS", &*variable)], ["v"])] {
        let settings = fixture.load(&Flags::default(), variables).unwrap();
        assert_eq!(settings.signing.keys.as_ref().unwrap().ids().collect::<Vec<_>>(), ids);
        // Even if the variable has the keys, the key file is never served.
        assert_eq!(settings.signing.key_file, Some(fixture.path("a.keys")));
    }
    let fixture = Fixture::with_file(&format!("{MOUNT}{PERSONAL}"));
    assert!(fixture.load(&Flags::default(), &[("WAMEDIA_SIGNING_KEYS", &variable)]).is_ok());
    for (value, part) in [("", "there is no key"), ("hunter2", "line 1 is not"), ("a:hunter2", "not base64")]
    {
        let message = fixture.error(&Flags::default(), &[("WAMEDIA_SIGNING_KEYS", value)]);
        assert!(message.contains("the variable WAMEDIA_SIGNING_KEYS") && message.contains(part), "{message}");
        assert!(!message.contains("hunter2"), "{message}");
    }
}

#[test]
fn no_secret_is_printed() {
    let credentials =
        format!("basic = [\"whatsapp:sha256:{HASH}\", \"other:sha256:{HASH}\"]\nbearer = \"sha256:{HASH}\"");
    let text = format!("{MOUNT}{SIGNING}{PERSONAL}{}", auth("/partner", &credentials));
    let fixture = Fixture::with_file(&text);
    let settings = fixture.load(&Flags::default(), &[]).unwrap();
    let printed = settings.as_file().to_string();
    for part in [
        &format!("key_file = \"{}\"", fixture.path("a.keys").display()),
        "cache_control = \"private\"\nsigned = true\n",
        "[[auth]]\npath = \"/partner\"\n# basic: 2, not printed",
        "# bearer: 1, not printed",
    ] {
        assert!(printed.contains(part), "{part}\n{printed}");
    }
    for shown in [printed.clone(), format!("{settings:?}")] {
        for secret in ["AAAA", &HASH[..16], "whatsapp"] {
            assert!(!shown.replace("WhatsApp", "").contains(secret), "{secret}\n{shown}");
        }
    }
    // Read back, it is an error and does not leave the path open.
    let message = Fixture::with_file(&printed).error(&Flags::default(), &[]);
    assert!(message.contains("has no `basic`"), "{message}");
}
