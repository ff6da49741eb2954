//! Limits per client, and the client's identity behind a trusted proxy.

use std::net::{Ipv4Addr, SocketAddr};

use serde_json::Value;
use socket2::{Domain, Socket, Type};

use crate::support::{Client, Folder, Response, Server, eventually};

const FIELD: &str = "X-Forwarded-For";

fn serve(toml: &str) -> (Server, Folder) {
    let folder = Folder::new();
    folder.write("small.jpg", "small");
    (Server::configured(&folder, &format!("{toml}\n[[mount]]\nstore = \".\"\n")), folder)
}

/// A client with the address 127.0.0.`host`: all of 127.0.0.0/8 is local.
fn connect_from(host: u8, server: &Server) -> Client {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    let address = SocketAddr::from((Ipv4Addr::new(127, 0, 0, host), 0));
    socket.bind(&address.into()).expect("an address of this machine");
    socket.connect(&server.address.into()).expect("a connection");
    socket.set_read_timeout(Some(crate::support::TIMEOUT)).expect("a timeout");
    Client::over(socket.into())
}

fn get(client: &mut Client) -> Response {
    client.request("GET", "/small.jpg", &[])
}

#[test]
fn the_connection_limit_per_client_leaves_connections_to_others() {
    let (mut server, _folder) =
        serve("[limits]\nconnections = 6\nconnections_per_client = 2\nexempt = [\"127.0.0.8/31\"]");
    let mut own: Vec<_> = (0..2).map(|_| connect_from(2, &server)).collect();
    for client in &mut own {
        assert_eq!(get(client).status, 200);
    }
    let mut third = connect_from(2, &server);
    let response = get(&mut third);
    assert_eq!((response.status, response.complete), (503, true));
    assert_eq!((response.field("retry-after"), response.field("cache-control")), ("1", "no-store"));
    assert!(response.text().contains("this client has as many connections as one client may have"));
    assert!(third.is_closed());
    // A rejected connection counts towards the total limit until it is closed.
    drop(third);
    let line = server.wait_for_line("limits.connections_per_client");
    assert!(line.contains("127.0.0.2") && line.contains("limits.connections_per_client is 2"), "{line}");

    assert_eq!(get(&mut connect_from(3, &server)).status, 200, "another client has its own limit");
    // One after another, because a connection without a request is not served. And earlier connections may not be closed yet.
    let mut exempt: Vec<_> = (0..4)
        .map(|_| {
            eventually("an exempt client has only the total limit", || {
                let mut client = connect_from(9, &server);
                (get(&mut client).status == 200).then_some(client)
            })
        })
        .collect();
    let response = get(&mut connect_from(3, &server));
    assert!(
        response.text().contains("connection limit is reached"),
        "the total limit is reached: {response:?}"
    );
    for client in &mut own {
        assert_eq!(get(client).status, 200, "clients within the limits are served");
    }
    own.pop();
    exempt.clear();
    eventually("a connection is free", || (get(&mut connect_from(2, &server)).status == 200).then_some(()));
}

#[test]
fn a_client_above_the_request_rate_gets_429_and_others_do_not() {
    let (mut server, _folder) =
        serve("access_log = \"off\"\n[limits]\nrequests_per_second = 1\nburst = 3\nexempt = [\"127.0.0.9\"]");
    let mut client = connect_from(2, &server);
    let mut statuses = Vec::new();
    // Four requests take less than a second even on a busy machine; if not, some round does.
    let refused = eventually("one request is rejected", || {
        let response = get(&mut client);
        statuses.push(response.status);
        (response.status != 200).then_some(response)
    });
    assert_eq!((refused.status, refused.complete), (429, true));
    assert!(statuses.len() > 3, "a burst of three is allowed: {statuses:?}");
    assert_eq!((refused.field("retry-after"), refused.field("cache-control")), ("1", "no-store"));
    assert!(refused.text().contains("too many requests"), "{refused:?}");
    assert!(server.wait_for_line("limits.requests_per_second").contains("127.0.0.2"));

    assert_eq!(get(&mut connect_from(3, &server)).status, 200, "another client has its own rate");
    let mut exempt = connect_from(9, &server);
    for _ in 0..20 {
        assert_eq!(get(&mut exempt).status, 200);
    }
    // The connection stays usable, and the client may retry.
    eventually("a retry is answered", || (get(&mut client).status == 200).then_some(()));
}

#[test]
fn without_a_request_rate_no_request_is_rejected() {
    let (server, _folder) = serve("");
    let mut client = server.connect();
    for _ in 0..300 {
        assert_eq!(get(&mut client).status, 200);
    }
}

#[test]
fn behind_a_trusted_proxy_limits_and_log_see_the_client() {
    let (mut server, _folder) = serve(
        "access_log = \"json\"\ntrusted_proxies = [\"127.0.0.4/30\", \"192.0.2.0/24\"]\n\
         [limits]\nconnections_per_client = 1\nrequests_per_second = 1\nburst = 1",
    );
    // A proxy has many clients behind it, so its connections are not limited.
    let mut proxies = [connect_from(5, &server), connect_from(5, &server)];
    let mut untrusted = connect_from(2, &server);
    let mut ask = |client: &mut Client, forwarded: &[(&str, &str)]| {
        let response = client.request("GET", "/small.jpg", forwarded);
        let line = server.wait_for_line("\"client\"");
        let entry: Value = serde_json::from_str(&line).expect("JSON");
        let own = client.stream.get_ref().local_addr().expect("an address");
        assert_eq!(entry["peer"], own.to_string());
        (entry["client"].as_str().expect("a client").to_owned(), response.status)
    };
    for (number, (fields, client)) in [
        (&[(FIELD, "198.51.100.1")][..], "198.51.100.1"),
        (&[(FIELD, "10.1.1.1, 198.51.100.2")], "198.51.100.2"),
        (&[(FIELD, "198.51.100.3, 192.0.2.1")], "198.51.100.3"),
        (&[(FIELD, "198.51.100.4"), (FIELD, "192.0.2.9")], "198.51.100.4"),
        (&[(FIELD, "[2001:db8::5]:4711"), ("Forwarded", "for=198.51.100.99")], "2001:db8::5"),
    ]
    .into_iter()
    .enumerate()
    {
        let proxy = &mut proxies[number % 2];
        assert_eq!(ask(proxy, fields), (client.to_owned(), 200), "each client has its own rate");
    }
    // A client that sends another request at once, through another connection of the proxy. Two requests take less than a second
    // even on a busy machine; if not, some two do.
    let mut again = (0..).map(|n| ask(&mut proxies[n % 2], &[(FIELD, "198.51.100.77")]).1);
    assert_eq!(again.next(), Some(200));
    eventually("one request is rejected", || (again.next() == Some(429)).then_some(()));
    drop(again);

    // A client that is not a trusted proxy is identified by its own address.
    let own = untrusted.stream.get_ref().local_addr().expect("an address").to_string();
    assert_eq!(ask(&mut untrusted, &[(FIELD, "198.51.100.1")]), (own, 200));
}

/// Otherwise all clients behind the proxy would share the rate of one, because of the proxy's configuration.
#[test]
fn a_trusted_proxy_that_names_no_client_is_not_limited_and_is_reported() {
    let (mut server, _folder) = serve(
        "access_log = \"off\"\ntrusted_proxies = [\"127.0.0.4/30\"]\n[limits]\nrequests_per_second = 1\nburst = 1",
    );
    let mut proxy = connect_from(5, &server);
    for forwarded in
        [&[][..], &[(FIELD, "unknown")], &[(FIELD, "198.51.100.1, nonsense")], &[(FIELD, "127.0.0.6")]]
    {
        for _ in 0..10 {
            assert_eq!(proxy.request("GET", "/small.jpg", forwarded).status, 200, "{forwarded:?}");
        }
    }
    let line = server.wait_for_line("trusted_proxies");
    assert!(line.contains("127.0.0.5") && line.contains("X-Forwarded-For"), "{line}");
    let lines = server.end();
    assert_eq!(lines.iter().filter(|line| line.contains("trusted_proxies")).count(), 1, "once: {lines:?}");
}
