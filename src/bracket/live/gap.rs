//! Whether others wrote between the before-backup and now: everything is looked at again.

use std::path::Path;
use std::sync::Arc;

use serde_json::Value;

use super::super::event::Seen;
use super::super::hands::{Looked, Side, Trouble};
use super::super::journal::{ArchiveFacts, QuietFacts};
use super::super::loss;
use super::Live;
use crate::operation::{self, Quiet, SecondLook, open};
use crate::report::figures::{counted, numbered};
use crate::report::run::{LOST, RunWritten, change_lines};
use crate::snapshot::diff::{Difference, Values};
use crate::snapshot::{Noun, Nouns, Snapshot, Source as _, Untouched};

/// So many changes are told.
const TOLD: usize = 10;

/// So many objects are recorded.
const RECORDED: usize = 1000;

impl Live {
    pub(super) async fn look_for_writes(
        &self,
        befores: &[ArchiveFacts],
        rehearsed: &[Option<&Value>],
    ) -> Result<Looked, Trouble> {
        let mut looked = Looked {
            seen: Seen::Quiet,
            lines: Vec::new(),
            quiet: Vec::new(),
            setback: None,
        };
        for (target, archive) in befores.iter().enumerate() {
            let rehearsed = rehearsed.get(target).copied().flatten();
            let (seen, lines, facts) = self.look_at(target, archive, rehearsed).await?;
            looked.quiet.push(facts);
            let told: Vec<String> = lines.iter().map(|line| self.about(target, line)).collect();
            match (seen, looked.seen) {
                (Seen::Quiet, _) | (Seen::Written, Seen::Repeated) => {}
                (Seen::Written, Seen::Quiet | Seen::Written) => looked.seen = Seen::Written,
                (Seen::Repeated, _) => {
                    looked.seen = Seen::Repeated;
                    looked.setback = Some(loss::repeated(told.clone()));
                }
            }
            looked.lines.extend(told);
        }
        Ok(looked)
    }

    async fn look_at(
        &self,
        target: usize,
        archive: &ArchiveFacts,
        rehearsed: Option<&Value>,
    ) -> Result<(Seen, Vec<String>, QuietFacts), Trouble> {
        let subject = self.subject(target)?;
        let before = self.snapshot_of(target, archive).await?;
        let look = operation::quiet(&self.ws, &subject.target, &before)
            .await
            .map_err(|error| self.trouble(&error))?;
        let nouns = self.ws.engines.nouns(&before.engine);
        let facts = facts(target, &look);
        let repeated = repeated(&look, rehearsed);
        let (mut seen, lines) = told(look, subject.target.database(), nouns);
        if repeated {
            seen = Seen::Repeated;
        }
        Ok((seen, lines, facts))
    }

    /// The snapshot of a before-archive: from memory, else from its manifest.
    pub(super) async fn snapshot_of(
        &self,
        target: usize,
        archive: &ArchiveFacts,
    ) -> Result<Arc<Snapshot>, Trouble> {
        if let Some(snapshot) = self.snapshot(target, Side::Before) {
            return Ok(snapshot);
        }
        let opened = open(Path::new(&archive.path)).await;
        let opened = opened.map_err(|error| self.trouble(&error))?;
        let snapshot = Arc::new(opened.snapshot().clone());
        self.remember(target, Side::Before, &snapshot);
        Ok(snapshot)
    }
}

/// Whether the target was migrated while the copy was.
fn repeated(look: &SecondLook, rehearsed: Option<&Value>) -> bool {
    let rehearsed = rehearsed.and_then(|value| serde_json::from_value(value.clone()).ok());
    match (&look.quiet, rehearsed) {
        (Quiet::Written { difference, .. }, Some(rehearsed)) => {
            loss::repeats(&rehearsed, difference)
        }
        (Quiet::Quiet | Quiet::Written { .. }, _) => false,
    }
}

/// As data, for the report.
fn facts(target: usize, look: &SecondLook) -> QuietFacts {
    let mut facts = QuietFacts {
        target,
        how: "everything was read again and hashed".to_owned(),
        objects_read: look.objects,
        ..QuietFacts::default()
    };
    if let Some(untouched) = &look.untouched {
        let hashed = look.objects.saturating_sub(untouched.objects);
        facts.how = format!(
            "{} of {}: {}",
            untouched.objects, look.objects, untouched.how
        );
        if hashed > 0 {
            facts.how.push_str("; the others read again and hashed");
        }
        if !untouched.gone_through {
            facts.objects_read = hashed;
        }
    }
    match &look.quiet {
        Quiet::Quiet => "quiet".clone_into(&mut facts.verdict),
        Quiet::Written {
            difference,
            writers,
        } => {
            let seen = !difference.same || !writers.is_empty();
            if seen { "written" } else { "unknown" }.clone_into(&mut facts.verdict);
            facts.written = written(difference);
            facts.why = match writers.len() {
                0 if seen => None,
                0 => Some(
                    "others wrote while it was read again, or that could not be known".to_owned(),
                ),
                open => Some(format!(
                    "{open} of the sessions seen had a transaction open: what it wrote is not known"
                )),
            };
        }
    }
    facts
}

/// How, in words: what was read, and what did not have to be.
fn looked_at(objects: u64, untouched: Option<&Untouched>, noun: Noun) -> String {
    let read = |objects| format!("{} read again", numbered(objects, noun));
    let Some(untouched) = untouched else {
        return read(objects);
    };
    let spared = format!("{} {}", numbered(untouched.objects, noun), untouched.how);
    match objects.saturating_sub(untouched.objects) {
        0 => spared,
        some => format!("{}; {spared}", read(some)),
    }
}

/// What weighs most: what was lost, then what else changed, and how much is not told.
fn first_lines(difference: &Difference) -> Vec<String> {
    let mut lines = change_lines(difference);
    lines.sort_by_key(|line| !line.starts_with(LOST));
    let more = lines.len().saturating_sub(TOLD);
    lines.truncate(TOLD);
    if more > 0 {
        lines.push(format!("and {}", counted(more as u64, "more", "more")));
    }
    lines
}

/// Rows that came and went may outweigh each other: a difference is the least.
fn written(difference: &Difference) -> Vec<RunWritten> {
    let objects = difference.objects.iter().take(RECORDED);
    objects
        .map(|one| {
            let rows = one.rows_before.zip(one.rows_after);
            let rows = rows.map(|(a, b)| a.abs_diff(b)).filter(|rows| *rows > 0);
            let other =
                |values| matches!(values, Values::Other | Values::OtherRows | Values::OneValue);
            let rewritten =
                || !one.notes.is_empty() || one.columns.iter().any(|column| other(column.values));
            RunWritten {
                object: one.object.clone(),
                rows_at_least: rows.or_else(|| rewritten().then_some(1)),
            }
        })
        .collect()
}

/// In words.
fn told(look: SecondLook, database: &str, nouns: Nouns) -> (Seen, Vec<String>) {
    match look.quiet {
        Quiet::Quiet => {
            let looked = looked_at(look.objects, look.untouched.as_ref(), nouns.object);
            let line = format!("quiet: no write to {database} was seen ({looked})");
            (Seen::Quiet, vec![line])
        }
        Quiet::Written {
            difference,
            writers,
        } => {
            let mut lines = Vec::new();
            if !difference.same {
                lines.push(format!("{database} was written to since the before-backup"));
                lines.extend(first_lines(&difference));
            } else if writers.is_empty() {
                lines.push(format!(
                    "others wrote to {database} while it was read again, or that could not be known"
                ));
            }
            lines.extend(writers.iter().take(TOLD).map(|session| {
                let who = session.in_words();
                if session.unplaced {
                    format!("a transaction of {who} is open: whether it has written, and to which database, cannot be known")
                } else {
                    format!("a transaction of {who} has written and is not over")
                }
            }));
            (Seen::Written, lines)
        }
    }
}
