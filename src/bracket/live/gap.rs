//! Whether others wrote between the before-backup and now: everything is read again.

use std::path::Path;
use std::sync::Arc;

use super::super::event::Seen;
use super::super::hands::{Looked, Side, Trouble};
use super::super::journal::ArchiveFacts;
use super::Live;
use crate::operation::{self, Quiet, open};
use crate::report::figures::numbered;
use crate::report::run::change_lines;
use crate::snapshot::{Nouns, Snapshot, Source as _};

/// So many changes are told.
const TOLD: usize = 10;

impl Live {
    pub(super) async fn look_for_writes(
        &self,
        befores: &[ArchiveFacts],
    ) -> Result<Looked, Trouble> {
        let mut looked = Looked {
            seen: Seen::Quiet,
            lines: Vec::new(),
        };
        for (target, archive) in befores.iter().enumerate() {
            let (seen, lines) = self.look_at(target, archive).await?;
            if seen == Seen::Written {
                looked.seen = Seen::Written;
            }
            let told = lines.iter().map(|line| self.about(target, line));
            looked.lines.extend(told);
        }
        Ok(looked)
    }

    async fn look_at(
        &self,
        target: usize,
        archive: &ArchiveFacts,
    ) -> Result<(Seen, Vec<String>), Trouble> {
        let subject = self.subject(target)?;
        let before = self.snapshot_of(target, archive).await?;
        let quiet = operation::quiet(&self.ws, &subject.target, &before)
            .await
            .map_err(|error| self.trouble(&error))?;
        let nouns = self.ws.engines.nouns(&before.engine);
        Ok(told(quiet, subject.target.database(), nouns))
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

/// In words.
fn told(quiet: Quiet, database: &str, nouns: Nouns) -> (Seen, Vec<String>) {
    match quiet {
        Quiet::Quiet { objects } => {
            let read = numbered(objects, nouns.object);
            let line = format!("quiet: no write to {database} was seen ({read} read again)");
            (Seen::Quiet, vec![line])
        }
        Quiet::Written {
            difference,
            writers,
        } => {
            let mut lines = Vec::new();
            if !difference.same {
                lines.push(format!("{database} was written to since the before-backup"));
                lines.extend(change_lines(&difference).into_iter().take(TOLD));
            } else if writers.is_empty() {
                lines.push(format!(
                    "others wrote to {database} while it was read again, or that could not be known"
                ));
            }
            lines.extend(writers.iter().take(TOLD).map(|session| {
                format!(
                    "a transaction of {} has written and is not over",
                    session.in_words()
                )
            }));
            (Seen::Written, lines)
        }
    }
}
