//! Putting a restored copy in the place of an original: others are kept out by `ALLOW_CONNECTIONS
//! false`, which holds for superusers too, which an owner without superuser may set, and which
//! leaves open sessions alone (seen); both renames and the marks change in one transaction.

mod examine;
mod followers;
mod hold;
mod recover;
mod sessions;
mod still;
mod swap;

use async_trait::async_trait;

use crate::connection::Target;
use crate::connection::postgres::Session;
use crate::engine::rollback::{
    Examination, Held, Intentions, Rollback, SeenAct, Standing, Standstill,
};
use crate::engine::{Context, EngineError};
use crate::snapshot::Snapshot;

use super::Postgres;
use super::sql_error::sql;

#[async_trait]
impl Rollback for Postgres {
    async fn examine(
        &self,
        context: &Context,
        target: &Target,
        _archive: &Snapshot,
        stamp: &str,
    ) -> Result<Examination, EngineError> {
        examine::examine(context, target, stamp).await
    }

    async fn stand_still(
        &self,
        context: &Context,
        target: &Target,
        examination: &Examination,
        how: Standstill,
        intentions: &dyn Intentions,
    ) -> Result<Box<dyn Held>, EngineError> {
        let held = hold::stand_still(context, target, examination, how, intentions).await?;
        Ok(Box::new(held))
    }

    async fn recover(
        &self,
        context: &Context,
        target: &Target,
        acts: &[SeenAct],
        intentions: &dyn Intentions,
    ) -> Result<Standing, EngineError> {
        recover::recover(context, target, acts, intentions).await
    }
}

/// The name that a database goes by now, and whether it takes connections.
struct Present {
    name: String,
    allows: bool,
}

/// Looks a database up by what never changes.
async fn present(
    session: &Session,
    on: &Target,
    identity: &str,
) -> Result<Option<Present>, EngineError> {
    let row = session
        .query_opt(
            "SELECT datname::pg_catalog.text, datallowconn FROM pg_catalog.pg_database
              WHERE oid::pg_catalog.text = $1",
            &[&identity],
        )
        .await
        .map_err(sql(on, "the databases could not be listed"))?;
    Ok(row.map(|row| Present {
        name: row.get(0),
        allows: row.get(1),
    }))
}
