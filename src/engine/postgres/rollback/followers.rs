//! What follows a database by its name, and what stays with the failed one: told in words, never
//! changed.

use tokio_postgres::Client;

use crate::connection::Target;
use crate::connection::postgres::Session;
use crate::engine::{Context, EngineError};

use super::super::dump::control::application_name;
use super::super::sql_error::sql;

/// Databases that are looked into for foreign servers and scheduled jobs.
const MOST: i64 = 50;

/// Everything that was found.
pub(super) async fn of(
    context: &Context,
    session: &Session,
    target: &Target,
    oid: Option<u32>,
) -> Result<Vec<String>, EngineError> {
    let name = target.database();
    let mut told = Vec::new();
    if let Some(oid) = oid {
        told.extend(slots(session, target).await?);
        told.extend(subscriptions(session, target, oid).await?);
    }
    for other in others(session, target).await? {
        let there = target.with_database(&other);
        // A database that cannot be looked into is none that this role can say anything of.
        let Ok(inside) = there.postgres()?.connect(&application_name(context)).await else {
            continue;
        };
        told.extend(foreign_servers(&inside, &other, name).await);
        told.extend(jobs(&inside, &other, name).await);
    }
    Ok(told)
}

async fn slots(session: &Session, target: &Target) -> Result<Vec<String>, EngineError> {
    let rows = session
        .query(
            "SELECT slot_name::pg_catalog.text, active FROM pg_catalog.pg_replication_slots
              WHERE database = $1 ORDER BY 1",
            &[&target.database()],
        )
        .await
        .map_err(sql(target, "the replication slots could not be listed"))?;
    Ok(rows
        .iter()
        .map(|row| {
            let (name, active): (String, bool) = (row.get(0), row.get(1));
            let state = if active { ", in use now" } else { "" };
            format!(
                "replication slot {name}{state}: it belongs to the failed database and stays with it; its consumer needs a new one"
            )
        })
        .collect())
}

async fn subscriptions(
    session: &Session,
    target: &Target,
    oid: u32,
) -> Result<Vec<String>, EngineError> {
    let rows = session
        .query(
            "SELECT subname::pg_catalog.text, subenabled FROM pg_catalog.pg_subscription
              WHERE subdbid = $1 ORDER BY 1",
            &[&oid],
        )
        .await
        .map_err(sql(target, "the subscriptions could not be listed"))?;
    Ok(rows
        .iter()
        .map(|row| {
            let (name, enabled): (String, bool) = (row.get(0), row.get(1));
            let state = if enabled { "enabled" } else { "disabled" };
            format!(
                "subscription {name} ({state}): it stays with the failed database and goes on there; the one put back is disabled and has no slot"
            )
        })
        .collect())
}

async fn others(session: &Session, target: &Target) -> Result<Vec<String>, EngineError> {
    let rows = session
        .query(
            "SELECT datname::pg_catalog.text FROM pg_catalog.pg_database
              WHERE datallowconn AND datname <> $1 AND NOT datistemplate
                AND pg_catalog.has_database_privilege(oid, 'CONNECT')
              ORDER BY datname LIMIT $2",
            &[&target.database(), &MOST],
        )
        .await
        .map_err(sql(target, "the databases could not be listed"))?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

async fn foreign_servers(inside: &Client, there: &str, name: &str) -> Vec<String> {
    let rows = inside
        .query(
            "SELECT s.srvname::pg_catalog.text FROM pg_catalog.pg_foreign_server s
              WHERE ('dbname=' || $1) = ANY (s.srvoptions) ORDER BY 1",
            &[&name],
        )
        .await
        .unwrap_or_default();
    rows.iter()
        .map(|row| {
            let server: String = row.get(0);
            format!(
                "foreign server {server} in database {there} names {name}: it leads to the database put back"
            )
        })
        .collect()
}

/// Jobs of `pg_cron`, where it is and can be read.
async fn jobs(inside: &Client, there: &str, name: &str) -> Vec<String> {
    let exists = inside
        .query_one("SELECT pg_catalog.to_regclass('cron.job') IS NOT NULL", &[])
        .await;
    if !exists.is_ok_and(|row| row.get(0)) {
        return Vec::new();
    }
    let rows = inside
        .query(
            "SELECT jobid::pg_catalog.text, schedule::pg_catalog.text FROM cron.job
              WHERE database = $1 ORDER BY jobid",
            &[&name],
        )
        .await
        .unwrap_or_default();
    rows.iter()
        .map(|row| {
            let (job, schedule): (String, String) = (row.get(0), row.get(1));
            format!(
                "pg_cron job {job} ({schedule}, kept in {there}) names {name}: it runs in the database put back"
            )
        })
        .collect()
}
