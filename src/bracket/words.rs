//! What a run says about itself: pure, from facts to lines and setbacks.

use super::event::CommandEnd;
use super::journal::{ArchiveFacts, ProofFacts, Setback};
use super::step::Step;
use crate::operation::Sidecar;
use crate::report::consistency;
use crate::report::figures::{counted, numbered, size};
use crate::report::sidecar;
use crate::snapshot::{Nouns, ObjectKind, Snapshot};
use crate::store::SandboxFacts;

/// The lines of a backup step.
#[must_use]
pub fn archive_lines(archive: &ArchiveFacts, nouns: Nouns, notes: Vec<String>) -> Vec<String> {
    // What was written, or why that is not known, the engine's notes say.
    let mut lines = vec![format!(
        "{} · {} · {} · {}",
        archive.path,
        size(archive.bytes_stored),
        numbered(archive.rows, nouns.row),
        consistency::word(archive.consistent),
    )];
    lines.extend(notes);
    lines
}

/// The line of a path that travels with an archive.
#[must_use]
pub fn sidecar_line(one: &Sidecar) -> String {
    let line = sidecar::line(&one.path, one.files, one.bytes, one.changed);
    format!("files {line}")
}

/// The lines of a step that ran a command.
#[must_use]
pub fn end_lines(end: CommandEnd, notes: Vec<String>, repointed: &[String]) -> Vec<String> {
    let mut lines = vec![end_words(end)];
    lines.extend(notes);
    if !repointed.is_empty() {
        lines.push(format!(
            "variables pointed at the target: {}",
            repointed.join(", ")
        ));
    }
    lines
}

/// How a command ended, in words.
#[must_use]
pub fn end_words(end: CommandEnd) -> String {
    match end {
        CommandEnd::NotStarted => "could not be started; nothing has run".to_owned(),
        CommandEnd::Exited(code) => format!("exit {code}"),
        CommandEnd::Signalled(signal) => format!("ended by {}", signal_name(signal)),
        CommandEnd::TimedOut => "timed out and was ended".to_owned(),
        CommandEnd::Interrupted(signal) => {
            format!("was passed {} and ended", signal_name(signal))
        }
        CommandEnd::Unseen => "its end was not seen".to_owned(),
    }
}

/// `SIGTERM`, or `signal 64`.
#[must_use]
pub fn signal_name(signal: i32) -> String {
    nix::sys::signal::Signal::try_from(signal).map_or_else(
        |_| format!("signal {signal}"),
        |known| known.as_str().to_owned(),
    )
}

/// Somebody asked the run to stop between two steps.
#[must_use]
pub fn interrupted(signal: i32) -> Setback {
    Setback {
        code: "interrupted".to_owned(),
        message: format!("interrupted by {}", signal_name(signal)),
        ..Setback::default()
    }
}

/// A step that this bookend does not do was asked for.
#[must_use]
pub fn defect(step: Step) -> Setback {
    Setback {
        code: "defect".to_owned(),
        message: format!("{step} cannot be done: this is a defect of bookend"),
        ..Setback::default()
    }
}

/// The before-backup is not one point in time.
#[must_use]
pub fn not_consistent(archive: &ArchiveFacts) -> Setback {
    let message = match archive.consistent {
        Some(_) => format!(
            "{} is not one point in time: others wrote while it was taken",
            archive.id
        ),
        None => format!(
            "whether others wrote while {} was taken could not be known",
            archive.id
        ),
    };
    Setback {
        code: "not-consistent".to_owned(),
        message,
        causes: Vec::new(),
        hint: Some(
            "stop what writes to the target, read one point in time (replica sets of MongoDB): \
             --consistent, or give a reason to go on: --accept-writes REASON"
                .to_owned(),
        ),
    }
}

/// A person was asked and said no.
#[must_use]
pub fn told_to_stop() -> Setback {
    Setback {
        code: "told-to-stop".to_owned(),
        message: "a person was asked after the rehearsal, and said no".to_owned(),
        ..Setback::default()
    }
}

/// Others write on after a fresh backup.
#[must_use]
pub fn still_written(lines: &[String]) -> Setback {
    Setback {
        code: "not-quiet".to_owned(),
        message: "others write to the target: a rollback would lose what they wrote".to_owned(),
        causes: lines.to_vec(),
        hint: Some(
            "stop what writes: --quiesce CMD --unquiesce CMD; or give a reason to go on: \
             --accept-writes REASON"
                .to_owned(),
        ),
    }
}

/// The migration lost what its rehearsal did not.
#[must_use]
pub fn lost_more() -> Setback {
    Setback {
        code: "lost-more".to_owned(),
        message: "the migration lost what its rehearsal did not".to_owned(),
        ..Setback::default()
    }
}

/// The copy differs from the archive.
#[must_use]
pub fn different(archive: &ArchiveFacts, facts: &ProofFacts) -> Setback {
    let found = facts.differences.len() as u64;
    Setback {
        code: "different".to_owned(),
        message: format!(
            "{} restored, and the copy is not the same: {}; COMMAND was not started",
            archive.id,
            counted(found, "difference", "differences")
        ),
        causes: facts
            .differences
            .iter()
            .take(10)
            .map(difference_line)
            .collect(),
        hint: Some(format!("look again: bookend verify --prove {}", archive.id)),
    }
}

fn difference_line(difference: &serde_json::Value) -> String {
    let word = |key: &str| difference.get(key).and_then(|v| v.as_str()).unwrap_or("?");
    format!(
        "{}: {}: expected {}, found {}",
        word("object"),
        word("kind"),
        word("expected"),
        word("found")
    )
}

/// COMMAND or `--check` did not end with 0.
#[must_use]
pub fn command_failed(who: &str, end: CommandEnd, notes: &[String]) -> Setback {
    let (code, message) = match end {
        CommandEnd::NotStarted => ("command-not-started", format!("{who} could not be started")),
        CommandEnd::Exited(code) => (
            "command-failed",
            format!("{who} ended with exit code {code}"),
        ),
        CommandEnd::Signalled(signal) => (
            "command-killed",
            format!("{who} was ended by {}", signal_name(signal)),
        ),
        CommandEnd::TimedOut => (
            "command-timed-out",
            format!("{who} did not end within --timeout and was ended"),
        ),
        CommandEnd::Interrupted(signal) => (
            "interrupted",
            format!("{who} was interrupted by {}", signal_name(signal)),
        ),
        CommandEnd::Unseen => ("command-unseen", format!("the end of {who} was not seen")),
    };
    Setback {
        code: code.to_owned(),
        message,
        causes: notes.to_vec(),
        hint: None,
    }
}

/// The line of an identical proof.
#[must_use]
pub fn identical(nouns: Nouns, snapshot: &Snapshot) -> String {
    let of = |wanted: &[ObjectKind]| {
        let objects = snapshot.objects.iter();
        objects
            .filter(|object| wanted.contains(&object.kind))
            .count() as u64
    };
    let holding = of(&[
        ObjectKind::Table,
        ObjectKind::PartitionedTable,
        ObjectKind::Collection,
        ObjectKind::TimeSeries,
    ]);
    let contents = snapshot
        .objects
        .iter()
        .filter_map(|one| one.content.as_ref());
    let rows = contents.map(|content| content.rows).sum();
    let mut parts = vec![numbered(holding, nouns.object), numbered(rows, nouns.row)];
    let sequences = of(&[ObjectKind::Sequence]);
    if sequences > 0 {
        parts.push(counted(sequences, "sequence", "sequences"));
    }
    let large_objects = snapshot.large_objects.count;
    if large_objects > 0 {
        parts.push(counted(large_objects, "large object", "large objects"));
    }
    format!("identical: {}", parts.join(", "))
}

/// The line of a proof, and where its copy was if that was no server of anybody's.
#[must_use]
pub fn with_sandbox(line: String, sandbox: Option<&SandboxFacts>) -> Vec<String> {
    let mut lines = vec![line];
    if let Some(sandbox) = sandbox {
        lines.push(format!(
            "in a sandbox of {}; the original is {}",
            sandbox.server, sandbox.original_version
        ));
        lines.extend(sandbox.notes.iter().cloned());
    }
    lines
}
