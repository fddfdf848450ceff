//! The database's own facts: locale, settings, grants, comment; extension versions. Owner and
//! connection limit are given to a copy only when it is published, so they are not compared.

use std::collections::{BTreeMap, BTreeSet};

use super::content::Told;
use crate::engine::RestoreRequest;
use crate::snapshot::{DatabaseFacts, Snapshot, shown_setting};

pub(super) fn compare(
    archive: &Snapshot,
    copy: &Snapshot,
    request: &RestoreRequest,
    told: &mut Told,
) {
    let (expected, found) = (&archive.database, &copy.database);
    let name = &expected.name;
    locale(expected, found, told);
    sets(name, "setting", &expected.settings, &found.settings, told);
    if !request.no_privileges {
        sets(name, "grant", &expected.grants, &found.grants, told);
    }
    let comment = |facts: &DatabaseFacts| facts.comment.clone().unwrap_or_else(|| "none".into());
    told.unless_equal(name, "comment", &comment(expected), &comment(found));
    extensions(archive, copy, told);
}

/// A copy is made with the library that the server has now, so where the source's recorded
/// version is older than its own server's library, the library's is the one to expect. Servers
/// before 15 record none, which says nothing.
fn locale(expected: &DatabaseFacts, found: &DatabaseFacts, told: &mut Told) {
    const VERSION: &str = "collation version";
    let effective = |facts: &DatabaseFacts| -> BTreeMap<String, String> {
        let mut locale = facts.locale.clone();
        if let Some(library) = locale.remove("library version") {
            locale.insert(VERSION.to_owned(), library);
        }
        locale
    };
    let (expected_locale, found_locale) = (effective(expected), effective(found));
    let keys: BTreeSet<&String> = expected_locale.keys().chain(found_locale.keys()).collect();
    for key in keys {
        let (a, b) = (expected_locale.get(key), found_locale.get(key));
        if key == VERSION && (a.is_none() || b.is_none()) {
            continue;
        }
        let said = |value: Option<&String>| value.cloned().unwrap_or_else(|| "none".to_owned());
        told.unless_equal(&expected.name, key, &said(a), &said(b));
    }
}

/// Lines that only one side has; two about the same name (up to `=`) are told as one.
fn sets(name: &str, kind: &str, expected: &[String], found: &[String], told: &mut Told) {
    let about = |line: &str| line.split('=').next().unwrap_or_default().to_owned();
    let mut extra: Vec<&String> = found.iter().filter(|l| !expected.contains(l)).collect();
    for line in expected.iter().filter(|line| !found.contains(line)) {
        let other = extra.iter().position(|other| about(other) == about(line));
        let other = other.map(|at| extra.remove(at).as_str());
        let other = other.map_or_else(|| "missing".to_owned(), shown_setting);
        told.tell(name, kind, shown_setting(line), other);
    }
    for line in extra {
        told.tell(name, kind, "nothing", shown_setting(line));
    }
}

/// Versions and schemas. That one is missing is told as any other missing definition, under
/// the same words, by the comparison of definitions too.
fn extensions(archive: &Snapshot, copy: &Snapshot, told: &mut Told) {
    for extension in &archive.extensions {
        let name = &super::naming::quote(&extension.name);
        let Some(other) = copy.extensions.iter().find(|e| e.name == extension.name) else {
            let version = format!("version {}", extension.version);
            told.tell(name, "extension", version, "missing");
            continue;
        };
        let said = |version: &str| format!("version {version}");
        let (a, b) = (said(&extension.version), said(&other.version));
        told.unless_equal(name, "extension", &a, &b);
        let said = |schema: &str| format!("schema {schema}");
        let (a, b) = (said(&extension.schema), said(&other.schema));
        told.unless_equal(name, "extension", &a, &b);
    }
    for extension in &copy.extensions {
        if !archive.extensions.iter().any(|e| e.name == extension.name) {
            let name = &super::naming::quote(&extension.name);
            let version = format!("version {}", extension.version);
            told.tell(name, "extension", "nothing", version);
        }
    }
}
