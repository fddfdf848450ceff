//! What ran, what is running, and what crashes left behind: from what lies in the store. Pure.

use super::history::{Writer, report};
use super::journal::read;
use super::undo::word;
use crate::engine::{CopyKind, MadeDatabase};
use crate::report::run::{LeftBehind, StatusReport, UnreadableRun};

/// A run's folder as it was found.
#[derive(Clone, Debug)]
pub struct FoundRun {
    /// The run's id.
    pub run: String,
    /// The journal's bytes; `None` if there is no such file.
    pub journal: Option<Vec<u8>>,
    /// Where the journal lies.
    pub path: String,
    /// Where its report lies, if there is one.
    pub report: Option<String>,
    /// Whether its process is there.
    pub writer: Writer,
}

/// A file that was never finished.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Partial {
    /// Where it lies.
    pub path: String,
    /// Its bytes.
    pub bytes: u64,
    /// Whether it lies outside of the store.
    pub outside: bool,
}

/// Puts it together.
#[must_use]
pub fn survey(
    found: &[FoundRun],
    unsettled: &[MadeDatabase],
    partials: &[Partial],
) -> StatusReport {
    let mut status = StatusReport::default();
    for one in found {
        match read(one.journal.as_deref().unwrap_or_default()) {
            Ok(history) => {
                let mut told = report(&one.run, &history.records, &history.state, one.writer);
                told.journal = Some(one.path.clone());
                told.report.clone_from(&one.report);
                if history.torn {
                    told.advice.push(
                        "the journal's last record is not whole and is read as never written"
                            .to_owned(),
                    );
                }
                status.runs.push(told);
            }
            Err(damage) => status.unreadable.push(UnreadableRun {
                run: one.run.clone(),
                problem: chain(&damage),
            }),
        }
    }
    status.runs.sort_by(|a, b| b.run.cmp(&a.run));
    status.left_behind.extend(
        unsettled
            .iter()
            .filter(|made| !alive(found, &made.run))
            .map(database),
    );
    status.left_behind.extend(partials.iter().map(file));
    status
}

fn alive(found: &[FoundRun], run: &str) -> bool {
    found
        .iter()
        .any(|one| one.run == run && one.writer == Writer::Alive)
}

fn database(made: &MadeDatabase) -> LeftBehind {
    let what = match made.kind {
        CopyKind::Disposable => "a copy that a command made and did not drop",
        CopyKind::Staging => "a staging database",
        CopyKind::Provenance => "a restored database",
        CopyKind::Kept => "a kept original",
    };
    LeftBehind {
        kind: "database".to_owned(),
        name: made.name.clone(),
        run: Some(made.run.clone()),
        advice: format!(
            "{what}, if it was created at all: bookend copies drop {} --on {}",
            word(&made.name),
            word(&made.server)
        ),
    }
}

fn file(partial: &Partial) -> LeftBehind {
    let size = crate::report::figures::size(partial.bytes);
    let remove = format!("rm {}", word(&partial.path));
    let name = partial.path.rsplit('/').next().unwrap_or_default();
    let name = name.trim_start_matches('.');
    let bundled = name.split_once(".bundle").map(|(run, _)| run);
    let (run, advice) = match bundled {
        _ if partial.outside => (
            None,
            format!(
                "{size} that a restore or a bundle was to put there; nothing is lost: rm -r {}",
                word(&partial.path)
            ),
        ),
        Some(run) => (
            Some(run.to_owned()),
            format!(
                "{size} of a bundle that was never finished; nothing is lost: {remove}; bookend bundle {} makes it anew",
                word(run)
            ),
        ),
        None if name.contains(".tar.partial") => (
            None,
            format!("{size} of a backup that was never finished; not an archive: {remove}"),
        ),
        None => (
            None,
            format!("{size} of a file that was never finished: {remove}"),
        ),
    };
    LeftBehind {
        kind: "file".to_owned(),
        name: partial.path.clone(),
        run,
        advice,
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
