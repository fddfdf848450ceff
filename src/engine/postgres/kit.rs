//! What lets an archive be restored with stock tools alone: `restore.sh`, `RESTORE.md` and the
//! scripts that they run.

use crate::engine::RestoreKit;
use crate::snapshot::{DatabaseFacts, Snapshot};

use super::catalog::{self, Include};
use super::restore::create;

/// Stands for the new database's name while statements are made; no identifier quoting
/// changes it.
const PLACEHOLDER: &str = "bookend_restores_into_this";

/// The kit. The script is fixed text: whatever differs between archives is in its members.
pub(super) fn kit(snapshot: &Snapshot) -> RestoreKit {
    RestoreKit {
        readme: readme(snapshot),
        script: include_str!("restore.sh").to_owned(),
    }
}

/// `CREATE DATABASE` for psql, the name in its variable `database`.
pub(super) fn create_script(facts: &DatabaseFacts, version_num: u32) -> String {
    let statement = create::statement(PLACEHOLDER, &facts.locale, version_num);
    format!("{};\n", with_variable(&statement))
}

/// Settings, grants and comment of the database for psql, the name in its variable `database`.
pub(super) fn database_script(facts: &DatabaseFacts) -> String {
    catalog::database_sql(facts, PLACEHOLDER, Include::ALL)
        .iter()
        .map(|statement| format!("{};\n", with_variable(statement)))
        .collect()
}

fn with_variable(statement: &str) -> String {
    statement
        .replace(&format!("\"{PLACEHOLDER}\""), ":\"database\"")
        .replace(PLACEHOLDER, ":\"database\"")
}

/// A stream's statement as psql runs it before the rows.
pub(super) fn copy_script(statement: &str, encoding: &str) -> String {
    format!(
        "SET client_encoding = '{encoding}';\nSET search_path = '';\n{}\n",
        statement.trim_end()
    )
}

fn readme(snapshot: &Snapshot) -> String {
    let mut text = format!(
        "# Restoring this archive without bookend\n\n\
         It holds the PostgreSQL database `{database}` as of {taken} (server {version}, {tool}).\n\n\
         You need: tar, the decompressor of the members under `data/` (zstd or gzip; none if they end \
         in `.copy`), and psql and pg_restore not older than {tool}.\n\n\
         ```sh\n\
         mkdir restored && tar -xf ARCHIVE.tar -C restored && cd restored\n\
         PGHOST=… PGPORT=… PGUSER=… sh restore.sh NEW_DATABASE\n\
         ```\n\n\
         The script makes the database NEW_DATABASE, which must not exist yet, and stops at the \
         first error. It changes nothing else but settings of roles in the new database. JOBS=4 makes it \
         build four indexes at once.\n\n\
         By hand, in this order: `create.sql`; `pg_restore --section=pre-data toc.dump`; \
         `before_data.sql`; for each folder under `data/` its `copy.sql` followed by its \
         decompressed chunks in order; `large_objects/` decompressed into `pg_restore`; \
         `sequences.sql`; `pg_restore --section=post-data toc.dump`; `database.sql`; `after_data.sql`.\n",
        database = snapshot.database.name,
        taken = snapshot.taken_at.format("%Y-%m-%dT%H:%M:%SZ"),
        version = snapshot.server.version,
        tool = snapshot.server.tool,
    );
    if !snapshot.prerequisites.is_empty() {
        text.push_str("\n## What must be there first\n\n```sql\n");
        for thing in &snapshot.prerequisites {
            text.push_str(&format!("{};\n", thing.create.trim_end_matches(';')));
        }
        text.push_str("```\n");
    }
    if !snapshot.notes.is_empty() {
        text.push_str("\n## What does not come along\n\n");
        for note in &snapshot.notes {
            text.push_str(&format!("* {note}\n"));
        }
    }
    text
}
