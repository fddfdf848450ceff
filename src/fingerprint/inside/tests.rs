use ::bson::{RawDocumentBuf, rawdoc};

use super::*;

fn documents(documents: &[RawDocumentBuf]) -> Inside {
    let mut hasher = InsideHasher::new();
    for document in documents {
        hasher.document(document.as_bytes(), None).unwrap();
    }
    hasher.finish()
}

fn json(rows: &[(&str, &str)]) -> Inside {
    let mut hasher = InsideHasher::new();
    for (key, text) in rows {
        let columns = [("data", text.as_bytes())].into_iter();
        let key = Some(crate::fingerprint::value_hash(key.as_bytes()).0);
        hasher.copied_row(key, columns);
        hasher.json("data", key, text).unwrap();
    }
    hasher.finish()
}

fn counts(inside: &Inside, field: &str) -> Vec<(String, u64)> {
    let paths = inside.fields[field].paths.as_ref().unwrap().iter();
    paths
        .map(|path| (path.name.clone(), path.content.unwrap().non_null))
        .collect()
}

fn content(inside: &Inside, field: &str, path: &str) -> ColumnContent {
    let mut paths = inside.fields[field].paths.as_ref().unwrap().iter();
    paths.find(|one| one.name == path).unwrap().content.unwrap()
}

fn expected(paths: &[(&str, u64)]) -> Vec<(String, u64)> {
    let paths = paths.iter();
    paths
        .map(|(path, count)| ((*path).to_owned(), *count))
        .collect()
}

#[test]
fn documents_arrays_and_what_they_hold_are_counted_by_path() {
    let found = documents(&[
        rawdoc! { "_id": 1, "plain": 1, "address": { "zip": "1", "geo": { "x": 1, "y": null } } },
        rawdoc! { "_id": 2, "address": { "zip": "2" },
        "items": [{ "price": 5 }, { "price": 6 }, 7, []] },
    ]);
    assert_eq!(
        found.fields.keys().collect::<Vec<_>>(),
        ["address", "items"]
    );
    let address = [
        ("address.geo", 1),
        ("address.geo.x", 1),
        ("address.geo.y", 0),
        ("address.zip", 2),
    ];
    assert_eq!(counts(&found, "address"), expected(&address));
    let items = [("items.$", 4), ("items.$.price", 2)];
    assert_eq!(counts(&found, "items"), expected(&items));
    assert_eq!(found.fields["items"].all.non_null, 6);
    let types = &found.fields["items"].paths.as_ref().unwrap()[0].data_type;
    assert_eq!(types, "object, array, int");
}

#[test]
fn a_value_on_another_document_is_another_keyed_sum() {
    let of = |a: i32, b: i32| {
        documents(&[
            rawdoc! { "_id": 1, "x": { "y": a } },
            rawdoc! { "_id": 2, "x": { "y": b } },
        ])
    };
    let (one, other) = (of(1, 2), of(2, 1));
    let (one, other) = (content(&one, "x", "x.y"), content(&other, "x", "x.y"));
    assert_eq!(one.fingerprint, other.fingerprint);
    assert_ne!(one.keyed.unwrap(), other.keyed.unwrap());
    assert!(one.varied);
    let unkeyed = documents(&[rawdoc! { "x": { "y": 1 } }]);
    assert_eq!(content(&unkeyed, "x", "x.y").keyed, None);
}

#[test]
fn a_value_inside_is_hashed_as_one_of_a_field() {
    let mut top = crate::fingerprint::DocumentHasher::new();
    let flat = [1, 2].map(|n| rawdoc! { "_id": n, "name": format!("n{n}") });
    for document in &flat {
        top.document(document.as_bytes()).unwrap();
    }
    let fields = top.finish().fields();
    let name = fields.iter().find(|field| field.name == "name").unwrap();
    let nested = [1, 2].map(|n| rawdoc! { "_id": n, "who": { "name": format!("n{n}") } });
    let inside = documents(&nested);
    assert_eq!(content(&inside, "who", "who.name"), name.content);
    let plain = documents(&flat);
    assert_eq!(plain.columns.unwrap()["name"], name.content);
}

#[test]
fn json_is_counted_by_path_and_hashed_as_columns_are() {
    let found = json(&[
        (
            "1",
            r#"{"a": "x\ty", "b": [1, {"c": true}], "d": null, "é\"": {}}"#,
        ),
        ("2", r#"{"a": "z"}"#),
    ]);
    let paths = [
        ("data.a", 2),
        ("data.b", 1),
        ("data.b.$", 2),
        ("data.b.$.c", 1),
        ("data.d", 0),
        ("data.é\"", 1),
    ];
    assert_eq!(counts(&found, "data"), expected(&paths));
    let mut rows = crate::fingerprint::RowHasher::new(2, Some(vec![0]));
    rows.rows(b"1\tx\\ty\n2\tz\n").unwrap();
    let column = rows.finish().unwrap().columns[1];
    assert_eq!(content(&found, "data", "data.a"), column);
    let truth = json(&[("1", r#"{"a": true}"#)]);
    let mut rows = crate::fingerprint::RowHasher::new(2, Some(vec![0]));
    rows.rows(b"1\tt\n").unwrap();
    let column = rows.finish().unwrap().columns[1];
    assert_eq!(content(&truth, "data", "data.a"), column);
}

#[test]
fn what_is_not_json_is_an_error_and_scalars_have_no_inside() {
    let mut hasher = InsideHasher::new();
    assert!(hasher.json("data", None, "{\"a\": ").is_err());
    let found = json(&[("1", "5"), ("2", "null"), ("3", "\"text\"")]);
    assert_eq!(found.rows, 3);
    assert_eq!(found.columns.as_ref().unwrap()["data"].non_null, 3);
    assert!(counts(&found, "data").is_empty());
}

#[test]
fn names_that_are_data_are_counted_as_one() {
    let document = |n: i32| {
        let mut prices = RawDocumentBuf::new();
        for day in 0..40 {
            let name = ::bson::raw::CString::try_from(format!("d{n}-{day}")).unwrap();
            prices.append(&name, day);
        }
        rawdoc! { "_id": n, "prices": prices, "a": { "b": n } }
    };
    let all: Vec<_> = (0..20).map(document).collect();
    let found = documents(&all);
    assert_eq!(found.fields["prices"].paths, None);
    assert_eq!(found.fields["prices"].all.non_null, 800);
    assert_eq!(counts(&found, "a"), expected(&[("a.b", 20)]));
    let mut backwards = all.clone();
    backwards.reverse();
    assert_eq!(documents(&backwards), found);
}

#[test]
fn what_is_nested_deeper_than_documents_may_be_is_a_whole() {
    let mut document = rawdoc! { "x": 1 };
    for _ in 0..150 {
        document = rawdoc! { "d": document };
    }
    let found = documents(&[document]);
    assert_eq!(found.fields["d"].paths.as_ref().unwrap().len(), DEEPEST);
}
