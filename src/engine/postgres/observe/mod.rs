//! Watching a database from the maintenance database: so that no session of ours is in it and
//! the server's count of its sessions is that of the others.

mod holds;
mod links;

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use tokio_postgres::Row;

use crate::connection::Target;
use crate::connection::postgres::Session;
use crate::engine::{Context, EngineError, LongestStatement, Observed, Observer, SeenSession};

use super::dump::control::application_name;
use super::server::maintenance;
use super::sql_error::sql;
use holds::Holds;

pub(super) use links::links;

/// How long sessions that have ended may take to leave the server's list.
const LEAVING: Duration = Duration::from_secs(2);
/// How long the server may take to count a session that has ended: servers before 15 send
/// their statistics to a collector, twice a second.
const COUNTING: Duration = Duration::from_millis(700);

/// A watch of one database.
pub(super) struct Watch {
    session: Session,
    target: Target,
    own: String,
    database: u32,
    names: BTreeMap<u32, String>,
    uses_before: Option<i64>,
    bytes_before: u64,
    seen: BTreeMap<String, SeenSession>,
    holds: Holds,
    longest: Option<LongestStatement>,
    looks: u64,
}

/// Begins a watch: from here on every use of the database is somebody else's.
pub(super) async fn observe(context: &Context, target: &Target) -> Result<Watch, EngineError> {
    let names = relation_names(context, target).await?;
    let session = maintenance(context, target).await?;
    let row = session
        .query_one(
            "SELECT oid FROM pg_catalog.pg_database WHERE datname = $1",
            &[&target.database()],
        )
        .await
        .map_err(sql(target, "the database could not be looked up"))?;
    let mut watch = Watch {
        session,
        target: target.clone(),
        own: application_name(context),
        database: row.get(0),
        names,
        uses_before: None,
        bytes_before: 0,
        seen: BTreeMap::new(),
        holds: Holds::default(),
        longest: None,
        looks: 0,
    };
    watch.until_we_left().await?;
    watch.uses_before = watch.uses().await;
    watch.bytes_before = watch.bytes().await?;
    Ok(watch)
}

/// Tables by oid: they are looked up before COMMAND can drop or rename them.
async fn relation_names(
    context: &Context,
    target: &Target,
) -> Result<BTreeMap<u32, String>, EngineError> {
    let name = application_name(context);
    let session = context
        .unless_cancelled(target.postgres()?.connect(&name))
        .await?;
    let rows = session
        .query(
            "SELECT c.oid, pg_catalog.format('%I.%I', n.nspname, c.relname)
               FROM pg_catalog.pg_class c
               JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
              WHERE c.relkind IN ('r', 'p', 'm') AND c.oid >= 16384
                AND n.nspname !~ '^pg_(toast|temp)'",
            &[],
        )
        .await
        .map_err(sql(target, "the tables could not be listed"))?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}

const SESSIONS: &str = "
SELECT pid::pg_catalog.text, coalesce(usename, '')::pg_catalog.text, coalesce(application_name, ''),
       pg_catalog.host(client_addr), client_port, backend_xid IS NOT NULL,
       CASE WHEN state = 'active' THEN
           (extract(epoch FROM pg_catalog.clock_timestamp() - query_start) * 1000)::pg_catalog.int8
       END,
       pg_catalog.substring(query, '^\\s*([A-Za-z]+(\\s+[A-Za-z]+)?)')
  FROM pg_catalog.pg_stat_activity
 WHERE datid = $1 AND backend_type IN ('client backend', 'parallel worker', 'walsender')
   AND application_name NOT IN ($2, $3)
 UNION ALL
SELECT 'prepared', owner::pg_catalog.text, 'prepared transaction ' || gid, NULL, NULL, true, NULL, NULL
  FROM pg_catalog.pg_prepared_xacts
 WHERE database = (SELECT datname FROM pg_catalog.pg_database WHERE oid = $1)";

impl Watch {
    fn failed(&self, what: &str) -> impl FnOnce(tokio_postgres::Error) -> EngineError {
        sql(
            &self.target,
            format!("{what} of {}", self.target.database()),
        )
    }

    async fn rows(&self) -> Result<Vec<Row>, EngineError> {
        let monitor = format!("{} monitor", self.own);
        self.session
            .query(SESSIONS, &[&self.database, &self.own, &monitor])
            .await
            .map_err(self.failed("the sessions"))
    }

    /// Our own sessions end a moment after they are dropped.
    async fn until_we_left(&self) -> Result<(), EngineError> {
        let begun = Instant::now();
        while begun.elapsed() < LEAVING {
            let row = self
                .session
                .query_one(
                    "SELECT pg_catalog.count(*) FROM pg_catalog.pg_stat_activity
                      WHERE datid = $1 AND pg_catalog.starts_with(application_name, $2)",
                    &[&self.database, &self.own],
                )
                .await
                .map_err(self.failed("the sessions"))?;
            if row.get::<_, i64>(0) == 0 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        if self.session.server_major() < 15 {
            tokio::time::sleep(COUNTING).await;
        }
        Ok(())
    }

    /// Sessions that were ever begun in the database, by the server's count (14 and newer).
    async fn uses(&self) -> Option<i64> {
        let row = self
            .session
            .query_one(
                "SELECT sessions FROM pg_catalog.pg_stat_database WHERE datid = $1",
                &[&self.database],
            )
            .await
            .ok()?;
        row.get(0)
    }

    async fn bytes(&self) -> Result<u64, EngineError> {
        let row = self
            .session
            .query_opt(
                "SELECT pg_catalog.pg_database_size(oid) FROM pg_catalog.pg_database WHERE oid = $1",
                &[&self.database],
            )
            .await
            .map_err(self.failed("the size"))?;
        // COMMAND may have dropped the database.
        Ok(row.map_or(0, |row| u64::try_from(row.get::<_, i64>(0)).unwrap_or(0)))
    }

    fn note_statement(&mut self, row: &Row) {
        let Some(ms) = row.get::<_, Option<i64>>(6) else {
            return;
        };
        let ms = u64::try_from(ms).unwrap_or(0);
        if self.longest.as_ref().is_none_or(|longest| longest.ms < ms) {
            self.longest = Some(LongestStatement {
                ms,
                command: row
                    .get::<_, Option<String>>(7)
                    .unwrap_or_default()
                    .to_uppercase(),
            });
        }
    }
}

#[async_trait]
impl Observer for Watch {
    async fn sessions(&mut self) -> Result<Vec<SeenSession>, EngineError> {
        let rows = self.rows().await?;
        self.looks += 1;
        let mut there = Vec::with_capacity(rows.len());
        for row in &rows {
            self.note_statement(row);
            let session = seen(row);
            self.seen.insert(session.id.clone(), session.clone());
            there.push(session);
        }
        Ok(there)
    }

    async fn look(&mut self) -> Result<Vec<SeenSession>, EngineError> {
        let held = holds::read(&self.session, self.database)
            .await
            .map_err(self.failed("the locks"))?;
        self.holds.look(Instant::now(), &held);
        self.sessions().await
    }

    async fn end(&mut self, session: &SeenSession) -> Result<bool, EngineError> {
        let Ok(pid) = session.id.parse::<i32>() else {
            return Ok(false);
        };
        // The number may be another session's by now: only one of the same name and from the
        // same place is ended.
        let port = session.client.map_or(-1, |client| i32::from(client.port()));
        let row = self
            .session
            .query_opt(
                "SELECT pg_catalog.pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity
                  WHERE pid = $1 AND datid = $2 AND coalesce(application_name, '') = $3
                    AND coalesce(client_port, -1) = $4",
                &[&pid, &self.database, &session.application, &port],
            )
            .await;
        // To be refused is an answer: the session is another role's.
        Ok(row.ok().flatten().is_some_and(|row| row.get(0)))
    }

    async fn finish(mut self: Box<Self>) -> Result<Observed, EngineError> {
        self.look().await?;
        let mut uses = self.uses().await;
        // Since 15 a session counts itself before it leaves the list of sessions, which was looked
        // at just now: what is in neither was not there.
        let late = self.session.server_major() < 15;
        if late && self.seen.is_empty() && uses == self.uses_before {
            tokio::time::sleep(COUNTING).await;
            uses = self.uses().await;
        }
        let uses = uses
            .zip(self.uses_before)
            .map(|(after, before)| u64::try_from(after - before).unwrap_or(0));
        Ok(Observed {
            uses,
            held: self.holds.longest(&self.names),
            longest: self.longest.clone(),
            bytes_before: self.bytes_before,
            bytes_after: self.bytes().await?,
            looks: self.looks,
            sessions: std::mem::take(&mut self.seen).into_values().collect(),
        })
    }
}

fn seen(row: &Row) -> SeenSession {
    let address: Option<String> = row.get(3);
    let port: Option<i32> = row.get(4);
    SeenSession {
        id: row.get(0),
        user: row.get(1),
        application: row.get(2),
        client: address
            .and_then(|address| address.parse::<IpAddr>().ok())
            .zip(port.and_then(|port| u16::try_from(port).ok()))
            .map(|(address, port)| SocketAddr::new(address, port)),
        writing: row.get(5),
        unplaced: false,
    }
}
