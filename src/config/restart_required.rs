//! New settings for a program that runs: what of them cannot take effect before it is started again.

use super::Settings;
use super::settings_table::KEYS;

/// The keys of the settings that last as long as the process.
fn fixed() -> impl Iterator<Item = &'static str> {
    KEYS.iter().filter(|key| key.needs_restart).map(|key| key.name)
}

impl Settings {
    /// Takes over from the settings that are `running` what cannot change while the program runs, and gives the keys of what was to
    /// be otherwise.
    pub fn keep_what_is_fixed(&mut self, running: &Self) -> Vec<&'static str> {
        // What nobody says, then or now, follows from the machine or from what is said: it is no change that anybody has made.
        let is_said = |key: &str| self.said.has(key) || running.said.has(key);
        let has_changed = |key: &&super::settings_table::Key| {
            key.needs_restart && is_said(key.name) && (key.show)(self) != (key.show)(running)
        };
        let mut changed: Vec<_> = KEYS.iter().filter(has_changed).map(|key| key.name).collect();
        self.acme = running.acme.clone();
        if self.scheme() != running.scheme() {
            // Which certificates there are may change; whether there are any decides what is spoken on every address.
            changed.push("tls.cert");
            self.tls = running.tls.clone();
        }
        self.listen.clone_from(&running.listen);
        self.plain_listen.clone_from(&running.plain_listen);
        self.threads = running.threads;
        self.admin = running.admin;
        self.memory = running.memory;
        let meant = self.plain_serves;
        for key in fixed() {
            if running.said.has(key) {
                self.said.0.insert(key)
            } else {
                self.said.0.remove(key)
            };
        }
        // From what is listened on, not from what would be: an address that is there for authorities alone stays so.
        self.derive();
        if self.plain_serves != meant {
            changed.push("plain_serves");
        }
        changed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_fixed_stays_and_is_named_and_the_rest_is_taken() {
        let running = Settings::defaults();
        let mut new = Settings::defaults();
        assert_eq!(new.keep_what_is_fixed(&running), [""; 0]);
        // As where the processors that it may run on are others now.
        new.threads += 1;
        assert_eq!(new.keep_what_is_fixed(&running), [""; 0]);
        assert_eq!(new, running);
        new.said = crate::config::raw::Said(fixed().collect());
        new.listen.push(([127, 0, 0, 1], 1).into());
        new.plain_listen.push(([127, 0, 0, 1], 2).into());
        new.admin = Some(([127, 0, 0, 1], 3).into());
        new.threads += 1;
        new.acme.domains.push("media.example.com".to_owned());
        new.acme.contact = Some("ops@example.com".to_owned());
        new.acme.directory = "staging".to_owned();
        new.acme.state = "/elsewhere".into();
        new.acme.ca = Some("ca.pem".into());
        new.acme.challenge.pop();
        new.memory = crate::config::Memory { cache: 1, streams: 2, digests: 3 };
        new.tls.cert.push("cert.pem".into());
        new.limits.connections = 7;
        let mut expected = Vec::from_iter(fixed());
        expected.push("tls.cert");
        assert_eq!(new.keep_what_is_fixed(&running), expected);
        let limits = crate::config::Limits { connections: 7, ..running.limits };
        assert_eq!(new, Settings { limits, ..running });
    }
}
