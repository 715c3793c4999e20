//! The file: how it is made, protected, opened and versioned.

use std::fs::{self, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use crate::error::is_busy;
use crate::{Error, FIRST_REVISION, Result};

/// The schema's version, in the file's `user_version`.
const VERSION: i64 = 1;
/// "cetc", in the file's `application_id`.
const APPLICATION: i64 = 0x6365_7463;
/// How long a write waits for another process before it is [`Error::Busy`].
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// `meta` holds: `revision`, the newest; `compacted`, the newest that the history lacks;
/// `last_lease`. In `history` a null value is a deletion.
const SCHEMA: &str = "
CREATE TABLE meta (
    name TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE entries (
    key TEXT NOT NULL PRIMARY KEY,
    value BLOB NOT NULL,
    create_revision INTEGER NOT NULL,
    mod_revision INTEGER NOT NULL,
    version INTEGER NOT NULL,
    lease INTEGER
);
CREATE INDEX entries_by_lease ON entries (lease) WHERE lease IS NOT NULL;
CREATE TABLE history (
    revision INTEGER NOT NULL,
    key TEXT NOT NULL,
    value BLOB,
    create_revision INTEGER,
    version INTEGER,
    lease INTEGER,
    PRIMARY KEY (revision, key)
);
CREATE TABLE leases (
    id INTEGER PRIMARY KEY,
    ttl_milliseconds INTEGER NOT NULL,
    expires_milliseconds INTEGER NOT NULL
);
CREATE INDEX leases_by_expiry ON leases (expires_milliseconds);
";

/// Makes the file where there is none, closes it to others, brings its schema up to date.
pub(super) fn create(path: &Path) -> Result<Connection> {
    protect(path)?;
    let mut connection = open(path)?;
    use_wal(&connection).map_err(|error| Error::database("switch to WAL mode", error))?;
    let found = migrate(&mut connection).map_err(|error| Error::database("bring its schema up to date", error))?;
    if found > VERSION {
        return Err(Error::Schema { path: path.to_owned(), found, supported: VERSION });
    }
    Ok(connection)
}

/// A connection to the file, which exists.
pub(super) fn open(path: &Path) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let open = || {
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        // Deleted values, which may be sealed secrets, do not linger in free space.
        connection.pragma_update(None, "secure_delete", "FAST")?;
        // In KiB: the metadata of hundreds of instances fits, and there are four connections.
        connection.pragma_update(None, "cache_size", -1024)?;
        connection.pragma_update(None, "journal_size_limit", 16 * 1024 * 1024)?;
        Ok(connection)
    };
    open().map_err(|error| Error::database("open", error))
}

/// A connection that cannot write.
pub(super) fn open_reader(path: &Path) -> Result<Connection> {
    let connection = open(path)?;
    connection.pragma_update(None, "query_only", true).map_err(|error| Error::database("open", error))?;
    Ok(connection)
}

/// The newest revision.
pub(super) fn revision(connection: &Connection) -> rusqlite::Result<u64> {
    meta(connection, "revision")
}

/// A number of `meta`.
pub(super) fn meta(connection: &Connection, name: &str) -> rusqlite::Result<u64> {
    connection.prepare_cached("SELECT value FROM meta WHERE name = ?1")?.query_row([name], |row| row.get(0))
}

/// Sets a number of `meta`.
pub(super) fn set_meta(connection: &Connection, name: &str, value: u64) -> rusqlite::Result<()> {
    connection.prepare_cached("UPDATE meta SET value = ?2 WHERE name = ?1")?.execute((name, value)).map(drop)
}

/// The file exists and is ours alone; SQLite gives its `-wal` and `-shm` files the same mode.
///
/// An existing file is not opened here: closing it again would drop the locks that other
/// connections of this process hold on it.
fn protect(path: &Path) -> Result<()> {
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let mode =
                fs::metadata(path).map_err(|source| file_error("read the mode of", path, source))?.permissions().mode();
            if mode & 0o077 != 0 {
                fs::set_permissions(path, Permissions::from_mode(mode & 0o700))
                    .map_err(|source| file_error("close to other users", path, source))?;
            }
            Ok(())
        }
        Err(source) => Err(file_error("create", path, source)),
    }
}

fn file_error(doing: &'static str, path: &Path, source: io::Error) -> Error {
    Error::File { doing, path: path.to_owned(), source }
}

/// SQLite does not wait for other processes' locks while it switches the mode: we do.
#[expect(clippy::disallowed_methods, reason = "opening is synchronous, and another process's lock is no event")]
fn use_wal(connection: &Connection) -> rusqlite::Result<()> {
    let deadline = Instant::now() + BUSY_TIMEOUT;
    loop {
        match connection.pragma_update(None, "journal_mode", "WAL") {
            Err(error) if is_busy(&error) && Instant::now() < deadline => {
                std::thread::sleep(Duration::from_millis(10));
            }
            done => return done,
        }
    }
}

/// The version that was found, or made of an empty file.
fn migrate(connection: &mut Connection) -> rusqlite::Result<i64> {
    let version =
        |connection: &Connection| connection.pragma_query_value(None, "user_version", |row| row.get::<_, i64>(0));
    let found = version(connection)?;
    if found != 0 {
        return Ok(found);
    }
    // Looked at again under the lock: another process may have made the schema meanwhile.
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found = version(&transaction)?;
    if found != 0 {
        return Ok(found);
    }
    transaction.execute_batch(SCHEMA)?;
    for (name, value) in [("revision", FIRST_REVISION), ("compacted", FIRST_REVISION), ("last_lease", 0)] {
        transaction.execute("INSERT INTO meta (name, value) VALUES (?1, ?2)", (name, value))?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION)?;
    transaction.pragma_update(None, "user_version", VERSION)?;
    transaction.commit()?;
    Ok(VERSION)
}
