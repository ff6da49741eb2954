//! The dates that were sent: noted in memory, and written with others to the [database].
//!
//! A date that a later look at the file would give again (its mtime, where the path has no history) is written within a second; the
//! others are on the disk before the first response that carries them.

use std::collections::{HashMap, HashSet};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use rusqlite::{Connection, OpenFlags, OptionalExtension, params};

use super::database::{self, Database, FolderId, Loss, StateAccess, StateError, as_count, as_integer};
use super::index::{GONE_FOR, PathId};
use super::law::Record;
use crate::asset::Digest;

type Key = (FolderId, PathId);

/// The records of all folders.
pub(crate) struct Records {
    access: StateAccess,
    noted: Mutex<Noted>,
    /// Held while records are written; `None` without a database that may be written.
    writer: Mutex<Option<Writer>>,
}

struct Noted {
    /// `None` without a usable database.
    reader: Option<Connection>,
    /// Not written yet; all, if there is no database.
    unwritten: HashMap<Key, Unwritten>,
    /// Number of the last note.
    number: u64,
    /// Folders of which the database says that dates may be unwritten.
    marked: HashSet<FolderId>,
    losses: HashMap<FolderId, Loss>,
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
    path: PathBuf,
    /// Opened with the first write: a server that has sent everything before writes nothing.
    connection: Option<Connection>,
    /// Number of this process.
    process: i64,
}

impl Writer {
    fn connection(&mut self) -> rusqlite::Result<&mut Connection> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => database::connect(&self.path, OpenFlags::SQLITE_OPEN_READ_WRITE)?,
        };
        Ok(self.connection.insert(connection))
    }
}

impl Records {
    /// Opens the database in the folder `state`. Without one, records are kept in memory; the error says why.
    pub(crate) fn open(state: &Path, access: StateAccess, now: u64) -> (Self, Option<StateError>) {
        match Database::open(state, access, now) {
            Ok(database) => (Self::of(access, database), None),
            Err(error) => {
                // What was kept still counts, even if nothing more can be.
                let database = Database::open(state, StateAccess::Read, now).ok().flatten();
                (Self::of(StateAccess::Read, database), Some(error))
            }
        }
    }

    /// Records that are kept in memory only.
    pub(crate) fn in_memory() -> Self {
        Self::of(StateAccess::Write, None)
    }

    fn of(access: StateAccess, database: Option<Database>) -> Self {
        let (reader, writer, losses) = match database {
            Some(Database { path, reader, losses }) => {
                let writer = Writer { path, connection: None, process: number_of_process() };
                (Some(reader), Some(writer).filter(|_| access == StateAccess::Write), losses)
            }
            None => (None, None, HashMap::new()),
        };
        let noted = Noted {
            reader,
            unwritten: HashMap::new(),
            number: 0,
            marked: HashSet::new(),
            losses,
            folders: HashMap::new(),
        };
        Self { access, noted: Mutex::new(noted), writer: Mutex::new(writer) }
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
        if batch.is_empty() {
            return Ok(up_to);
        }
        // What is written to a file that was removed is lost.
        if !writer.path.exists() {
            return Err(rusqlite::Error::InvalidPath(writer.path.clone()));
        }
        let folders: HashSet<_> = batch.iter().map(|((folder, _), ..)| *folder).collect();
        let process = writer.process;
        let transaction = database::begin(writer.connection()?)?;
        {
            let mut insert = transaction.prepare_cached(
                "INSERT INTO dated (folder, path, sha256, size, date) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT DO UPDATE SET sha256 = ?3, size = ?4, date = ?5, gone = NULL WHERE ?5 > date",
            )?;
            for ((folder, _), path, Record { digest, size, date }) in &batch {
                insert.execute(params![
                    folder,
                    path,
                    digest.octets(),
                    as_integer(*size),
                    as_integer(*date)
                ])?;
            }
        }
        for folder in &folders {
            database::mark_writer(&transaction, process, *folder, now)?;
        }
        transaction.commit()?;
        let mut noted = locked(&self.noted);
        noted.unwritten.retain(|_, noted| noted.number > up_to);
        noted.marked.extend(folders);
        Ok(up_to)
    }

    /// Notes in the database that nothing is unwritten, unless something is.
    pub(crate) fn unmark(&self) -> rusqlite::Result<()> {
        let mut writer = locked(&self.writer);
        let Some(writer) = writer.as_mut() else { return Ok(()) };
        {
            let mut noted = locked(&self.noted);
            if !noted.unwritten.is_empty() || noted.marked.is_empty() {
                return Ok(());
            }
            // First: from here on, the next note is written before its date is sent.
            noted.marked.clear();
        }
        let process = writer.process;
        database::unmark_writer(writer.connection()?, process)
    }

    /// Some paths of the folder after `after`, in their order, to see which are gone.
    pub(crate) fn paths(&self, folder: FolderId, after: &str, limit: u32) -> rusqlite::Result<Vec<String>> {
        let noted = locked(&self.noted);
        let Some(reader) = &noted.reader else { return Ok(Vec::new()) };
        let sql = "SELECT path FROM dated WHERE folder = ?1 AND path > ?2 ORDER BY path LIMIT ?3";
        let mut query = reader.prepare(sql)?;
        query.query_map(params![folder, after, limit], |row| row.get(0))?.collect()
    }

    /// Records which of these paths are gone, as of `now`.
    pub(crate) fn note_gone(
        &self,
        folder: FolderId,
        paths: &[(bool, String)],
        now: u64,
    ) -> rusqlite::Result<()> {
        let mut writer = locked(&self.writer);
        let Some(writer) = writer.as_mut() else { return Ok(()) };
        let transaction = database::begin(writer.connection()?)?;
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
        transaction.commit()
    }

    /// Forgets the paths of the folder that have been gone for long, as of `now`.
    pub(crate) fn forget_gone(&self, folder: FolderId, now: u64) -> rusqlite::Result<()> {
        let mut writer = locked(&self.writer);
        let Some(writer) = writer.as_mut() else { return Ok(()) };
        let since = as_integer(now.saturating_sub(GONE_FOR.as_secs()));
        let sql = "DELETE FROM dated WHERE folder = ?1 AND gone < ?2";
        writer.connection()?.execute(sql, params![folder, since]).map(drop)
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
        let id = match &noted.reader {
            Some(reader) => database::folder_id(reader, path.as_os_str().as_bytes(), self.access)?,
            None => None,
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
        let sql = "SELECT sha256, size, date FROM dated WHERE folder = ?1 AND path = ?2";
        let record = |row: &rusqlite::Row<'_>| {
            let (digest, size, date) = (Digest::new(row.get(0)?), row.get(1)?, row.get(2)?);
            Ok(Record { digest, size: as_count(size), date: as_count(date) })
        };
        let record = reader.prepare_cached(sql)?.query_row(params![folder, path], record).optional()?;
        Ok(record.map(|record| Found { record, urgent: None }))
    }

    /// When dates of the folder may have been sent without a record, if ever.
    pub(crate) fn loss(&self, folder: FolderId) -> Option<Loss> {
        self.noted.losses.get(&folder).copied()
    }

    /// Whether a crash before the next note of the folder is written would be noticed.
    pub(crate) fn is_marked(&self, folder: FolderId) -> bool {
        self.noted.marked.contains(&folder)
    }

    /// Notes what is about to be sent, and returns the number of the note. `is_urgent` says that it must be on the disk before.
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

/// A number that no other process has, even one with the same process id in another container.
fn number_of_process() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::from(std::process::id()) << 32 | i64::from(since.subsec_nanos())
}
