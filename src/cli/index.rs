//! `wamedia index`: writes the content index of a folder, or checks that it is up to date.

use std::fmt::Write as _;
use std::fs::{self, File, Permissions};
use std::io::{self, BufReader, BufWriter, Write as _};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::Args;

use super::progress::Progress;
use super::walk::{Entry, Walk, in_parallel, threads};
use super::{CommandError, Exit, load_or_none, print, print_stderr};
use crate::asset::AssetPath;
use crate::config::{Flags, Location, Settings};
use crate::escape::escaped;
use crate::shell::{named, quoted};
use crate::store::{INDEX_NAME, IndexChange, IndexFault, IndexLine, IndexedFile, read_lines, updated};

/// Files that are hashed before others are searched for.
const BATCH: usize = 1024;

/// Write or update the content index of a folder
///
/// The index says since when each file has its bytes, so that Last-Modified is the same wherever the folder is deployed with it. It is
/// the file .wamedia-index in the folder: commit it, and deploy it before the other files. Only files whose bytes changed get a new date.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wamedia index media
  wamedia index --check media
  wamedia index --verbose
  wamedia --config shop.toml index

Exit codes: 0 the index is up to date, 1 with --check it is not, 2 wrong usage or configuration,
3 system error (a file cannot be read, the index cannot be written).")]
pub(super) struct Arguments {
    /// The folder [default: the folders of the configuration's mounts]
    folder: Option<PathBuf>,

    /// Write nothing; exit with 1 if files were added, removed or changed since the index was written
    #[arg(long)]
    check: bool,

    /// Print a line for each path: unchanged, added, changed or removed, and its date
    #[arg(long, short)]
    verbose: bool,
}

pub(super) fn run(arguments: &Arguments, config: Option<PathBuf>) -> Result<Exit, CommandError> {
    let settings = load_or_none(&Flags { config, ..Flags::default() })?;
    let folders = match &arguments.folder {
        Some(folder) => vec![folder.clone()],
        None => folders_of(settings.as_ref())?,
    };
    let never = settings.as_ref().map(Settings::never_served).unwrap_or_default();
    let mut exit = Exit::Fine;
    for folder in folders {
        if let Some(settings) = &settings {
            warn_of_use(&folder, settings);
        }
        let done = match index(&folder, never.clone(), arguments) {
            Ok(done) => done,
            Err(error) => {
                print_stderr(&format!("wamedia: {}\n", error.message));
                error.exit
            }
        };
        // An index that is out of date is an answer, which comes before a failure.
        exit = match (exit, done) {
            (Exit::No, _) | (_, Exit::No) => Exit::No,
            (Exit::Fine, done) => done,
            (failed, _) => failed,
        };
    }
    Ok(exit)
}

fn folders_of(settings: Option<&Settings>) -> Result<Vec<PathBuf>, CommandError> {
    let usage = |reason: &str| Err(CommandError::new(Exit::Usage, reason));
    let Some(settings) = settings else {
        return usage("no store is configured; name the folder, as in wamedia index media");
    };
    let mut folders: Vec<_> = folder_mounts(settings).map(|(folder, _)| folder.to_owned()).collect();
    folders.sort();
    folders.dedup();
    if folders.is_empty() {
        return usage(
            "no mount is on a folder, and buckets have dates of their own; name a folder, as in wamedia index media",
        );
    }
    Ok(folders)
}

/// The folders of mounts, and whether their dates follow the content.
fn folder_mounts(settings: &Settings) -> impl Iterator<Item = (&Path, bool)> {
    settings.mounts.iter().filter_map(|mount| match &mount.store {
        Location::Folder(folder) => Some((folder.as_path(), mount.has_dates_of_content())),
        Location::Bucket(_) => None,
    })
}

/// Warns of an index that the configured server will not read.
fn warn_of_use(folder: &Path, settings: &Settings) {
    let Ok(real) = folder.canonicalize() else { return };
    let mounts: Vec<_> = folder_mounts(settings)
        .filter_map(|(folder, uses)| Some((folder.canonicalize().ok()?, uses)))
        .collect();
    let warning = if mounts.iter().any(|(mount, uses)| *mount == real && !uses) {
        "its mount has last_modified = \"mtime\", so the server does not read the index".to_owned()
    } else if let Some((mount, _)) =
        mounts.iter().find(|(mount, _)| *mount != real && real.starts_with(mount))
        && !mounts.iter().any(|(mount, _)| *mount == real)
    {
        format!(
            "it lies in the folder {} of a mount, and the server reads only the index there",
            named(mount)
        )
    } else {
        return;
    };
    print_stderr(&format!("wamedia: warning: {}: {}\n", escaped(&named(folder)), escaped(&warning)));
}

/// Updates or checks the index of one folder.
fn index(folder: &Path, never: Vec<PathBuf>, arguments: &Arguments) -> Result<Exit, CommandError> {
    let shown = escaped(&named(&folder.join(INDEX_NAME))).into_owned();
    let system = |doing: &str, error: &dyn std::fmt::Display| {
        CommandError::new(Exit::System, format_args!("{shown} cannot be {doing}: {error}"))
    };
    let files = hash_all(folder, never)?;
    let count = files.len();
    let before = read(folder).map_err(|e| system("read", &e))?;
    let (lines, fault) = before.clone().unwrap_or_default();
    if let Some(fault) = &fault {
        let outcome = if arguments.check { "it is out of date" } else { "it is left out" };
        print_stderr(&format!("wamedia: warning: {shown}: {fault}; {outcome}\n"));
    }
    let updated = updated(&lines, files, seconds_now());
    if arguments.verbose {
        print_changes(&updated)?;
    }
    let summary = Summary::of(&updated);
    let new: Vec<_> = updated.into_iter().map(|(_, line)| line).collect();
    if arguments.check {
        let write = format!("wamedia index {}", escaped(&quoted(folder)));
        let message = match before {
            None => format!("{shown} does not exist; write it with {write}"),
            Some(_) if summary.has_changes() || fault.is_some() => {
                format!("{shown} is out of date: {summary}; write it again with {write}")
            }
            Some(_) => {
                print_stderr(&format!("wamedia: {shown} is up to date: {count} files\n"));
                return Ok(Exit::Fine);
            }
        };
        return Err(CommandError::new(Exit::No, message));
    }
    let is_written = before.is_some() && fault.is_none() && new == lines;
    if !is_written {
        wait_for(&new, &shown);
        write(folder, &new).map_err(|e| system("written", &e))?;
    }
    let state = if is_written { "is up to date" } else { "was written" };
    print_stderr(&format!("wamedia: {shown} {state}: {count} files; {summary}\n"));
    Ok(Exit::Fine)
}

/// The index as it is, if there is one.
fn read(folder: &Path) -> io::Result<Option<(Vec<IndexLine>, Option<IndexFault>)>> {
    match File::open(folder.join(INDEX_NAME)) {
        Ok(file) => read_lines(BufReader::new(file)).map(Some),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// All files that the server would serve from the folder, sorted by path.
fn hash_all(folder: &Path, never: Vec<PathBuf>) -> Result<Vec<IndexedFile>, CommandError> {
    let system = |path: &Path, reason: &dyn std::fmt::Display| {
        let path = named(path);
        CommandError::new(
            Exit::System,
            format_args!("{}: {reason}; the index was not written", escaped(&path)),
        )
    };
    let root = folder.canonicalize().map_err(|e| system(folder, &e))?;
    if !root.is_dir() {
        return Err(system(folder, &"it is not a folder"));
    }
    let mut progress = Progress::new("hashed");
    let mut walk = Walk::new(folder, root, never);
    let (mut files, mut unnamed) = (Vec::new(), 0_u64);
    loop {
        let batch: Vec<_> = walk.by_ref().take(BATCH).collect();
        if batch.is_empty() {
            break;
        }
        let read = in_parallel(&batch, threads(), |entry| match entry {
            Entry::File(file) => path_inside(file, folder).map(|path| IndexedFile::read(file, path)),
            Entry::Skipped | Entry::Unreadable(..) => None,
        });
        for (entry, read) in batch.iter().zip(read) {
            match (entry, read) {
                (_, Some(Ok(file))) => files.push(file),
                // Deleted since the folder was read.
                (Entry::File(path), Some(Err(_))) if !path.exists() => {}
                (Entry::File(path), Some(Err(error))) => {
                    progress.finish();
                    return Err(system(path, &error));
                }
                (Entry::File(_), None) => unnamed += 1,
                (Entry::Unreadable(path, reason), _) => {
                    progress.finish();
                    return Err(system(path, reason));
                }
                (Entry::Skipped, _) => {}
            }
        }
        progress.advance(batch.len() as u64);
    }
    progress.finish();
    if unnamed > 0 {
        print_stderr(&format!(
            "wamedia: left out {unnamed} files whose names no asset can have (not UTF-8, a backslash or a control character)\n"
        ));
    }
    files.sort_by(IndexedFile::by_path);
    Ok(files)
}

/// The path of a file inside the folder, if an asset can have it.
fn path_inside(file: &Path, folder: &Path) -> Option<String> {
    let inside = file.strip_prefix(folder).ok()?.to_str()?;
    AssetPath::from_plain(inside).ok().map(|path| path.as_str().to_owned())
}

/// Waits until the newest date may be sent, if a file changed within the second of its last date.
fn wait_for(lines: &[IndexLine], shown: &str) {
    let newest = lines.iter().map(|line| line.date).max().unwrap_or(0);
    let time = UNIX_EPOCH + Duration::from_secs(newest);
    match time.duration_since(SystemTime::now()) {
        Err(_) => {}
        Ok(wait) if wait <= Duration::from_secs(1) => std::thread::sleep(wait),
        Ok(_) => print_stderr(&format!(
            "wamedia: warning: {shown} has dates after this machine's clock, which went back or is behind; servers send them only once \
             they have come\n"
        )),
    }
}

/// Replaces the index in one step.
fn write(folder: &Path, lines: &[IndexLine]) -> io::Result<()> {
    let named = folder.join(INDEX_NAME);
    // A link stays one.
    let target = if named.is_symlink() { named.canonicalize()? } else { named };
    let parent = target.parent().unwrap_or(folder);
    let mode = fs::metadata(&target).map_or(0o644, |metadata| metadata.permissions().mode() & 0o777);
    let mut builder = tempfile::Builder::new();
    builder.prefix(".wamedia-index.").permissions(Permissions::from_mode(mode));
    let mut file = BufWriter::new(builder.tempfile_in(parent)?);
    for line in lines {
        writeln!(file, "{line}")?;
    }
    let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.as_file().sync_all()?;
    file.persist(&target)?;
    File::open(parent)?.sync_all()
}

/// Prints a line for each path that is there, or was when the index was written.
fn print_changes(updated: &[(IndexChange, IndexLine)]) -> Result<(), CommandError> {
    for lines in updated.chunks(BATCH) {
        let mut text = String::new();
        for (change, line) in lines.iter().filter(|(change, _)| *change != IndexChange::Gone) {
            let _ = writeln!(text, "{:<9} {} {}", change.name(), line.shown_date(), escaped(&line.path));
        }
        print(&text)?;
    }
    Ok(())
}

/// How many paths changed.
#[derive(Default)]
struct Summary {
    added: usize,
    changed: usize,
    removed: usize,
}

impl Summary {
    fn of(updated: &[(IndexChange, IndexLine)]) -> Self {
        let count = |wanted| updated.iter().filter(|(change, _)| *change == wanted).count();
        Self {
            added: count(IndexChange::Added),
            changed: count(IndexChange::Changed),
            removed: count(IndexChange::Removed),
        }
    }

    fn has_changes(&self) -> bool {
        self.added + self.changed + self.removed > 0
    }
}

impl std::fmt::Display for Summary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} added, {} changed, {} removed", self.added, self.changed, self.removed)
    }
}

fn seconds_now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
