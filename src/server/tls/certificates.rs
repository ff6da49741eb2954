//! Certificate selection: by the requested name (SNI, RFC 6066 section 3), or the first certificate if no name is requested or none
//! matches.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::certificate::Certificate;
use super::challenges::{Challenges, validates};

/// All certificates, each in its [slot](CertificateSlot).
///
/// A handshake sees one consistent state of all of them, and takes no lock.
#[derive(Debug, Default)]
pub struct Certificates {
    slots: Mutex<Vec<Option<Arc<Certificate>>>>,
    index: ArcSwap<Index>,
    /// Why the certificate for a slot could not be obtained.
    lock_errors: Mutex<BTreeMap<usize, String>>,
}

/// The position of a certificate and its renewals. Of two certificates for one name, that in the earlier slot is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CertificateSlot(usize);

/// The index that handshakes use.
#[derive(Debug, Default)]
struct Index {
    exact: HashMap<String, Arc<CertifiedKey>>,
    /// By the part after `*.`.
    wildcard: HashMap<String, Arc<CertifiedKey>>,
    first: Option<Arc<CertifiedKey>>,
}

impl Certificates {
    /// Adds an empty slot after all others. Until a certificate is installed, clients that request its names get the first certificate,
    /// or none.
    pub fn reserve(&self) -> CertificateSlot {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        slots.push(None);
        CertificateSlot(slots.len() - 1)
    }

    /// Installs `certificate` in `slot`, from the next handshake on, replacing the previous one.
    pub fn install(&self, slot: CertificateSlot, certificate: Arc<Certificate>) {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        slots[slot.0] = Some(certificate);
        self.index.store(Arc::new(Index::of(&slots)));
        self.lock_errors().remove(&slot.0);
    }

    /// Sets why the certificate for `slot` could not be obtained, until one is installed.
    pub fn set_error(&self, slot: CertificateSlot, why: String) {
        self.lock_errors().insert(slot.0, why);
    }

    /// Why certificates could not be obtained.
    pub fn errors(&self) -> Vec<String> {
        self.lock_errors().values().cloned().collect()
    }

    fn lock_errors(&self) -> MutexGuard<'_, BTreeMap<usize, String>> {
        self.lock_errors.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Removes the certificate from `slot`, which stays, empty.
    pub fn withdraw(&self, slot: CertificateSlot) {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        slots[slot.0] = None;
        self.index.store(Arc::new(Index::of(&slots)));
    }

    /// The certificate in `slot`.
    pub fn installed(&self, slot: CertificateSlot) -> Option<Arc<Certificate>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)[slot.0].clone()
    }

    /// Whether some certificate is for this host name, in lower case.
    pub fn is_for(&self, name: &str) -> bool {
        self.index.load().named(name).is_some()
    }

    /// The certificate in each slot, in order.
    pub fn all(&self) -> Vec<Option<Arc<Certificate>>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The first host name of a certificate that is neither an address nor a wildcard.
    pub fn example_name(&self) -> Option<String> {
        let slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        let mut names = slots.iter().flatten().flat_map(|certificate| certificate.names());
        names.find(|name| !name.starts_with('*') && name.parse::<IpAddr>().is_err()).cloned()
    }

    fn select(&self, name: Option<&str>) -> Option<Arc<CertifiedKey>> {
        let index = self.index.load();
        let named = name.and_then(|name| {
            // A name with the trailing dot of the DNS root is the same name.
            index.named(name.strip_suffix('.').unwrap_or(name))
        });
        named.or(index.first.as_ref()).cloned()
    }
}

impl Index {
    fn named(&self, name: &str) -> Option<&Arc<CertifiedKey>> {
        let wildcard = || self.wildcard.get(name.split_once('.')?.1);
        self.exact.get(name).or_else(wildcard)
    }

    fn of(slots: &[Option<Arc<Certificate>>]) -> Self {
        let mut index = Self::default();
        for certificate in slots.iter().flatten() {
            let key = certificate.key();
            index.first.get_or_insert_with(|| Arc::clone(key));
            for name in certificate.names() {
                let (names, name) = match name.strip_prefix("*.") {
                    Some(parent) => (&mut index.wildcard, parent),
                    None => (&mut index.exact, &**name),
                };
                names.entry(name.to_owned()).or_insert_with(|| Arc::clone(key));
            }
        }
        index
    }
}

/// Selects certificates for rustls.
#[derive(Debug)]
pub(super) struct Resolver {
    certificates: Arc<Certificates>,
    challenges: Arc<Challenges>,
}

impl Resolver {
    pub(super) fn new(certificates: Arc<Certificates>, challenges: Arc<Challenges>) -> Self {
        Self { certificates, challenges }
    }
}

impl ResolvesServerCert for Resolver {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        if validates(&hello) {
            return self.challenges.certificate(hello.server_name()?);
        }
        self.certificates.select(hello.server_name())
    }
}
