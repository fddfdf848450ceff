//! Documents of one collection.

use super::Told;
use crate::snapshot::{Column, ColumnContent, Content, Object, ObjectKind};

/// What an object holds, in words.
pub(super) fn said(object: &Object) -> String {
    match &object.content {
        Some(content) => counted(object.kind, content.rows),
        None => "its definition".to_owned(),
    }
}

fn counted(kind: ObjectKind, count: u64) -> String {
    let unit = match kind {
        ObjectKind::TimeSeries => "bucket",
        _ => "document",
    };
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {unit}{plural}")
}

pub(super) fn compare(expected: &Object, found: &Object, told: &mut Told) {
    let (Some(a), Some(b)) = (&expected.content, &found.content) else {
        if expected.content.is_some() && expected.kind == found.kind {
            told.tell(&expected.name, "documents", said(expected), "not read");
        }
        return;
    };
    let name = &expected.name;
    if a.rows != b.rows {
        told.tell(name, "documents", said(expected), said(found));
        return;
    }
    if a.fingerprint == b.fingerprint {
        return;
    }
    let before = told.0.len();
    fields(expected, found, told);
    if told.0.len() == before {
        let (a, b) = (whole(expected.kind, a), whole(found.kind, b));
        let form = "the same values, but the order of fields or nulls differ";
        told.tell(name, "content", a, format!("{b}: {form}"));
    }
}

fn whole(kind: ObjectKind, content: &Content) -> String {
    let counted = counted(kind, content.rows);
    format!("{counted} with fingerprint {}", content.fingerprint)
}

/// Names the fields whose values differ.
fn fields(expected: &Object, found: &Object, told: &mut Told) {
    let name = &expected.name;
    // Where there are too many names to list, one that is not listed says nothing.
    let all_listed = |object: &Object| object.content.as_ref().is_some_and(|c| c.unlisted == 0);
    let key = |object: &Object| {
        object
            .content
            .as_ref()
            .and_then(|content| content.key.clone())
    };
    let same_keys = key(expected) == key(found);
    for column in &expected.columns {
        match find(found, &column.name) {
            Some(other) => field(name, column, other, same_keys, told),
            None if all_listed(found) => {
                told.tell(name, "field", format!("field {}", column.name), "missing");
            }
            None => {}
        }
    }
    for column in &found.columns {
        if find(expected, &column.name).is_none() && all_listed(expected) {
            told.tell(name, "field", "nothing", format!("field {}", column.name));
        }
    }
}

fn find<'a>(object: &'a Object, field: &str) -> Option<&'a Column> {
    object.columns.iter().find(|column| column.name == field)
}

/// With other keys, every value is in another document: that a key differs says it all.
fn field(object: &str, expected: &Column, found: &Column, same_keys: bool, told: &mut Told) {
    let (Some(a), Some(b)) = (&expected.content, &found.content) else {
        return;
    };
    let field = &expected.name;
    if expected.data_type != found.data_type {
        told.tell(
            object,
            "type",
            format!("field {field}: {}", expected.data_type),
            format!("field {field}: {}", found.data_type),
        );
    } else if a.non_null != b.non_null || a.fingerprint != b.fingerprint {
        told.tell(object, "content", values(field, a), values(field, b));
    } else if same_keys && a.keyed.is_some() && b.keyed.is_some() && a.keyed != b.keyed {
        told.tell(
            object,
            "content",
            format!("field {field}: each value in its own document"),
            format!("field {field}: the same values in other documents"),
        );
    }
}

fn values(field: &str, content: &ColumnContent) -> String {
    let ColumnContent {
        non_null,
        fingerprint,
        ..
    } = content;
    let values = if *non_null == 1 { "value" } else { "values" };
    format!("field {field}: {non_null} {values}, fingerprint {fingerprint}")
}
