//! What is asked of a server as a whole, and the way in.

use bson::{Bson, Document, Timestamp, doc};
use chrono::{DateTime, Utc};
use mongodb::error::{Error, ErrorKind};

use crate::connection::mongodb::{Session, classified, is_lost};
use crate::connection::{ConnectionError, Target};
use crate::engine::{Context, EngineError};

/// `Unauthorized`.
pub(super) const UNAUTHORIZED: i32 = 13;

/// `SnapshotTooOld`.
const SNAPSHOT_TOO_OLD: i32 = 239;

const SNAPSHOT_ADVICE: &str = "reading took longer than the server keeps the history of a \
     snapshot; let it keep more: db.adminCommand({setParameter: 1, \
     minSnapshotHistoryWindowInSeconds: SECONDS}), or stop what writes and back up without --consistent";

/// Facts of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Server {
    /// As printed, e.g. `6.0.5`.
    pub version: String,
    /// E.g. 60005.
    pub version_num: u32,
    /// UUID of `admin.system.version`: it is made with the data files and is the same on
    /// every member of a replica set. `None` if this user may not read it.
    pub identity: Option<String>,
    /// Name of its replica set.
    pub replica_set: Option<String>,
    /// A secondary answers.
    pub secondary: bool,
    /// It is a router of a sharded cluster.
    pub router: bool,
    /// `storageEngine.name`, where readable.
    pub storage_engine: Option<String>,
    /// What time it is there.
    pub clock: Option<DateTime<Utc>>,
    /// The newest write that a majority had, if a primary answered.
    pub committed: Option<Committed>,
}

/// A place in the oplog of a primary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Committed {
    /// As BSON stores a timestamp: seconds, then a count within the second.
    pub time: u64,
    /// The term of the primary.
    pub term: i64,
}

impl Server {
    /// In words what kind of deployment it is.
    pub(super) fn deployment(&self) -> String {
        match (&self.replica_set, self.router) {
            (_, true) => "sharded cluster".to_owned(),
            (Some(name), _) if self.secondary => format!("replica set {name}, secondary"),
            (Some(name), _) => format!("replica set {name}"),
            (None, _) => "standalone".to_owned(),
        }
    }
}

/// Connects to a target.
pub(super) async fn connect(context: &Context, target: &Target) -> Result<Session, EngineError> {
    let name = format!("bookend {}", context.run);
    Ok(target.mongodb()?.connect(&name).await?)
}

/// Reads the facts.
pub(super) async fn facts(session: &Session) -> Result<Server, EngineError> {
    let admin = session.other("admin");
    let build = admin
        .run_command(doc! { "buildInfo": 1 })
        .await
        .map_err(refused(session, "the server's version could not be read"))?;
    let hello = admin
        .run_command(doc! { "hello": 1 })
        .await
        .map_err(refused(session, "the server's role could not be read"))?;
    let status = admin
        .run_command(doc! { "serverStatus": 1, "repl": 0, "metrics": 0, "locks": 0 })
        .await
        .ok();
    let version = build.get_str("version").unwrap_or_default().to_owned();
    Ok(Server {
        version_num: version_number(&version),
        version,
        identity: identity(session).await,
        replica_set: hello.get_str("setName").ok().map(str::to_owned),
        secondary: hello.get_bool("secondary").unwrap_or(false),
        router: says(&hello, "msg", "isdbgrid"),
        clock: hello
            .get_datetime("localTime")
            .ok()
            .and_then(|time| DateTime::from_timestamp_millis(time.timestamp_millis())),
        committed: committed(&hello),
        storage_engine: status.and_then(|status| {
            let engine = status.get_document("storageEngine").ok()?;
            engine.get_str("name").ok().map(str::to_owned)
        }),
    })
}

/// `lastWrite` of `hello`, documented in MongoDB's manual under "hello".
fn committed(hello: &Document) -> Option<Committed> {
    if !hello.get_bool("isWritablePrimary").unwrap_or(false) {
        return None;
    }
    let last = hello.get_document("lastWrite").ok()?;
    let majority = last.get_document("majorityOpTime").ok()?;
    let time = majority.get_timestamp("ts").ok()?;
    Some(Committed {
        time: (u64::from(time.time) << 32) | u64::from(time.increment),
        term: majority.get_i64("t").ok()?,
    })
}

/// `6.0.5` as 60005.
fn version_number(version: &str) -> u32 {
    let mut numbers = version
        .split(|c: char| !c.is_ascii_digit())
        .map(|number| number.parse::<u32>().unwrap_or(0).min(99));
    let mut next = || numbers.next().unwrap_or(0);
    next() * 10_000 + next() * 100 + next()
}

async fn identity(session: &Session) -> Option<String> {
    let answer = session
        .other("admin")
        .run_command(doc! { "listCollections": 1, "filter": { "name": "system.version" } })
        .await
        .ok()?;
    let first = answer.get_document("cursor").ok()?;
    let first = first.get_array("firstBatch").ok()?.first()?.as_document()?;
    match first.get_document("info").ok()?.get("uuid")? {
        Bson::Binary(binary) => Some(hex(&binary.bytes)),
        _ => None,
    }
}

/// Bytes as hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The server's logical clock; `None` on a standalone.
pub(super) async fn operation_time(session: &Session) -> Result<Option<Timestamp>, EngineError> {
    let answer = session
        .command(doc! { "ping": 1 })
        .await
        .map_err(refused(session, "the server's clock could not be read"))?;
    Ok(answer.get_timestamp("operationTime").ok())
}

/// Names of all databases that this user can see.
pub(super) async fn databases(session: &Session) -> Result<Vec<String>, EngineError> {
    let answer = session
        .other("admin")
        .run_command(doc! { "listDatabases": 1, "nameOnly": true })
        .await
        .map_err(refused(session, "the databases could not be listed"))?;
    let names = answer.get_array("databases").cloned().unwrap_or_default();
    Ok(names
        .iter()
        .filter_map(Bson::as_document)
        .filter_map(|database| database.get_str("name").ok())
        .map(str::to_owned)
        .collect())
}

/// Bytes of a database with its indexes, and how many collections it has.
pub(super) async fn size(session: &Session, database: &str) -> Result<(u64, u64), EngineError> {
    let stats = session
        .other(database)
        .run_command(doc! { "dbStats": 1, "scale": 1 })
        .await
        .map_err(refused(
            session,
            format!("the size of {database} could not be read"),
        ))?;
    let bytes = number(&stats, "dataSize") + number(&stats, "indexSize");
    Ok((bytes, number(&stats, "collections")))
}

/// Bytes of the documents of the session's own database, as a dump writes them; `None` if the
/// server does not tell.
pub(super) async fn data_size(session: &Session) -> Option<u64> {
    let stats = session
        .command(doc! { "dbStats": 1, "scale": 1 })
        .await
        .ok()?;
    Some(number(&stats, "dataSize"))
}

/// Whether a field is this text.
pub(super) fn says(document: &Document, key: &str, text: &str) -> bool {
    document.get_str(key).is_ok_and(|found| found == text)
}

/// A number whatever its BSON type; 0 if there is none.
pub(super) fn number(document: &Document, key: &str) -> u64 {
    match document.get(key) {
        Some(Bson::Int32(value)) => u64::try_from(*value).unwrap_or(0),
        Some(Bson::Int64(value)) => u64::try_from(*value).unwrap_or(0),
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "sizes and counts; a cast from a float saturates"
        )]
        Some(Bson::Double(value)) => *value as u64,
        _ => 0,
    }
}

/// What to do with an error of the driver: `what` says in words what could not be done.
pub(super) fn refused(
    session: &Session,
    what: impl Into<String>,
) -> impl FnOnce(Error) -> EngineError {
    let what = what.into();
    move |error| failure(session, what, &error)
}

fn failure(session: &Session, what: String, error: &Error) -> EngineError {
    let code = code(error);
    if is_lost(error) {
        return ConnectionError::Lost {
            server: session.server().to_owned(),
            reason: error.to_string(),
        }
        .into();
    }
    if code == Some(UNAUTHORIZED) {
        return match classified(error, session.url()) {
            ConnectionError::NotAllowed { user, .. } => EngineError::Forbidden {
                what,
                user,
                reason: words(error),
            },
            other => other.into(),
        };
    }
    EngineError::Command {
        what,
        code: code.unwrap_or(0),
        reason: words(error),
        advice: (code == Some(SNAPSHOT_TOO_OLD)).then(|| SNAPSHOT_ADVICE.to_owned()),
    }
}

/// The server's own words, without the driver's wrapping.
pub(super) fn words(error: &Error) -> String {
    match error.kind.as_ref() {
        // What follows is the driver's: the identity of its session.
        ErrorKind::Command(command) => match command.message.split_once(", lsid: {") {
            Some((words, _)) => format!("{words}, … }}"),
            None => command.message.clone(),
        },
        other => other.to_string(),
    }
}

/// The server's error number.
pub(super) fn code(error: &Error) -> Option<i32> {
    match error.kind.as_ref() {
        ErrorKind::Command(command) => Some(command.code),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::version_number;

    #[test]
    fn versions_compare_as_numbers() {
        assert_eq!(version_number("6.0.5"), 60_005);
        assert_eq!(version_number("7.1.0-rc2"), 70_100);
        assert!(version_number("10.0.0") > version_number("8.0.17"));
    }
}
