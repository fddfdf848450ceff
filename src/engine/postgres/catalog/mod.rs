//! What the system catalogs say about a database, as structured facts: what the difference
//! of two snapshots is made of, what a restore needs beside the vendor's table of contents,
//! and what cannot come along.
//!
//! A constant number of queries whatever the number of tables (sequence values are read in
//! batches on servers before 18), for PostgreSQL 12 to 18, without superuser rights.

mod assembly;
mod columns;
mod database;
mod database_sql;
mod held_back;
mod members;
mod notes;
mod others;
mod parts;
mod prerequisites;
mod relations;
mod routines;
mod sequences;
mod sql;
mod types;

use std::collections::BTreeMap;

use tokio_postgres::{Client, Error};

use crate::snapshot::{DatabaseFacts, Extension, Object, ObjectKind, Prerequisite};

pub use database_sql::{Include, database_sql};
pub use held_back::HeldBack;

use assembly::Assembly;
use sql::Version;

/// Everything that the catalogs say.
#[derive(Clone, Debug, Default)]
pub struct CatalogFacts {
    /// The database itself. Its comment is as found: a marker in it is not taken out.
    pub database: DatabaseFacts,
    /// Objects, sorted by kind and name, without content. Whether a family is loaded through
    /// its root is only known from the vendor's table of contents and stays false here.
    pub objects: Vec<Object>,
    /// What a reader of rows needs to know of each relation, by oid.
    pub relations: BTreeMap<u32, Relation>,
    /// Installed extensions, sorted by name.
    pub extensions: Vec<Extension>,
    /// Roles and tablespaces that the database refers to.
    pub prerequisites: Vec<Prerequisite>,
    /// Constraints that must be off the new tables while their data goes in.
    pub held_back: HeldBack,
    /// In words: what does not come along or is recomputed.
    pub notes: Vec<String>,
    /// In words: where the schema itself holds secrets.
    pub secrets_seen: Vec<String>,
}

/// A relation as a reader of its rows sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relation {
    /// Printed name, as in [`Object::name`].
    pub name: String,
    /// What it is.
    pub kind: ObjectKind,
    /// Columns of the primary key in key order, unquoted; empty without one.
    pub key: Vec<String>,
    /// Table access method, empty where there is none.
    pub access_method: String,
    /// Pages of the heap: for the dumped tables as they are, else by the last vacuum.
    pub pages: u64,
    /// True if it belongs to an extension (a configuration table).
    pub extension_member: bool,
}

/// Reads the catalogs inside the caller's transaction, which should be `REPEATABLE READ`.
/// `server_version_num` is as the server gives it (160014); `dumped` are the oids of the
/// relations in the vendor's table of contents, extension configuration tables included, and
/// the caller already holds locks on them. Sets `search_path` to nothing until the
/// transaction ends, as the vendor's tools do, so that every printed name is qualified.
///
/// # Errors
/// Whatever the server refuses; the transaction is then aborted.
pub async fn read(
    client: &Client,
    server_version_num: u32,
    dumped: &[u32],
) -> Result<CatalogFacts, Error> {
    let version = Version(server_version_num);
    client
        .batch_execute("SELECT pg_catalog.set_config('search_path', '', true), pg_catalog.set_config('jit', 'off', true)")
        .await?;
    let mut assembly = Assembly::default();
    relations::read(client, dumped, &mut assembly).await?;
    types::read(client, version, &mut assembly).await?;
    columns::read(client, version, &mut assembly).await?;
    parts::read(client, version, &mut assembly).await?;
    sequences::read(client, version, &mut assembly).await?;
    routines::read(client, &mut assembly).await?;
    others::read(client, version, &mut assembly).await?;
    members::read(client, &mut assembly).await?;
    let database = database::read(client, version).await?;
    let (mut notes, secrets_seen) = notes::read(client, &assembly).await?;
    let held_back = held_back::read(client, &mut notes).await?;
    let prerequisites = prerequisites::read(client, &assembly, &database).await?;
    Ok(CatalogFacts {
        database,
        extensions: database::extensions(client).await?,
        prerequisites,
        held_back,
        notes,
        secrets_seen,
        relations: assembly.take_relations(),
        objects: assembly.into_objects(),
    })
}
