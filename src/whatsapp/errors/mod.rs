//! WhatsApp error codes: what each code means, how to fix the problem, and whether a retry helps.
//!
//! The codes of the Cloud API, of the On-Premises API and of Twilio never collide, so one lookup serves all three. 360dialog's gateway
//! answers with HTTP status codes, and Gupshup's own codes are other On-Premises codes: both have a table of their own.
//! [`webhook`](crate::webhook) parses the text that WhatsApp puts beside a code.

mod cloud;
mod on_premises;
mod providers;
mod row;

pub use row::{Api, Certainty, ErrorCode, Retry};

use cloud::CLOUD;
use on_premises::ON_PREMISES;
use providers::{GATEWAY, GUPSHUP, TWILIO};

/// Looks up an error code of the Cloud API, the On-Premises API or Twilio.
///
/// ```
/// use wamedia::whatsapp::errors::{Api, Retry, error_code};
///
/// let upload = error_code(131_053).unwrap();
/// assert_eq!((upload.api, upload.retry), (Api::Cloud, Retry::AfterFix));
/// assert!(error_code(470).unwrap().meaning.contains("24 hours"));
/// assert!(error_code(999_999).is_none());
/// ```
pub fn error_code(code: u32) -> Option<&'static ErrorCode> {
    CLOUD.iter().chain(ON_PREMISES).chain(TWILIO).find(|known| known.covers(code))
}

/// Looks up an HTTP status code that 360dialog's gateway answers with.
///
/// ```
/// use wamedia::whatsapp::errors::gateway_status;
///
/// assert!(gateway_status(401).unwrap().fix.contains("D360-API-KEY"));
/// assert!(gateway_status(200).is_none());
/// ```
pub fn gateway_status(status: u32) -> Option<&'static ErrorCode> {
    GATEWAY.iter().find(|known| known.covers(status))
}

/// Looks up an error code in an event of Gupshup's: its own code, or one of WhatsApp's that it passes on.
///
/// ```
/// use wamedia::whatsapp::errors::{Api, gupshup_code};
///
/// assert_eq!(gupshup_code(1002).unwrap().api, Api::Gupshup);
/// assert_eq!(gupshup_code(131_053).unwrap().api, Api::Cloud);
/// ```
pub fn gupshup_code(code: u32) -> Option<&'static ErrorCode> {
    GUPSHUP.iter().find(|known| known.covers(code)).or_else(|| error_code(code))
}

/// All rows, in the order of the tables.
pub fn all() -> impl Iterator<Item = &'static ErrorCode> {
    CLOUD.iter().chain(ON_PREMISES).chain(TWILIO).chain(GATEWAY).chain(GUPSHUP)
}

#[cfg(test)]
mod tests {
    use super::row::COMMON;
    use super::*;

    #[test]
    fn no_code_has_two_rows_and_every_row_is_found() {
        for table in [&[CLOUD, ON_PREMISES, TWILIO].concat()[..], GATEWAY, GUPSHUP] {
            for (at, row) in table.iter().enumerate() {
                assert!(row.first <= row.last, "{row:?}");
                let others = table.iter().enumerate().filter(|(other, _)| *other != at);
                for (_, other) in others {
                    assert!(row.last < other.first || other.last < row.first, "{row:?} {other:?}");
                }
            }
        }
        for row in CLOUD.iter().chain(ON_PREMISES).chain(TWILIO) {
            assert_eq!(error_code(row.first), Some(row));
            assert_eq!(error_code(row.last), Some(row));
        }
        for row in GATEWAY {
            assert_eq!(gateway_status(row.first), Some(row));
        }
    }

    #[test]
    fn every_row_reads_as_a_part_of_a_sentence() {
        for row in all() {
            for text in [row.meaning, row.fix] {
                assert!(!text.is_empty() && !text.ends_with('.') && !text.contains("  "), "{text}");
            }
            assert!(!row.source.is_empty());
            // What no document says has none as its source.
            assert_eq!(row.certainty == Certainty::General, row.source == COMMON, "{}", row.first);
        }
    }

    #[test]
    fn the_documented_codes_are_there() {
        let cloud = [
            0, 3, 4, 10, 33, 100, 190, 200, 299, 368, 80_007, 130_429, 130_472, 131_000, 131_005, 131_008,
            131_009, 131_014, 131_016, 131_021, 131_026, 131_030, 131_031, 131_037, 131_042, 131_045,
            131_047, 131_048, 131_049, 131_050, 131_051, 131_052, 131_053, 131_056, 131_057, 132_000,
            132_001, 132_005, 132_007, 132_012, 132_015, 132_016, 132_068, 132_069, 133_005, 135_000, 1, 2,
            104, 613, 803, 130_403, 130_497, 131_055, 131_059, 131_060, 131_061, 131_062, 131_063, 131_064,
            132_018, 133_004, 133_010, 133_016, 134_011, 134_100, 134_101, 134_102, 138_000, 139_200,
        ];
        let on_premises = [
            400, 402, 408, 410, 429, 430, 432, 470, 471, 480, 1000, 1001, 1005, 1006, 1008, 1009, 1013, 1014,
            1015, 1026, 2000,
        ];
        for (codes, api) in [(&cloud[..], Api::Cloud), (&on_premises, Api::OnPremises)] {
            for code in codes {
                assert_eq!(error_code(*code).map(|known| known.api), Some(api), "{code}");
            }
        }
        for status in [400, 401, 403, 500, 502] {
            assert_eq!(gateway_status(status).map(|known| known.api), Some(Api::Dialog360), "{status}");
        }
        for code in [63_003, 63_016, 63_018, 63_019, 63_021, 63_024, 63_028, 63_032, 63_049] {
            assert_eq!(error_code(code).map(|known| known.api), Some(Api::Twilio), "{code}");
        }
        for code in [1002, 1003, 1010, 4003] {
            assert_eq!(gupshup_code(code).map(|known| known.api), Some(Api::Gupshup), "{code}");
        }
        for unknown in [5, 131_054, 300, 5000, u32::MAX] {
            assert_eq!(error_code(unknown), None);
        }
    }

    #[test]
    fn retries_follow_what_meta_documents() {
        for (code, retry) in [
            (2, Retry::Later),
            (613, Retry::Later),
            (131_056, Retry::Later),
            (131_064, Retry::Later),
            (133_004, Retry::Later),
            (134_101, Retry::Later),
            (130_403, Retry::Never),
            (130_472, Retry::Never),
            (130_497, Retry::Never),
            (131_050, Retry::Never),
            (131_062, Retry::AfterFix),
            (132_018, Retry::AfterFix),
        ] {
            assert_eq!(error_code(code).map(|known| known.retry), Some(retry), "{code}");
        }
    }
}
