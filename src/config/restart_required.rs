//! Settings that need a restart: a reload keeps their values and reports the changed ones.

use super::Settings;
use super::settings_table::KEYS;

/// The keys of the settings that only take effect at the start.
fn restart_required() -> impl Iterator<Item = &'static str> {
    KEYS.iter().filter(|key| key.needs_restart).map(|key| key.name)
}

impl Settings {
    /// Keeps the values of `running` for all settings that need a restart, and returns the keys of those that changed.
    pub fn keep_restart_required(&mut self, running: &Self) -> Vec<&'static str> {
        // A setting that is unset, then and now, follows from the machine or from other settings: the operator did not change it.
        let is_set = |key: &str| self.explicit.has(key) || running.explicit.has(key);
        let has_changed = |key: &&super::settings_table::Key| {
            key.needs_restart && is_set(key.name) && (key.show)(self) != (key.show)(running)
        };
        let mut changed: Vec<_> = KEYS.iter().filter(has_changed).map(|key| key.name).collect();
        self.state.clone_from(&running.state);
        self.acme = running.acme.clone();
        if self.scheme() != running.scheme() {
            // Certificates may change. Whether there are any may not: it decides between HTTP and HTTPS on every address.
            changed.push("tls.cert");
            self.tls = running.tls.clone();
        }
        self.listen.clone_from(&running.listen);
        self.listen_unix.clone_from(&running.listen_unix);
        self.plain_listen.clone_from(&running.plain_listen);
        self.threads = running.threads;
        self.admin = running.admin;
        self.memory = running.memory;
        let configured = self.plain_serves;
        for key in restart_required() {
            if running.explicit.has(key) {
                self.explicit.0.insert(key)
            } else {
                self.explicit.0.remove(key)
            };
        }
        // Derived from the addresses in use, not the configured ones: an address for authorities only stays one.
        self.derive();
        if self.plain_serves != configured {
            changed.push("plain_serves");
        }
        changed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changed_settings_that_need_a_restart_are_kept_and_reported() {
        let running = Settings::defaults();
        let mut new = Settings::defaults();
        assert_eq!(new.keep_restart_required(&running), [""; 0]);
        // As when the number of available processors has changed.
        new.threads += 1;
        assert_eq!(new.keep_restart_required(&running), [""; 0]);
        assert_eq!(new, running);
        new.explicit = crate::config::raw::ExplicitKeys(restart_required().collect());
        new.listen.push(([127, 0, 0, 1], 1).into());
        new.plain_listen.push(([127, 0, 0, 1], 2).into());
        new.admin = Some(([127, 0, 0, 1], 3).into());
        new.threads += 1;
        new.acme.domains.push("media.example.com".to_owned());
        new.acme.contact = Some("ops@example.com".to_owned());
        new.acme.directory = "staging".to_owned();
        new.state = "/elsewhere".into();
        new.acme.state = "/elsewhere/acme".into();
        new.acme.ca = Some("ca.pem".into());
        new.acme.challenge.pop();
        new.memory = crate::config::Memory { cache: 1, streams: 2, digests: 3 };
        new.tls.cert.push("cert.pem".into());
        new.limits.connections = 7;
        let mut expected: Vec<_> = restart_required().collect();
        expected.push("tls.cert");
        assert_eq!(new.keep_restart_required(&running), expected);
        let limits = crate::config::Limits { connections: 7, ..running.limits };
        assert_eq!(new, Settings { limits, ..running });
    }
}
