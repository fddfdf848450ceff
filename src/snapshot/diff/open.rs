//! What comparing the sums of two snapshots leaves open of an object.

use super::super::{Column, Object, ObjectKind, PartKind};
use super::family::Holding;
use super::objects::Compared;

/// What the facts of two snapshots do not tell of an object.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Open {
    /// There are more rows, and those of before are not known to be among them.
    pub rows: bool,
    /// Rows that are gone may have expired.
    pub expiry: bool,
    /// What is gone inside of its fields.
    pub inside: bool,
}

/// Whether rows expire by an index that was not there, or said something else.
pub(super) fn expires_otherwise(one: &Compared<'_>) -> bool {
    one.before.is_some()
        && one.change.parts.iter().any(|part| {
            part.kind == PartKind::Index && part.after.as_deref().is_some_and(lets_expire)
        })
}

fn lets_expire(index: &str) -> bool {
    index.contains("\"expireAfterSeconds\"")
}

/// Whether rows of before are gone, or may be, of an object that lets rows expire.
pub(super) fn may_have_expired(
    before: &Object,
    held: Option<&Holding>,
    holds: Option<&Holding>,
) -> bool {
    let (Some(held), Some(holds)) = (held, holds) else {
        return false;
    };
    let mut parts = before.parts.iter();
    let expires = parts.any(|part| part.kind == PartKind::Index && lets_expire(&part.definition));
    expires && held.rows > 0 && (holds.rows < held.rows || !held.same_keys(holds))
}

/// Whether a column's values may hold others by name: documents, arrays, JSON.
pub(super) fn holds_documents(kind: ObjectKind, column: &Column) -> bool {
    match kind {
        ObjectKind::Collection => {
            let mut types = column.data_type.split(", ");
            types.any(|one| matches!(one, "object" | "array"))
        }
        ObjectKind::Table | ObjectKind::PartitionedTable => {
            let name = column.data_type.as_str();
            matches!(name, "json" | "jsonb") || name.ends_with("[]")
        }
        _ => false,
    }
}
