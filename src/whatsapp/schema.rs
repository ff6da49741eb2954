//! The vocabulary in which [`super::messages`] writes down what a payload may hold.
//!
//! A payload is described by a [`Shape`], whose fields have a [`Kind`] each. What one field alone cannot say is a [`Rule`] of
//! the object around it. Everything is `const`, and nothing here looks at a payload: that is the work of whoever validates one, who
//! knows fields by name only where a [`Kind`] or a [`Rule`] here says so.

/// Whose payloads a rule is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Platform {
    /// Meta's Cloud API, and who passes it on.
    Cloud,
    /// Meta's On-Premises API, and who passes it on.
    OnPremises,
}

impl Platform {
    /// How people call it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cloud => "Cloud API",
            Self::OnPremises => "On-Premises API",
        }
    }
}

/// What WhatsApp's APIs call a kind of fault.
///
/// The numbers are those of Meta's page of error codes of May 2026, and for On-Premises those of its page of errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// A parameter that must be there is not.
    Missing,
    /// A value that the API does not take.
    Value,
    /// What is no parameter, or not of its type or syntax.
    Parameter,
    /// Too many characters.
    TooLong,
    /// A type of message that there is not.
    MessageType,
    /// Media that cannot be had from where the message says.
    Media,
    /// A template gets another number of parameters than it has.
    TemplateCount,
    /// A template is not there in that language.
    TemplateLanguage,
    /// A template's parameter is of another kind than the template says.
    TemplateFormat,
}

impl Code {
    /// A word for it: `too-long`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Value => "value",
            Self::Parameter => "parameter",
            Self::TooLong => "too-long",
            Self::MessageType => "message-type",
            Self::Media => "media",
            Self::TemplateCount => "template-count",
            Self::TemplateLanguage => "template-language",
            Self::TemplateFormat => "template-format",
        }
    }

    /// The number in an answer of the platform; `None` where it is documented as a range only, as are those of templates
    /// On-Premises.
    pub const fn number(self, platform: Platform) -> Option<u32> {
        Some(match (platform, self) {
            (Platform::Cloud, Self::Missing) => 131_008,
            (Platform::Cloud, Self::Value) => 131_009,
            (Platform::Cloud, Self::Parameter | Self::TooLong) => 100,
            (Platform::Cloud, Self::MessageType) => 131_051,
            (Platform::Cloud, Self::Media) => 131_053,
            (Platform::Cloud, Self::TemplateCount) => 132_000,
            (Platform::Cloud, Self::TemplateLanguage) => 132_001,
            (Platform::Cloud, Self::TemplateFormat) => 132_012,
            (Platform::OnPremises, Self::TooLong) => 1001,
            (Platform::OnPremises, Self::Missing) => 1008,
            (Platform::OnPremises, Self::Value | Self::Parameter | Self::MessageType) => 1009,
            (Platform::OnPremises, Self::Media) => 1014,
            (Platform::OnPremises, Self::TemplateCount | Self::TemplateLanguage | Self::TemplateFormat) => {
                return None;
            }
        })
    }
}

/// What an object may hold.
#[derive(Debug)]
pub struct Shape {
    /// The fields that it may have whatever it is.
    pub fields: &'static [Field],
    /// The field that says what else it may have.
    pub choice: Option<Choice>,
    /// What its fields must be to each other.
    pub rules: &'static [Rule],
    /// Whether a field that is not named here is none of our business, since no document spells the object out.
    pub open: bool,
    /// Where this is written; `None` where it is written with the object around it.
    pub source: Option<&'static str>,
}

impl Shape {
    /// An object of these fields and no others.
    pub const fn of(fields: &'static [Field]) -> Self {
        Self { fields, choice: None, rules: &[], open: false, source: None }
    }

    /// An object that has further fields, by what a field says.
    #[must_use]
    pub const fn choice(mut self, choice: Choice) -> Self {
        self.choice = Some(choice);
        self
    }

    /// The same, with rules.
    #[must_use]
    pub const fn rules(mut self, rules: &'static [Rule]) -> Self {
        self.rules = rules;
        self
    }

    /// The same, with any other field as well.
    #[must_use]
    pub const fn open(mut self) -> Self {
        self.open = true;
        self
    }

    /// The same, with its source.
    #[must_use]
    pub const fn source(mut self, source: &'static str) -> Self {
        self.source = Some(source);
        self
    }
}

/// A field that decides which others there are.
#[derive(Debug, Clone, Copy)]
pub struct Choice {
    /// The field's name: mostly `type`.
    pub tag: &'static str,
    /// What it chooses, for people.
    pub what: &'static str,
    /// What a word that is none of the cases earns.
    pub code: Code,
    /// Whether documents write its words in capitals as well.
    pub any_case: bool,
    /// The word that is meant where the field is missing, and where that is so.
    pub default: Option<(Platform, &'static str)>,
    /// All words that it may be.
    pub cases: &'static [Case],
}

impl Choice {
    /// A choice among cases by the field `tag`.
    pub const fn by(tag: &'static str, what: &'static str, cases: &'static [Case]) -> Self {
        Self { tag, what, code: Code::Value, any_case: false, default: None, cases }
    }

    /// The same, with the code that an unknown word earns.
    #[must_use]
    pub const fn code(mut self, code: Code) -> Self {
        self.code = code;
        self
    }

    /// The same, in capitals too.
    #[must_use]
    pub const fn any_case(mut self) -> Self {
        self.any_case = true;
        self
    }

    /// The same, with what a missing field means on a platform.
    #[must_use]
    pub const fn default(mut self, platform: Platform, word: &'static str) -> Self {
        self.default = Some((platform, word));
        self
    }
}

/// One word of a [`Choice`].
#[derive(Debug, Clone, Copy)]
pub struct Case {
    /// What the field says.
    pub word: &'static str,
    /// What the object holds then, beside the fields that it always may.
    pub shape: &'static Shape,
    /// The only platform that has it.
    pub only: Option<Platform>,
}

impl Case {
    /// A case on both platforms.
    pub const fn new(word: &'static str, shape: &'static Shape) -> Self {
        Self { word, shape, only: None }
    }

    /// The same on one platform only.
    #[must_use]
    pub const fn only(mut self, platform: Platform) -> Self {
        self.only = Some(platform);
        self
    }
}

/// One field of an object.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// Whether the object must have it.
    pub required: bool,
    /// What it may be.
    pub kind: Kind,
    /// The only platform that has it.
    pub only: Option<Platform>,
    /// What a value earns that it may not be, where that is not the usual code.
    pub code: Option<Code>,
    /// Where its limit is written, if not where its object is.
    pub source: Option<&'static str>,
}

/// A field that an object must have.
pub const fn must(name: &'static str, kind: Kind) -> Field {
    Field { name, required: true, kind, only: None, code: None, source: None }
}

/// A field that an object may have.
pub const fn may(name: &'static str, kind: Kind) -> Field {
    Field { required: false, ..must(name, kind) }
}

/// A field that senders give to an object that does not take it, and what to do about it.
pub const fn never(name: &'static str, reason: &'static str) -> Field {
    may(name, Kind::Never(reason))
}

impl Field {
    /// The same on one platform only.
    #[must_use]
    pub const fn only(mut self, platform: Platform) -> Self {
        self.only = Some(platform);
        self
    }

    /// The same with another code.
    #[must_use]
    pub const fn code(mut self, code: Code) -> Self {
        self.code = Some(code);
        self
    }

    /// The same with its own source.
    #[must_use]
    pub const fn source(mut self, source: &'static str) -> Self {
        self.source = Some(source);
        self
    }
}

/// What a field may be.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// Text within limits.
    Text(Text),
    /// One of these words.
    Word(&'static [&'static str]),
    /// `true` or `false`.
    Flag,
    /// A whole number from `min` to `max`.
    Whole {
        /// The least.
        min: i64,
        /// The greatest.
        max: i64,
        /// Whether digits in quotes will do as well.
        or_text: bool,
    },
    /// A number, or a number in quotes, of at least `-bound` and at most `bound`: degrees.
    Degrees {
        /// 90 for a latitude, 180 for a longitude.
        bound: i16,
    },
    /// An `http` or `https` URL that a client opens (RFC 3986).
    Url,
    /// An `http` or `https` URL that WhatsApp fetches media from.
    Link,
    /// A phone number, or the id of a group where the recipient is one.
    Recipient,
    /// A user's id that is not a phone number, as in `US.13491208655302741918`.
    UserId,
    /// A template's language, as in `en` or `pt_BR`.
    Language,
    /// A template's name: lowercase letters, digits and underscores.
    TemplateName,
    /// `YYYY-MM-DD`.
    Date,
    /// One emoji, or nothing.
    Emoji,
    /// An object.
    Object(&'static Shape),
    /// An array.
    List(List),
    /// Whatever the sender likes.
    Any,
    /// Nothing: the field must not be there, for this reason, which says what to do instead.
    Never(&'static str),
}

/// The limits of a text. Lengths are in Unicode code points: Meta counts in "characters" without saying which, and its
/// published specification states the same limits as `maxLength`, which JSON Schema counts in code points.
#[derive(Debug, Clone, Copy)]
pub struct Text {
    /// The least number of code points.
    pub min: usize,
    /// The greatest that every document agrees on; longer ones are doubtful.
    pub doubt: Option<usize>,
    /// The greatest that any document allows.
    pub max: Option<usize>,
    /// The greatest number of line breaks.
    pub breaks: Option<usize>,
    /// Whether there may be emoji in it.
    pub emoji: bool,
}

impl Text {
    const UNBOUNDED: Self = Self { min: 1, doubt: None, max: None, breaks: None, emoji: true };
}

/// Text of any length but none.
pub const TEXT: Kind = Kind::Text(Text::UNBOUNDED);

/// Text that may be empty.
pub const MAYBE_EMPTY: Kind = Kind::Text(Text { min: 0, ..Text::UNBOUNDED });

/// Text of one to `max` characters.
pub const fn text(max: usize) -> Kind {
    Kind::Text(Text { max: Some(max), ..Text::UNBOUNDED })
}

/// Text of up to `max` characters, or none.
pub const fn maybe_empty(max: usize) -> Kind {
    Kind::Text(Text { min: 0, max: Some(max), ..Text::UNBOUNDED })
}

/// Text of one to `max` characters, of which some document says that it is `doubt` at most.
pub const fn doubted(doubt: usize, max: usize) -> Kind {
    Kind::Text(Text { doubt: Some(doubt), max: Some(max), ..Text::UNBOUNDED })
}

/// An array's limits.
#[derive(Debug, Clone, Copy)]
pub struct List {
    /// What each element is.
    pub of: &'static Kind,
    /// What the elements are called, for people.
    pub what: &'static str,
    /// The least number of them.
    pub min: usize,
    /// The greatest that every document agrees on; more are doubtful.
    pub doubt: Option<usize>,
    /// The greatest number that any document allows.
    pub max: Option<usize>,
    /// What differs between any two elements, as paths within them.
    pub unique: &'static [&'static str],
    /// What another number of them earns.
    pub code: Code,
}

impl List {
    /// A list of `min` or more.
    pub const fn of(of: &'static Kind, what: &'static str, min: usize) -> Self {
        Self { of, what, min, doubt: None, max: None, unique: &[], code: Code::Value }
    }

    /// The same, up to `max`.
    #[must_use]
    pub const fn max(mut self, max: usize) -> Self {
        self.max = Some(max);
        self
    }

    /// The same, doubtful past `doubt`.
    #[must_use]
    pub const fn doubt(mut self, doubt: usize) -> Self {
        self.doubt = Some(doubt);
        self
    }

    /// The same, with what is unique.
    #[must_use]
    pub const fn unique(mut self, paths: &'static [&'static str]) -> Self {
        self.unique = paths;
        self
    }

    /// The same, with what another number earns.
    #[must_use]
    pub const fn code(mut self, code: Code) -> Self {
        self.code = code;
        self
    }
}

/// What the fields of an object must be to each other.
#[derive(Debug, Clone, Copy)]
pub enum Rule {
    /// Exactly one of these fields is there.
    OneOf(&'static [&'static str]),
    /// At least one of these fields is there.
    AnyOf(&'static [&'static str]),
    /// Where the array `list` has several elements, each has a `title`.
    Titled {
        /// The array.
        list: &'static str,
    },
    /// The arrays `items` of all elements of the array `list` have at most `max` elements together.
    Total {
        /// The outer array.
        list: &'static str,
        /// The arrays in it.
        items: &'static str,
        /// The greatest number.
        max: usize,
    },
    /// The elements of the arrays `items` of all elements of the array `list` differ in `key`.
    Distinct {
        /// The outer array.
        list: &'static str,
        /// The arrays in it.
        items: &'static str,
        /// What differs.
        key: &'static str,
    },
    /// A doubt: of the elements of the array `list`, no two have the same `type`, or, where that is the type `many`, the same
    /// `key`.
    Once {
        /// The array.
        list: &'static str,
        /// The type of which there may be several.
        many: &'static str,
        /// What tells those apart.
        key: &'static str,
    },
    /// All elements of the array `list` are alike in these: the path, and what that is for people. Of an array, its length
    /// and its elements' types count.
    Alike {
        /// The array.
        list: &'static str,
        /// What is alike.
        by: &'static [(&'static str, &'static str)],
    },
    /// The field says this word, for this reason.
    Says {
        /// The field.
        field: &'static str,
        /// The word.
        word: &'static str,
        /// Why, and the mend.
        reason: &'static str,
    },
    /// The field may be there, but.
    Doubt {
        /// The field.
        field: &'static str,
        /// But what.
        reason: &'static str,
    },
    /// A document's file name has an extension.
    NamedFile,
    /// What is sent as a voice message is Opus in Ogg.
    VoiceFile,
}
