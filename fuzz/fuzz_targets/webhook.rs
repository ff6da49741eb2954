#![no_main]
//! Webhook bodies: any input of `wamedia check --webhook` is explained or rejected, and no control character of it is printed.

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
        assert!(!explanation.guidance.value.as_deref().unwrap_or("").contains(char::is_control));
    }
});
