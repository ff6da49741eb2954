//! One ACME order, from the account to the certificate (RFC 8555 section 7).

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use instant_acme::{
    Account, AuthorizationStatus, Identifier, KeyAuthorization, NewAccount, NewOrder, Order, OrderStatus,
    RetryPolicy,
};
use rcgen::{CertificateParams, CustomExtension, DistinguishedName, KeyPair, PKCS_ECDSA_P256_SHA256};
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::sign::CertifiedKey;
use serde_json::{Value, json};

use super::client::{AcmeHttpClient, PROCESSING_TIMEOUT};
use super::order_error::OrderError;
use super::state::{State, StateError};
use crate::config::{Acme, ChallengeType};
use crate::server::tls::{Certificate, ChallengeGuard, Challenges};

const POLLS: RetryPolicy =
    RetryPolicy::new().initial_delay(Duration::from_millis(250)).backoff(1.5).timeout(PROCESSING_TIMEOUT);

/// What an order needs.
pub(super) struct CertificateOrder<'a> {
    pub(super) settings: &'a Acme,
    pub(super) state: &'a State,
    pub(super) client: &'a AcmeHttpClient,
    pub(super) challenges: &'a Arc<Challenges>,
    pub(super) kind: ChallengeType,
}

impl CertificateOrder<'_> {
    /// Obtains a certificate for all domains of the settings, and stores it.
    pub(super) async fn obtain(&self) -> Result<Certificate, OrderError> {
        match self.order().await {
            // The authority has lost or deleted it. Nothing can be saved, so another one is created, once.
            Err(error) if error.is_of_unknown_account() => {
                log::warn!("{} no longer has the account; creating a new one", self.settings.directory);
                self.state.forget_account()?;
                self.order().await
            }
            outcome => outcome,
        }
    }

    async fn order(&self) -> Result<Certificate, OrderError> {
        let account = self.account().await?;
        let names: Vec<_> = self.settings.domains.iter().cloned().map(Identifier::Dns).collect();
        let mut order = account.new_order(&NewOrder::new(&names)).await?;
        // Challenges are answered until the authority has decided.
        let guards = self.answer_challenges(&mut order).await?;
        let ready = order.poll_ready(&POLLS).await.map_err(OrderError::from);
        drop(guards);
        match ready {
            Ok(OrderStatus::Ready) => {}
            Ok(_) => {
                let error = OrderError::NotAcme("the order is invalid, but no challenge is".to_owned());
                return Err(self.why_invalid(&mut order, error).await);
            }
            Err(error @ OrderError::Rejected(_)) => return Err(self.why_invalid(&mut order, error).await),
            Err(error) => return Err(error),
        }
        let (key, request) =
            request(&self.settings.domains).map_err(|e| OrderError::Unusable(e.to_string()))?;
        order.finalize_csr(&request).await?;
        let chain = order.poll_certificate(&POLLS).await?;
        self.take(key, chain).await
    }

    /// The issued certificate, stored if possible.
    async fn take(&self, key: String, chain: String) -> Result<Certificate, OrderError> {
        let certificate = self.check(&key, &chain)?;
        // It has been issued, and counts towards the authority's rate limit: it is served whether it can be stored or not.
        if let Err(error) = self.with_state(move |state| state.keep_certificate(&key, &chain)).await {
            log::error!("{error}; the new certificate is served until the server stops, and is lost then");
        }
        Ok(certificate)
    }

    /// Answers each challenge, and has the authority validate it.
    async fn answer_challenges(&self, order: &mut Order) -> Result<Vec<ChallengeGuard>, OrderError> {
        let mut guards = Vec::new();
        let mut authorizations = order.authorizations();
        while let Some(authorization) = authorizations.next().await {
            let mut authorization = authorization?;
            // An authority may remember an earlier validation.
            if authorization.status == AuthorizationStatus::Valid {
                continue;
            }
            let name = authorization.identifier().to_string();
            let kind = match self.kind {
                ChallengeType::TlsAlpn01 => instant_acme::ChallengeType::TlsAlpn01,
                ChallengeType::Http01 => instant_acme::ChallengeType::Http01,
            };
            let Some(mut challenge) = authorization.challenge(kind) else {
                return Err(OrderError::NotOffered(name, self.kind));
            };
            let proof = challenge.key_authorization();
            guards.push(match self.kind {
                ChallengeType::Http01 => self.challenges.answer_by_http(&challenge.token, proof.as_str()),
                ChallengeType::TlsAlpn01 => {
                    let certificate = challenge_certificate(&name, &proof)
                        .map_err(|e| OrderError::Unusable(e.to_string()))?;
                    self.challenges.answer_by_tls(&name, Arc::new(certificate))
                }
            });
            challenge.set_ready().await?;
        }
        Ok(guards)
    }

    /// What the authority found instead of the right responses; `error` if it does not say.
    async fn why_invalid(&self, order: &mut Order, error: OrderError) -> OrderError {
        let mut invalid = Vec::new();
        let mut authorizations = order.authorizations();
        while let Some(Ok(mut authorization)) = authorizations.next().await {
            if authorization.refresh().await.is_err() {
                break;
            }
            let name = authorization.identifier().to_string();
            let problems = authorization.challenges.iter().filter_map(|challenge| challenge.error.clone());
            invalid.extend(problems.map(|problem| (name.clone(), problem)));
        }
        if invalid.is_empty() { error } else { OrderError::NotValidated(self.kind, invalid) }
    }

    /// The stored account, or a new one. An operator who names a domain agrees to the authority's terms (docs/https.md).
    async fn account(&self) -> Result<Account, OrderError> {
        let builder = Account::builder_with_http(Box::new(self.client.clone()));
        let contact: Vec<_> =
            self.settings.contact.iter().map(|address| format!("mailto:{address}")).collect();
        let contact_texts: Vec<_> = contact.iter().map(String::as_str).collect();
        let kept = self.with_state(State::account).await?;
        let Some(kept) = kept else {
            let new = NewAccount {
                contact: &contact_texts,
                terms_of_service_agreed: true,
                only_return_existing: false,
            };
            let (account, credentials) = builder.create(&new, self.settings.directory.clone(), None).await?;
            let text = json!({ "contact": contact, "credentials": json(&credentials)? }).to_string();
            // The account exists, and can be used once.
            if let Err(error) = self.with_state(move |state| state.keep_account(&text)).await {
                log::error!("{error}; the new account is used for this attempt only");
            }
            log::info!("created an account with {}", self.settings.directory);
            return Ok(account);
        };
        let mut kept: Value = serde_json::from_str(&kept).map_err(|e| self.state.damaged_account(&e))?;
        let credentials = serde_json::from_value(kept["credentials"].clone())
            .map_err(|e| self.state.damaged_account(&e))?;
        let account = builder.from_credentials(credentials).await?;
        if kept["contact"] != json!(contact) {
            account.update_contacts(&contact_texts).await?;
            kept["contact"] = json!(contact);
            // If this fails, the contact is sent again by the next attempt.
            if let Err(error) = self.with_state(move |state| state.keep_account(&kept.to_string())).await {
                log::error!("{error}; the authority has the new `acme.contact` nevertheless");
            }
        }
        Ok(account)
    }

    /// Reads or writes state on a thread that may block.
    async fn with_state<T: Send + 'static>(
        &self,
        work: impl FnOnce(&State) -> Result<T, StateError> + Send + 'static,
    ) -> Result<T, OrderError> {
        let state = self.state.clone();
        match tokio::task::spawn_blocking(move || work(&state)).await {
            Ok(outcome) => Ok(outcome?),
            Err(e) => Err(OrderError::Unusable(format!("accessing the state failed: {e}"))),
        }
    }

    /// The certificate, if it is what was ordered.
    fn check(&self, key: &str, chain: &str) -> Result<Certificate, OrderError> {
        let certificate = Certificate::from_pem(chain.as_bytes(), key.as_bytes())
            .map_err(|e| OrderError::Unusable(format!("the authority has issued something else: it {e}")))?;
        if let Some(name) = self.settings.domains.iter().find(|name| !certificate.names().contains(name)) {
            return Err(OrderError::Unusable(format!(
                "the authority has issued a certificate that is not for {name}"
            )));
        }
        if certificate.not_after() <= SystemTime::now() {
            return Err(OrderError::Unusable(format!(
                "{certificate}, has expired by this machine's clock; set the clock"
            )));
        }
        Ok(certificate)
    }
}

fn json(credentials: &instant_acme::AccountCredentials) -> Result<Value, OrderError> {
    serde_json::to_value(credentials).map_err(|e| OrderError::Unusable(e.to_string()))
}

/// A new private key in PEM, and a certificate signing request for it.
fn request(names: &[String]) -> Result<(String, Vec<u8>), rcgen::Error> {
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
    let mut params = CertificateParams::new(names)?;
    // Only the subject alternative names matter.
    params.distinguished_name = DistinguishedName::new();
    let request = params.serialize_request(&key)?;
    Ok((key.serialize_pem(), request.der().to_vec()))
}

/// The certificate that answers a TLS-ALPN-01 challenge (RFC 8737 section 3).
fn challenge_certificate(
    name: &str,
    proof: &KeyAuthorization,
) -> Result<CertifiedKey, Box<dyn std::error::Error + Send + Sync>> {
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
    let mut params = CertificateParams::new([name.to_owned()])?;
    params.custom_extensions = vec![CustomExtension::new_acme_identifier(proof.digest().as_ref())];
    let certificate = params.self_signed(&key)?;
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    Ok(CertifiedKey::new(vec![certificate.der().clone()], any_supported_type(&key)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[tokio::test]
    async fn an_issued_certificate_that_cannot_be_stored_is_used() {
        let place = tempfile::tempdir().unwrap();
        let root = place.path().join("acme");
        let settings = Acme {
            domains: vec!["a.example".to_owned()],
            contact: None,
            directory: "https://ca.example/dir".to_owned(),
            state: root.clone(),
            ca: None,
            challenge: vec![ChallengeType::TlsAlpn01],
        };
        let state = State::open(&root, &settings.directory, &settings.domains).unwrap();
        let order = CertificateOrder {
            settings: &settings,
            state: &state,
            client: &AcmeHttpClient::new(rustls::RootCertStore::empty()),
            challenges: &Arc::default(),
            kind: ChallengeType::TlsAlpn01,
        };
        let own = rcgen::generate_simple_self_signed(settings.domains.clone()).unwrap();
        let take = || order.take(own.signing_key.serialize_pem(), own.cert.pem());
        assert_eq!(take().await.unwrap().names(), ["a.example"]);
        assert!(state.certificate().unwrap().is_some());
        fs::remove_dir_all(&root).unwrap();
        assert_eq!(take().await.unwrap().names(), ["a.example"]);
        assert!(state.certificate().unwrap().is_none());
    }
}
