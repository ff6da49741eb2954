//! `X-Forwarded-For`: the client is always the peer or an address in the header, and entries to the left of those that a trusted
//! proxy wrote never change it.

#![no_main]

use std::net::IpAddr;

use hyper::HeaderMap;
use hyper::header::HeaderValue;
use libfuzzer_sys::fuzz_target;
use wamedia::http::client_behind;

fn is_trusted(address: IpAddr) -> bool {
    matches!(address, IpAddr::V4(v4) if v4.octets()[0] == 10)
}

fuzz_target!(|lines: Vec<&[u8]>| {
    let mut headers = HeaderMap::new();
    for line in lines.into_iter().take(8) {
        let Ok(value) = HeaderValue::from_bytes(line) else { return };
        headers.append("x-forwarded-for", value);
    }
    let [proxy, untrusted, client]: [IpAddr; 3] =
        [[10, 0, 0, 1], [192, 0, 2, 1], [198, 51, 100, 7]].map(IpAddr::from);
    let found = client_behind(proxy, &headers, is_trusted);
    assert_eq!(found, found.to_canonical());
    assert!(found == proxy || !headers.is_empty());
    assert_eq!(client_behind(untrusted, &headers, is_trusted), untrusted);
    assert_eq!(client_behind(proxy, &headers, |_| false), proxy);
    headers.append("x-forwarded-for", HeaderValue::from_static("198.51.100.7:80, 10.9.9.9"));
    assert_eq!(client_behind(proxy, &headers, is_trusted), client);
});
