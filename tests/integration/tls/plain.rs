//! Addresses without TLS beside those with it.

use super::{House, configuration};
use crate::support::{Client, Server, run, version_of};

#[test]
fn plain_addresses_serve_the_same_and_never_redirect() {
    let house = House::new();
    house.folder.write("media/a.jpg", "a");
    let toml = "plain_listen = [\"127.0.0.1:0\", \"127.0.0.2:0\"]\n".to_owned() + &configuration("");
    let server = Server::configured(&house.folder, &toml);
    let [secure, plain @ ..] = &server.addresses[..] else { panic!("no address") };
    assert_eq!(plain.len(), 2);
    assert!(plain.iter().all(|address| address.port() != 0 && address != secure));
    let over_tls = house.connect(&server).request("GET", "/a.jpg", &[]);
    for address in plain {
        let mut client = Client::new(*address);
        let response = client.request("GET", "/a.jpg", &[]);
        assert_eq!((response.status, response.text()), (200, "a"));
        assert_eq!(response.field("etag"), over_tls.field("etag"));
        assert!(!response.has("location"));
        // An unknown challenge is not found.
        let unknown = client.request("GET", "/.well-known/acme-challenge/abc", &[]);
        assert_eq!(unknown.status, 404);
    }
}

#[test]
fn plain_addresses_can_serve_challenges_only() {
    let house = House::new();
    house.folder.write("media/a.jpg", "a");
    let toml =
        "plain_listen = \"127.0.0.1:0\"\nplain_serves = \"challenges\"\n".to_owned() + &configuration("");
    let server = Server::configured(&house.folder, &toml);
    assert_eq!(house.connect(&server).request("GET", "/a.jpg", &[]).status, 200);
    let mut client = Client::new(server.addresses[1]);
    for (method, path) in
        [("GET", "/a.jpg"), ("HEAD", "/a.jpg"), ("GET", "/"), ("GET", "/.well-known/acme-challenge/x")]
    {
        let response = client.request(method, path, &[]);
        assert_eq!((response.status, response.field("cache-control")), (404, "no-store"), "{method} {path}");
        assert!(!response.has("location") && !response.has("etag"), "{response:?}");
    }
    assert!(client.request("GET", "/a.jpg", &[]).text().contains("over HTTPS only"));
}

#[test]
fn the_banner_and_print_config_show_the_scheme_of_every_address() {
    let house = House::new();
    house.folder.write("media/a.jpg", "a");
    let toml = "plain_listen = [\"127.0.0.1:0\"]\n".to_owned() + &configuration("");
    let server = Server::configured(&house.folder, &toml);
    let (secure, plain) = (server.addresses[0], server.addresses[1]);
    let lines = server.end();
    for part in [
        format!("listens    https://{secure}"),
        format!("listens    http://{plain}"),
        format!(
            "curl -I --connect-to ::{secure} 'https://media.example.com:{}/a.jpg?v={}'",
            secure.port(),
            version_of(b"a")
        ),
    ] {
        assert!(lines.iter().any(|line| line.contains(&part)), "{part}: {lines:#?}");
    }
    let printed = run(house.folder.path(), &["serve", "--print-config"]);
    assert_eq!(printed.code, Some(0), "{}", printed.stderr);
    for part in
        ["plain_listen = [\"127.0.0.1:0\"]", "plain_serves = \"assets\"", "/tls.pem\"]", "/tls.key\"]"]
    {
        assert!(printed.stdout.contains(part), "{part}: {}", printed.stdout);
    }
    let link = run(house.folder.path(), &["link", "a.jpg"]);
    assert!(link.stdout.starts_with("https://127.0.0.1:8080/a.jpg?v="), "{link:?}");
}
