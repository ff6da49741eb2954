//! A certificate with its chain and private key, from PEM: whether it can be used, and why clients may reject it.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer;

/// A certificate that can be served to clients.
#[derive(Debug)]
pub struct Certificate {
    key: Arc<CertifiedKey>,
    names: Vec<String>,
    not_before: SystemTime,
    not_after: SystemTime,
    issuer: String,
    self_signed: bool,
    /// Whether the chain was in another order.
    reordered: bool,
}

/// Why a certificate cannot be used. Displays as the reason and the fix; the caller knows the file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateError {
    /// The text with the certificates is invalid.
    #[error("{0}")]
    Chain(String),
    /// The text with the private key is invalid.
    #[error("{0}")]
    Key(String),
    /// The key belongs to none of the certificates.
    #[error("the private key does not belong to the certificate; name a matching pair")]
    Mismatch,
}

/// Why clients may reject a certificate that can be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum CertificateWarning {
    /// It was valid until this time.
    Expired(SystemTime),
    /// It is valid from this time on.
    NotYetValid(SystemTime),
    /// It is its own issuer.
    SelfSigned,
    /// The chain lacks the issuer's certificate: the issuer's name.
    NoIntermediates(String),
    /// Its chain was in the wrong order, and has been reordered.
    Reordered,
    /// It names no host.
    Nameless,
}

impl fmt::Display for CertificateWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Expired(when) => {
                write!(f, "the certificate expired at {}, and clients reject it; renew it", humantime::format_rfc3339_seconds(*when))
            }
            Self::NotYetValid(when) => write!(
                f,
                "the certificate is valid only from {} on, and clients reject it until then; set this machine's clock, or wait",
                humantime::format_rfc3339_seconds(*when)
            ),
            Self::SelfSigned => f.write_str(
                "the certificate is self-signed, and WhatsApp does not fetch from such a server; get one from a certificate \
                 authority",
            ),
            Self::NoIntermediates(issuer) => write!(
                f,
                "the certificate has no intermediate certificates, and clients that do not know its issuer ({issuer}) reject it; add \
                 them below it (certificate authorities call that the full chain)"
            ),
            Self::Reordered => f.write_str(
                "the certificates are in the wrong order, and are sent in the right one; put the server's own first and each \
                 issuer below",
            ),
            Self::Nameless => f.write_str(
                "the certificate names no host (it has no subjectAltName), and clients reject it; get one with the server's name",
            ),
        }
    }
}

impl Certificate {
    /// Parses a certificate chain and the private key of its first certificate, each in PEM. The key may be in PKCS #8,
    /// PKCS #1 or SEC 1; RSA, ECDSA or Ed25519. A chain in another order is reordered.
    pub fn from_pem(chain: &[u8], key: &[u8]) -> Result<Self, CertificateError> {
        let chain = read_chain(chain)?;
        let key = any_supported_type(&read_key(key)?).map_err(|e| {
            CertificateError::Key(format!(
                "contains a key that cannot be used ({e}); use ECDSA P-256, RSA of 2048 bits or Ed25519"
            ))
        })?;
        let parsed: Vec<_> =
            chain.iter().enumerate().map(|(at, der)| parse(at, der)).collect::<Result<_, _>>()?;
        let own = match key.public_key() {
            None => 0,
            Some(public) => parsed
                .iter()
                .position(|one| one.tbs_certificate.subject_pki.raw == public.as_ref())
                .ok_or(CertificateError::Mismatch)?,
        };
        let order = order(&parsed, own);
        let leaf = &parsed[own];
        let reordered = order.iter().enumerate().any(|(at, from)| at != *from);
        let certificate = Self {
            names: names(leaf),
            not_before: time(leaf.validity().not_before.timestamp()),
            not_after: time(leaf.validity().not_after.timestamp()),
            issuer: leaf.issuer().to_string(),
            self_signed: leaf.issuer().as_raw() == leaf.subject().as_raw(),
            reordered,
            key: Arc::new(CertifiedKey::new(order.iter().map(|&at| chain[at].clone()).collect(), key)),
        };
        Ok(certificate)
    }

    /// The hosts that it is for: names in lower case, wildcards with `*.`, and IP addresses.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Whether it is for this host name, in lower case.
    pub fn is_for(&self, name: &str) -> bool {
        let parent = name.split_once('.').map(|(_, parent)| parent);
        self.names.iter().any(|known| match known.strip_prefix("*.") {
            Some(all_of) => parent == Some(all_of),
            None => known == name,
        })
    }

    /// Start of its validity.
    pub fn not_before(&self) -> SystemTime {
        self.not_before
    }

    /// End of its validity.
    pub fn not_after(&self) -> SystemTime {
        self.not_after
    }

    /// The form that rustls uses.
    pub(super) fn key(&self) -> &Arc<CertifiedKey> {
        &self.key
    }

    /// All reasons why clients may reject it.
    pub(super) fn warnings(&self, now: SystemTime) -> Vec<CertificateWarning> {
        let is_alone = self.key.cert.len() == 1 && !self.self_signed;
        [
            (self.not_after < now).then_some(CertificateWarning::Expired(self.not_after)),
            (now < self.not_before).then_some(CertificateWarning::NotYetValid(self.not_before)),
            self.self_signed.then_some(CertificateWarning::SelfSigned),
            is_alone.then(|| CertificateWarning::NoIntermediates(self.issuer.clone())),
            self.reordered.then_some(CertificateWarning::Reordered),
            self.names.is_empty().then_some(CertificateWarning::Nameless),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

fn read_chain(text: &[u8]) -> Result<Vec<CertificateDer<'static>>, CertificateError> {
    let reject = |reason: String| Err(CertificateError::Chain(reason));
    match CertificateDer::pem_slice_iter(text).collect::<Result<Vec<_>, _>>() {
        Ok(chain) if !chain.is_empty() => Ok(chain),
        Ok(_) if has_section(text, "PRIVATE KEY") => {
            reject("contains a private key and no certificate; cert and key seem to be swapped".to_owned())
        }
        Ok(_) => reject(
            "contains no PEM certificate; name the file that contains -----BEGIN CERTIFICATE----- (often fullchain.pem)".to_owned(),
        ),
        Err(e) => reject(format!("is damaged: {}; get a new copy", damage(&e))),
    }
}

fn read_key(text: &[u8]) -> Result<PrivateKeyDer<'static>, CertificateError> {
    let reject = |reason: String| Err(CertificateError::Key(reason));
    if has_section(text, "ENCRYPTED PRIVATE KEY") || contains(text, "Proc-Type: 4,ENCRYPTED") {
        return reject(
            "is encrypted, and the server cannot ask for a passphrase; decrypt it (openssl pkey -in KEY -out NEW) and make it \
             readable for this user only"
                .to_owned(),
        );
    }
    match PrivateKeyDer::from_pem_slice(text) {
        Ok(key) => Ok(key),
        Err(pem::Error::NoItemsFound) if has_section(text, "CERTIFICATE") => {
            reject("contains a certificate and no private key; cert and key seem to be swapped".to_owned())
        }
        Err(pem::Error::NoItemsFound) => reject(
            "contains no PEM private key; name the file that contains -----BEGIN PRIVATE KEY----- (often privkey.pem)".to_owned(),
        ),
        Err(e) => reject(format!("is damaged: {}; get a new copy", damage(&e))),
    }
}

/// What is wrong with PEM, without the text itself, which may be secret.
fn damage(error: &pem::Error) -> &'static str {
    match error {
        pem::Error::MissingSectionEnd { .. } => "its end is missing",
        pem::Error::Base64Decode(_) => "it is not valid base64",
        _ => "it is not valid PEM",
    }
}

fn has_section(text: &[u8], label: &str) -> bool {
    contains(text, &format!("{label}-----"))
}

fn contains(text: &[u8], part: &str) -> bool {
    text.windows(part.len()).any(|window| window == part.as_bytes())
}

fn parse<'a>(at: usize, der: &'a CertificateDer<'_>) -> Result<X509Certificate<'a>, CertificateError> {
    X509Certificate::from_der(der).map(|(_, parsed)| parsed).map_err(|_| {
        CertificateError::Chain(format!(
            "contains something other than X.509 as certificate {}; get a new copy",
            at + 1
        ))
    })
}

/// The chain from `own` upwards, each certificate followed by its issuer, as far as they are there; others are left out.
fn order(chain: &[X509Certificate<'_>], own: usize) -> Vec<usize> {
    let mut order = vec![own];
    let mut last = own;
    while let Some(next) = (0..chain.len())
        .find(|at| !order.contains(at) && chain[*at].subject().as_raw() == chain[last].issuer().as_raw())
    {
        order.push(next);
        last = next;
    }
    order
}

fn names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(alternatives)) = certificate.subject_alternative_name() else { return Vec::new() };
    alternatives
        .value
        .general_names
        .iter()
        .filter_map(|name| match name {
            GeneralName::DNSName(name) => Some(name.trim_end_matches('.').to_ascii_lowercase()),
            GeneralName::IPAddress(octets) => address(octets),
            _ => None,
        })
        .collect()
}

fn address(octets: &[u8]) -> Option<String> {
    use std::net::{Ipv4Addr, Ipv6Addr};

    if let Ok(octets) = <[u8; 4]>::try_from(octets) {
        return Some(Ipv4Addr::from(octets).to_string());
    }
    <[u8; 16]>::try_from(octets).ok().map(|octets| Ipv6Addr::from(octets).to_string())
}

/// A time in seconds since 1970. Earlier times make no difference.
fn time(seconds: i64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(u64::try_from(seconds).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, PKCS_ED25519};

    fn authority(name: &str) -> CertifiedIssuer<'static, KeyPair> {
        let mut params = CertificateParams::new([]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
    }

    #[test]
    fn names_are_those_that_clients_compare() {
        let (authority, key) = (authority("CA"), KeyPair::generate_for(&PKCS_ED25519).unwrap());
        let names = ["Media.Example.COM", "*.example.com", "192.0.2.1", "2001:db8::1"];
        let params = CertificateParams::new(names.map(str::to_owned)).unwrap();
        let chain = params.signed_by(&key, &authority).unwrap().pem() + &authority.pem();
        let certificate = Certificate::from_pem(chain.as_bytes(), key.serialize_pem().as_bytes()).unwrap();
        assert_eq!(certificate.names(), ["media.example.com", "*.example.com", "192.0.2.1", "2001:db8::1"]);
        for (name, is_for) in [
            ("media.example.com", true),
            ("other.example.com", true),
            ("example.com", false),
            ("a.b.example.com", false),
            ("media.example.org", false),
        ] {
            assert_eq!(certificate.is_for(name), is_for, "{name}");
        }
        assert_eq!(certificate.warnings(SystemTime::now()), []);
        let expired = CertificateWarning::Expired(certificate.not_after());
        assert_eq!(certificate.warnings(certificate.not_after() + Duration::from_secs(1)), [expired]);
        let early = CertificateWarning::NotYetValid(certificate.not_before());
        assert_eq!(certificate.warnings(certificate.not_before() - Duration::from_secs(1)), [early]);
    }

    #[test]
    fn a_chain_is_reordered_and_unrelated_certificates_are_left_out() {
        let (ours, other, key) = (authority("ours"), authority("other"), KeyPair::generate().unwrap());
        let params = CertificateParams::new(["a.example".to_owned()]).unwrap();
        let leaf = params.signed_by(&key, &ours).unwrap();
        let key = key.serialize_pem();
        for (chain, length, warnings) in [
            (leaf.pem() + &ours.pem(), 2, vec![]),
            (ours.pem() + &leaf.pem(), 2, vec![CertificateWarning::Reordered]),
            (other.pem() + &leaf.pem() + &ours.pem(), 2, vec![CertificateWarning::Reordered]),
            (leaf.pem() + &ours.pem() + &other.pem(), 2, vec![]),
            (leaf.pem(), 1, vec![CertificateWarning::NoIntermediates("CN=ours".to_owned())]),
        ] {
            let certificate = Certificate::from_pem(chain.as_bytes(), key.as_bytes()).unwrap();
            assert_eq!(certificate.key().cert.len(), length, "{chain}");
            assert_eq!(&certificate.key().cert[0], leaf.der());
            assert_eq!(certificate.warnings(SystemTime::now()), warnings, "{chain}");
        }
        let error = Certificate::from_pem(other.pem().as_bytes(), key.as_bytes()).unwrap_err();
        assert_eq!(error, CertificateError::Mismatch);
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_accepted_or_rejected(chain in proptest::arbitrary::any::<Vec<u8>>(), body in "[A-Za-z0-9+/=\n]{0,200}") {
            let _ = Certificate::from_pem(&chain, &chain);
            let pem = |label: &str| format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----\n");
            let _ = Certificate::from_pem(pem("CERTIFICATE").as_bytes(), pem("PRIVATE KEY").as_bytes());
        }
    }
}
