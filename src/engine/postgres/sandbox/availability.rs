//! What a private server's installation must have for an archive: extensions and ICU.

use std::collections::BTreeMap;

use crate::connection::Target;
use crate::connection::postgres::Session;
use crate::engine::{EngineError, MissingThing, SandboxPrograms};
use crate::snapshot::Snapshot;

use super::super::sql_error::sql;

/// Extensions that PostgreSQL's own sources hold.
const CONTRIB: [&str; 32] = [
    "adminpack",
    "amcheck",
    "autoinc",
    "bloom",
    "btree_gin",
    "btree_gist",
    "citext",
    "cube",
    "dblink",
    "dict_int",
    "earthdistance",
    "file_fdw",
    "fuzzystrmatch",
    "hstore",
    "insert_username",
    "intarray",
    "isn",
    "lo",
    "ltree",
    "moddatetime",
    "pageinspect",
    "pg_buffercache",
    "pg_stat_statements",
    "pg_trgm",
    "pgcrypto",
    "pgrowlocks",
    "pgstattuple",
    "postgres_fdw",
    "seg",
    "tablefunc",
    "unaccent",
    "uuid-ossp",
];

/// Debian's names of packages that are not called like their extension.
const PACKAGES: [(&str, &str); 4] = [
    ("vector", "pgvector"),
    ("postgis", "postgis-3"),
    ("postgis_topology", "postgis-3"),
    ("postgis_raster", "postgis-3"),
];

/// Refuses what the installation lacks, by name and with the package. Gives in words where
/// it differs from the archive's.
pub(super) async fn check(
    session: &Session,
    access: &Target,
    snapshot: &Snapshot,
    programs: &SandboxPrograms,
) -> Result<Vec<String>, EngineError> {
    let rows = session
        .query(
            "SELECT name::pg_catalog.text, default_version FROM pg_catalog.pg_available_extensions",
            &[],
        )
        .await
        .map_err(sql(access, "the available extensions could not be listed"))?;
    let available: BTreeMap<String, Option<String>> =
        rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    let mut missing: Vec<MissingThing> = snapshot
        .extensions
        .iter()
        .filter(|wanted| !available.contains_key(&wanted.name))
        .map(|wanted| MissingThing {
            what: format!("extension {} {}", wanted.name, wanted.version),
            fix: package(&wanted.name, snapshot.server.version_num / 10_000),
        })
        .collect();
    missing.extend(icu(session, access, snapshot).await?);
    if !missing.is_empty() {
        return Err(EngineError::Missing {
            server: format!("the sandbox ({})", installation(programs)),
            missing,
        });
    }
    Ok(snapshot
        .extensions
        .iter()
        .filter_map(|wanted| {
            let here = available.get(&wanted.name)?.as_ref()?;
            (*here != wanted.version).then(|| {
                format!(
                    "extension {} is {here} in the sandbox, {} in the archive",
                    wanted.name, wanted.version
                )
            })
        })
        .collect())
}

fn installation(programs: &SandboxPrograms) -> String {
    let folder = programs.tools.first().and_then(|tool| tool.path.parent());
    format!(
        "{} {} in {}",
        programs.product,
        programs.version,
        folder.unwrap_or(std::path::Path::new("/")).display()
    )
}

fn package(extension: &str, major: u32) -> String {
    let elsewhere = "or prove on a server that has it: --prove-on TARGET";
    if CONTRIB.contains(&extension) {
        return format!(
            "install {extension}, a part of PostgreSQL's contrib (Debian, Ubuntu: apt install postgresql-{major}; Red Hat: postgresql{major}-contrib), {elsewhere}"
        );
    }
    let known = PACKAGES.iter().find(|(name, _)| *name == extension);
    let name = known.map_or_else(
        || extension.replace('_', "-"),
        |(_, name)| (*name).to_owned(),
    );
    format!(
        "install {extension} for PostgreSQL {major} (Debian, Ubuntu: probably apt install postgresql-{major}-{name}), {elsewhere}"
    )
}

/// A server that was built without ICU has none of its collations.
async fn icu(
    session: &Session,
    access: &Target,
    snapshot: &Snapshot,
) -> Result<Option<MissingThing>, EngineError> {
    if snapshot.database.locale.get("provider").map(String::as_str) != Some("icu") {
        return Ok(None);
    }
    let row = session
        .query_one(
            "SELECT pg_catalog.count(*) FROM pg_catalog.pg_collation WHERE collprovider = 'i'",
            &[],
        )
        .await
        .map_err(sql(access, "the collations could not be listed"))?;
    Ok((row.get::<_, i64>(0) == 0).then(|| MissingThing {
        what: "ICU, which the archive's database sorts by".to_owned(),
        fix: "use a PostgreSQL that was built with ICU: --tool-dir DIR, or --prove-on TARGET"
            .to_owned(),
    }))
}

#[cfg(test)]
mod tests {
    use super::package;

    #[test]
    fn a_missing_extension_is_named_with_its_package() {
        assert!(package("hstore", 16).contains("apt install postgresql-16;"));
        assert!(package("vector", 18).contains("postgresql-18-pgvector"));
        assert!(package("pg_partman", 17).contains("postgresql-17-pg-partman"));
    }
}
