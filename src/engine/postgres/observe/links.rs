//! What inside a copy leads out of it: foreign servers and the like that were restored with it.

use crate::connection::Target;
use crate::engine::{Context, EngineError};

use super::super::dump::control::application_name;
use super::super::sql_error::sql;

/// Each way out in words, those that lead to `original` first.
pub(in super::super) async fn links(
    context: &Context,
    copy: &Target,
    original: &Target,
) -> Result<Vec<String>, EngineError> {
    let name = application_name(context);
    let session = context
        .unless_cancelled(copy.postgres()?.connect(&name))
        .await?;
    let rows = session
        .query(
            "SELECT s.srvname::pg_catalog.text, w.fdwname::pg_catalog.text,
                    (SELECT pg_catalog.split_part(o, '=', 2) FROM pg_catalog.unnest(s.srvoptions) o
                      WHERE o LIKE 'host=%' OR o LIKE 'hostaddr=%' LIMIT 1),
                    (SELECT pg_catalog.split_part(o, '=', 2) FROM pg_catalog.unnest(s.srvoptions) o
                      WHERE o LIKE 'dbname=%' LIMIT 1)
               FROM pg_catalog.pg_foreign_server s
               JOIN pg_catalog.pg_foreign_data_wrapper w ON w.oid = s.srvfdw
              ORDER BY 1",
            &[],
        )
        .await
        .map_err(sql(copy, "the foreign servers could not be listed"))?;
    let mut ways: Vec<(bool, String)> = rows
        .iter()
        .map(|row| {
            let host: Option<String> = row.get(2);
            let database: Option<String> = row.get(3);
            let there = leads_to(original, host.as_deref(), database.as_deref());
            let words = format!(
                "foreign server {} ({}) leads to {}{}",
                row.get::<_, String>(0),
                row.get::<_, String>(1),
                place(host.as_deref(), database.as_deref()),
                if there { ", the original" } else { "" },
            );
            (!there, words)
        })
        .collect();
    ways.sort();
    Ok(ways.into_iter().map(|(_, words)| words).collect())
}

/// libpq's defaults: no host is this server, no database the user's own.
fn leads_to(original: &Target, host: Option<&str>, database: Option<&str>) -> bool {
    let local =
        |host: &str| matches!(host, "localhost" | "127.0.0.1" | "::1") || host.starts_with('/');
    let same_host =
        host.is_none_or(|host| host == original.host() || (local(host) && local(original.host())));
    same_host && database.is_none_or(|database| database == original.database())
}

fn place(host: Option<&str>, database: Option<&str>) -> String {
    match (database, host) {
        (Some(database), Some(host)) => format!("{database} on {host}"),
        (Some(database), None) => format!("{database} on this server"),
        (None, Some(host)) => host.to_owned(),
        (None, None) => "an unknown place".to_owned(),
    }
}
