//! COMMAND on the copies, watched there and on the originals.

use std::io;
use std::path::Path;

use serde_json::{Value, json};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::super::command::{Command, MARK, session_mark};
use super::super::event::{CommandEnd, Note};
use super::super::hands::{Ended, Notes, Trouble};
use super::super::journal::Setback;
use super::super::still_naming::still_naming;
use super::super::target_proof::{Marks, Sight, Watched, watch as watch_all};
use super::super::undo::ASTRAY;
use super::Live;
use super::copies::Kept;
use crate::connection::Environment;
use crate::engine::{EngineError, HeldObject};
use crate::report::figures::numbered;
use crate::snapshot::Noun;

/// SIGTERM, which is what COMMAND gets when it is seen on an original.
const TERM: i32 = 15;

/// So many objects are told that were held, and sessions that came.
const TOLD: usize = 5;

/// Shorter holds are no news to whoever waits.
const WORTH_TELLING_MS: u64 = 100;

/// A command that ran on copies, and what was seen meanwhile.
pub(super) struct Seen {
    pub ended: Ended,
    /// By target; empty if nothing could be watched.
    pub sights: Vec<Sight>,
    /// By target: what still named the original.
    pub names_original: Vec<Vec<String>>,
    /// What could not be watched, in words.
    pub not_watched: Vec<String>,
}

impl Live {
    /// Runs COMMAND on the copies. It is ended if it is seen on an original.
    pub(super) async fn run_watched(
        &self,
        command: &Command,
        copies: &[Kept],
        notes: &dyn Notes,
    ) -> Result<Seen, Trouble> {
        let session = self.session_name("rehearsal");
        let (pid, told) = watch::channel(None);
        let marks = Marks {
            environment: format!("{MARK}={}", session_mark(&session)),
            session_name: session,
            pid: told,
        };
        let mut not_watched = Vec::new();
        let mut watched = Vec::new();
        for kept in copies {
            let one = self.watched(kept, &mut not_watched).await;
            watched.push(one.map_err(|error| self.trouble(&error.into()))?);
        }
        let (over, trespass) = (CancellationToken::new(), CancellationToken::new());
        let mut streams = self.streams.clone();
        streams.ask = self.streams.ask.child_token();
        let running = async {
            let notes = Telling { notes, pid };
            let run = command.run(&streams, &marks.session_name, &notes);
            tokio::pin!(run);
            let ran = tokio::select! {
                ran = &mut run => ran,
                () = trespass.cancelled() => {
                    streams.ask.cancel();
                    run.await
                }
            };
            over.cancel();
            ran
        };
        let (ran, sights) = tokio::join!(running, watch_all(watched, &marks, &over, &trespass));
        let mut ended = ran.map_err(|error| super::commands::unseen(&error))?;
        if trespass.is_cancelled() && matches!(ended.end, CommandEnd::Interrupted(_)) {
            ended.end = CommandEnd::Signalled(TERM);
        }
        let sights = sights.unwrap_or_else(|error| {
            // COMMAND may have taken the server down, or the copy: its end tells.
            not_watched.push(format!("the watch ended early: {error}"));
            Vec::new()
        });
        let here = std::env::current_dir().unwrap_or_default();
        let names_original = copies
            .iter()
            .map(|kept| self.names_original(kept, command, &here))
            .collect();
        Ok(Seen {
            ended,
            sights,
            names_original,
            not_watched,
        })
    }

    async fn watched(
        &self,
        kept: &Kept,
        not_watched: &mut Vec<String>,
    ) -> Result<Watched, EngineError> {
        let context = self.ws.context();
        let engine = self.ws.engines.get(kept.engine);
        let engine = engine.map_err(|error| EngineError::Unsupported {
            what: error.to_string(),
            advice: String::new(),
        })?;
        let subject = self.subjects.get(kept.target);
        let original = subject.filter(|subject| subject.given.is_none());
        let mut seen = None;
        if let Some(subject) = original {
            match engine.observe(&context, &subject.target).await {
                Ok(observer) => seen = Some(observer),
                Err(error) => not_watched.push(format!("{}: {error}", subject.target.database())),
            }
            let links = engine
                .links(&context, &kept.copy.target, &subject.target)
                .await?;
            not_watched.extend(links.into_iter().map(|link| self.about(kept.target, &link)));
        }
        Ok(Watched {
            copy: engine.observe(&context, &kept.copy.target).await?,
            original: seen,
            port: original.map_or(0, |subject| subject.target.port()),
        })
    }

    fn names_original(&self, kept: &Kept, command: &Command, here: &Path) -> Vec<String> {
        let Some(subject) = self.subjects.get(kept.target) else {
            return Vec::new();
        };
        still_naming(
            &subject.target,
            &command.environment,
            here,
            &Environment::empty(),
        )
    }
}

impl Seen {
    /// Whether COMMAND was on a copy; `None` where that cannot be known.
    pub fn reached(&self) -> Option<bool> {
        let used: Vec<Option<bool>> = self.sights.iter().map(|one| one.copy.used()).collect();
        if used.contains(&Some(true)) {
            return Some(true);
        }
        (!used.is_empty() && used.iter().all(Option::is_some)).then_some(false)
    }

    /// COMMAND was seen on an original: the run must not go on.
    pub fn trespass(&self, labels: &[&str]) -> Option<Setback> {
        let causes: Vec<String> = self
            .sights
            .iter()
            .zip(labels)
            .flat_map(|(sight, label)| {
                sight.trespassers.iter().map(move |(session, ended)| {
                    let ended = if *ended { "ended" } else { "not ended" };
                    format!("{label}: {}, {ended}", session.in_words())
                })
            })
            .collect();
        if causes.is_empty() {
            return None;
        }
        Some(self.astray("COMMAND went to the original in place of the copy", causes))
    }

    /// COMMAND was on no copy, and on nothing else that was seen.
    pub fn nowhere(&self) -> Setback {
        let causes = vec![
            "no session of it was on the copy: neither seen, nor counted by the server".to_owned(),
        ];
        self.astray("COMMAND did not reach the copy", causes)
    }

    fn astray(&self, message: &str, mut causes: Vec<String>) -> Setback {
        let names = self.names_original.iter().flatten();
        causes.extend(names.map(|name| format!("still names the original: {name}")));
        Setback {
            code: ASTRAY.to_owned(),
            message: message.to_owned(),
            causes,
            hint: Some(
                "point COMMAND at DATABASE_URL, PG* or MONGODB_URI, or tell it with --env \
                 NAME={url}; --no-rehearsal REASON goes without"
                    .to_owned(),
            ),
        }
    }

    /// For the screen.
    pub fn lines(&self, target: usize, database: &str) -> Vec<String> {
        let mut lines = Vec::new();
        if let Some(sight) = self.sights.get(target) {
            let held = sight
                .copy
                .held
                .iter()
                .filter(|held| longest(held) >= WORTH_TELLING_MS);
            lines.extend(held.take(TOLD).map(held_line));
            lines.extend(visitors(sight, database));
        }
        let names = self.names_original.get(target).into_iter().flatten();
        lines.extend(names.map(|name| format!("still names {database}: {name}")));
        lines
    }

    /// For the report, by target: the keys of its `rehearsals`.
    pub fn observed(&self) -> Value {
        let all = self.names_original.iter().enumerate();
        all.map(|(target, names)| {
            let sight = self.sights.get(target).cloned().unwrap_or_default();
            let longest = sight.copy.longest.as_ref();
            json!({
                "reached": sight.copy.used(),
                "locks": sight.copy.held,
                "longest_statement_ms": longest.map(|longest| longest.ms),
                "longest_statement": longest.map(|longest| &longest.command),
                "bytes_before": sight.copy.bytes_before,
                "bytes_after": sight.copy.bytes_after,
                "sessions": sessions(&sight),
                "names_original": names,
                "not_watched": self.not_watched,
            })
        })
        .collect()
    }
}

fn sessions(sight: &Sight) -> Vec<Value> {
    let own = sight
        .trespassers
        .iter()
        .map(|(session, ended)| (session, true, *ended));
    let others = sight
        .strangers
        .iter()
        .map(|session| (session, false, false));
    own.chain(others)
        .map(|(session, own, ended)| {
            json!({
                "pid": session.id.parse::<i64>().unwrap_or(0),
                "application": session.application,
                "client": session.client.map(|client| client.to_string()).unwrap_or_default(),
                "belongs": own.then_some("its connection, or its session's name"),
                "ended": ended,
            })
        })
        .collect()
}

fn longest(held: &HeldObject) -> u64 {
    held.reads_blocked_ms.max(held.writes_blocked_ms)
}

fn held_line(held: &HeldObject) -> String {
    let (against, ms) = if held.reads_blocked_ms >= WORTH_TELLING_MS {
        ("reads", held.reads_blocked_ms)
    } else {
        ("writes", held.writes_blocked_ms)
    };
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of a run fit")]
    let seconds = ms as f64 / 1000.0;
    format!(
        "{} was locked against {against} for at least {seconds:.1} s",
        held.object
    )
}

/// Who was on the original meanwhile.
fn visitors(sight: &Sight, database: &str) -> Option<String> {
    const SESSION: Noun = Noun {
        one: "other session",
        many: "other sessions",
    };
    let original = sight.original.as_ref()?;
    let came = sight.strangers.len() as u64;
    if !sight.trespassers.is_empty() {
        return Some(format!("COMMAND was seen on {database}"));
    }
    Some(match original.uses {
        Some(0) if came == 0 => format!("nobody connected to {database} meanwhile"),
        Some(_) if came == 0 => {
            format!("somebody used {database} meanwhile, too shortly to be told from COMMAND")
        }
        None if came == 0 => format!("COMMAND was not seen on {database}"),
        _ => format!(
            "COMMAND was not seen on {database}; {} came meanwhile",
            numbered(came, SESSION)
        ),
    })
}

/// Passes notes on, and COMMAND's process id to whoever watches.
struct Telling<'a> {
    notes: &'a dyn Notes,
    pid: watch::Sender<Option<u32>>,
}

impl Notes for Telling<'_> {
    fn note(&self, note: Note) -> io::Result<()> {
        let Note::Started { pid, .. } = note;
        self.pid.send_replace(Some(pid));
        self.notes.note(note)
    }
}
