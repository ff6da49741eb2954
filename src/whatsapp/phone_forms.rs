//! Phone numbers that WhatsApp writes in two forms: Argentina and Mexico.
//!
//! Mobile numbers in Argentina have a 9 after the country code when they are dialled from abroad, and those in Mexico had a 1 until
//! 2019. WhatsApp's `wa_id` has that digit; the list of recipients of a test number often does not, and then a message to the form that
//! a webhook has fails with 131030.

/// Where the forms are known from.
pub(crate) const SOURCE: &str = "kevinrivm/vocero-crm#35, chatwoot/chatwoot#13932, david-lev/pywa#155";

/// A country with two forms of its mobile numbers.
struct Country {
    name: &'static str,
    code: &'static str,
    digit: &'static str,
}

/// As reported until August 2026. Each number has ten digits after the country code and the digit.
const COUNTRIES: &[Country] = &[
    Country { name: "Argentina", code: "54", digit: "9" },
    Country { name: "Mexico", code: "52", digit: "1" },
];

const DIGITS: usize = 10;

/// The two forms of a phone number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Forms {
    pub(crate) country: &'static str,
    /// The digit that only one form has.
    pub(crate) digit: &'static str,
    /// The number as it was given: `+`, then digits.
    pub(crate) given: String,
    /// The number in its other form.
    pub(crate) other: String,
    /// Whether the number as given has the digit.
    pub(crate) has_digit: bool,
}

/// The other form of a number in Argentina or Mexico, with or without `+`, spaces, hyphens and brackets.
pub(crate) fn other_form(phone: &str) -> Option<Forms> {
    let is_filler = |c: char| matches!(c, '+' | ' ' | '-' | '(' | ')' | '.');
    if phone.chars().any(|c| !c.is_ascii_digit() && !is_filler(c)) {
        return None;
    }
    let digits: String = phone.chars().filter(char::is_ascii_digit).collect();
    // "00" is how the prefix is dialled; WhatsApp wants "+".
    let digits = digits.strip_prefix("00").unwrap_or(&digits);
    COUNTRIES.iter().find_map(|Country { name, code, digit }| {
        let rest = digits.strip_prefix(code)?;
        let short = rest.strip_prefix(digit).filter(|short| short.len() == DIGITS);
        let other = match short {
            Some(short) => format!("+{code}{short}"),
            None if rest.len() == DIGITS => format!("+{code}{digit}{rest}"),
            None => return None,
        };
        Some(Forms { country: name, digit, given: format!("+{digits}"), other, has_digit: short.is_some() })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_argentina_and_mexico_have_another_form() {
        for (phone, other) in [
            ("+5491123456789", Some("+541123456789")),
            ("+541123456789", Some("+5491123456789")),
            ("5491123456789", Some("+541123456789")),
            ("+54 9 11 2345-6789", Some("+541123456789")),
            ("+52 1 (55) 1234 5678", Some("+525512345678")),
            ("525512345678", Some("+5215512345678")),
            ("0052 55 1234 5678", Some("+5215512345678")),
            ("+16505551234", None),
            ("+54911234567", None),
            ("+5211234", None),
            ("US.5491123456789", None),
            ("", None),
        ] {
            assert_eq!(other_form(phone).map(|forms| forms.other).as_deref(), other, "{phone}");
        }
    }
}
