//! Parameters of the text of a template.

use serde_json::Value;

use crate::message::json_object::Object;

/// A text for a variable: the next one, or the one with a name.
///
/// ```
/// use wamedia::message::TemplateText;
///
/// assert_ne!(TemplateText::new("Pablo"), TemplateText::named("first_name", "Pablo"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateText {
    name: Option<String>,
    text: String,
}

impl TemplateText {
    /// For the next variable.
    pub fn new(text: impl Into<String>) -> Self {
        Self { name: None, text: text.into() }
    }

    /// For the variable with this name, in a template with named parameters.
    pub fn named(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self { name: Some(name.into()), text: text.into() }
    }

    pub(super) fn json(&self) -> Value {
        Object::new()
            .with("type", "text")
            .maybe("parameter_name", self.name.as_deref())
            .with("text", self.text.as_str())
            .into()
    }
}

/// The value of a variable in the text of a template (Meta, templates/components).
///
/// ```
/// use wamedia::message::{DateTime, Parameter};
///
/// let filled = [
///     Parameter::text("Pablo"),
///     Parameter::named("order", "860198-230332"),
///     Parameter::currency("$100.99", "USD", 100_990),
///     Parameter::DateTime(DateTime::new("25 February 1977").year(1977).month(2).day_of_month(25)),
/// ];
/// assert_eq!(filled.len(), 4);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Parameter {
    /// A text.
    Text(TemplateText),
    /// An amount of money, formatted for the customer's locale.
    Currency {
        /// The fallback text.
        fallback: String,
        /// The currency code (ISO 4217): `USD`.
        code: String,
        /// The amount times 1000.
        amount_1000: i64,
    },
    /// A date and time, formatted for the customer's locale.
    DateTime(DateTime),
}

impl Parameter {
    /// A text for the next variable.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(TemplateText::new(text))
    }

    /// A text for the variable with this name.
    pub fn named(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self::Text(TemplateText::named(name, text))
    }

    /// An amount of money: fallback text, currency code, and the amount times 1000.
    pub fn currency(fallback: impl Into<String>, code: impl Into<String>, amount_1000: i64) -> Self {
        Self::Currency { fallback: fallback.into(), code: code.into(), amount_1000 }
    }

    pub(super) fn json(&self) -> Value {
        match self {
            Self::Text(text) => text.json(),
            Self::Currency { fallback, code, amount_1000 } => {
                let currency = Object::new()
                    .with("fallback_value", fallback.as_str())
                    .with("code", code.as_str())
                    .with("amount_1000", *amount_1000);
                Object::new().with("type", "currency").with("currency", currency).into()
            }
            Self::DateTime(moment) => {
                Object::new().with("type", "date_time").with("date_time", moment.json()).into()
            }
        }
    }
}

/// A date and time: the fallback text, which WhatsApp shows today, and the documented components for localised formats.
///
/// ```
/// use wamedia::message::DateTime;
///
/// let appointment = DateTime::new("25 February 1977, 15:33").day_of_week(5).hour(15).minute(33);
/// # let _ = appointment;
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DateTime {
    fallback: String,
    /// Names and values of the components, in the order of the calls.
    parts: Vec<(&'static str, u32)>,
    calendar: Option<String>,
}

impl DateTime {
    /// A date with this fallback text.
    pub fn new(fallback: impl Into<String>) -> Self {
        Self { fallback: fallback.into(), parts: Vec::new(), calendar: None }
    }

    /// The calendar: `GREGORIAN` or `SOLAR_HIJRI`.
    #[must_use]
    pub fn calendar(mut self, calendar: impl Into<String>) -> Self {
        self.calendar = Some(calendar.into());
        self
    }

    /// The day of the week, 1 for Monday to 7 for Sunday.
    #[must_use]
    pub fn day_of_week(self, day: u32) -> Self {
        self.part("day_of_week", day)
    }

    /// The year.
    #[must_use]
    pub fn year(self, year: u32) -> Self {
        self.part("year", year)
    }

    /// The month, from 1.
    #[must_use]
    pub fn month(self, month: u32) -> Self {
        self.part("month", month)
    }

    /// The day of the month, from 1.
    #[must_use]
    pub fn day_of_month(self, day: u32) -> Self {
        self.part("day_of_month", day)
    }

    /// The hour, 0 to 23.
    #[must_use]
    pub fn hour(self, hour: u32) -> Self {
        self.part("hour", hour)
    }

    /// The minute.
    #[must_use]
    pub fn minute(self, minute: u32) -> Self {
        self.part("minute", minute)
    }

    fn part(mut self, name: &'static str, value: u32) -> Self {
        self.parts.push((name, value));
        self
    }

    fn json(&self) -> Object {
        let object = Object::new()
            .with("fallback_value", self.fallback.as_str())
            .maybe("calendar", self.calendar.as_deref());
        self.parts.iter().fold(object, |object, (name, value)| object.with(name, *value))
    }
}
