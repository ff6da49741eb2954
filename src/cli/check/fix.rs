//! `wamedia check --fix`: runs the fixes of a file, checks the result, and puts it beside the file or into a folder.
//!
//! A fix never changes the original and never overwrites a file. It is made in a hidden folder at its destination, from where it is
//! moved only if its check is better than that of the original.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;

use super::super::CommandError;
use super::output::Printer;
use crate::check::{Finding, Recipe, Report, RunError, Severity, Verdict, check_file, run_recipe};
use crate::config::LastModified;
use crate::shell::named;
use crate::whatsapp::Kind;

/// The most fixes to run one after another. A file can need a new extension and then another container.
const MOST_FIXES: usize = 4;

/// End of a fixed file's stem.
const SUFFIX: &str = "-whatsapp";

/// Most files of one name, such as from `a.mov` and `a.avi`.
const MOST_OF_A_NAME: usize = 100;

/// The fixes of one run of `wamedia check --fix`.
#[derive(Debug)]
pub(super) struct Fixer {
    as_kind: Option<Kind>,
    /// Where to put the results; beside the originals without it.
    out: Option<PathBuf>,
    /// The files that were written in this run.
    written: Mutex<HashSet<PathBuf>>,
}

/// A fixed file.
struct Fixed {
    report: Report,
    tools: Vec<&'static str>,
}

/// Why a file was not fixed.
#[derive(Debug, thiserror::Error)]
enum FixError {
    #[error("no command fixes it: follow the fix above")]
    NoRecipe,
    #[error(transparent)]
    Run(#[from] RunError),
    #[error("the result of {tools} is {verdict}, which is no better: {reason}")]
    NoBetter { tools: String, verdict: Verdict, reason: String },
    #[error("`{0}` exists already: remove it, or name another folder with --out")]
    Exists(String),
    #[error("cannot write to `{0}`: {1}")]
    Write(String, io::Error),
}

impl Fixer {
    pub(super) fn new(as_kind: Option<Kind>, out: Option<PathBuf>) -> Self {
        Self { as_kind, out, written: Mutex::default() }
    }

    /// Fixes the file at `path`, which is at `below` in the checked folder, if `report` has findings; prints the outcome.
    pub(super) fn fix(
        &self,
        path: &Path,
        below: &Path,
        report: &Report,
        printer: &mut Printer,
    ) -> Result<(), CommandError> {
        let is_needed = report
            .findings
            .iter()
            .any(|finding| finding.rule.severity > Severity::Advice || finding.recipe.is_some());
        if !is_needed {
            return Ok(());
        }
        match self.try_fix(path, below, report) {
            Ok(Fixed { report: result, tools }) => printer.fixed(report, &result, &tools),
            Err(error) => {
                // A tool that is missing or fails, or a file that cannot be written, is a system error.
                let is_system_error = !matches!(error, FixError::NoRecipe | FixError::NoBetter { .. });
                printer.not_fixed(report, &error.to_string(), is_system_error)
            }
        }
    }

    fn try_fix(&self, path: &Path, below: &Path, report: &Report) -> Result<Fixed, FixError> {
        let Some(first) = next_recipe(&report.findings, Severity::Advice) else {
            return Err(FixError::NoRecipe);
        };
        let folder = self.folder(path, below)?;
        let cannot_write = |error| FixError::Write(named(&folder), error);
        let work =
            tempfile::Builder::new().prefix(".wamedia-fix-").tempdir_in(&folder).map_err(cannot_write)?;
        let mut name = PathBuf::from(first.output().file_name().unwrap_or_default());
        let mut current = path.to_owned();
        let mut recipe = first.clone();
        let mut tools = Vec::new();
        let result = loop {
            let stage = work.path().join(tools.len().to_string());
            fs::create_dir(&stage).map_err(cannot_write)?;
            let (output, tool) = run_recipe(&recipe, &current, &stage)?;
            tools.push(tool.name());
            name.set_extension(output.extension().unwrap_or_default());
            current = output;
            let result =
                check_file(&current, &name, self.as_kind, LastModified::Content).map_err(cannot_write)?;
            match next_recipe(&result.findings, Severity::Doubtful) {
                Some(next) if tools.len() < MOST_FIXES && !next.is_like(&recipe) => recipe = next.clone(),
                _ => break result,
            }
        };
        if result.verdict() >= report.verdict() {
            return Err(FixError::NoBetter {
                tools: tools.join(" and "),
                verdict: result.verdict(),
                reason: result.findings.first().map(|finding| finding.seen.clone()).unwrap_or_default(),
            });
        }
        let destination = self.put(&current, &folder, &name)?;
        Ok(Fixed { report: Report { asset: named(&destination), ..result }, tools })
    }

    /// The folder for the result, which is created under `--out`.
    fn folder(&self, path: &Path, below: &Path) -> Result<PathBuf, FixError> {
        let Some(out) = &self.out else {
            let parent = path.parent().unwrap_or(Path::new("/"));
            return Ok(if parent.as_os_str().is_empty() { Path::new(".") } else { parent }.to_owned());
        };
        let folder = out.join(below.parent().unwrap_or(Path::new("")));
        fs::create_dir_all(&folder).map_err(|error| FixError::Write(named(&folder), error))?;
        Ok(folder)
    }

    /// Moves the result into `folder` under the first of its names that does not exist.
    fn put(&self, result: &Path, folder: &Path, name: &Path) -> Result<PathBuf, FixError> {
        let stem = name.file_stem().unwrap_or_default().to_string_lossy();
        let plain = stem.strip_suffix(SUFFIX).unwrap_or(&stem);
        let extension = name.extension().unwrap_or_default().to_string_lossy();
        let in_folder = |stem: &str| {
            let file = format!("{stem}.{extension}");
            if folder == Path::new(".") { PathBuf::from(file) } else { folder.join(file) }
        };
        let mut names = Vec::new();
        if self.out.is_some() || stem == plain {
            names.push(in_folder(plain));
        }
        names.push(in_folder(&format!("{plain}{SUFFIX}")));
        names.extend((2..MOST_OF_A_NAME).map(|number| in_folder(&format!("{plain}{SUFFIX}-{number}"))));
        for (at, destination) in names.iter().enumerate() {
            let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
            let is_ours = written.contains(destination);
            match move_to_new(result, destination) {
                Ok(()) => {
                    written.insert(destination.clone());
                    return Ok(destination.clone());
                }
                // Numbers are for several originals of one name, not for runs that are repeated.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    let has_suffix = names.len() - at < MOST_OF_A_NAME;
                    if has_suffix && !is_ours {
                        return Err(FixError::Exists(named(destination)));
                    }
                }
                Err(error) => return Err(FixError::Write(named(destination), error)),
            }
        }
        Err(FixError::Exists(named(&names[0])))
    }
}

/// The recipe of the worst finding of at least this severity that has one.
fn next_recipe(findings: &[Finding], least: Severity) -> Option<&Recipe> {
    let mut severe = findings.iter().filter(|finding| finding.rule.severity >= least);
    severe.find_map(|finding| finding.recipe.as_ref())
}

/// Moves a file to a name that does not exist yet.
fn move_to_new(from: &Path, to: &Path) -> io::Result<()> {
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        // Some file systems, such as those of network shares, cannot do this in one step.
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {
            let mut source = fs::File::open(from)?;
            let mut target = fs::File::create_new(to)?;
            io::copy(&mut source, &mut target).map(drop)
        }
        moved => Ok(moved?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_never_overwrites_a_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        let make = |name: &str| fs::write(at(name), name).expect("a file");
        let fixer = Fixer::new(None, None);
        let put = |fixer: &Fixer, name: &str| {
            make("result");
            fixer.put(&at("result"), folder.path(), Path::new(name)).map_err(|error| error.to_string())
        };
        make("a.mp4");
        // The plain name belongs to another file, so the suffix makes a new one.
        assert_eq!(put(&fixer, "a.mp4"), Ok(at("a-whatsapp.mp4")));
        // Another original of the same name in the same run.
        assert_eq!(put(&fixer, "a.mp4"), Ok(at("a-whatsapp-2.mp4")));
        assert_eq!(put(&fixer, "b-whatsapp.jpg"), Ok(at("b-whatsapp.jpg")));
        // Another run.
        for name in ["a.mp4", "b-whatsapp.jpg"] {
            let error = put(&Fixer::new(None, None), name).expect_err(name);
            assert!(error.contains("-whatsapp") && error.contains("exists already"), "{error}");
        }
        assert_eq!(fs::read(at("a.mp4")).expect("the file"), b"a.mp4");
    }
}
