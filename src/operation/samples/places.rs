//! Where an object's rows are in an archive, and by which key they are told apart.

use crate::snapshot::{Object, ObjectKind, Snapshot};

/// The object of that name that may have rows.
pub(in super::super) fn found<'s>(snapshot: &'s Snapshot, name: &str) -> Option<&'s Object> {
    let holds_rows = |object: &&Object| {
        use ObjectKind as Kind;
        let kinds = [
            Kind::Table,
            Kind::PartitionedTable,
            Kind::Collection,
            Kind::TimeSeries,
        ];
        object.name == name && kinds.contains(&object.kind)
    };
    snapshot.objects.iter().find(holds_rows)
}

/// The objects that hold an object's rows, itself or its leaves, and how many there are.
pub(in super::super) fn members<'s>(
    snapshot: &'s Snapshot,
    object: &Object,
) -> (Vec<&'s str>, u64) {
    let of = |one: &&Object| one.name == object.name || one.root.as_ref() == Some(&object.name);
    let with_rows = snapshot.objects.iter().filter(of);
    let mut rows = 0;
    let names = with_rows
        .filter_map(|one| {
            rows += one.content.as_ref()?.rows;
            Some(&*one.name)
        })
        .collect();
    (names, rows)
}

/// The key that all members have.
pub(in super::super) fn key_of(snapshot: &Snapshot, members: &[&str]) -> Option<Vec<String>> {
    let objects = snapshot.objects.iter();
    let mut keys = objects
        .filter(|object| object.content.is_some() && members.contains(&&*object.name))
        .map(|object| {
            object
                .content
                .as_ref()?
                .key
                .as_ref()
                .map(|key| &key.columns)
        });
    let first = keys.next()??;
    keys.all(|key| key == Some(first)).then(|| first.clone())
}

/// Columns of a table that are stored, in their order.
pub(super) fn columns_of(object: &Object) -> Vec<&str> {
    if !matches!(
        object.kind,
        ObjectKind::Table | ObjectKind::PartitionedTable
    ) {
        return Vec::new();
    }
    let columns = object.columns.iter().filter(|c| c.generated.is_none());
    columns.map(|column| &*column.name).collect()
}
