//! Bodies over TLS: whole, in ranges, and visibly short if they cannot be completed.

use std::fs;
use std::io::{self, Read};

use super::{House, NAME, TLS12, TLS13, http2, shake};
use crate::http2::read;
use crate::support::{Client, Server, etag_of, noise};

const BIG: usize = 40 << 20;

#[test]
fn a_large_file_arrives_whole_over_both_tls_versions() {
    let house = House::new();
    let big = noise(BIG, 1);
    house.folder.write("media/big.mp4", &big);
    for toml in ["", "[memory]\ncache = 0\n"] {
        let server = house.serve(toml);
        for versions in [TLS12, TLS13] {
            let config = house.authority.client(versions, &["http/1.1"]);
            let mut client = Client::over(shake(server.address, &config, NAME).expect("a handshake"));
            for _ in 0..2 {
                let response = client.request("GET", "/big.mp4", &[]);
                assert!(response.complete, "{} of {BIG} bytes", response.body.len());
                assert_eq!(etag_of(&response.body), response.field("etag"));
                assert!(response.body == big);
            }
        }
    }
}

#[tokio::test]
async fn a_large_file_arrives_whole_over_http2() {
    let house = House::new();
    let big = noise(BIG, 1);
    house.folder.write("media/big.mp4", &big);
    let server = house.serve("[memory]\ncache = 0\n");
    let client = house.connect2(&server, &http2()).await;
    let (response, body) = client.get("/big.mp4").await;
    assert_eq!(response.headers()["etag"].to_str().expect("ASCII"), etag_of(&body));
    assert!(body == big);
}

#[test]
fn every_length_arrives_whole() {
    let house = House::new();
    // Around the length of a record, and of TLS's send buffer.
    let lens = [0, 1, 100, 16_000, 16_383, 16_384, 16_385, 65_000, 65_535, 65_536, 65_537, 131_072, 1 << 20];
    for len in lens {
        house.folder.write(&format!("media/{len}.jpg"), noise(len, 1));
    }
    let server = house.serve("");
    let mut client = house.connect(&server);
    for _ in 0..2 {
        for len in lens {
            let response = client.request("GET", &format!("/{len}.jpg"), &[]);
            assert!(response.complete && response.body == noise(len, 1), "{len}");
        }
    }
}

#[test]
fn ranges_and_conditions_are_the_same_as_without_tls() {
    let house = House::new();
    let bytes = noise(300_000, 1);
    house.folder.write("media/a.mp4", &bytes);
    let server = house.serve("");
    let mut client = house.connect(&server);
    let etag = etag_of(&bytes);
    let part = client.request("GET", "/a.mp4", &[("Range", "bytes=100000-199999")]);
    assert_eq!((part.status, part.field("etag")), (206, &*etag));
    assert!(part.body == bytes[100_000..200_000]);
    assert_eq!(client.request("GET", "/a.mp4", &[("If-None-Match", &etag)]).status, 304);
    let head = client.request("HEAD", "/a.mp4", &[]);
    assert_eq!((head.status, head.field("content-length")), (200, "300000"));
    assert_eq!(client.request("GET", "/missing.jpg", &[]).status, 404);
    assert_eq!(client.request("POST", "/a.mp4", &[]).status, 405);
    client.send("nonsense\r\n\r\n");
    assert_eq!(client.head().expect("an answer").status, 400);
}

#[test]
fn a_file_that_changes_while_sent_is_cut_without_close_notify() {
    let old = noise(24 << 20, 1);
    for (name, settled) in [("young.mp4", false), ("settled.mp4", true)] {
        let house = House::new();
        house.folder.write(&format!("media/{name}"), &old);
        let server = Server::configured(
            &house.folder,
            "[tls]\ncert = \"tls.pem\"\nkey = \"tls.key\"\n[memory]\ncache = 0\n[[mount]]\nstore = \"media\"\nfresh = \"1h\"\n",
        );
        let mut client = house.connect(&server);
        if settled {
            // Ranges are served once the file's version has settled.
            let part = client.request("GET", &format!("/{name}"), &[("Range", "bytes=0-9")]);
            assert_eq!((part.status, &*part.body), (206, &old[..10]), "{name}");
        }
        client.send(format!("GET /{name} HTTP/1.1\r\nHost: test\r\n\r\n"));
        assert_eq!(client.head().expect("a head").field("etag"), etag_of(&old));
        client.stream.read_exact(&mut [0; 1000]).expect("the first bytes");
        fs::write(house.folder.at(&format!("media/{name}")), noise(24 << 20, 2)).expect("written over");
        let mut rest = Vec::new();
        let error = client.stream.read_to_end(&mut rest).expect_err("an end that is not said");
        assert!(
            matches!(error.kind(), io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset),
            "{error}"
        );
        assert!(rest.len() + 1000 < old.len(), "{name}");
    }
}

#[tokio::test]
async fn over_http2_only_the_stream_is_reset() {
    let old = noise(24 << 20, 1);
    let house = House::new();
    house.folder.write("media/a.mp4", &old).write("media/b.jpg", "b");
    let server = Server::configured(
        &house.folder,
        "[tls]\ncert = \"tls.pem\"\nkey = \"tls.key\"\n[memory]\ncache = 0\n[[mount]]\nstore = \"media\"\nfresh = \"1h\"\n",
    );
    let client = house.connect2(&server, &http2()).await;
    let mut body = client.send("GET", "/a.mp4", &[]).await.into_body();
    fs::write(house.folder.at("media/a.mp4"), noise(24 << 20, 2)).expect("written over");
    read(&mut body).await.expect_err("it cannot be completed");
    assert_eq!(client.get("/b.jpg").await.1, b"b");
}
