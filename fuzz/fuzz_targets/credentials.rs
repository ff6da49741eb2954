//! Credentials: no `Authorization` is accepted but a single one with a configured credential.

#![no_main]

use hyper::HeaderMap;
use hyper::header::{AUTHORIZATION, HeaderValue};
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;
use wamedia::http::{AuthScheme, Credentials};

/// The accepted credentials: `whatsapp` with `pass:word`, and `t0ken`.
const BASIC: &[u8] = b"d2hhdHNhcHA6cGFzczp3b3Jk";
const BEARER: &[u8] = b"t0ken";

static ACCEPTED: LazyLock<[Credentials; 2]> = LazyLock::new(|| {
    let [mut basic, mut bearer] = [(); 2].map(|()| Credentials::default());
    let password = "whatsapp:sha256:ae1aa8be6984de68fd8c00c1eb9e909457f66ed3b6ef09dac170579fe6cf6d70";
    let token = "sha256:b46c09677343261f0b439a472422225e3a230c9c094d6ab16762e2036b597053";
    basic.add(AuthScheme::Basic, password).expect("a credential");
    bearer.add(AuthScheme::Bearer, token).expect("a credential");
    [basic, bearer]
});

/// Which credentials accept a request with these headers; `None` if one of them is not a valid header, so no request can have it.
fn admitted(lines: &[&[u8]]) -> Option<[bool; 2]> {
    let values: Result<Vec<_>, _> = lines.iter().map(|line| HeaderValue::from_bytes(line)).collect();
    let request: HeaderMap = values.ok()?.into_iter().map(|value| (AUTHORIZATION, value)).collect();
    Some([0, 1].map(|index: usize| ACCEPTED[index].admit(&request)))
}

/// The value after this scheme.
fn behind<'a>(scheme: &str, line: &'a [u8]) -> Option<&'a [u8]> {
    let (name, rest) = line.split_at_checked(scheme.len())?;
    let is_it = name.eq_ignore_ascii_case(scheme.as_bytes()) && rest.starts_with(b" ");
    is_it.then(|| rest.trim_ascii())
}

fuzz_target!(|input: (&[u8], &[u8])| {
    let (line, other) = input;
    if let Some(admitted) = admitted(&[line]) {
        // 24 characters for 18 octets: no padding can be left out, and there is no other encoding.
        let expected = [behind("Basic", line) == Some(BASIC), behind("Bearer", line) == Some(BEARER)];
        assert_eq!(admitted, expected, "{line:?}");
    }
    // With two headers, it is not clear which one is meant.
    for good in [[b"bAsIc  ", BASIC, b" "].concat(), [b"Bearer ", BEARER].concat()] {
        for lines in [[&*good, other], [other, &*good]] {
            assert!(matches!(admitted(&lines), None | Some([false, false])), "{other:?}");
        }
    }
    // Any text in a configuration is parsed as intended, or rejected.
    let written = String::from_utf8_lossy(other);
    for scheme in AuthScheme::ALL {
        let mut door = Credentials::default();
        let is_taken = door.add(scheme, &written).is_ok();
        assert_eq!(door.count(scheme), usize::from(is_taken), "{written:?}");
    }
});
