//! One archived object (S3 Glacier): its own requests fail, and the bucket counts as healthy.

use super::{command, serving_with};
use crate::admin::{address_of, ask};
use crate::s3_server::{FOREVER, Fault, Meta, S3Server, gets_of, heads_of};
use crate::support::{Folder, outcome};

/// S3 answers a HEAD for an archived object as for any other, with its storage class.
fn archive(s3: &S3Server, key: &str) {
    s3.put(key, "cold", Meta::default());
    s3.fault(heads_of(key), Fault::Set("x-amz-storage-class", "GLACIER"), FOREVER);
    s3.fault(gets_of(key), Fault::Error(403, "InvalidObjectState"), FOREVER);
}

#[test]
fn an_archived_object_fails_for_head_and_get_alike_and_the_bucket_is_healthy() {
    let s3 = S3Server::start();
    archive(&s3, "cold.jpg");
    s3.put("warm.jpg", "warm", Meta::default());
    let mut server = serving_with(&s3, &[("WAMEDIA_ADMIN_LISTEN", "127.0.0.1:0")], "");
    for method in ["HEAD", "GET"] {
        let response = server.connect().request(method, "/cold.jpg", &[]);
        assert_eq!(response.status, 502, "{method}");
        assert!(method == "HEAD" || response.text().contains("archived"), "{}", response.text());
        assert_eq!(ask(address_of(&mut server), "/readyz").status, 200, "{method}");
    }
    assert_eq!(server.get("/warm.jpg").text(), "warm");
    let line = server.wait_for_line("cold.jpg: s3://media cannot be read: ");
    assert!(line.contains("is archived; restore it") && line.contains("InvalidObjectState"), "{line}");
}

#[test]
fn an_object_whose_storage_class_is_read_at_once_is_served() {
    let s3 = S3Server::start();
    s3.put("a.jpg", "restored", Meta::default());
    // Some compatible services use the name for a class that is read at once.
    s3.fault(heads_of("a.jpg"), Fault::Set("x-amz-storage-class", "GLACIER"), FOREVER);
    let server = serving_with(&s3, &[], "");
    let response = server.connect().request("HEAD", "/a.jpg", &[]);
    assert_eq!((response.status, response.field("content-length")), (200, "8"));
    assert_eq!(server.get("/a.jpg").text(), "restored");
}

#[test]
fn link_names_an_archived_object() {
    let (s3, folder) = (S3Server::start(), Folder::new());
    archive(&s3, "cold.jpg");
    // Writes the configuration.
    drop(command(&s3, &folder, &[], ""));
    let mut link = crate::support::wamedia();
    link.envs(s3.environment()).env("HOME", folder.path()).current_dir(folder.path());
    let outcome = outcome(link.args(["link", "cold.jpg"]));
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    for word in ["cold.jpg", "archived in s3://media", "restore it"] {
        assert!(outcome.stderr.contains(word), "{outcome:?}");
    }
    assert!(outcome.stdout.is_empty(), "{outcome:?}");
}
