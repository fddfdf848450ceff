//! What the migration changed on a target, held against its rehearsal.

use std::path::Path;

use serde_json::Value;

use super::super::event::Matched;
use super::super::hands::{Compared, Trouble};
use super::super::journal::ArchiveFacts;
use super::super::loss;
use super::{Live, Side};
use crate::operation::{self, OperationError, Subject};
use crate::report::run::change_lines;
use crate::snapshot::diff::Difference;

impl Live {
    pub(super) async fn compared(
        &self,
        target: usize,
        (before, after): (&ArchiveFacts, &ArchiveFacts),
        rehearsed: Option<&Value>,
    ) -> Result<Compared, Trouble> {
        let found = self.found(target, before, after).await;
        let found = found.map_err(|error| self.trouble(&error))?;
        let rehearsed: Option<Difference> =
            rehearsed.and_then(|value| serde_json::from_value(value.clone()).ok());
        let (matched, told) = match &rehearsed {
            Some(rehearsed) => loss::matched(rehearsed, &found),
            None => (Matched::default(), Vec::new()),
        };
        // What was rehearsed has been told; what came out otherwise is told with all of it.
        let mut unlike = Vec::new();
        if matched.as_rehearsed == Some(false) {
            unlike.clone_from(&told);
        }
        let mut lines = told;
        if matched.as_rehearsed != Some(true) {
            lines.extend(change_lines(&found));
        }
        Ok(Compared {
            lines,
            difference: serde_json::to_value(&found).unwrap_or(Value::Null),
            unlike,
            matched,
        })
    }

    async fn found(
        &self,
        target: usize,
        before: &ArchiveFacts,
        after: &ArchiveFacts,
    ) -> Result<Difference, OperationError> {
        let subject = |archive| Subject::Archive(Path::new(archive));
        let (a, b) = (subject(&before.path), subject(&after.path));
        let first = self.side(target, Side::Before, a).await?;
        let second = self.side(target, Side::After, b).await?;
        operation::difference(&self.ws, (a, &first), (b, &second)).await
    }

    /// What was seen when the archive was written tells more than the archive.
    async fn side(
        &self,
        target: usize,
        side: Side,
        archive: Subject<'_>,
    ) -> Result<operation::Side, OperationError> {
        match self.snapshot(target, side) {
            Some(snapshot) => Ok(operation::Side::known(snapshot)),
            None => operation::Side::read(&self.ws, archive, false).await,
        }
    }
}
