//! Conditional and range requests: preconditions first, then `Range` with `If-Range` (RFC 9110 section 13.2.2).
//!
//! A decision needs only metadata. It names bytes but holds none, and does not contain headers; those are in
//! [`response_headers`](super::response_headers).

use hyper::Method;
use hyper::header::{HeaderMap, IF_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE};

use super::header_syntax::{date, sole};
use super::precondition::{self, Outcome};
use super::range::{ByteRange, RangeSet};
use super::range_selection::{self, Selection};
use crate::asset::Asset;

/// How to respond to a request for an asset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// `200 OK` with all of it.
    Whole,
    /// `206 Partial Content` with these bytes.
    Partial(ByteRange),
    /// `206 Partial Content` as `multipart/byteranges`: two to sixteen parts that neither overlap nor touch.
    Multipart(Vec<ByteRange>),
    /// `304 Not Modified`.
    NotModified,
    /// `412 Precondition Failed`.
    PreconditionFailed,
    /// `416 Range Not Satisfiable`.
    Unsatisfiable,
}

/// Decides how to respond to a request for an asset that exists and that the client may read (RFC 9110 section
/// 13.2.2).
///
/// `HEAD` is treated like `GET` except for `Range`, which is defined for `GET` only (section 14.2). A request without
/// any of these headers, as most are, costs one pass over its header names and one lookup of `Range`; only several
/// ranges allocate.
pub fn decide(method: &Method, request: &HeaderMap, asset: &Asset) -> Decision {
    match precondition::evaluate(method, request, asset) {
        Outcome::NotModified => return Decision::NotModified,
        Outcome::Failed => return Decision::PreconditionFailed,
        Outcome::Holds => {}
    }
    if method != Method::GET {
        return Decision::Whole;
    }
    let Some(ranges) = RangeSet::of(request) else { return Decision::Whole };
    let conditional = request.contains_key(IF_RANGE);
    if (conditional && !if_range_holds(request, asset)) || is_tied_to_ambiguous_date(request, asset) {
        return Decision::Whole;
    }
    match range_selection::select(&ranges, asset.len) {
        Selection::Whole => Decision::Whole,
        Selection::One(range) => Decision::Partial(range),
        Selection::Several(parts) => Decision::Multipart(parts),
        // Step 5 allows two responses to a request with If-Range: 206 or 200.
        Selection::Unsatisfiable if conditional => Decision::Whole,
        Selection::Unsatisfiable => Decision::Unsatisfiable,
    }
}

/// Whether `If-Range` names this version (RFC 9110 section 13.1.5): an entity tag is compared strongly, a date must
/// equal the asset's to the second. Anything else, or a repeated header, is false.
fn if_range_holds(request: &HeaderMap, asset: &Asset) -> bool {
    let Some(validator) = sole(request, IF_RANGE) else { return false };
    // A quote among the first three characters distinguishes an entity tag from a date.
    if validator.iter().take(3).any(|&b| b == b'"') {
        std::str::from_utf8(validator).is_ok_and(|tag| asset.etag.strong_eq(tag))
    } else {
        !asset.is_date_ambiguous && date(validator).is_some_and(|date| asset.last_modified == Some(date))
    }
}

/// Whether the client wants a range of the version that a date names, and the date names more than one: the range could be joined
/// with bytes of the other. A range may always be ignored (RFC 9110 section 14.2).
fn is_tied_to_ambiguous_date(request: &HeaderMap, asset: &Asset) -> bool {
    asset.is_date_ambiguous && request.contains_key(IF_UNMODIFIED_SINCE) && !request.contains_key(IF_MATCH)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asset::EntityTag;
    use crate::http::test_support::{EARLIER, LATER, MODIFIED, asset, request};
    use hyper::header::{
        HeaderName, HeaderValue, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_UNMODIFIED_SINCE, RANGE,
    };
    use proptest::prelude::*;

    const PART: Decision = Decision::Partial(ByteRange { start: 0, end: 4 });

    /// Name and value of each field line, and the expected decision.
    type Row<'a> = (&'a [(HeaderName, &'a str)], Decision);

    #[track_caller]
    fn check(method: &Method, asset: &Asset, rows: &[Row<'_>]) {
        for (lines, decision) in rows {
            assert_eq!(decide(method, &request(lines), asset), *decision, "{method} {lines:?}");
        }
    }

    #[test]
    fn range_is_for_get_only() {
        let rows: [Row<'_>; 5] = [
            (&[], Decision::Whole),
            (&[(RANGE, "bytes=0-3")], Decision::Whole),
            (&[(RANGE, "bytes=0-3,8-")], Decision::Whole),
            (&[(RANGE, "bytes=10-")], Decision::Whole),
            (&[(RANGE, "bytes=0-3"), (IF_RANGE, "\"v1\"")], Decision::Whole),
        ];
        for method in [Method::HEAD, Method::POST, Method::PUT] {
            check(&method, &asset(10), &rows);
        }
    }

    #[test]
    fn ranges_are_answered_as_section_14_2_requires() {
        let parts = vec![ByteRange { start: 8, end: 10 }, ByteRange { start: 0, end: 4 }];
        check(
            &Method::GET,
            &asset(10),
            &[
                (&[], Decision::Whole),
                (&[(RANGE, "bytes=0-3")], PART),
                (&[(RANGE, "bytes=8-,0-3")], Decision::Multipart(parts)),
                (&[(RANGE, "bytes=10-")], Decision::Unsatisfiable),
                (&[(RANGE, "bytes=-0")], Decision::Unsatisfiable),
                (&[(RANGE, "bytes=5-4")], Decision::Whole),
                (&[(RANGE, "lines=0-3")], Decision::Whole),
                (&[(RANGE, "bytes=0-3"), (RANGE, "bytes=0-3")], Decision::Whole),
            ],
        );
        check(&Method::GET, &asset(0), &[(&[(RANGE, "bytes=0-3")], Decision::Whole)]);
    }

    #[test]
    fn if_range_holds_for_this_version_only() {
        for (validator, decision) in [
            ("\"v1\"", PART),
            (" \"v1\" ", PART),
            ("W/\"v1\"", Decision::Whole),
            ("\"v0\"", Decision::Whole),
            ("\"v1\", \"v1\"", Decision::Whole),
            ("\"v1\",", Decision::Whole),
            ("v1", Decision::Whole),
            ("*", Decision::Whole),
            ("", Decision::Whole),
            ("\"v1", Decision::Whole),
            (MODIFIED, PART),
            ("Sunday, 06-Nov-94 08:49:37 GMT", PART),
            ("Sun Nov  6 08:49:37 1994", PART),
            (EARLIER, Decision::Whole),
            (LATER, Decision::Whole),
            ("Sun, 06 Nov 1994 08:49:37", Decision::Whole),
            ("Mon, 06 Nov 1994 08:49:37 GMT", Decision::Whole),
        ] {
            check(
                &Method::GET,
                &asset(10),
                &[(&[(RANGE, "bytes=0-3"), (IF_RANGE, validator)], decision.clone())],
            );
        }
    }

    #[test]
    fn if_range_is_false_without_a_strong_validator_of_ours() {
        let weak = Asset { etag: EntityTag::parse("W/\"v1\"").expect("a tag"), ..asset(10) };
        let undated = Asset { last_modified: None, ..asset(10) };
        for (asset, validator, decision) in [
            (&weak, "W/\"v1\"", Decision::Whole),
            (&weak, "\"v1\"", Decision::Whole),
            (&undated, MODIFIED, Decision::Whole),
            (&undated, "\"v1\"", PART),
        ] {
            check(&Method::GET, asset, &[(&[(RANGE, "bytes=0-3"), (IF_RANGE, validator)], decision)]);
        }
    }

    #[test]
    fn an_ambiguous_date_is_no_validator() {
        let ambiguous = Asset { is_date_ambiguous: true, ..asset(10) };
        let range = (RANGE, "bytes=0-3");
        check(
            &Method::GET,
            &ambiguous,
            &[
                (&[(IF_MODIFIED_SINCE, MODIFIED)], Decision::Whole),
                (&[(IF_MODIFIED_SINCE, LATER)], Decision::Whole),
                (&[range.clone(), (IF_RANGE, MODIFIED)], Decision::Whole),
                (&[range.clone(), (IF_UNMODIFIED_SINCE, MODIFIED)], Decision::Whole),
                (&[range.clone(), (IF_UNMODIFIED_SINCE, EARLIER)], Decision::PreconditionFailed),
                // Entity tags are validators as before, alone or beside a date.
                (&[(IF_NONE_MATCH, "\"v1\""), (IF_MODIFIED_SINCE, MODIFIED)], Decision::NotModified),
                (&[range.clone(), (IF_RANGE, "\"v1\"")], PART),
                (&[range.clone(), (IF_MATCH, "\"v1\""), (IF_UNMODIFIED_SINCE, MODIFIED)], PART),
                (&[range], PART),
            ],
        );
        check(&Method::HEAD, &ambiguous, &[(&[(IF_MODIFIED_SINCE, MODIFIED)], Decision::Whole)]);
    }

    #[test]
    fn if_range_occurs_once_and_affects_range_only() {
        check(
            &Method::GET,
            &asset(10),
            &[
                (&[(RANGE, "bytes=0-3"), (IF_RANGE, "\"v1\""), (IF_RANGE, "\"v1\"")], Decision::Whole),
                (&[(IF_RANGE, "\"v0\"")], Decision::Whole),
                (&[(RANGE, "bytes=10-"), (IF_RANGE, "\"v0\"")], Decision::Whole),
                (&[(RANGE, "bytes=10-"), (IF_RANGE, "\"v1\"")], Decision::Whole),
            ],
        );
    }

    #[test]
    fn preconditions_come_before_range() {
        let range = (RANGE, "bytes=0-3");
        let beyond = (RANGE, "bytes=10-");
        check(
            &Method::GET,
            &asset(10),
            &[
                (&[range.clone(), (IF_MATCH, "\"v1\"")], PART),
                (&[range.clone(), (IF_MATCH, "\"v0\"")], Decision::PreconditionFailed),
                (&[beyond.clone(), (IF_MATCH, "\"v0\"")], Decision::PreconditionFailed),
                (&[range.clone(), (IF_UNMODIFIED_SINCE, EARLIER)], Decision::PreconditionFailed),
                (&[range.clone(), (IF_NONE_MATCH, "\"v1\"")], Decision::NotModified),
                (&[beyond.clone(), (IF_NONE_MATCH, "\"v1\"")], Decision::NotModified),
                (&[range.clone(), (IF_NONE_MATCH, "\"v0\"")], PART),
                (&[range.clone(), (IF_MODIFIED_SINCE, LATER)], Decision::NotModified),
                (&[range.clone(), (IF_MODIFIED_SINCE, EARLIER)], PART),
                (&[range, (IF_RANGE, "\"v1\""), (IF_NONE_MATCH, "\"v1\"")], Decision::NotModified),
            ],
        );
    }

    /// A field value of any bytes that are allowed, sometimes a meaningful one.
    fn value() -> impl Strategy<Value = HeaderValue> {
        let bytes = proptest::collection::vec(any::<u8>(), 0..40);
        prop_oneof![
            bytes.prop_filter_map("a field value", |bytes| HeaderValue::from_bytes(&bytes).ok()),
            "(\\*|W/|\"v[01]\"|,| |bytes=|[0-9]{1,2}|-){0,9}"
                .prop_filter_map("a field value", |text| HeaderValue::from_str(&text).ok()),
            proptest::sample::select(vec![EARLIER, MODIFIED, LATER]).prop_map(HeaderValue::from_static),
        ]
    }

    proptest! {
        #[test]
        fn any_header_leads_to_a_decision_that_can_be_sent(
            lines in proptest::collection::vec((0..6_usize, value()), 0..8),
            get in any::<bool>(),
            len in 0..30_u64,
        ) {
            let names =
                [IF_MATCH, IF_NONE_MATCH, IF_MODIFIED_SINCE, IF_UNMODIFIED_SINCE, IF_RANGE, RANGE];
            let mut headers = HeaderMap::new();
            for (name, value) in lines {
                headers.append(&names[name], value);
            }
            let method = if get { Method::GET } else { Method::HEAD };
            let within = |range: &ByteRange| range.start < range.end && range.end <= len;
            match decide(&method, &headers, &asset(len)) {
                Decision::Whole => {}
                Decision::Partial(range) => prop_assert!(get && within(&range)),
                Decision::Multipart(parts) => {
                    prop_assert!(get && (2..=16).contains(&parts.len()));
                    prop_assert!(parts.iter().all(within));
                    prop_assert!(parts.iter().map(|part| part.length()).sum::<u64>() <= len);
                }
                Decision::NotModified => prop_assert!(
                    headers.contains_key(IF_NONE_MATCH) || headers.contains_key(IF_MODIFIED_SINCE)
                ),
                Decision::PreconditionFailed => prop_assert!(
                    headers.contains_key(IF_MATCH) || headers.contains_key(IF_UNMODIFIED_SINCE)
                ),
                Decision::Unsatisfiable => {
                    prop_assert!(get && len > 0 && !headers.contains_key(IF_RANGE));
                }
            }
        }
    }
}
