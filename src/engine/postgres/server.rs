//! What is asked of a server as a whole, on its maintenance database.

use crate::connection::Target;
use crate::connection::postgres::Session;
use crate::engine::{Context, EngineError};

use super::dump::control::application_name;
use super::sql_error::sql;

/// Facts of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Server {
    /// As printed, e.g. `16.14`.
    pub version: String,
    /// E.g. 160014.
    pub version_num: u32,
    /// `system_identifier` of `pg_control_system()`; `None` if this role may not read it.
    pub identity: Option<String>,
    /// A hot standby.
    pub standby: bool,
    /// The role that is connected.
    pub role: String,
    /// Whether it is a superuser.
    pub superuser: bool,
    /// Whether it may create databases.
    pub create_database: bool,
}

impl Server {
    /// The identity for a marker: empty if unknown.
    pub(super) fn system(&self) -> &str {
        self.identity.as_deref().unwrap_or("")
    }
}

/// A session in the server's maintenance database.
pub(super) async fn maintenance(context: &Context, on: &Target) -> Result<Session, EngineError> {
    let name = application_name(context);
    let connecting = on.postgres()?.connect_maintenance(&name);
    context.unless_cancelled(connecting).await
}

/// Reads the facts through any session of that server.
pub(super) async fn facts(session: &Session, on: &Target) -> Result<Server, EngineError> {
    let row = session
        .query_one(
            "SELECT pg_catalog.current_setting('server_version'),
                    pg_catalog.current_setting('server_version_num')::pg_catalog.int4,
                    pg_catalog.pg_is_in_recovery(), current_user::pg_catalog.text,
                    r.rolsuper, r.rolcreatedb OR r.rolsuper,
                    pg_catalog.has_function_privilege('pg_catalog.pg_control_system()', 'EXECUTE')
               FROM pg_catalog.pg_roles r WHERE r.rolname = current_user",
            &[],
        )
        .await
        .map_err(sql(on, "the server's facts could not be read"))?;
    let version: String = row.get(0);
    Ok(Server {
        // Debian prints "15.18 (Debian 15.18-0+deb12u1)".
        version: version.split_whitespace().next().unwrap_or("").to_owned(),
        version_num: u32::try_from(row.get::<_, i32>(1)).unwrap_or(0),
        standby: row.get(2),
        role: row.get(3),
        superuser: row.get(4),
        create_database: row.get(5),
        // Asked without the right, it would end a transaction that is under way.
        identity: if row.get(6) {
            identity(session).await
        } else {
            None
        },
    })
}

/// Managed servers sometimes revoke `pg_control_system`: then there is no identity.
async fn identity(session: &Session) -> Option<String> {
    session
        .query_one(
            "SELECT system_identifier::pg_catalog.text FROM pg_catalog.pg_control_system()",
            &[],
        )
        .await
        .ok()
        .map(|row| row.get(0))
}
