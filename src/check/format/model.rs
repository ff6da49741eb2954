//! Data model of recognised formats, with the details that matter to WhatsApp.

/// The result of format recognition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recognised {
    /// The format.
    pub format: Format,
    /// Damage that was found; empty if none was.
    pub damage: Vec<Damage>,
}

/// Why bytes are not a valid file of their format.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Damage {
    /// They end too early: what is missing, such as `the mdat box declares 40960 bytes, but 1200 are present`.
    Truncated(String),
    /// They violate their format: how, in a few words.
    Malformed(String),
}

/// The recognised formats.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    /// No bytes at all.
    Empty,
    /// JPEG (ITU-T T.81).
    Jpeg(Jpeg),
    /// PNG or animated PNG (APNG).
    Png(Png),
    /// WebP (RFC 9649).
    WebP(WebP),
    /// GIF.
    Gif {
        /// Whether it has more than one frame, as far as its start shows.
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
    /// AMR, narrowband or wideband (RFC 4867 section 5).
    Amr(Amr),
    /// AAC in ADTS frames.
    Adts(Adts),
    /// MPEG audio, Layer III (MP3) or another layer.
    Mp3(Mp3),
    /// ISO base media file: MP4, M4A, 3GP, `QuickTime`.
    Mp4(Box<Mp4>),
    /// Another audio format, by its usual name: `WAV`, `FLAC`, `AIFF`, `WMA`, `MIDI`, `CAF`, `AU`, `SILK`, `AAC in ADIF`,
    /// `WavPack`, `Monkey's Audio`; `WebM` and `Matroska` with audio tracks only.
    OtherAudio(&'static str),
    /// Another video format, by its usual name: `WebM`, `Matroska`, `AVI`, `MPEG-PS`, `MPEG-TS`, `FLV`, `WMV`,
    /// `RealMedia`, `MPEG video`, `H.264 without a container`.
    OtherVideo(&'static str),
    /// PDF.
    Pdf(Pdf),
    /// Office Open XML, or another format in a zip file.
    Zip(Zip),
    /// Compound file (CFB): the older Office formats.
    Compound(Compound),
    /// RTF.
    Rtf,
    /// An HTML page.
    Html,
    /// JSON.
    Json {
        /// Whether it describes an error, as an API response does.
        is_error: bool,
    },
    /// XML that is not HTML or SVG.
    Xml {
        /// Whether it describes an error, as an API response does.
        is_error: bool,
    },
    /// Plain text.
    Text(Text),
    /// Something else, by its usual name: `gzip`, `7z`, `RAR`, `ELF program`, `Windows program`, `SQLite`, `font`.
    Other(&'static str),
    /// No known format.
    Unknown,
    /// The format could not be determined within [`READ_BOUND`](super::READ_BOUND) bytes.
    Unreached,
}

/// A JPEG.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Jpeg {
    /// In pixels.
    pub width: u32,
    /// In pixels.
    pub height: u32,
    /// Bits per sample: 8, or 12 and more.
    pub precision: u8,
    /// Number of components: 1 greyscale, 3 colour, 4 CMYK or YCCK.
    pub components: u8,
    /// Whether it is progressive.
    pub is_progressive: bool,
    /// Whether browsers and phones decode its coding process: baseline, extended or progressive, with Huffman coding.
    pub is_common_process: bool,
    /// The EXIF orientation, 1 to 8, if present.
    pub orientation: Option<u8>,
}

/// A PNG.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Png {
    /// In pixels.
    pub width: u32,
    /// In pixels.
    pub height: u32,
    /// Bits per sample: 1, 2, 4, 8 or 16.
    pub bit_depth: u8,
    /// Colour type.
    pub colour: PngColour,
    /// Whether it is animated (APNG).
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
    /// Whether it is animated.
    pub is_animated: bool,
    /// Whether it may have transparency.
    pub has_alpha: bool,
}

/// An Ogg file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ogg {
    /// Codec of its first stream.
    pub codec: OggCodec,
    /// How many logical streams begin at its start. A Skeleton stream, which only describes the others, is not counted.
    pub streams: usize,
    /// Channels of its first stream, if the codec's header says.
    pub channels: Option<u8>,
}

/// Codec of an Ogg stream.
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
    /// Whether it is wideband (AMR-WB).
    pub is_wideband: bool,
    /// Channels; more than 1 only in the multichannel format.
    pub channels: u8,
}

/// AAC in ADTS frames.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Adts {
    /// The MPEG-4 audio object type: 1 Main, 2 LC, 3 SSR, 4 LTP.
    pub object_type: u8,
    /// In hertz.
    pub sample_rate: u32,
    /// Channels; 0 if the stream defines them elsewhere (program config element).
    pub channels: u8,
}

/// MPEG audio.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mp3 {
    /// Layer 1, 2 or 3; MP3 is Layer 3.
    pub layer: u8,
    /// In hertz.
    pub sample_rate: u32,
    /// Channels: 1 or 2.
    pub channels: u8,
}

/// An ISO base media file: MP4, M4A, 3GP or `QuickTime`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mp4 {
    /// The major brand in `ftyp`, such as `isom`, `mp42`, `M4A `, `3gp4`, `qt  `; `None` without an `ftyp` box.
    pub brand: Option<String>,
    /// The compatible brands.
    pub compatible: Vec<String>,
    /// The tracks, in file order.
    pub tracks: Vec<Track>,
    /// Position of the `moov` box.
    pub moov: MoovPosition,
    /// Whether the movie is fragmented (`mvex`, `moof`).
    pub is_fragmented: bool,
    /// Duration in milliseconds, if `moov` says.
    pub duration_ms: Option<u64>,
}

/// Position of the `moov` box relative to the media data (`mdat`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MoovPosition {
    /// Before `mdat` (fast start): playback can begin during the download.
    First,
    /// After `mdat`.
    Last,
    /// There is no `moov` box.
    Missing,
}

/// A track of an MP4 file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Track {
    /// Type of its media.
    pub kind: TrackKind,
    /// The four-character code of its sample entry, such as `avc1`, `hvc1`, `mp4a`, `samr`, `Opus`.
    pub codec: String,
    /// Details of the codec, if they matter.
    pub detail: TrackDetail,
}

/// Media type of a track.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "their names say it")]
pub enum TrackKind {
    Video,
    Audio,
    Text,
    Other,
}

/// Details of a track's codec.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TrackDetail {
    /// H.264.
    Avc {
        /// `profile_idc`: 66 Baseline, 77 Main, 88 Extended, 100 High, 110 High 10, …
        profile: u8,
        /// `level_idc`: 10 times the level.
        level: u8,
        /// Whether pictures are displayed in another order than they are stored (B-frames); `None` if unknown.
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
        /// The object type indication in `esds`: 0x40 AAC, 0x6B MP3, …
        object_type: u8,
        /// The audio object type of AAC: 2 LC, 5 SBR, 29 PS; if present.
        aac: Option<u8>,
        /// Channels from the AAC configuration, else from the sample entry, where some writers always put 2.
        channels: u16,
    },
    /// Another audio codec.
    Audio {
        /// Channels from the sample entry.
        channels: u16,
    },
    /// No details that matter.
    None,
}

/// A PDF.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pdf {
    /// Version, such as `1.7`.
    pub version: String,
    /// Bytes before the `%PDF-` header.
    pub junk_before: u64,
    /// Whether it is encrypted and so may need a password.
    pub is_encrypted: bool,
    /// Whether the end marker (`%%EOF`) is present.
    pub has_end: bool,
}

/// Format inside a zip file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
#[expect(missing_docs, reason = "their names say it")]
pub enum Zip {
    Docx,
    Xlsx,
    Pptx,
    /// Office Open XML with macros: `docm`, `xlsm`, `pptm`.
    MacroEnabled,
    /// An Office template, slide show or drawing, which has its own media type.
    OtherOffice,
    /// `OpenDocument`: `odt`, `ods`, `odp`.
    OpenDocument,
    Epub,
    Apk,
    Jar,
    /// Any other zip file.
    Plain,
}

/// Format inside a compound file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
#[expect(missing_docs, reason = "their names say it")]
pub enum Compound {
    Doc,
    Xls,
    Ppt,
    /// Office Open XML encrypted with a password.
    Encrypted,
    /// An Outlook message.
    Msg,
    Other,
}

/// Plain text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// Character encoding of the bytes read.
    pub encoding: TextEncoding,
    /// Whether it begins with a byte order mark (BOM).
    pub has_bom: bool,
}

/// Character encoding of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextEncoding {
    /// ASCII only.
    Ascii,
    /// UTF-8.
    Utf8,
    /// UTF-16, little or big endian.
    Utf16,
    /// An older encoding, such as Windows-1252.
    Legacy,
}
