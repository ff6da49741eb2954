//! The dates that were sent, in the state folder: a database of `SQLite` that several processes can use at a time.
//!
//! A record is noted in memory, and written with others. A date that a later look at the file would give again (its mtime, where the path
//! has no history) is written within a second; the others are on the disk before the first response that carries them. While records
//! may be unwritten, the database says so: after a crash, paths without a record are dated with care.

use std::collections::HashMap;
use std::fs::DirBuilder;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, OptionalExtension, Transaction, params};

use super::index::{GONE_FOR, PathId};
use super::law::Record;
use crate::asset::Digest;

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
    CREATE TABLE writer (id INTEGER PRIMARY KEY, written INTEGER NOT NULL);
    -- One row, once a process ended without writing: dates that were sent in this time may be missing.
    CREATE TABLE loss (since INTEGER NOT NULL, until INTEGER NOT NULL);
";

/// Whether dates are kept, or only looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StateAccess {
    /// Dates are kept, as by `wamedia serve`.
    Write,
    /// Dates that were kept are looked up, and nothing is written.
    Read,
}

/// Dates that may have been sent without a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Loss {
    /// Seconds since 1970.
    pub(crate) since: u64,
    pub(crate) until: u64,
}

/// Number of a folder in the database, or in this process if there is no database.
pub(crate) type FolderId = i64;

type Key = (FolderId, PathId);

/// The records of all folders.
pub(crate) struct Records {
    access: StateAccess,
    noted: Mutex<Noted>,
    /// Held while records are written.
    writer: Mutex<Option<Writer>>,
}

struct Noted {
    /// `None` without a usable database.
    reader: Option<Connection>,
    /// Not written yet; all, if there is no database.
    unwritten: HashMap<Key, Unwritten>,
    /// Number of the last note.
    number: u64,
    loss: Option<Loss>,
    folders: HashMap<PathBuf, FolderId>,
}

struct Unwritten {
    path: Box<str>,
    record: Record,
    number: u64,
    /// Whether it must be on the disk before the date is sent.
    is_urgent: bool,
}

struct Writer {
    connection: Connection,
    /// The row in `writer`, once there is one.
    id: Option<i64>,
}

/// Why the database cannot be used. Names it, the reason and the fix.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StateError {
    #[error("the state folder {} cannot be created: {reason}", path.display())]
    Folder { path: PathBuf, reason: std::io::Error },
    #[error("{} cannot be used: {reason}; {}", path.display(), fix(reason))]
    Database { path: PathBuf, reason: rusqlite::Error },
    #[error("{} is of a newer version of wamedia", path.display())]
    Newer { path: PathBuf },
}

fn fix(error: &rusqlite::Error) -> &'static str {
    use rusqlite::ErrorCode::{DatabaseBusy, DatabaseCorrupt, DiskFull, NotADatabase};
    match error.sqlite_error_code() {
        Some(DatabaseCorrupt | NotADatabase) => "remove it, and dates are learned anew",
        Some(DiskFull) => "free disk space",
        Some(DatabaseBusy) => "end the program that holds it",
        _ => "correct that",
    }
}

impl Records {
    /// Opens the database in the folder `state`. Without one, records are kept in memory; the error says why.
    pub(crate) fn open(state: &Path, access: StateAccess, now: u64) -> (Self, Option<StateError>) {
        match open(state, access, now) {
            Ok(opened) => (Self::of(access, opened), None),
            Err(error) => (Self::of(access, None), Some(error)),
        }
    }

    fn of(access: StateAccess, opened: Option<Opened>) -> Self {
        let (reader, writer, loss) = match opened {
            Some(Opened { reader, writer, loss }) => (Some(reader), writer, loss),
            None => (None, None, None),
        };
        let noted = Noted { reader, unwritten: HashMap::new(), number: 0, loss, folders: HashMap::new() };
        let writer = writer.map(|connection| Writer { connection, id: None });
        Self { access, noted: Mutex::new(noted), writer: Mutex::new(writer) }
    }

    /// Records that are kept in memory only.
    pub(crate) fn in_memory() -> Self {
        Self::of(StateAccess::Write, None)
    }

    /// The records, to look up and to note.
    pub(crate) fn lock(&self) -> LockedRecords<'_> {
        LockedRecords { access: self.access, noted: locked(&self.noted) }
    }

    /// Writes everything that was noted, so that it survives a loss of power, and returns the number of the last note. `now` is the time, in
    /// seconds since 1970.
    pub(crate) fn write(&self, now: u64) -> rusqlite::Result<u64> {
        let mut writer = locked(&self.writer);
        let Some(writer) = writer.as_mut() else { return Ok(u64::MAX) };
        let (batch, up_to): (Vec<_>, _) = {
            let noted = locked(&self.noted);
            let batch = noted.unwritten.iter();
            (batch.map(|(key, noted)| (*key, noted.path.clone(), noted.record)).collect(), noted.number)
        };
        let transaction =
            writer.connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        {
            let mut insert = transaction.prepare_cached(
                "INSERT INTO dated (folder, path, sha256, size, date) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT DO UPDATE SET sha256 = ?3, size = ?4, date = ?5, gone = NULL WHERE ?5 > date",
            )?;
            for ((folder, _), path, record) in &batch {
                let size = i64::try_from(record.size).unwrap_or(i64::MAX);
                insert.execute(params![
                    folder,
                    path,
                    record.digest.octets(),
                    size,
                    as_integer(record.date)
                ])?;
            }
        }
        let id = note_writer(&transaction, writer.id, now)?;
        transaction.commit()?;
        writer.id = Some(id);
        let mut noted = locked(&self.noted);
        noted.unwritten.retain(|_, noted| noted.number > up_to);
        Ok(up_to)
    }

    /// Writes everything that was noted, and that nothing is missing.
    pub(crate) fn close(&self, now: u64) -> rusqlite::Result<()> {
        if !locked(&self.noted).unwritten.is_empty() {
            self.write(now)?;
        }
        match locked(&self.writer).as_mut() {
            Some(Writer { connection, id: Some(id) }) => {
                connection.execute("DELETE FROM writer WHERE id = ?1", [*id]).map(drop)
            }
            _ => Ok(()),
        }
    }

    /// Some paths of the folder after `after`, in their order, to see which are gone.
    pub(crate) fn paths(&self, folder: FolderId, after: &str, limit: u32) -> rusqlite::Result<Vec<String>> {
        let noted = locked(&self.noted);
        let Some(reader) = &noted.reader else { return Ok(Vec::new()) };
        let mut query = reader
            .prepare("SELECT path FROM dated WHERE folder = ?1 AND path > ?2 ORDER BY path LIMIT ?3")?;
        query.query_map(params![folder, after, limit], |row| row.get(0))?.collect()
    }

    /// Records which of these paths are gone, as of `now`, and forgets those that have been for long.
    pub(crate) fn note_gone(
        &self,
        folder: FolderId,
        paths: &[(bool, String)],
        now: u64,
    ) -> rusqlite::Result<()> {
        let mut writer = locked(&self.writer);
        let Some(writer) = writer.as_mut() else { return Ok(()) };
        let transaction =
            writer.connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        {
            let of_path = "WHERE folder = ?1 AND path = ?2 AND gone";
            let mut is_there =
                transaction.prepare(&format!("UPDATE dated SET gone = NULL {of_path} <= ?3"))?;
            let mut is_missing =
                transaction.prepare(&format!("UPDATE dated SET gone = ?3 {of_path} IS NULL"))?;
            for (is_gone, path) in paths {
                let change = if *is_gone { &mut is_missing } else { &mut is_there };
                change.execute(params![folder, path, as_integer(now)])?;
            }
        }
        let since = as_integer(now.saturating_sub(GONE_FOR.as_secs()));
        transaction.execute("DELETE FROM dated WHERE folder = ?1 AND gone < ?2", params![folder, since])?;
        transaction.commit()
    }
}

/// A record that was found.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Found {
    pub(crate) record: Record,
    /// Its number, if it must be on the disk before the date is sent, and is not yet.
    pub(crate) urgent: Option<u64>,
}

/// The records, locked.
pub(crate) struct LockedRecords<'r> {
    access: StateAccess,
    noted: MutexGuard<'r, Noted>,
}

impl LockedRecords<'_> {
    /// The number of the folder at `path`.
    pub(crate) fn folder(&mut self, path: &Path) -> rusqlite::Result<FolderId> {
        let noted = &mut *self.noted;
        if let Some(id) = noted.folders.get(path) {
            return Ok(*id);
        }
        let octets = path.as_os_str().as_bytes();
        let id = match (&noted.reader, self.access) {
            (Some(connection), StateAccess::Write) => {
                connection.execute("INSERT OR IGNORE INTO folder (path) VALUES (?1)", [octets])?;
                id_of(connection, octets)?
            }
            (Some(connection), StateAccess::Read) => id_of(connection, octets)?,
            (None, _) => None,
        };
        // A folder without a number has no records.
        let id = id.unwrap_or_else(|| -1 - i64::try_from(noted.folders.len()).unwrap_or(0));
        noted.folders.insert(path.to_owned(), id);
        Ok(id)
    }

    /// What was last sent of the path.
    pub(crate) fn find(&self, (folder, id): Key, path: &str) -> rusqlite::Result<Option<Found>> {
        if let Some(unwritten) = self.noted.unwritten.get(&(folder, id)) {
            let urgent = unwritten.is_urgent.then_some(unwritten.number);
            return Ok(Some(Found { record: unwritten.record, urgent }));
        }
        let Some(reader) = &self.noted.reader else { return Ok(None) };
        let mut query =
            reader.prepare_cached("SELECT sha256, size, date FROM dated WHERE folder = ?1 AND path = ?2")?;
        query
            .query_row(params![folder, path], |row| {
                let (size, date): (i64, i64) = (row.get(1)?, row.get(2)?);
                let record = Record {
                    digest: Digest::new(row.get(0)?),
                    size: as_seconds(size),
                    date: as_seconds(date),
                };
                Ok(Found { record, urgent: None })
            })
            .optional()
    }

    /// Dates that may have been sent without a record.
    pub(crate) fn loss(&self) -> Option<Loss> {
        self.noted.loss
    }

    /// Notes what is about to be sent, and returns the number of the note.
    pub(crate) fn note(&mut self, key: Key, path: &str, record: Record, is_urgent: bool) -> u64 {
        let noted = &mut *self.noted;
        noted.number += 1;
        let number = noted.number;
        noted.unwritten.insert(key, Unwritten { path: path.into(), record, number, is_urgent });
        number
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn as_integer(seconds: u64) -> i64 {
    i64::try_from(seconds).unwrap_or(i64::MAX)
}

fn as_seconds(integer: i64) -> u64 {
    u64::try_from(integer).unwrap_or(0)
}

fn id_of(connection: &Connection, path: &[u8]) -> rusqlite::Result<Option<FolderId>> {
    connection.query_row("SELECT id FROM folder WHERE path = ?1", [path], |row| row.get(0)).optional()
}

/// Says that records up to `now` are written and later ones may be missing.
fn note_writer(transaction: &Transaction<'_>, id: Option<i64>, now: u64) -> rusqlite::Result<i64> {
    let sql = "INSERT OR REPLACE INTO writer (id, written) VALUES (?1, ?2) RETURNING id";
    transaction.prepare_cached(sql)?.query_row(params![id, as_integer(now)], |row| row.get(0))
}

struct Opened {
    reader: Connection,
    writer: Option<Connection>,
    loss: Option<Loss>,
}

/// `None` if there is no database yet, and none is to be made.
fn open(state: &Path, access: StateAccess, now: u64) -> Result<Option<Opened>, StateError> {
    let path = state.join(FILE);
    let failed = |reason| StateError::Database { path: path.clone(), reason };
    match access {
        StateAccess::Read
            if path.symlink_metadata().is_err_and(|e| e.kind() == std::io::ErrorKind::NotFound) =>
        {
            return Ok(None);
        }
        StateAccess::Read => {
            let reader = connect(&path, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(failed)?;
            let version: i64 =
                reader.query_row("PRAGMA user_version", [], |row| row.get(0)).map_err(failed)?;
            return match version {
                0 => Ok(None),
                VERSION => {
                    let loss = loss(&reader).map_err(failed)?;
                    Ok(Some(Opened { reader, writer: None, loss }))
                }
                _ => Err(StateError::Newer { path }),
            };
        }
        StateAccess::Write => {}
    }
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(state)
        .map_err(|reason| StateError::Folder { path: state.to_owned(), reason })?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
    let mut writer = connect(&path, flags).map_err(failed)?;
    let version = prepare(&mut writer, now).map_err(failed)?;
    if version != VERSION {
        return Err(StateError::Newer { path });
    }
    let reader = connect(&path, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(failed)?;
    let loss = loss(&reader).map_err(failed)?;
    Ok(Some(Opened { reader, writer: Some(writer), loss }))
}

fn connect(path: &Path, flags: OpenFlags) -> rusqlite::Result<Connection> {
    // Every connection has one user at a time.
    let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(4);
    // Pages, of which rows with dates take few. Every commit is on the disk when it returns.
    connection.execute_batch("PRAGMA cache_size = -64; PRAGMA synchronous = FULL")?;
    Ok(connection)
}

/// Makes the tables if there are none, and takes note of processes that ended without writing. Returns the version of the tables.
fn prepare(connection: &mut Connection, now: u64) -> rusqlite::Result<i64> {
    connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
    let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    let version: i64 = transaction.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    if version > VERSION {
        return Ok(version);
    }
    if version == 0 {
        transaction.execute_batch(TABLES)?;
        transaction.execute_batch(&format!("PRAGMA user_version = {VERSION}"))?;
    }
    let written: Option<i64> =
        transaction.query_row("SELECT min(written) FROM writer", [], |row| row.get(0))?;
    if let Some(written) = written {
        let since =
            loss(&transaction)?.map_or(as_seconds(written), |loss| loss.since.min(as_seconds(written)));
        transaction.execute("DELETE FROM loss", [])?;
        transaction
            .execute("INSERT INTO loss VALUES (?1, ?2)", params![as_integer(since), as_integer(now)])?;
        transaction.execute("DELETE FROM writer", [])?;
    }
    transaction.commit()?;
    Ok(VERSION)
}

fn loss(connection: &Connection) -> rusqlite::Result<Option<Loss>> {
    let of_row =
        |row: &rusqlite::Row<'_>| Ok(Loss { since: as_seconds(row.get(0)?), until: as_seconds(row.get(1)?) });
    connection.query_row("SELECT since, until FROM loss", [], of_row).optional()
}
