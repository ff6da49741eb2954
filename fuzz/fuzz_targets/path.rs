//! Request paths: any text is parsed as a safe asset path or rejected, and every asset path has one spelling that
//! round-trips.

#![no_main]

use libfuzzer_sys::fuzz_target;
use wamedia::asset::AssetPath;

fuzz_target!(|text: &str| {
    let Ok(path) = AssetPath::from_url_path(text) else { return };
    let plain = path.as_str();
    assert!(!plain.is_empty() && !plain.starts_with('/') && !plain.ends_with('/'), "{plain:?}");
    assert!(!plain.chars().any(|c| c == '\\' || c.is_ascii_control()), "{plain:?}");
    for segment in plain.split('/') {
        assert!(!segment.is_empty() && !segment.starts_with('.'), "{plain:?}");
    }
    assert!(plain.ends_with(path.name()));
    assert_eq!(AssetPath::from_url_path(&path.to_url_path()).as_ref(), Ok(&path));
    assert_eq!(AssetPath::from_plain(plain).as_ref(), Ok(&path));
});
