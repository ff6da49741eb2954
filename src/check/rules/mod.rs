//! All that a check can find, as data: one file for what files are found wanting in, one for what servers are.

pub mod file_rules;
pub mod url_rules;

use super::Rule;

/// Every rule there is, in the order in which README lists them.
pub fn all() -> impl Iterator<Item = &'static Rule> {
    file_rules::ALL.iter().chain(url_rules::ALL).copied()
}
