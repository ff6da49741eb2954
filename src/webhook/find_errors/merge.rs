//! Drops errors that only repeat another one: tools put the same error into a message, a body and a log line.

use super::{Rank, RawError};
use crate::webhook::codes::is_http_status;

/// Errors further apart than this are not compared.
const WINDOW: usize = 16;

/// Removes each error, of those after the first `from`, that a better one near it, within the same object, says as well.
pub(super) fn merge(all: &mut Vec<RawError>, from: usize) {
    let errors = &all[from..];
    let mut keep: Vec<bool> = Vec::with_capacity(errors.len());
    for (at, error) in errors.iter().enumerate() {
        let near = at.saturating_sub(WINDOW)..errors.len().min(at + WINDOW + 1);
        let is_repeated = near.filter(|other| *other != at).any(|other| {
            let is_kept = keep.get(other).copied().unwrap_or(true);
            let better = &errors[other];
            is_kept && repeats(error, better, other < at) && are_of_one_failure(error, better)
        });
        keep.push(!is_repeated);
    }
    let mut keep = std::iter::repeat_n(true, from).chain(keep);
    all.retain(|_| keep.next().unwrap_or(true));
}

/// Whether `error` says nothing that `other` does not say better.
fn repeats(error: &RawError, other: &RawError, is_earlier: bool) -> bool {
    if error.is_reasonless() {
        return false;
    }
    let code = error.code.filter(|code| !is_http_status(*code));
    let is_same = code.is_none() || code == other.code;
    match error.rank.cmp(&other.rank) {
        std::cmp::Ordering::Less => is_same,
        std::cmp::Ordering::Equal => is_earlier && error.code == other.code && error.is_told_by(other),
        std::cmp::Ordering::Greater => false,
    }
}

/// Whether both can be about the same failure: within one object, and of lines of a log only if the code is the same or one has
/// no words of WhatsApp's.
fn are_of_one_failure(error: &RawError, better: &RawError) -> bool {
    let line =
        |path: &str| path.strip_prefix("line ").map(|rest| rest.split(':').next().unwrap_or("").to_owned());
    let is_one_line = line(&error.path) == line(&better.path);
    if !is_one_line {
        return error.rank == Rank::Text || error.code.is_some();
    }
    share_an_object(&error.path, &better.path)
}

/// Whether the nearest value that contains both is an object, not an array with one in each of two elements.
fn share_an_object(a: &str, b: &str) -> bool {
    let common = a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count();
    let common = &a.as_bytes()[..common];
    let open = common.iter().rposition(|b| *b == b'[');
    let closed = common.iter().rposition(|b| *b == b']');
    open.is_none_or(|open| closed.is_some_and(|closed| closed > open))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_of_one_array_do_not_share_an_object() {
        for (a, b, shared) in [
            ("error", "response.data.error", true),
            ("a[0].error", "a[0].message", true),
            ("a[0].error", "a[1].error", false),
            ("a[1]", "a[12]", false),
            ("", "error", true),
            ("[0]", "[1]", false),
        ] {
            assert_eq!(share_an_object(a, b), shared, "{a} {b}");
        }
    }
}
