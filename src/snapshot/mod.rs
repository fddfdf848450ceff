//! The facts of one database at one instant, as pure data, and the two seams that engines
//! read and write through: [`Sink`] and [`Source`].
//!
//! Nothing here does I/O. A snapshot is written into an archive's manifest, compared with
//! another by [`diff`](crate::snapshot::diff), and rendered by the report layer.

mod copy_statement;
pub mod diff;
mod facts;
mod inside;
mod nothing;
mod nouns;
mod pattern;
mod principals;
mod samples;
mod seam;
mod secrets;
mod stream;
mod write_record;

pub use copy_statement::{CopyStatement, split_qualified};
pub use facts::{
    Column, ColumnContent, Content, DatabaseFacts, Extension, KeyFacts, LargeObject, LargeObjects,
    Object, ObjectKind, Part, PartKind, Prerequisite, SchemaEntry, SequenceValue, ServerFacts,
    Snapshot,
};
pub use inside::{FieldInside, Inside, Looked};
pub use nothing::Nothing;
pub use nouns::{Noun, Nouns};
pub use pattern::glob_matches;
pub use principals::{DatabaseRole, DatabaseUser, GrantedRole, Privilege};
pub use samples::{Cell, ChangedRow, Sampled, SampledRow, Samples};
pub use seam::{ChunkReader, SeamError, Sink, Source, StreamWriter};
pub use secrets::{SECRET_NAMES, names_secret, shown_setting};
pub use stream::{ChunkFacts, Fingerprint, Stream, StreamId, StreamKind};
pub use write_record::{Anchor, Untouched, WriteRecord};
