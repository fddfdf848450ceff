//! Commands that make a collection exactly as it was. Pure: somebody else sends them.

use bson::{RawArrayBuf, RawDocumentBuf, cstr, rawdoc};

use super::{CollectionDefinition, Field, IndexDefinition, TTL, document};
use crate::snapshot::ObjectKind;

/// Since this version `collMod` makes an index a TTL index; before, it only changes one.
const COLL_MOD_ADDS_TTL: u32 = 50_100;

/// Options that `listCollections` tells and `create` does not take.
const NOT_FOR_CREATE: [&str; 2] = ["uuid", "temp"];

/// What old servers tell of an index and none takes back.
const NOT_FOR_INDEXES: [&str; 1] = ["ns"];

impl CollectionDefinition {
    /// `create`: the collection with all its options, the order of their keys, and its own
    /// index on `_id` (whose version may be old). Before the documents are there: collation,
    /// capped size, clustering and time series can't be given afterwards.
    #[must_use]
    pub fn create(&self) -> RawDocumentBuf {
        self.create_as(&self.name)
    }

    /// The same under another name.
    #[must_use]
    pub fn create_as(&self, name: &str) -> RawDocumentBuf {
        let mut command = RawDocumentBuf::new();
        command.append(cstr!("create"), name);
        for (name, value) in &self.options {
            if !NOT_FOR_CREATE.contains(&name.as_str()) {
                command.append(name, value.as_raw_bson_ref());
            }
        }
        if self.kind == ObjectKind::Collection
            && let Some(id) = self.indexes.iter().find(|index| index.name == "_id_")
            && id.option("clustered").is_none()
        {
            command.append(cstr!("idIndex"), document(&id.for_creation()));
        }
        command
    }

    /// `createIndexes` for everything that did not come with the collection; `None` if that
    /// is nothing.
    #[must_use]
    pub fn create_indexes(&self) -> Option<RawDocumentBuf> {
        self.create_these(self.missing())
    }

    /// The same in so many commands at most, each with the names of its indexes.
    #[must_use]
    pub fn create_indexes_in(&self, parts: usize) -> Vec<(Vec<&str>, RawDocumentBuf)> {
        let missing: Vec<_> = self.missing().collect();
        let size = missing.len().div_ceil(parts.max(1)).max(1);
        let command = |part: &[&'_ IndexDefinition]| self.create_these(part.iter().copied());
        let named = missing.chunks(size).filter_map(|part| {
            let names = part.iter().map(|index| index.name.as_str()).collect();
            Some((names, command(part)?))
        });
        named.collect()
    }

    /// The same, one command for each index: an index that the server refuses is then named
    /// and does not take the others with it.
    #[must_use]
    pub fn create_indexes_singly(&self) -> Vec<(String, RawDocumentBuf)> {
        let missing = self.missing();
        missing
            .filter_map(|index| Some((index.name.clone(), self.create_these([index])?)))
            .collect()
    }

    fn missing(&self) -> impl Iterator<Item = &IndexDefinition> {
        let indexes = self.indexes.iter();
        indexes.filter(|index| !index.comes_with_collection())
    }

    pub(super) fn create_these<'a>(
        &self,
        indexes: impl IntoIterator<Item = &'a IndexDefinition>,
    ) -> Option<RawDocumentBuf> {
        let mut specs = RawArrayBuf::new();
        for index in indexes {
            let mut spec = document(&index.for_creation());
            // The server tells no collation of an index that has the simple one, and gives
            // one that says none the collection's own.
            if self.option("collation").is_some() && index.option("collation").is_none() {
                spec.append(cstr!("collation"), rawdoc! { "locale": "simple" });
            }
            specs.push(spec);
        }
        if specs.is_empty() {
            return None;
        }
        let mut command = RawDocumentBuf::new();
        command.append(cstr!("createIndexes"), self.name.as_str());
        command.append(cstr!("indexes"), specs);
        Some(command)
    }

    /// What gives a copy that was made [`without_expiry`](Self::without_expiry) its expiry
    /// back. Nothing may depend on its documents from here on.
    #[must_use]
    pub fn restore_expiry(&self, server_version: u32) -> Vec<RawDocumentBuf> {
        let mut commands = Vec::new();
        for index in self.indexes.iter().filter(|index| index.expires()) {
            if server_version >= COLL_MOD_ADDS_TTL || index.comes_with_collection() {
                commands.extend(self.change_index(index, TTL));
            } else {
                commands.push(self.drop_index(&index.name));
                commands.extend(self.create_these([index]));
            }
        }
        commands.extend(self.change_option(TTL, TTL));
        commands
    }

    /// `collMod` for one option of an index.
    pub(super) fn change_index(
        &self,
        index: &IndexDefinition,
        option: &str,
    ) -> Option<RawDocumentBuf> {
        let (key, value) = index
            .fields
            .iter()
            .find(|(key, _)| key.as_str() == option)?;
        let mut which = RawDocumentBuf::new();
        which.append(cstr!("name"), index.name.as_str());
        which.append(key, value.as_raw_bson_ref());
        let mut command = self.coll_mod();
        command.append(cstr!("index"), which);
        Some(command)
    }

    /// `collMod` for one option of the collection, which it may know by another name.
    pub(super) fn change_option(&self, option: &str, known_as: &str) -> Option<RawDocumentBuf> {
        let (_, value) = self
            .options
            .iter()
            .find(|(key, _)| key.as_str() == option)?;
        let known_as = bson::raw::CString::try_from(known_as).ok()?;
        let mut command = self.coll_mod();
        command.append(known_as, value.as_raw_bson_ref());
        Some(command)
    }

    pub(super) fn coll_mod(&self) -> RawDocumentBuf {
        let mut command = RawDocumentBuf::new();
        command.append(cstr!("collMod"), self.name.as_str());
        command
    }

    pub(super) fn drop_index(&self, index: &str) -> RawDocumentBuf {
        let mut command = RawDocumentBuf::new();
        command.append(cstr!("dropIndexes"), self.name.as_str());
        command.append(cstr!("index"), index);
        command
    }

    /// `drop`.
    pub(super) fn drop(&self) -> RawDocumentBuf {
        let mut command = RawDocumentBuf::new();
        command.append(cstr!("drop"), self.name.as_str());
        command
    }
}

impl IndexDefinition {
    fn for_creation(&self) -> Vec<Field> {
        let taken = |(name, _): &&Field| !NOT_FOR_INDEXES.contains(&name.as_str());
        self.fields.iter().filter(taken).cloned().collect()
    }
}
