//! The control session: one transaction whose snapshot everything else reads under.

use crate::connection::Target;
use crate::connection::postgres::Session;
use crate::engine::{Context, EngineError};

use super::super::sql_error::sql;

/// Names in values (`regclass` and the like) are printed with their schema only where that is not
/// on the path, and whoever loads them has an empty one, as with `pg_dump`.
const PATH: &str = "SET LOCAL search_path = ''";

/// A session in `REPEATABLE READ, READ ONLY` with an exported snapshot.
pub(in super::super) struct Control {
    /// The session, in its transaction.
    pub session: Session,
    /// Name of the exported snapshot, for `SET TRANSACTION SNAPSHOT` and `pg_dump --snapshot`.
    pub snapshot: String,
    /// The server's number, e.g. 160014.
    pub version_num: u32,
    /// Its backend's pid.
    pub pid: i32,
    /// `server_encoding`.
    pub encoding: String,
    /// The oldest transaction in progress at the snapshot, as a 64-bit id; `None` on a standby.
    pub oldest: Option<u64>,
    /// The database's oid.
    pub database: u32,
}

impl Control {
    /// Opens the session and exports its snapshot. Works on a hot standby too (seen on 15).
    pub(in super::super) async fn open(
        context: &Context,
        target: &Target,
    ) -> Result<Self, EngineError> {
        let name = application_name(context);
        let session = context
            .unless_cancelled(target.postgres()?.connect(&name))
            .await?;
        session
            .batch_execute(&format!(
                "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; {PATH}"
            ))
            .await
            .map_err(sql(target, "a transaction could not be begun"))?;
        let row = session
            .query_one(
                "SELECT pg_catalog.pg_export_snapshot(), pg_catalog.pg_backend_pid(),
                        pg_catalog.current_setting('server_version_num')::pg_catalog.int4,
                        pg_catalog.current_setting('server_encoding'),
                        CASE WHEN NOT pg_catalog.pg_is_in_recovery() THEN
                            pg_catalog.txid_snapshot_xmin(pg_catalog.txid_current_snapshot())
                        END,
                        (SELECT d.oid FROM pg_catalog.pg_database d
                          WHERE d.datname = pg_catalog.current_database())",
                &[],
            )
            .await
            .map_err(sql(
                target,
                format!("a snapshot of {} could not be exported", target.database()),
            ))?;
        Ok(Self {
            snapshot: row.get(0),
            pid: row.get(1),
            version_num: u32::try_from(row.get::<_, i32>(2)).unwrap_or(0),
            encoding: row.get(3),
            oldest: row
                .get::<_, Option<i64>>(4)
                .and_then(|xid| u64::try_from(xid).ok()),
            database: row.get(5),
            session,
        })
    }

    /// The encoding that text is read in: UTF-8, but for databases whose bytes are of no known
    /// encoding.
    pub(in super::super) fn client_encoding(&self) -> &'static str {
        if self.encoding == "SQL_ASCII" {
            "SQL_ASCII"
        } else {
            "UTF8"
        }
    }
}

/// The session name that a run's sessions carry, so that they are told from others.
pub(in super::super) fn application_name(context: &Context) -> String {
    format!("bookend {}", context.run)
}

/// Opens a session and imports an exported snapshot into it.
pub(in super::super) async fn open_worker(
    context: &Context,
    target: &Target,
    control: &Control,
) -> Result<Session, EngineError> {
    let name = application_name(context);
    let session = context
        .unless_cancelled(target.postgres()?.connect(&name))
        .await?;
    let mut statements = format!(
        "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET TRANSACTION SNAPSHOT '{}'; {PATH};",
        control.snapshot
    );
    if control.encoding == "SQL_ASCII" {
        // Bytes of such a database are of no known encoding: take and give them as they are.
        statements.push_str(" SET LOCAL client_encoding = 'SQL_ASCII';");
    }
    session.batch_execute(&statements).await.map_err(sql(
        target,
        format!(
            "the snapshot of {} could not be shared between sessions",
            target.database()
        ),
    ))?;
    Ok(session)
}
