//! Whether requests can be answered as they should be, and if not, why.

use std::fmt;
use std::time::{Duration, SystemTime};

use humantime::format_rfc3339_seconds;

use crate::server::status::ServerStatus;
use crate::server::tls::Certificates;

/// How long a store may take to say that it is there.
const STORE_TIMEOUT: Duration = Duration::from_secs(2);

/// What was looked at, and what is wrong with it.
#[derive(Debug)]
pub(super) struct Readiness(Vec<(String, Option<String>)>);

/// Looks at everything that readiness hangs on. Takes two seconds at most.
pub(super) async fn check(status: &ServerStatus) -> Readiness {
    let draining = status.is_draining().then(|| "the server was told to stop, and drains".to_owned());
    let mut looked = vec![("serving".to_owned(), draining)];
    if let Some(certificates) = &status.certificates {
        looked.push(("certificates".to_owned(), invalid(certificates, SystemTime::now())));
    }
    let stores = status.snapshots.load().stores.clone();
    looked.extend(stores.health(STORE_TIMEOUT).await);
    Readiness(looked)
}

/// Why clients trust none of the certificates, where that is so. One that has expired beside others that have not does not
/// keep these from being served; [metrics](super::exposition) tell of it.
fn invalid(certificates: &Certificates, now: SystemTime) -> Option<String> {
    let slots = certificates.all();
    let installed = || slots.iter().flatten();
    if installed().any(|one| (one.not_before()..=one.not_after()).contains(&now)) {
        return None;
    }
    let told: Vec<_> = installed()
        .map(|one| match one.not_before() {
            begin if now < begin => format!("{one}, and not before {}", format_rfc3339_seconds(begin)),
            _ => one.to_string(),
        })
        .collect();
    let state = if told.is_empty() {
        "there is none yet".to_owned()
    } else {
        format!("none is valid now: {}", told.join("; "))
    };
    Some([vec![state], certificates.errors()].concat().join("; "))
}

impl Readiness {
    pub(super) fn is_ready(&self) -> bool {
        self.0.iter().all(|(_, trouble)| trouble.is_none())
    }
}

/// A line for each thing: `ok` or `not ok`, what it is, and what is wrong with it.
impl fmt::Display for Readiness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (thing, trouble) in &self.0 {
            match trouble {
                None => writeln!(f, "ok {thing}")?,
                Some(trouble) => writeln!(f, "not ok {thing}: {trouble}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_trouble_is_enough() {
        let mut readiness = Readiness(vec![("serving".to_owned(), None)]);
        assert!(readiness.is_ready());
        readiness.0.push(("s3://media at /".to_owned(), Some("it does not answer".to_owned())));
        assert!(!readiness.is_ready());
        assert_eq!(readiness.to_string(), "ok serving\nnot ok s3://media at /: it does not answer\n");
    }
}
