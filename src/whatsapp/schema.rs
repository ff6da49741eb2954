//! Schema language for message payloads, used by [`super::messages`].
//!
//! A [`Shape`] describes an object; each of its fields has a [`Kind`]. A [`Rule`] of the object covers constraints between fields. All
//! schemas are `const`. Nothing here reads a payload: the validator does, and it has no field names of its own beyond those in a [`Kind`]
//! or a [`Rule`].

/// The API that a rule applies to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Platform {
    /// Meta's Cloud API, and providers that forward to it.
    Cloud,
    /// Meta's On-Premises API, and providers that forward to it.
    OnPremises,
}

impl Platform {
    /// The usual name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cloud => "Cloud API",
            Self::OnPremises => "On-Premises API",
        }
    }
}

/// The kind of error that WhatsApp's APIs report.
///
/// The numbers are those of Meta's page of error codes of May 2026, and for On-Premises those of its page of errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// A required parameter is missing.
    Missing,
    /// The value is not accepted.
    Value,
    /// The parameter is unknown, or its value has the wrong type or syntax.
    Parameter,
    /// The value is too long.
    TooLong,
    /// The message type is unknown.
    MessageType,
    /// The media cannot be fetched from the link.
    Media,
    /// The number of parameters does not match the template.
    TemplateCount,
    /// The template does not exist in this language.
    TemplateLanguage,
    /// The type of a parameter does not match the template.
    TemplateFormat,
    /// A parameter of a template is not accepted, such as text with a line break.
    TemplateParameter,
    /// The template is paused.
    TemplatePaused,
    /// The template is disabled.
    TemplateDisabled,
}

impl Code {
    /// Stable name, such as `too-long`.
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
            Self::TemplateParameter => "template-parameter",
            Self::TemplatePaused => "template-paused",
            Self::TemplateDisabled => "template-disabled",
        }
    }

    /// The error code in a response of the platform; `None` if only a range is documented, as for templates in the On-Premises API.
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
            (Platform::Cloud, Self::TemplateParameter) => 132_018,
            (Platform::Cloud, Self::TemplatePaused) => 132_015,
            (Platform::Cloud, Self::TemplateDisabled) => 132_016,
            (Platform::OnPremises, Self::TooLong) => 1001,
            (Platform::OnPremises, Self::Missing) => 1008,
            (Platform::OnPremises, Self::Value | Self::Parameter | Self::MessageType) => 1009,
            (Platform::OnPremises, Self::Media) => 1014,
            (
                Platform::OnPremises,
                Self::TemplateCount
                | Self::TemplateLanguage
                | Self::TemplateFormat
                | Self::TemplateParameter
                | Self::TemplatePaused
                | Self::TemplateDisabled,
            ) => return None,
        })
    }
}

/// The schema of an object.
#[derive(Debug)]
pub struct Shape {
    /// The fields that are allowed in every case.
    pub fields: &'static [Field],
    /// The field that selects further fields.
    pub choice: Option<Choice>,
    /// Constraints between fields.
    pub rules: &'static [Rule],
    /// Whether other fields are allowed, because no document specifies the object.
    pub open: bool,
    /// The document that specifies it; `None` for that of the enclosing object.
    pub source: Option<&'static str>,
}

impl Shape {
    /// An object with these fields and no others.
    pub const fn of(fields: &'static [Field]) -> Self {
        Self { fields, choice: None, rules: &[], open: false, source: None }
    }

    /// Adds fields that depend on the value of one field.
    #[must_use]
    pub const fn choice(mut self, choice: Choice) -> Self {
        self.choice = Some(choice);
        self
    }

    /// Adds rules.
    #[must_use]
    pub const fn rules(mut self, rules: &'static [Rule]) -> Self {
        self.rules = rules;
        self
    }

    /// Allows any other field.
    #[must_use]
    pub const fn open(mut self) -> Self {
        self.open = true;
        self
    }

    /// Sets the source.
    #[must_use]
    pub const fn source(mut self, source: &'static str) -> Self {
        self.source = Some(source);
        self
    }
}

/// A field whose value selects further fields.
#[derive(Debug, Clone, Copy)]
pub struct Choice {
    /// The name of the field, usually `type`.
    pub tag: &'static str,
    /// What it selects, for messages to people.
    pub what: &'static str,
    /// The error for a value that is not among the cases.
    pub code: Code,
    /// Whether the documents also write the values in capitals.
    pub any_case: bool,
    /// The default value if the field is missing, and the platform that has this default.
    pub default: Option<(Platform, &'static str)>,
    /// All allowed values.
    pub cases: &'static [Case],
    /// Other values that senders use, in lowercase, each with the reason and the fix.
    pub mistakes: &'static [(&'static str, &'static str)],
    /// The document of the values, if not that of the object.
    pub source: Option<&'static str>,
}

impl Choice {
    /// A choice among cases by the field `tag`.
    pub const fn by(tag: &'static str, what: &'static str, cases: &'static [Case]) -> Self {
        Self {
            tag,
            what,
            code: Code::Value,
            any_case: false,
            default: None,
            cases,
            mistakes: &[],
            source: None,
        }
    }

    /// Adds values that senders use although they are not allowed.
    #[must_use]
    pub const fn mistakes(mut self, mistakes: &'static [(&'static str, &'static str)]) -> Self {
        self.mistakes = mistakes;
        self
    }

    /// Sets the source of the values.
    #[must_use]
    pub const fn source(mut self, source: &'static str) -> Self {
        self.source = Some(source);
        self
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

/// One value of a [`Choice`].
#[derive(Debug, Clone, Copy)]
pub struct Case {
    /// The value of the field.
    pub word: &'static str,
    /// The additional fields of the object.
    pub shape: &'static Shape,
    /// The only platform that has it; `None` for both.
    pub only: Option<Platform>,
}

impl Case {
    /// A case on both platforms.
    pub const fn new(word: &'static str, shape: &'static Shape) -> Self {
        Self { word, shape, only: None }
    }

    /// Restricts it to one platform.
    #[must_use]
    pub const fn only(mut self, platform: Platform) -> Self {
        self.only = Some(platform);
        self
    }
}

/// One field of an object.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    /// The name.
    pub name: &'static str,
    /// Whether the object must have it.
    pub required: bool,
    /// The allowed values.
    pub kind: Kind,
    /// The only platform that has it; `None` for both.
    pub only: Option<Platform>,
    /// The error for a value that is not allowed, if not the usual one.
    pub code: Option<Code>,
    /// The document of its limit, if not that of the object.
    pub source: Option<&'static str>,
}

/// A required field.
pub const fn must(name: &'static str, kind: Kind) -> Field {
    Field { name, required: true, kind, only: None, code: None, source: None }
}

/// An optional field.
pub const fn may(name: &'static str, kind: Kind) -> Field {
    Field { required: false, ..must(name, kind) }
}

/// A field that is not allowed, although senders use it, with the reason and the fix.
pub const fn never(name: &'static str, reason: &'static str) -> Field {
    may(name, Kind::Never(reason))
}

impl Field {
    /// Restricts it to one platform.
    #[must_use]
    pub const fn only(mut self, platform: Platform) -> Self {
        self.only = Some(platform);
        self
    }

    /// Sets the error code.
    #[must_use]
    pub const fn code(mut self, code: Code) -> Self {
        self.code = Some(code);
        self
    }

    /// Sets the source.
    #[must_use]
    pub const fn source(mut self, source: &'static str) -> Self {
        self.source = Some(source);
        self
    }
}

/// The allowed values of a field.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// Text within limits.
    Text(Text),
    /// Text that fills a variable of a template: within limits, and without line breaks, tabs and runs of more than four spaces.
    Variable(Text),
    /// One of these strings.
    Word(&'static [&'static str]),
    /// `true` or `false`.
    Flag,
    /// A whole number from `min` to `max`.
    Whole {
        /// Minimum.
        min: i64,
        /// Maximum.
        max: i64,
        /// Whether a string of digits is allowed, too.
        or_text: bool,
    },
    /// Degrees from `-bound` to `bound`, as a number or as a string.
    Degrees {
        /// 90 for a latitude, 180 for a longitude.
        bound: i16,
    },
    /// An `http` or `https` URL that a client opens (RFC 3986).
    Url,
    /// An `http` or `https` URL that WhatsApp fetches media from.
    Link,
    /// A phone number, or the id of a group if the recipient is a group.
    Recipient,
    /// A business-scoped user id, such as `US.13491208655302741918`.
    UserId,
    /// The language of a template, such as `en` or `pt_BR`.
    Language,
    /// The name of a template: lowercase letters, digits and underscores.
    TemplateName,
    /// `YYYY-MM-DD`.
    Date,
    /// One emoji, or an empty string.
    Emoji,
    /// An object.
    Object(&'static Shape),
    /// An array.
    List(List),
    /// Any value.
    Any,
    /// No value: the field is not allowed. The text has the reason and the fix.
    Never(&'static str),
}

/// The limits of a text. Lengths are in Unicode code points: Meta counts in "characters" without saying which, and its
/// published specification states the same limits as `maxLength`, which JSON Schema counts in code points.
#[derive(Debug, Clone, Copy)]
pub struct Text {
    /// Minimum number of code points.
    pub min: usize,
    /// The maximum by all documents; longer texts are doubtful.
    pub doubt: Option<usize>,
    /// The maximum by any document; longer texts are errors.
    pub max: Option<usize>,
    /// Maximum number of line breaks.
    pub breaks: Option<usize>,
    /// Whether emoji are allowed.
    pub emoji: bool,
}

impl Text {
    const UNBOUNDED: Self = Self { min: 1, doubt: None, max: None, breaks: None, emoji: true };
}

/// Non-empty text of any length.
pub const TEXT: Kind = Kind::Text(Text::UNBOUNDED);

/// Non-empty text that fills a variable of a template.
pub const VARIABLE: Kind = Kind::Variable(Text::UNBOUNDED);

/// The same of 1 to `max` characters, for which some document has the limit `doubt`.
pub const fn doubted_variable(doubt: usize, max: usize) -> Kind {
    Kind::Variable(Text { doubt: Some(doubt), max: Some(max), ..Text::UNBOUNDED })
}

/// Text that may be empty.
pub const MAYBE_EMPTY: Kind = Kind::Text(Text { min: 0, ..Text::UNBOUNDED });

/// Text of 1 to `max` characters.
pub const fn text(max: usize) -> Kind {
    Kind::Text(Text { max: Some(max), ..Text::UNBOUNDED })
}

/// Text of 0 to `max` characters.
pub const fn maybe_empty(max: usize) -> Kind {
    Kind::Text(Text { min: 0, max: Some(max), ..Text::UNBOUNDED })
}

/// Text of 1 to `max` characters, for which some document has the limit `doubt`.
pub const fn doubted(doubt: usize, max: usize) -> Kind {
    Kind::Text(Text { doubt: Some(doubt), max: Some(max), ..Text::UNBOUNDED })
}

/// The limits of an array.
#[derive(Debug, Clone, Copy)]
pub struct List {
    /// The schema of each element.
    pub of: &'static Kind,
    /// The name of the elements, for messages to people.
    pub what: &'static str,
    /// Minimum number of elements.
    pub min: usize,
    /// The maximum by all documents; more elements are doubtful.
    pub doubt: Option<usize>,
    /// The maximum by any document; more elements are errors.
    pub max: Option<usize>,
    /// Paths within the elements whose values must be unique.
    pub unique: &'static [&'static str],
    /// The error for a wrong number of elements.
    pub code: Code,
    /// The fix if there are too few elements or there is no list, if not the usual one.
    pub few: Option<&'static str>,
}

impl List {
    /// A list of at least `min` elements.
    pub const fn of(of: &'static Kind, what: &'static str, min: usize) -> Self {
        Self { of, what, min, doubt: None, max: None, unique: &[], code: Code::Value, few: None }
    }

    /// Sets the maximum.
    #[must_use]
    pub const fn max(mut self, max: usize) -> Self {
        self.max = Some(max);
        self
    }

    /// Sets the number beyond which it is doubtful.
    #[must_use]
    pub const fn doubt(mut self, doubt: usize) -> Self {
        self.doubt = Some(doubt);
        self
    }

    /// Sets the unique paths.
    #[must_use]
    pub const fn unique(mut self, paths: &'static [&'static str]) -> Self {
        self.unique = paths;
        self
    }

    /// Sets the error for a wrong number of elements.
    #[must_use]
    pub const fn code(mut self, code: Code) -> Self {
        self.code = code;
        self
    }

    /// Sets the fix if there are too few elements.
    #[must_use]
    pub const fn few(mut self, fix: &'static str) -> Self {
        self.few = Some(fix);
        self
    }
}

/// A constraint between the fields of an object.
#[derive(Debug, Clone, Copy)]
pub enum Rule {
    /// Exactly one of these fields is present.
    OneOf(&'static [&'static str]),
    /// At least one of these fields is present.
    AnyOf(&'static [&'static str]),
    /// If the array `list` has several elements, each has a `title`.
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
        /// Maximum number.
        max: usize,
    },
    /// The values of `key` are unique over the arrays `items` of all elements of the array `list`.
    Distinct {
        /// The outer array.
        list: &'static str,
        /// The arrays in it.
        items: &'static str,
        /// The unique key.
        key: &'static str,
    },
    /// Otherwise doubtful: no two elements of the array `list` have the same `type`. Elements of the type `many` differ in `key`.
    Once {
        /// The array.
        list: &'static str,
        /// The type that may occur several times.
        many: &'static str,
        /// The key in which those differ.
        key: &'static str,
    },
    /// All elements of the array `list` have the same value at these paths; each path has a name for people. Arrays are compared by
    /// length and the types of their elements.
    Alike {
        /// The array.
        list: &'static str,
        /// Paths, with their names for people.
        by: &'static [(&'static str, &'static str)],
    },
    /// The field has this value, for this reason.
    Says {
        /// The field.
        field: &'static str,
        /// The value.
        word: &'static str,
        /// The reason and the fix.
        reason: &'static str,
    },
    /// The field is doubtful if present.
    Doubt {
        /// The field.
        field: &'static str,
        /// The reason.
        reason: &'static str,
    },
    /// The field is absent if another one has this value, for this reason.
    Excludes {
        /// The other field.
        field: &'static str,
        /// Its value.
        word: &'static str,
        /// The field that is absent then.
        absent: &'static str,
        /// The reason and the fix.
        reason: &'static str,
    },
    /// The field is present if another one is, for this reason.
    Needs {
        /// The other field.
        field: &'static str,
        /// The field that is needed.
        needed: &'static str,
        /// The reason and the fix.
        reason: &'static str,
    },
    /// The values of `key` in the array `list` are below its length, so that they run from 0 without a gap if they are unique.
    Numbered {
        /// The array.
        list: &'static str,
        /// The number.
        key: &'static str,
        /// The first number that is out of the range of `key` anyway.
        below: u64,
    },
    /// The text parameters of a template's header, body and cards all have a name, or none has one.
    OneParameterFormat {
        /// The document.
        source: &'static str,
    },
    /// The file name of a document has an extension, that of the link.
    NamedFile,
    /// A document is a PDF, as far as its names say.
    PdfFile,
    /// A link ends in an extension of the kind of media that it stands for.
    LinkedKind(super::content_types::Kind),
    /// A voice message is Opus in Ogg.
    VoiceFile,
}
