//! Display names of formats.

use super::{
    Amr, Compound, Format, Jpeg, Mp3, Mp4, Ogg, OggCodec, Pdf, Png, Text, TextEncoding, TrackDetail,
    TrackKind, WebP, Zip,
};

impl Format {
    /// Its usual name: `JPEG`, `Opus in Ogg`, `MP4 (HEVC)`, `Word document (docx)`, `HTML page`.
    pub fn name(&self) -> String {
        let name = match self {
            Self::Empty => "empty file",
            Self::Jpeg(Jpeg { components: 4, .. }) => "JPEG (CMYK)",
            Self::Jpeg(_) => "JPEG",
            Self::Png(Png { is_animated: true, .. }) => "animated PNG",
            Self::Png(_) => "PNG",
            Self::WebP(WebP { is_animated: true, .. }) => "animated WebP",
            Self::WebP(_) => "WebP",
            Self::Gif { is_animated: true } => "animated GIF",
            Self::Gif { .. } => "GIF",
            Self::Heif { brand } => match brand.as_bytes() {
                [b'a', b'v', b'i', _] => "AVIF",
                [b'h', b'e', _, _] => "HEIC",
                _ => "HEIF",
            },
            Self::Svg => "SVG",
            Self::Ogg(Ogg { codec, .. }) => codec.name(),
            Self::Amr(Amr { is_wideband: true, .. }) => "AMR-WB",
            Self::Amr(_) => "AMR",
            Self::Adts(_) => "AAC",
            Self::Mp3(Mp3 { layer, .. }) => match layer {
                3 => "MP3",
                2 => "MPEG audio, Layer II (MP2)",
                _ => "MPEG audio, Layer I (MP1)",
            },
            Self::Mp4(movie) => return movie.name(),
            Self::Pdf(Pdf { is_encrypted: true, .. }) => "PDF (encrypted)",
            Self::Pdf(_) => "PDF",
            Self::Zip(zip) => zip.name(),
            Self::Compound(compound) => compound.name(),
            Self::Rtf => "RTF",
            Self::Html => "HTML page",
            Self::Json { is_error: true } => "JSON with an error",
            Self::Json { .. } => "JSON",
            Self::Xml { is_error: true } => "XML with an error",
            Self::Xml { .. } => "XML",
            Self::Text(Text { encoding, .. }) => encoding.name(),
            Self::OtherImage(name) | Self::OtherAudio(name) | Self::OtherVideo(name) | Self::Other(name) => {
                name
            }
            Self::Unknown => "an unknown format",
            Self::Unreached => "an undetermined format",
        };
        name.to_owned()
    }
}

impl Mp4 {
    /// The container by its brand, with the video codec, or the audio codec if it has no video.
    fn name(&self) -> String {
        let first = |kind| self.tracks.iter().find(|track| track.kind == kind);
        let (video, audio) = (first(TrackKind::Video), first(TrackKind::Audio));
        let container = match self.brand.as_deref() {
            Some("qt  ") => "QuickTime",
            Some(brand) if brand.starts_with("3g") => "3GP",
            Some("M4A " | "M4B ") => "M4A",
            _ if video.is_none() && audio.is_some() => "M4A",
            _ => "MP4",
        };
        let Some(track) = video.or(audio) else { return container.to_owned() };
        let codec = match track.codec.as_str() {
            "avc1" | "avc3" => "H.264",
            "hvc1" | "hev1" => "HEVC",
            "av01" => "AV1",
            "vp08" => "VP8",
            "vp09" => "VP9",
            "mp4v" => "MPEG-4 Visual",
            "s263" => "H.263",
            "mp4a" => match track.detail {
                TrackDetail::Mpeg4Audio { object_type: 0x69 | 0x6B, .. } => "MP3",
                TrackDetail::Mpeg4Audio { object_type: 0x40 | 0x66..=0x68, .. } => "AAC",
                _ => "MPEG-4 audio",
            },
            "samr" => "AMR",
            "sawb" => "AMR-WB",
            "alac" => "ALAC",
            other => other.trim_end(),
        };
        format!("{container} ({})", codec.escape_debug())
    }
}

impl OggCodec {
    const fn name(self) -> &'static str {
        match self {
            Self::Opus => "Opus in Ogg",
            Self::Vorbis => "Vorbis in Ogg",
            Self::Speex => "Speex in Ogg",
            Self::Flac => "FLAC in Ogg",
            Self::Theora => "Theora in Ogg",
            Self::Unknown => "Ogg with an unknown codec",
        }
    }
}

impl Zip {
    const fn name(self) -> &'static str {
        match self {
            Self::Docx => "Word document (docx)",
            Self::Xlsx => "Excel workbook (xlsx)",
            Self::Pptx => "PowerPoint presentation (pptx)",
            Self::MacroEnabled => "Office document with macros",
            Self::OtherOffice => "Office file of another kind",
            Self::OpenDocument => "OpenDocument file",
            Self::Epub => "EPUB",
            Self::Apk => "Android package (apk)",
            Self::Jar => "Java archive (jar)",
            Self::Plain => "zip archive",
        }
    }
}

impl Compound {
    const fn name(self) -> &'static str {
        match self {
            Self::Doc => "Word document (doc)",
            Self::Xls => "Excel workbook (xls)",
            Self::Ppt => "PowerPoint presentation (ppt)",
            Self::Encrypted => "password-protected Office document",
            Self::Msg => "Outlook message (msg)",
            Self::Other => "compound file",
        }
    }
}

impl TextEncoding {
    const fn name(self) -> &'static str {
        match self {
            Self::Ascii => "text (ASCII)",
            Self::Utf8 => "text (UTF-8)",
            Self::Utf16 => "text (UTF-16)",
            Self::Legacy => "text (an older encoding)",
        }
    }
}
