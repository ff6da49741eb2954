//! URLs: what their servers answer.

use super::super::{CommandError, background};
use super::Wanted;
use super::output::{Detail, Printer};
use crate::check::url::{Limits, Trust, probe, report, without_password};

/// Checks one URL.
pub(super) fn run(url: &str, wanted: &Wanted<'_>, printer: &mut Printer) -> Result<(), CommandError> {
    let (trust, limits) = (Trust::of_system(), Limits::default());
    let looking = probe(url, trust.as_ref(), &limits);
    match background()?.block_on(looking) {
        Ok(looked) => match report(looked, wanted.as_kind) {
            Ok(report) => printer.report(&report, Detail::Full),
            Err(e) => printer.trouble(&without_password(url), &format!("what came cannot be read back: {e}")),
        },
        Err(ours) => printer.trouble(&without_password(url), &ours.to_string()),
    }
}
