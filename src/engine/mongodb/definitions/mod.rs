//! The definitions of collections as the server gives them: the raw answers of
//! `listCollections` and `listIndexes`, byte for byte. `mongodump` writes them too, but with
//! the keys of nested options in no order, so that a restored view can sort otherwise and a
//! validator reads differently.
//!
//! They are stored as the member [`MEMBER`]: one BSON document for each collection, one
//! after the other, which `bsondump` prints.

mod commands;
mod corrections;
mod ext_json;
mod object;
#[cfg(test)]
mod tests;

use bson::raw::CString;
use bson::{RawArrayBuf, RawBson, RawBsonRef, RawDocument, RawDocumentBuf, cstr};

use super::archive_stream::CollectionEntry;
use crate::snapshot::ObjectKind;
use ext_json::Numbers;

pub use corrections::{Correction, corrections};
pub(super) use ext_json::quoted;
pub use object::{DIFFERENT_BY_NATURE, PartDifference, part_differences};

/// The archive member that holds all definitions.
pub const MEMBER: &str = "definitions/collections.bson";

/// A definition that is not what a server says.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the definition of {collection} cannot be understood: {problem}")]
pub struct DefinitionError {
    /// The collection, as far as it is known.
    pub collection: String,
    /// What is wrong.
    pub problem: String,
}

/// A name with its value, both as they came.
type Field = (CString, RawBson);

/// What `listCollections` and `listIndexes` say of one collection.
#[derive(Clone, Debug, PartialEq)]
pub struct CollectionDefinition {
    info: RawDocumentBuf,
    name: String,
    kind: ObjectKind,
    options: Vec<Field>,
    indexes: Vec<IndexDefinition>,
}

/// One index.
#[derive(Clone, Debug, PartialEq)]
pub struct IndexDefinition {
    name: String,
    fields: Vec<Field>,
}

impl CollectionDefinition {
    /// Of an element of `listCollections`, and the elements of `listIndexes` in their order
    /// (none for a view).
    ///
    /// # Errors
    /// There is no name, or something is not BSON.
    pub fn new(info: RawDocumentBuf, indexes: &[RawDocumentBuf]) -> Result<Self, DefinitionError> {
        let name = info.get_str("name").map_err(|error| DefinitionError {
            collection: "a collection".to_owned(),
            problem: error.to_string(),
        })?;
        let wrong = |problem: String| DefinitionError {
            collection: name.to_owned(),
            problem,
        };
        let kind = match info.get_str("type") {
            Ok("view") => ObjectKind::View,
            Ok("timeseries") => ObjectKind::TimeSeries,
            _ => ObjectKind::Collection,
        };
        let options = match info.get_document("options") {
            Ok(options) => fields(options).map_err(wrong)?,
            Err(_) => Vec::new(),
        };
        let indexes = indexes.iter().map(|index| IndexDefinition::new(index));
        let indexes = indexes.collect::<Result<_, _>>().map_err(wrong)?;
        Ok(Self {
            name: name.to_owned(),
            kind,
            options,
            indexes,
            info,
        })
    }

    /// The collection's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Collection, time series or view.
    #[must_use]
    pub fn kind(&self) -> ObjectKind {
        self.kind
    }

    /// The value of an option.
    #[must_use]
    pub fn option(&self, name: &str) -> Option<RawBsonRef<'_>> {
        let option = self.options.iter().find(|(key, _)| key.as_str() == name);
        option.map(|(_, value)| value.as_raw_bson_ref())
    }

    /// All indexes, that on `_id` among them.
    #[must_use]
    pub fn indexes(&self) -> &[IndexDefinition] {
        &self.indexes
    }

    /// What the server knows the collection by, whatever its name; views and time series
    /// have none.
    #[must_use]
    pub fn uuid(&self) -> Option<[u8; 16]> {
        let info = self.info.get_document("info").ok()?;
        let binary = info.get_binary("uuid").ok()?;
        binary.bytes.try_into().ok()
    }

    /// What the collection's documents go by: the buckets of a time series have a name of
    /// their own.
    #[must_use]
    pub fn body_name(&self) -> String {
        match self.kind {
            ObjectKind::TimeSeries => format!("system.buckets.{}", self.name),
            _ => self.name.clone(),
        }
    }

    /// True for what the server keeps by itself for views and time series, and for its
    /// profile: neither dumped nor made by anybody.
    #[must_use]
    pub fn is_internal(&self) -> bool {
        self.name.starts_with("system.") && self.name != "system.js"
    }

    /// True if the server deletes documents of it by their age.
    #[must_use]
    pub fn expires(&self) -> bool {
        self.option(TTL).is_some() || self.indexes.iter().any(IndexDefinition::expires)
    }

    /// The same without anything that deletes documents by their age: what a copy is made
    /// as, and compared with, while it is proven.
    #[must_use]
    pub fn without_expiry(&self) -> Self {
        let mut held = self.clone();
        held.options.retain(|(name, _)| name.as_str() != TTL);
        for index in &mut held.indexes {
            index.fields.retain(|(name, _)| name.as_str() != TTL);
        }
        held
    }

    /// The entry of the prelude of an archive stream, as `mongodump` writes it, but with
    /// every key in its order.
    #[must_use]
    pub fn entry(&self, db: &str) -> CollectionEntry {
        let kind = match self.kind {
            ObjectKind::View => "view",
            ObjectKind::TimeSeries => "timeseries",
            _ => "collection",
        };
        let mut parts = Vec::new();
        if !self.options.is_empty() {
            let options = ext_json::document(&document(&self.options), Numbers::Canonical);
            parts.push(format!("\"options\":{options}"));
        }
        let indexes = self.indexes.iter();
        let indexes: Vec<String> = indexes
            .map(|index| ext_json::document(&document(&index.fields), Numbers::Canonical))
            .collect();
        parts.push(format!("\"indexes\":[{}]", indexes.join(",")));
        if let Some(uuid) = self.uuid() {
            let digits: String = uuid.iter().map(|byte| format!("{byte:02x}")).collect();
            parts.push(format!("\"uuid\":\"{digits}\""));
        }
        parts.push(format!(
            "\"collectionName\":{}",
            ext_json::quoted(&self.name)
        ));
        parts.push(format!("\"type\":\"{kind}\""));
        CollectionEntry {
            db: db.to_owned(),
            collection: self.name.clone(),
            metadata: format!("{{{}}}", parts.join(",")),
            size: 0,
            kind: kind.to_owned(),
        }
    }
}

/// A document as people read it, every key in its order.
pub(super) fn readable(document: &bson::Document) -> String {
    RawDocumentBuf::try_from(document)
        .map(|raw| ext_json::document(&raw, Numbers::Readable))
        .unwrap_or_default()
}

/// A value as people read it.
pub(super) fn shown(value: RawBsonRef<'_>) -> String {
    ext_json::value(value, Numbers::Readable)
}

/// The option and the index option that delete by age.
const TTL: &str = "expireAfterSeconds";

impl IndexDefinition {
    fn new(spec: &RawDocument) -> Result<Self, String> {
        let name = spec.get_str("name").map_err(|error| error.to_string())?;
        Ok(Self {
            name: name.to_owned(),
            fields: fields(spec)?,
        })
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The value of an option.
    #[must_use]
    pub fn option(&self, name: &str) -> Option<RawBsonRef<'_>> {
        let option = self.fields.iter().find(|(key, _)| key.as_str() == name);
        option.map(|(_, value)| value.as_raw_bson_ref())
    }

    /// True if it deletes documents by their age.
    #[must_use]
    pub fn expires(&self) -> bool {
        self.option(TTL).is_some()
    }

    /// True for what comes with the collection itself: the index on `_id`, and that which a
    /// clustered collection is.
    #[must_use]
    pub fn comes_with_collection(&self) -> bool {
        self.option("clustered").is_some() || self.name == "_id_"
    }
}

/// The definitions as the archive stores them.
#[must_use]
pub fn to_member(definitions: &[CollectionDefinition]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for definition in definitions {
        let mut indexes = RawArrayBuf::new();
        for index in &definition.indexes {
            indexes.push(document(&index.fields));
        }
        let mut both = RawDocumentBuf::new();
        both.append(cstr!("collection"), definition.info.clone());
        both.append(cstr!("indexes"), indexes);
        bytes.extend_from_slice(both.as_bytes());
    }
    bytes
}

/// The definitions that an archive's member holds.
///
/// # Errors
/// The member is not such.
pub fn from_member(bytes: &[u8]) -> Result<Vec<CollectionDefinition>, DefinitionError> {
    let wrong = |problem: &dyn std::fmt::Display| DefinitionError {
        collection: MEMBER.to_owned(),
        problem: problem.to_string(),
    };
    let mut rest = bytes;
    let mut definitions = Vec::new();
    while !rest.is_empty() {
        let length = rest
            .first_chunk::<4>()
            .map(|start| u32::from_le_bytes(*start));
        let length = length.and_then(|length| usize::try_from(length).ok());
        let split = length.and_then(|length| rest.split_at_checked(length.max(1)));
        let (one, more) = split.ok_or_else(|| wrong(&"it is cut"))?;
        let both = RawDocument::from_bytes(one).map_err(|error| wrong(&error))?;
        let info = both.get_document("collection");
        let info = info.map_err(|error| wrong(&error))?.to_owned();
        let mut indexes = Vec::new();
        for index in both.get_array("indexes").map_err(|error| wrong(&error))? {
            let index = index.map_err(|error| wrong(&error))?;
            let index = index.as_document();
            let index = index.ok_or_else(|| wrong(&"an index is not a document"))?;
            indexes.push(index.to_owned());
        }
        definitions.push(CollectionDefinition::new(info, &indexes)?);
        rest = more;
    }
    Ok(definitions)
}

/// The fields of a document one by one.
fn fields(document: &RawDocument) -> Result<Vec<Field>, String> {
    let field = |element: Result<(&bson::raw::CStr, RawBsonRef<'_>), bson::error::Error>| {
        let (name, value) = element.map_err(|error| error.to_string())?;
        Ok((CString::from(name), value.into()))
    };
    document.iter().map(field).collect()
}

/// The fields as one document again.
fn document(fields: &[Field]) -> RawDocumentBuf {
    let mut document = RawDocumentBuf::new();
    for (name, value) in fields {
        document.append(name, value.as_raw_bson_ref());
    }
    document
}
