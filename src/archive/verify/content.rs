//! What the manifest says that each stream's rows come to, and what they do come to.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use super::{Damage, holds_rows};
use crate::archive::manifest::{Manifest, Member};
use crate::archive::sidecar::{TreeId, TreePart};
use crate::fingerprint::{Hashed, RowHasher};
use crate::snapshot::CopyStatement;
use crate::snapshot::{ColumnContent, Object, Stream, StreamId};

/// One stream of rows.
struct Table<'a> {
    stream: &'a Stream,
    object: Option<&'a Object>,
    /// Columns in the order of the data; `None` if the statement cannot be read.
    columns: Option<Vec<String>>,
    /// Indexes of the key's columns among them.
    key: Option<Vec<usize>>,
}

/// What was read of it so far.
#[derive(Default)]
struct Sums {
    hashed: Option<Hashed>,
    bytes: u64,
    /// True if a chunk could not be read: then nothing is compared, the chunk was named.
    spoiled: bool,
}

/// All streams of an archive.
pub struct Contents<'a> {
    tables: HashMap<StreamId, Table<'a>>,
    /// Streams in the manifest's order.
    order: &'a [Stream],
    /// Printed names by folder, for members that are not chunks.
    folders: HashMap<String, String>,
    sums: Mutex<HashMap<StreamId, Sums>>,
}

impl<'a> Contents<'a> {
    /// What the manifest says.
    pub fn expected(manifest: &'a Manifest) -> Self {
        let snapshot = &manifest.snapshot;
        let objects: HashMap<&str, &Object> = snapshot
            .objects
            .iter()
            .map(|object| (object.name.as_str(), object))
            .collect();
        let mut tables = HashMap::new();
        let mut folders = HashMap::new();
        for stream in &snapshot.streams {
            let object = match stream.objects.as_slice() {
                [only] => objects.get(only.as_str()).copied(),
                _ => None,
            };
            if let [only] = stream.objects.as_slice() {
                folders.insert(stream.id.folder(), only.clone());
            }
            tables.insert(stream.id, Table::new(stream, object));
        }
        for (number, sidecar) in (1..).zip(&manifest.files) {
            for part in [TreePart::Tar, TreePart::Listing] {
                folders.insert(TreeId { number, part }.folder(), sidecar.label());
            }
        }
        Self {
            tables,
            order: &snapshot.streams,
            folders,
            sums: Mutex::default(),
        }
    }

    /// The table that a member belongs to.
    pub fn object(&self, member: &Member) -> Option<String> {
        let (folder, _) = member.name.rsplit_once('/')?;
        self.folders.get(folder).cloned()
    }

    /// A hasher for the member's rows; `None` if it holds none.
    pub fn hasher(&self, member: &Member) -> Option<RowHasher> {
        let table = self.table(member)?;
        let columns = table.columns.as_ref()?;
        Some(RowHasher::new(columns.len(), table.key.clone()))
    }

    fn table(&self, member: &Member) -> Option<&Table<'a>> {
        let id = member.stream.filter(|id| holds_rows(id.kind))?;
        self.tables.get(&id)
    }

    /// Adds what a member's rows came to.
    pub fn add(&self, member: &Member, hashed: &Hashed) {
        self.change(member, |sums| {
            sums.bytes += member.bytes;
            match &mut sums.hashed {
                Some(sum) => sum.merge(hashed),
                None => sums.hashed = Some(hashed.clone()),
            }
        });
    }

    /// A member could not be read.
    pub fn spoil(&self, member: &Member) {
        self.change(member, |sums| sums.spoiled = true);
    }

    fn change(&self, member: &Member, change: impl FnOnce(&mut Sums)) {
        if let Some(id) = member.stream {
            let mut sums = self.sums.lock().unwrap_or_else(PoisonError::into_inner);
            change(sums.entry(id).or_default());
        }
    }

    /// Rows that were counted, and streams that are not what the manifest says.
    pub fn compare(self) -> (u64, Vec<Damage>) {
        let mut sums = self
            .sums
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        let mut rows = 0;
        let mut damages = Vec::new();
        for stream in self
            .order
            .iter()
            .filter(|stream| holds_rows(stream.id.kind))
        {
            let Some(table) = self.tables.get(&stream.id) else {
                continue;
            };
            let sums = sums.remove(&stream.id).unwrap_or_default();
            rows += sums.hashed.as_ref().map_or(0, |hashed| hashed.rows);
            if !sums.spoiled {
                damages.extend(table.problem(&sums).map(|problem| Damage {
                    member: stream.id.folder(),
                    object: stream.objects.first().cloned(),
                    problem,
                }));
            }
        }
        let unknown = sums.into_keys().filter(|id| holds_rows(id.kind));
        damages.extend(unknown.map(|id| Damage {
            member: id.folder(),
            object: None,
            problem: "the snapshot does not know it".to_owned(),
        }));
        (rows, damages)
    }
}

impl<'a> Table<'a> {
    fn new(stream: &'a Stream, object: Option<&'a Object>) -> Self {
        let copy = stream.copy.as_deref().and_then(CopyStatement::parse);
        let columns = copy.map(|copy| copy.columns);
        let content = object.and_then(|object| object.content.as_ref());
        let names = content.and_then(|content| content.key.as_ref());
        let index = |columns: &[String], name: &String| columns.iter().position(|at| at == name);
        let key = names.zip(columns.as_ref()).and_then(|(key, columns)| {
            let indexes = key.columns.iter().map(|name| index(columns, name));
            indexes.collect::<Option<Vec<_>>>()
        });
        Self {
            stream,
            object,
            columns,
            key,
        }
    }

    /// What the rows come to that the manifest does not say; `None` if they agree.
    fn problem(&self, sums: &Sums) -> Option<String> {
        let Some(columns) = &self.columns else {
            return Some("its COPY statement cannot be read".to_owned());
        };
        let empty = Hashed::empty(columns.len(), self.key.is_some());
        let found = sums.hashed.as_ref().unwrap_or(&empty);
        let stream = self.stream;
        if found.rows != stream.rows {
            return Some(format!(
                "it holds {} rows instead of {}",
                found.rows, stream.rows
            ));
        }
        if sums.bytes != stream.bytes {
            return Some(format!(
                "it holds {} bytes instead of {}",
                sums.bytes, stream.bytes
            ));
        }
        if found.fingerprint != stream.fingerprint {
            return Some("its rows do not have the fingerprint that the manifest names".to_owned());
        }
        let object = self.object?;
        let content = object.content.as_ref()?;
        if content.rows != found.rows || content.fingerprint != found.fingerprint {
            return Some("the manifest's table and its data disagree".to_owned());
        }
        let key = content.key.as_ref().map(|key| key.fingerprint);
        if self.key.is_some() && key != found.key {
            return Some("its keys do not have the fingerprint that the manifest names".to_owned());
        }
        let differs = |(name, found): (&String, &ColumnContent)| {
            let mut columns = object.columns.iter();
            let column = columns.find(|column| column.name == *name)?;
            let mut expected = column.content?;
            if self.key.is_none() {
                expected.keyed = None;
            }
            (expected != *found).then(|| {
                format!("column {name} does not have the fingerprint that the manifest names")
            })
        };
        columns.iter().zip(&found.columns).find_map(differs)
    }
}
