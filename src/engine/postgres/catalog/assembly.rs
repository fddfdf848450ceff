//! Objects while they are put together: addressed by catalog and oid, as the catalogs do.

use std::collections::BTreeMap;

use super::Relation;
use crate::snapshot::{Column, Object, ObjectKind, Part, PartKind};

/// `classid`s that are the same on every server (`pg_class.dat` and friends fix them).
pub(super) mod class {
    /// `pg_class`.
    pub const RELATION: u32 = 1259;
    /// `pg_type`.
    pub const TYPE: u32 = 1247;
    /// `pg_proc`.
    pub const ROUTINE: u32 = 1255;
}

/// An object's address: the catalog it stands in, and its oid there.
pub(super) type Address = (u32, u32);

/// An object with the oids that later queries ask about.
#[derive(Default)]
pub(super) struct Assembly {
    objects: BTreeMap<Address, Object>,
    relations: BTreeMap<u32, Relation>,
    /// Addresses of parts and row types: the object they belong to, and what to call them.
    belongs: BTreeMap<Address, (Address, String)>,
    /// Column numbers, which comments and grants use, by relation.
    columns: BTreeMap<(u32, i32), String>,
}

impl Assembly {
    /// A fresh object.
    pub(super) fn add(&mut self, address: Address, name: String, kind: ObjectKind) -> &mut Object {
        self.objects.entry(address).or_insert(Object {
            name,
            kind,
            owner: None,
            comment: None,
            definition: None,
            columns: Vec::new(),
            parts: Vec::new(),
            content: None,
            sequence: None,
            root: None,
            loaded_through_root: false,
            populated: None,
            bytes: 0,
        })
    }

    pub(super) fn add_relation(&mut self, oid: u32, relation: Relation) {
        self.relations.insert(oid, relation);
    }

    pub(super) fn relation_mut(&mut self, oid: u32) -> Option<&mut Relation> {
        self.relations.get_mut(&oid)
    }

    /// Oids of the relations, for `unnest($1::oid[])`.
    pub(super) fn relation_oids(&self) -> Vec<u32> {
        self.relations.keys().copied().collect()
    }

    /// Oids of relations whose columns are wanted: those above and the row types.
    pub(super) fn column_holders(&self) -> Vec<u32> {
        let row_types = self
            .belongs
            .keys()
            .filter(|(class, _)| *class == class::RELATION);
        self.relations
            .keys()
            .chain(row_types.map(|(_, oid)| oid))
            .copied()
            .collect()
    }

    /// Says that `part` is a part of `whole`, called `label` in comments.
    pub(super) fn belongs(&mut self, part: Address, whole: Address, label: String) {
        self.belongs.insert(part, (whole, label));
    }

    pub(super) fn get_mut(&mut self, address: Address) -> Option<&mut Object> {
        let address = match self.belongs.get(&address) {
            Some((whole, _)) => *whole,
            None => address,
        };
        self.objects.get_mut(&address)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Object> {
        self.objects.values()
    }

    pub(super) fn add_column(&mut self, relation: u32, number: i32, column: Column) {
        self.columns.insert((relation, number), column.name.clone());
        if let Some(object) = self.get_mut((class::RELATION, relation)) {
            object.columns.push(column);
        }
    }

    pub(super) fn add_part(&mut self, whole: Address, kind: PartKind, name: &str, text: String) {
        if let Some(object) = self.get_mut(whole) {
            object.parts.push(Part {
                kind,
                name: name.to_owned(),
                definition: text,
            });
        }
    }

    /// Unquoted name of a relation's column.
    pub(super) fn column_name(&self, relation: u32, number: i32) -> Option<&str> {
        self.columns.get(&(relation, number)).map(String::as_str)
    }

    /// Puts a comment where it belongs: on the object, its column, or beside its part.
    pub(super) fn comment(&mut self, address: Address, number: i32, text: String) {
        if number != 0 {
            let Some(name) = self.columns.get(&(address.1, number)).cloned() else {
                return;
            };
            if let Some(object) = self.get_mut(address)
                && let Some(column) = object.columns.iter_mut().find(|c| c.name == name)
            {
                column.comment = Some(text);
            }
            return;
        }
        match self.belongs.get(&address).cloned() {
            Some((whole, label)) => {
                let name = format!("comment on {label}");
                self.add_part(whole, PartKind::Setting, &name, text);
            }
            None => {
                if let Some(object) = self.objects.get_mut(&address) {
                    object.comment = Some(text);
                }
            }
        }
    }

    pub(super) fn take_relations(&mut self) -> BTreeMap<u32, Relation> {
        std::mem::take(&mut self.relations)
    }

    /// The objects sorted by kind and name, their parts by kind and name.
    pub(super) fn into_objects(self) -> Vec<Object> {
        let mut objects: Vec<Object> = self.objects.into_values().collect();
        for object in &mut objects {
            object.parts.sort();
        }
        objects.sort_by(|a, b| (a.kind, &a.name).cmp(&(b.kind, &b.name)));
        objects
    }
}
