//! Backups, and the proof that they restore.

use std::path::Path;
use std::sync::Arc;

use serde_json::json;

use super::super::event::{Proven, Stop};
use super::super::hands::{BackedUp, Proved, Side, Trouble};
use super::super::journal::{ArchiveFacts, ProofFacts};
use super::super::words;
use super::Live;
use super::copies::Kept;
use super::templates::copy_facts;
use crate::engine::EngineError;
use crate::operation::{self, BackupOutcome, BackupRequest, OperationError, Proof, Verdict};
use crate::snapshot::{Nouns, SeamError, Snapshot};

impl Live {
    pub(super) async fn back_up(&self, target: usize, side: Side) -> Result<BackedUp, Trouble> {
        let subject = self.subject(target)?;
        if let Some(given) = &subject.given {
            return Ok(BackedUp {
                archive: given.clone(),
                nouns: self.ws.engines.nouns(subject.target.engine().name()),
                notes: vec!["it was there already".to_owned()],
            });
        }
        let request = BackupRequest {
            suffix: Some(match side {
                Side::Before => "before",
                Side::After => "after",
            }),
            consistent: subject.consistent,
            files: subject.files.clone(),
            since: match side {
                Side::Before => None,
                Side::After => self.snapshot(target, Side::Before),
            },
            ..BackupRequest::default()
        };
        let made = operation::backup(&self.ws, &subject.target, &request)
            .await
            .map_err(|error| self.trouble(&error))?;
        self.remember(target, side, &made.snapshot);
        let mut notes: Vec<String> = made.files.iter().map(words::sidecar_line).collect();
        notes.extend(made.notes.clone());
        notes.extend(self.distance(target, side));
        Ok(BackedUp {
            archive: archive_facts(&made),
            nouns: self.ws.engines.nouns(&made.snapshot.engine),
            notes,
        })
    }

    /// How far in time a target's archive is from the first one's.
    fn distance(&self, target: usize, side: Side) -> Option<String> {
        if target == 0 {
            return None;
        }
        let (first, own) = (self.snapshot(0, side)?, self.snapshot(target, side)?);
        let apart = (own.taken_at - first.taken_at).num_milliseconds().max(0);
        let label = self.label(0)?;
        Some(format!(
            "{}.{} s after {label}'s",
            apart / 1000,
            apart % 1000 / 100
        ))
    }

    pub(super) async fn restore_and_compare(
        &self,
        target: usize,
        archive: &ArchiveFacts,
        keep: bool,
    ) -> Result<Proved, Trouble> {
        if self.wishes.rolls_back {
            self.can_be_put_back(target, archive).await?;
        }
        let mut told = Vec::new();
        if keep {
            let (cloned, passed_by) = self.start_from_template(target, archive).await?;
            if let Some(cloned) = cloned {
                return Ok(cloned);
            }
            told = passed_by;
        }
        let subject = self.subject(target)?;
        let mut proof = operation::prove(&self.ws, Path::new(&archive.path), &subject.place)
            .await
            .map_err(|error| self.unproven(&error))?;
        let snapshot = self.snapshot_of(target, archive).await.ok();
        let nouns = self.ws.engines.nouns(subject.target.engine().name());
        let mut proved = proved(&proof, nouns, snapshot.as_deref());
        let found = proof.found.take().map(Arc::from);
        if let Some(sandbox) = proof.sandbox.take() {
            self.shelter(&proof.copy.name, sandbox);
        }
        let kept = Kept {
            target,
            archive: archive.id.clone(),
            engine: subject.target.engine(),
            copy: proof.copy,
            found,
        };
        proved.lines.extend(told);
        if keep && proved.proven == Proven::Identical && self.wishes.templates {
            let receipt = (&proof.receipt, &proof.receipt_path);
            self.leave_template(kept, archive, receipt, &mut proved)
                .await?;
        } else if keep && proved.proven == Proven::Identical {
            proved.copy = Some(copy_facts(&kept));
            self.keep(kept);
        } else {
            // The proof stands. What stays behind is in the store's record and is told here.
            proved.lines.extend(self.drop_one(kept).await);
        }
        Ok(proved)
    }

    /// An archive that does not restore is a proof that failed, not an accident.
    fn unproven(&self, error: &OperationError) -> Trouble {
        let mut trouble = self.trouble(error);
        if trouble.stop == Stop::Failed && does_not_restore(error) {
            trouble.stop = Stop::NotRestorable;
        }
        trouble
    }
}

fn archive_facts(made: &BackupOutcome) -> ArchiveFacts {
    ArchiveFacts {
        id: made.id.clone(),
        path: made.path.display().to_string(),
        objects: made.objects,
        rows: made.rows,
        bytes_raw: made.bytes_raw,
        bytes_stored: made.bytes_stored,
        consistent: made.consistent,
    }
}

fn proved(proof: &Proof, nouns: Nouns, snapshot: Option<&Snapshot>) -> Proved {
    let proven = match proof.verdict {
        Verdict::Identical => Proven::Identical,
        Verdict::Intact | Verdict::Different | Verdict::Damaged => Proven::Different,
    };
    let line = match (proven, snapshot) {
        (Proven::Identical, Some(snapshot)) => words::identical(nouns, snapshot),
        (Proven::Identical, None) => "identical".to_owned(),
        (Proven::Different, _) => format!(
            "different: {}",
            crate::report::figures::counted(
                proof.receipt.differences.len() as u64,
                "difference",
                "differences"
            )
        ),
    };
    Proved {
        proven,
        facts: ProofFacts {
            verdict: proof.verdict.to_string(),
            receipt: Some(proof.receipt_path.display().to_string()),
            differences: proof.receipt.differences.iter().map(|d| json!(d)).collect(),
            template: None,
        },
        copy: None,
        lines: words::with_sandbox(line, proof.receipt.sandbox.as_ref()),
    }
}

/// Whether the failure is about the archive itself, not about the way to a server.
fn does_not_restore(error: &OperationError) -> bool {
    matches!(
        error,
        OperationError::Archive(_)
            | OperationError::Seam(SeamError::Damaged { .. })
            | OperationError::Engine(
                EngineError::Restore { .. } | EngineError::Seam(SeamError::Damaged { .. }),
            )
    )
}
