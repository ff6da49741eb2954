//! Service links: variables that Kubernetes and Docker set for other services, recognised by their form.
//!
//! A container gets some for every service of its namespace, and those of a service named `wamedia` or `wamedia-…` begin like our
//! settings. Each name has a suffix from a closed list, and each value is an IP address, a port, a protocol or an address such as
//! `tcp://10.0.0.7:80`. A value that any variable could have counts only beside another member of the same family.
//!
//! Sources, read on 2026-12-01: Kubernetes documentation, "Service", section "Environment variables"; Docker documentation, "Legacy
//! container links", section "Environment variables".

use std::collections::HashMap;
use std::ffi::OsString;
use std::net::IpAddr;

/// What the names of all families considered here begin with: the name of a service, in upper case.
const SERVICE: &str = "WAMEDIA";
/// Protocols in links, as their names spell them.
const PROTOCOLS: [&str; 3] = ["TCP", "UDP", "SCTP"];

/// The variables among which families are looked for.
pub(super) struct ServiceLinks<'e>(HashMap<&'e str, &'e str>);

impl<'e> ServiceLinks<'e> {
    /// Of variables whose names begin with that of our service.
    pub(super) fn among(variables: &'e [(String, OsString)]) -> Self {
        // What is not UTF-8 can only be the environment of a linked container, and no family is recognised by that.
        let texts = variables.iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str()?)));
        Self(texts.collect())
    }

    /// Whether this variable belongs to a family of service links.
    pub(super) fn have(&self, name: &str) -> bool {
        // The name of a service may itself contain what a suffix begins with, as `WAMEDIA_PORT_SERVICE_HOST` does.
        let splits = name.match_indices('_').filter(|(at, _)| *at >= SERVICE.len());
        splits.map(|(at, _)| (&name[..at], &name[at + 1..])).any(|(service, suffix)| {
            let value = self.0.get(name).copied();
            value.is_some_and(|value| self.is_member(service, suffix, value))
                || suffix.strip_prefix("ENV_").is_some_and(|rest| !rest.is_empty() && self.is_linked(service))
        })
    }

    fn is_member(&self, service: &str, suffix: &str, value: &str) -> bool {
        match suffix {
            "SERVICE_HOST" => is_host(value),
            "PORT" => Address::parse(value).is_some(),
            "NAME" => is_container_name(value, service),
            "SERVICE_PORT" => is_port(value) && self.is_service(service),
            _ if suffix.starts_with("SERVICE_PORT_") => is_port(value) && self.is_service(service),
            _ => suffix.strip_prefix("PORT_").is_some_and(|rest| describes_port(rest, value)),
        }
    }

    /// Whether Kubernetes has set the variables that every service has.
    fn is_service(&self, service: &str) -> bool {
        self.has(service, "SERVICE_HOST", is_host) || self.has_address(service)
    }

    /// Whether Docker has linked a container by this name.
    fn is_linked(&self, service: &str) -> bool {
        self.has(service, "NAME", |value| is_container_name(value, service)) || self.has_address(service)
    }

    fn has_address(&self, service: &str) -> bool {
        self.has(service, "PORT", |value| Address::parse(value).is_some())
    }

    fn has(&self, service: &str, suffix: &str, is_valid: impl Fn(&str) -> bool) -> bool {
        self.0.get(&*format!("{service}_{suffix}")).is_some_and(|value| is_valid(value))
    }
}

/// The value of a link, such as `tcp://10.0.0.7:80`.
struct Address<'v> {
    protocol: &'v str,
    port: &'v str,
}

impl<'v> Address<'v> {
    fn parse(value: &'v str) -> Option<Self> {
        let (protocol, rest) = value.split_once("://")?;
        let (host, port) = rest.rsplit_once(':')?;
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let is_known = PROTOCOLS.iter().any(|known| is_lower_case_of(protocol, known));
        (is_known && is_host(host) && is_port(port)).then_some(Self { protocol, port })
    }
}

/// Whether the part of a name after `_PORT_`, such as `80_TCP_ADDR`, fits its value.
fn describes_port(described: &str, value: &str) -> bool {
    let mut parts = described.splitn(3, '_');
    let (Some(port), Some(protocol), detail) = (parts.next(), parts.next(), parts.next()) else {
        return false;
    };
    if !is_port(port) || !PROTOCOLS.contains(&protocol) {
        return false;
    }
    let address = || Address::parse(value).filter(|address| is_lower_case_of(address.protocol, protocol));
    match detail {
        None => address().is_some_and(|address| address.port == port),
        Some("ADDR") => is_host(value),
        Some("PORT") => value == port,
        Some("PROTO") => is_lower_case_of(value, protocol),
        // Docker describes a range of ports by its two ends.
        Some("START" | "END") => address().is_some(),
        Some("PORT_START" | "PORT_END") => is_port(value),
        Some(_) => false,
    }
}

/// Whether a service can have this address. `0.0.0.0` or `127.0.0.1` is what a server listens on: someone meant a setting.
fn is_host(value: &str) -> bool {
    let ip = value.parse::<IpAddr>();
    ip.is_ok_and(|ip| !ip.is_unspecified() && !ip.is_loopback() && !ip.is_multicast())
}

fn is_port(value: &str) -> bool {
    value.bytes().all(|b| b.is_ascii_digit()) && value.parse::<u16>().is_ok_and(|port| port != 0)
}

fn is_lower_case_of(text: &str, upper: &str) -> bool {
    text == upper.to_ascii_lowercase()
}

/// Whether this is a name of a container that Docker linked, such as `/shop/wamedia-db` for `WAMEDIA_DB`.
fn is_container_name(value: &str, service: &str) -> bool {
    let alias = value.strip_prefix('/').and_then(|names| names.rsplit('/').next());
    alias.is_some_and(|alias| alias.replace('-', "_").to_ascii_uppercase() == service)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Which of these variables are no service links.
    fn others<'v>(variables: &[(&'v str, &str)]) -> Vec<&'v str> {
        let owned: Vec<_> =
            variables.iter().map(|(name, value)| ((*name).to_owned(), OsString::from(value))).collect();
        let links = ServiceLinks::among(&owned);
        variables.iter().map(|(name, _)| *name).filter(|name| !links.have(name)).collect()
    }

    #[test]
    fn links_of_kubernetes_are_recognised_for_every_service_named_like_us() {
        for variables in [
            &[
                ("WAMEDIA_SERVICE_HOST", "10.96.0.7"),
                ("WAMEDIA_SERVICE_PORT", "80"),
                ("WAMEDIA_SERVICE_PORT_HTTP", "80"),
                ("WAMEDIA_SERVICE_PORT_HTTP_ADMIN", "9900"),
                ("WAMEDIA_PORT", "tcp://10.96.0.7:80"),
                ("WAMEDIA_PORT_80_TCP", "tcp://10.96.0.7:80"),
                ("WAMEDIA_PORT_80_TCP_PROTO", "tcp"),
                ("WAMEDIA_PORT_80_TCP_PORT", "80"),
                ("WAMEDIA_PORT_80_TCP_ADDR", "10.96.0.7"),
            ][..],
            &[
                ("WAMEDIA_METRICS_SERVICE_HOST", "fd00:10:96::7"),
                ("WAMEDIA_METRICS_SERVICE_PORT", "9900"),
                ("WAMEDIA_METRICS_SERVICE_PORT_METRICS", "9900"),
                ("WAMEDIA_METRICS_PORT", "udp://[fd00:10:96::7]:9900"),
                ("WAMEDIA_METRICS_PORT_9900_UDP", "udp://[fd00:10:96::7]:9900"),
                ("WAMEDIA_METRICS_PORT_9900_UDP_PROTO", "udp"),
                ("WAMEDIA_METRICS_PORT_9900_UDP_PORT", "9900"),
                ("WAMEDIA_METRICS_PORT_9900_UDP_ADDR", "fd00:10:96::7"),
                ("WAMEDIA_METRICS_PORT_9901_SCTP", "sctp://[fd00:10:96::7]:9901"),
                ("WAMEDIA_METRICS_PORT_9901_SCTP_PROTO", "sctp"),
            ],
            // Named like settings, and like suffixes.
            &[
                ("WAMEDIA_LISTEN_SERVICE_HOST", "10.96.0.7"),
                ("WAMEDIA_ADMIN_LISTEN_PORT", "tcp://10.96.0.7:80"),
                ("WAMEDIA_PORT_SERVICE_HOST", "10.96.0.7"),
                ("WAMEDIA_PORT_SERVICE_PORT", "80"),
                ("WAMEDIA_SERVICE_PORT_SERVICE_HOST", "10.96.0.7"),
                ("WAMEDIA_SERVICE_PORT_PORT_80_TCP_ADDR", "10.96.0.7"),
                ("WAMEDIA_2_A_B_SERVICE_HOST", "10.96.0.7"),
            ],
        ] {
            assert_eq!(others(variables), [""; 0]);
        }
    }

    #[test]
    fn links_of_docker_are_recognised_with_the_environment_of_their_container() {
        for variables in [
            &[
                ("WAMEDIA_DB_NAME", "/shop/wamedia-db"),
                ("WAMEDIA_DB_PORT", "tcp://172.17.0.5:5432"),
                ("WAMEDIA_DB_PORT_5432_TCP", "tcp://172.17.0.5:5432"),
                ("WAMEDIA_DB_PORT_5432_TCP_ADDR", "172.17.0.5"),
                ("WAMEDIA_DB_ENV_POSTGRES_PASSWORD", "anything at all"),
                ("WAMEDIA_DB_ENV_no_proxy", ""),
                ("WAMEDIA_DB_PORT_6379_TCP_START", "tcp://172.17.0.5:6379"),
                ("WAMEDIA_DB_PORT_6379_TCP_END", "tcp://172.17.0.5:6381"),
                ("WAMEDIA_DB_PORT_6379_TCP_PORT_START", "6379"),
                ("WAMEDIA_DB_PORT_6379_TCP_PORT_END", "6381"),
            ][..],
            // No port is exposed.
            &[("WAMEDIA_WEB_1_NAME", "/web/wamedia_web_1"), ("WAMEDIA_WEB_1_ENV_WAMEDIA_LISTEN", "[::]:80")],
            &[("WAMEDIA_NAME", "/shop/wamedia"), ("WAMEDIA_ENV_PATH", "/bin")],
            &[("WAMEDIA_DB.1_NAME", "/shop/wamedia-db.1"), ("WAMEDIA_DB.1_ENV_A", "b")],
        ] {
            assert_eq!(others(variables), [""; 0]);
        }
    }

    #[test]
    fn what_only_resembles_a_link_is_none() {
        for (name, value) in [
            ("WAMEDIA_PORT", "8080"),
            ("WAMEDIA_PORT", "tcp://0.0.0.0:8080"),
            ("WAMEDIA_ADMIN_PORT", "9900"),
            ("WAMEDIA_ADMIN_PORT", "http://10.0.0.7:80"),
            ("WAMEDIA_ADMIN_PORT", "tcp://metrics.example:80"),
            ("WAMEDIA_ADMIN_PORT", "tcp://10.0.0.7"),
            ("WAMEDIA_ADMIN_PORT", "tcp://10.0.0.7:0"),
            ("WAMEDIA_SERVICE_HOST", "0.0.0.0"),
            ("WAMEDIA_SERVICE_HOST", "127.0.0.1"),
            ("WAMEDIA_SERVICE_HOST", "media.example.com"),
            // Alone, a number says nothing.
            ("WAMEDIA_SERVICE_PORT", "8080"),
            ("WAMEDIA_METRICS_SERVICE_PORT_HTTP", "8080"),
            ("WAMEDIA_ADMIN_PORT_9900_TCP", "tcp://10.0.0.7:9901"),
            ("WAMEDIA_ADMIN_PORT_9900_TCP", "udp://10.0.0.7:9900"),
            ("WAMEDIA_ADMIN_PORT_9900_TCP_PORT", "9901"),
            ("WAMEDIA_ADMIN_PORT_9900_TCP_PROTO", "udp"),
            ("WAMEDIA_ADMIN_PORT_9900_TCP_ADDR", "metrics"),
            ("WAMEDIA_ADMIN_PORT_9900_TCP_HOST", "10.0.0.7"),
            ("WAMEDIA_ADMIN_PORT_9900_HTTP", "http://10.0.0.7:9900"),
            ("WAMEDIA_ADMIN_PORT_9900", "tcp://10.0.0.7:9900"),
            ("WAMEDIA_ADMIN_PORT_99000_TCP_PROTO", "tcp"),
            ("WAMEDIA_ADMIN_NAME", "metrics"),
            ("WAMEDIA_ADMIN_NAME", "/shop/metrics"),
            ("WAMEDIA_ENV_LISTEN", "[::]:80"),
            ("WAMEDIA_LISTN", "10.0.0.7:80"),
            ("WAMEDIA_SERVICE_HOSTS", "10.0.0.7"),
            ("WAMEDIA_", "10.0.0.7"),
        ] {
            assert_eq!(others(&[(name, value)]), [name], "{name}={value}");
        }
    }

    #[test]
    fn a_family_does_not_vouch_for_another_or_for_a_misspelt_setting() {
        let variables = [
            ("WAMEDIA_METRICS_SERVICE_HOST", "10.96.0.7"),
            ("WAMEDIA_METRICS_SERVICE_PORT", "9900"),
            ("WAMEDIA_METRIC_SERVICE_PORT", "9900"),
            ("WAMEDIA_METRICS_LISTEN", "10.96.0.7:80"),
            ("WAMEDIA_METRICS_ENV_A", "b"),
            ("WAMEDIA_METRICS_SERVICE_PORT_HTTP", "http"),
        ];
        assert_eq!(
            others(&variables),
            [
                "WAMEDIA_METRIC_SERVICE_PORT",
                "WAMEDIA_METRICS_LISTEN",
                "WAMEDIA_METRICS_ENV_A",
                "WAMEDIA_METRICS_SERVICE_PORT_HTTP"
            ]
        );
    }
}
