//! What the tool cannot restore, found while its documents stream by.

use std::collections::BTreeSet;

use bson::{RawArrayBuf, RawBson, RawBsonRef, RawDocument, RawDocumentBuf, cstr};
use memchr::memmem;

use crate::engine::EngineError;
use crate::engine::mongodb::archive_stream::{CollectionEntry, Events, Header};
use crate::engine::mongodb::definitions::CollectionDefinition;
use crate::engine::mongodb::server::refused;
use crate::snapshot::ObjectKind;

use super::Plan;

/// Bytes of documents that are inserted at once.
const BATCH: usize = 8 << 20;
/// Documents that the server takes at once.
const MOST: usize = 50_000;

/// A document with a top-level `Timestamp(0, 0)`: the server puts the present time in its
/// place whenever such a document is inserted.
pub(super) struct Empty {
    pub collection: String,
    pub id: RawBson,
    pub fields: Vec<String>,
}

/// Looks at every document.
pub(super) struct Repairs {
    /// Collections whose documents the tool does not insert.
    ours: BTreeSet<String>,
    /// Finds what may be an empty timestamp.
    zeros: memmem::Finder<'static>,
    header: Header,
    entries: Vec<CollectionEntry>,
    empty: Vec<Empty>,
    /// Documents of such collections, with their namespace's number.
    odd: Vec<(usize, Vec<RawDocumentBuf>)>,
    odd_bytes: usize,
}

/// Whether `mongorestore` skips a collection by itself: its patterns do not match across lines.
fn is_skipped(one: &CollectionDefinition) -> bool {
    one.name().contains('\n')
}

/// Whether the tool has to be told to skip a collection: its workers insert side by side, and
/// the order in a capped collection is a promise.
pub(super) fn is_to_be_skipped(one: &CollectionDefinition) -> bool {
    let capped = one.option("capped").and_then(RawBsonRef::as_bool);
    capped == Some(true) && !is_skipped(one)
}

impl Repairs {
    /// For the collections of a copy.
    pub(super) fn new(all: &[CollectionDefinition]) -> Self {
        let ours = all.iter();
        let ours = ours.filter(|one| is_skipped(one) || is_to_be_skipped(one));
        Self {
            ours: ours.map(|one| one.name().to_owned()).collect(),
            zeros: memmem::Finder::new(&[0; 9]),
            header: Header::default(),
            entries: Vec::new(),
            empty: Vec::new(),
            odd: Vec::new(),
            odd_bytes: 0,
        }
    }

    pub(super) fn header(&self) -> &Header {
        &self.header
    }

    pub(super) fn into_empty(self) -> Vec<Empty> {
        self.empty
    }

    /// The list of collections as the tool is to see it: with time series in which nothing
    /// expires, for the tool makes those itself.
    pub(super) fn entries(
        &self,
        held: &[CollectionDefinition],
        database: &str,
    ) -> Vec<CollectionEntry> {
        let entry = |entry: &CollectionEntry| {
            let mut all = held
                .iter()
                .filter(|one| one.kind() == ObjectKind::TimeSeries);
            match all.find(|one| one.name() == entry.collection) {
                Some(series) => series.entry(database),
                None => entry.clone(),
            }
        };
        self.entries.iter().map(entry).collect()
    }

    /// Inserts what the tool skips, once it is enough for a batch.
    pub(super) async fn insert_odd_ones(&mut self, plan: &Plan) -> Result<(), EngineError> {
        let many = self
            .odd
            .iter()
            .any(|(_, documents)| documents.len() >= MOST);
        if self.odd_bytes >= BATCH || many {
            self.insert_the_rest(plan).await?;
        }
        Ok(())
    }

    /// Inserts what the tool skips.
    pub(super) async fn insert_the_rest(&mut self, plan: &Plan) -> Result<(), EngineError> {
        self.odd_bytes = 0;
        for (number, documents) in std::mem::take(&mut self.odd) {
            let Some(entry) = self.entries.get(number) else {
                continue;
            };
            let body = entry.body_name();
            for part in batches(&documents) {
                insert(plan, &body, part).await?;
            }
        }
        Ok(())
    }

    fn look(&mut self, number: usize, document: &[u8]) -> Result<(), String> {
        // The zero after the name and the eight of the timestamp.
        if self.zeros.find(document).is_none() {
            return Ok(());
        }
        let raw = RawDocument::from_bytes(document).map_err(|error| error.to_string())?;
        let mut fields = Vec::new();
        let mut id = None;
        for element in raw {
            // What cannot be decoded (invalid text) is no timestamp.
            let Ok((name, value)) = element else { break };
            match value {
                _ if name.as_str() == "_id" => id = Some(value.into()),
                RawBsonRef::Timestamp(time) if time.time == 0 && time.increment == 0 => {
                    fields.push(name.as_str().to_owned());
                }
                _ => {}
            }
        }
        if let (Some(id), false, Some(entry)) = (id, fields.is_empty(), self.entries.get(number)) {
            self.empty.push(Empty {
                collection: entry.body_name(),
                id,
                fields,
            });
        }
        Ok(())
    }
}

impl Events for Repairs {
    fn header(&mut self, header: &Header) -> Result<(), String> {
        self.header = header.clone();
        Ok(())
    }

    fn collection(&mut self, _number: usize, entry: CollectionEntry) -> Result<(), String> {
        self.entries.push(entry);
        Ok(())
    }

    fn document(&mut self, number: usize, document: &[u8]) -> Result<(), String> {
        self.look(number, document)?;
        let entry = self.entries.get(number);
        if !entry.is_some_and(|entry| self.ours.contains(&entry.collection)) {
            return Ok(());
        }
        let raw = RawDocumentBuf::from_bytes(document.to_vec()).map_err(|e| e.to_string())?;
        self.odd_bytes += document.len();
        match self.odd.iter_mut().find(|(known, _)| *known == number) {
            Some((_, documents)) => documents.push(raw),
            None => self.odd.push((number, vec![raw])),
        }
        Ok(())
    }
}

/// Documents in their order, cut into what one command takes.
fn batches(all: &[RawDocumentBuf]) -> Vec<&[RawDocumentBuf]> {
    let (mut batches, mut from, mut bytes) = (Vec::new(), 0, 0);
    for (at, one) in all.iter().enumerate() {
        let length = one.as_bytes().len();
        if at > from && (bytes + length > BATCH || at - from >= MOST) {
            batches.extend(all.get(from..at));
            (from, bytes) = (at, 0);
        }
        bytes += length;
    }
    batches.extend(all.get(from..).filter(|last| !last.is_empty()));
    batches
}

async fn insert(plan: &Plan, body: &str, all: &[RawDocumentBuf]) -> Result<(), EngineError> {
    let mut documents = RawArrayBuf::new();
    for one in all {
        documents.push(one.clone());
    }
    let mut command = RawDocumentBuf::new();
    command.append(cstr!("insert"), body);
    command.append(cstr!("documents"), documents);
    command.append(cstr!("bypassDocumentValidation"), true);
    plan.database()
        .run_raw_command(command)
        .await
        .map(drop)
        .map_err(refused(
            &plan.session,
            format!("the documents of {body:?} could not be inserted"),
        ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_bytes(length: usize) -> RawDocumentBuf {
        bson::rawdoc! { "pad": "x".repeat(length) }
    }

    #[test]
    fn batches_keep_the_order_and_stay_below_what_a_command_takes() {
        let cut = |lengths: &[usize]| -> Vec<usize> {
            let all: Vec<_> = lengths.iter().map(|length| of_bytes(*length)).collect();
            let batches = batches(&all);
            assert_eq!(batches.concat(), all);
            batches.iter().map(|batch| batch.len()).collect()
        };
        assert_eq!(cut(&[]), [0; 0]);
        assert_eq!(cut(&[1, 2, 3]), [3]);
        assert_eq!(cut(&[BATCH / 2, BATCH / 2, 2 * BATCH, 1]), [1, 1, 1, 1]);
        assert_eq!(cut(&vec![1; MOST + 1]), [MOST, 1]);
    }
}
