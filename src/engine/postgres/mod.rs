//! PostgreSQL: the vendor's table of contents, our parallel copy.

mod assemble;
pub mod catalog;
mod check;
pub mod compare;
mod copies;
mod derived;
mod dump;
mod inspect;
mod kit;
pub mod large_objects;
mod lock;
mod observe;
mod proof;
mod quoting;
mod redaction;
mod restore;
mod rollback;
mod rows;
mod sandbox;
mod server;
mod sql_error;
mod templates;
pub mod toc;

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::connection::Target;
use crate::snapshot::{Nouns, Sink, Snapshot, Source};

use super::{
    Capabilities, Capability, Claim, Comparison, Context, DatabaseCopy, DumpRequest, Engine,
    EngineError, Inspection, MadeDatabase, MarkedDatabase, NewName, Observer, Publication,
    Publishing, RestoreKit, RestoreRequest, SandboxPrograms, SandboxServer, SandboxUse,
    StreamCheck, TargetLock,
};

/// The engine.
#[derive(Clone, Copy, Debug, Default)]
pub struct Postgres;

#[async_trait]
impl Engine for Postgres {
    fn name(&self) -> &'static str {
        "postgresql"
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            nouns: Nouns::TABLES,
            publishing: Publishing::Rename,
            schema_only: Capability::Yes,
            owners: Capability::Yes,
            point_in_time: Capability::No("every backup of PostgreSQL is one point in time"),
            templates: Capability::Yes,
        }
    }

    async fn inspect(&self, context: &Context, target: &Target) -> Result<Inspection, EngineError> {
        inspect::inspect(context, target).await
    }

    async fn reach(&self, context: &Context, target: &Target) -> Result<Inspection, EngineError> {
        inspect::reach(context, target).await
    }

    async fn dump(
        &self,
        context: &Context,
        target: &Target,
        request: &DumpRequest,
        sink: Arc<dyn Sink>,
    ) -> Result<Snapshot, EngineError> {
        dump::dump(context, target, request, sink).await
    }

    fn restore_kit(&self, snapshot: &Snapshot) -> RestoreKit {
        kit::kit(snapshot)
    }

    async fn check_streams(
        &self,
        context: &Context,
        source: Arc<dyn Source>,
    ) -> Result<StreamCheck, EngineError> {
        check::check(context, source).await
    }

    async fn restore(
        &self,
        context: &Context,
        source: Arc<dyn Source>,
        on: &Target,
        request: &RestoreRequest,
    ) -> Result<DatabaseCopy, EngineError> {
        restore::as_asked(context, source, on, request).await
    }

    async fn compare(
        &self,
        context: &Context,
        source: Arc<dyn Source>,
        copy: &DatabaseCopy,
    ) -> Result<Comparison, EngineError> {
        Box::pin(proof::compare(context, source, copy)).await
    }

    async fn publish(
        &self,
        context: &Context,
        copy: DatabaseCopy,
        publication: &Publication<'_>,
    ) -> Result<Target, EngineError> {
        copies::publish(context, copy, publication).await
    }

    async fn new_name(
        &self,
        context: &Context,
        on: &Target,
        wanted: &NewName<'_>,
    ) -> Result<String, EngineError> {
        copies::new_name(context, on, wanted).await
    }

    async fn keep(
        &self,
        context: &Context,
        copy: &DatabaseCopy,
        expires: DateTime<Utc>,
        archive: &str,
    ) -> Result<(), EngineError> {
        copies::keep(context, copy, expires, archive).await
    }

    async fn lock(
        &self,
        context: &Context,
        target: &Target,
        claim: &Claim,
    ) -> Result<Box<dyn TargetLock>, EngineError> {
        lock::lock(context, target, claim).await
    }

    async fn discard(&self, context: &Context, copy: DatabaseCopy) -> Result<(), EngineError> {
        copies::discard(context, copy).await
    }

    async fn observe(
        &self,
        context: &Context,
        target: &Target,
    ) -> Result<Box<dyn Observer>, EngineError> {
        Ok(Box::new(observe::observe(context, target).await?))
    }

    async fn links(
        &self,
        context: &Context,
        copy: &Target,
        original: &Target,
    ) -> Result<Vec<String>, EngineError> {
        observe::links(context, copy, original).await
    }

    async fn copies(
        &self,
        context: &Context,
        on: &Target,
    ) -> Result<Vec<MarkedDatabase>, EngineError> {
        copies::list(context, on).await
    }

    async fn drop_marked(
        &self,
        context: &Context,
        on: &Target,
        name: &str,
    ) -> Result<(), EngineError> {
        copies::drop_marked(context, on, name).await
    }

    async fn drop_expired(
        &self,
        context: &Context,
        on: &Target,
        name: &str,
    ) -> Result<(), EngineError> {
        copies::drop_expired(context, on, name).await
    }

    async fn drop_announced(
        &self,
        context: &Context,
        on: &Target,
        made: &MadeDatabase,
    ) -> Result<bool, EngineError> {
        copies::drop_announced(context, on, made).await
    }

    async fn sandbox_programs(
        &self,
        context: &Context,
        snapshot: &Snapshot,
    ) -> Result<SandboxPrograms, EngineError> {
        sandbox::programs(context, snapshot).await
    }

    async fn sandbox(
        &self,
        context: &Context,
        snapshot: &Snapshot,
        programs: &SandboxPrograms,
        folder: &Path,
        purpose: SandboxUse,
    ) -> Result<SandboxServer, EngineError> {
        sandbox::start(context, snapshot, programs, folder, purpose).await
    }

    fn rows(&self) -> Option<&dyn crate::engine::rows::RowReader> {
        Some(self)
    }

    fn rollback(&self) -> Option<&dyn super::rollback::Rollback> {
        Some(self)
    }

    fn templates(&self) -> Option<&dyn super::templates::Templates> {
        Some(self)
    }
}
