//! The whole rollback of a run: every target proven beside before the first one is swapped.

use std::time::Instant;

use chrono::Utc;
use serde::{Deserialize, Serialize};

use super::diary::{Diary, Written};
use super::export::Exported;
use super::steps::let_go;
use super::{Options, Planned, Subject, plan, recover};
use crate::connection::Target;
use crate::engine::rollback::{Held, Standing};
use crate::operation::{OperationError, Proof, Workspace};

/// A step that came to its end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepTold {
    /// `proof`, `sessions`, `export`, `swap`, `publish`.
    pub step: String,
    /// Label of its target.
    pub target: String,
    /// `ok`, `skipped` or `failed`.
    pub state: String,
    /// How long it took.
    pub seconds: f64,
    /// For the screen.
    pub lines: Vec<String>,
    /// The archive that it made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archive: Option<String>,
}

/// Is told of every step as soon as it is over.
pub trait Watch: Send + Sync {
    /// A step is over.
    fn told(&self, step: &StepTold);

    /// What a proof showed, in a few words for the screen.
    fn proven(&self, proof: &Proof) -> String;

    /// What the export showed, in lines for the screen.
    fn exported(&self, exported: &Exported) -> Vec<String>;
}

/// How it ended.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ended {
    /// Under which names the failed originals are kept, target by target.
    pub kept_as: Vec<Option<String>>,
    /// With `--no-swap`: databases and URLs of the copies, target by target.
    pub published: Vec<(String, String)>,
    /// In words: what follows by name or stays with the failed one.
    pub followers: Vec<String>,
    /// True if a crash had left everything done already.
    pub nothing_to_do: bool,
}

pub(super) struct Drive<'a> {
    pub ws: &'a Workspace,
    pub options: Options,
    pub diary: &'a Diary,
    pub watch: &'a dyn Watch,
}

/// One target under way.
pub(super) struct Turn {
    pub index: usize,
    pub planned: Planned,
    pub proof: Option<Proof>,
    pub held: Option<Box<dyn Held>>,
    /// In words: sessions that were ended just before the swap.
    pub late: Vec<String>,
}

/// Rolls a run's targets back. What a crash left is finished or undone first.
///
/// # Errors
/// Whatever stood in the way. Unless it is [`OperationError::HalfWay`], every original is in its
/// place; unless it is [`OperationError::StillHeld`], everybody may connect.
pub async fn drive(
    ws: &Workspace,
    subjects: Vec<Subject>,
    options: Options,
    (diary, watch): (&Diary, &dyn Watch),
) -> Result<Ended, OperationError> {
    let drive = Drive {
        ws,
        options,
        diary,
        watch,
    };
    drive.write(Written::Begun {
        at: Utc::now(),
        options,
        targets: labels(&subjects),
        pid: std::process::id(),
    })?;
    let targets: Vec<Target> = subjects.iter().map(|one| one.target.clone()).collect();
    let mut kept_as = recovered(ws, &targets, diary).await?;
    let nothing_to_do = !options.no_swap && kept_as.iter().all(Option::is_some);
    let mut ended = Ended {
        nothing_to_do,
        ..Ended::default()
    };
    let result = if nothing_to_do {
        Ok(())
    } else {
        drive.all(subjects, &mut kept_as, &mut ended).await
    };
    let rolled_back = kept_as.iter().all(Option::is_some);
    ended.kept_as.clone_from(&kept_as);
    if matches!(result, Err(OperationError::StillHeld { .. })) {
        return result.map(|()| ended);
    }
    drive.write(Written::Ended {
        at: Utc::now(),
        rolled_back,
        kept_as,
        nothing_to_do,
        published: ended.published.clone(),
        followers: ended.followers.clone(),
    })?;
    result.map(|()| ended)
}

/// Undoes what a rollback left that did not come to its end. Where a database has changed places
/// already it stays so: that is what is given back for it, and only [`drive`] leads out.
///
/// # Errors
/// A server cannot be reached, or refuses.
pub async fn undo(
    ws: &Workspace,
    targets: &[Target],
    diary: &Diary,
) -> Result<Vec<Option<String>>, OperationError> {
    let kept_as = recovered(ws, targets, diary).await?;
    if diary.so_far().open && kept_as.iter().all(Option::is_none) {
        let ended = Written::Ended {
            at: Utc::now(),
            rolled_back: false,
            kept_as: kept_as.clone(),
            nothing_to_do: false,
            published: Vec::new(),
            followers: Vec::new(),
        };
        diary.write(ended).map_err(OperationError::Diary)?;
    }
    Ok(kept_as)
}

/// What each target's failed original is kept as, where it is rolled back already.
async fn recovered(
    ws: &Workspace,
    targets: &[Target],
    diary: &Diary,
) -> Result<Vec<Option<String>>, OperationError> {
    let past = diary.so_far();
    let mut kept = Vec::new();
    for (index, target) in targets.iter().enumerate() {
        let (acts, intentions) = (past.acts(index), diary.of(index));
        kept.push(match recover(ws, target, &acts, &intentions).await? {
            Standing::Original => None,
            Standing::RolledBack { kept_as } => Some(kept_as),
        });
    }
    Ok(kept)
}

fn labels(subjects: &[Subject]) -> Vec<String> {
    let labels = subjects.iter().map(|subject| subject.target.label());
    labels.map(str::to_owned).collect()
}

impl Drive<'_> {
    pub(super) fn write(&self, written: Written) -> Result<(), OperationError> {
        self.diary.write(written).map_err(OperationError::Diary)
    }

    async fn all(
        &self,
        subjects: Vec<Subject>,
        kept_as: &mut [Option<String>],
        ended: &mut Ended,
    ) -> Result<(), OperationError> {
        let stamp = Utc::now().format("%Y%m%dt%H%M%Sz").to_string();
        let mut turns = Vec::new();
        for (index, subject) in subjects.into_iter().enumerate() {
            if kept_as.get(index).is_some_and(Option::is_some) {
                continue;
            }
            let planned = plan(self.ws, subject, self.options, &stamp).await?;
            turns.push(Turn {
                index,
                planned,
                proof: None,
                held: None,
                late: Vec::new(),
            });
        }
        let prepared = self.prepare(&mut turns).await;
        let done = match prepared {
            Ok(()) if self.options.no_swap => self.publish(&mut turns, ended).await,
            Ok(()) => self.swap_all(&mut turns, kept_as, ended).await,
            Err(error) => Err(error),
        };
        match done {
            Ok(()) => Ok(()),
            Err(error) => Err(self.undo(turns, error).await),
        }
    }

    /// Everything that can be refused, for all targets, before the first is swapped.
    async fn prepare(&self, turns: &mut [Turn]) -> Result<(), OperationError> {
        for turn in turns.iter_mut() {
            self.prove(turn).await?;
        }
        if self.options.no_swap {
            return Ok(());
        }
        for turn in turns.iter_mut() {
            self.halt(turn).await?;
        }
        for turn in turns.iter_mut() {
            self.export(turn).await?;
        }
        for turn in turns.iter_mut() {
            self.seal(turn).await?;
        }
        if self.ws.cancel.is_cancelled() {
            return Err(OperationError::Cancelled);
        }
        Ok(())
    }

    async fn swap_all(
        &self,
        turns: &mut [Turn],
        kept_as: &mut [Option<String>],
        ended: &mut Ended,
    ) -> Result<(), OperationError> {
        let mut done: Vec<String> = Vec::new();
        for turn in turns.iter_mut() {
            match self.swap(turn).await {
                Ok(kept) => {
                    ended
                        .followers
                        .extend(turn.planned.examination.followers.iter().cloned());
                    if let Some(slot) = kept_as.get_mut(turn.index) {
                        *slot = Some(kept);
                    }
                    done.push(turn.planned.subject.target.label().to_owned());
                }
                Err(error) if done.is_empty() => return Err(error),
                Err(error) => {
                    return Err(OperationError::HalfWay {
                        done,
                        source: Box::new(error),
                    });
                }
            }
        }
        Ok(())
    }

    async fn publish(&self, turns: &mut [Turn], ended: &mut Ended) -> Result<(), OperationError> {
        for turn in turns.iter_mut() {
            let begun = Instant::now();
            let Some(proof) = turn.proof.take() else {
                continue;
            };
            let published = turn.planned.publish(self.ws, proof).await;
            let copy = match published {
                Ok(copy) => copy,
                Err(error) => return self.failed("publish", turn, begun, error),
            };
            let line = format!("{} · {}", copy.database(), copy.display_url());
            self.tell("publish", turn, begun, Ok(vec![line]))?;
            ended
                .published
                .push((copy.database().to_owned(), copy.display_url()));
        }
        Ok(())
    }

    /// Lets everybody in again and drops the copies; the first failure is what is told.
    async fn undo(&self, turns: Vec<Turn>, error: OperationError) -> OperationError {
        let mut told = error;
        for mut turn in turns {
            if let Some(held) = &mut turn.held {
                let intentions = self.diary.of(turn.index);
                told = let_go(self.ws, &turn.planned, held.as_mut(), &intentions, told).await;
            }
            if let Some(proof) = turn.proof.take()
                && let Err(left) = turn.planned.discard(self.ws, proof).await
            {
                self.ws.progress.note(&left.to_string());
            }
        }
        told
    }
}
