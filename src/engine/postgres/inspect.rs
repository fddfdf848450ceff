//! Looking at a target without changing anything: what `doctor` shows and preflight needs.

use crate::connection::postgres::Session;
use crate::connection::{ConnectionError, Target};
use crate::engine::{Check, CheckState, Context, EngineError, Inspection};

use super::dump::control::application_name;
use super::quoting::quote_identifier;
use super::server::{self, Server};
use super::sql_error::sql;

/// The oldest and the newest server that bookend was written for.
const SUPPORTED: std::ops::RangeInclusive<u32> = 12..=18;

/// Looks.
pub(super) async fn inspect(context: &Context, target: &Target) -> Result<Inspection, EngineError> {
    let name = application_name(context);
    let session = context
        .unless_cancelled(target.postgres()?.connect(&name))
        .await?;
    let server = server::facts(&session, target).await?;
    let (bytes, tables) = sizes(&session, target).await?;
    let mut checks = vec![version_check(&server)];
    let mut tools = Vec::new();
    for name in ["pg_dump", "pg_restore"] {
        let found = context.tool(name, server.version_num / 10_000).await;
        if let Err(EngineError::Cancelled) = found {
            return Err(EngineError::Cancelled);
        }
        checks.push(match &found {
            Ok(tool) => ok(name, tool.title()),
            Err(error) => Check {
                what: name.to_owned(),
                state: CheckState::Failure,
                found: error.to_string(),
                fix: Some(format!(
                    "install the client tools of PostgreSQL {} or newer, or name their folder with --tool-dir",
                    server.version_num / 10_000
                )),
            },
        });
        if let Ok(tool) = found {
            tools.push(tool.title());
        }
    }
    checks.push(create_check(&server));
    checks.extend(unreadable(&session, target, &server).await?);
    checks.push(lock_check(&session, target, tables).await?);
    Ok(Inspection {
        server_version: server.version.clone(),
        product: "PostgreSQL".to_owned(),
        bytes,
        // The server counts indexes too: a third of it, as a rule of thumb.
        data_bytes: bytes / 3 * 2,
        tables,
        tools,
        identity: server.identity,
        standby: server.standby,
        // A server does not tell how much room its disk has.
        free_bytes: None,
        checks,
    })
}

/// Databases that every server has, or nearly every one.
const MAINTENANCE: [&str; 2] = ["postgres", "template1"];

/// Looks, through another database if the target's own is gone (a restore after a disaster).
pub(super) async fn reach(context: &Context, target: &Target) -> Result<Inspection, EngineError> {
    match inspect(context, target).await {
        Err(EngineError::Connection(error @ ConnectionError::UnknownDatabase { .. })) => {
            for database in MAINTENANCE {
                if let Ok(found) = inspect(context, &target.with_database(database)).await {
                    return Ok(found);
                }
            }
            Err(error.into())
        }
        other => other,
    }
}

async fn sizes(session: &Session, target: &Target) -> Result<(u64, u64), EngineError> {
    let row = session
        .query_one(
            "SELECT pg_catalog.pg_database_size(pg_catalog.current_database()),
                    (SELECT pg_catalog.count(*) FROM pg_catalog.pg_class c
                      JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
                     WHERE c.relkind IN ('r', 'p')
                       AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_')",
            &[],
        )
        .await
        .map_err(sql(target, "the size of the database could not be read"))?;
    Ok((
        u64::try_from(row.get::<_, i64>(0)).unwrap_or(0),
        u64::try_from(row.get::<_, i64>(1)).unwrap_or(0),
    ))
}

fn ok(what: &str, found: String) -> Check {
    Check {
        what: what.to_owned(),
        state: CheckState::Ok,
        found,
        fix: None,
    }
}

fn version_check(server: &Server) -> Check {
    let major = server.version_num / 10_000;
    let standby = if server.standby { ", hot standby" } else { "" };
    let mut check = ok("server", format!("PostgreSQL {}{standby}", server.version));
    if !SUPPORTED.contains(&major) {
        check.state = CheckState::Warning;
        check.fix = Some(format!(
            "bookend was tried with PostgreSQL {} to {}",
            SUPPORTED.start(),
            SUPPORTED.end()
        ));
    }
    check
}

fn create_check(server: &Server) -> Check {
    if server.create_database {
        return ok("copies", format!("{} may create databases", server.role));
    }
    Check {
        what: "copies".to_owned(),
        state: CheckState::Warning,
        found: format!(
            "{} may not create databases: no proof and no restore on this server",
            server.role
        ),
        fix: Some(format!(
            "ALTER ROLE {} CREATEDB, or --prove-on another server",
            quote_identifier(&server.role)
        )),
    }
}

/// Tables whose rows this role may not read, or not all of them.
async fn unreadable(
    session: &Session,
    target: &Target,
    server: &Server,
) -> Result<Vec<Check>, EngineError> {
    let rows = session
        .query(
            "SELECT pg_catalog.format('%I.%I', n.nspname, c.relname),
                    pg_catalog.has_table_privilege(c.oid, 'SELECT')
               FROM pg_catalog.pg_class c
               JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
               JOIN pg_catalog.pg_roles me ON me.rolname = current_user
              WHERE c.relkind IN ('r', 'p') AND n.nspname !~ '^pg_'
                AND n.nspname <> 'information_schema'
                AND (NOT pg_catalog.has_table_privilege(c.oid, 'SELECT')
                     OR c.relrowsecurity AND NOT me.rolbypassrls AND NOT me.rolsuper
                        AND (c.relforcerowsecurity
                             OR NOT pg_catalog.pg_has_role(c.relowner, 'USAGE')))
              ORDER BY 1 LIMIT 20",
            &[],
        )
        .await
        .map_err(sql(target, "the rights on the tables could not be read"))?;
    if rows.is_empty() {
        return Ok(vec![ok(
            "rights",
            format!("{} may read every row", server.role),
        )]);
    }
    Ok(rows
        .iter()
        .map(|row| {
            let table: String = row.get(0);
            let role = quote_identifier(&server.role);
            let (found, fix) = if row.get(1) {
                (
                    format!("row security would hide rows of {table}"),
                    format!("ALTER ROLE {role} BYPASSRLS"),
                )
            } else {
                (
                    format!("{} may not read {table}", server.role),
                    format!("GRANT SELECT ON {table} TO {role}"),
                )
            };
            Check {
                what: "rights".to_owned(),
                state: CheckState::Failure,
                found,
                fix: Some(fix),
            }
        })
        .collect())
}

/// Whether the lock table has room for a lock on every table, twice.
async fn lock_check(session: &Session, target: &Target, tables: u64) -> Result<Check, EngineError> {
    let row = session
        .query_one(
            "SELECT pg_catalog.current_setting('max_locks_per_transaction')::pg_catalog.int8,
                    pg_catalog.current_setting('max_connections')::pg_catalog.int8
                    + pg_catalog.current_setting('max_prepared_transactions')::pg_catalog.int8",
            &[],
        )
        .await
        .map_err(sql(target, "the lock settings could not be read"))?;
    let setting = u64::try_from(row.get::<_, i64>(0)).unwrap_or(64);
    let slots = u64::try_from(row.get::<_, i64>(1)).unwrap_or(100);
    let found = format!("room for {} locks; tables: {tables}", setting * slots);
    let needed = (tables * 5 / 2).div_ceil(slots.max(1));
    if needed <= setting {
        return Ok(ok("locks", found));
    }
    Ok(Check {
        what: "locks".to_owned(),
        state: CheckState::Warning,
        found,
        fix: Some(format!(
            "ALTER SYSTEM SET max_locks_per_transaction = {needed}, then restart the server"
        )),
    })
}
