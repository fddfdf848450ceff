//! Keeping a database as it is while others may connect: `pg_dump` and our workers have to come
//! in, and so may anybody then. `SHARE` on every table lets all read and nobody write.

use crate::connection::Target;
use crate::connection::postgres::Session;
use crate::engine::{Context, EngineError};

use super::super::dump::control::application_name;
use super::super::sql_error::sql;

/// So many relations are named in one `LOCK TABLE`.
const BATCH: usize = 500;

/// A session in the original, opened before others are kept out.
pub(super) struct Still {
    session: Session,
    /// What the catalogs were when the locks were there.
    state: String,
    /// In words: what could not be locked.
    pub notes: Vec<String>,
}

impl Still {
    /// Opens the session.
    pub(super) async fn open(context: &Context, target: &Target) -> Result<Self, EngineError> {
        let name = application_name(context);
        let session = context
            .unless_cancelled(target.postgres()?.connect(&name))
            .await?;
        Ok(Self {
            session,
            state: String::new(),
            notes: Vec::new(),
        })
    }

    /// Its process on the server.
    pub(super) fn pid(&self) -> i32 {
        self.session.backend_pid()
    }

    /// Locks every table against writing, for as long as the session lives. Nobody else is
    /// connected: there is nothing to wait for but what somebody prepared.
    pub(super) async fn lock(
        &mut self,
        context: &Context,
        target: &Target,
    ) -> Result<(), EngineError> {
        let timeout = context.lock_timeout.as_millis();
        self.session
            .batch_execute(&format!("BEGIN; SET LOCAL lock_timeout = {timeout}"))
            .await
            .map_err(sql(target, "a transaction could not be begun"))?;
        let rows = self
            .session
            .query(
                "SELECT pg_catalog.format('%I.%I', n.nspname, c.relname)
                   FROM pg_catalog.pg_class c
                   JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
                  WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't'
                    AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'
                  ORDER BY c.oid",
                &[],
            )
            .await
            .map_err(sql(target, "the tables could not be listed"))?;
        let tables: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
        for batch in tables.chunks(BATCH) {
            let statement = format!("LOCK TABLE ONLY {} IN SHARE MODE", batch.join(", ONLY "));
            let locked = self.session.batch_execute(&statement).await;
            locked.map_err(|error| cannot(target, &error))?;
        }
        self.state = self.look(target).await?;
        Ok(())
    }

    /// What all large objects are now. They cannot be locked: whoever reads one takes the lock
    /// of a writer (seen). Only a superuser may look at all of them.
    async fn large_objects(&mut self, target: &Target) -> Result<String, EngineError> {
        let what = "the large objects could not be looked at";
        let any = "SELECT EXISTS (SELECT FROM pg_catalog.pg_largeobject_metadata),
                          pg_catalog.has_table_privilege('pg_catalog.pg_largeobject', 'SELECT')";
        let row = self.session.query_one(any, &[]).await;
        let row = row.map_err(sql(target, what))?;
        match (row.get(0), row.get(1)) {
            (false, _) => Ok(String::new()),
            (true, false) => {
                let note = "this role may not look at all large objects: what others write into them during the export is not seen";
                if !self.notes.iter().any(|known| known == note) {
                    self.notes.push(note.to_owned());
                }
                Ok(String::new())
            }
            (true, true) => {
                let sums = "SELECT pg_catalog.concat_ws(':', pg_catalog.count(*),
                     pg_catalog.sum(xmin::pg_catalog.text::pg_catalog.int8)) FROM pg_catalog.pg_largeobject";
                let row = self.session.query_one(sums, &[]).await;
                Ok(row.map_err(sql(target, what))?.get(0))
            }
        }
    }

    /// Whether definitions are what they were when the locks were taken.
    pub(super) async fn is_unchanged(&mut self, target: &Target) -> Result<bool, EngineError> {
        Ok(self.look(target).await? == self.state)
    }

    async fn look(&mut self, target: &Target) -> Result<String, EngineError> {
        let large_objects = self.large_objects(target).await?;
        let row = self
            .session
            .query_one(&state_query(), &[])
            .await
            .map_err(sql(target, "the catalogs could not be read"))?;
        let catalogs: String = row.get(0);
        Ok(format!("{catalogs} {large_objects}"))
    }
}

/// Catalogs in which definitions live. Sequences are not among them: numbers that somebody
/// drew and could not use are no content.
const CATALOGS: [&str; 21] = [
    "pg_namespace",
    "pg_attribute",
    "pg_attrdef",
    "pg_constraint",
    "pg_index",
    "pg_trigger",
    "pg_rewrite",
    "pg_policy",
    "pg_type",
    "pg_enum",
    "pg_proc",
    "pg_operator",
    "pg_cast",
    "pg_collation",
    "pg_extension",
    "pg_event_trigger",
    "pg_publication",
    "pg_default_acl",
    "pg_description",
    "pg_largeobject_metadata",
    "pg_foreign_server",
];

/// How many rows each catalog has, and their newest versions; of relations also their files,
/// which `TRUNCATE` and `REFRESH MATERIALIZED VIEW` change.
fn state_query() -> String {
    let mut parts = vec![
        "SELECT 'pg_class' AS catalog, pg_catalog.md5(pg_catalog.string_agg(
             pg_catalog.concat_ws(':', oid, relname, relfilenode, relowner, relacl::pg_catalog.text), ',' ORDER BY oid)) AS state
           FROM pg_catalog.pg_class WHERE relpersistence <> 't' AND relkind <> 't'"
            .to_owned(),
    ];
    parts.extend(CATALOGS.iter().map(|name| {
        format!(
            "SELECT '{name}', pg_catalog.concat_ws(':', pg_catalog.count(*),
                 pg_catalog.sum(xmin::pg_catalog.text::pg_catalog.int8))
               FROM pg_catalog.{name}"
        )
    }));
    format!(
        "SELECT pg_catalog.string_agg(catalog || '=' || coalesce(state, ''), ' ' ORDER BY catalog) FROM ({}) AS s",
        parts.join(" UNION ALL ")
    )
}

fn cannot(target: &Target, error: &tokio_postgres::Error) -> EngineError {
    let words = error
        .as_db_error()
        .map_or_else(|| error.to_string(), |said| said.message().to_owned());
    EngineError::Unsupported {
        what: format!(
            "the tables of {} cannot be kept as they are while what was written is exported: {words}",
            target.database()
        ),
        advice: "roll back without an export: --discard-writes (what was written stays in the kept database)"
            .to_owned(),
    }
}
