//! What is asked of an engine, and the copy that comes of it.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::connection::Target;
use crate::snapshot::Snapshot;

/// What a backup is to hold.
#[derive(Clone, Debug, Default)]
pub struct DumpRequest {
    /// Definitions only.
    pub schema_only: bool,
    /// Globs on printed names whose rows stay out.
    pub exclude_data: Vec<String>,
    /// One point in time although others write, for an engine that has to be asked for it.
    pub consistent: bool,
    /// An earlier snapshot of the same database, by which rows of then are known again.
    pub since: Option<Arc<Snapshot>>,
    /// What the server's own record shows to be untouched since is taken over from there, and does
    /// not reach the sink: for a read that only hashes.
    pub spare: bool,
    /// Only the rows of these, by their printed names.
    pub data_of: Option<BTreeSet<String>>,
}

/// How a copy is to be built.
#[expect(
    clippy::struct_excessive_bools,
    reason = "wishes, each of which stands for itself"
)]
#[derive(Clone, Debug, Default)]
pub struct RestoreRequest {
    /// The name it will be published under; checked to be free first. `None` for a proof.
    pub into: Option<String>,
    /// All objects belong to the connecting role.
    pub no_owner: bool,
    /// No grants.
    pub no_privileges: bool,
    /// Definitions only.
    pub schema_only: bool,
    /// What is the first's is given to the second, each a role.
    pub role_map: Vec<(String, String)>,
    /// The server is a private one that deletes no document by its age, so that definitions need
    /// not be held back.
    pub nothing_expires: bool,
    /// Globs on printed names: only these, with what they need. Empty for everything.
    pub only: Vec<String>,
}

/// A restored database that only bookend knows of yet. Whoever holds it publishes or drops it.
#[derive(Clone, Debug)]
pub struct DatabaseCopy {
    /// How to reach it.
    pub target: Target,
    /// Its name on the server.
    pub name: String,
    /// What the server calls it whatever its name (PostgreSQL: oid).
    pub identity: String,
    /// How it was restored; comparing leaves out what was asked to be left out.
    pub request: RestoreRequest,
    /// What is left for when it is published, in the engine's own language: giving it to its
    /// owner, limiting its connections.
    pub finishing: Vec<String>,
    /// In words: harmless things worth telling (a setting that the server does not know).
    pub notes: Vec<String>,
    /// In words: what was not restored because something that it needs was not asked for.
    pub left_out: Vec<String>,
}
