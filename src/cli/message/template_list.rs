//! `--templates`: reads the list of a business account's templates.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::Value;

use super::recipients;
use crate::cli::{CommandError, Exit, input, print_stderr};
use crate::message::TemplateDefinitions;

#[derive(Debug, Args)]
#[group(skip)]
pub(super) struct TemplateList {
    /// File with the templates of the account, to check the message against its template: what GET
    /// /{waba-id}/message_templates answers, an array of templates, or one; repeatable for several pages; - for stdin
    #[arg(long, value_name = "FILE")]
    templates: Vec<PathBuf>,
}

/// The largest accepted list, in bytes. An account has at most 6,000 templates with translations of each.
const MAX_LIST: u64 = 256 << 20;
const TOO_LONG: &str = "has more than 256 MiB; request the list with the needed fields only \
                        (fields=name,language,status,parameter_format,components)";

impl TemplateList {
    /// The files, with the name of the flag, to reject reading stdin twice.
    pub(super) fn files(&self) -> impl Iterator<Item = (&'static str, Option<&Path>)> {
        self.templates.iter().map(|file| ("--templates", Some(file.as_path())))
    }

    /// The templates of all files; `None` without the flag. Warns if the list is incomplete.
    pub(super) fn read(&self) -> Result<Option<TemplateDefinitions>, CommandError> {
        let mut all: Option<TemplateDefinitions> = None;
        for file in &self.templates {
            let page = read(file).map_err(|error| error.about(file.display()))?;
            all = Some(match all {
                Some(others) => others.and(page),
                None => page,
            });
        }
        if all.as_ref().is_some_and(|all| !all.is_complete()) {
            print_stderr(
                "wamedia: warning: the list of templates is incomplete, since `paging` names further pages; request them too, or \
                 one page with limit=1000, and pass each file with --templates\n",
            );
        }
        Ok(all)
    }
}

fn read(file: &Path) -> Result<TemplateDefinitions, CommandError> {
    let usage = |reason: &dyn std::fmt::Display| CommandError::new(Exit::Usage, reason);
    let bytes = input::read(Some(file).filter(|file| !recipients::is_stdin(file)), MAX_LIST, TOO_LONG)?;
    let text = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&bytes);
    let json: Value = serde_json::from_slice(text).map_err(|e| usage(&format_args!("is not JSON: {e}")))?;
    TemplateDefinitions::read(&json).map_err(|e| usage(&e))
}
