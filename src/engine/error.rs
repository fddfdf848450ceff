//! What can go wrong in an engine. Each variant holds what a hint needs.

use super::Holder;
use crate::connection::ConnectionError;
use crate::process::ProcessError;
use crate::snapshot::SeamError;

/// Failures of an engine.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// No session could be had, or it broke.
    #[error(transparent)]
    Connection(#[from] ConnectionError),
    /// One of the vendor's tools is missing, too old or failed.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// The archive could not be written or read.
    #[error(transparent)]
    Seam(#[from] SeamError),
    /// The server refused a statement.
    #[error("{what}")]
    Sql {
        /// What was being done, naming object and database.
        what: String,
        /// The server's words.
        #[source]
        source: tokio_postgres::Error,
    },
    /// The server refused a command.
    #[error("{what}")]
    Command {
        /// What was being done, naming collection or database.
        what: String,
        /// The server's error number, 0 if there is none.
        code: i32,
        /// The server's words.
        reason: String,
        /// What the person can do, if it is known.
        advice: Option<String>,
    },
    /// The user lacks a right.
    #[error("{what}: {user} may not do that")]
    Forbidden {
        /// What was being done, naming collection or database.
        what: String,
        /// The user.
        user: String,
        /// The server's words.
        reason: String,
    },
    /// Somebody holds a lock for longer than `--lock-timeout`.
    #[error("table {table} of {database} is locked by another session")]
    Locked {
        /// Printed name of the table.
        table: String,
        /// The database.
        database: String,
        /// Who holds it: pid, user, application, query.
        holders: Vec<String>,
    },
    /// A table or collection was truncated, rewritten, altered or dropped while the backup read
    /// it.
    #[error("{table} of {database} was {how} while the backup was taken")]
    Moved {
        /// Its printed name.
        table: String,
        /// The database.
        database: String,
        /// What happened.
        how: String,
    },
    /// The server's lock table is full.
    #[error("the server has no room for the locks of {tables} tables of {database}")]
    TooManyLocks {
        /// Tables to lock.
        tables: usize,
        /// The database.
        database: String,
        /// Its present `max_locks_per_transaction`.
        setting: u64,
        /// What it must be at least.
        needed: u64,
    },
    /// The asked name exists.
    #[error("a database named {name} exists already on {server}")]
    NameTaken {
        /// The name.
        name: String,
        /// The server.
        server: String,
        /// A name that is free.
        free: String,
    },
    /// A name is not possible on this engine.
    #[error("{name} cannot be the name of a database: {why}")]
    BadName {
        /// The name.
        name: String,
        /// The rule it breaks.
        why: String,
    },
    /// What a restore needs is not there; found before anything was created.
    #[error("{server} lacks what the archive needs: {}", missing.iter().map(|m| m.what.as_str()).collect::<Vec<_>>().join("; "))]
    Missing {
        /// The server.
        server: String,
        /// Each thing with the command that fixes it.
        missing: Vec<MissingThing>,
    },
    /// A restore failed; the half-built copy is dropped unless `left` says otherwise.
    #[error("{what}")]
    Restore {
        /// What failed, naming the object.
        what: String,
        /// The tool's or server's own words.
        reasons: Vec<String>,
        /// What the person can do, if it is known.
        advice: Option<String>,
    },
    /// Another run has the target.
    #[error(
        "{database} is being migrated by run {}, since {}{}",
        holder.run,
        holder.since.format("%Y-%m-%dT%H:%M:%SZ"),
        if holder.host.is_empty() { String::new() } else { format!(", from {}", holder.host) }
    )]
    Held {
        /// The target.
        database: String,
        /// Who has it.
        holder: Holder,
    },
    /// There is no way to keep other runs off.
    #[error("{database} cannot be held against other runs: {why}")]
    NoLock {
        /// The target.
        database: String,
        /// Why not.
        why: String,
        /// What the person can do.
        advice: String,
    },
    /// The target is not held any more.
    #[error("{database} is not held against other runs any more: {why}")]
    LockLost {
        /// The target.
        database: String,
        /// Why.
        why: String,
    },
    /// Sessions of others are in a database that is to be put aside.
    #[error("others are connected to {database}")]
    InTheWay {
        /// The database.
        database: String,
        /// Each: pid, user, application, client, state.
        sessions: Vec<String>,
        /// True if they were to be ended and could not be.
        ended: bool,
    },
    /// The database is not one that bookend may drop.
    #[error("{name} is not dropped: {why}")]
    NotOurs {
        /// The database.
        name: String,
        /// Why.
        why: String,
    },
    /// Rows would be left out without a word (row security), or a feature is not supported.
    #[error("{what}")]
    Unsupported {
        /// What and why.
        what: String,
        /// What the person can do.
        advice: String,
    },
    /// The vendor's output could not be understood.
    #[error("{tool} wrote something that cannot be understood: {problem}")]
    Garbled {
        /// The tool.
        tool: String,
        /// What is wrong, with the position.
        problem: String,
    },
    /// SIGINT, SIGTERM, or a sibling failed first.
    #[error("interrupted")]
    Cancelled,
    /// The ledger could not be written, so nothing was created.
    #[error("the store's record of databases could not be written")]
    Ledger(#[source] std::io::Error),
}

/// One thing that a restore needs and the server lacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissingThing {
    /// E.g. `extension postgis is not available`.
    pub what: String,
    /// The command that fixes it.
    pub fix: String,
}
