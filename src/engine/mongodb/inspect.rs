//! Looking at a target without changing anything: what `doctor` shows and preflight needs.

use bson::{Bson, Document, doc};

use crate::connection::mongodb::Session;
use crate::connection::{ConnectionError, Target};
use crate::engine::{Check, CheckState, Context, EngineError, Inspection};

use super::consistency::{self, Watch};
use super::server::{self, Server, UNAUTHORIZED, code, refused, says};
use super::{TOOLS_MAJOR, catalogue};

/// The oldest and the newest server that bookend was written for.
const SUPPORTED: std::ops::RangeInclusive<u32> = 5..=8;

/// Looks at a database that must be there.
pub(super) async fn inspect(context: &Context, target: &Target) -> Result<Inspection, EngineError> {
    let session = server::connect(context, target).await?;
    if catalogue::list(&session, session.database())
        .await?
        .is_empty()
    {
        return Err(ConnectionError::UnknownDatabase {
            database: target.database().to_owned(),
            server: session.server().to_owned(),
        }
        .into());
    }
    let mut inspection = basics(context, &session).await?;
    inspection.checks.push(rights_check(&session).await?);
    let server = server::facts(&session).await?;
    inspection
        .checks
        .push(writes_check(&session, &server).await?);
    Ok(inspection)
}

/// Looks at the server, whether the database that is named is there or not.
pub(super) async fn reach(context: &Context, target: &Target) -> Result<Inspection, EngineError> {
    let session = server::connect(context, target).await?;
    basics(context, &session).await
}

async fn basics(context: &Context, session: &Session) -> Result<Inspection, EngineError> {
    let server = server::facts(session).await?;
    let name = session.database().name();
    // The server counts views' and time series' own collections too.
    let (bytes, all) = server::size(session, name).await?;
    let tables = catalogue::count(session, session.database())
        .await
        .unwrap_or(all);
    let mut checks = vec![version_check(&server)];
    let mut tools = Vec::new();
    for name in ["mongodump", "mongorestore"] {
        let found = context.tools.find(name, Some(TOOLS_MAJOR)).await;
        checks.push(match &found {
            Ok(tool) => ok(name, tool.title()),
            Err(error) => Check {
                what: name.to_owned(),
                state: CheckState::Failure,
                found: error.to_string(),
                fix: Some(
                    "install MongoDB's database tools 100 or newer, or name their folder with --tool-dir"
                        .to_owned(),
                ),
            },
        });
        tools.extend(found.ok().map(|tool| tool.title()));
    }
    checks.push(create_check(session).await?);
    Ok(Inspection {
        server_version: server.version.clone(),
        product: "MongoDB".to_owned(),
        bytes,
        data_bytes: server::data_size(session).await.unwrap_or(bytes),
        tables,
        tools,
        identity: server.identity,
        standby: server.secondary,
        free_bytes: free_bytes(session).await,
        checks,
    })
}

/// What `dbStats` says of the file system, where it does.
async fn free_bytes(session: &Session) -> Option<u64> {
    let stats = session
        .command(doc! { "dbStats": 1, "scale": 1 })
        .await
        .ok()?;
    let (total, used) = (
        server::number(&stats, "fsTotalSize"),
        server::number(&stats, "fsUsedSize"),
    );
    (total > 0).then(|| total.saturating_sub(used))
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
    let mut check = ok(
        "server",
        format!("MongoDB {}, {}", server.version, server.deployment()),
    );
    if !SUPPORTED.contains(&(server.version_num / 10_000)) {
        check.state = CheckState::Warning;
        check.fix = Some(format!(
            "bookend was written for MongoDB {} to {}",
            SUPPORTED.start(),
            SUPPORTED.end()
        ));
    }
    check
}

/// Whether this user may make any database: what its privileges say.
async fn create_check(session: &Session) -> Result<Check, EngineError> {
    let user = session.url().user();
    if user.is_empty() {
        return Ok(ok("copies", "the server asks for no user".to_owned()));
    }
    let status = session
        .command(doc! { "connectionStatus": 1, "showPrivileges": true })
        .await
        .map_err(refused(session, "the user's rights could not be read"))?;
    let privileges = status
        .get_document("authInfo")
        .ok()
        .and_then(|info| info.get_array("authenticatedUserPrivileges").ok())
        .cloned()
        .unwrap_or_default();
    let any = privileges
        .iter()
        .filter_map(Bson::as_document)
        .any(may_create_anywhere);
    if any {
        return Ok(ok("copies", format!("{user} may create databases")));
    }
    Ok(Check {
        what: "copies".to_owned(),
        state: CheckState::Warning,
        found: format!("{user} may not create databases: no proof and no restore on this server"),
        fix: Some(format!(
            "use {}; db.grantRolesToUser(\"{user}\", [{{role: \"readWriteAnyDatabase\", db: \"admin\"}}, \
             {{role: \"dbAdminAnyDatabase\", db: \"admin\"}}]), or --prove-on another server",
            session.auth_source().unwrap_or("admin")
        )),
    })
}

fn may_create_anywhere(privilege: &Document) -> bool {
    let everywhere = privilege.get_document("resource").is_ok_and(|resource| {
        resource.get_bool("anyResource").unwrap_or(false)
            || (says(resource, "db", "") && says(resource, "collection", ""))
    });
    let actions = privilege.get_array("actions").cloned().unwrap_or_default();
    let has = |wanted: &str| actions.iter().any(|action| action.as_str() == Some(wanted));
    everywhere && (has("anyAction") || (has("createCollection") && has("dropDatabase")))
}

/// Collections that this user may not read.
async fn rights_check(session: &Session) -> Result<Check, EngineError> {
    let definitions = catalogue::read(session, session.database()).await;
    let definitions = match definitions {
        Ok(definitions) => definitions,
        Err(EngineError::Forbidden { what, .. }) => {
            return Ok(unreadable(session, &what));
        }
        Err(error) => return Err(error),
    };
    for one in &definitions {
        let body = one.body_name();
        let probe = session
            .command(
                doc! { "find": &body, "limit": 1, "projection": { "_id": 1 }, "singleBatch": true },
            )
            .await;
        match probe {
            Err(error) if code(&error) == Some(UNAUTHORIZED) => {
                return Ok(unreadable(session, &format!("{body} may not be read")));
            }
            _ => {}
        }
    }
    Ok(ok("rights", "every collection can be read".to_owned()))
}

fn unreadable(session: &Session, found: &str) -> Check {
    Check {
        what: "rights".to_owned(),
        state: CheckState::Failure,
        found: found.to_owned(),
        fix: Some(format!(
            "use {}; db.grantRolesToUser(\"{}\", [{{role: \"read\", db: \"{}\"}}])",
            session.auth_source().unwrap_or("admin"),
            session.url().user(),
            session.database().name()
        )),
    }
}

/// Whether a backup will be able to say if others wrote meanwhile.
async fn writes_check(session: &Session, server: &Server) -> Result<Check, EngineError> {
    Ok(match consistency::begin(session, server, &[]).await? {
        Watch::Oplog(_) => ok("writes during a backup", "seen in the oplog".to_owned()),
        Watch::Counters(_) => ok("writes during a backup", "seen in the counters".to_owned()),
        Watch::Nothing(why) => Check {
            what: "writes during a backup".to_owned(),
            state: CheckState::Warning,
            found: format!("cannot be seen: {why}"),
            fix: None,
        },
    })
}
