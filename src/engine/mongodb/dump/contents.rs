//! What an archive stream holds: every document is hashed while it streams by.

use crate::engine::mongodb::archive_stream::{CollectionEntry, Events};
use crate::fingerprint::{DocumentHasher, HashedDocuments};

/// Hashes of all namespaces, in the order of the prelude.
#[derive(Default)]
pub(in crate::engine::mongodb) struct Contents {
    namespaces: Vec<Namespace>,
}

struct Namespace {
    entry: CollectionEntry,
    hasher: DocumentHasher,
}

/// One namespace when all is read.
pub(in crate::engine::mongodb) struct Read {
    /// As the prelude says it.
    pub entry: CollectionEntry,
    /// Its documents; those of a time series are its buckets.
    pub hashed: HashedDocuments,
}

impl Contents {
    /// Documents so far.
    pub(in crate::engine::mongodb) fn documents(&self) -> u64 {
        self.namespaces.iter().map(|one| one.hasher.count()).sum()
    }

    /// The sums.
    pub(in crate::engine::mongodb) fn finish(self) -> Vec<Read> {
        let read = |namespace: Namespace| Read {
            entry: namespace.entry,
            hashed: namespace.hasher.finish(),
        };
        self.namespaces.into_iter().map(read).collect()
    }
}

impl Events for Contents {
    fn collection(&mut self, number: usize, entry: CollectionEntry) -> Result<(), String> {
        debug_assert_eq!(number, self.namespaces.len());
        self.namespaces.push(Namespace {
            entry,
            hasher: DocumentHasher::new(),
        });
        Ok(())
    }

    fn document(&mut self, number: usize, document: &[u8]) -> Result<(), String> {
        let namespace = self
            .namespaces
            .get_mut(number)
            .ok_or_else(|| "a document of no collection".to_owned())?;
        namespace
            .hasher
            .document(document)
            .map_err(|error| format!("{}: {error}", namespace.entry.collection))
    }
}
