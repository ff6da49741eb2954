//! PROXY protocol headers: a header is found at the same place whatever follows it, and never beyond the bytes or the longest one.

#![no_main]

use libfuzzer_sys::fuzz_target;
use wamedia::http::{MAX_PROXY_HEADER, ProxyHeader, proxy_header};

fuzz_target!(|bytes: &[u8]| {
    match proxy_header(bytes) {
        ProxyHeader::Complete { len, client } => {
            assert!(len <= bytes.len() && len <= MAX_PROXY_HEADER);
            assert_eq!(proxy_header(&bytes[..len]), ProxyHeader::Complete { len, client });
            assert_eq!(proxy_header(&bytes[..len - 1]), ProxyHeader::Incomplete);
        }
        ProxyHeader::Incomplete => assert!(bytes.len() < MAX_PROXY_HEADER),
        ProxyHeader::Invalid(reason) => assert!(!reason.is_empty()),
    }
});
