//! Holding a file or a URL against WhatsApp's rules, before Meta does.
//!
//! [`mod@format`] tells what bytes are, from as few of them as that takes; [`judge()`] holds that against [`rules`], which are all
//! that a check can find, as data; a [`Finding`] is one of them met, and a [`Report`] is all that is told of one asset. [`url`] looks
//! at a server in the way that the fetcher does, and [`explain`] explains what failed all the same. What is documented of WhatsApp
//! stands in [`crate::whatsapp`]; what is printed, in the command line's room.

pub mod explain;
mod file;
mod finding;
pub mod format;
mod judge;
mod object;
mod report;
pub mod rules;
mod source;
pub mod url;

pub use super::shell::{named, quoted};
pub use file::{FileSource, check_file};
pub use finding::{Evidence, Finding, Rule, Severity};
pub use judge::{Judgement, Subject, judge, judge_key, judge_path};
pub use object::{ObjectError, Objects};
pub use report::{Caching, Report, Verdict};
pub use source::Source;

/// 31 December 9999, 23:59:59: the last second since 1970 that a date in HTTP can tell.
pub(crate) const LAST_SECOND: u64 = 253_402_300_799;
