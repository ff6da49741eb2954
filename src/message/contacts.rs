//! Contact cards.

use serde_json::Value;

use super::content::Content;
use super::json_object::Object;

/// The name of a contact: the full name, and at least one of its parts (Meta, messages/contacts-messages).
///
/// ```
/// use wamedia::message::Name;
///
/// let name = Name::first("Dr. Pablo Morales", "Pablo").last_name("Morales").prefix("Dr.");
/// # let _ = name;
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    formatted: String,
    first: Option<String>,
    last: Option<String>,
    middle: Option<String>,
    suffix: Option<String>,
    prefix: Option<String>,
}

impl Name {
    fn formatted(formatted: impl Into<String>) -> Self {
        let formatted = formatted.into();
        Self { formatted, first: None, last: None, middle: None, suffix: None, prefix: None }
    }

    /// The full name as shown, and the first name in it.
    pub fn first(formatted: impl Into<String>, first: impl Into<String>) -> Self {
        Self::formatted(formatted).first_name(first)
    }

    /// The full name as shown, and the last name in it: for contacts without a first name, such as a company.
    pub fn last(formatted: impl Into<String>, last: impl Into<String>) -> Self {
        Self::formatted(formatted).last_name(last)
    }

    /// The first name.
    #[must_use]
    pub fn first_name(mut self, first: impl Into<String>) -> Self {
        self.first = Some(first.into());
        self
    }

    /// The last name.
    #[must_use]
    pub fn last_name(mut self, last: impl Into<String>) -> Self {
        self.last = Some(last.into());
        self
    }

    /// The middle name.
    #[must_use]
    pub fn middle_name(mut self, middle: impl Into<String>) -> Self {
        self.middle = Some(middle.into());
        self
    }

    /// The suffix of the name: `Jr.`
    #[must_use]
    pub fn suffix(mut self, suffix: impl Into<String>) -> Self {
        self.suffix = Some(suffix.into());
        self
    }

    /// The prefix of the name: `Dr.`
    #[must_use]
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = Some(prefix.into());
        self
    }

    fn json(&self) -> Object {
        Object::new()
            .with("formatted_name", self.formatted.as_str())
            .maybe("first_name", self.first.as_deref())
            .maybe("last_name", self.last.as_deref())
            .maybe("middle_name", self.middle.as_deref())
            .maybe("suffix", self.suffix.as_deref())
            .maybe("prefix", self.prefix.as_deref())
    }
}

/// A telephone number of a contact.
///
/// ```
/// use wamedia::message::Phone;
///
/// let work = Phone::new("+1 (650) 555-1234").label("WORK").wa_id("16505551234");
/// # let _ = work;
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Phone {
    number: String,
    label: Option<String>,
    wa_id: Option<String>,
}

impl Phone {
    /// This number, as shown.
    pub fn new(number: impl Into<String>) -> Self {
        Self { number: number.into(), label: None, wa_id: None }
    }

    /// The `type` of the number: `CELL`, `MAIN`, `IPHONE`, `HOME`, `WORK` or another word.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// The contact's WhatsApp id. With it, the card has a button to send a message; without it, to send an invitation.
    #[must_use]
    pub fn wa_id(mut self, wa_id: impl Into<String>) -> Self {
        self.wa_id = Some(wa_id.into());
        self
    }

    fn json(&self) -> Value {
        Object::new()
            .with("phone", self.number.as_str())
            .maybe("type", self.label.as_deref())
            .maybe("wa_id", self.wa_id.as_deref())
            .into()
    }
}

/// A postal address of a contact; every part is optional.
///
/// ```
/// use wamedia::message::PostalAddress;
///
/// let home = PostalAddress {
///     street: Some("1 Lucky Shrub Way".to_owned()),
///     city: Some("Menlo Park".to_owned()),
///     country_code: Some("US".to_owned()),
///     label: Some("HOME".to_owned()),
///     ..PostalAddress::default()
/// };
/// # let _ = home;
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PostalAddress {
    /// Street and number.
    pub street: Option<String>,
    /// The city.
    pub city: Option<String>,
    /// The state or province, abbreviated.
    pub state: Option<String>,
    /// The postal code.
    pub zip: Option<String>,
    /// The name of the country.
    pub country: Option<String>,
    /// The two-letter code of the country.
    pub country_code: Option<String>,
    /// The `type` of the address: `HOME`, `WORK` or another word.
    pub label: Option<String>,
}

impl PostalAddress {
    fn json(&self) -> Value {
        Object::new()
            .maybe("street", self.street.as_deref())
            .maybe("city", self.city.as_deref())
            .maybe("state", self.state.as_deref())
            .maybe("zip", self.zip.as_deref())
            .maybe("country", self.country.as_deref())
            .maybe("country_code", self.country_code.as_deref())
            .maybe("type", self.label.as_deref())
            .into()
    }
}

/// The organization of a contact; every part is optional.
///
/// ```
/// use wamedia::message::Organization;
///
/// let shop = Organization { company: Some("Lucky Shrub".to_owned()), ..Organization::default() };
/// # let _ = shop;
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Organization {
    /// The company.
    pub company: Option<String>,
    /// The department.
    pub department: Option<String>,
    /// The job title.
    pub title: Option<String>,
}

/// A contact card.
///
/// ```
/// use wamedia::message::{Contact, Contacts, Dialect, Message, Name, Phone};
///
/// let barbara = Contact::new(Name::first("Barbara J. Johnson", "Barbara").last_name("Johnson"))
///     .phone(Phone::new("+16505559999").label("CELL"))
///     .email("barbara@example.com", Some("WORK"))
///     .url("https://shop.example.com", None)
///     .birthday(1999, 1, 23);
/// let payload = Message::new("+16505551234", Contacts::one(barbara)).build(Dialect::Cloud)?;
/// assert_eq!(payload["contacts"][0]["birthday"], "1999-01-23");
/// # Ok::<(), wamedia::message::BuildError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contact {
    name: Name,
    addresses: Vec<PostalAddress>,
    birthday: Option<String>,
    emails: Vec<(String, Option<String>)>,
    organization: Option<Organization>,
    phones: Vec<Phone>,
    urls: Vec<(String, Option<String>)>,
}

impl Contact {
    /// A contact with this name.
    pub fn new(name: Name) -> Self {
        Self {
            name,
            addresses: Vec::new(),
            birthday: None,
            emails: Vec::new(),
            organization: None,
            phones: Vec::new(),
            urls: Vec::new(),
        }
    }

    /// Adds a telephone number.
    #[must_use]
    pub fn phone(mut self, phone: Phone) -> Self {
        self.phones.push(phone);
        self
    }

    /// Adds an email address with its `type`.
    #[must_use]
    pub fn email(mut self, email: impl Into<String>, label: Option<&str>) -> Self {
        self.emails.push((email.into(), label.map(str::to_owned)));
        self
    }

    /// Adds a URL with its `type`.
    #[must_use]
    pub fn url(mut self, url: impl Into<String>, label: Option<&str>) -> Self {
        self.urls.push((url.into(), label.map(str::to_owned)));
        self
    }

    /// Adds a postal address.
    #[must_use]
    pub fn address(mut self, address: PostalAddress) -> Self {
        self.addresses.push(address);
        self
    }

    /// Sets the organization.
    #[must_use]
    pub fn organization(mut self, organization: Organization) -> Self {
        self.organization = Some(organization);
        self
    }

    /// Sets the birthday; building the message fails for a date that does not exist.
    #[must_use]
    pub fn birthday(mut self, year: u16, month: u8, day: u8) -> Self {
        self.birthday = Some(format!("{year:04}-{month:02}-{day:02}"));
        self
    }

    fn json(&self) -> Value {
        let labelled = |name: &'static str, values: &[(String, Option<String>)]| {
            let one = |(value, label): &(String, Option<String>)| {
                Object::new().with(name, value.as_str()).maybe("type", label.as_deref()).into()
            };
            values.iter().map(one).collect::<Vec<Value>>()
        };
        let organization = self.organization.as_ref().map(|organization| {
            Object::new()
                .maybe("company", organization.company.as_deref())
                .maybe("department", organization.department.as_deref())
                .maybe("title", organization.title.as_deref())
        });
        Object::new()
            .list("addresses", self.addresses.iter().map(PostalAddress::json).collect())
            .maybe("birthday", self.birthday.as_deref())
            .list("emails", labelled("email", &self.emails))
            .with("name", self.name.json())
            .maybe("org", organization)
            .list("phones", self.phones.iter().map(Phone::json).collect())
            .list("urls", labelled("url", &self.urls))
            .into()
    }
}

/// One or more contact cards: at most 257; Meta's `OpenAPI` allows 5 (Meta, messages/contacts-messages).
///
/// ```
/// use wamedia::message::{Contact, Contacts, Dialect, Message, Name};
///
/// let both = Contacts::one(Contact::new(Name::first("Ada", "Ada"))).and(Contact::new(Name::first("Bo", "Bo")));
/// let payload = Message::new("+16505551234", both).build(Dialect::Cloud)?;
/// assert_eq!(payload["contacts"][1]["name"]["first_name"], "Bo");
/// # Ok::<(), wamedia::message::BuildError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contacts(Vec<Contact>);

impl Contacts {
    /// One contact.
    pub fn one(contact: Contact) -> Self {
        Self(vec![contact])
    }

    /// Adds a contact.
    #[must_use]
    pub fn and(mut self, contact: Contact) -> Self {
        self.0.push(contact);
        self
    }
}

impl From<Contacts> for Content {
    fn from(contacts: Contacts) -> Self {
        Self::new("contacts", contacts.0.iter().map(Contact::json).collect::<Vec<_>>())
    }
}
