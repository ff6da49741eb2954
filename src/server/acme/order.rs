//! One order, from the account to the certificate (RFC 8555 section 7): what is said to the authority, and in which order.
//! When there is one, and what becomes of the outcome, is not for here.

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

/// What it takes to ask for a certificate.
pub(super) struct CertificateOrder<'a> {
    pub(super) settings: &'a Acme,
    pub(super) state: &'a State,
    pub(super) client: &'a AcmeHttpClient,
    pub(super) challenges: &'a Arc<Challenges>,
    pub(super) kind: ChallengeType,
}

impl CertificateOrder<'_> {
    /// Gets a certificate for all domains of the settings, and keeps it.
    pub(super) async fn obtain(&self) -> Result<Certificate, OrderError> {
        match self.order().await {
            // It has lost or deleted it. There is nothing to be saved, so another one is made, once.
            Err(failure) if failure.is_of_unknown_account() => {
                log::warn!(
                    "the account with {} is not known there any more: another one is made",
                    self.settings.directory
                );
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
        // Answered until the authority has made up its mind.
        let answering = self.answer_challenges(&mut order).await?;
        let ready = order.poll_ready(&POLLS).await.map_err(OrderError::from);
        drop(answering);
        match ready {
            Ok(OrderStatus::Ready) => {}
            Ok(_) => {
                let failure = OrderError::NoAuthority("the order is invalid, and no challenge is".to_owned());
                return Err(self.why_invalid(&mut order, failure).await);
            }
            Err(failure @ OrderError::Refused(_)) => return Err(self.why_invalid(&mut order, failure).await),
            Err(failure) => return Err(failure),
        }
        let (key, request) =
            request(&self.settings.domains).map_err(|e| OrderError::Useless(e.to_string()))?;
        order.finalize_csr(&request).await?;
        let chain = order.poll_certificate(&POLLS).await?;
        self.take(key, chain).await
    }

    /// The certificate that was issued, kept if that can be done.
    async fn take(&self, key: String, chain: String) -> Result<Certificate, OrderError> {
        let certificate = self.check(&key, &chain)?;
        // It has been issued, and authorities count that: it is shown whether it can be kept or not.
        if let Err(failure) = self.keep(move |state| state.keep_certificate(&key, &chain)).await {
            log::error!(
                "{failure}; the new certificate is shown until the server ends, and then there is none"
            );
        }
        Ok(certificate)
    }

    /// Answers each challenge, and has the authority look.
    async fn answer_challenges(&self, order: &mut Order) -> Result<Vec<ChallengeGuard>, OrderError> {
        let mut answering = Vec::new();
        let mut authorizations = order.authorizations();
        while let Some(authorization) = authorizations.next().await {
            let mut authorization = authorization?;
            // An authority may remember what was shown a short while ago.
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
            answering.push(match self.kind {
                ChallengeType::Http01 => self.challenges.answer_by_http(&challenge.token, proof.as_str()),
                ChallengeType::TlsAlpn01 => {
                    let shown = shown(&name, &proof).map_err(|e| OrderError::Useless(e.to_string()))?;
                    self.challenges.answer_by_tls(&name, Arc::new(shown))
                }
            });
            challenge.set_ready().await?;
        }
        Ok(answering)
    }

    /// What the authority has seen in the place of the right answers; `failure` where it does not say.
    async fn why_invalid(&self, order: &mut Order, failure: OrderError) -> OrderError {
        let mut unproven = Vec::new();
        let mut authorizations = order.authorizations();
        while let Some(Ok(mut authorization)) = authorizations.next().await {
            if authorization.refresh().await.is_err() {
                break;
            }
            let name = authorization.identifier().to_string();
            let problems = authorization.challenges.iter().filter_map(|challenge| challenge.error.clone());
            unproven.extend(problems.map(|problem| (name.clone(), problem)));
        }
        if unproven.is_empty() { failure } else { OrderError::Unproven(self.kind, unproven) }
    }

    /// The stored account, or a new one. An operator who names a domain agrees to the authority's terms (docs/https.md).
    async fn account(&self) -> Result<Account, OrderError> {
        let builder = Account::builder_with_http(Box::new(self.client.clone()));
        let contact: Vec<_> =
            self.settings.contact.iter().map(|address| format!("mailto:{address}")).collect();
        let contact_texts: Vec<_> = contact.iter().map(String::as_str).collect();
        let kept = self.keep(State::account).await?;
        let Some(kept) = kept else {
            let new = NewAccount {
                contact: &contact_texts,
                terms_of_service_agreed: true,
                only_return_existing: false,
            };
            let (account, credentials) = builder.create(&new, self.settings.directory.clone(), None).await?;
            let text = json!({ "contact": contact, "credentials": json(&credentials)? }).to_string();
            // It is there, and so is of use once.
            if let Err(failure) = self.keep(move |state| state.keep_account(&text)).await {
                log::error!(
                    "{failure}; the account that was made is used this once, and then another is made"
                );
            }
            log::info!("an account with {} was made", self.settings.directory);
            return Ok(account);
        };
        let mut kept: Value = serde_json::from_str(&kept).map_err(|e| self.state.damaged_account(&e))?;
        let credentials = serde_json::from_value(kept["credentials"].clone())
            .map_err(|e| self.state.damaged_account(&e))?;
        let account = builder.from_credentials(credentials).await?;
        if kept["contact"] != json!(contact) {
            account.update_contacts(&contact_texts).await?;
            kept["contact"] = json!(contact);
            // Else it is told the same at the next time.
            if let Err(failure) = self.keep(move |state| state.keep_account(&kept.to_string())).await {
                log::error!("{failure}; the authority knows of the new `acme.contact` all the same");
            }
        }
        Ok(account)
    }

    /// Reads or writes state where waiting for a disk keeps nobody.
    async fn keep<T: Send + 'static>(
        &self,
        work: impl FnOnce(&State) -> Result<T, StateError> + Send + 'static,
    ) -> Result<T, OrderError> {
        let state = self.state.clone();
        match tokio::task::spawn_blocking(move || work(&state)).await {
            Ok(outcome) => Ok(outcome?),
            Err(e) => Err(OrderError::Useless(format!("the state could not be looked at: {e}"))),
        }
    }

    /// The certificate, if it is what was order_of_test for.
    fn check(&self, key: &str, chain: &str) -> Result<Certificate, OrderError> {
        let certificate = Certificate::from_pem(chain.as_bytes(), key.as_bytes())
            .map_err(|e| OrderError::Useless(format!("the authority has issued something else: it {e}")))?;
        if let Some(name) = self.settings.domains.iter().find(|name| !certificate.names().contains(name)) {
            return Err(OrderError::Useless(format!(
                "the authority has issued a certificate that is not for {name}"
            )));
        }
        if certificate.not_after() <= SystemTime::now() {
            return Err(OrderError::Useless(format!(
                "{certificate}, has expired by this machine's clock; set the clock"
            )));
        }
        Ok(certificate)
    }
}

fn json(credentials: &instant_acme::AccountCredentials) -> Result<Value, OrderError> {
    serde_json::to_value(credentials).map_err(|e| OrderError::Useless(e.to_string()))
}

/// A new private key, in PEM, and a request for a certificate for it.
fn request(names: &[String]) -> Result<(String, Vec<u8>), rcgen::Error> {
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
    let mut params = CertificateParams::new(names)?;
    // Only the alternative names count.
    params.distinguished_name = DistinguishedName::new();
    let request = params.serialize_request(&key)?;
    Ok((key.serialize_pem(), request.der().to_vec()))
}

/// What an authority is shown in a handshake (RFC 8737 section 3).
fn shown(
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
    async fn what_was_issued_and_cannot_be_kept_is_not_thrown_away() {
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
        let order_of_test = CertificateOrder {
            settings: &settings,
            state: &state,
            client: &AcmeHttpClient::new(rustls::RootCertStore::empty()),
            challenges: &Arc::default(),
            kind: ChallengeType::TlsAlpn01,
        };
        let own = rcgen::generate_simple_self_signed(settings.domains.clone()).unwrap();
        let take = || order_of_test.take(own.signing_key.serialize_pem(), own.cert.pem());
        assert_eq!(take().await.unwrap().names(), ["a.example"]);
        assert!(state.certificate().unwrap().is_some());
        fs::remove_dir_all(&root).unwrap();
        assert_eq!(take().await.unwrap().names(), ["a.example"]);
        assert!(state.certificate().unwrap().is_none());
    }
}
