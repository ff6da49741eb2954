//! Media messages: image, video, audio, document and sticker, and [`Source`], the origin of media in every message.

use serde_json::Value;

use super::content::Content;
use super::json_object::Object;

/// The source of media: exactly one of these, in every message, header and card.
///
/// ```
/// use wamedia::message::{Image, Source};
///
/// let uploaded = Image::new(Source::id("1013859600285441"));
/// let hosted = Image::new(Source::link("https://media.example.com/a.jpg?v=0123456789abcdef"));
/// assert_ne!(uploaded, hosted);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// The media id of an upload to the sending number. WhatsApp keeps the media for 30 days (Meta,
    /// business-phone-numbers/media).
    Id(String),
    /// An `http://` or `https://` URL that WhatsApp fetches without credentials and without following redirects.
    Link(String),
    /// On-Premises only: a link that is fetched with the credentials of a configured provider.
    Provider {
        /// The provider's name.
        name: String,
        /// The link, which may begin with that name: `shop/https://media.example.com/a.jpg`.
        link: String,
    },
}

impl Source {
    /// The media id of an upload.
    pub fn id(id: impl Into<String>) -> Self {
        Self::Id(id.into())
    }

    /// A link to a hosted file.
    pub fn link(link: impl Into<String>) -> Self {
        Self::Link(link.into())
    }

    /// The JSON members of the source.
    pub(super) fn object(&self) -> Object {
        let object = Object::new();
        match self {
            Self::Id(id) => object.with("id", id.as_str()),
            Self::Link(link) => object.with("link", link.as_str()),
            Self::Provider { name, link } => {
                object.with("link", link.as_str()).with("provider", Object::new().with("name", name.as_str()))
            }
        }
    }
}

/// Constructors that all media messages have.
macro_rules! begun_from_a_source {
    ($name:ident) => {
        impl $name {
            /// From a link to a hosted file.
            pub fn link(link: impl Into<String>) -> Self {
                Self::new(Source::link(link))
            }

            /// From the media id of an upload.
            pub fn id(id: impl Into<String>) -> Self {
                Self::new(Source::id(id))
            }
        }
    };
}

begun_from_a_source!(Image);
begun_from_a_source!(Video);
begun_from_a_source!(Audio);
begun_from_a_source!(Document);
begun_from_a_source!(Sticker);

/// A JPEG or PNG of at most 5 MB (Meta, messages/image-messages).
///
/// ```
/// use wamedia::message::{Dialect, Image, Message};
///
/// let image = Image::link("https://media.example.com/banner.jpg").caption("Today only");
/// let payload = Message::new("+16505551234", image).build(Dialect::Cloud)?;
/// assert_eq!(payload["image"]["caption"], "Today only");
/// # Ok::<(), wamedia::message::BuildError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    source: Source,
    caption: Option<String>,
}

impl Image {
    /// From this source.
    pub fn new(source: Source) -> Self {
        Self { source, caption: None }
    }

    /// The caption, at most 1024 characters.
    #[must_use]
    pub fn caption(mut self, caption: impl Into<String>) -> Self {
        self.caption = Some(caption.into());
        self
    }
}

impl From<Image> for Content {
    fn from(image: Image) -> Self {
        Self::new("image", image.source.object().maybe("caption", image.caption))
    }
}

/// An MP4 or 3GP of at most 16 MB, H.264 and AAC (Meta, messages/video-messages).
///
/// ```
/// use wamedia::message::{Dialect, Message, Video};
///
/// let video = Video::id("1013859600285441").caption("How to water a cactus");
/// let payload = Message::new("+16505551234", video).build(Dialect::Cloud)?;
/// assert_eq!(payload["video"]["id"], "1013859600285441");
/// # Ok::<(), wamedia::message::BuildError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Video {
    source: Source,
    caption: Option<String>,
}

impl Video {
    /// From this source.
    pub fn new(source: Source) -> Self {
        Self { source, caption: None }
    }

    /// The caption, at most 1024 characters.
    #[must_use]
    pub fn caption(mut self, caption: impl Into<String>) -> Self {
        self.caption = Some(caption.into());
        self
    }
}

impl From<Video> for Content {
    fn from(video: Video) -> Self {
        Self::new("video", video.source.object().maybe("caption", video.caption))
    }
}

/// An audio file of at most 16 MB: AAC, AMR, MP3, MP4 audio, or Opus in Ogg (Meta, messages/audio-messages). WhatsApp shows no
/// caption with audio, so this type has none.
///
/// ```
/// use wamedia::message::{Audio, Dialect, Message};
///
/// let note = Audio::link("https://media.example.com/note.ogg").voice(true);
/// let payload = Message::new("+16505551234", note).build(Dialect::Cloud)?;
/// assert_eq!(payload["audio"]["voice"], true);
/// # Ok::<(), wamedia::message::BuildError>(())
/// ```
///
/// ```compile_fail
/// wamedia::message::Audio::id("1").caption("Listen!");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audio {
    source: Source,
    voice: Option<bool>,
}

impl Audio {
    /// From this source.
    pub fn new(source: Source) -> Self {
        Self { source, voice: None }
    }

    /// Whether it is a voice message, which must be Opus in Ogg. Up to 512 KB it plays without a download.
    #[must_use]
    pub fn voice(mut self, voice: bool) -> Self {
        self.voice = Some(voice);
        self
    }
}

impl From<Audio> for Content {
    fn from(audio: Audio) -> Self {
        Self::new("audio", audio.source.object().maybe("voice", audio.voice))
    }
}

/// A file of at most 100 MB (Meta, messages/document-messages).
///
/// ```
/// use wamedia::message::{Dialect, Document, Message};
///
/// let list = Document::link("https://media.example.com/prices.pdf").filename("Prices.pdf").caption("For May");
/// let payload = Message::new("+16505551234", list).build(Dialect::Cloud)?;
/// assert_eq!(payload["document"]["filename"], "Prices.pdf");
/// # Ok::<(), wamedia::message::BuildError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    source: Source,
    caption: Option<String>,
    filename: Option<String>,
}

impl Document {
    /// From this source.
    pub fn new(source: Source) -> Self {
        Self { source, caption: None, filename: None }
    }

    /// The caption, at most 1024 characters.
    #[must_use]
    pub fn caption(mut self, caption: impl Into<String>) -> Self {
        self.caption = Some(caption.into());
        self
    }

    /// The file name that is shown; its extension selects the icon. Without one, clients show “Untitled”.
    #[must_use]
    pub fn filename(mut self, filename: impl Into<String>) -> Self {
        self.filename = Some(filename.into());
        self
    }
}

impl From<Document> for Content {
    fn from(document: Document) -> Self {
        let object = document.source.object();
        Self::new("document", object.maybe("caption", document.caption).maybe("filename", document.filename))
    }
}

/// A WebP of 512 × 512 pixels, at most 100 KB if static and 500 KB if animated (Meta, messages/sticker-messages). It has no
/// caption.
///
/// ```
/// use wamedia::message::{Dialect, Message, Sticker};
///
/// let payload = Message::new("+16505551234", Sticker::id("798882015472548")).build(Dialect::Cloud)?;
/// assert_eq!(payload["sticker"]["id"], "798882015472548");
/// # Ok::<(), wamedia::message::BuildError>(())
/// ```
///
/// ```compile_fail
/// wamedia::message::Sticker::id("1").caption("Miaow");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sticker {
    source: Source,
}

impl Sticker {
    /// From this source.
    pub fn new(source: Source) -> Self {
        Self { source }
    }
}

impl From<Sticker> for Content {
    fn from(sticker: Sticker) -> Self {
        Self::new("sticker", sticker.source.object())
    }
}

/// Media in the header of an interactive message or of a template.
///
/// ```
/// use wamedia::message::{HeaderMedia, Source};
///
/// let brochure = HeaderMedia::Document {
///     source: Source::link("https://media.example.com/brochure.pdf"),
///     filename: Some("Brochure.pdf".to_owned()),
/// };
/// assert_ne!(brochure, HeaderMedia::Image(Source::id("1")));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HeaderMedia {
    /// As an [`Image`].
    Image(Source),
    /// As a [`Video`].
    Video(Source),
    /// As a [`Document`].
    Document {
        /// The source of the document.
        source: Source,
        /// The file name that is shown.
        filename: Option<String>,
    },
}

impl HeaderMedia {
    /// `{"type": "image", "image": {…}}`
    pub(super) fn json(&self) -> Value {
        let (kind, object) = match self {
            Self::Image(source) => ("image", source.object()),
            Self::Video(source) => ("video", source.object()),
            Self::Document { source, filename } => {
                ("document", source.object().maybe("filename", filename.as_deref()))
            }
        };
        Object::new().with("type", kind).with(kind, object).into()
    }
}
