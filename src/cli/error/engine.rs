//! What went wrong on a server or with the vendor's tools.

use std::path::PathBuf;

use nix::sys::signal::Signal;

use super::super::failure::{Exit, Failure};
use super::{connection, files, interrupted};
use crate::engine::EngineError;
use crate::process::{Ending, LastWords, ProcessError};

pub(super) fn failure(error: &EngineError) -> Failure {
    match error {
        EngineError::Connection(error) => connection::failure(error),
        EngineError::Process(error) => process(error),
        EngineError::Seam(error) => files::seam(error),
        EngineError::Sql { what, source } => sql(what, source),
        EngineError::Command { reason, advice, .. } => {
            let failure = Failure::of(Exit::Failed, "server-refused", error).because([reason]);
            match advice {
                Some(advice) => failure.hint(advice),
                None => failure,
            }
        }
        EngineError::Forbidden { reason, .. } => {
            Failure::of(Exit::Connection, "not-allowed", error)
                .because([reason])
                .hint("bookend doctor says which rights are missing and how to grant them")
        }
        EngineError::Locked { holders, .. } => Failure::of(Exit::Failed, "locked", error)
            .because(holders.iter().map(|holder| format!("in the way: {holder}")))
            .hint("run it again when that session has ended, or wait longer: --lock-timeout 10m"),
        EngineError::Moved { .. } => Failure::of(Exit::Failed, "moved", error)
            .hint("run it again while no migration is under way"),
        EngineError::TooManyLocks {
            setting, needed, ..
        } => Failure::of(Exit::Failed, "too-many-locks", error)
            .because([format!("max_locks_per_transaction is {setting}")])
            .hint(format!(
                "set max_locks_per_transaction = {needed} in postgresql.conf and restart the server"
            )),
        EngineError::NameTaken { free, .. } => Failure::of(Exit::Refused, "name-taken", error)
            .hint(format!("nothing was touched; a free name: --into {free}")),
        EngineError::BadName { .. } => Failure::of(Exit::Usage, "bad-name", error),
        EngineError::Missing { missing, .. } => Failure::of(Exit::Refused, "missing", error).hint(
            missing
                .iter()
                .map(|thing| thing.fix.as_str())
                .filter(|fix| !fix.is_empty())
                .collect::<Vec<_>>()
                .join("\n"),
        ),
        EngineError::Restore {
            reasons, advice, ..
        } => {
            let failure = Failure::of(Exit::Failed, "restore-failed", error).because(reasons);
            match advice {
                Some(advice) => failure.hint(advice),
                None => failure,
            }
        }
        EngineError::Held { holder, .. } => {
            Failure::of(Exit::Refused, "busy", error).hint(format!(
                "wait for it; if its process is gone: bookend abort {}",
                holder.run
            ))
        }
        EngineError::NoLock { advice, .. } => {
            Failure::of(Exit::Refused, "no-lock", error).hint(advice)
        }
        EngineError::LockLost { .. } => {
            Failure::of(Exit::Refused, "lock-lost", error).hint("bookend status; then run it again")
        }
        EngineError::InTheWay {
            sessions, ended, ..
        } => in_the_way(error, sessions, *ended),
        EngineError::NotOurs { .. } => {
            Failure::of(Exit::Refused, "not-ours", error).hint("bookend copies list")
        }
        EngineError::Unsupported { advice, .. } => {
            Failure::of(Exit::Refused, "unsupported", error).hint(advice)
        }
        EngineError::Garbled { tool, .. } => Failure::of(Exit::Failed, "garbled", error).hint(
            format!("check which {tool} is used: bookend doctor -v; another one: --tool-dir DIR"),
        ),
        EngineError::Cancelled => interrupted(),
        EngineError::Ledger(_) => Failure::of(Exit::Failed, "ledger", error)
            .hint("nothing was created; check that the store can be written and has room"),
    }
}

fn in_the_way(error: &EngineError, sessions: &[String], ended: bool) -> Failure {
    let failure = Failure::of(Exit::Refused, "in-the-way", error).because(sessions);
    if ended {
        failure.hint(
            "they could not be ended (a role may end its own sessions, pg_signal_backend others', a superuser all; a prepared transaction takes ROLLBACK PREPARED): end them, then run it again",
        )
    } else {
        failure.hint("stop what connects, or have these sessions ended: --end-sessions")
    }
}

/// SQLSTATEs by which a server says that a role may not do something.
const NOT_ALLOWED: [&str; 3] = ["42501", "28000", "28P01"];
/// SQLSTATEs by which a server says that it goes away.
const GOING: [&str; 4] = ["57P01", "57P02", "57P03", "08006"];

fn sql(what: &str, source: &tokio_postgres::Error) -> Failure {
    let state = source.code().map(tokio_postgres::error::SqlState::code);
    let (exit, code) = match state {
        Some(state) if NOT_ALLOWED.contains(&state) => (Exit::Connection, "not-allowed"),
        Some(state) if GOING.contains(&state) => (Exit::Connection, "connection-lost"),
        Some("53100") => (Exit::Failed, "server-disk-full"),
        None if source.is_closed() => (Exit::Connection, "connection-lost"),
        _ => (Exit::Failed, "sql"),
    };
    let failure = Failure::new(exit, code, what);
    let Some(server) = source.as_db_error() else {
        return failure.because(chain(source));
    };
    let failure = failure.because(
        std::iter::once(server.message())
            .chain(server.detail())
            .chain(server.where_()),
    );
    match (server.hint(), code) {
        (Some(hint), _) => failure.hint(hint),
        (None, "server-disk-full") => {
            failure.hint("free space on the server, or use another: --on, --prove-on")
        }
        (None, "connection-lost") => {
            failure.hint("see the server's log, then run the command again")
        }
        (None, _) => failure,
    }
}

fn chain(error: &(dyn std::error::Error + 'static)) -> Vec<String> {
    std::iter::successors(Some(error), |error| error.source())
        .map(ToString::to_string)
        .collect()
}

pub(super) fn process(error: &ProcessError) -> Failure {
    match error {
        ProcessError::Missing {
            tool,
            needed,
            searched,
        } => Failure::of(Exit::Tool, "tool-missing", error)
            .because([looked_in(searched)])
            .hint(install(tool, *needed)),
        ProcessError::TooOld { tool, needed, .. } => {
            Failure::of(Exit::Tool, "tool-too-old", error).hint(install(tool, Some(*needed)))
        }
        ProcessError::OtherVersions {
            tool,
            needed,
            searched,
            ..
        } => Failure::of(Exit::Tool, "tool-other-version", error)
            .because([looked_in(searched)])
            .hint(install_version(tool, needed)),
        ProcessError::Unusable { .. } => Failure::of(Exit::Tool, "tool-unusable", error)
            .hint("name the folder of a working one: --tool-dir DIR"),
        ProcessError::Spawn { .. } => Failure::of(Exit::Tool, "tool-not-started", error),
        ProcessError::Failed { ending, words, .. } => {
            let failure = Failure::of(Exit::Failed, "tool-failed", error);
            match tool_hint(*ending, words.as_ref().map(LastWords::as_str)) {
                Some(hint) => failure.hint(hint),
                None => failure,
            }
        }
        ProcessError::StillRunning { .. } => Failure::of(Exit::Failed, "tool-still-running", error),
        ProcessError::Stalled { .. } => Failure::of(Exit::Failed, "tool-stalled", error)
            .hint("see the server's log: it may be overloaded or away; then run the command again"),
        ProcessError::HeldOpen { .. } => Failure::of(Exit::Failed, "tool-output-held-open", error),
        ProcessError::TooMuch { .. } => Failure::of(Exit::Failed, "tool-output-too-long", error),
        ProcessError::Pipe { .. } => Failure::of(Exit::Failed, "tool-pipe", error),
        ProcessError::Cancelled { .. } => interrupted().because([error.to_string()]),
    }
}

/// What helps against the usual reasons for a tool to fail.
fn tool_hint(ending: Ending, words: Option<&str>) -> Option<&'static str> {
    let words = words.unwrap_or_default();
    if words.contains("permission denied for") {
        return Some(
            "use a role that may read all of it: its owner, or GRANT pg_read_all_data TO the role (14 and newer; large objects need their owner or a superuser)",
        );
    }
    if words.contains("server closed the connection") || words.contains("terminating connection") {
        return Some("see the server's log, then run the command again");
    }
    let killed = ending == Ending::Signalled(Signal::SIGKILL as i32);
    killed.then_some(
        "something else killed it, perhaps for want of memory: see the system's log (dmesg)",
    )
}

fn looked_in(searched: &[PathBuf]) -> String {
    let folders: Vec<String> = searched
        .iter()
        .map(|folder| folder.display().to_string())
        .collect();
    format!("looked in {}", folders.join(", "))
}

/// What to install for one version of a server's own programs.
fn install_version(tool: &str, version: &str) -> String {
    match tool {
        "mongod" => format!(
            "install MongoDB's server {version} (package mongodb-org-server), name its folder with --tool-dir DIR, or prove on a server: --prove-on TARGET"
        ),
        _ => format!(
            "install the server of PostgreSQL {version} (Debian, Ubuntu: apt install postgresql-{version}), name its folder with --tool-dir DIR, or prove on a server: --prove-on TARGET"
        ),
    }
}

fn install(tool: &str, major: Option<u32>) -> String {
    let version = major.map_or_else(String::new, |major| format!("-{major}"));
    match tool {
        "initdb" | "postgres" | "mongod" => {
            let version = major.map_or_else(String::new, |major| major.to_string());
            install_version(tool, &version)
        }
        "mongodump" | "mongorestore" => {
            "install MongoDB's database tools, or name their folder: --tool-dir DIR".to_owned()
        }
        _ => format!(
            "install it (Debian, Ubuntu: apt install postgresql-client{version}), or name its folder: --tool-dir DIR"
        ),
    }
}
