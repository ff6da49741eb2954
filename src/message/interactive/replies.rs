//! Reply buttons and lists.

use serde_json::Value;

use super::{Header, interactive, text_header, with_footer, with_header};
use crate::message::content::Content;
use crate::message::json_object::Object;

/// A text of at most 1024 characters with one to three reply buttons (Meta, messages/interactive-reply-buttons-messages).
///
/// ```
/// use wamedia::message::{Dialect, Message, ReplyButtons};
///
/// let question = ReplyButtons::new("Shall we deliver on Monday?", "yes", "Yes").button("no", "No").footer("Thank you");
/// let payload = Message::new("+16505551234", question).build(Dialect::Cloud)?;
/// assert_eq!(payload["interactive"]["action"]["buttons"][1]["reply"]["title"], "No");
///
/// let four = ReplyButtons::new("Which?", "a", "A").button("b", "B").button("c", "C").button("d", "D");
/// assert!(Message::new("+16505551234", four).build(Dialect::Cloud).is_err());
/// # Ok::<(), wamedia::message::BuildError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplyButtons {
    header: Option<Header>,
    body: String,
    footer: Option<String>,
    /// The id and title of each button.
    buttons: Vec<(String, String)>,
}

with_header!(ReplyButtons);
with_footer!(ReplyButtons);

impl ReplyButtons {
    /// A message with this text and its first button: an id of at most 256 characters, which the webhook of the reply repeats, and a
    /// title of at most 20. Ids and titles must be unique.
    pub fn new(body: impl Into<String>, id: impl Into<String>, title: impl Into<String>) -> Self {
        Self { header: None, body: body.into(), footer: None, buttons: vec![(id.into(), title.into())] }
    }

    /// Adds a button.
    #[must_use]
    pub fn button(mut self, id: impl Into<String>, title: impl Into<String>) -> Self {
        self.buttons.push((id.into(), title.into()));
        self
    }
}

impl From<ReplyButtons> for Content {
    fn from(message: ReplyButtons) -> Self {
        let button = |(id, title): &(String, String)| -> Value {
            let reply = Object::new().with("id", id.as_str()).with("title", title.as_str());
            Object::new().with("type", "reply").with("reply", reply).into()
        };
        let buttons: Vec<_> = message.buttons.iter().map(button).collect();
        interactive(
            "button",
            message.header.as_ref().map(Header::json),
            Some(&message.body),
            message.footer.as_deref(),
            Object::new().with("buttons", buttons),
        )
    }
}

/// A row of a [`List`].
///
/// ```
/// let row = wamedia::message::Row::new("express", "Express").description("Tomorrow before noon");
/// # let _ = row;
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    id: String,
    title: String,
    description: Option<String>,
}

impl Row {
    /// A row with this unique id of at most 200 characters and this title of at most 24.
    pub fn new(id: impl Into<String>, title: impl Into<String>) -> Self {
        Self { id: id.into(), title: title.into(), description: None }
    }

    /// The description below the title, at most 72 characters.
    #[must_use]
    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.description = Some(description.into());
        self
    }

    fn json(&self) -> Value {
        Object::new()
            .with("id", self.id.as_str())
            .with("title", self.title.as_str())
            .maybe("description", self.description.as_deref())
            .into()
    }
}

/// A section of a [`List`]: rows under a title.
///
/// ```
/// use wamedia::message::{Row, Section};
///
/// let section = Section::new("Parcels", Row::new("express", "Express")).row(Row::new("saver", "Saver"));
/// # let _ = section;
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    title: Option<String>,
    rows: Vec<Row>,
}

impl Section {
    /// A section with this title of at most 24 characters.
    pub fn new(title: impl Into<String>, row: Row) -> Self {
        Self { title: Some(title.into()), rows: vec![row] }
    }

    /// A section without a title, for a list with one section.
    pub fn untitled(row: Row) -> Self {
        Self { title: None, rows: vec![row] }
    }

    /// Adds a row.
    #[must_use]
    pub fn row(mut self, row: Row) -> Self {
        self.rows.push(row);
        self
    }

    fn json(&self) -> Value {
        let rows: Vec<_> = self.rows.iter().map(Row::json).collect();
        Object::new().maybe("title", self.title.as_deref()).with("rows", rows).into()
    }
}

/// A text of at most 4096 characters with a button that opens a list of options: at most 10 sections, with 10 rows in total (Meta,
/// messages/interactive-list-messages). The header can only be a text.
///
/// ```
/// use wamedia::message::{Dialect, List, Message, Row, Section};
///
/// let list = List::new("How shall we send it?", "Choose", Section::untitled(Row::new("express", "Express"))).header("Delivery");
/// let payload = Message::new("+16505551234", list).build(Dialect::Cloud)?;
/// assert_eq!(payload["interactive"]["action"]["sections"][0]["rows"][0]["id"], "express");
/// # Ok::<(), wamedia::message::BuildError>(())
/// ```
///
/// ```compile_fail
/// use wamedia::message::{HeaderMedia, List, Row, Section, Source};
///
/// List::new("How?", "Choose", Section::untitled(Row::new("a", "A"))).header(HeaderMedia::Image(Source::id("1")));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct List {
    header: Option<String>,
    body: String,
    footer: Option<String>,
    button: String,
    sections: Vec<Section>,
}

with_footer!(List);

impl List {
    /// A message with this text, a button of at most 20 characters, and the first section.
    pub fn new(body: impl Into<String>, button: impl Into<String>, section: Section) -> Self {
        let sections = vec![section];
        Self { header: None, body: body.into(), footer: None, button: button.into(), sections }
    }

    /// Adds a section; with several sections, each needs a title.
    #[must_use]
    pub fn section(mut self, section: Section) -> Self {
        self.sections.push(section);
        self
    }

    /// Sets the header, at most 60 characters.
    #[must_use]
    pub fn header(mut self, header: impl Into<String>) -> Self {
        self.header = Some(header.into());
        self
    }
}

impl From<List> for Content {
    fn from(list: List) -> Self {
        let sections: Vec<_> = list.sections.iter().map(Section::json).collect();
        interactive(
            "list",
            list.header.as_deref().map(text_header),
            Some(&list.body),
            list.footer.as_deref(),
            Object::new().with("button", list.button).with("sections", sections),
        )
    }
}
