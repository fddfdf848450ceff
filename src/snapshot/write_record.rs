//! Where a snapshot stands in the server's own record of writes, so that a later read of the
//! same database can tell, without reading everything again, what nobody has touched since.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

/// What the server's own record of writes says of a snapshot.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WriteRecord {
    /// Where it stands there, if there is such a thing.
    pub anchor: Option<Anchor>,
    /// What was not read but taken over from an earlier snapshot, if that was asked for.
    pub untouched: Option<Untouched>,
    /// Objects with more rows than in an earlier snapshot of which every row of then is known to
    /// be there still: their printed names, and those that they had then.
    pub kept: BTreeMap<String, String>,
    /// Those among them, by their names now, of which every row of then is as it was.
    pub unchanged: BTreeSet<String>,
}

/// A moment of one server's history, and what the server called each object then.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Anchor {
    /// Whatever was written behind the snapshot's back carries this number or a greater one.
    /// PostgreSQL: the oldest transaction in progress, as a 64-bit id; MongoDB: the operation
    /// time as BSON stores a timestamp.
    pub position: u64,
    /// What the server calls the database whatever its name; MongoDB: its name.
    pub database: String,
    /// By printed name: what the server calls the object whatever its name, and all that the
    /// text of its values depends on beside its rows. Equal means that the same rows read the
    /// same. Objects of which that cannot be said are left out.
    pub identities: BTreeMap<String, String>,
    /// By printed name: what the server calls the object whatever its name, where rows of it that
    /// were written before and are there still can be told from others.
    pub numbers: BTreeMap<String, String>,
}

/// What a reader did not hash but took over from an earlier snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Untouched {
    /// So many tables or collections.
    pub objects: u64,
    /// How the server's record was seen to be silent about them, in words.
    pub how: &'static str,
    /// Whether all of their rows were gone through for that.
    pub gone_through: bool,
}
