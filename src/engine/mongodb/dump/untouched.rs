//! What need not be read again because the oplog shows that nobody touched it.
//!
//! Every write to a replica set is in its oplog, with the name of its collection. A snapshot is
//! anchored at the newest write that a majority had when it was begun: whatever was not visible
//! to it yet is newer (`lastWrite.majorityOpTime` of `hello`). So a collection that is the same
//! one by its UUID, and of which the oplog of the same primary says nothing since, has the same
//! documents.

use std::collections::{BTreeMap, BTreeSet};

use bson::Timestamp;

use crate::connection::mongodb::Session;
use crate::engine::EngineError;
use crate::engine::mongodb::consistency::written_since;
use crate::engine::mongodb::definitions::CollectionDefinition;
use crate::engine::mongodb::server::{Server, hex};
use crate::snapshot::{Anchor, Object, ObjectKind, Snapshot, Untouched};

const HOW: &str = "not in the oplog since the backup";

/// Where a snapshot of `database` stands that is begun now. `None` where no oplog tells.
pub(in crate::engine::mongodb) fn anchor(
    session: &Session,
    server: &Server,
    database: &str,
    definitions: &[CollectionDefinition],
) -> Option<Anchor> {
    let committed = server.committed?;
    if session.url().reads_elsewhere() || database == "local" {
        return None;
    }
    let identities = definitions.iter().filter_map(|one| {
        let documents = one.kind() == ObjectKind::Collection;
        let uuid = one.uuid().filter(|_| documents)?;
        Some((one.name().to_owned(), hex(&uuid)))
    });
    Some(Anchor {
        position: committed.time,
        // What another primary has, this one may never have had.
        database: format!("{database}, term {}", committed.term),
        identities: identities.collect(),
        numbers: BTreeMap::new(),
    })
}

/// What is known of collections without reading them.
#[derive(Default)]
pub(super) struct Known {
    /// Those that need not be read, as they were.
    untouched: BTreeMap<String, Object>,
    /// Those of which every document of then is there still.
    kept: Vec<String>,
    /// Those among them of which every document is as it was.
    unchanged: BTreeSet<String>,
}

impl Known {
    /// What `before` knows and the oplog does not contradict, of these definitions. What is
    /// written from now on is for whoever watches while the rest is read.
    pub(super) async fn find(
        session: &Session,
        before: Option<&Snapshot>,
        server: &Server,
        definitions: &[CollectionDefinition],
    ) -> Result<Self, EngineError> {
        let database = session.database().name();
        let Some((before, then, now)) = before
            .and_then(|before| Some((before, before.record.anchor.as_ref()?)))
            .zip(anchor(session, server, database, definitions))
            .map(|((before, then), now)| (before, then, now))
        else {
            return Ok(Self::default());
        };
        let same_server = server.identity.is_some() && server.identity == before.server.identity;
        if !same_server || then.database != now.database || then.position > now.position {
            return Ok(Self::default());
        }
        let from = Timestamp {
            time: u32::try_from(then.position >> 32).unwrap_or(u32::MAX),
            increment: u32::try_from(then.position & u64::from(u32::MAX)).unwrap_or(u32::MAX),
        };
        let (written, kept, inserted) = match written_since(session, from, definitions).await? {
            Ok(written) if written.all => (written.hit, written.kept, written.inserted),
            Ok(_) | Err(_) => return Ok(Self::default()),
        };
        // A full capped collection drops its oldest documents by itself.
        let capped: Vec<&str> = definitions
            .iter()
            .filter(|one| one.option("capped").is_some())
            .map(CollectionDefinition::name)
            .collect();
        let whole = format!("{database} as a whole");
        let mut found = Self::default();
        let read = before.objects.iter().filter(|one| one.content.is_some());
        for object in read.filter(|_| !written.contains(&whole)) {
            let name = &object.name;
            let identity = then.identities.get(name);
            let same = identity.is_some() && identity == now.identities.get(name);
            if same && !written.contains(name) {
                found.untouched.insert(name.clone(), object.clone());
            } else if kept.contains(name)
                && !capped.contains(&name.as_str())
                && (same || object.kind == ObjectKind::TimeSeries)
            {
                // A time series has no UUID; that it was made anew is in the oplog, too.
                found.kept.push(name.clone());
                if inserted.contains(name) {
                    found.unchanged.insert(name.clone());
                }
            }
        }
        Ok(found)
    }

    /// The same, of which everything is to be read.
    pub(super) fn without_sparing(self) -> Self {
        Self {
            untouched: BTreeMap::new(),
            ..self
        }
    }

    /// For the snapshot: names now and then.
    pub(super) fn kept(&self) -> BTreeMap<String, String> {
        let names = self.kept.iter();
        names.map(|name| (name.clone(), name.clone())).collect()
    }

    /// The same that are as they were.
    pub(super) fn unchanged(&self) -> BTreeSet<String> {
        self.unchanged.clone()
    }

    /// Their names.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.untouched.keys().map(String::as_str)
    }

    /// Puts what they held into the objects of a new snapshot.
    pub(super) fn fill(mut self, objects: &mut [Object]) -> Option<Untouched> {
        let mut filled = 0;
        for object in objects.iter_mut().filter(|one| one.content.is_none()) {
            if let Some(known) = self.untouched.remove(&object.name) {
                object.content = known.content;
                object.columns = known.columns;
                object.bytes = known.bytes;
                filled += 1;
            }
        }
        (filled > 0).then_some(Untouched {
            objects: filled,
            how: HOW,
            gone_through: false,
        })
    }
}
