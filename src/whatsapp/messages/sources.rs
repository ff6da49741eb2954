//! Titles of the documents that the limits come from.

/// The envelope and the common fields of all messages.
pub(super) const MESSAGES: &str = "Meta: Cloud API, messages, April 2026";
/// Recipients and replies.
pub(super) const SENDING: &str = "Meta: Cloud API, sending messages, v20.0";
/// Text messages.
pub(super) const TEXT: &str = "Meta: Cloud API, text messages, April 2026";
/// Images, audio, video, documents and stickers.
pub(super) const MEDIA: &str = "Meta: Cloud API, media messages, April 2026";
/// Media links and their providers.
pub(super) const LINKS: &str = "Meta: Business API, sending media messages";
/// Location messages.
pub(super) const LOCATION: &str = "Meta: Cloud API, location messages, April 2026";
/// Contacts.
pub(super) const CONTACTS: &str = "Meta: Cloud API, contacts messages, April 2026";
/// Reactions.
pub(super) const REACTION: &str = "Meta: Cloud API, reaction messages, April 2026";
/// Interactive messages with buttons and lists.
pub(super) const INTERACTIVE: &str = "Meta: Cloud API, interactive messages, April 2026";
/// Flows.
pub(super) const FLOWS: &str = "Meta: WhatsApp Flows, sending a flow, April 2026";
/// Products, catalogs and orders.
pub(super) const COMMERCE: &str = "Meta: Cloud API, share products with customers, April 2026";
/// Carousels.
pub(super) const CAROUSEL: &str = "Meta: Cloud API, interactive carousel messages, April 2026";
/// Calls.
pub(super) const CALLS: &str = "Meta: Cloud API, calling, April 2026";
/// Templates.
pub(super) const TEMPLATE: &str = "Meta: Cloud API, template messages, April 2026";
/// Sub-types of buttons: the list in the text of error 100, which Meta's pages lag.
pub(super) const BUTTON_TYPES: &str =
    "Meta: Cloud API, values listed by error 100 for sub_type, v24.0, January 2026";
/// Documents in headers of templates.
pub(super) const TEMPLATE_DOCUMENT: &str = "Meta: Cloud API, messages reference, parameter object, v20.0";
/// Text in variables of templates.
pub(super) const VARIABLES: &str = "Meta: Cloud API, error 132018, 2026";
/// Text in variables of templates, named or by position.
pub(super) const PARAMETER_FORMAT: &str = "Meta: templates, overview, parameter formats, May 2026";
/// Requests for contact information.
pub(super) const CONTACT_REQUEST: &str = "Meta: business-scoped user ids, 7 May 2026";
/// Messages that a business begins without a template.
pub(super) const DIRECT_SEND: &str = "Meta: Direct Send (beta), 31 July 2026";
/// Receipts and typing indicators.
pub(super) const RECEIPTS: &str = "Meta: Cloud API, mark messages as read, April 2026";
/// Groups.
pub(super) const GROUPS: &str = "Meta: Cloud API, groups, April 2026";
