//! Check rules as data: rules for files, and rules for URLs and their servers.

pub mod file_rules;
pub mod url_rules;

use super::Rule;

/// Every rule, in the order of docs/check.md.
pub fn all() -> impl Iterator<Item = &'static Rule> {
    file_rules::ALL.iter().chain(url_rules::ALL).copied()
}
