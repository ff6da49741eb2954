//! The certificates in force, and which of them a client is shown: by the name that it asks for (RFC 6066 section 3), or the
//! first where it asks for none or for one that none is for.

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
/// A handshake looks at one consistent state of all of them and waits for nobody. A connection keeps what it was shown.
#[derive(Debug, Default)]
pub struct Certificates {
    slots: Mutex<Vec<Option<Arc<Certificate>>>>,
    shown: ArcSwap<Shown>,
    /// Why what belongs in a slot could not be had, where that is so.
    lock_errors: Mutex<BTreeMap<usize, String>>,
}

/// The place of one certificate, whose successors take it. Of two that are for the same name, that in the earlier slot is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CertificateSlot(usize);

/// What handshakes look at.
#[derive(Debug, Default)]
struct Shown {
    exact: HashMap<String, Arc<CertifiedKey>>,
    /// By what stands behind the `*.`.
    wildcard: HashMap<String, Arc<CertifiedKey>>,
    first: Option<Arc<CertifiedKey>>,
}

impl Certificates {
    /// A slot behind all others. It is empty, and clients that ask for its names are refused or shown the first certificate
    /// there is.
    pub fn reserve(&self) -> CertificateSlot {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        slots.push(None);
        CertificateSlot(slots.len() - 1)
    }

    /// Shows `certificate` from the next handshake on, in the place of what is in `slot`.
    pub fn install(&self, slot: CertificateSlot, certificate: Arc<Certificate>) {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        slots[slot.0] = Some(certificate);
        self.shown.store(Arc::new(Shown::of(&slots)));
        self.lock_errors().remove(&slot.0);
    }

    /// Notes why what belongs in `slot` could not be had, until something is installed there.
    pub fn set_error(&self, slot: CertificateSlot, why: String) {
        self.lock_errors().insert(slot.0, why);
    }

    /// What could not be had, and why.
    pub fn errors(&self) -> Vec<String> {
        self.lock_errors().values().cloned().collect()
    }

    fn lock_errors(&self) -> MutexGuard<'_, BTreeMap<usize, String>> {
        self.lock_errors.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Shows what is in `slot` no longer. The slot stays, empty.
    pub fn withdraw(&self, slot: CertificateSlot) {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        slots[slot.0] = None;
        self.shown.store(Arc::new(Shown::of(&slots)));
    }

    /// What is in `slot`.
    pub fn installed(&self, slot: CertificateSlot) -> Option<Arc<Certificate>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)[slot.0].clone()
    }

    /// Whether some certificate is for this host name, in lower case.
    pub fn is_for(&self, name: &str) -> bool {
        self.shown.load().named(name).is_some()
    }

    /// What is in each slot, in their order.
    pub fn all(&self) -> Vec<Option<Arc<Certificate>>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The first host name that some certificate is for: no address, and none with a `*`.
    pub fn example_name(&self) -> Option<String> {
        let slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        let mut names = slots.iter().flatten().flat_map(|certificate| certificate.names());
        names.find(|name| !name.starts_with('*') && name.parse::<IpAddr>().is_err()).cloned()
    }

    fn choose(&self, name: Option<&str>) -> Option<Arc<CertifiedKey>> {
        let shown = self.shown.load();
        let named = name.and_then(|name| {
            // A client that asks for a name with the dot of the root means the same one.
            shown.named(name.strip_suffix('.').unwrap_or(name))
        });
        named.or(shown.first.as_ref()).cloned()
    }
}

impl Shown {
    fn named(&self, name: &str) -> Option<&Arc<CertifiedKey>> {
        let wildcard = || self.wildcard.get(name.split_once('.')?.1);
        self.exact.get(name).or_else(wildcard)
    }

    fn of(slots: &[Option<Arc<Certificate>>]) -> Self {
        let mut shown = Self::default();
        for certificate in slots.iter().flatten() {
            let key = certificate.key();
            shown.first.get_or_insert_with(|| Arc::clone(key));
            for name in certificate.names() {
                let (names, name) = match name.strip_prefix("*.") {
                    Some(parent) => (&mut shown.wildcard, parent),
                    None => (&mut shown.exact, &**name),
                };
                names.entry(name.to_owned()).or_insert_with(|| Arc::clone(key));
            }
        }
        shown
    }
}

/// Chooses for rustls.
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
        self.certificates.choose(hello.server_name())
    }
}
