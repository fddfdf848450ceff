//! Watching a database by the server's own lists: `$currentOp` for who works on it, `top` for
//! whether anybody did.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bson::{Bson, Document, doc};
use futures_util::TryStreamExt as _;

use crate::connection::Target;
use crate::connection::mongodb::Session;
use crate::engine::{
    Context, EngineError, HeldObject, LongestStatement, Observed, Observer, SeenSession,
};

use super::server::{self, connect, number, refused};

/// A watch of one database.
pub(super) struct Watch {
    session: Session,
    database: String,
    own: String,
    uses_before: Option<u64>,
    bytes_before: u64,
    seen: BTreeMap<String, SeenSession>,
    since: BTreeMap<(String, String, bool), Instant>,
    held: BTreeMap<String, (Duration, Duration)>,
    longest: Option<LongestStatement>,
    looks: u64,
}

/// Begins a watch.
pub(super) async fn observe(context: &Context, target: &Target) -> Result<Watch, EngineError> {
    let session = connect(context, target).await?;
    let (bytes_before, _) = server::size(&session, target.database()).await?;
    let uses_before = uses(&session, target.database()).await;
    Ok(Watch {
        session,
        database: target.database().to_owned(),
        own: format!("bookend {}", context.run),
        uses_before,
        bytes_before,
        seen: BTreeMap::new(),
        since: BTreeMap::new(),
        held: BTreeMap::new(),
        longest: None,
        looks: 0,
    })
}

/// Operations on a database's collections since the server started: `top` counts them by
/// namespace. Reading it uses no collection; it needs the role clusterMonitor.
async fn uses(session: &Session, database: &str) -> Option<u64> {
    let answer = session
        .other("admin")
        .run_command(doc! { "top": 1 })
        .await
        .ok()?;
    let prefix = format!("{database}.");
    let totals = answer.get_document("totals").ok()?;
    let mut uses = 0;
    for (namespace, counts) in totals {
        if let (true, Bson::Document(counts)) = (namespace.starts_with(&prefix), counts)
            && let Ok(total) = counts.get_document("total")
        {
            uses += number(total, "count");
        }
    }
    Some(uses)
}

impl Watch {
    /// What runs on the database now. Without the role clusterMonitor only the user's own.
    async fn operations(&self) -> Result<Vec<Document>, EngineError> {
        let wanted = doc! { "$match": {
            "ns": { "$regex": format!("^{}\\.", escaped(&self.database)) },
            "appName": { "$ne": &self.own },
        } };
        self.listed(&Document::new(), wanted).await
    }

    async fn listed(
        &self,
        options: &Document,
        wanted: Document,
    ) -> Result<Vec<Document>, EngineError> {
        let admin = self.session.other("admin");
        for all in [true, false] {
            let mut current = doc! { "allUsers": all };
            current.extend(options.clone());
            let pipeline = [doc! { "$currentOp": current }, wanted.clone()];
            match admin.aggregate(pipeline).await {
                Ok(cursor) => {
                    let failed = refused(&self.session, "the operations could not be listed");
                    return cursor.try_collect().await.map_err(failed);
                }
                Err(error) if all && server::code(&error) == Some(server::UNAUTHORIZED) => {}
                Err(error) => {
                    return Err(
                        refused(&self.session, "the operations could not be listed")(error),
                    );
                }
            }
        }
        Ok(Vec::new())
    }

    fn note_statement(&mut self, operation: &Document) {
        let ms = number(operation, "microsecs_running") / 1000;
        if self.longest.as_ref().is_none_or(|longest| longest.ms < ms) {
            self.longest = Some(LongestStatement {
                ms,
                command: operation
                    .get_document("command")
                    .ok()
                    .and_then(|command| command.keys().next().cloned())
                    .unwrap_or_else(|| operation.get_str("op").unwrap_or_default().to_owned()),
            });
        }
    }

    fn note_holds(&mut self, now: Instant, operations: &[Document]) {
        let mut held = BTreeSet::new();
        for operation in operations {
            if let Some((object, readers)) = hold(operation, &self.database) {
                held.insert((id(operation), object, readers));
            }
        }
        self.since.retain(|hold, _| held.contains(hold));
        for hold in held {
            let since = *self.since.entry(hold.clone()).or_insert(now);
            let time = now.duration_since(since);
            let (reads, writes) = self.held.entry(hold.1).or_default();
            *writes = (*writes).max(time);
            if hold.2 {
                *reads = (*reads).max(time);
            }
        }
    }
}

/// The collection that an operation holds for itself, and whether it keeps readers out:
/// `W` is exclusive, `R` shared (MongoDB's manual, "FAQ: Concurrency").
fn hold(operation: &Document, database: &str) -> Option<(String, bool)> {
    let locks = operation.get_document("locks").ok()?;
    let object = operation
        .get_str("ns")
        .ok()?
        .strip_prefix(database)?
        .strip_prefix('.')?;
    match locks.get_str("Collection").ok()? {
        "W" => Some((object.to_owned(), true)),
        "R" => Some((object.to_owned(), false)),
        _ => None,
    }
}

fn id(operation: &Document) -> String {
    number(operation, "connectionId").to_string()
}

fn seen(operation: &Document) -> SeenSession {
    let users = operation.get_array("effectiveUsers");
    let user = users.ok().and_then(|users| {
        let first = users.first()?.as_document()?;
        first.get_str("user").ok().map(str::to_owned)
    });
    SeenSession {
        id: id(operation),
        user: user.unwrap_or_default(),
        application: operation.get_str("appName").unwrap_or_default().to_owned(),
        client: operation
            .get_str("client")
            .ok()
            .and_then(|client| client.parse::<SocketAddr>().ok()),
        writing: matches!(operation.get_str("op"), Ok("insert" | "update" | "remove"))
            || operation.contains_key("transaction"),
        unplaced: false,
    }
}

/// A session between two statements of a transaction. The server says neither its namespace nor
/// whether it has written: the locks are the same for a read (seen on 6.0).
fn idle(operation: &Document) -> SeenSession {
    SeenSession {
        writing: false,
        unplaced: true,
        ..seen(operation)
    }
}

fn escaped(name: &str) -> String {
    name.chars()
        .flat_map(|c| {
            let plain = c.is_alphanumeric() || matches!(c, '_' | '-');
            (!plain).then_some('\\').into_iter().chain([c])
        })
        .collect()
}

#[async_trait]
impl Observer for Watch {
    async fn sessions(&mut self) -> Result<Vec<SeenSession>, EngineError> {
        self.look().await
    }

    async fn open_transactions(&mut self) -> Result<Vec<SeenSession>, EngineError> {
        let wanted = doc! { "$match": {
            "type": "idleSession",
            "transaction": { "$exists": true },
            "appName": { "$ne": &self.own },
        } };
        let idle_too = doc! { "idleSessions": true };
        let open = self.listed(&idle_too, wanted).await?;
        Ok(open.iter().map(idle).collect())
    }

    async fn look(&mut self) -> Result<Vec<SeenSession>, EngineError> {
        let operations = self.operations().await?;
        self.note_holds(Instant::now(), &operations);
        self.looks += 1;
        let mut there = Vec::new();
        for operation in operations.iter().filter(|one| one.contains_key("client")) {
            self.note_statement(operation);
            let session = seen(operation);
            self.seen.insert(session.id.clone(), session.clone());
            there.push(session);
        }
        Ok(there)
    }

    async fn end(&mut self, session: &SeenSession) -> Result<bool, EngineError> {
        let mut ended = false;
        for operation in self.operations().await? {
            if id(&operation) == session.id
                && let Some(opid) = operation.get("opid")
            {
                let killed = self
                    .session
                    .other("admin")
                    .run_command(doc! { "killOp": 1, "op": opid.clone() })
                    .await;
                ended |= killed.is_ok();
            }
        }
        Ok(ended)
    }

    async fn finish(mut self: Box<Self>) -> Result<Observed, EngineError> {
        self.look().await?;
        let uses = uses(&self.session, &self.database).await;
        let (bytes_after, _) = server::size(&self.session, &self.database).await?;
        let ms = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let mut held: Vec<HeldObject> = std::mem::take(&mut self.held)
            .into_iter()
            .map(|(object, (reads, writes))| HeldObject {
                object,
                reads_blocked_ms: ms(reads),
                writes_blocked_ms: ms(writes),
            })
            .collect();
        held.sort_by_key(|one| std::cmp::Reverse((one.reads_blocked_ms, one.writes_blocked_ms)));
        Ok(Observed {
            uses: uses
                .zip(self.uses_before)
                // A collection that is dropped takes its count along.
                .map(|(after, before)| after.abs_diff(before)),
            held,
            longest: self.longest.take(),
            bytes_before: self.bytes_before,
            bytes_after,
            looks: self.looks,
            sessions: std::mem::take(&mut self.seen).into_values().collect(),
        })
    }
}
