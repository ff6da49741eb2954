//! Media messages from an asset, whose type and size are checked against WhatsApp's limits, or from a link or a media id.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{ArgGroup, Args};

use super::envelope;
use super::recipients;
use crate::cli::{CommandError, Exit, asset, load, print_stderr};
use crate::config::Flags;
use crate::message::{Audio, Content, Document, HeaderMedia, Image, Source, Sticker, Video};
use crate::whatsapp::{self, Kind};

/// Options of media messages. A kind that does not allow one reports an error.
#[derive(Debug, Args)]
#[group(skip)]
pub(super) struct Options {
    /// Caption of an image, a video or a document
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    caption: Option<String>,

    /// File name that a document is shown with [default: the asset's]
    #[arg(long, value_name = "NAME")]
    filename: Option<String>,

    /// Send audio (Opus in Ogg) as a voice message
    #[arg(long)]
    voice: bool,

    /// Leave out `?v=` in the link, which then always leads to the current version
    #[arg(long)]
    no_version: bool,

    /// Lifetime of the link, for an asset that needs a signed one: 15m, 24h, 7d [default: 24h]
    #[arg(long, value_name = "TIME", value_parser = asset::lifetime, allow_hyphen_values = true, conflicts_with = "id")]
    expires: Option<Duration>,
}

/// `message image`, `video`, `audio`, `document` and `sticker`.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("source").args(["path", "link", "id", "json"]).required(true).multiple(true)))]
pub(super) struct Arguments {
    /// A file in a served folder, the path of the asset (a name, not percent-encoded), or its URL
    path: Option<PathBuf>,

    /// URL of a file that is hosted elsewhere
    #[arg(long, value_name = "URL", conflicts_with_all = ["path", "id", "expires"])]
    link: Option<String>,

    /// Media id of an upload
    #[arg(long, value_name = "MEDIA_ID")]
    id: Option<String>,

    #[command(flatten)]
    options: Options,

    /// File with the whole object of that kind, instead of these flags; - for stdin
    #[arg(long, value_name = "FILE", conflicts_with_all = ["path", "link", "id", "caption", "filename", "voice", "no_version", "expires"])]
    json: Option<PathBuf>,

    #[command(flatten)]
    addressed: envelope::Arguments,
}

impl Arguments {
    pub(super) fn run(&self, kind: Kind, config: Option<PathBuf>) -> Result<Exit, CommandError> {
        let content = match (&self.json, &self.path, &self.link, &self.id) {
            (Some(json), ..) => {
                self.addressed.refuse_stdin_twice(Some(json))?;
                Content::written(kind.name(), recipients::read_json(json)?)
            }
            (_, Some(path), _, id) => of_asset(path, Some(kind), id.as_deref(), &self.options, config)?,
            (_, _, Some(link), _) => self.options.content(kind, Source::link(link), None)?,
            (_, _, _, id) => {
                let id = id.as_deref().expect("clap requires one of the four");
                self.options.content(kind, Source::id(id), None)?
            }
        };
        self.addressed.send(content)
    }
}

/// The content that sends an asset, as the requested kind or else the one of its type; by its link, or by the media id of an
/// upload.
pub(super) fn of_asset(
    path: &Path,
    asked: Option<Kind>,
    id: Option<&str>,
    options: &Options,
    config: Option<PathBuf>,
) -> Result<Content, CommandError> {
    let settings = load(&Flags { config, ..Flags::default() })?;
    if id.is_none() {
        asset::refuse_unlinkable(&settings)?;
    }
    let named = asset::look_up(path, &settings)?;
    let kind = choose_kind(&named, asked)?;
    check_size(&named, kind)?;
    if options.voice && kind == Kind::Audio {
        check_voice(&named)?;
    }
    options.check_for(kind)?;
    let source = match id {
        Some(id) => Source::id(id),
        None => Source::link(asset::link(&named, &settings, !options.no_version, options.expires)?),
    };
    options.content(kind, source, Some(&named.asset.name))
}

/// A file that is hosted elsewhere as the header of a template; without `kind`, its extension decides.
pub(super) fn header_of_url(url: &str, kind: Option<&str>) -> Result<HeaderMedia, CommandError> {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    let name = path.rsplit('/').next().unwrap_or_default();
    let guessed = || mime_guess::from_path(name).first_raw().and_then(kind_of_type);
    let source = Source::link(url);
    match kind.or_else(guessed) {
        Some("image") => Ok(HeaderMedia::Image(source)),
        Some("video") => Ok(HeaderMedia::Video(source)),
        Some("document") => {
            let filename = (name.contains('.') && !name.contains('%')).then(|| name.to_owned());
            Ok(HeaderMedia::Document { source, filename })
        }
        _ => {
            let reason = "its extension does not show whether it is an image, a video or a document; add --templates, or write \
                          the component to a file for --json";
            Err(CommandError::new(Exit::Usage, reason).about(url))
        }
    }
}

/// The kind of header for a media type.
fn kind_of_type(media_type: &str) -> Option<&'static str> {
    match media_type.split('/').next()? {
        "image" => Some("image"),
        "video" => Some("video"),
        "application" | "text" => Some("document"),
        _ => None,
    }
}

/// An asset as the header of a template, by its link; `expires` is the lifetime of a signed one.
pub(super) fn header(
    path: &Path,
    expires: Option<Duration>,
    config: Option<PathBuf>,
) -> Result<HeaderMedia, CommandError> {
    let settings = load(&Flags { config, ..Flags::default() })?;
    asset::refuse_unlinkable(&settings)?;
    let named = asset::look_up(path, &settings)?;
    let kind = choose_kind(&named, None)?;
    check_size(&named, kind)?;
    if matches!(kind, Kind::Audio | Kind::Sticker) {
        let reason = format_args!(
            "it is sent as {kind}, but the header of a template is an image, a video or a document"
        );
        return Err(CommandError::new(Exit::No, reason).about(&named.path));
    }
    let source = Source::link(asset::link(&named, &settings, true, expires)?);
    Ok(match kind {
        Kind::Image => HeaderMedia::Image(source),
        Kind::Video => HeaderMedia::Video(source),
        _ => HeaderMedia::Document { source, filename: Some(named.asset.name.into()) },
    })
}

/// The kind of message for an asset, if WhatsApp accepts it as that.
fn choose_kind(named: &asset::Named, asked: Option<Kind>) -> Result<Kind, CommandError> {
    let media_type = &named.asset.media_type;
    let own = whatsapp::kind_of(media_type);
    let kind = asked.or(own).unwrap_or(Kind::Document);
    if !kind.takes(media_type) {
        let types: Vec<_> = kind.media_types().collect();
        let way_out = match own {
            Some(own) => format!("send it as {own}, or convert it"),
            None => {
                "convert it, or send it as document, which WhatsApp may accept although it does not list its type"
                    .to_owned()
            }
        };
        let reason = format_args!(
            "it is served as {media_type}, but as {kind} WhatsApp accepts only {}; {way_out}",
            types.join(", ")
        );
        return Err(CommandError::new(Exit::No, reason).about(&named.path));
    }
    if own.is_none() {
        print_stderr(&format!(
            "wamedia: warning: {} is served as {media_type}, which WhatsApp does not list; it is sent as a document, and may \
             not arrive\n",
            named.path
        ));
    }
    Ok(kind)
}

/// Rejects an asset that is empty or too large for its kind.
fn check_size(named: &asset::Named, kind: Kind) -> Result<(), CommandError> {
    let (len, limit) = (named.asset.len, kind.size_limit());
    if len == 0 {
        let reason = "it is empty, and WhatsApp accepts no empty file; replace it";
        return Err(CommandError::new(Exit::No, reason).about(&named.path));
    }
    if len > limit.refused_past {
        let document = Kind::Document.size_limit();
        let way_out = if kind != Kind::Document && len <= document.refused_past {
            " or send it as a document (--as document) of up to 100 MB"
        } else {
            ""
        };
        let reason = format_args!(
            "it has {len} bytes, and as {kind} WhatsApp accepts at most {}; make it smaller{}{way_out}",
            limit.refused_past,
            if way_out.is_empty() { "" } else { "," }
        );
        return Err(CommandError::new(Exit::No, reason).about(&named.path));
    }
    if len > limit.doubted_past {
        let why = if kind == Kind::Sticker {
            "which WhatsApp accepts only if the sticker is animated"
        } else {
            "which is too large if Meta counts a MB as 1,000,000 bytes"
        };
        print_stderr(&format!("wamedia: warning: {} has {len} bytes, {why}\n", named.path));
    }
    Ok(())
}

/// Rejects an asset that cannot be a voice message, and warns of a long one.
fn check_voice(named: &asset::Named) -> Result<(), CommandError> {
    let media_type = named.asset.media_type.as_str();
    if media_type.split(';').next().is_none_or(|essence| essence.trim() != "audio/ogg") {
        let reason = format_args!(
            "it is served as {media_type}, but a voice message must be Opus in Ogg; convert it (ffmpeg -i IN -c:a libopus \
             -ac 1 OUT.ogg), or omit --voice"
        );
        return Err(CommandError::new(Exit::No, reason).about(&named.path));
    }
    if named.asset.len > whatsapp::VOICE_INSTANT_PLAY_LIMIT {
        print_stderr(&format!(
            "wamedia: warning: {} has {} bytes, and a voice message of more than 512 KB must be downloaded before it plays\n",
            named.path, named.asset.len
        ));
    }
    Ok(())
}

impl Options {
    /// Rejects options that WhatsApp does not have for this kind.
    fn check_for(&self, kind: Kind) -> Result<(), CommandError> {
        let has_caption = matches!(kind, Kind::Image | Kind::Video | Kind::Document);
        let refusal = if self.caption.is_some() && !has_caption {
            Some(("caption", "only image, video and document have one"))
        } else if self.filename.is_some() && kind != Kind::Document {
            Some(("filename", "only a document has one"))
        } else if self.voice && kind != Kind::Audio {
            Some(("voice", "it is for audio only"))
        } else {
            None
        };
        match refusal {
            None => Ok(()),
            Some((flag, why)) => {
                let reason = format_args!("WhatsApp accepts no {flag} with {kind}: {why}; omit --{flag}");
                Err(CommandError::new(Exit::No, reason))
            }
        }
    }

    /// The content of this kind with these options. `name` is the asset's.
    fn content(&self, kind: Kind, source: Source, name: Option<&str>) -> Result<Content, CommandError> {
        self.check_for(kind)?;
        Ok(match kind {
            Kind::Image => {
                let image = Image::new(source);
                self.caption.iter().fold(image, Image::caption).into()
            }
            Kind::Video => {
                let video = Video::new(source);
                self.caption.iter().fold(video, Video::caption).into()
            }
            Kind::Audio => {
                let audio = Audio::new(source);
                if self.voice { audio.voice(true).into() } else { audio.into() }
            }
            Kind::Document => {
                let document = Document::new(source);
                let document = self.caption.iter().fold(document, Document::caption);
                let filename = self.filename.as_deref().or(name);
                filename.into_iter().fold(document, Document::filename).into()
            }
            Kind::Sticker => Sticker::new(source).into(),
        })
    }
}
