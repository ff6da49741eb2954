//! Read receipts, typing indicators and pins: `message read`, `typing` and `pin`.

use clap::Args;

use super::super::{CommandError, Exit, print_stderr};
use super::envelope;
use super::output::Output;
use crate::message;

#[derive(Debug, Args)]
pub(super) struct Read {
    /// Id of the message that was read; earlier ones are marked too
    #[arg(long, value_name = "WAMID")]
    message_id: String,

    #[command(flatten)]
    output: Output,
}

impl Read {
    pub(super) fn run(&self) -> Result<Exit, CommandError> {
        print(&message::Read::new(&self.message_id), &self.output)
    }
}

#[derive(Debug, Args)]
pub(super) struct Typing {
    /// Id of the message that is being answered; it is also marked as read
    #[arg(long, value_name = "WAMID")]
    message_id: String,

    #[command(flatten)]
    output: Output,
}

impl Typing {
    pub(super) fn run(&self) -> Result<Exit, CommandError> {
        print(&message::Read::new(&self.message_id).typing(), &self.output)
    }
}

fn print(read: &message::Read, output: &Output) -> Result<Exit, CommandError> {
    if !output.dialect.has_messaging_product() {
        let reason = format_args!(
            "{} has no such payload; only the Cloud API has it: use --dialect cloud or 360dialog",
            output.dialect
        );
        return Err(CommandError::new(Exit::No, reason));
    }
    let (payload, faults) = match read.build_with_warnings(output.dialect) {
        Ok(built) => (Some(built.value), built.warnings),
        Err(refused) => (None, refused.faults().to_vec()),
    };
    for fault in faults {
        print_stderr(&format!("wamedia: {fault}\n"));
    }
    match payload {
        None => Ok(Exit::No),
        Some(payload) => output.print(&[payload], false).map(|()| Exit::Fine),
    }
}

#[derive(Debug, Args)]
pub(super) struct Pin {
    /// Id of the message to pin
    #[arg(long, value_name = "WAMID")]
    message_id: String,

    /// Number of days to keep it pinned
    #[arg(long, value_name = "COUNT")]
    days: u32,

    #[command(flatten)]
    addressed: envelope::Arguments,
}

impl Pin {
    pub(super) fn run(&self) -> Result<Exit, CommandError> {
        self.addressed.send_to_groups(message::Pin::new(&self.message_id, self.days).into())
    }
}
