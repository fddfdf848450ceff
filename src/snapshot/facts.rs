//! The facts themselves. Everything serialises into `manifest.json`; `docs/format.md` states
//! the keys.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{DatabaseRole, DatabaseUser, Fingerprint, Stream, WriteRecord};

/// Everything that was seen of one database at one instant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// `postgresql` or `mongodb`.
    pub engine: String,
    /// When the instant was (bookend's clock).
    pub taken_at: DateTime<Utc>,
    /// When the last of it had been read (bookend's clock), if that may be after the instant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_until: Option<DateTime<Utc>>,
    /// True: one point in time; false: others wrote meanwhile; `None`: could not be known.
    pub consistent: Option<bool>,
    /// The server that was read.
    pub server: ServerFacts,
    /// The database that was read.
    pub database: DatabaseFacts,
    /// Tables, views, sequences, collections … sorted by kind and name.
    pub objects: Vec<Object>,
    /// Data streams, in the order of the vendor's table of contents.
    pub streams: Vec<Stream>,
    /// Large objects (PostgreSQL).
    #[serde(default)]
    pub large_objects: LargeObjects,
    /// Extensions with their versions (PostgreSQL).
    #[serde(default)]
    pub extensions: Vec<Extension>,
    /// Roles and tablespaces that the database refers to and that live outside it.
    #[serde(default)]
    pub prerequisites: Vec<Prerequisite>,
    /// The vendor's schema entries, filled in while two databases are compared. Not stored:
    /// an archive has them in the vendor's table of contents.
    #[serde(skip)]
    pub schema: Vec<SchemaEntry>,
    /// What the server's own record of writes says of it. Not stored in archives: it says nothing
    /// on another server.
    #[serde(skip)]
    pub record: WriteRecord,
    /// In words: what did not come along or will be recomputed.
    #[serde(default)]
    pub notes: Vec<String>,
    /// In words: places where the schema itself holds secrets (subscriptions, user mappings).
    #[serde(default)]
    pub secrets_seen: Vec<String>,
}

/// One entry of the vendor's table of contents, normalised so that two databases' entries
/// can be compared: the database's own name and entry numbers are taken out.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SchemaEntry {
    /// pg_dump's description: `TABLE`, `INDEX`, `ACL`, `COMMENT` …
    pub kind: String,
    /// Schema, empty for none.
    pub namespace: String,
    /// pg_dump's tag.
    pub tag: String,
    /// Owner, empty for none.
    pub owner: String,
    /// Table access method, tablespace: what is not in the text.
    pub storage: String,
    /// The statements.
    pub text: String,
}

/// The server that a snapshot was read from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerFacts {
    /// As the server prints it, e.g. `16.14`.
    pub version: String,
    /// Comparable number, e.g. `160014`; MongoDB 6.0.5 is `60005`.
    pub version_num: u32,
    /// The vendor's tool that read the schema, e.g. `pg_dump 16.14`.
    pub tool: String,
    /// What tells this server from any other (system identifier); `None` if not readable.
    pub identity: Option<String>,
    /// Host or socket folder it was reached by.
    pub host: String,
    /// Port it was reached by.
    pub port: u16,
    /// Role that read it.
    pub user: String,
    /// True if it was a hot standby or a secondary.
    #[serde(default)]
    pub standby: bool,
}

/// The database itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatabaseFacts {
    /// Its name.
    pub name: String,
    /// Owner; empty where an engine has none.
    #[serde(default)]
    pub owner: String,
    /// Bytes on the server, as the server says.
    pub bytes: u64,
    /// Encoding, locale provider, collation, its version … whatever must be equal in a copy.
    #[serde(default)]
    pub locale: BTreeMap<String, String>,
    /// Database-level settings, one `NAME=value` a line, and per role `ROLE: NAME=value`.
    #[serde(default)]
    pub settings: Vec<String>,
    /// Grants on the database.
    #[serde(default)]
    pub grants: Vec<String>,
    /// The user's own comment (bookend's marker taken out).
    #[serde(default)]
    pub comment: Option<String>,
    /// `CONNECTION LIMIT`; -1 for none.
    #[serde(default)]
    pub connection_limit: i32,
    /// Users defined in it, sorted; `None` if there is no such thing or they were not readable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub users: Option<Vec<DatabaseUser>>,
    /// Roles defined in it, sorted; `None` as above.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub roles: Option<Vec<DatabaseRole>>,
}

/// Kinds of objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ObjectKind {
    /// An ordinary table.
    Table,
    /// A partitioned table: it has no rows of its own.
    PartitionedTable,
    /// A foreign table: its rows live elsewhere.
    ForeignTable,
    /// A view.
    View,
    /// A materialized view.
    MaterializedView,
    /// A sequence.
    Sequence,
    /// Function, procedure or aggregate.
    Function,
    /// A type or domain.
    Type,
    /// A schema (namespace).
    Schema,
    /// Anything else that the vendor's table of contents names.
    Other,
    /// A MongoDB collection.
    Collection,
    /// A MongoDB time-series collection.
    TimeSeries,
}

/// One object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Object {
    /// As printed: `quote_ident(schema).quote_ident(name)`, or the collection's name.
    pub name: String,
    /// What it is.
    pub kind: ObjectKind,
    /// Owner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Comment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// Its defining text where it has one: a view's query, options of a collection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub definition: Option<String>,
    /// Columns in their order; a collection's top-level fields by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<Column>,
    /// Indexes, constraints, triggers, policies, grants, settings …
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Part>,
    /// Rows and fingerprints; `None` if it has none of its own or they were not read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<Content>,
    /// A sequence's value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sequence: Option<SequenceValue>,
    /// For a partition: printed name of the topmost root.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root: Option<String>,
    /// True if rows go in through the root and may land in other leaves: compare at `root`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub loaded_through_root: bool,
    /// Materialized views: whether it is populated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub populated: Option<bool>,
    /// Bytes on the server with indexes, as the server says (not compared).
    #[serde(default)]
    pub bytes: u64,
}

/// What an object holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    /// Rows or documents.
    pub rows: u64,
    /// Sum of the row hashes.
    pub fingerprint: Fingerprint,
    /// For a table with a primary key, or a collection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<KeyFacts>,
    /// Values of a collection's fields that are not listed because there are too many
    /// names. If there are any, a name that is not listed may be there all the same.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unlisted: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// The key by which keyed sums are made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyFacts {
    /// Key columns in key order.
    pub columns: Vec<String>,
    /// Sum of hash(key): equal means the same set of rows by key.
    pub fingerprint: Fingerprint,
}

/// One column, or one top-level field of a collection's documents.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// Its name, unquoted.
    pub name: String,
    /// Type as the server formats it; for a field the BSON types seen.
    pub data_type: String,
    /// False for NOT NULL.
    pub nullable: bool,
    /// Default expression.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
    /// `stored …` or `virtual …` with the expression.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generated: Option<String>,
    /// `always` or `by default`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
    /// Collation if not the type's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collation: Option<String>,
    /// Comment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// Fingerprints of its values; `None` if not read (generated columns).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<ColumnContent>,
}

/// Fingerprints of one column's values; nulls take no part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnContent {
    /// Values that are not null.
    pub non_null: u64,
    /// Sum of hash(value).
    pub fingerprint: Fingerprint,
    /// Sum of hash(key, value), for objects with a key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keyed: Option<Fingerprint>,
    /// True if at least two different values were seen: only then does equality mean much.
    pub varied: bool,
}

/// Kinds of parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PartKind {
    /// Primary key, unique, check, foreign key, exclusion, not null.
    Constraint,
    /// An index that is not a constraint's own.
    Index,
    /// A trigger.
    Trigger,
    /// A rewrite rule.
    Rule,
    /// A row security policy.
    Policy,
    /// One grant: name is the grantee, definition the rights.
    Grant,
    /// Extended statistics.
    Statistics,
    /// Anything else, e.g. `row security`, `replica identity`, `access method`.
    Setting,
}

/// Something that belongs to an object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Part {
    /// What it is.
    pub kind: PartKind,
    /// Its name.
    pub name: String,
    /// Its full text as the server prints it.
    pub definition: String,
}

/// A sequence's state, as `SELECT last_value, is_called FROM seq` gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SequenceValue {
    /// `last_value`.
    pub last: i64,
    /// `is_called`.
    pub called: bool,
}

/// Large objects: together and, while they are few, one by one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LargeObjects {
    /// How many.
    pub count: u64,
    /// Bytes of all.
    pub bytes: u64,
    /// Sum of hash(oid, content).
    pub fingerprint: Fingerprint,
    /// Each, sorted by oid; left empty above [`LargeObjects::LISTED`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub each: Vec<LargeObject>,
}

impl LargeObjects {
    /// Up to so many are listed one by one.
    pub const LISTED: u64 = 10_000;
}

/// One large object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LargeObject {
    /// Its oid.
    pub oid: u32,
    /// Its bytes.
    pub bytes: u64,
    /// hash(oid, content).
    pub fingerprint: Fingerprint,
}

/// An installed extension.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Extension {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Its schema.
    pub schema: String,
}

/// Something outside the database that a restore needs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Prerequisite {
    /// `role`, `tablespace`.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// A statement that makes it (no passwords).
    pub create: String,
}
