use proptest::prelude::*;

use super::*;

fn hash(columns: usize, key: Option<Vec<usize>>, data: &[u8]) -> Hashed {
    let mut hasher = RowHasher::new(columns, key);
    hasher.rows(data).unwrap();
    hasher.finish().unwrap()
}

fn text(rows: &[Vec<String>]) -> Vec<u8> {
    let mut out = Vec::new();
    for row in rows {
        out.extend_from_slice(row.join("\t").as_bytes());
        out.push(b'\n');
    }
    out
}

/// Rows of three fields: a number that is the key, and two values that may be null or empty.
fn rows() -> impl Strategy<Value = Vec<Vec<String>>> {
    let value = prop_oneof![
        Just("\\N".to_owned()),
        Just(String::new()),
        "[a-c]{1,2}",
        "[^\t\n]{0,40}",
    ];
    let values = proptest::collection::vec((value.clone(), value), 0..30);
    values.prop_map(|values| {
        let row = |(number, (a, b)): (usize, (String, String))| vec![number.to_string(), a, b];
        values.into_iter().enumerate().map(row).collect()
    })
}

proptest! {
    #[test]
    fn order_does_not_matter(mut rows in rows(), seed in any::<u64>()) {
        let before = hash(3, Some(vec![0]), &text(&rows));
        let length = rows.len().max(1);
        for index in 0..rows.len() {
            let other = usize::try_from(seed.rotate_left(u32::try_from(index).unwrap()) % 997).unwrap();
            rows.swap(index, other % length);
        }
        let after = hash(3, Some(vec![0]), &text(&rows));
        prop_assert_eq!(before.fingerprint, after.fingerprint);
        prop_assert_eq!(before.key, after.key);
        prop_assert_eq!(before.columns, after.columns);
    }

    #[test]
    fn duplicates_count(rows in rows()) {
        prop_assume!(!rows.is_empty());
        let mut twice = rows.clone();
        twice.push(rows[0].clone());
        let mut thrice = twice.clone();
        thrice.push(rows[0].clone());
        let [one, two, three] = [rows, twice, thrice].map(|rows| hash(3, None, &text(&rows)));
        prop_assert_ne!(one.fingerprint, two.fingerprint);
        prop_assert_ne!(two.fingerprint, three.fingerprint);
        prop_assert_ne!(one.fingerprint, three.fingerprint);
    }

    #[test]
    fn pieces_of_any_size_give_the_same(rows in rows(), cuts in proptest::collection::vec(0..200_usize, 0..20)) {
        let data = text(&rows);
        let whole = hash(3, Some(vec![2, 0]), &data);
        let mut hasher = RowHasher::new(3, Some(vec![2, 0]));
        let mut rest = data.as_slice();
        for cut in cuts {
            let (piece, after) = rest.split_at(cut.min(rest.len()));
            hasher.rows(piece).unwrap();
            rest = after;
        }
        hasher.rows(rest).unwrap();
        prop_assert_eq!(hasher.finish().unwrap(), whole);
    }

    #[test]
    fn parts_merge_to_the_whole(rows in rows(), at in any::<prop::sample::Index>()) {
        let cut = at.index(rows.len() + 1);
        let whole = hash(3, Some(vec![0]), &text(&rows));
        let mut merged = hash(3, Some(vec![0]), &text(&rows[..cut]));
        merged.merge(&hash(3, Some(vec![0]), &text(&rows[cut..])));
        prop_assert_eq!(&merged, &whole);
        let mut from_nothing = Hashed::empty(3, true);
        from_nothing.merge(&whole);
        prop_assert_eq!(&from_nothing, &whole);
    }

    #[test]
    fn any_changed_field_changes_the_sums(rows in rows(), at in any::<prop::sample::Index>(), column in 1..3_usize) {
        prop_assume!(!rows.is_empty());
        let mut changed = rows.clone();
        changed[at.index(rows.len())][column].push('!');
        let before = hash(3, Some(vec![0]), &text(&rows));
        let after = hash(3, Some(vec![0]), &text(&changed));
        prop_assert_ne!(before.fingerprint, after.fingerprint);
        prop_assert_ne!(before.columns[column], after.columns[column]);
        prop_assert_eq!(before.columns[3 - column], after.columns[3 - column]);
        prop_assert_eq!(before.key, after.key);
    }
}

#[test]
fn keyed_sums_tell_swapped_values_apart() {
    let before = hash(2, Some(vec![0]), b"1\tann\n2\tbob\n");
    let swapped = hash(2, Some(vec![0]), b"1\tbob\n2\tann\n");
    assert_eq!(
        before.columns[1].fingerprint,
        swapped.columns[1].fingerprint
    );
    assert_ne!(before.columns[1].keyed, swapped.columns[1].keyed);
    assert_ne!(before.fingerprint, swapped.fingerprint);
    assert_eq!(before.key, swapped.key);
}

#[test]
fn sums_are_what_the_format_says() {
    let hashed = hash(3, Some(vec![2, 0]), b"a\t\\N\tb\n");
    let key = value_hash(b"b\ta");
    assert_eq!(hashed.fingerprint, value_hash(b"a\t\\N\tb"));
    assert_eq!(hashed.key, Some(key));
    assert_eq!(hashed.columns[0].fingerprint, value_hash(b"a"));
    assert_eq!(
        hashed.columns[0].keyed,
        Some(keyed_hash(value_hash(b"a"), key))
    );
    assert_eq!(hashed.columns[1].non_null, 0);
    assert_eq!(hashed.columns[1].fingerprint, Fingerprint::default());
    assert_eq!(hashed.columns[1].keyed, Some(Fingerprint::default()));
}

#[test]
fn the_hash_is_xxh3_of_128_bits() {
    // The published value for no input at all.
    let published = "99aa06d3014798d86001c324468d497f";
    assert_eq!(value_hash(b"").to_string(), published);
}

#[test]
fn varied_means_two_different_values() {
    let same = hash(2, None, b"x\t1\nx\t\\N\n\\N\t1\n");
    assert!(!same.columns[0].varied && !same.columns[1].varied);
    let mut both = hash(1, None, b"\\N\nx\n");
    both.merge(&hash(1, None, b"x\n"));
    assert!(!both.columns[0].varied);
    both.merge(&hash(1, None, b"y\n"));
    assert!(both.columns[0].varied);
}

#[test]
fn empty_text_is_a_value_and_null_is_not() {
    let hashed = hash(1, None, b"\n\\N\n\\\\N\n");
    assert_eq!(hashed.rows, 3);
    assert_eq!(hashed.columns[0].non_null, 2);
}

#[test]
fn a_table_without_columns_has_empty_lines_as_rows() {
    assert_eq!(hash(0, None, b"\n\n\n").rows, 3);
    let wrong = RowHasher::new(0, None).rows(b"x\n");
    assert_eq!(
        wrong,
        Err(RowError::FieldCount {
            row: 1,
            expected: 0,
            found: 1
        })
    );
}

#[test]
fn wrong_numbers_of_fields_are_refused() {
    let mut hasher = RowHasher::new(2, None);
    hasher.rows(b"a\tb\n").unwrap();
    let few = hasher.rows(b"a\n");
    assert_eq!(
        few,
        Err(RowError::FieldCount {
            row: 2,
            expected: 2,
            found: 1
        })
    );
    let many = RowHasher::new(2, None).rows(b"a\tb\tc\n");
    assert_eq!(
        many,
        Err(RowError::FieldCount {
            row: 1,
            expected: 2,
            found: 3
        })
    );
}

#[test]
fn a_row_without_its_end_is_refused() {
    let mut hasher = RowHasher::new(1, None);
    hasher.rows(b"a\nb").unwrap();
    assert_eq!(hasher.finish(), Err(RowError::Unterminated { row: 2 }));
}

#[test]
fn a_key_outside_the_columns_is_refused() {
    let wrong = RowHasher::new(1, Some(vec![1])).rows(b"a\n");
    assert_eq!(
        wrong,
        Err(RowError::NoSuchKeyColumn {
            column: 1,
            columns: 1
        })
    );
}

#[test]
fn large_objects_hash_their_number_too() {
    let mut pieces = LargeObjectHasher::new(7);
    pieces.update(b"con");
    pieces.update(b"tent");
    assert_eq!(pieces.finish(), value_hash(b"\x07\0\0\0content"));
    assert_ne!(
        LargeObjectHasher::new(7).finish(),
        LargeObjectHasher::new(8).finish()
    );
}
