//! The databases that bookend made: listing and dropping them.

use super::{OperationError, Workspace};
use crate::connection::Target;
use crate::engine::{EngineError, MadeDatabase, MarkedDatabase};

/// What bookend knows of on one server.
#[derive(Clone, Debug)]
pub struct Copies {
    /// The server, as a URL without a password.
    pub server: String,
    /// Databases that carry a marker.
    pub marked: Vec<MarkedDatabase>,
    /// Names that were announced before a database was made and never settled: a crash
    /// between the two.
    pub announced: Vec<MadeDatabase>,
}

/// Lists what bookend made on the server of `on`.
///
/// # Errors
/// Connection failures, and a store that cannot be read.
pub async fn copies(ws: &Workspace, on: &Target) -> Result<Copies, OperationError> {
    let engine = ws.engines.get(on.engine())?;
    let context = ws.context();
    let identity = engine.reach(&context, on).await?.identity;
    let marked = engine.copies(&context, on).await?;
    let announced = ws
        .store
        .unsettled()?
        .into_iter()
        .filter(|made| made.engine == engine.name() && same_server(made, identity.as_deref()))
        .filter(|made| marked.iter().all(|database| database.name != made.name))
        .collect();
    Ok(Copies {
        server: on.display_url(),
        marked,
        announced,
    })
}

/// An announcement without an identity may be of any server: it is listed rather than lost.
fn same_server(made: &MadeDatabase, identity: Option<&str>) -> bool {
    match (made.identity.as_deref(), identity) {
        (Some(made), Some(here)) => made == here,
        _ => true,
    }
}

/// Drops one database that bookend made: a marked one, or one that was announced and never
/// got its marker.
///
/// # Errors
/// [`EngineError::NotOurs`] for anything else.
pub async fn drop_copy(ws: &Workspace, on: &Target, name: &str) -> Result<(), OperationError> {
    let engine = ws.engines.get(on.engine())?;
    let known = copies(ws, on).await?;
    if ws.store.is_held(name) {
        return Err(EngineError::NotOurs {
            name: name.to_owned(),
            why: "a command that runs now works on it".to_owned(),
        }
        .into());
    }
    let context = ws.context();
    if known.marked.iter().any(|database| database.name == name) {
        engine.drop_marked(&context, on, name).await?;
        // If it was a template, nothing may vouch for a database of its name any more.
        return Ok(ws.store.forget_template(name)?);
    }
    if let Some(made) = known.announced.iter().find(|made| made.name == name) {
        let dropped = engine.drop_announced(&context, on, made).await?;
        if !dropped {
            context
                .ledger
                .settle(name, "never made")
                .map_err(EngineError::Ledger)?;
        }
        return Ok(());
    }
    Err(EngineError::NotOurs {
        name: name.to_owned(),
        why: "it carries no marker of bookend's".to_owned(),
    }
    .into())
}

/// What became of the staging databases whose time was over.
#[derive(Debug, Default)]
pub struct Swept {
    /// Names of those that were dropped.
    pub dropped: Vec<String>,
    /// Names of those that are still there, and why.
    pub left: Vec<(String, OperationError)>,
}

/// Drops the staging databases on the server of `on` whose time is over. One that cannot be
/// dropped does not keep the others.
///
/// # Errors
/// The server cannot be reached, or a signal came.
pub async fn drop_expired(ws: &Workspace, on: &Target) -> Result<Swept, OperationError> {
    let engine = ws.engines.get(on.engine())?;
    let context = ws.context();
    let marked = engine.copies(&context, on).await?;
    let mut swept = Swept::default();
    for database in marked.into_iter().filter(|database| database.expired) {
        if ws.cancel.is_cancelled() {
            return Err(OperationError::Cancelled);
        }
        match engine.drop_expired(&context, on, &database.name).await {
            Ok(()) => swept.dropped.push(database.name),
            Err(error) => swept.left.push((database.name, error.into())),
        }
    }
    Ok(swept)
}
