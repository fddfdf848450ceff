//! What a restore needs, found before anything is created.

use std::collections::{BTreeSet, HashMap, HashSet};

use crate::connection::Target;
use crate::connection::postgres::Session;
use crate::engine::{EngineError, MissingThing, RestoreRequest};
use crate::snapshot::Snapshot;

use super::super::compare::printed_identifier;
use super::super::copies::names;
use super::super::derived::RoleMap;
use super::super::quoting::quote_identifier;
use super::super::server::Server;
use super::super::sql_error::sql;

/// Refuses a standby, a taken or impossible name, and whatever else would fail half-way.
pub(super) async fn check(
    session: &Session,
    server: &Server,
    on: &Target,
    snapshot: &Snapshot,
    request: &RestoreRequest,
) -> Result<(), EngineError> {
    if server.standby {
        return Err(EngineError::Unsupported {
            what: format!(
                "{} is a hot standby: nothing can be created there",
                on.display_url()
            ),
            advice: "name the primary with --on or --prove-on".to_owned(),
        });
    }
    if let Some(into) = &request.into {
        free_name(session, on, into).await?;
    }
    let mut missing = Vec::new();
    if !server.create_database {
        missing.push(MissingThing {
            what: format!("the right to create databases for role {}", server.role),
            fix: format!("ALTER ROLE {} CREATEDB", quote_identifier(&server.role)),
        });
    }
    missing.extend(heirs(session, on, request).await?);
    missing.extend(roles(session, server, on, snapshot, request).await?);
    missing.extend(tablespaces(session, on, snapshot).await?);
    missing.extend(extensions(session, server, on, snapshot).await?);
    if missing.is_empty() {
        Ok(())
    } else {
        Err(EngineError::Missing {
            server: on.display_url(),
            missing,
        })
    }
}

/// Refuses a name that is not possible or not free, with one that is.
pub(in super::super) async fn free_name(
    session: &Session,
    on: &Target,
    into: &str,
) -> Result<(), EngineError> {
    names::check(into)?;
    let taken = taken_names(session, on).await?;
    if taken.iter().any(|name| name == into) {
        return Err(EngineError::NameTaken {
            name: into.to_owned(),
            server: on.display_url(),
            free: names::free(into, &taken),
        });
    }
    Ok(())
}

/// Names of all databases of the server.
pub(in super::super) async fn taken_names(
    session: &Session,
    on: &Target,
) -> Result<Vec<String>, EngineError> {
    let rows = session
        .query(
            "SELECT datname::pg_catalog.text FROM pg_catalog.pg_database",
            &[],
        )
        .await
        .map_err(sql(on, "the databases could not be listed"))?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// The roles that `--role-map` gives things to must exist, whether they will get any or not: a
/// name that is mistyped is found here.
async fn heirs(
    session: &Session,
    on: &Target,
    request: &RestoreRequest,
) -> Result<Vec<MissingThing>, EngineError> {
    let map = RoleMap::new(&request.role_map);
    let wanted: BTreeSet<&str> = map.new_ones().collect();
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let known: Vec<String> = session
        .query(
            "SELECT rolname::pg_catalog.text FROM pg_catalog.pg_roles
              WHERE rolname !~ '^pg_' OR rolname = ANY ($1) ORDER BY 1",
            &[&wanted.iter().collect::<Vec<_>>()],
        )
        .await
        .map_err(sql(on, "the roles could not be listed"))?
        .iter()
        .map(|row| row.get(0))
        .collect();
    let there: Vec<&str> = known.iter().map(String::as_str).take(10).collect();
    Ok(wanted
        .into_iter()
        .filter(|name| !known.iter().any(|known| known == name))
        .map(|name| MissingThing {
            what: format!("role {name}, which --role-map gives things to"),
            fix: format!(
                "CREATE ROLE {} (or name one that is there: {})",
                printed_identifier(name),
                there.join(", ")
            ),
        })
        .collect())
}

/// Roles that own something or are granted something must exist, and the connecting role must
/// be able to give things to the owners.
async fn roles(
    session: &Session,
    server: &Server,
    on: &Target,
    snapshot: &Snapshot,
    request: &RestoreRequest,
) -> Result<Vec<MissingThing>, EngineError> {
    let owners: BTreeSet<&str> = snapshot
        .objects
        .iter()
        .filter_map(|object| object.owner.as_deref())
        .collect();
    let needed: Vec<_> = snapshot
        .prerequisites
        .iter()
        .filter(|p| p.kind == "role")
        .filter(|p| {
            let owns = owners.contains(p.name.as_str());
            (owns && !request.no_owner) || (!owns && !request.no_privileges)
        })
        .collect();
    let names: Vec<&str> = needed.iter().map(|p| p.name.as_str()).collect();
    let known: HashMap<String, bool> = session
        .query(
            "SELECT rolname::pg_catalog.text, pg_catalog.pg_has_role(oid, 'MEMBER')
               FROM pg_catalog.pg_roles WHERE rolname = ANY ($1)",
            &[&names],
        )
        .await
        .map_err(sql(on, "the roles could not be listed"))?
        .iter()
        .map(|row| (row.get(0), row.get(1)))
        .collect();
    let mut missing = Vec::new();
    let heirs: Vec<&str> = request.role_map.iter().map(|(_, new)| &**new).collect();
    for role in needed {
        match known.get(&role.name) {
            // Told already.
            None if heirs.contains(&&*role.name) => {}
            None => missing.push(MissingThing {
                what: format!("role {}", role.name),
                fix: format!("{} (or --no-owner --no-privileges)", role.create),
            }),
            Some(false) if !request.no_owner && owners.contains(role.name.as_str()) => {
                missing.push(MissingThing {
                    what: format!(
                        "the right of {} to make {} an owner",
                        server.role, role.name
                    ),
                    fix: format!(
                        "GRANT {} TO {} (or --no-owner)",
                        quote_identifier(&role.name),
                        quote_identifier(&server.role)
                    ),
                });
            }
            Some(_) => {}
        }
    }
    Ok(missing)
}

async fn tablespaces(
    session: &Session,
    on: &Target,
    snapshot: &Snapshot,
) -> Result<Vec<MissingThing>, EngineError> {
    let known: HashSet<String> = session
        .query(
            "SELECT spcname::pg_catalog.text FROM pg_catalog.pg_tablespace",
            &[],
        )
        .await
        .map_err(sql(on, "the tablespaces could not be listed"))?
        .iter()
        .map(|row| row.get(0))
        .collect();
    Ok(snapshot
        .prerequisites
        .iter()
        .filter(|p| p.kind == "tablespace" && !known.contains(&p.name))
        .map(|p| MissingThing {
            what: format!("tablespace {}", p.name),
            fix: p.create.clone(),
        })
        .collect())
}

/// Extensions must be installed in the wanted version, and creatable by this role: as
/// superuser, or because they are trusted (`pg_available_extension_versions`, 13 and newer).
async fn extensions(
    session: &Session,
    server: &Server,
    on: &Target,
    snapshot: &Snapshot,
) -> Result<Vec<MissingThing>, EngineError> {
    let trusted = if server.version_num >= 130_000 {
        "trusted"
    } else {
        "false"
    };
    let rows = session
        .query(
            &format!(
                "SELECT name::pg_catalog.text, version, superuser AND NOT {trusted}
                   FROM pg_catalog.pg_available_extension_versions"
            ),
            &[],
        )
        .await
        .map_err(sql(on, "the available extensions could not be listed"))?;
    let available: Vec<(String, String, bool)> = rows
        .iter()
        .map(|row| (row.get(0), row.get(1), row.get(2)))
        .collect();
    let mut missing = Vec::new();
    for wanted in &snapshot.extensions {
        // Every new database has it.
        if wanted.name == "plpgsql" {
            continue;
        }
        let versions: Vec<_> = available.iter().filter(|a| a.0 == wanted.name).collect();
        if versions.is_empty() {
            missing.push(MissingThing {
                what: format!("extension {} {}", wanted.name, wanted.version),
                fix: format!("install the package of {} on the server", wanted.name),
            });
        } else if !server.superuser && versions.iter().all(|a| a.2) {
            missing.push(MissingThing {
                what: format!(
                    "the right of {} to create extension {}",
                    server.role, wanted.name
                ),
                fix: format!("restore as a superuser, or have {} allowed", wanted.name),
            });
        }
    }
    Ok(missing)
}
