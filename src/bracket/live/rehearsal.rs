//! COMMAND on the proven copies, and what it did to them.

use std::path::Path;
use std::sync::Arc;

use chrono::{TimeDelta, Utc};
use serde_json::Value;

use super::super::event::{CommandEnd, Rehearsed, Stop};
use super::super::hands::{Ended, Notes, Tried, Trouble};
use super::super::journal::{ArchiveFacts, Setback};
use super::super::{loss, words};
use super::copies::Kept;
use super::watched::Seen;
use super::{Live, plain};
use crate::connection::{ConnectionError, Target};
use crate::engine::EngineError;
use crate::operation::{self, OperationError, Side, Subject};
use crate::report::run::change_lines;
use crate::snapshot::diff::Difference;

/// How long a copy stays that was asked to be kept.
pub(super) const KEPT_FOR: TimeDelta = TimeDelta::days(7);

impl Live {
    pub(super) async fn try_on_copies(
        &self,
        befores: &[ArchiveFacts],
        notes: &dyn Notes,
    ) -> Result<Tried, Trouble> {
        let copies = self.kept();
        if copies.len() != self.subjects.len() {
            return Err(plain(Stop::Failed, "a copy to rehearse on is missing"));
        }
        let targets: Vec<Target> = copies.iter().map(|kept| kept.copy.target.clone()).collect();
        let (command, check) = (self.commands.on_copies)(&targets).map_err(|setback| Trouble {
            stop: Stop::Failed,
            setback,
        })?;
        let names: Vec<&str> = targets.iter().map(Target::database).collect();
        let seen = self.run_watched(&command, &copies, notes).await?;
        let mut tried = begun(seen.ended.clone(), &names.join(", "), &command.repointed);
        self.add_seen(&mut tried, &seen, &copies);
        if let (true, Some(check)) = (tried.rehearsed.end.is_success(), check) {
            let checked = self.run(&check, "rehearsal", notes).await?;
            add_check(&mut tried, checked);
        }
        if !tried.rehearsed.end.is_success() {
            // What it failed of may be what a copy cannot have.
            let notes = copies.iter().flat_map(|kept| &kept.copy.notes);
            tried
                .lines
                .extend(notes.map(|note| format!("on the copy: {note}")));
        }
        if tried.setback.is_none() {
            self.add_differences(&mut tried, &copies, befores).await?;
            let changed = tried.differences.iter().any(|found| found["same"] == false);
            if tried.setback.is_none() && !changed && seen.reached() == Some(false) {
                tried.rehearsed.astray = true;
                tried.setback = Some(seen.nowhere());
            }
        }
        say_what_failed(&mut tried);
        if self.wishes.keep_copies {
            for kept in &copies {
                tried.lines.push(self.stay(kept).await?);
            }
        }
        Ok(tried)
    }

    /// What was seen on the copies and on the originals while COMMAND ran.
    fn add_seen(&self, tried: &mut Tried, seen: &Seen, copies: &[Kept]) {
        for (place, kept) in copies.iter().enumerate() {
            let Some(subject) = self.subjects.get(kept.target) else {
                continue;
            };
            let told = seen.lines(place, subject.target.database());
            let told = told.iter().map(|line| self.about(kept.target, line));
            tried.lines.extend(told);
        }
        let unwatched = seen.not_watched.iter();
        tried
            .lines
            .extend(unwatched.map(|what| format!("not watched: {what}")));
        tried.observed = Some(seen.observed());
        let labels: Vec<&str> = self.subjects.iter().map(|s| s.target.label()).collect();
        if let Some(setback) = seen.trespass(&labels) {
            tried.rehearsed.astray = true;
            tried.setback = Some(setback);
        }
    }

    /// What became of each copy, and whether more was lost than may be.
    async fn add_differences(
        &self,
        tried: &mut Tried,
        copies: &[Kept],
        befores: &[ArchiveFacts],
    ) -> Result<(), Trouble> {
        let mut found: Vec<Difference> = Vec::new();
        for kept in copies {
            match self.changed(kept, befores).await {
                Ok(difference) => found.push(difference),
                Err(error) if is_gone(&error) => {
                    let explained = (self.surroundings.explain)(&error);
                    tried.rehearsed.astray = true;
                    tried.setback = Some(gone(&kept.copy.name, &explained.setback));
                    return Ok(());
                }
                Err(error) => return Err(self.trouble(&error)),
            }
        }
        for (kept, difference) in copies.iter().zip(&found) {
            let told = change_lines(difference);
            let told = told.iter().map(|line| self.about(kept.target, line));
            tried.lines.extend(told);
            let value = serde_json::to_value(difference).unwrap_or(Value::Null);
            tried.differences.push(value);
        }
        let refused: Vec<_> = copies
            .iter()
            .zip(&found)
            .flat_map(|(kept, difference)| {
                let refused = loss::refused(&difference.losses, &self.wishes.allow_loss);
                let label = self.label(kept.target);
                refused.into_iter().map(move |loss| (label, loss))
            })
            .collect();
        if !refused.is_empty() {
            tried.rehearsed.losses_refused = true;
            tried.setback = Some(loss::setback(&refused));
        }
        Ok(())
    }

    async fn changed(
        &self,
        kept: &Kept,
        befores: &[ArchiveFacts],
    ) -> Result<Difference, OperationError> {
        let now = operation::read(&self.ws, &kept.copy.target, false, kept.found.as_ref()).await?;
        // Held against the copy itself as it was proven: what a copy does otherwise than its
        // original (its owner, documents that do not expire) is in both.
        let archive = befores.get(kept.target).map(|before| &*before.path);
        let archive = Path::new(archive.unwrap_or_default());
        let subject = Subject::Archive(archive);
        let before = match &kept.found {
            Some(proven) => Side::known(Arc::clone(proven)),
            None => Side::read(&self.ws, subject, false).await?,
        };
        let copy = Subject::Live(&kept.copy.target);
        let after = Side::known(Arc::new(now));
        operation::difference(&self.ws, (subject, &before), (copy, &after)).await
    }

    /// Makes a rehearsed copy a staging database.
    async fn stay(&self, kept: &Kept) -> Result<String, Trouble> {
        let expires = Utc::now() + KEPT_FOR;
        let made = async {
            let engine = self.ws.engines.get(kept.engine)?;
            let context = self.ws.cleaning_context();
            engine
                .keep(&context, &kept.copy, expires, &kept.archive)
                .await?;
            Ok(())
        };
        made.await.map_err(|error| self.trouble(&error))?;
        self.forget(&kept.copy.name);
        Ok(format!(
            "{} is kept until {}",
            kept.copy.name,
            expires.format("%Y-%m-%d")
        ))
    }
}

fn begun(ended: Ended, copies: &str, repointed: &[String]) -> Tried {
    let mut tried = Tried {
        repointed: repointed.to_vec(),
        rehearsed: Rehearsed {
            end: ended.end,
            check: None,
            astray: false,
            losses_refused: false,
        },
        lines: Vec::new(),
        setback: None,
        differences: Vec::new(),
        observed: None,
    };
    if !ended.end.is_success() {
        tried.setback = Some(words::command_failed(
            "COMMAND on the copy",
            ended.end,
            &ended.notes,
        ));
    }
    tried.lines = words::end_lines(ended.end, ended.notes, &[]);
    if let Some(first) = tried.lines.first_mut() {
        *first = format!("{first} on {copies}");
    }
    if !repointed.is_empty() {
        tried.lines.push(format!(
            "variables pointed at the copy: {}",
            repointed.join(", ")
        ));
    }
    tried
}

/// The exit code comes first of all that is told, and 0 is no reason to stop.
fn say_what_failed(tried: &mut Tried) {
    let found = &tried.rehearsed;
    let why = if !found.end.is_success() {
        return;
    } else if found.astray {
        "went astray"
    } else if found.losses_refused {
        "data lost"
    } else if found.check.is_some_and(|end| !end.is_success()) {
        "check failed"
    } else {
        return;
    };
    if let Some(first) = tried.lines.first_mut() {
        *first = format!("{why}; {first}");
    }
}

fn add_check(tried: &mut Tried, ended: Ended) {
    tried.rehearsed.check = Some(ended.end);
    tried.lines.push(match ended.end {
        CommandEnd::Exited(0) => "check: exit 0".to_owned(),
        end => format!("check: {}", words::end_words(end)),
    });
    if !ended.end.is_success() {
        tried.setback = Some(words::command_failed(
            "the check on the copy",
            ended.end,
            &ended.notes,
        ));
    }
    tried.lines.extend(ended.notes);
}

/// Whether a copy is not there any more, lets nobody in, or hides its rows.
fn is_gone(error: &OperationError) -> bool {
    matches!(
        error,
        OperationError::Engine(
            EngineError::Connection(
                ConnectionError::UnknownDatabase { .. } | ConnectionError::NotAllowed { .. }
            ) | EngineError::Unsupported { .. }
        ) | OperationError::Connection(ConnectionError::UnknownDatabase { .. })
    )
}

fn gone(copy: &str, why: &Setback) -> Setback {
    Setback {
        code: "copy-gone".to_owned(),
        message: format!("the copy {copy} cannot be read after COMMAND"),
        causes: std::iter::once(why.message.clone())
            .chain(why.causes.iter().cloned())
            .collect(),
        hint: Some(
            "COMMAND must leave its database in place, and readable for the role that connects; \
             FORCE ROW LEVEL SECURITY binds owners, too: connect as a role with BYPASSRLS"
                .to_owned(),
        ),
    }
}
