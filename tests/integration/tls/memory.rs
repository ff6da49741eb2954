//! Memory of TLS connections is bounded, too.

use std::fs::File;
use std::io::Write;

use super::House;
use crate::memory::{BASE_KIB, CACHE_KIB, CONNECTION_KIB, NO_HASTE, STREAMS_KIB, peak};
use crate::support::proc::wait_until_read;
use crate::support::{Client, connected};

/// Additional memory of a program with TLS: tables and keys.
const TLS_BASE_KIB: u64 = 2 << 10;
/// Encrypted and unsent bytes for a slow reader.
const SEALED_KIB: u64 = 64;
/// A handshake in progress.
const HANDSHAKE_KIB: u64 = 16;

#[test]
fn slow_readers_and_unfinished_handshakes_take_bounded_memory() {
    let house = House::new();
    // Sparse: reading it yields as many bytes as if it were not.
    File::create(house.folder.at("media/large.mp4")).expect("a file").set_len(100 << 20).expect("a length");
    let server = house.serve(&format!("[memory]\ncache = \"16 MiB\"\nstreams = \"4 MiB\"\n{NO_HASTE}"));
    let (readers, shaking) = (300, 700);
    let halves: Vec<_> = (0..shaking)
        .map(|_| {
            let mut stream = connected(server.address);
            // Headers of a record and of a ClientHello that announce some kilobytes (RFC 8446 section 4).
            stream.write_all(&[22, 3, 1, 0x20, 0, 1, 0, 0x1f, 0xfc, 3, 3]).expect("it is taken");
            stream
        })
        .collect();
    halves.iter().for_each(wait_until_read);
    let clients: Vec<Client<_>> = (0..readers)
        .map(|_| {
            let mut client = house.connect(&server);
            client.send("GET /large.mp4 HTTP/1.1\r\nHost: test\r\n\r\n");
            assert_eq!(client.head().expect("a head").status, 200);
            client
        })
        .collect();
    let bound = CACHE_KIB
        + STREAMS_KIB
        + BASE_KIB
        + TLS_BASE_KIB
        + readers * (CONNECTION_KIB + SEALED_KIB)
        + shaking * HANDSHAKE_KIB;
    let peak = peak(&server);
    assert!(peak <= bound, "{peak} KiB at the peak, where {bound} KiB are allowed");
    drop((clients, halves));
}
