//! Preconditions: `If-Match`, `If-Unmodified-Since`, `If-None-Match` and `If-Modified-Since`, in the order of RFC
//! 9110 section 13.2.2.
//!
//! `If-Range` is not one of them: it affects `Range` alone, and [`decide`](super::decide()) evaluates it last.

use hyper::Method;
use hyper::header::{HeaderMap, HeaderName, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_UNMODIFIED_SINCE};

use super::header_syntax::{entity_tags, sole, sole_date};
use crate::asset::Asset;

/// The result of the preconditions of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// There are none, or all hold.
    Holds,
    /// The client has this version already; `304 Not Modified`.
    NotModified,
    /// The client does not want this version; `412 Precondition Failed`.
    Failed,
}

/// All headers that are read here.
const PRECONDITIONS: [HeaderName; 4] = [IF_MATCH, IF_NONE_MATCH, IF_MODIFIED_SINCE, IF_UNMODIFIED_SINCE];

/// Evaluates the preconditions of a request (RFC 9110 section 13.2.2, steps 1 to 4).
pub(super) fn evaluate(method: &Method, request: &HeaderMap, asset: &Asset) -> Outcome {
    if !request.keys().any(|name| PRECONDITIONS.contains(name)) {
        return Outcome::Holds;
    }
    // Methods that select no representation have no preconditions (section 13.2.1).
    if matches!(*method, Method::CONNECT | Method::OPTIONS | Method::TRACE) {
        return Outcome::Holds;
    }
    if !if_match_holds(request, asset) {
        return Outcome::Failed;
    }
    let reads = matches!(*method, Method::GET | Method::HEAD);
    if request.contains_key(IF_NONE_MATCH) {
        let matches = is_any(request, IF_NONE_MATCH)
            || entity_tags(request, IF_NONE_MATCH).any(|tag| asset.etag.weak_eq(tag));
        match (matches, reads) {
            (false, _) => Outcome::Holds,
            (true, true) => Outcome::NotModified,
            (true, false) => Outcome::Failed,
        }
    } else if reads
        && !asset.is_date_ambiguous
        && is_unmodified_since(request, IF_MODIFIED_SINCE, asset) == Some(true)
    {
        Outcome::NotModified
    } else {
        Outcome::Holds
    }
}

/// Steps 1 and 2: `If-Match`, or `If-Unmodified-Since` if it is missing.
fn if_match_holds(request: &HeaderMap, asset: &Asset) -> bool {
    if request.contains_key(IF_MATCH) {
        is_any(request, IF_MATCH) || entity_tags(request, IF_MATCH).any(|tag| asset.etag.strong_eq(tag))
    } else {
        is_unmodified_since(request, IF_UNMODIFIED_SINCE, asset) != Some(false)
    }
}

/// Whether the field is `*`, which matches any current representation. The grammar allows it only alone.
fn is_any(request: &HeaderMap, name: HeaderName) -> bool {
    sole(request, name) == Some(b"*")
}

/// Whether the asset is as old as the date in a field, or older; `None` if the field is to be ignored: it has no
/// valid date, or the asset has none (RFC 9110 sections 13.1.3 and 13.1.4).
fn is_unmodified_since(request: &HeaderMap, name: HeaderName, asset: &Asset) -> Option<bool> {
    let date = sole_date(request, name)?;
    asset.last_modified.map(|modified| modified <= date)
}

#[cfg(test)]
mod tests {
    use super::Outcome::{Failed, Holds, NotModified};
    use super::*;
    use crate::asset::EntityTag;
    use crate::http::test_support::{EARLIER, LATER, MODIFIED, asset, request};

    /// Name and value of each field line, and the expected outcome.
    type Row<'a> = (&'a [(HeaderName, &'a str)], Outcome);

    #[track_caller]
    fn check(method: &Method, asset: &Asset, rows: &[Row<'_>]) {
        for (lines, outcome) in rows {
            assert_eq!(evaluate(method, &request(lines), asset), *outcome, "{method} {lines:?}");
        }
    }

    #[test]
    fn if_match_compares_strongly() {
        check(
            &Method::GET,
            &asset(9),
            &[
                (&[], Holds),
                (&[(IF_MATCH, "\"v1\"")], Holds),
                (&[(IF_MATCH, "*")], Holds),
                (&[(IF_MATCH, " * ")], Holds),
                (&[(IF_MATCH, "\"v0\" , ,\"v1\"")], Holds),
                (&[(IF_MATCH, "\"v0\""), (IF_MATCH, "\"v1\"")], Holds),
                (&[(IF_MATCH, "nonsense, \"v1\"")], Holds),
                (&[(IF_MATCH, "W/\"v1\"")], Failed),
                (&[(IF_MATCH, "\"V1\"")], Failed),
                (&[(IF_MATCH, "\"v0\"")], Failed),
                (&[(IF_MATCH, "\"v0,\"v1\"\"")], Failed),
                (&[(IF_MATCH, "v1")], Failed),
                (&[(IF_MATCH, "")], Failed),
                (&[(IF_MATCH, "*, \"v0\"")], Failed),
                (&[(IF_MATCH, "*"), (IF_MATCH, "*")], Failed),
            ],
        );
    }

    #[test]
    fn a_weak_entity_tag_of_the_asset_matches_weakly_only() {
        let weak = Asset { etag: EntityTag::parse("W/\"v1\"").expect("a tag"), ..asset(9) };
        check(
            &Method::GET,
            &weak,
            &[
                (&[(IF_MATCH, "W/\"v1\"")], Failed),
                (&[(IF_MATCH, "\"v1\"")], Failed),
                (&[(IF_MATCH, "*")], Holds),
                (&[(IF_NONE_MATCH, "W/\"v1\"")], NotModified),
                (&[(IF_NONE_MATCH, "\"v1\"")], NotModified),
            ],
        );
    }

    #[test]
    fn if_unmodified_since_holds_up_to_its_date() {
        let rows: [Row<'_>; 7] = [
            (&[(IF_UNMODIFIED_SINCE, EARLIER)], Failed),
            (&[(IF_UNMODIFIED_SINCE, MODIFIED)], Holds),
            (&[(IF_UNMODIFIED_SINCE, LATER)], Holds),
            (&[(IF_UNMODIFIED_SINCE, "Sunday, 06-Nov-94 08:49:36 GMT")], Failed),
            (&[(IF_UNMODIFIED_SINCE, "Sun Nov  6 08:49:36 1994")], Failed),
            (&[(IF_UNMODIFIED_SINCE, "Sun, 06 Nov 1994 08:49:36")], Holds),
            (&[(IF_UNMODIFIED_SINCE, EARLIER), (IF_UNMODIFIED_SINCE, EARLIER)], Holds),
        ];
        check(&Method::GET, &asset(9), &rows);
        check(&Method::PUT, &asset(9), &rows);
    }

    #[test]
    fn if_none_match_compares_weakly() {
        let matching: [&[(HeaderName, &str)]; 6] = [
            &[(IF_NONE_MATCH, "\"v1\"")],
            &[(IF_NONE_MATCH, "W/\"v1\"")],
            &[(IF_NONE_MATCH, "*")],
            &[(IF_NONE_MATCH, ",, \"v0\" ,\t\"v1\" ,")],
            &[(IF_NONE_MATCH, "\"v0\""), (IF_NONE_MATCH, "W/\"v1\"")],
            &[(IF_NONE_MATCH, "v1, \"v1\"")],
        ];
        for lines in matching {
            check(&Method::GET, &asset(9), &[(lines, NotModified)]);
            check(&Method::HEAD, &asset(9), &[(lines, NotModified)]);
            check(&Method::PUT, &asset(9), &[(lines, Failed)]);
            check(&Method::POST, &asset(9), &[(lines, Failed)]);
        }
        let rows: [Row<'_>; 7] = [
            (&[(IF_NONE_MATCH, "\"v0\"")], Holds),
            (&[(IF_NONE_MATCH, "w/\"v1\"")], Holds),
            (&[(IF_NONE_MATCH, "v1")], Holds),
            (&[(IF_NONE_MATCH, "\"v0,\"v1")], Holds),
            (&[(IF_NONE_MATCH, "")], Holds),
            (&[(IF_NONE_MATCH, "\"v0\", *")], Holds),
            (&[(IF_NONE_MATCH, "*"), (IF_NONE_MATCH, "\"v0\"")], Holds),
        ];
        check(&Method::GET, &asset(9), &rows);
        check(&Method::PUT, &asset(9), &rows);
    }

    #[test]
    fn an_entity_tag_may_contain_commas() {
        let odd = Asset { etag: EntityTag::parse("\"a,\u{e4},b\"").expect("a tag"), ..asset(9) };
        check(
            &Method::GET,
            &odd,
            &[
                (&[(IF_NONE_MATCH, "\"x\", \"a,\u{e4},b\"")], NotModified),
                (&[(IF_NONE_MATCH, "\"a\", \"\u{e4}\", \"b\"")], Holds),
                (&[(IF_MATCH, "\"a,\u{e4},b\"")], Holds),
            ],
        );
    }

    #[test]
    fn if_modified_since_is_for_get_and_head() {
        let rows: [Row<'_>; 6] = [
            (&[(IF_MODIFIED_SINCE, EARLIER)], Holds),
            (&[(IF_MODIFIED_SINCE, MODIFIED)], NotModified),
            (&[(IF_MODIFIED_SINCE, LATER)], NotModified),
            (&[(IF_MODIFIED_SINCE, "Sun Nov  6 08:49:37 1994")], NotModified),
            (&[(IF_MODIFIED_SINCE, "now")], Holds),
            (&[(IF_MODIFIED_SINCE, MODIFIED), (IF_MODIFIED_SINCE, MODIFIED)], Holds),
        ];
        check(&Method::GET, &asset(9), &rows);
        check(&Method::HEAD, &asset(9), &rows);
        check(&Method::PUT, &asset(9), &[(&[(IF_MODIFIED_SINCE, LATER)], Holds)]);
    }

    #[test]
    fn a_tag_field_overrides_its_date_field_even_when_it_is_malformed() {
        check(
            &Method::GET,
            &asset(9),
            &[
                (&[(IF_MATCH, "\"v1\""), (IF_UNMODIFIED_SINCE, EARLIER)], Holds),
                (&[(IF_MATCH, "\"v0\""), (IF_UNMODIFIED_SINCE, LATER)], Failed),
                (&[(IF_MATCH, "nonsense"), (IF_UNMODIFIED_SINCE, LATER)], Failed),
                (&[(IF_NONE_MATCH, "\"v0\""), (IF_MODIFIED_SINCE, LATER)], Holds),
                (&[(IF_NONE_MATCH, "\"v1\""), (IF_MODIFIED_SINCE, EARLIER)], NotModified),
                (&[(IF_NONE_MATCH, "nonsense"), (IF_MODIFIED_SINCE, LATER)], Holds),
                (&[(IF_NONE_MATCH, ""), (IF_MODIFIED_SINCE, LATER)], Holds),
            ],
        );
    }

    #[test]
    fn if_match_comes_before_if_none_match() {
        check(
            &Method::GET,
            &asset(9),
            &[
                (&[(IF_NONE_MATCH, "\"v1\""), (IF_MATCH, "\"v0\"")], Failed),
                (&[(IF_NONE_MATCH, "\"v1\""), (IF_MATCH, "\"v1\"")], NotModified),
                (&[(IF_NONE_MATCH, "\"v1\""), (IF_UNMODIFIED_SINCE, EARLIER)], Failed),
                (&[(IF_MODIFIED_SINCE, LATER), (IF_UNMODIFIED_SINCE, EARLIER)], Failed),
                (&[(IF_MODIFIED_SINCE, LATER), (IF_UNMODIFIED_SINCE, LATER)], NotModified),
                (&[(IF_MODIFIED_SINCE, LATER), (IF_MATCH, "\"v1\"")], NotModified),
            ],
        );
    }

    #[test]
    fn without_a_date_of_the_asset_the_date_fields_are_ignored() {
        check(
            &Method::GET,
            &Asset { last_modified: None, ..asset(9) },
            &[
                (&[(IF_UNMODIFIED_SINCE, EARLIER)], Holds),
                (&[(IF_MODIFIED_SINCE, LATER)], Holds),
                (&[(IF_NONE_MATCH, "\"v1\"")], NotModified),
            ],
        );
    }

    #[test]
    fn methods_that_select_no_representation_have_no_preconditions() {
        for method in [Method::OPTIONS, Method::TRACE, Method::CONNECT] {
            let rows: [Row<'_>; 2] = [(&[(IF_MATCH, "\"v0\"")], Holds), (&[(IF_NONE_MATCH, "*")], Holds)];
            check(&method, &asset(9), &rows);
        }
    }
}
