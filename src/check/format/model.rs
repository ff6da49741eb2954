//! What is found out of bytes: which format they are in, and what of it matters to WhatsApp.

/// What some bytes are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recognised {
    /// Their format.
    pub format: Format,
    /// What is wrong with them as that; empty where nothing is seen to be.
    pub damage: Vec<Damage>,
}

/// What is wrong with bytes as the format that they are in.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Damage {
    /// They end too early: what is missing, in a few words, such as `the box mdat says 40960 bytes, and 1200 are there`.
    Truncated(String),
    /// They contradict their format: how, in a few words.
    Malformed(String),
}

/// The formats that are told apart.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    /// No bytes at all.
    Empty,
    /// JPEG (ITU-T T.81).
    Jpeg(Jpeg),
    /// PNG, also an animated one.
    Png(Png),
    /// WebP (RFC 9649).
    WebP(WebP),
    /// GIF.
    Gif {
        /// Whether it has more than one frame, as far as its head tells.
        is_animated: bool,
    },
    /// HEIC, HEIF or AVIF, by the brand in its `ftyp` box, such as `heic` or `avif`.
    Heif {
        /// The major brand.
        brand: String,
    },
    /// SVG.
    Svg,
    /// Another image, by its usual name: `BMP`, `TIFF`, `ICO`, `PSD`, `JPEG XL`, `JPEG 2000`.
    OtherImage(&'static str),
    /// Ogg (RFC 3533).
    Ogg(Ogg),
    /// AMR, narrow or wide band (RFC 4867 section 5).
    Amr(Amr),
    /// AAC in ADTS frames.
    Adts(Adts),
    /// MPEG audio, layer III or another.
    Mp3(Mp3),
    /// The family of MP4: MP4, M4A, 3GP, `QuickTime`.
    Mp4(Box<Mp4>),
    /// Another audio format, by its usual name: `WAV`, `FLAC`, `AIFF`, `WMA`, `MIDI`, `CAF`, `AU`, `SILK`, `AAC in ADIF`,
    /// `WavPack`, `Monkey's Audio`; `WebM` and `Matroska` where there is sound alone in them.
    OtherAudio(&'static str),
    /// Another video format, by its usual name: `WebM`, `Matroska`, `AVI`, `MPEG-PS`, `MPEG-TS`, `FLV`, `WMV`,
    /// `RealMedia`, `MPEG video`, `H.264 without a container`.
    OtherVideo(&'static str),
    /// PDF.
    Pdf(Pdf),
    /// Office Open XML, or another format that is a zip file.
    Zip(Zip),
    /// A compound file: the older formats of Office.
    Compound(Compound),
    /// RTF.
    Rtf,
    /// An HTML page.
    Html,
    /// A JSON text.
    Json {
        /// Whether it says that something failed, as a server answers programs.
        is_error: bool,
    },
    /// XML that is nothing better known.
    Xml {
        /// Whether it says that something failed, as a server answers programs.
        is_error: bool,
    },
    /// Text.
    Text(Text),
    /// Something else, by its usual name: `gzip`, `7z`, `RAR`, `ELF program`, `Windows program`, `SQLite`, `font`.
    Other(&'static str),
    /// Bytes of no format that we know.
    Unknown,
    /// Bytes whose format could not be told, because more of them would have to be read than
    /// [`READ_BOUND`](super::READ_BOUND).
    Unreached,
}

/// A JPEG.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Jpeg {
    /// In pixels.
    pub width: u32,
    /// In pixels.
    pub height: u32,
    /// Bits of a sample: 8, or 12 and more.
    pub precision: u8,
    /// 1 grey, 3 colour, 4 CMYK or YCCK.
    pub components: u8,
    /// Whether it is progressive.
    pub is_progressive: bool,
    /// Whether its process is one that browsers and phones decode: baseline, extended or progressive with Huffman coding.
    pub is_common_process: bool,
    /// The EXIF orientation, 1 to 8, where there is one.
    pub orientation: Option<u8>,
}

/// A PNG.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Png {
    /// In pixels.
    pub width: u32,
    /// In pixels.
    pub height: u32,
    /// Bits of a sample: 1, 2, 4, 8 or 16.
    pub bit_depth: u8,
    /// How its colours are kept.
    pub colour: PngColour,
    /// Whether it is an animated one (APNG).
    pub is_animated: bool,
}

/// The colour types of PNG.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "PNG's own names")]
pub enum PngColour {
    Greyscale,
    Rgb,
    Indexed,
    GreyscaleAlpha,
    Rgba,
}

/// A WebP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebP {
    /// Of the canvas, in pixels.
    pub width: u32,
    /// Of the canvas, in pixels.
    pub height: u32,
    /// Whether it moves.
    pub is_animated: bool,
    /// Whether it may be transparent.
    pub has_alpha: bool,
}

/// An Ogg file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ogg {
    /// What its first stream is coded in.
    pub codec: OggCodec,
    /// How many streams begin in its head. A skeleton, which only describes the others, is not counted.
    pub streams: usize,
    /// Channels of its first stream, where the codec's head tells.
    pub channels: Option<u8>,
}

/// What an Ogg stream is coded in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the codecs' own names")]
pub enum OggCodec {
    Opus,
    Vorbis,
    Speex,
    Flac,
    Theora,
    Unknown,
}

/// An AMR file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Amr {
    /// Whether it is wide band (AMR-WB).
    pub is_wideband: bool,
    /// Channels; more than 1 only in the multichannel form.
    pub channels: u8,
}

/// AAC in ADTS frames.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Adts {
    /// The MPEG-4 audio object type: 1 Main, 2 LC, 3 SSR, 4 LTP.
    pub object_type: u8,
    /// In hertz.
    pub sample_rate: u32,
    /// Channels; 0 where the stream tells them elsewhere.
    pub channels: u8,
}

/// MPEG audio.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mp3 {
    /// 1, 2 or 3; MP3 is 3.
    pub layer: u8,
    /// In hertz.
    pub sample_rate: u32,
    /// 1 or 2.
    pub channels: u8,
}

/// A file of the MP4 family.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mp4 {
    /// The major brand in `ftyp`, such as `isom`, `mp42`, `M4A `, `3gp4`, `qt  `; `None` without that box.
    pub brand: Option<String>,
    /// The compatible brands.
    pub compatible: Vec<String>,
    /// The tracks, in their order.
    pub tracks: Vec<Track>,
    /// Where the movie's head stands.
    pub head: MovieHead,
    /// Whether the movie comes in fragments (`mvex`, `moof`).
    pub is_fragmented: bool,
    /// Playing time in milliseconds, where the head tells.
    pub duration_ms: Option<u64>,
}

/// Where the head of a movie (`moov`) stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MovieHead {
    /// Before the media data (`mdat`): it can be played as it arrives.
    First,
    /// Behind the media data.
    Last,
    /// There is none.
    Missing,
}

/// A track of a movie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Track {
    /// What it holds.
    pub kind: TrackKind,
    /// The four characters of its sample entry, such as `avc1`, `hvc1`, `mp4a`, `samr`, `Opus`.
    pub codec: String,
    /// The codec's details, where they matter.
    pub detail: TrackDetail,
}

/// What a track holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "their names say it")]
pub enum TrackKind {
    Video,
    Audio,
    Text,
    Other,
}

/// What is told of a track's codec.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TrackDetail {
    /// H.264.
    Avc {
        /// `profile_idc`: 66 Baseline, 77 Main, 88 Extended, 100 High, 110 High 10, …
        profile: u8,
        /// `level_idc`: 10 times the level.
        level: u8,
        /// Whether pictures are shown in another order than they are stored (B-frames); `None` where it cannot be told.
        has_reordering: Option<bool>,
        /// In pixels.
        width: u16,
        /// In pixels.
        height: u16,
    },
    /// Another video codec.
    Video {
        /// In pixels.
        width: u16,
        /// In pixels.
        height: u16,
    },
    /// MPEG-4 audio (`mp4a`).
    Mpeg4Audio {
        /// The object type of `esds`: 0x40 AAC, 0x6B MP3, …
        object_type: u8,
        /// The audio object type of AAC: 2 LC, 5 SBR, 29 PS; where it is told.
        aac: Option<u8>,
        /// Channels, as AAC's configuration says, or else the sample entry, which some writers fill with 2 whatever is in it.
        channels: u16,
    },
    /// Another audio codec.
    Audio {
        /// Channels, as the sample entry says.
        channels: u16,
    },
    /// Nothing that matters.
    None,
}

/// A PDF.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pdf {
    /// As in `1.7`.
    pub version: String,
    /// Bytes before its `%PDF-`.
    pub junk_before: u64,
    /// Whether it is encrypted, so that it may need a password.
    pub is_encrypted: bool,
    /// Whether its end (`%%EOF`) is there.
    pub has_end: bool,
}

/// What a zip file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
#[expect(missing_docs, reason = "their names say it")]
pub enum Zip {
    Docx,
    Xlsx,
    Pptx,
    /// One of them with macros: `docm`, `xlsm`, `pptm`.
    MacroEnabled,
    /// A template or a show of Office, which has a type of its own.
    OtherOffice,
    /// `OpenDocument`: `odt`, `ods`, `odp`.
    OpenDocument,
    Epub,
    Apk,
    Jar,
    /// Any other.
    Plain,
}

/// What a compound file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
#[expect(missing_docs, reason = "their names say it")]
pub enum Compound {
    Doc,
    Xls,
    Ppt,
    /// A newer format of Office that is encrypted with a password.
    Encrypted,
    /// An Outlook message.
    Msg,
    Other,
}

/// A text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// How it is encoded, as far as was looked at.
    pub encoding: TextEncoding,
    /// Whether it begins with a byte order mark.
    pub has_bom: bool,
}

/// How a text is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextEncoding {
    /// Nothing but ASCII.
    Ascii,
    /// UTF-8.
    Utf8,
    /// UTF-16, little or big endian.
    Utf16,
    /// Text in an older encoding, such as Windows-1252.
    Legacy,
}
