//! Faults of a payload, each with its place, so that several checks report in the order of the payload.

use super::json_path::Place;
use crate::message::{Fault, Severity};
use crate::whatsapp::schema::{Code, Platform};

/// The faults that were found so far.
pub(in crate::message) struct Report {
    pub(in crate::message) platform: Platform,
    /// Each with its place in the payload.
    found: Vec<(Vec<usize>, Fault)>,
}

impl Report {
    pub(super) fn new(platform: Platform) -> Self {
        Self { platform, found: Vec::new() }
    }

    pub(in crate::message) fn error(&mut self, place: &Place, code: Code, reason: impl Into<String>) {
        self.add(place, Severity::Error, Some(code), reason.into());
    }

    pub(in crate::message) fn warning(
        &mut self,
        place: &Place,
        code: Option<Code>,
        reason: impl Into<String>,
    ) {
        self.add(place, Severity::Warning, code, reason.into());
    }

    fn add(&mut self, place: &Place, severity: Severity, code: Option<Code>, reason: String) {
        let fault = Fault {
            path: place.path.clone(),
            severity,
            kind: code,
            code: code.and_then(|code| code.number(self.platform)),
            reason,
            source: place.source,
        };
        self.found.push((place.order.clone(), fault));
    }

    /// All faults in the order of the payload.
    pub(in crate::message) fn into_faults(mut self) -> Vec<Fault> {
        // Rules check an object as a whole, so they find faults in another order. The sort is stable.
        self.found.sort_by(|(a, _), (b, _)| a.cmp(b));
        self.found.into_iter().map(|(_, fault)| fault).collect()
    }
}
