//! The database of dates in the state folder: its tables, how it is opened, and who may have left it without writing.
//!
//! It is a database of `SQLite`, which several processes can use at a time. While a process may have sent dates of a folder that it has not
//! written yet, a row in `writer` says so. The next process finds the rows of those that crashed, and notes the loss for good.

use std::collections::HashMap;
use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rusqlite::{
    Connection, ErrorCode, OpenFlags, OptionalExtension, Transaction, TransactionBehavior, params,
};

/// The database's name in the state folder.
pub(crate) const FILE: &str = "dates.db";
/// Version of the tables.
const VERSION: i64 = 1;
/// How long another process may hold the database.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

const TABLES: &str = "
    CREATE TABLE folder (id INTEGER PRIMARY KEY, path BLOB NOT NULL UNIQUE);
    -- Dates in seconds since 1970. `gone`: when the path was first found missing.
    CREATE TABLE dated (
        folder INTEGER NOT NULL REFERENCES folder, path TEXT NOT NULL,
        sha256 BLOB NOT NULL, size INTEGER NOT NULL, date INTEGER NOT NULL, gone INTEGER,
        PRIMARY KEY (folder, path)
    ) WITHOUT ROWID;
    -- Processes that may have sent dates since `written` that are not in `dated`.
    CREATE TABLE writer (
        process INTEGER NOT NULL, folder INTEGER NOT NULL REFERENCES folder, written INTEGER NOT NULL,
        PRIMARY KEY (process, folder)
    ) WITHOUT ROWID;
    -- Folders with processes that ended without writing: dates that were sent in this time may be missing.
    CREATE TABLE loss (folder INTEGER PRIMARY KEY, since INTEGER NOT NULL, until INTEGER NOT NULL);
";

/// Whether dates are kept, or only looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StateAccess {
    /// Dates are kept, as by `wamedia serve`.
    Write,
    /// Dates that were kept are looked up, and nothing is written.
    Read,
}

/// Number of a folder in the database, or in this process if there is no database.
pub(crate) type FolderId = i64;

/// When dates may have been sent without a record, in seconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Loss {
    pub(crate) since: u64,
    pub(crate) until: u64,
}

/// Why the database cannot be used. Names it, the reason and the fix.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StateError {
    #[error("the state folder {} cannot be created: {reason}", path.display())]
    Folder { path: PathBuf, reason: io::ErrorKind },
    #[error("{} cannot be used: {reason}; {}", path.display(), fix(reason))]
    Database { path: PathBuf, reason: rusqlite::Error },
    #[error("{} cannot be written: it is read-only", path.display())]
    ReadOnly { path: PathBuf },
    #[error("{} is of a newer version of wamedia", path.display())]
    Newer { path: PathBuf },
}

fn fix(error: &rusqlite::Error) -> &'static str {
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => "remove it, and dates are learned anew",
        Some(ErrorCode::DiskFull) => "free disk space",
        Some(ErrorCode::DatabaseBusy) => "end the program that holds it",
        _ => "check its permissions and its disk",
    }
}

/// An open database.
pub(crate) struct Database {
    pub(crate) path: PathBuf,
    pub(crate) reader: Connection,
    pub(crate) losses: HashMap<FolderId, Loss>,
}

impl Database {
    /// Opens the database in the folder `state`. `None` if there is none yet, and none is to be made.
    pub(crate) fn open(state: &Path, access: StateAccess, now: u64) -> Result<Option<Self>, StateError> {
        let began = Instant::now();
        loop {
            match Self::try_open(state, access, now) {
                // SQLite does not wait where a wait could be for ever, such as when two processes make the database.
                Err(StateError::Database { reason, .. })
                    if reason.sqlite_error_code() == Some(ErrorCode::DatabaseBusy)
                        && began.elapsed() < BUSY_TIMEOUT =>
                {
                    std::thread::sleep(Duration::from_millis(20));
                }
                result => return result,
            }
        }
    }

    fn try_open(state: &Path, access: StateAccess, now: u64) -> Result<Option<Self>, StateError> {
        let path = state.join(FILE);
        let failed = |reason| StateError::Database { path: path.clone(), reason };
        let is_missing = || path.symlink_metadata().is_err_and(|e| e.kind() == io::ErrorKind::NotFound);
        let (reader, version) = match access {
            StateAccess::Read if is_missing() => return Ok(None),
            StateAccess::Read => {
                let reader = connect(&path, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(failed)?;
                let version = version(&reader).map_err(failed)?;
                (reader, version)
            }
            StateAccess::Write => {
                let folder = DirBuilder::new().recursive(true).mode(0o700).create(state);
                folder
                    .map_err(|error| StateError::Folder { path: state.to_owned(), reason: error.kind() })?;
                let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
                let mut reader = connect(&path, flags).map_err(failed)?;
                if reader.is_readonly("main").map_err(failed)? {
                    return Err(StateError::ReadOnly { path });
                }
                let version = prepare(&mut reader, now).map_err(failed)?;
                (reader, version)
            }
        };
        match version {
            0 => Ok(None),
            VERSION => {
                let losses = losses(&reader).map_err(failed)?;
                Ok(Some(Self { path, reader, losses }))
            }
            _ => Err(StateError::Newer { path }),
        }
    }
}

/// A connection, which has one user at a time.
pub(crate) fn connect(path: &Path, flags: OpenFlags) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(4);
    // KiB of pages, of which rows with dates take few. Every commit is on the disk when it returns.
    connection.execute_batch("PRAGMA cache_size = -64; PRAGMA synchronous = FULL")?;
    Ok(connection)
}

/// A transaction that writes, so that what it reads stays true.
pub(crate) fn begin(connection: &mut Connection) -> rusqlite::Result<Transaction<'_>> {
    connection.transaction_with_behavior(TransactionBehavior::Immediate)
}

/// The number of the folder at `path`, which is given one if it has none and dates are kept.
pub(crate) fn folder_id(
    connection: &Connection,
    path: &[u8],
    access: StateAccess,
) -> rusqlite::Result<Option<FolderId>> {
    let find = || {
        let sql = "SELECT id FROM folder WHERE path = ?1";
        connection.query_row(sql, [path], |row| row.get(0)).optional()
    };
    match (find()?, access) {
        (None, StateAccess::Write) => {
            connection.execute("INSERT OR IGNORE INTO folder (path) VALUES (?1)", [path])?;
            find()
        }
        (found, _) => Ok(found),
    }
}

/// Says that the process may send dates of the folder that are not written, from `now` on.
pub(crate) fn mark_writer(
    transaction: &Transaction<'_>,
    process: i64,
    folder: FolderId,
    now: u64,
) -> rusqlite::Result<()> {
    let sql = "INSERT OR REPLACE INTO writer (process, folder, written) VALUES (?1, ?2, ?3)";
    transaction.prepare_cached(sql)?.execute(params![process, folder, as_integer(now)]).map(drop)
}

/// Says that the process has written all dates that it sent.
pub(crate) fn unmark_writer(connection: &Connection, process: i64) -> rusqlite::Result<()> {
    connection.prepare_cached("DELETE FROM writer WHERE process = ?1")?.execute([process]).map(drop)
}

fn version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("PRAGMA user_version", [], |row| row.get(0))
}

/// Makes the tables if there are none, and takes note of processes that ended without writing. Returns the version of the tables.
fn prepare(connection: &mut Connection, now: u64) -> rusqlite::Result<i64> {
    let version_before = version(connection)?;
    let count = |connection: &Connection| {
        connection.query_row("SELECT count(*) FROM writer", [], |row| row.get::<_, i64>(0))
    };
    if version_before > VERSION || version_before == VERSION && count(connection)? == 0 {
        return Ok(version_before);
    }
    connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
    let transaction = begin(connection)?;
    // Another process may have been first.
    if version(&transaction)? == 0 {
        transaction.execute_batch(TABLES)?;
        transaction.execute_batch(&format!("PRAGMA user_version = {VERSION}"))?;
    }
    transaction.execute(
        "INSERT INTO loss SELECT folder, min(written), max(?1, max(written)) FROM writer WHERE true GROUP BY folder
         ON CONFLICT DO UPDATE SET since = min(since, excluded.since), until = max(until, excluded.until)",
        [as_integer(now)],
    )?;
    transaction.execute("DELETE FROM writer", [])?;
    transaction.commit()?;
    Ok(VERSION)
}

fn losses(connection: &Connection) -> rusqlite::Result<HashMap<FolderId, Loss>> {
    let mut query = connection.prepare("SELECT folder, since, until FROM loss")?;
    let losses = query.query_map([], |row| {
        Ok((row.get(0)?, Loss { since: as_count(row.get(1)?), until: as_count(row.get(2)?) }))
    })?;
    losses.collect()
}

/// A number for the database, whose integers are signed.
pub(crate) fn as_integer(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// A number from the database.
pub(crate) fn as_count(integer: i64) -> u64 {
    u64::try_from(integer).unwrap_or(0)
}
