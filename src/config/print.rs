//! `--print-config`: prints the settings in force as a configuration file.
//!
//! The text reads back as the same settings, whether they came from file, environment or flags. Only secrets are left out: signing
//! keys, and the credentials of `[[auth]]` tables. Paths are absolute, so the text may be saved anywhere.

use std::fmt;

use super::settings_table::{KEYS, Shown};
use super::toml_string::toml_string;
use super::units::Span;
use super::{Auth, Bucket, Location, Service, Settings};
use crate::asset::CachePolicy;
use crate::http::AuthScheme;
use crate::whatsapp::{CURRENT_REGIME, Treatment};

/// Displays settings as TOML with comments.
///
/// A path that is not UTF-8 is printed with replacement characters, and does not read back.
pub(super) struct AsFile<'a>(pub(super) &'a Settings);

impl fmt::Display for AsFile<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let settings = self.0;
        writeln!(
            f,
            "# The settings in force. Flags override WAMEDIA_ variables, which override the file, which overrides defaults."
        )?;
        match &settings.config_file {
            Some(path) => writeln!(f, "# Configuration file: {}", path.to_string_lossy().escape_debug())?,
            None => writeln!(f, "# No configuration file was read.")?,
        }
        if !settings.auth.is_empty() {
            writeln!(
                f,
                "# [[auth]] tables are printed without their credentials: add them before you use this as a file."
            )?;
        }
        write_keys(f, settings, "")?;
        writeln!(f, "\n[tls]")?;
        write_keys(f, settings, "tls.")?;
        writeln!(f, "\n[acme]")?;
        write_keys(f, settings, "acme.")?;
        for mount in &settings.mounts {
            writeln!(f, "\n[[mount]]")?;
            writeln!(f, "path = {}", toml_string(&format!("/{}", mount.path)))?;
            writeln!(f, "store = {}", toml_string(&mount.store.to_string()))?;
            writeln!(f, "fresh = {}", toml_string(&Span(mount.fresh).to_string()))?;
            match &mount.store {
                Location::Bucket(bucket) => write_bucket(f, bucket)?,
                Location::Folder(_) => writeln!(f, "last_modified = \"{}\"", mount.last_modified.as_str())?,
            }
        }
        writeln!(f, "\n[admin]")?;
        write_keys(f, settings, "admin.")?;
        writeln!(f, "\n[memory]")?;
        write_keys(f, settings, "memory.")?;
        writeln!(
            f,
            "\n# What WhatsApp does under each policy where it follows response headers (Meta's pages, 2022 to API v20)."
        )?;
        writeln!(f, "# {CURRENT_REGIME}.")?;
        writeln!(f, "[cache]")?;
        write_keys(f, settings, "cache.")?;
        for rule in &settings.cache.rules {
            writeln!(f, "\n[[cache.rule]]\nmatch = {}", toml_string(rule.pattern()))?;
            write_policy(f, "cache_control", rule.policy())?;
            writeln!(f, "signed = {}", rule.is_signed())?;
        }
        writeln!(f, "\n# Keys are not printed.\n[signing]")?;
        write_keys(f, settings, "signing.")?;
        for auth in &settings.auth {
            write_auth(f, auth)?;
        }
        writeln!(f, "\n[cors]")?;
        write_keys(f, settings, "cors.")?;
        writeln!(f, "\n[upstream]")?;
        write_keys(f, settings, "upstream.")?;
        writeln!(f, "\n[limits]")?;
        write_keys(f, settings, "limits.")
    }
}

/// The other keys of a bucket's `[[mount]]`. Environment variables are not printed, because some are secret.
fn write_bucket(f: &mut fmt::Formatter<'_>, bucket: &Bucket) -> fmt::Result {
    writeln!(f, "stale_if_error = {}", toml_string(&Span(bucket.stale_if_error).to_string()))?;
    for (key, value) in [("endpoint", &bucket.endpoint), ("region", &bucket.region)] {
        match value {
            Some(value) => writeln!(f, "{key} = {}", toml_string(value))?,
            None => writeln!(f, "# {key} is not set: it comes from the environment, or is the provider's")?,
        }
    }
    if bucket.service == Service::S3 {
        writeln!(f, "addressing = {}", toml_string(bucket.addressing.as_str()))?;
    }
    writeln!(f, "credentials = {}", toml_string(&bucket.credentials.to_string()))
}

/// An `[[auth]]` table without its credentials: read back like this, it is an error and does not leave the path open.
fn write_auth(f: &mut fmt::Formatter<'_>, auth: &Auth) -> fmt::Result {
    writeln!(f, "\n[[auth]]\npath = {}", toml_string(&format!("/{}", auth.path)))?;
    for (key, scheme) in [("basic", AuthScheme::Basic), ("bearer", AuthScheme::Bearer)] {
        match auth.credentials.count(scheme) {
            0 => writeln!(f, "# {key} is not set")?,
            count => writeln!(f, "# {key}: {count}, not printed; copy the line from the configuration file")?,
        }
    }
    Ok(())
}

/// The keys directly in the table with this prefix.
fn write_keys(f: &mut fmt::Formatter<'_>, settings: &Settings, prefix: &str) -> fmt::Result {
    for key in KEYS {
        let Some(name) = key.name.strip_prefix(prefix).filter(|name| !name.contains('.')) else { continue };
        match (key.show)(settings) {
            None => writeln!(f, "# {name} is not set")?,
            Some(Shown::Number(number)) => writeln!(f, "{name} = {number}")?,
            Some(Shown::Truth(truth)) => writeln!(f, "{name} = {truth}")?,
            Some(Shown::Text(text)) => writeln!(f, "{name} = {}", toml_string(&text))?,
            Some(Shown::List(items)) => {
                let items: Vec<_> = items.iter().map(|item| toml_string(item)).collect();
                writeln!(f, "{name} = [{}]", items.join(", "))?;
            }
            Some(Shown::Policy(policy)) => write_policy(f, name, &policy)?,
        }
    }
    Ok(())
}

fn write_policy(f: &mut fmt::Formatter<'_>, key: &str, policy: &CachePolicy) -> fmt::Result {
    writeln!(f, "# {}.", Treatment::under(policy))?;
    writeln!(f, "{key} = {}", toml_string(policy.as_str()))
}
