//! Dialects: the APIs that accept message payloads, and the differences between them.
//!
//! A [`Dialect`] decides the endpoint of a payload, the header with the credential, and the fields of the envelope. The rules for
//! messages are data in [`crate::whatsapp::messages`].

use std::fmt;
use std::str::FromStr;

use crate::suggest;
use crate::whatsapp::schema::Platform;

/// An API that accepts messages.
///
/// ```
/// use wamedia::message::Dialect;
///
/// let dialect: Dialect = "360dialog".parse()?;
/// assert_eq!((dialect.credential_header(), dialect.credential_variable()), ("D360-API-KEY", "D360_API_KEY"));
/// # Ok::<(), wamedia::message::UnknownDialectError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Dialect {
    /// Meta's Cloud API: `cloud`.
    #[default]
    Cloud,
    /// Meta's On-Premises API, which ended in October 2025 but is still in use: `on-premises`.
    OnPremises,
    /// 360dialog, for numbers registered in the Cloud API: `360dialog`. Its payloads are those of the Cloud API.
    Dialog360,
    /// 360dialog, for numbers registered in the On-Premises API: `360dialog-on-premises`.
    Dialog360OnPremises,
}

impl Dialect {
    /// All dialects.
    pub const ALL: [Self; 4] = [Self::Cloud, Self::OnPremises, Self::Dialog360, Self::Dialog360OnPremises];

    /// Its name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cloud => "cloud",
            Self::OnPremises => "on-premises",
            Self::Dialog360 => "360dialog",
            Self::Dialog360OnPremises => "360dialog-on-premises",
        }
    }

    /// The platform that defines its payloads.
    pub const fn platform(self) -> Platform {
        match self {
            Self::Cloud | Self::Dialog360 => Platform::Cloud,
            Self::OnPremises | Self::Dialog360OnPremises => Platform::OnPremises,
        }
    }

    /// The URL to post messages to. A missing part is a shell variable such as `${PHONE_NUMBER_ID}`, so that the URL works in double
    /// quotes once the variables are set.
    ///
    /// 360dialog's page on media messages has `/message` for the Cloud API; the path that works is `/messages`, as on its other
    /// pages. For On-Premises, the heading of the same page has `/v1/message`, and its example `/v1/messages`.
    pub fn endpoint(self, parts: &EndpointParts<'_>) -> String {
        match self {
            Self::Cloud => format!(
                "https://graph.facebook.com/{}/{}/messages",
                parts.version.unwrap_or("${GRAPH_API_VERSION}"),
                parts.phone_number_id.unwrap_or("${PHONE_NUMBER_ID}")
            ),
            Self::OnPremises => format!("https://{}/v1/messages", parts.host.unwrap_or("${WHATSAPP_HOST}")),
            Self::Dialog360 => "https://waba-v2.360dialog.io/messages".to_owned(),
            Self::Dialog360OnPremises => "https://waba.360dialog.io/v1/messages".to_owned(),
        }
    }

    /// The name of the header that carries the credential.
    pub const fn credential_header(self) -> &'static str {
        match self {
            Self::Cloud | Self::OnPremises => "Authorization",
            Self::Dialog360 | Self::Dialog360OnPremises => "D360-API-KEY",
        }
    }

    /// The prefix of the credential in that header: `Bearer ` with its space, or nothing.
    pub const fn credential_prefix(self) -> &'static str {
        match self {
            Self::Cloud | Self::OnPremises => "Bearer ",
            Self::Dialog360 | Self::Dialog360OnPremises => "",
        }
    }

    /// The environment variable that holds the credential.
    pub const fn credential_variable(self) -> &'static str {
        match self {
            Self::Cloud | Self::OnPremises => "WHATSAPP_TOKEN",
            Self::Dialog360 | Self::Dialog360OnPremises => "D360_API_KEY",
        }
    }

    /// Whether a payload has `"messaging_product": "whatsapp"`.
    pub const fn has_messaging_product(self) -> bool {
        matches!(self.platform(), Platform::Cloud)
    }

    /// Whether `preview_url` of a text message is beside `text`, not in it.
    pub const fn has_top_level_preview_url(self) -> bool {
        matches!(self.platform(), Platform::OnPremises)
    }
}

/// The parts of an endpoint that depend on the sender.
///
/// ```
/// use wamedia::message::{Dialect, EndpointParts};
///
/// let parts = EndpointParts { version: Some("v23.0"), phone_number_id: Some("106540352242922"), host: None };
/// assert_eq!(Dialect::Cloud.endpoint(&parts), "https://graph.facebook.com/v23.0/106540352242922/messages");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EndpointParts<'a> {
    /// The version of the Graph API, as in `v23.0`. For the Cloud API.
    pub version: Option<&'a str>,
    /// The id of the business phone number (not the number itself). For the Cloud API.
    pub phone_number_id: Option<&'a str>,
    /// Host, with the port if it is not 443. For the On-Premises API.
    pub host: Option<&'a str>,
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Dialect {
    type Err = UnknownDialectError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|dialect| dialect.name() == text)
            .ok_or_else(|| UnknownDialectError(text.to_owned()))
    }
}

/// Error for an unknown name of a dialect.
///
/// ```
/// use wamedia::message::Dialect;
///
/// let unknown = "clowd".parse::<Dialect>().unwrap_err();
/// assert!(unknown.to_string().contains("did you mean cloud?"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownDialectError(String);

impl fmt::Display for UnknownDialectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = Dialect::ALL.map(Dialect::name);
        write!(f, "`{}` is not a dialect; the dialects are {}", self.0.escape_debug(), names.join(", "))?;
        match suggest::nearest(&self.0, names) {
            Some(name) => write!(f, " (did you mean {name}?)"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for UnknownDialectError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn displayed_names_parse() {
        for dialect in Dialect::ALL {
            assert_eq!(dialect.to_string().parse(), Ok(dialect));
        }
        let message = "360-dialog".parse::<Dialect>().expect_err("no dialect").to_string();
        assert!(message.contains("cloud, on-premises") && message.contains("mean 360dialog?"), "{message}");
    }

    #[test]
    fn each_dialect_has_its_endpoint_and_credential() {
        let none = EndpointParts::default();
        let all = EndpointParts {
            version: Some("v23.0"),
            phone_number_id: Some("106540352242922"),
            host: Some("wa.example:9090"),
        };
        for (dialect, open, filled, header, variable) in [
            (
                Dialect::Cloud,
                "https://graph.facebook.com/${GRAPH_API_VERSION}/${PHONE_NUMBER_ID}/messages",
                "https://graph.facebook.com/v23.0/106540352242922/messages",
                "Authorization: Bearer ",
                "WHATSAPP_TOKEN",
            ),
            (
                Dialect::OnPremises,
                "https://${WHATSAPP_HOST}/v1/messages",
                "https://wa.example:9090/v1/messages",
                "Authorization: Bearer ",
                "WHATSAPP_TOKEN",
            ),
            (
                Dialect::Dialog360,
                "https://waba-v2.360dialog.io/messages",
                "https://waba-v2.360dialog.io/messages",
                "D360-API-KEY: ",
                "D360_API_KEY",
            ),
            (
                Dialect::Dialog360OnPremises,
                "https://waba.360dialog.io/v1/messages",
                "https://waba.360dialog.io/v1/messages",
                "D360-API-KEY: ",
                "D360_API_KEY",
            ),
        ] {
            assert_eq!(dialect.endpoint(&none), open);
            assert_eq!(dialect.endpoint(&all), filled);
            assert_eq!(format!("{}: {}", dialect.credential_header(), dialect.credential_prefix()), header);
            assert_eq!(dialect.credential_variable(), variable);
        }
    }

    #[test]
    fn only_on_premises_has_the_older_fields() {
        for dialect in Dialect::ALL {
            let older = dialect.platform() == Platform::OnPremises;
            assert_eq!(dialect.has_messaging_product(), !older);
            assert_eq!(dialect.has_top_level_preview_url(), older);
        }
    }
}
