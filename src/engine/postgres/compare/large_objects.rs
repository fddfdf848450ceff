//! Large objects: content one by one, and who owns and may read them.

use std::collections::BTreeMap;

use super::content::Told;
use super::lines::shortened;
use crate::engine::RestoreRequest;
use crate::snapshot::{LargeObject, LargeObjects, Object, PartKind, Snapshot};

pub(super) fn compare(expected: &LargeObjects, found: &LargeObjects, told: &mut Told) {
    if expected == found {
        return;
    }
    let listed = |all: &LargeObjects| all.each.len() as u64 == all.count;
    if listed(expected) && listed(found) {
        one_by_one(&expected.each, &found.each, told);
    }
    let together = (expected.count, expected.bytes, expected.fingerprint);
    if together != (found.count, found.bytes, found.fingerprint) {
        let said = |all: &LargeObjects| {
            let LargeObjects {
                count,
                bytes,
                fingerprint,
                ..
            } = all;
            format!("{count} with {bytes} bytes, fingerprint {fingerprint}")
        };
        if !(listed(expected) && listed(found)) {
            told.tell("large objects", "large object", said(expected), said(found));
        }
    }
}

fn one_by_one(expected: &[LargeObject], found: &[LargeObject], told: &mut Told) {
    let mut found: BTreeMap<u32, &LargeObject> = found.iter().map(|o| (o.oid, o)).collect();
    let said = |object: &LargeObject| {
        let LargeObject {
            bytes, fingerprint, ..
        } = object;
        format!("{bytes} bytes, fingerprint {fingerprint}")
    };
    for object in expected {
        let name = format!("large object {}", object.oid);
        let other = found.remove(&object.oid);
        let other = other.map_or_else(|| "missing".to_owned(), said);
        told.unless_equal(&name, "large object", &said(object), &other);
    }
    for (oid, object) in found {
        let name = format!("large object {oid}");
        told.tell(&name, "large object", "nothing", said(object));
    }
}

/// What the table of contents of the main dump lacks: owners, comments and grants of large
/// objects. The facts list only those where they are not what they would be anyway.
pub(super) fn compare_facts(
    archive: &Snapshot,
    copy: &Snapshot,
    request: &RestoreRequest,
    told: &mut Told,
) {
    let (expected, found) = (listed(archive), listed(copy));
    let names: std::collections::BTreeSet<&str> =
        expected.keys().chain(found.keys()).copied().collect();
    for name in names {
        let (a, b) = (expected.get(name), found.get(name));
        if !request.no_owner {
            let owner = |object: Option<&&Object>, snapshot: &Snapshot| {
                object
                    .and_then(|o| o.owner.clone())
                    .unwrap_or_else(|| snapshot.database.owner.clone())
            };
            told.unless_equal(name, "owner", &owner(a, archive), &owner(b, copy));
        }
        let comment = |object: Option<&&Object>| {
            let text = object.and_then(|o| o.comment.clone());
            text.map_or_else(|| "none".to_owned(), |text| shortened(&text))
        };
        told.unless_equal(name, "comment", &comment(a), &comment(b));
        if !request.no_privileges {
            told.unless_equal(name, "grant", &grants(a), &grants(b));
        }
    }
}

fn listed(snapshot: &Snapshot) -> BTreeMap<&str, &Object> {
    let large = |object: &&Object| object.name.starts_with("large object ");
    let objects = snapshot.objects.iter().filter(large);
    objects.map(|object| (&*object.name, object)).collect()
}

fn grants(object: Option<&&Object>) -> String {
    let parts = object.map_or(&[][..], |object| &object.parts);
    let grants = parts.iter().filter(|part| part.kind == PartKind::Grant);
    let texts: Vec<String> = grants
        .map(|part| format!("{} to {}", part.definition, part.name))
        .collect();
    if texts.is_empty() {
        "none".to_owned()
    } else {
        texts.join("; ")
    }
}
