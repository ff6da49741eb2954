//! Checks files, bucket objects and URLs against WhatsApp's media rules.
//!
//! [`mod@format`] recognises the format of bytes from as few of them as possible. [`judge()`] checks the result against [`rules`],
//! the table of everything that a check can find. A [`Finding`] is one rule that applies; a [`Report`] holds all findings of one
//! asset. [`url`] requests a URL the way Meta's fetcher does, and [`explain`] explains failures that were reported later. What
//! WhatsApp documents is data in [`crate::whatsapp`]; the command line prints the results.

mod content_encoding;
pub mod explain;
mod file;
mod finding;
pub mod format;
mod judge;
mod object;
mod recipe;
mod report;
pub mod rules;
mod run_recipe;
mod shared_dates;
mod source;
pub mod url;

pub use file::{FileSource, check_file};
pub use finding::{Evidence, Finding, Fix, Rule, Severity};
pub use judge::{Judgement, Origin, Subject, judge, judge_key, judge_path};
pub(crate) use object::archived;
pub use object::{ObjectError, Objects};
pub use recipe::{Recipe, Tool};
pub use report::{Caching, Report, Verdict};
pub use run_recipe::{RunError, run_recipe};
pub use shared_dates::{SharedDate, SharedDates};
pub use source::Source;
