//! Message templates as Meta stores them: languages, statuses and button types.

mod languages;

pub use languages::{LANGUAGES, LANGUAGES_SOURCE, UnlistedLanguage, unlisted_language};

/// Whether a template with a status can be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sendable {
    /// Yes.
    Yes,
    /// Not until Meta lifts the pause, or a person does (132015).
    Paused,
    /// Never again (132016).
    Disabled,
    /// Not approved, or deleted (132001).
    No,
}

/// The statuses of templates (Meta: message templates, template status, May 2026; template archival, 2026).
pub const STATUSES: &[(&str, Sendable)] = &[
    ("APPROVED", Sendable::Yes),
    ("REINSTATED", Sendable::Yes),
    ("UNARCHIVED", Sendable::Yes),
    ("FLAGGED", Sendable::Yes),
    ("LOCKED", Sendable::Yes),
    ("PAUSED", Sendable::Paused),
    ("DISABLED", Sendable::Disabled),
    ("PENDING", Sendable::No),
    ("IN_APPEAL", Sendable::No),
    ("REJECTED", Sendable::No),
    ("PENDING_DELETION", Sendable::No),
    ("DELETED", Sendable::No),
    ("ARCHIVED", Sendable::No),
    ("LIMIT_EXCEEDED", Sendable::No),
];

/// What the payload has for a button of a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ButtonComponent {
    /// A component with parameters.
    Required,
    /// A component, which all of Meta's examples have.
    Expected,
    /// A component, if the sender wants one.
    Optional,
    /// No component: the button is the same in every message.
    Refused,
    /// `Required` if the button's URL has a variable, otherwise `Refused`.
    IfVariable,
}

/// A button type of a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ButtonType {
    /// The type, as Meta lists it.
    pub word: &'static str,
    /// The type as error messages name it.
    pub name: &'static str,
    /// The `sub_type` of its component.
    pub sub_type: Option<&'static str>,
    /// Whether it has a component.
    pub component: ButtonComponent,
}

/// The page that [`BUTTON_TYPES`] is from.
pub const BUTTONS_SOURCE: &str = "Meta: templates, components, May 2026";

/// The button types of templates. Of other types nothing is known, so they are not checked.
pub const BUTTON_TYPES: &[ButtonType] = &[
    button("QUICK_REPLY", "QuickReply", Some("quick_reply"), ButtonComponent::Optional),
    button("URL", "Url", Some("url"), ButtonComponent::IfVariable),
    button("PHONE_NUMBER", "Call", None, ButtonComponent::Refused),
    button("COPY_CODE", "CopyCode", Some("copy_code"), ButtonComponent::Required),
    // Meta creates one-time passcode buttons as OTP and lists them as URL, with a variable in the URL.
    button("OTP", "Otp", Some("url"), ButtonComponent::Required),
    button("FLOW", "Flow", Some("flow"), ButtonComponent::Expected),
    button("CATALOG", "Catalog", Some("catalog"), ButtonComponent::Optional),
    button("MPM", "Mpm", Some("mpm"), ButtonComponent::Required),
    button("SPM", "Spm", None, ButtonComponent::Refused),
    button("VOICE_CALL", "VoiceCall", Some("voice_call"), ButtonComponent::Optional),
    button("ORDER_DETAILS", "OrderDetails", Some("order_details"), ButtonComponent::Required),
    button("REMINDER", "Reminder", Some("reminder"), ButtonComponent::Optional),
    button(
        "BOOKING_CONFIRMATION",
        "BookingConfirmation",
        Some("booking_confirmation"),
        ButtonComponent::Optional,
    ),
];

const fn button(
    word: &'static str,
    name: &'static str,
    sub_type: Option<&'static str>,
    component: ButtonComponent,
) -> ButtonType {
    ButtonType { word, name, sub_type, component }
}
