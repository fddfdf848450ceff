//! Putting the before-archives back in the targets' places. What is done to the servers stands in
//! the run's `rollback.jsonl`, act by act; the run's own journal says that it was begun and how it
//! ended.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::Utc;

use super::super::event::{PutBack, Stop};
use super::super::hands::{RolledBack, Trouble};
use super::super::journal::{ArchiveFacts, Setback};
use super::{Live, plain};
use crate::operation::rollback::{
    DIARY, Diary, Ended, Exported, Options, StepTold, Subject, Watch, drive, plan, read,
};
use crate::operation::{OperationError, Proof, Workspace};
use crate::report::figures::{numbered, size};
use crate::report::run::change_lines;

impl Live {
    pub(super) async fn put_all_back(
        &self,
        befores: &[ArchiveFacts],
        afters: &[ArchiveFacts],
    ) -> Result<RolledBack, Trouble> {
        let subjects = self.to_be_put_back(befores, afters)?;
        let diary = self.diary()?;
        let told = Told {
            ws: &self.ws,
            lines: Mutex::default(),
            several: subjects.len() > 1,
            at_once: Arc::clone(&self.surroundings.rollback_step),
        };
        let asked = self.wishes.rollback.or(diary.so_far().options);
        let options = asked.unwrap_or_default();
        let ended = drive(&self.ws, subjects, options, (&diary, &told)).await;
        match ended {
            Ok(ended) => Ok(rolled_back(ended, told.into_lines())),
            Err(error) => {
                let half_way =
                    matches!(error, OperationError::HalfWay { .. }) || diary.so_far().open;
                Err(self.put_back_failed(&error, half_way))
            }
        }
    }

    /// Whether a target could be rolled back, should its migration fail: nobody is to find out
    /// afterwards that it cannot.
    pub(super) async fn can_be_put_back(
        &self,
        target: usize,
        archive: &ArchiveFacts,
    ) -> Result<(), Trouble> {
        let subject = Subject {
            target: self.subject(target)?.target.clone(),
            before: PathBuf::from(&archive.path),
            after: None,
        };
        let stamp = Utc::now().format("%Y%m%dt%H%M%Sz").to_string();
        let planned = plan(&self.ws, subject, Options::default(), &stamp).await;
        planned.map(drop).map_err(|error| {
            let mut trouble = self.trouble(&error);
            trouble.setback.message = format!(
                "--on-failure rollback would not be possible: {}",
                trouble.setback.message
            );
            trouble.setback.hint = Some("--on-failure keep".to_owned());
            trouble
        })
    }

    fn to_be_put_back(
        &self,
        befores: &[ArchiveFacts],
        afters: &[ArchiveFacts],
    ) -> Result<Vec<Subject>, Trouble> {
        let mut subjects = Vec::new();
        for (index, subject) in self.subjects.iter().enumerate() {
            let Some(before) = befores.get(index) else {
                let message = format!("{} has no archive from before", subject.target.label());
                return Err(plain(Stop::Refused, &message));
            };
            let after = afters.get(index).map(|after| PathBuf::from(&after.path));
            subjects.push(Subject {
                target: subject.target.clone(),
                before: PathBuf::from(&before.path),
                after: after.filter(|path| path.is_file()),
            });
        }
        Ok(subjects)
    }

    fn diary(&self) -> Result<Diary, Trouble> {
        let folder = self.ws.store.run(&self.ws.run);
        let folder = folder.map_err(|error| self.trouble(&error.into()))?;
        let folder = folder.ok_or_else(|| plain(Stop::Failed, "the run's folder is gone"))?;
        let lines = folder.lines(DIARY);
        let lines = lines.map_err(|error| self.trouble(&error.into()))?;
        let past = read(&lines).map_err(|error| Trouble {
            // What an earlier try did to the servers is not known.
            stop: Stop::HalfWay,
            setback: Setback {
                code: "rollback-record".to_owned(),
                message: error.to_string(),
                causes: vec![error.source.to_string()],
                hint: Some(format!("look at {}", folder.path().join(DIARY).display())),
            },
        })?;
        let log = folder.journal(DIARY);
        let log = log.map_err(|error| self.trouble(&error.into()))?;
        Ok(Diary::new(log, past))
    }

    fn put_back_failed(&self, error: &OperationError, half_way: bool) -> Trouble {
        let mut trouble = self.trouble(error);
        if half_way {
            trouble.stop = Stop::HalfWay;
        }
        trouble.setback.message = format!("not rolled back: {}", trouble.setback.message);
        trouble
    }
}

fn rolled_back(ended: Ended, mut lines: Vec<String>) -> RolledBack {
    let came_to = if ended.published.is_empty() {
        PutBack::Swapped
    } else {
        PutBack::Beside
    };
    if ended.nothing_to_do {
        lines.push("it was done already".to_owned());
    }
    RolledBack {
        came_to,
        lines,
        kept_as: ended.kept_as,
    }
}

/// Tells each step at once, and keeps its lines for the run's journal.
struct Told<'a> {
    ws: &'a Workspace,
    lines: Mutex<Vec<String>>,
    several: bool,
    at_once: Arc<dyn Fn(&StepTold) + Send + Sync>,
}

impl Told<'_> {
    fn into_lines(self) -> Vec<String> {
        let lines = self.lines.into_inner();
        lines.unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watch for Told<'_> {
    fn told(&self, step: &StepTold) {
        (self.at_once)(step);
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let of = if self.several {
            format!("{}: ", step.target)
        } else {
            String::new()
        };
        let state = match step.state.as_str() {
            "ok" => String::new(),
            state => format!("{state}: "),
        };
        for (place, line) in step.lines.iter().enumerate() {
            lines.push(match place {
                0 => format!("{of}{}: {state}{line}", step.step),
                _ => format!("  {line}"),
            });
        }
    }

    fn proven(&self, proof: &Proof) -> String {
        let nouns = self.ws.engines.nouns(proof.copy.target.engine().name());
        let objects = &proof.receipt.objects;
        let rows = objects.iter().map(|one| one.rows).sum();
        format!(
            "identical, {} in {}",
            numbered(rows, nouns.row),
            numbered(objects.len() as u64, nouns.object)
        )
    }

    fn exported(&self, exported: &Exported) -> Vec<String> {
        let known = &exported.compared_with;
        let Some(archive) = &exported.archive else {
            return vec![if exported.after {
                format!("nothing was written since {known}, which has all of it")
            } else {
                format!("the database is as in {known}")
            }];
        };
        let nouns = self.ws.engines.nouns(&archive.snapshot.engine);
        let mut lines = vec![format!(
            "{} · {} · {}",
            archive.path.display(),
            size(archive.bytes_stored),
            numbered(archive.rows, nouns.row)
        )];
        lines.push(if exported.after {
            format!("written since {known}, and not in what is put back:")
        } else {
            format!(
                "different from {known} (what the migration did and what others wrote cannot be told apart: there is no backup from after it):"
            )
        });
        let changes = change_lines(&exported.difference);
        let told = changes.into_iter().filter(|line| line != "no data lost");
        lines.extend(told);
        lines
    }
}
