#![no_main]
//! What somebody hands to `wamedia check --webhook` is explained or refused, and no control character of it comes back.

use libfuzzer_sys::fuzz_target;
use wamedia::check::explain::explain;

fuzz_target!(|text: &str| {
    let told = match explain(text) {
        Ok(told) => told,
        Err(unexplained) => {
            assert!(!unexplained.to_string().is_empty());
            return;
        }
    };
    for explanation in &told.explanations {
        assert!(!format!("{explanation:?}").contains('\u{1b}'));
    }
});
