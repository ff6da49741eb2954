//! Credentials of the machine or container, from a metadata service like Amazon's, used if no others are configured.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;

use super::command;
use super::starting::refused;
use crate::s3_server::{ACCESS_KEY, Meta, S3Server, SECRET};
use crate::support::{Folder, Server};

/// No keys in the environment.
const NO_KEYS: [(&str, &str); 2] = [("AWS_ACCESS_KEY_ID", ""), ("AWS_SECRET_ACCESS_KEY", "")];

/// The metadata services of a machine and of a container. They run until the tests end.
fn metadata(secret: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            thread::spawn(move || answer(client, secret));
        }
    });
    address
}

fn answer(client: TcpStream, secret: &str) {
    let mut reader = BufReader::new(client);
    let mut line = String::new();
    while reader.read_line(&mut line).is_ok_and(|len| len > 0) {
        let request = std::mem::take(&mut line);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") && head != "\r\n" {
            assert!(reader.read_line(&mut head).expect("a head") > 0, "the head ends");
        }
        let head = head.to_ascii_lowercase();
        if let Some(len) = head.split("content-length: ").nth(1).and_then(|rest| rest.lines().next()) {
            let len = len.parse().expect("a length");
            std::io::copy(&mut reader.by_ref().take(len), &mut std::io::sink()).expect("a body");
        }
        let keys = format!(
            "{{\"Code\":\"Success\",\"AccessKeyId\":\"{ACCESS_KEY}\",\"SecretAccessKey\":\"{secret}\",\"Token\":\"t\",\
             \"Expiration\":\"2099-01-01T00:00:00Z\"}}"
        );
        let has = |field: &str| head.contains(field);
        let (status, body) = match request.split(' ').take(2).collect::<Vec<_>>()[..] {
            ["PUT", "/latest/api/token"] => ("200 OK", "a-token".to_owned()),
            ["GET", "/latest/meta-data/iam/security-credentials/"]
                if has("x-aws-ec2-metadata-token: a-token") =>
            {
                ("200 OK", "role".to_owned())
            }
            ["GET", "/latest/meta-data/iam/security-credentials/role"]
                if has("x-aws-ec2-metadata-token: a-token") =>
            {
                ("200 OK", keys)
            }
            ["GET", "/container"] if has("authorization: from-the-file") => ("200 OK", keys),
            _ => ("403 Forbidden", String::new()),
        };
        let response = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        if reader.get_mut().write_all(response.as_bytes()).is_err() {
            return;
        }
    }
}

fn stored() -> S3Server {
    let s3 = S3Server::start();
    s3.put("a.jpg", "right", Meta::default());
    s3
}

#[test]
fn the_machine_role_is_used() {
    let (s3, folder) = (stored(), Folder::new());
    let endpoint = format!("http://{}", metadata(SECRET));
    let variables = [NO_KEYS[0], NO_KEYS[1], ("AWS_METADATA_ENDPOINT", &endpoint)];
    let server = Server::spawn(&mut command(&s3, &folder, &variables, ""));
    assert_eq!(server.get("/a.jpg").text(), "right");
    assert!(s3.requests().iter().all(|seen| seen.signed));
}

#[test]
fn the_container_role_is_used() {
    let (s3, folder) = (stored(), Folder::new());
    folder.write("token", "from-the-file");
    let (uri, token) = (format!("http://{}/container", metadata(SECRET)), folder.at("token"));
    let variables = [
        NO_KEYS[0],
        NO_KEYS[1],
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", &uri),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", token.to_str().expect("UTF-8")),
    ];
    let server = Server::spawn(&mut command(&s3, &folder, &variables, ""));
    assert_eq!(server.get("/a.jpg").text(), "right");
}

#[test]
fn a_role_with_rejected_keys_is_an_error() {
    let (s3, folder) = (stored(), Folder::new());
    let endpoint = format!("http://{}", metadata("another"));
    let variables = [NO_KEYS[0], NO_KEYS[1], ("AWS_METADATA_ENDPOINT", &endpoint)];
    refused(&mut command(&s3, &folder, &variables, ""), 2, &["SignatureDoesNotMatch"]);
}
