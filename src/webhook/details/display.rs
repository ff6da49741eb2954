//! Error texts in their parts, as one line.

use std::fmt;

use super::{Details, RateLimit};

impl fmt::Display for Details {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fetch { status, reason, limit } => {
                write!(f, "HTTP status {status}")?;
                write_reason(f, reason.as_deref())?;
                limit.as_ref().map_or(Ok(()), |limit| write!(f, ", {limit}"))
            }
            Self::Request { status, reason, .. } => {
                match status {
                    Some(status) => write!(f, "HTTP status {status}")?,
                    None => f.write_str("no HTTP status")?,
                }
                write_reason(f, reason.as_deref())
            }
            Self::Type { seen, accepted, .. } => write!(f, "{seen}; accepted types: {}", accepted.join(", ")),
            Self::Processed { declared, found, codecs, .. } => {
                write!(f, "sent as {declared}, detected as {found}")?;
                codecs.iter().try_for_each(|codec| write!(f, ", {codec}"))
            }
            Self::Upload { seen, .. } => {
                write!(f, "{}", seen.as_deref().unwrap_or("a type that is not accepted"))
            }
            Self::Format { component, expected, received } => {
                let component = component.as_deref().unwrap_or("parameter");
                write!(f, "{component}: the template has {expected}, the message has {received}")
            }
            Self::Uri { parameter } => f.write_str(parameter),
            Self::Button { card, index, sub_type } => {
                write_card(f, *card)?;
                let sub_type = sub_type.as_deref().unwrap_or("unknown type");
                write!(f, "button {index} ({sub_type}) has no parameter in the message")
            }
            Self::Count { card, component, sent, expected } => {
                write_card(f, *card)?;
                let component = component.as_deref().unwrap_or("a component");
                write!(f, "{component}: the template has {expected}, the message has {sent}")
            }
            Self::ParameterName { component } => {
                write!(
                    f,
                    "{}: a parameter without parameter_name",
                    component.as_deref().unwrap_or("a component")
                )
            }
            Self::Whitespace { component } => {
                let component = component.as_deref().unwrap_or("a component");
                write!(f, "{component}: a text with a line break, a tab or more than four spaces in a row")
            }
            Self::Field { field, wanted, seen } => {
                write!(f, "{field} must {wanted}")?;
                seen.as_ref().map_or(Ok(()), |seen| write!(f, ", and is {seen}"))
            }
            Self::Choice { field, allowed, seen } => {
                let seen = seen.as_deref().unwrap_or("another value");
                write!(f, "{field} is {seen}; accepted values: {}", allowed.join(", "))
            }
            Self::Missing { field } => write!(f, "{field} is missing"),
            Self::Unexpected { field } => write!(f, "{field} is not a field of the API"),
            Self::Length { subject, min, max } => write!(f, "{subject}: {min} to {max} accepted"),
            Self::Template { name, language } => write!(f, "no template {name} in the language {language}"),
            Self::Object { id } => write!(f, "no object with the id {id}"),
            Self::StatusOnly { status } => write!(f, "HTTP status {status}"),
        }
    }
}

fn write_card(f: &mut fmt::Formatter<'_>, card: Option<u32>) -> fmt::Result {
    card.map_or(Ok(()), |card| write!(f, "card {card}, "))
}

fn write_reason(f: &mut fmt::Formatter<'_>, reason: Option<&str>) -> fmt::Result {
    reason.map_or(Ok(()), |reason| write!(f, " {reason}"))
}

impl fmt::Display for RateLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "limited by {}", self.by.as_deref().unwrap_or("a proxy"))?;
        let mut before = " for the network ";
        for network in &self.networks {
            write!(f, "{before}AS{network}")?;
            before = ", ";
        }
        Ok(())
    }
}
