//! Signed links: no query gives access to an asset but the one that was signed for it, and a parsed claim has exactly one spelling.

#![no_main]

use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;
use wamedia::asset::AssetPath;
use wamedia::http::{Claim, SigningKeys};

static KEYS: LazyLock<SigningKeys> = LazyLock::new(|| {
    let keys =
        "a:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8\nb-2:HxAeHRwbGhkYFxYVFBMSERAPDg0MCwoJCAcGBQQDAgE";
    SigningKeys::parse(keys).expect("two keys")
});
const EXPIRES: u64 = 2_000_000_000;

fuzz_target!(|input: (&str, &str)| {
    let (before, after) = input;
    let path = AssetPath::from_plain("invoices/7.pdf").expect("a path");
    for query in [before, after] {
        assert!(!KEYS.admit(&path, Some(query), 0), "{query:?} gives access");
        if let Some(claim) = Claim::read(query) {
            let has = |parameter: &str| query.split('&').filter(|part| *part == parameter).count() == 1;
            assert!(
                has(&format!("expires={}", claim.expires)) && has(&format!("key={}", claim.key)),
                "{query:?}"
            );
        }
    }
    // Other parameters around it change nothing, and the three signature parameters must not be repeated.
    let signed = KEYS.sign(&path, EXPIRES).to_string();
    let query = format!("{before}&{signed}&{after}");
    let is_ours = |part: &str| matches!(part.split('=').next(), Some("expires" | "key" | "signature"));
    let is_alone = !before.split('&').chain(after.split('&')).any(is_ours);
    assert_eq!(KEYS.admit(&path, Some(&query), EXPIRES - 1), is_alone, "{query:?}");
    assert!(!KEYS.admit(&path, Some(&query), EXPIRES));
});
