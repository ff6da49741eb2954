//! Readiness: whether the server can answer requests, and if not, why.

use std::fmt;
use std::time::{Duration, SystemTime};

use humantime::format_rfc3339_seconds;

use crate::server::status::ServerStatus;
use crate::server::tls::Certificates;

/// How long a store may take to answer a health check.
const STORE_TIMEOUT: Duration = Duration::from_secs(2);

/// The checks by name, and the error of each that failed.
#[derive(Debug)]
pub(super) struct Readiness(Vec<(String, Option<String>)>);

/// Runs all checks. Takes two seconds at most.
pub(super) async fn check(status: &ServerStatus) -> Readiness {
    let draining = status.is_draining().then(|| "the server is shutting down and drains".to_owned());
    let mut checks = vec![("serving".to_owned(), draining)];
    if let Some(certificates) = &status.certificates {
        checks.push(("certificates".to_owned(), invalid(certificates, SystemTime::now())));
    }
    let stores = status.snapshots.load().stores.clone();
    checks.extend(stores.health(STORE_TIMEOUT).await);
    Readiness(checks)
}

/// Why clients reject all certificates, if they do. A certificate that has expired beside others that have not does not make the
/// server unready; [metrics](super::exposition) report it.
fn invalid(certificates: &Certificates, now: SystemTime) -> Option<String> {
    let slots = certificates.all();
    let installed = || slots.iter().flatten();
    if installed().any(|one| (one.not_before()..=one.not_after()).contains(&now)) {
        return None;
    }
    let described: Vec<_> = installed()
        .map(|one| match one.not_before() {
            begin if now < begin => format!("{one}, and not before {}", format_rfc3339_seconds(begin)),
            _ => one.to_string(),
        })
        .collect();
    let state = if described.is_empty() {
        "there is no certificate yet".to_owned()
    } else {
        format!("no certificate is valid now: {}", described.join("; "))
    };
    Some([vec![state], certificates.errors()].concat().join("; "))
}

impl Readiness {
    pub(super) fn is_ready(&self) -> bool {
        self.0.iter().all(|(_, error)| error.is_none())
    }
}

/// One line for each check: `ok` or `not ok`, the name, and the error.
impl fmt::Display for Readiness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, error) in &self.0 {
            match error {
                None => writeln!(f, "ok {name}")?,
                Some(error) => writeln!(f, "not ok {name}: {error}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_failed_check_is_enough() {
        let mut readiness = Readiness(vec![("serving".to_owned(), None)]);
        assert!(readiness.is_ready());
        readiness.0.push(("s3://media at /".to_owned(), Some("it does not answer".to_owned())));
        assert!(!readiness.is_ready());
        assert_eq!(readiness.to_string(), "ok serving\nnot ok s3://media at /: it does not answer\n");
    }
}
