//! Findings about the connection: addresses, certificates, and failed requests.

use std::net::IpAddr;
use std::time::Duration;

use super::super::transcript::{Certificate, ChainFault, Failure, Handshake, Probe, Transcript};
use super::{rfc3339, shortened};
use crate::check::rules::url_rules as rules;
use crate::check::{Finding, Rule};
use crate::whatsapp::HumanSeconds;
use crate::whatsapp::url_syntax::Url;

/// Automatic renewal has replaced a certificate before this much of its validity is left.
const RENEWED_BEFORE: Duration = Duration::from_hours(14 * 24);

pub(super) fn judge(transcript: &Transcript, url: &Url<'_>) -> Vec<Finding> {
    let mut findings = addresses(transcript, url);
    if let Some(handshake) = &transcript.handshake {
        findings.extend(certificates(transcript, url, handshake));
    }
    if let Some(Err(failure)) = transcript.outcome(Probe::Fetch) {
        let has_finding = transcript.handshake.as_ref().is_some_and(|handshake| handshake.fault.is_some());
        // If the probe stopped because of the certificate, that finding is there already.
        if !(has_finding && matches!(failure, Failure::Tls(_))) {
            findings.push(failed(failure));
        }
    }
    findings
}

fn addresses(transcript: &Transcript, url: &Url<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let is_name = super::super::address::literal(url.host).is_none();
    let is_v6 = |ip: &IpAddr| matches!(ip, IpAddr::V6(ip) if ip.to_ipv4_mapped().is_none());
    if !transcript.addresses.is_empty() && transcript.addresses.iter().all(is_v6) {
        let addresses: Vec<_> = transcript.addresses.iter().map(IpAddr::to_string).collect();
        findings.push(Finding::new(
            &rules::ADDRESS_IPV6_ONLY,
            addresses.join(", "),
            if is_name {
                "add an A record with an IPv4 address"
            } else {
                "use a host name that also has an IPv4 address"
            },
        ));
    }
    for (address, reason) in &transcript.dead_addresses {
        findings.push(Finding::new(
            &rules::ADDRESS_DEAD,
            format!("{address}: {reason}, but another address answers"),
            "let the server listen on this address, or remove its DNS record",
        ));
    }
    findings
}

fn certificates(transcript: &Transcript, url: &Url<'_>, handshake: &Handshake) -> Vec<Finding> {
    if let Some(fault) = &handshake.fault {
        return vec![untrusted(fault, url, &handshake.chain)];
    }
    // Only the server's own certificate: others renew those of authorities, and the chain may not even need each of them.
    let Some(end) = handshake.chain.first().map(|own| own.not_after) else { return Vec::new() };
    let left = end.duration_since(transcript.began).unwrap_or_default();
    if left >= RENEWED_BEFORE {
        return Vec::new();
    }
    let left = HumanSeconds(left.as_secs() / 3600 * 3600);
    vec![Finding::new(
        &rules::TLS_EXPIRES_SOON,
        format!("valid until {}, {left} from now", rfc3339(end)),
        "renew it, and check that automatic renewal works",
    )]
}

fn untrusted(fault: &ChainFault, url: &Url<'_>, chain: &[Certificate]) -> Finding {
    const PUBLIC: &str = "get a certificate from a public authority, such as Let's Encrypt";
    let first = chain.first();
    let last = chain.last();
    let issuer = last.map_or_else(|| "an unknown issuer".to_owned(), |last| shortened(&last.issuer));
    let (rule, seen, fix): (&'static Rule, _, _) = match fault {
        ChainFault::Expired => {
            let end = chain.iter().map(|certificate| certificate.not_after).min();
            (
                &rules::TLS_EXPIRED,
                format!("valid until {}", end.map_or_else(String::new, rfc3339)),
                "renew it",
            )
        }
        ChainFault::NotYetValid => {
            let begin = chain.iter().map(|certificate| certificate.not_before).max();
            let seen = format!("valid from {}", begin.map_or_else(String::new, rfc3339));
            (
                &rules::TLS_NOT_YET_VALID,
                seen,
                "wait until then, or issue it again on a machine whose clock is right",
            )
        }
        ChainFault::WrongName => {
            let names = first.map(|first| first.names.join(", ")).filter(|names| !names.is_empty());
            let names = names.map_or_else(|| "no name".to_owned(), |names| shortened(&names));
            (
                &rules::TLS_WRONG_NAME,
                format!("the certificate is for {names}, but the host is {}", shortened(url.host)),
                "get a certificate for this host, or use a host that it covers",
            )
        }
        ChainFault::SelfSigned => (
            &rules::TLS_SELF_SIGNED,
            first.map_or_else(String::new, |first| shortened(&first.subject)),
            PUBLIC,
        ),
        ChainFault::Incomplete => {
            let sent = if chain.len() == 1 {
                "the server sends one certificate".to_owned()
            } else {
                format!("the server sends {} certificates", chain.len())
            };
            (
                &rules::TLS_CHAIN_INCOMPLETE,
                format!("{sent}, signed by {issuer}, which this machine does not know"),
                "configure the server to send the full chain (fullchain.pem, not cert.pem)",
            )
        }
        ChainFault::UnknownIssuer => (&rules::TLS_UNKNOWN_AUTHORITY, issuer, PUBLIC),
        ChainFault::Other(reason) => (&rules::TLS_UNTRUSTED, shortened(reason), PUBLIC),
    };
    Finding::new(rule, seen, fix)
}

fn failed(failure: &Failure) -> Finding {
    let (rule, fix): (&'static Rule, _) = match failure {
        Failure::Lookup(_) => (
            &rules::HOST_UNKNOWN,
            "correct the host name, or add an A record for it and wait until DNS serves it",
        ),
        Failure::Connect(_) | Failure::ConnectTimeout | Failure::NoRoute(_) => {
            (&rules::UNREACHABLE, "start the server, and open its port in every firewall in front of it")
        }
        Failure::Tls(_) => (
            &rules::TLS_FAILED,
            "enable TLS 1.2 or 1.3 on this port, with a certificate from a public authority",
        ),
        Failure::HeadTimeout => (&rules::NO_ANSWER, "find out why the server does not respond"),
        Failure::Closed(_) => (
            &rules::NO_ANSWER,
            "read the log of the server or the firewall to see why it closes the connection",
        ),
        Failure::HeadTooLarge => {
            (&rules::HEAD_TOO_LARGE, "send fewer and shorter header fields: 8 KiB are enough")
        }
        Failure::Malformed(_) => {
            (&rules::NOT_HTTP, "run a web server on this port, or correct the port or scheme of the link")
        }
    };
    Finding::new(rule, shortened(&failure.to_string()), fix)
}
