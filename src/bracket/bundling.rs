//! What goes into the bundle of a run: from its journal, and from what lies in the store.

use std::fs;
use std::path::{Path, PathBuf};

use super::event::{Done, Event};
use super::history::{Writer, report};
use super::journal::{Detail, History, JOURNAL, JournalDamage, Plan, Record, read};
use super::transition::next;
use super::undo::word;
use crate::operation::{
    self, BundleOutcome, BundleRequest, BundledArchive, OperationError, Workspace,
};
use crate::report::run::{RunReport, report_json, run_html, run_markdown};
use crate::store::Store;

/// Why a bundle could not be made.
#[derive(Debug, thiserror::Error)]
pub enum BundlingError {
    /// The run has no journal that can be read: without it nothing is known of the run.
    #[error("the journal of {run} could not be read")]
    NoJournal {
        /// The run.
        run: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The journal is damaged.
    #[error("the journal of {run} cannot be trusted")]
    Damaged {
        /// The run.
        run: String,
        /// What is wrong with it.
        #[source]
        source: JournalDamage,
    },
    /// The bundle itself.
    #[error(transparent)]
    Operation(#[from] OperationError),
}

/// What is asked for beside what the journal says.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Where the bundle goes; by default into the store.
    pub output: Option<PathBuf>,
    /// More files and folders of the migration.
    pub migration_files: Vec<PathBuf>,
}

/// Makes the bundle of a run, its own or another, whatever state it is in.
///
/// # Errors
/// The journal or a member cannot be read, or the file not be written; nothing is published
/// then.
pub async fn bundle_run(
    ws: &Workspace,
    run: &str,
    writer: Writer,
    wanted: Wanted,
) -> Result<BundleOutcome, BundlingError> {
    let folder = ws.store.dir().join("runs").join(run);
    let history = history(&folder, run)?;
    let request = request(&ws.store, run, &history, writer, wanted);
    Ok(operation::bundle(ws, request).await?)
}

fn history(folder: &Path, run: &str) -> Result<History, BundlingError> {
    let bytes = fs::read(folder.join(JOURNAL)).map_err(|source| BundlingError::NoJournal {
        run: run.to_owned(),
        source,
    })?;
    read(&bytes).map_err(|source| BundlingError::Damaged {
        run: run.to_owned(),
        source,
    })
}

/// What goes into the bundle.
#[must_use]
pub fn request(
    store: &Store,
    run: &str,
    history: &History,
    writer: Writer,
    wanted: Wanted,
) -> BundleRequest {
    let told = as_read(run, history, writer);
    let plan = history
        .records
        .first()
        .and_then(|r| r.detail.plan.as_deref());
    let mut migration_files = plan.map_or_else(Vec::new, |plan| {
        plan.migration_files.iter().map(PathBuf::from).collect()
    });
    migration_files.extend(wanted.migration_files);
    BundleRequest {
        run: run.to_owned(),
        state: told.state.clone(),
        began: told.began,
        archives: archives(store, &told),
        folder: store.dir().join("runs").join(run),
        command: plan.map_or_else(String::new, command),
        reports: reports(&told),
        migration_files,
        output: wanted.output,
    }
}

/// The run as it is to whoever reads the bundle. One that a run makes of itself can be read only
/// once it is whole, so the step that makes it has then ended.
fn as_read(run: &str, history: &History, writer: Writer) -> RunReport {
    let event = Event::Done(Done::Bundle);
    let Ok(state) = next(&history.state, &event) else {
        return report(run, &history.records, &history.state, writer);
    };
    let mut records = history.records.clone();
    if let Some(last) = history.records.last() {
        records.push(Record {
            n: last.n + 1,
            event,
            detail: Detail::lines(vec!["this file".to_owned()]),
            ..last.clone()
        });
    }
    report(run, &records, &state, writer)
}

fn reports(told: &RunReport) -> Vec<(String, Vec<u8>)> {
    let mut json = serde_json::to_vec_pretty(&report_json(told)).unwrap_or_default();
    json.push(b'\n');
    vec![
        ("report.json".to_owned(), json),
        ("report.html".to_owned(), run_html(told).into_bytes()),
        ("report.md".to_owned(), run_markdown(told).into_bytes()),
    ]
}

/// Those that there are, and for each target those that are not, with the reason.
fn archives(store: &Store, told: &RunReport) -> Vec<BundledArchive> {
    let mut all: Vec<BundledArchive> = told
        .archives
        .iter()
        .map(|archive| BundledArchive {
            what: what(&archive.step, archive.target.as_deref()),
            path: Some(place(store, &archive.id, &archive.path)),
            why: String::new(),
        })
        .collect();
    for target in &told.targets {
        for step in ["before", "after"] {
            let made = told.archives.iter().any(|archive| {
                archive.step == step
                    && archive
                        .target
                        .as_ref()
                        .is_none_or(|of| *of == target.target)
            });
            if !made {
                all.push(BundledArchive {
                    what: what(step, Some(&target.target)),
                    path: None,
                    why: format!(
                        "it was not made: the run is {}",
                        told.state.replace('_', " ")
                    ),
                });
            }
        }
    }
    all
}

fn what(step: &str, target: Option<&str>) -> String {
    match target {
        Some(target) => format!("the {step}-archive of {target}"),
        None => format!("the {step}-archive"),
    }
}

/// In the store, wherever that is now; else where it was when it was made.
fn place(store: &Store, id: &str, path: &str) -> PathBuf {
    let here = store.dir().join(format!("{id}.tar"));
    if here.is_file() {
        here
    } else {
        PathBuf::from(path)
    }
}

/// `COMMAND.txt`.
fn command(plan: &Plan) -> String {
    let words: Vec<String> = plan.command.iter().map(|one| word(one)).collect();
    let mut lines = vec![
        format!("run      {}", plan.run),
        format!("bookend  {}", plan.bookend),
        format!("host     {}", plan.host),
    ];
    for target in &plan.targets {
        lines.push(format!("target   {} {}", target.label, target.url));
    }
    lines.push(format!("command  {}", words.join(" ")));
    lines.extend(plan.check.iter().map(|check| format!("check    {check}")));
    if !plan.env.is_empty() {
        lines.push(format!("sets     {}", plan.env.join(", ")));
    }
    lines.join("\n") + "\n"
}
