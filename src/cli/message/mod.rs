//! `wamedia message`: the payload that sends an asset, or one of any other type.
//!
//! Here is what can be asked for, and what is done then. How each content is put together from flags is in [medium] for
//! what comes from an asset, in [control] for what is told to WhatsApp itself, and in [by_hand] for the rest; [envelope] addresses
//! and prints it.

mod content;
mod control;
mod envelope;
mod media;
mod output;
mod recipients;
mod validate;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use super::{CommandError, Exit};
use crate::whatsapp;

/// Print the payload that sends an asset, or a message of any other type
///
/// PATH is an asset, as for `wamedia link`: its type decides the kind of message, and its public URL with the version is the
/// link in it. Anything that WhatsApp would refuse is refused here, with the reason and the mend.
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

A word that is a kind of message is one; its flags stand after it. Write ./text for a file of that name.
One recipient is printed as indented JSON, several as one payload a line.

With --format curl, the credential is the variable WHATSAPP_TOKEN (D360_API_KEY for 360dialog), and
what is not given of the URL is a variable, too.

Exit codes: 0 the payload was printed, 1 WhatsApp would refuse it or there is no such asset, 2 wrong
usage or configuration, 3 the system failed."
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
    /// A file in a folder that is served, or the asset's path as in its URL
    #[arg(required = true)]
    path: Option<PathBuf>,

    /// Send it as image, video, audio, document or sticker, where WhatsApp takes it as that
    #[arg(long = "as", value_name = "KIND")]
    kind: Option<whatsapp::Kind>,

    /// Name what was uploaded and got this id, instead of a link
    #[arg(long, value_name = "MEDIA_ID")]
    id: Option<String>,

    #[command(flatten)]
    options: media::Options,

    #[command(flatten)]
    addressed: envelope::Arguments,
}

#[derive(Debug, Subcommand)]
enum KindCommand {
    /// A text
    Text(content::Text),
    /// A JPEG or PNG of at most 5 MB
    Image(media::Arguments),
    /// An MP4 or 3GP of at most 16 MB
    Video(media::Arguments),
    /// Sound of at most 16 MB, or with --voice a voice message
    Audio(media::Arguments),
    /// A file of at most 100 MB
    Document(media::Arguments),
    /// A WebP of at most 100 KB, or 500 KB where it moves
    Sticker(media::Arguments),
    /// A place on the map
    Location(content::Location),
    /// Contact cards
    Contacts(content::Contacts),
    /// An emoji on a message that was received
    Reaction(content::Reaction),
    /// Buttons, lists, flows, products and the like, from --json
    Interactive(content::Written),
    /// A template that was approved beforehand
    Template(content::Template),
    /// What templates were before, for On-Premises, from --json
    Hsm(content::Written),
    /// Mark a message as read
    Read(control::Read),
    /// Mark a message as read, and show that an answer is being typed
    Typing(control::Typing),
    /// Keep a message at the top of a group
    Pin(control::Pin),
    Validate(validate::Arguments),
}

pub(super) fn run(arguments: &Arguments, config: Option<PathBuf>) -> Result<Exit, CommandError> {
    use whatsapp::Kind;

    let Some(kind) = &arguments.kind else {
        let asset = &arguments.asset;
        let path = asset.path.as_deref().expect("clap asks for it");
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

/// Refuses a kind of message where a path is meant: it came after flags, and clap takes it for a path there.
fn refuse_kind(path: &Path) -> Result<(), CommandError> {
    let is_kind = |word: &&str| KindCommand::has_subcommand(word);
    let Some(word) = path.to_str().filter(is_kind) else { return Ok(()) };
    let reason = format_args!(
        "`{word}` is a kind of message: write it right after `message`, and its flags after it; or write ./{word} for a \
         file of that name"
    );
    Err(CommandError::new(Exit::Usage, reason))
}
