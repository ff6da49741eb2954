//! Message payloads: builders, dialects of WhatsApp's APIs, and validation.
//!
//! Pure: nothing here does I/O. WhatsApp's documented rules are data in [`crate::whatsapp::messages`]; [`validate()`] checks a JSON
//! value against them as it is, without parsing it into types. The builders, one file a family, only write JSON; [`Message::build`]
//! validates it against the same rules.

mod contacts;
mod content;
mod control;
mod dialect;
mod duplicate_keys;
mod envelope;
mod fault;
mod flatten;
mod interactive;
mod json_object;
mod location;
mod media;
mod reaction;
mod template;
#[cfg(test)]
mod tests;
mod text;
mod validate;
mod variable_text;

pub use contacts::{Contact, Contacts, Name, Organization, Phone, PostalAddress};
pub use content::Content;
pub use control::{Pin, Read};
pub use dialect::{Dialect, EndpointParts, UnknownDialectError};
pub use duplicate_keys::duplicate_keys;
pub use envelope::{BuildError, Built, Message, Recipient};
pub use fault::{Fault, Severity};
pub use flatten::flatten;
pub use interactive::{
    AddressRequest, CallPermission, Card, CardButtons, Catalog, ContactInfoRequest, CtaUrl, Flow, FlowMode,
    FlowName, Header, List, LocationRequest, MediaCarousel, Order, OrderDetails, OrderStatus, Product,
    ProductCarousel, ProductList, ReplyButtons, Row, Section, VoiceCall,
};
pub use location::Location;
pub use media::{Audio, Document, HeaderMedia, Image, Source, Sticker, Video};
pub use reaction::Reaction;
pub use template::{
    DateTime, Definition as TemplateDefinition, Definitions as TemplateDefinitions,
    DefinitionsError as TemplateDefinitionsError, HeaderNeed, Hsm, Parameter, Template, TemplateButton,
    TemplateCard, TemplateHeader, TemplateText,
};
pub use text::Text;
pub use validate::{Unknown, validate};
