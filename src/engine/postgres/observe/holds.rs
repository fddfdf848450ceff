//! Which tables are held, in which way, for how long.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use crate::connection::postgres::Session;
use crate::engine::HeldObject;

/// What a lock keeps out ("Conflicting Lock Modes" in PostgreSQL's documentation).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Keeps {
    /// `SHARE`, `SHARE ROW EXCLUSIVE`, `EXCLUSIVE`: writers.
    Writers,
    /// `ACCESS EXCLUSIVE`: readers too.
    Readers,
}

/// One session's hold on one relation.
pub(super) type Hold = (i32, u32, Keeps);

/// What is held in a database now. `CREATE INDEX` holds `SHARE`, most of `ALTER TABLE`
/// `ACCESS EXCLUSIVE`; vacuum and `CREATE INDEX CONCURRENTLY` keep nobody out.
pub(super) async fn read(
    session: &Session,
    database: u32,
) -> Result<BTreeSet<Hold>, tokio_postgres::Error> {
    let rows = session
        .query(
            "SELECT l.pid, l.relation, l.mode = 'AccessExclusiveLock'
               FROM pg_catalog.pg_locks l
               JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
              WHERE l.locktype = 'relation' AND l.database = $1 AND l.granted
                AND a.backend_type = 'client backend'
                AND l.mode IN ('ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock',
                               'AccessExclusiveLock')",
            &[&database],
        )
        .await?;
    Ok(rows
        .iter()
        .map(|row| {
            let keeps = if row.get(2) {
                Keeps::Readers
            } else {
                Keeps::Writers
            };
            (row.get(0), row.get(1), keeps)
        })
        .collect())
}

/// Holds from look to look.
#[derive(Debug, Default)]
pub(super) struct Holds {
    since: BTreeMap<Hold, Instant>,
    longest: BTreeMap<(u32, Keeps), Duration>,
}

impl Holds {
    /// Takes in what is held at `now`.
    pub(super) fn look(&mut self, now: Instant, held: &BTreeSet<Hold>) {
        self.since.retain(|hold, _| held.contains(hold));
        for hold in held {
            let since = *self.since.entry(*hold).or_insert(now);
            let (_, relation, keeps) = *hold;
            let longest = self.longest.entry((relation, keeps)).or_default();
            *longest = (*longest).max(now.duration_since(since));
        }
    }

    /// The longest hold of each relation that has a name, longest first. Who keeps readers out
    /// keeps writers out too.
    pub(super) fn longest(&self, names: &BTreeMap<u32, String>) -> Vec<HeldObject> {
        let mut held: BTreeMap<u32, HeldObject> = BTreeMap::new();
        for ((relation, keeps), time) in &self.longest {
            let Some(name) = names.get(relation) else {
                continue;
            };
            let ms = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
            let one = held.entry(*relation).or_insert_with(|| HeldObject {
                object: name.clone(),
                ..HeldObject::default()
            });
            one.writes_blocked_ms = one.writes_blocked_ms.max(ms);
            if *keeps == Keeps::Readers {
                one.reads_blocked_ms = one.reads_blocked_ms.max(ms);
            }
        }
        let mut held: Vec<HeldObject> = held.into_values().collect();
        held.sort_by_key(|one| {
            (
                std::cmp::Reverse(one.reads_blocked_ms),
                std::cmp::Reverse(one.writes_blocked_ms),
            )
        });
        held
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_unbroken_holds_of_one_session_count() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let names = BTreeMap::from([(7, "public.orders".to_owned())]);
        let mut holds = Holds::default();
        let exclusive = BTreeSet::from([(1, 7, Keeps::Readers)]);
        holds.look(at(0), &exclusive);
        holds.look(at(40), &exclusive);
        holds.look(at(50), &BTreeSet::new());
        holds.look(at(60), &exclusive);
        holds.look(at(80), &exclusive);
        // Another session's, and of a table that did not exist at first.
        holds.look(
            at(90),
            &BTreeSet::from([(2, 7, Keeps::Writers), (2, 8, Keeps::Readers)]),
        );
        holds.look(at(190), &BTreeSet::from([(2, 7, Keeps::Writers)]));
        assert_eq!(
            holds.longest(&names),
            [HeldObject {
                object: "public.orders".to_owned(),
                reads_blocked_ms: 40,
                writes_blocked_ms: 100,
            }]
        );
    }
}
