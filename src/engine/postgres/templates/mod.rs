//! Templates: closed databases that `CREATE DATABASE … TEMPLATE` copies, files and all.
//!
//! A template is not marked `IS_TEMPLATE`: that would let every role that may create databases
//! clone it, and with it read what only its owner may. Its owner can clone it without.

mod clone;
mod close;
mod examine;

use async_trait::async_trait;

use crate::connection::Target;
use crate::engine::templates::{Condition, KnownTemplate, TemplateMark, TemplateOrigin, Templates};
use crate::engine::{Context, DatabaseCopy, EngineError};
use crate::snapshot::Snapshot;

use super::Postgres;
use super::dump::control::application_name;
use super::sql_error::sql;

#[async_trait]
impl Templates for Postgres {
    async fn close(
        &self,
        context: &Context,
        copy: &DatabaseCopy,
        origin: &TemplateOrigin,
    ) -> Result<(), EngineError> {
        close::close(context, copy, origin).await
    }

    async fn examine(
        &self,
        context: &Context,
        on: &Target,
        template: &KnownTemplate,
    ) -> Result<Condition, EngineError> {
        examine::examine(context, on, template).await
    }

    async fn clone_from(
        &self,
        context: &Context,
        on: &Target,
        template: (&str, &TemplateMark),
        snapshot: &Snapshot,
    ) -> Result<DatabaseCopy, EngineError> {
        clone::clone_from(context, on, template, snapshot).await
    }
}

/// A digest of the numbers and names of all relations: a clone has the template's own, and a
/// restore of the same archive has other numbers. For recognising, not against forgery.
pub(super) async fn contents(context: &Context, database: &Target) -> Result<String, EngineError> {
    let session = database
        .postgres()?
        .connect(&application_name(context))
        .await?;
    let row = session
        .query_one(
            "SELECT pg_catalog.md5(pg_catalog.string_agg(
                      oid::pg_catalog.text || ' ' || relname::pg_catalog.text, ',' ORDER BY oid))
               FROM pg_catalog.pg_class",
            &[],
        )
        .await
        .map_err(sql(
            database,
            format!("{} could not be looked into", database.database()),
        ))?;
    Ok(row.get(0))
}
