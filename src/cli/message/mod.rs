//! `wamedia message`: the payload that sends an asset, or a message of any other type.
//!
//! This file has the subcommands. [media] builds the content of media messages, [control] that of read receipts, typing indicators
//! and pins, [template] that of templates, and [content] all others, from flags or JSON; [envelope] adds recipients and prints the payloads.

mod content;
mod control;
mod envelope;
mod media;
mod output;
mod recipients;
mod template;
mod template_list;
mod validate;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use super::{CommandError, Exit};
use crate::whatsapp;

/// Print the payload that sends an asset, or a message of any other type
///
/// PATH is an asset, as for `wamedia link`. Its media type decides the kind of message, and the message has its public URL with
/// the version. What WhatsApp would reject is an error here, with the reason and the fix.
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    subcommand_value_name = "KIND",
    subcommand_help_heading = "Kinds",
    disable_help_subcommand = true,
    arg_required_else_help = true,
    after_help = "\
Examples:
  wamedia message campaign/banner.jpg --to \"+1 650 555 1234\" --caption \"Today only\"
  wamedia message prices/price-list.pdf --to-file numbers.txt > messages.jsonl
  wamedia message personal/voice-note.ogg --voice --to +16505551234 --format curl
  wamedia message campaign/banner.jpg --as document --to +16505551234
  wamedia message text --to +16505551234 --body \"Your table is ready\"
  wamedia message interactive --to +16505551234 --json buttons.json

The name of a kind comes first, then its flags. For a file with such a name, write ./text.
For one recipient the payload is indented JSON; for several, one payload a line.

With --format curl, the command reads the credential from the variable WHATSAPP_TOKEN (D360_API_KEY
for 360dialog), and missing parts of the URL from variables too.

Exit codes: 0 the payload was printed, 1 WhatsApp would reject it or there is no such asset, 2 wrong
usage or configuration, 3 system error (I/O, network)."
)]
pub(super) struct Arguments {
    #[command(flatten)]
    asset: AssetArguments,

    #[command(subcommand)]
    kind: Option<KindCommand>,
}

#[derive(Debug, Args)]
#[group(skip)]
struct AssetArguments {
    /// A file in a served folder, the path of the asset (a name, not percent-encoded), or its URL
    #[arg(required = true)]
    path: Option<PathBuf>,

    /// Send it as image, video, audio, document or sticker, where WhatsApp accepts it as that
    #[arg(long = "as", value_name = "KIND")]
    kind: Option<whatsapp::Kind>,

    /// Use the media id of an upload instead of a link
    #[arg(long, value_name = "MEDIA_ID")]
    id: Option<String>,

    #[command(flatten)]
    options: media::Options,

    #[command(flatten)]
    addressed: envelope::Arguments,
}

#[derive(Debug, Subcommand)]
enum KindCommand {
    /// A text message
    Text(content::Text),
    /// A JPEG or PNG of at most 5 MB
    Image(media::Arguments),
    /// An MP4 or 3GP of at most 16 MB
    Video(media::Arguments),
    /// An audio file of at most 16 MB, or with --voice a voice message
    Audio(media::Arguments),
    /// A file of at most 100 MB
    Document(media::Arguments),
    /// A WebP of at most 100 KB, or 500 KB if animated
    Sticker(media::Arguments),
    /// A location on the map
    Location(content::Location),
    /// Contact cards
    Contacts(content::Contacts),
    /// An emoji reaction to a received message
    Reaction(content::Reaction),
    /// Buttons, lists, flows, products and others, from --json
    Interactive(content::JsonOnly),
    /// An approved template
    Template(template::Template),
    /// The older form of templates, for the On-Premises API, from --json
    Hsm(content::JsonOnly),
    /// Mark a message as read
    Read(control::Read),
    /// Mark a message as read, and show a typing indicator
    Typing(control::Typing),
    /// Pin a message in a group
    Pin(control::Pin),
    Validate(validate::Arguments),
}

pub(super) fn run(arguments: &Arguments, config: Option<PathBuf>) -> Result<Exit, CommandError> {
    use whatsapp::Kind;

    let Some(kind) = &arguments.kind else {
        let asset = &arguments.asset;
        let path = asset.path.as_deref().expect("clap requires it");
        refuse_kind(path)?;
        let content = media::of_asset(path, asset.kind, asset.id.as_deref(), &asset.options, config)?;
        return asset.addressed.send(content);
    };
    match kind {
        KindCommand::Image(arguments) => arguments.run(Kind::Image, config),
        KindCommand::Video(arguments) => arguments.run(Kind::Video, config),
        KindCommand::Audio(arguments) => arguments.run(Kind::Audio, config),
        KindCommand::Document(arguments) => arguments.run(Kind::Document, config),
        KindCommand::Sticker(arguments) => arguments.run(Kind::Sticker, config),
        KindCommand::Text(arguments) => arguments.run(),
        KindCommand::Location(arguments) => arguments.run(),
        KindCommand::Contacts(arguments) => arguments.run(),
        KindCommand::Reaction(arguments) => arguments.run(),
        KindCommand::Interactive(arguments) => arguments.run("interactive"),
        KindCommand::Template(arguments) => arguments.run(config),
        KindCommand::Hsm(arguments) => arguments.run("hsm"),
        KindCommand::Read(arguments) => arguments.run(),
        KindCommand::Typing(arguments) => arguments.run(),
        KindCommand::Pin(arguments) => arguments.run(),
        KindCommand::Validate(arguments) => validate::run(arguments),
    }
}

/// Rejects a kind of message in the place of the path: after flags, clap takes it for a path.
fn refuse_kind(path: &Path) -> Result<(), CommandError> {
    let is_kind = |word: &&str| KindCommand::has_subcommand(word);
    let Some(word) = path.to_str().filter(is_kind) else { return Ok(()) };
    let reason = format_args!(
        "`{word}` is a kind of message: write it directly after `message`, and its flags after it; for a file of that \
         name, write ./{word}"
    );
    Err(CommandError::new(Exit::Usage, reason))
}
