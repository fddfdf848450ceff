//! Fields that hold documents and arrays: what came, went and changed inside them. The facts of
//! two snapshots leave that open; whoever looks at the rows can tell.

use std::collections::{BTreeMap, BTreeSet};

use super::super::{
    Column, FieldInside, Fingerprint, Inside, Looked, Object, ObjectKind, Snapshot,
};
use super::columns::{self, Side};
use super::family::{Families, Holding};
use super::matching::holds_rows;
use super::open::holds_documents;
use super::{ColumnChange, ColumnChangeKind, Difference, Loss, LossKind, Values, losses};

impl Difference {
    /// Puts in what rows hold of an object of [`Difference::open_inside`]: each snapshot that was
    /// compared, with what its rows hold that were looked at.
    pub fn look_inside(
        &mut self,
        object: &str,
        (before, then): (&Snapshot, &Inside),
        (after, now): (&Snapshot, &Inside),
        looked: &Looked,
    ) {
        self.open_inside.retain(|name| name != object);
        let Some(change) = self.objects.iter_mut().find(|one| one.object == object) else {
            return;
        };
        let named = change.name_before().to_owned();
        let find = |snapshot: &Snapshot, name: &str| {
            let mut objects = snapshot.objects.iter();
            let holds_rows = |one: &&Object| one.name == name && holds_rows(one.kind);
            Families::of(snapshot).as_one(objects.find(holds_rows)?)
        };
        let (Some(mut a), Some(mut b)) = (find(before, &named), find(after, object)) else {
            return;
        };
        let told_before = losses::of_columns(change);
        let mut alike = change.clone();
        if let Looked::Common { .. } = looked {
            only_of(&mut a, then, Fingerprint(0));
            only_of(&mut b, now, Fingerprint(1));
            (alike.rows_before, alike.rows_after) = (Some(then.rows), Some(now.rows));
        }
        let columns = a.columns.clone();
        change.columns = compared((a, &then.fields), (b, &now.fields), &change.columns);
        alike.columns.clone_from(&change.columns);
        self.losses.retain(|loss| !told_before.contains(loss));
        let mut found = losses::of_columns(&alike);
        if let Looked::Common { emptied } = looked {
            let emptied = losses::of_emptied(&alike, emptied);
            let exactly = |loss: &Loss| emptied.iter().any(|one| one.object == loss.object);
            found.retain(|loss| loss.kind != LossKind::Values || !exactly(loss));
            found.extend(emptied);
        }
        found.extend(losses::narrowed::of_change(
            &alike,
            &columns,
            &self.narrowed,
        ));
        self.losses.extend(found);
        self.losses.sort();
        self.losses.dedup();
        self.loss = !self.losses.is_empty();
    }
}

/// Makes an object's content that of the rows that both sides have. Whether they are the same as
/// wholes was not looked at.
fn only_of(object: &mut Object, rows: &Inside, unlike: Fingerprint) {
    let Some(columns) = &rows.columns else {
        return;
    };
    for column in object
        .columns
        .iter_mut()
        .filter(|one| one.content.is_some())
    {
        column.content = Some(columns.get(&column.name).copied().unwrap_or_default());
    }
    if let Some(content) = &mut object.content {
        content.rows = rows.rows;
        content.fingerprint = unlike;
        if let Some(key) = &mut content.key {
            key.fingerprint = Fingerprint(0);
        }
    }
}

/// The changes of the fields and of what is inside them.
fn compared(
    (mut a, then): (Object, &BTreeMap<String, FieldInside>),
    (mut b, now): (Object, &BTreeMap<String, FieldInside>),
    known: &[ColumnChange],
) -> Vec<ColumnChange> {
    let skipped = match (Holding::of(&a), Holding::of(&b)) {
        (Some(held), Some(holds)) => settled_already(&held, &holds, known),
        _ => BTreeSet::new(),
    };
    let own: BTreeSet<String> = [&a, &b]
        .iter()
        .flat_map(|object| object.columns.iter().map(|column| column.name.clone()))
        .collect();
    let mut inside = BTreeSet::new();
    for name in then.keys().chain(now.keys()).collect::<BTreeSet<_>>() {
        if skipped.contains(name) {
            continue;
        }
        let (first, second) = paths(name, then.get(name), now.get(name));
        let mut put = |object: &mut Object, paths: Vec<Column>| {
            // A field may be called what a path is: that field is compared.
            for path in paths.into_iter().filter(|path| !own.contains(&path.name)) {
                inside.insert(path.name.clone());
                object.columns.push(path);
            }
        };
        put(&mut a, first);
        put(&mut b, second);
    }
    let (held, holds) = (Holding::of(&a), Holding::of(&b));
    let before = Side {
        object: &a,
        holding: held.as_ref(),
    };
    let after = Side {
        object: &b,
        holding: holds.as_ref(),
    };
    let found = columns::compare(before, after);
    let tree = Tree {
        before,
        after,
        inside: &inside,
        found: &found,
    };
    let told = found.iter().filter_map(|change| tree.told(change));
    told.map(|change| moved(known, &change).unwrap_or(change))
        .collect()
}

/// Fields that are the same, under whatever name: so is what is inside.
fn settled_already(held: &Holding, holds: &Holding, known: &[ColumnChange]) -> BTreeSet<String> {
    let same = held.columns.iter().filter(|(name, was)| {
        let is = holds.columns.get(*name);
        is.is_some_and(|is| columns::same_keyed(**was, *is))
    });
    let mut names: BTreeSet<String> = same.map(|(name, _)| name.clone()).collect();
    for change in known.iter().filter(|change| {
        change.change == ColumnChangeKind::Renamed && change.values == Values::Same
    }) {
        names.extend(change.from.clone());
        names.insert(change.name.clone());
    }
    names
}

/// What is inside one field on both sides: path by path, or all of it as one where one side has
/// too many paths.
fn paths(
    name: &str,
    then: Option<&FieldInside>,
    now: Option<&FieldInside>,
) -> (Vec<Column>, Vec<Column>) {
    let many = |side: Option<&FieldInside>| side.is_some_and(|one| one.paths.is_none());
    let as_one = many(then) || many(now);
    let of = |side: Option<&FieldInside>| match side {
        None => Vec::new(),
        Some(one) if as_one => vec![Column {
            name: format!("{name}.*"),
            content: Some(one.all),
            ..Column::default()
        }],
        Some(one) => one.paths.clone().unwrap_or_default(),
    };
    (of(then), of(now))
}

/// Where a field's values went to another object, or came from one, is known from before.
fn moved(known: &[ColumnChange], change: &ColumnChange) -> Option<ColumnChange> {
    use ColumnChangeKind as Kind;
    let elsewhere = known.iter().find(|one| {
        one.name == change.name
            && match one.change {
                Kind::Moved => change.change == Kind::Removed,
                Kind::Added => change.change == Kind::Added && one.from.is_some(),
                _ => false,
            }
    });
    elsewhere.cloned()
}

/// Fields with the paths inside them, and how each was found changed.
struct Tree<'a> {
    before: Side<'a>,
    after: Side<'a>,
    /// Which names are paths.
    inside: &'a BTreeSet<String>,
    found: &'a [ColumnChange],
}

/// What became of a path's own parent.
enum Parent<'a> {
    /// There is none.
    None,
    /// It is there on both sides, under its name.
    There(&'a str),
    /// It came or went as a whole.
    Whole(&'a ColumnChange),
}

impl<'a> Tree<'a> {
    /// What is to be told of a change: nothing where that of its parent says it.
    fn told(&self, change: &ColumnChange) -> Option<ColumnChange> {
        use ColumnChangeKind as Kind;
        let is_path = |name: &String| self.inside.contains(name);
        let mut told = change.clone();
        told.inside = is_path(&change.name) && change.from.as_ref().is_none_or(is_path);
        if change
            .from
            .as_ref()
            .is_some_and(|from| is_path(from) != is_path(&change.name))
        {
            // A column has a type and may be null; what is inside a value has no such things.
            told.properties.clear();
        }
        match change.change {
            Kind::Added => {
                let parent = self.parent(&change.name, false);
                (!matches!(parent, Parent::Whole(_))).then_some(told)
            }
            Kind::Removed => {
                if self.taken_apart(&change.name) {
                    told.values = Values::Same;
                    return Some(told);
                }
                match self.parent(&change.name, true) {
                    Parent::None => Some(told),
                    Parent::There(parent) => self.more_than(change, parent).then_some(told),
                    Parent::Whole(whole) => {
                        let apart = whole.change == Kind::Removed && self.taken_apart(&whole.name);
                        apart.then_some(told)
                    }
                }
            }
            Kind::Renamed => {
                let from = change.from.as_deref().unwrap_or_default();
                let along = match (self.parent(from, true), self.parent(&change.name, false)) {
                    (Parent::Whole(one), Parent::Whole(other)) => {
                        one.change == Kind::Renamed && one == other
                    }
                    _ => false,
                };
                (!along).then_some(told)
            }
            Kind::Moved | Kind::Changed => {
                if let Parent::There(parent) = self.parent(&change.name, true)
                    && self.fall(&change.name) > 0
                    && !self.more_than(change, parent)
                {
                    // Fewer, but no more of them are missing than of what held them.
                    (told.values_before, told.values_after) = (None, None);
                    told.values = Values::Unknown;
                    return (!told.properties.is_empty()).then_some(told);
                }
                if told.values == Values::OneValue && self.told_within(&change.name) {
                    told.values = Values::Other;
                }
                Some(told)
            }
        }
    }

    /// Whether some of the values inside a field that is gone are known to be elsewhere.
    fn taken_apart(&self, name: &str) -> bool {
        self.found.iter().any(|change| {
            let from = change.from.as_deref();
            change.change == ColumnChangeKind::Renamed
                && change.values == Values::Same
                && from.is_some_and(|from| self.is_within(from, name))
        })
    }

    /// Whether what went on inside a field says more than its values as wholes.
    fn told_within(&self, name: &str) -> bool {
        self.found.iter().any(|change| {
            let path = change.from.as_deref().unwrap_or(&change.name);
            change.change != ColumnChangeKind::Added && self.is_within(path, name)
        })
    }

    fn is_within(&self, path: &str, name: &str) -> bool {
        let rest = path.strip_prefix(name);
        self.inside.contains(path) && rest.is_some_and(|rest| rest.starts_with('.'))
    }

    /// What a path is in, on the side before or on the side after.
    fn parent(&self, path: &str, before: bool) -> Parent<'a> {
        let side = if before { self.before } else { self.after };
        let mut rest = path;
        while let Some((parent, _)) = rest.rsplit_once('.').filter(|_| self.inside.contains(path)) {
            let column = side.object.columns.iter().find(|one| one.name == parent);
            if let Some(column) = column {
                return self.became(&column.name, before);
            }
            rest = parent;
        }
        Parent::None
    }

    fn became(&self, name: &'a str, before: bool) -> Parent<'a> {
        use ColumnChangeKind as Kind;
        let whole = self.found.iter().find(|change| match change.change {
            Kind::Removed | Kind::Moved => before && change.name == name,
            Kind::Added => !before && change.name == name,
            Kind::Renamed if before => change.from.as_deref() == Some(name),
            Kind::Renamed => change.name == name,
            Kind::Changed => false,
        });
        whole.map_or(Parent::There(name), Parent::Whole)
    }

    /// Whether more values of a path are missing than its parent took along: one each, and of
    /// several that it holds nobody knows how many.
    fn more_than(&self, change: &ColumnChange, parent: &str) -> bool {
        let parents = self.fall(parent);
        let several = change.name.ends_with(".$") || change.name.ends_with(".*");
        self.fall(&change.name) > parents && !(several && parents > 0)
    }

    fn fall(&self, name: &str) -> u64 {
        let values = |side: Side<'_>| side.content(name).map_or(0, |content| content.non_null);
        values(self.before).saturating_sub(values(self.after))
    }
}

/// Whether looking at the rows of a pair may tell more than comparing sums of all of them: where
/// rows came or went, the values of those that stayed are not comparable; where a column has other
/// values and nulls, values may be gone and others added; and where values that held documents are
/// gone or others, or others went into such, what is inside counts.
pub(super) fn is_open(
    (a, held): (&Object, Option<&Holding>),
    (b, holds): (&Object, Option<&Holding>),
    changes: &[ColumnChange],
) -> bool {
    let (Some(held), Some(holds)) = (held, holds) else {
        return false;
    };
    if held.rows == 0 || holds.rows == 0 || held.same_rows(holds) {
        return false;
    }
    if b.kind == ObjectKind::TimeSeries {
        return false;
    }
    if held.key.is_some() && !held.same_keys(holds) {
        return true;
    }
    let skipped = settled_already(held, holds, changes);
    let open = |object: &Object| {
        let mut columns = object.columns.iter();
        columns
            .any(|column| holds_documents(object.kind, column) && !skipped.contains(&column.name))
    };
    let gone = |change: &ColumnChange| {
        change.change == ColumnChangeKind::Removed && change.values_before.unwrap_or(0) > 0
    };
    let offset = |change: &ColumnChange| {
        let (before, after) = (change.values_before, change.values_after);
        change.change == ColumnChangeKind::Changed
            && change.values != Values::Same
            && before.is_some_and(|before| before > 0)
            && after.is_some_and(|after| after < holds.rows)
            && before <= after
    };
    open(a)
        || (open(b) && changes.iter().any(gone))
        || (held.key.is_some() && changes.iter().any(offset))
}
