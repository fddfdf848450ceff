//! Rows held against each other, in groups as small as can be, and against the plain way.

use std::collections::BTreeMap;

use super::names::Names;
use super::rows::{Buckets, Fetching, Gathering, Summing};
use crate::engine::rows::{Field, RowVisitor};

type Table = BTreeMap<u64, String>;

fn show(table: &Table, visitor: &mut dyn RowVisitor) {
    for (id, name) in table {
        let id = id.to_string();
        let field = |name, raw| Field { name, raw, kind: 0 };
        let fields = [field("id", id.as_bytes()), field("name", name.as_bytes())];
        if visitor.row(&fields).is_break() {
            break;
        }
    }
}

fn names(key: &[&str]) -> Names {
    Names::before(&[], key.iter().map(|name| (*name).to_owned()).collect())
}

/// Rows added, removed, changed, and how many groups it took.
fn counted(a: &Table, b: &Table, names: &Names, at_once: u64) -> ((u64, u64, u64), usize) {
    let mut buckets = Buckets::of(a.len().max(b.len()) as u64);
    for (table, second) in [(a, false), (b, true)] {
        let buckets = &mut buckets;
        show(
            table,
            &mut Summing {
                names,
                buckets,
                second,
            },
        );
    }
    let groups = buckets.groups(at_once);
    let mut counts = (0, 0, 0);
    for group in &groups {
        let mut gathering = Gathering::new(names, group);
        show(a, &mut gathering);
        let mut matching = gathering.against(names, 3);
        show(b, &mut matching);
        let found = matching.finish();
        counts = (
            counts.0 + found.added,
            counts.1 + found.removed,
            counts.2 + found.changed,
        );
        assert!(found.new.len() <= 3 && found.now.len() <= 3 && found.gone.len() <= 3);
        let mut fetching = Fetching::new(names, found.gone.iter().copied());
        show(a, &mut fetching);
        assert_eq!(fetching.missing, 0);
    }
    (counts, groups.len())
}

fn table(ids: std::ops::Range<u64>) -> Table {
    ids.map(|id| (id, format!("name {id}"))).collect()
}

#[test]
fn what_came_went_and_changed_is_counted_whatever_fits_at_once() {
    let a = table(0..3000);
    let mut b = table(10..3005);
    for id in (20..300).step_by(7) {
        b.insert(id, "another".to_owned());
    }
    let changed = (20..300).step_by(7).count() as u64;
    for at_once in [u64::MAX, 500, 100] {
        let (counts, groups) = counted(&a, &b, &names(&["id"]), at_once);
        assert_eq!(counts, (5, 10, changed));
        assert_eq!(groups > 1, at_once == 100, "{groups}");
    }
    assert_eq!(counted(&a, &a, &names(&["id"]), 10), ((0, 0, 0), 0));
}

#[test]
fn without_a_key_whole_rows_are_counted() {
    let (a, mut b) = (table(0..100), table(0..100));
    b.insert(5, "another".to_owned());
    assert_eq!(counted(&a, &b, &names(&[]), u64::MAX).0, (1, 1, 0));
}
