use bson::spec::BinarySubtype;
use bson::{Binary, RawDocumentBuf, rawdoc};
use proptest::prelude::*;

use super::*;

fn hashed(documents: &[RawDocumentBuf]) -> HashedDocuments {
    let mut hasher = DocumentHasher::new();
    for document in documents {
        hasher.document(document.as_bytes()).unwrap();
    }
    hasher.finish()
}

fn field(hashed: &HashedDocuments, name: &str) -> HashedField {
    let mut fields = hashed.fields().into_iter();
    fields.find(|field| field.name == name).unwrap()
}

fn types(hashed: &HashedDocuments, name: &str) -> String {
    let names: Vec<_> = field(hashed, name).types.names().collect();
    names.join(", ")
}

/// A document out of elements as they are, whatever they are.
fn document(elements: &[u8]) -> Vec<u8> {
    let length = u32::try_from(elements.len() + 5).unwrap();
    [&length.to_le_bytes()[..], elements, &[0]].concat()
}

#[test]
fn documents_in_another_order_are_the_same() {
    let [a, b, c] = [1, 2, 3].map(|n| rawdoc! { "_id": n, "x": n * 10, "y": "same" });
    let one = hashed(&[a.clone(), b.clone(), c.clone()]);
    let other = hashed(&[c, a, b]);
    assert_eq!(one.content(), other.content());
    assert_eq!(one.fields(), other.fields());
}

#[test]
fn everything_about_a_document_counts() {
    let original = hashed(&[rawdoc! { "_id": 1, "a": 1, "b": "x" }]).content();
    let others = [
        rawdoc! { "_id": 1, "a": 2, "b": "x" },
        rawdoc! { "_id": 1, "b": "x", "a": 1 },
        rawdoc! { "_id": 1, "a": 1_i64, "b": "x" },
        rawdoc! { "_id": 1, "a": 1.0, "b": "x" },
        rawdoc! { "_id": 1, "a": 1, "c": "x" },
        rawdoc! { "_id": 1, "a": 1 },
        rawdoc! { "_id": 1, "a": 1, "b": "x", "n": null },
    ];
    for other in others {
        assert_ne!(hashed(&[other]).content().fingerprint, original.fingerprint);
    }
    let twice = rawdoc! { "_id": 1, "a": 1, "b": "x" };
    assert_eq!(hashed(&[twice.clone(), twice]).documents, 2);
}

#[test]
fn a_number_of_another_type_is_another_value() {
    let int = hashed(&[rawdoc! { "_id": 1, "n": 0 }]);
    let date = hashed(&[rawdoc! { "_id": 1, "n": 0_i64 }]);
    let long = hashed(&[rawdoc! { "_id": 1, "n": bson::DateTime::from_millis(0) }]);
    let [int, date, long] = [int, date, long].map(|hashed| field(&hashed, "n").content.fingerprint);
    assert!(int != date && date != long && int != long);
}

#[test]
fn a_renamed_field_keeps_its_sums_and_swapped_values_keep_only_one() {
    let values = |name: &str, a: &str, b: &str| {
        let mut documents = [rawdoc! { "_id": 1 }, rawdoc! { "_id": 2 }];
        let name = bson::raw::CString::try_from(name).unwrap();
        documents[0].append(&name, a);
        documents[1].append(&name, b);
        field(&hashed(&documents), name.as_str()).content
    };
    let original = values("name", "x", "y");
    assert_eq!(original, values("title", "x", "y"));
    let swapped = values("name", "y", "x");
    assert_eq!(original.fingerprint, swapped.fingerprint);
    assert_ne!(original.keyed, swapped.keyed);
    assert!(original.varied && !values("name", "x", "x").varied);
}

#[test]
fn nulls_take_no_part_and_are_counted() {
    let with = hashed(&[
        rawdoc! { "_id": 1, "a": null },
        rawdoc! { "_id": 2, "a": 7 },
        rawdoc! { "_id": 3 },
    ]);
    let found = field(&with, "a");
    assert_eq!(
        (found.present, found.nulls, found.content.non_null),
        (2, 1, 1)
    );
    assert_eq!(types(&with, "a"), "int, null");
    let column = with.columns().into_iter().find(|c| c.name == "a").unwrap();
    assert!(column.nullable);
    assert_eq!(column.data_type, "int, null");
    let without = hashed(&[
        rawdoc! { "_id": 1 },
        rawdoc! { "_id": 2, "a": 7 },
        rawdoc! { "_id": 3 },
    ]);
    assert_eq!(field(&without, "a").content, found.content);
    assert_ne!(with.fingerprint, without.fingerprint);
}

#[test]
fn every_type_is_skipped_by_its_length_and_named() {
    let mut elements: Vec<u8> = Vec::new();
    let mut expected = Vec::new();
    let nested = document(&[0x10, b'x', 0, 1, 0, 0, 0]);
    let string = [&3_u32.to_le_bytes()[..], b"ab\0"].concat();
    let scope_length = u32::try_from(4 + string.len() + nested.len()).unwrap();
    let values: [(u8, &str, Vec<u8>); 21] = [
        (0x01, "double", vec![1; 8]),
        (0x02, "string", string.clone()),
        (0x03, "object", nested.clone()),
        (0x04, "array", nested.clone()),
        (
            0x05,
            "binData",
            [&2_u32.to_le_bytes()[..], &[0, 9, 9]].concat(),
        ),
        (0x06, "undefined", vec![]),
        (0x07, "objectId", vec![7; 12]),
        (0x08, "bool", vec![1]),
        (0x09, "date", vec![2; 8]),
        (0x0a, "null", vec![]),
        (0x0b, "regex", b"a.*\0im\0".to_vec()),
        (0x0c, "dbPointer", [&string[..], &[7; 12]].concat()),
        (0x0d, "javascript", string.clone()),
        (0x0e, "symbol", string.clone()),
        (
            0x0f,
            "javascriptWithScope",
            [&scope_length.to_le_bytes()[..], &string, &nested].concat(),
        ),
        (0x10, "int", vec![3; 4]),
        (0x11, "timestamp", vec![4; 8]),
        (0x12, "long", vec![5; 8]),
        (0x13, "decimal", vec![6; 16]),
        (0x7f, "maxKey", vec![]),
        (0xff, "minKey", vec![]),
    ];
    let mut boundaries = vec![0];
    for (kind, name, value) in values {
        elements.push(kind);
        elements.extend_from_slice(name.as_bytes());
        elements.push(0);
        elements.extend_from_slice(&value);
        boundaries.push(elements.len());
        expected.push(name.to_owned());
    }
    let mut hasher = DocumentHasher::new();
    let whole = document(&elements);
    hasher.document(&whole).unwrap();
    let hashed = hasher.finish();
    assert_eq!(hashed.fields().len(), 21);
    for name in expected {
        assert_eq!(types(&hashed, &name), name);
    }
    // Cut anywhere but between two elements it is not BSON.
    for end in 0..elements.len() {
        let cut = document(&elements[..end]);
        let walked = DocumentHasher::new().document(&cut);
        assert_eq!(walked.is_ok(), boundaries.contains(&end), "cut at {end}");
    }
    assert!(
        DocumentHasher::new()
            .document(&whole[..whole.len() - 1])
            .is_err()
    );
}

#[test]
fn what_is_not_bson_is_refused() {
    let refused = |bytes: &[u8]| {
        let mut hasher = DocumentHasher::new();
        hasher.document(rawdoc! { "_id": 1 }.as_bytes()).unwrap();
        let error = hasher.document(bytes).unwrap_err();
        assert_eq!(error.document, 2);
        error.problem
    };
    assert_eq!(refused(b""), DocumentProblem::Length);
    assert_eq!(refused(&[6, 0, 0, 0, 0]), DocumentProblem::Length);
    assert_eq!(refused(&[5, 0, 0, 0, 1]), DocumentProblem::Length);
    assert_eq!(refused(&document(b"\x0aname")), DocumentProblem::Name);
    assert_eq!(refused(&document(b"\x20n\0")), DocumentProblem::Type(0x20));
    assert_eq!(refused(&document(b"\x10n\0\x01")), DocumentProblem::Value);
    let negative = [b"\x02n\0".as_slice(), &(-5_i32).to_le_bytes()].concat();
    assert_eq!(refused(&document(&negative)), DocumentProblem::Value);
    let no_string = [b"\x02n\0".as_slice(), &[0; 4]].concat();
    assert_eq!(refused(&document(&no_string)), DocumentProblem::Value);
    let endless = [b"\x05n\0".as_slice(), &i32::MAX.to_le_bytes(), &[0]].concat();
    assert_eq!(refused(&document(&endless)), DocumentProblem::Value);
    assert_eq!(
        refused(&document(b"\x0bn\0a.*\0im")),
        DocumentProblem::Value
    );
}

#[test]
fn names_twice_text_that_is_not_utf8_and_any_depth_are_fine() {
    let mut deep = document(&[]);
    for _ in 0..10_000 {
        deep = document(&[b"\x03d\0", &deep[..]].concat());
    }
    let elements = [
        b"\x10_id\0\x01\0\0\0".as_slice(),
        b"\x10a\0\x01\0\0\0\x10a\0\x02\0\0\0",
        b"\x02\xff\xfe\0\x03\0\0\0\xc3\x28\0",
        b"\x03deep\0",
        &deep,
    ];
    let mut hasher = DocumentHasher::new();
    hasher.document(&document(&elements.concat())).unwrap();
    let hashed = hasher.finish();
    assert_eq!(hashed.repeated_names, 1);
    let twice = field(&hashed, "a");
    assert_eq!((twice.present, twice.content.varied), (2, true));
    assert_eq!(types(&hashed, "\\xff\\xfe"), "string");
}

#[test]
fn without_an_id_nothing_is_keyed() {
    let hashed = hashed(&[rawdoc! { "_id": 1, "a": 1 }, rawdoc! { "a": 2 }]);
    assert_eq!(hashed.without_id, 1);
    assert_eq!(hashed.key(), None);
    assert_eq!(field(&hashed, "a").content.keyed, None);
    assert_eq!(hashed.content().key, None);
}

#[test]
fn an_id_that_is_not_first_is_the_key_all_the_same() {
    let first = hashed(&[rawdoc! { "_id": 1, "a": 5 }, rawdoc! { "_id": 2, "a": 6 }]);
    let last = hashed(&[rawdoc! { "a": 5, "_id": 1 }, rawdoc! { "a": 6, "_id": 2 }]);
    assert_eq!(first.key(), last.key());
    assert_eq!(first.fields(), last.fields());
    assert_ne!(first.fingerprint, last.fingerprint);
}

/// Documents that use names as data.
fn names_as_data(names: impl IntoIterator<Item = usize>) -> Vec<RawDocumentBuf> {
    let document = |n: usize| {
        let mut document = rawdoc! { "_id": i64::try_from(n).unwrap(), "always": 1 };
        let name = bson::raw::CString::try_from(format!("user{n}")).unwrap();
        document.append(&name, "x");
        document
    };
    names.into_iter().map(document).collect()
}

#[test]
fn too_many_names_are_bounded_and_which_are_listed_does_not_hang_on_the_order() {
    let forth = hashed(&names_as_data(0..5000));
    let back = hashed(&names_as_data((0..5000).rev()));
    assert_eq!(forth.fields().len(), LISTED_FIELDS);
    assert_eq!(forth.fields(), back.fields());
    assert_eq!(forth.content(), back.content());
    assert_eq!(
        forth.content().unlisted,
        5002 - LISTED_FIELDS as u64 + values_of_always(&forth)
    );
    let mut merged = hashed(&names_as_data(2000..5000));
    merged.merge(&hashed(&names_as_data(0..2000)));
    assert_eq!(merged.fields(), forth.fields());
    assert_eq!(merged.content(), forth.content());
    field(&forth, "_id");
}

/// `always` has 5,000 values: whether it is listed is up to its hash.
fn values_of_always(hashed: &HashedDocuments) -> u64 {
    let listed = hashed.fields().iter().any(|field| field.name == "always");
    if listed { 0 } else { 4999 }
}

#[test]
fn a_name_that_pushes_another_out_takes_none_of_its_values() {
    // One document with more names than are listed, then the same names one by one.
    let mut wide = RawDocumentBuf::new();
    let mut narrow = Vec::new();
    for n in 0..3000 {
        let name = bson::raw::CString::try_from(format!("n{n}")).unwrap();
        wide.append(&name, n);
        let mut one = RawDocumentBuf::new();
        one.append(&name, n);
        narrow.push(one);
    }
    let sums = |hashed: &HashedDocuments| -> Vec<_> {
        let fields = hashed.fields().into_iter();
        fields.map(|f| (f.name, f.content.fingerprint)).collect()
    };
    assert_eq!(sums(&hashed(&[wide])), sums(&hashed(&narrow)));
}

#[test]
fn a_giant_name_is_not_kept() {
    let mut document = RawDocumentBuf::new();
    document.append(
        bson::raw::CString::try_from("n".repeat(1 << 20)).unwrap(),
        1,
    );
    let hashed = hashed(&[document]);
    assert_eq!((hashed.fields().len(), hashed.unlisted), (0, 1));
}

fn any_document() -> impl Strategy<Value = RawDocumentBuf> {
    let value = prop_oneof![
        any::<i32>().prop_map(bson::RawBson::from),
        any::<i64>().prop_map(bson::RawBson::from),
        any::<f64>().prop_map(bson::RawBson::from),
        any::<bool>().prop_map(bson::RawBson::from),
        ".{0,20}".prop_map(bson::RawBson::from),
        Just(bson::RawBson::Null),
        prop::collection::vec(any::<u8>(), 0..40).prop_map(|bytes| bson::RawBson::Binary(Binary {
            subtype: BinarySubtype::Generic,
            bytes
        })),
    ];
    prop::collection::vec(("[a-f]", value), 0..8).prop_map(|fields| {
        let mut document = RawDocumentBuf::new();
        document.append(bson::cstr!("_id"), bson::oid::ObjectId::new());
        for (name, value) in fields {
            document.append(bson::raw::CString::try_from(name).unwrap(), value);
        }
        document
    })
}

proptest! {
    /// However a collection is cut into parts, and in whatever order they are added up.
    #[test]
    fn parts_add_up(documents in prop::collection::vec(any_document(), 0..30), at in any::<prop::sample::Index>()) {
        let whole = hashed(&documents);
        let at = at.index(documents.len() + 1);
        let (a, b) = documents.split_at(at);
        let mut merged = hashed(b);
        merged.merge(&hashed(a));
        prop_assert_eq!(merged.fields(), whole.fields());
        prop_assert_eq!(merged.content(), whole.content());
        prop_assert_eq!(merged.repeated_names, whole.repeated_names);
    }

    /// Whatever the bytes are, they are hashed or refused.
    #[test]
    fn any_bytes_are_hashed_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = DocumentHasher::new().document(&bytes);
        let _ = DocumentHasher::new().document(&document(&bytes));
    }
}
