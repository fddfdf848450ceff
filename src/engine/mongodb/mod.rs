//! MongoDB: the vendor's archive stream, read in flight; a copy put right by commands of our
//! own and read back.

pub mod archive_stream;
mod batches;
mod catalogue;
mod check;
pub mod compare;
mod consistency;
mod copies;
pub mod definitions;
mod dump;
mod inspect;
mod kit;
mod lock;
mod marker;
mod names;
mod observe;
mod part;
mod proof;
mod restore;
mod rollback;
mod rows;
mod sandbox;
mod scan;
mod server;
mod snapshot_reader;
mod users;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

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

/// The tools have versions of their own since they left the server's: 100 and on.
const TOOLS_MAJOR: u32 = 100;

/// The engine.
#[derive(Clone, Copy, Debug)]
pub struct Mongodb {
    /// A tool that moves no byte for so long hangs, and is ended.
    pub patience: Duration,
}

impl Default for Mongodb {
    fn default() -> Self {
        Self {
            patience: Duration::from_secs(120),
        }
    }
}

#[async_trait]
impl Engine for Mongodb {
    fn name(&self) -> &'static str {
        "mongodb"
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            nouns: Nouns::COLLECTIONS,
            publishing: Publishing::InPlace,
            schema_only: Capability::No(
                "mongodump's stream holds documents and definitions together",
            ),
            owners: Capability::No(
                "collections of MongoDB have no owners, and rights lie outside the database",
            ),
            point_in_time: Capability::Yes,
            templates: Capability::No(
                "MongoDB cannot clone a database on the server: every copy is loaded anew",
            ),
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
        dump::dump(context, target, request, self.patience, sink).await
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
        restore::restore(context, source, on, request, self.patience).await
    }

    async fn compare(
        &self,
        context: &Context,
        source: Arc<dyn Source>,
        copy: &DatabaseCopy,
    ) -> Result<Comparison, EngineError> {
        proof::compare(context, source, copy).await
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

    /// Nothing inside a database of MongoDB leads out of it.
    async fn links(
        &self,
        _context: &Context,
        _copy: &Target,
        _original: &Target,
    ) -> Result<Vec<String>, EngineError> {
        Ok(Vec::new())
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
}
