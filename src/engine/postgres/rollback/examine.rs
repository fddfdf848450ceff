//! Whether a database can be swapped at all, found before anything is done.

use crate::connection::Target;
use crate::connection::postgres::Session;
use crate::engine::rollback::Examination;
use crate::engine::{Context, EngineError};

use super::super::copies::names;
use super::super::server::{self, Server};
use super::super::sql_error::sql;
use super::followers;

/// Databases that clients and tools count on under these very names.
const FIXED: [&str; 3] = ["postgres", "template0", "template1"];

/// Looks at the original.
pub(super) async fn examine(
    context: &Context,
    target: &Target,
    stamp: &str,
) -> Result<Examination, EngineError> {
    let session = server::maintenance(context, target).await?;
    let server = server::facts(&session, target).await?;
    let name = target.database();
    let taken = all_names(&session, target).await?;
    let found = Found::look(&session, target, name).await?;
    let obstacle = obstacle(&server, name, found.as_ref());
    let followers = followers::of(context, &session, target, found.as_ref().map(|f| f.oid)).await?;
    Ok(Examination {
        identity: found.map(|found| found.oid.to_string()),
        kept_as: names::suffixed(name, &format!("_failed_{stamp}"), &taken),
        beside: names::suffixed(name, &format!("_before_{stamp}"), &taken),
        obstacle,
        followers,
        holds_off: true,
    })
}

struct Found {
    oid: u32,
    allows: bool,
    template: bool,
    owner: String,
    ours: bool,
}

impl Found {
    async fn look(
        session: &Session,
        target: &Target,
        name: &str,
    ) -> Result<Option<Self>, EngineError> {
        let row = session
            .query_opt(
                "SELECT d.oid, d.datallowconn, d.datistemplate,
                        pg_catalog.pg_get_userbyid(d.datdba)::pg_catalog.text,
                        pg_catalog.pg_has_role(d.datdba, 'USAGE')
                   FROM pg_catalog.pg_database d WHERE d.datname = $1",
                &[&name],
            )
            .await
            .map_err(sql(target, format!("{name} could not be looked up")))?;
        Ok(row.map(|row| Self {
            oid: row.get(0),
            allows: row.get(1),
            template: row.get(2),
            owner: row.get(3),
            ours: row.get(4),
        }))
    }
}

fn obstacle(server: &Server, name: &str, found: Option<&Found>) -> Option<String> {
    if FIXED.contains(&name) {
        return Some(format!(
            "{name} is a database that the server's own tools connect to by name: it is not renamed"
        ));
    }
    if server.standby {
        return Some("the server is a hot standby: nothing can be renamed there".to_owned());
    }
    if !server.create_database {
        return Some(format!(
            "{} may not rename databases: that takes CREATEDB",
            server.role
        ));
    }
    let found = found?;
    if !found.ours {
        return Some(format!(
            "{name} belongs to {}, and {} may not rename it",
            found.owner, server.role
        ));
    }
    if found.template {
        return Some(format!("{name} is a template database"));
    }
    (!found.allows).then(|| format!("{name} takes no connections (ALLOW_CONNECTIONS false)"))
}

async fn all_names(session: &Session, target: &Target) -> Result<Vec<String>, EngineError> {
    let rows = session
        .query(
            "SELECT datname::pg_catalog.text FROM pg_catalog.pg_database",
            &[],
        )
        .await
        .map_err(sql(target, "the databases could not be listed"))?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}
