//! The rows that are shown: read last, since only then is it known which they are.

use std::collections::BTreeMap;

use super::names::Names;
use super::rows::{Fetching, Found, Kept, Row};
use super::{Both, Place};
use crate::engine::rows::RowReader;
use crate::operation::OperationError;
use crate::snapshot::{Cell, ChangedRow, Sampled, SampledRow};

impl Both<'_> {
    /// Reads what is to be shown of the first side, and keeps as many rows as were asked for.
    pub(super) fn keep(
        &self,
        sampled: &mut Sampled,
        first: &Place<'_>,
        second: &Place<'_>,
        found: &Found,
    ) -> Result<(), OperationError> {
        let keys = found.gone.iter().chain(found.now.keys()).copied();
        let mut fetching = Fetching::new(&first.names, keys);
        if fetching.missing > 0 {
            self.read(first, &mut fetching)?;
        }
        let samples = &mut sampled.samples;
        for row in &found.new {
            samples.added.push(self.shown(row, second)?);
        }
        for key in &found.gone {
            if let Some(Some(row)) = fetching.wanted.get(key) {
                samples.removed.push(self.shown(row, first)?);
            }
        }
        for (key, now) in &found.now {
            if let Some(Some(was)) = fetching.wanted.get(key) {
                samples
                    .changed
                    .push(self.changed(first, second, (was, now))?);
            }
        }
        samples.added.truncate(self.most);
        samples.removed.truncate(self.most);
        samples.changed.truncate(self.most);
        Ok(())
    }

    pub(super) fn shown(&self, row: &Row, place: &Place<'_>) -> Result<SampledRow, OperationError> {
        let reader = self.reader()?;
        let mut cells: Vec<Cell> = row.iter().map(|one| cell(reader, one)).collect();
        for (at, column) in place.columns.iter().enumerate() {
            if cells.iter().all(|(name, _)| name != column) {
                cells.insert(at.min(cells.len()), ((*column).to_owned(), None));
            }
        }
        let is_key = |cell: &Cell| place.names.key.contains(&cell.0);
        let (key, row) = cells.into_iter().partition(is_key);
        Ok(SampledRow { key, row })
    }

    fn changed(
        &self,
        first: &Place<'_>,
        second: &Place<'_>,
        (was, now): (&Row, &Row),
    ) -> Result<ChangedRow, OperationError> {
        let reader = self.reader()?;
        let key: Vec<Cell> = now
            .iter()
            .filter(|one| second.names.key.contains(&one.name))
            .map(|one| cell(reader, one))
            .collect();
        let common = |names: &Names, row: &Row| -> BTreeMap<String, Kept> {
            let known = row.iter();
            known
                .filter_map(|one| Some((names.common(&one.name)?.to_owned(), one.clone())))
                .collect()
        };
        let (was, now) = (common(&first.names, was), common(&second.names, now));
        let mut changed = ChangedRow {
            key,
            ..ChangedRow::default()
        };
        let mut all: Vec<&String> = was.keys().chain(now.keys()).collect();
        all.sort();
        all.dedup();
        for name in all {
            let (a, b) = (was.get(name), now.get(name));
            if a.map(|one| one.hash) != b.map(|one| one.hash) {
                let told = |one: Option<&Kept>| (name.clone(), one.and_then(|o| cell(reader, o).1));
                changed.before.push(told(a));
                changed.after.push(told(b));
            }
        }
        Ok(changed)
    }
}

fn cell(reader: &dyn RowReader, kept: &Kept) -> Cell {
    let mut text = reader.shown(kept.kind, &kept.raw);
    if kept.cut {
        text.push('…');
    }
    (kept.name.clone(), Some(text))
}
