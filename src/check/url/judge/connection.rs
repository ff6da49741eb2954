//! What the way to the server tells: its addresses, its certificates, and why there was no answer.

use std::net::IpAddr;
use std::time::Duration;

use super::super::transcript::{Certificate, ChainFault, Failure, Handshake, Probe, Transcript};
use super::{moment, told};
use crate::check::rules::url_rules as rules;
use crate::check::{Finding, Rule};
use crate::whatsapp::HumanSeconds;
use crate::whatsapp::url_syntax::Url;

/// Whoever renews certificates by itself has done so by then.
const RENEWED_BEFORE: Duration = Duration::from_hours(14 * 24);

pub(super) fn judge(transcript: &Transcript, url: &Url<'_>) -> Vec<Finding> {
    let mut findings = addresses(transcript, url);
    if let Some(handshake) = &transcript.handshake {
        findings.extend(certificates(transcript, url, handshake));
    }
    if let Some(Err(failure)) = transcript.outcome(Probe::Fetch) {
        let is_told = transcript.handshake.as_ref().is_some_and(|handshake| handshake.fault.is_some());
        // Where we ourselves turned back at the certificate, that is told of already.
        if !(is_told && matches!(failure, Failure::Tls(_))) {
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
        let told: Vec<_> = transcript.addresses.iter().map(IpAddr::to_string).collect();
        findings.push(Finding::new(
            &rules::ADDRESS_IPV6_ONLY,
            told.join(", "),
            if is_name {
                "add an A record with an IPv4 address"
            } else {
                "use a name that has an IPv4 address, too"
            },
        ));
    }
    for (address, reason) in &transcript.dead_addresses {
        findings.push(Finding::new(
            &rules::ADDRESS_DEAD,
            format!("{address}: {reason}, while another address answers"),
            "let the server listen there, or take the address out of the DNS",
        ));
    }
    findings
}

fn certificates(transcript: &Transcript, url: &Url<'_>, handshake: &Handshake) -> Vec<Finding> {
    if let Some(fault) = &handshake.fault {
        return vec![untrusted(fault, url, &handshake.chain)];
    }
    // The server's own: those of authorities are renewed by others, and one among them may not even be needed.
    let Some(end) = handshake.chain.first().map(|own| own.not_after) else { return Vec::new() };
    let left = end.duration_since(transcript.began).unwrap_or_default();
    if left >= RENEWED_BEFORE {
        return Vec::new();
    }
    let left = HumanSeconds(left.as_secs() / 3600 * 3600);
    vec![Finding::new(
        &rules::TLS_EXPIRES_SOON,
        format!("it is valid until {}, which is in {left}", moment(end)),
        "renew it, and see that whatever renews it by itself works",
    )]
}

fn untrusted(fault: &ChainFault, url: &Url<'_>, chain: &[Certificate]) -> Finding {
    const PUBLIC: &str = "get a certificate from a public authority, such as Let's Encrypt";
    let first = chain.first();
    let last = chain.last();
    let issuer = last.map_or_else(|| "nobody".to_owned(), |last| told(&last.issuer));
    let (rule, seen, fix): (&'static Rule, _, _) = match fault {
        ChainFault::Expired => {
            let end = chain.iter().map(|certificate| certificate.not_after).min();
            (&rules::TLS_EXPIRED, format!("valid until {}", end.map_or_else(String::new, moment)), "renew it")
        }
        ChainFault::NotYetValid => {
            let begin = chain.iter().map(|certificate| certificate.not_before).max();
            let seen = format!("valid from {}", begin.map_or_else(String::new, moment));
            (
                &rules::TLS_NOT_YET_VALID,
                seen,
                "wait until then, or set the clock that was wrong when it was made",
            )
        }
        ChainFault::WrongName => {
            let names = first.map(|first| first.names.join(", ")).filter(|names| !names.is_empty());
            let names = names.map_or_else(|| "no name".to_owned(), |names| told(&names));
            (
                &rules::TLS_WRONG_NAME,
                format!("the certificate is for {names}, the host is {}", told(url.host)),
                "get one that names the host, or use a host that it names",
            )
        }
        ChainFault::SelfSigned => {
            (&rules::TLS_SELF_SIGNED, first.map_or_else(String::new, |first| told(&first.subject)), PUBLIC)
        }
        ChainFault::Incomplete => {
            let sent = if chain.len() == 1 {
                "one certificate is".to_owned()
            } else {
                format!("{} certificates are", chain.len())
            };
            (
                &rules::TLS_CHAIN_INCOMPLETE,
                format!("{sent} sent, signed by {issuer}, which this machine does not know"),
                "let the server send the whole chain (fullchain.pem, not cert.pem)",
            )
        }
        ChainFault::UnknownIssuer => (&rules::TLS_UNKNOWN_AUTHORITY, issuer, PUBLIC),
        ChainFault::Other(reason) => (&rules::TLS_UNTRUSTED, told(reason), PUBLIC),
    };
    Finding::new(rule, seen, fix)
}

fn failed(failure: &Failure) -> Finding {
    let (rule, fix): (&'static Rule, _) = match failure {
        Failure::Lookup(_) => {
            (&rules::HOST_UNKNOWN, "mend the name, or give it an A record and wait until it is known")
        }
        Failure::Connect(_) | Failure::ConnectTimeout | Failure::NoRoute(_) => {
            (&rules::UNREACHABLE, "start the server, and open its port in every firewall before it")
        }
        Failure::Tls(_) => (
            &rules::TLS_FAILED,
            "let it speak TLS 1.2 or 1.3 on this port, with a certificate of a public authority",
        ),
        Failure::HeadTimeout => (&rules::NO_ANSWER, "see what the server waits for"),
        Failure::Closed(_) => {
            (&rules::NO_ANSWER, "see in the server's log, or a firewall's, why the connection ends")
        }
        Failure::HeadTooLarge => {
            (&rules::HEAD_TOO_LARGE, "send fewer and shorter header fields: 8 KiB are plenty")
        }
        Failure::Malformed(_) => (&rules::NOT_HTTP, "let a web server answer on this port"),
    };
    Finding::new(rule, told(&failure.to_string()), fix)
}
