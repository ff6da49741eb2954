//! Carousel messages: cards with media and buttons, or with products.

use serde_json::Value;

use super::interactive;
use crate::message::content::Content;
use crate::message::json_object::{Object, text};
use crate::message::media::Source;

/// The buttons of a card. All cards of a carousel have the same kind and number of buttons.
///
/// ```
/// use wamedia::message::CardButtons;
///
/// let page = CardButtons::url("Buy", "https://example.com/echeveria");
/// let answers = CardButtons::replies([("more", "Learn more"), ("keep", "Keep it")]);
/// assert_ne!(page, answers);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CardButtons {
    /// One button that opens a URL.
    Url {
        /// The text of the button, at most 20 characters.
        display_text: String,
        /// The URL.
        url: String,
    },
    /// Reply buttons: id and title of each, the title of at most 20 characters.
    Replies(Vec<(String, String)>),
}

impl CardButtons {
    /// A button that opens a URL.
    pub fn url(display_text: impl Into<String>, url: impl Into<String>) -> Self {
        Self::Url { display_text: display_text.into(), url: url.into() }
    }

    /// Reply buttons, with the id and title of each.
    pub fn replies<I, S>(buttons: I) -> Self
    where
        I: IntoIterator<Item = (S, S)>,
        S: Into<String>,
    {
        Self::Replies(buttons.into_iter().map(|(id, title)| (id.into(), title.into())).collect())
    }

    fn action(&self) -> Object {
        match self {
            Self::Url { display_text, url } => {
                let parameters =
                    Object::new().with("display_text", display_text.as_str()).with("url", url.as_str());
                super::named("cta_url", Some(parameters))
            }
            Self::Replies(buttons) => {
                let button = |(id, title): &(String, String)| -> Value {
                    let reply = Object::new().with("id", id.as_str()).with("title", title.as_str());
                    Object::new().with("type", "quick_reply").with("quick_reply", reply).into()
                };
                Object::new().with("buttons", buttons.iter().map(button).collect::<Vec<_>>())
            }
        }
    }
}

/// A card with an image or a video.
///
/// ```
/// use wamedia::message::{Card, CardButtons, Source};
///
/// let link = Source::link("https://media.example.com/echeveria.jpg");
/// let card = Card::image(link, CardButtons::url("Buy", "https://example.com/echeveria")).body("*Blue Echeveria*");
/// # let _ = card;
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Card {
    kind: &'static str,
    source: Source,
    body: Option<String>,
    buttons: CardButtons,
}

impl Card {
    /// A card with this image.
    pub fn image(source: Source, buttons: CardButtons) -> Self {
        Self { kind: "image", source, body: None, buttons }
    }

    /// A card with this video.
    pub fn video(source: Source, buttons: CardButtons) -> Self {
        Self { kind: "video", source, body: None, buttons }
    }

    /// The text of the card: at most 160 characters and two line breaks.
    #[must_use]
    pub fn body(mut self, body: impl Into<String>) -> Self {
        self.body = Some(body.into());
        self
    }

    fn json(&self, index: usize) -> Value {
        let header = Object::new().with("type", self.kind).with(self.kind, self.source.object());
        Object::new()
            .with("card_index", index)
            // As in Meta's examples, for cards with any buttons.
            .with("type", "cta_url")
            .with("header", header)
            .maybe("body", self.body.as_deref().map(text))
            .with("action", self.buttons.action())
            .into()
    }
}

/// Two to ten cards under a text of at most 1024 characters, all with an image or all with a video, and with buttons of one kind
/// (Meta, messages/interactive-media-carousel-messages). It has neither header nor footer.
///
/// ```
/// use wamedia::message::{Card, CardButtons, Dialect, MediaCarousel, Message, Source};
///
/// let card = |name: &str| {
///     let image = Source::link(format!("https://media.example.com/{name}.jpg"));
///     Card::image(image, CardButtons::url("Buy", format!("https://example.com/{name}")))
/// };
/// let carousel = MediaCarousel::new("New this week", card("echeveria"), card("panda"));
/// let payload = Message::new("+16505551234", carousel).build(Dialect::Cloud)?;
/// assert_eq!(payload["interactive"]["action"]["cards"][1]["card_index"], 1);
/// # Ok::<(), wamedia::message::BuildError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaCarousel {
    body: String,
    cards: Vec<Card>,
}

impl MediaCarousel {
    /// A carousel with this text and these first two cards.
    pub fn new(body: impl Into<String>, first: Card, second: Card) -> Self {
        Self { body: body.into(), cards: vec![first, second] }
    }

    /// Adds a card.
    #[must_use]
    pub fn card(mut self, card: Card) -> Self {
        self.cards.push(card);
        self
    }
}

impl From<MediaCarousel> for Content {
    fn from(carousel: MediaCarousel) -> Self {
        let cards: Vec<_> = carousel.cards.iter().enumerate().map(|(i, card)| card.json(i)).collect();
        interactive("carousel", None, Some(&carousel.body), None, Object::new().with("cards", cards))
    }
}

/// Two to ten products of a catalogue under a text (Meta, messages/interactive-product-carousel-messages).
///
/// ```
/// use wamedia::message::{Dialect, Message, ProductCarousel};
///
/// let roses = ProductCarousel::new("Our roses", "367025965434465", ["rose-12", "rose-13"]);
/// let payload = Message::new("+16505551234", roses).build(Dialect::Cloud)?;
/// assert_eq!(payload["interactive"]["action"]["cards"][0]["type"], "product");
/// # Ok::<(), wamedia::message::BuildError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProductCarousel {
    body: String,
    catalog_id: String,
    products: Vec<String>,
}

impl ProductCarousel {
    /// A carousel with this text and these products of this catalogue (retailer ids).
    pub fn new<I>(body: impl Into<String>, catalog_id: impl Into<String>, products: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        let products = products.into_iter().map(Into::into).collect();
        Self { body: body.into(), catalog_id: catalog_id.into(), products }
    }
}

impl From<ProductCarousel> for Content {
    fn from(carousel: ProductCarousel) -> Self {
        let card = |(index, product): (usize, &String)| -> Value {
            let action = Object::new()
                .with("product_retailer_id", product.as_str())
                .with("catalog_id", carousel.catalog_id.as_str());
            Object::new().with("card_index", index).with("type", "product").with("action", action).into()
        };
        let cards: Vec<_> = carousel.products.iter().enumerate().map(card).collect();
        interactive("carousel", None, Some(&carousel.body), None, Object::new().with("cards", cards))
    }
}
