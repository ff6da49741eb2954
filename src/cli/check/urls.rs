//! Checks one URL.

use std::path::Path;

use super::super::{CommandError, asset, background};
use super::Options;
use super::output::{Detail, Printer};
use crate::check::url::{Limits, Trust, probe, report, without_password};

/// Checks one URL.
pub(super) fn run(url: &str, options: &Options<'_>, printer: &mut Printer) -> Result<(), CommandError> {
    asset::note_file_of_that_name(Path::new(url), "a URL");
    let (trust, limits) = (Trust::of_system(), Limits::default());
    let probing = probe(url, trust.as_ref(), &limits);
    match background()?.block_on(probing) {
        Ok(probed) => match report(probed, options.as_kind) {
            Ok(report) => printer.report(&report, Detail::Full),
            Err(e) => printer
                .failed(&without_password(url), &format!("the downloaded body cannot be read back: {e}")),
        },
        Err(error) => printer.failed(&without_password(url), &error.to_string()),
    }
}
