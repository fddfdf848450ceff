//! An engine whose server is a map in memory, with faults on demand, and a workspace around it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use tokio_util::sync::CancellationToken;

use super::{Engines, Workspace};
use crate::connection::{Environment, Target};
use crate::engine::{
    Capabilities, Capability, Claim, Comparison, Context, CopyKind, DatabaseCopy, Discrepancy,
    DumpRequest, Engine, EngineError, Inspection, MadeDatabase, MarkedDatabase, NewName, Observer,
    Publication, Publishing, RestoreKit, RestoreRequest, StreamCheck, TargetLock,
};
use crate::process::ToolBox;
use crate::progress::Silent;
use crate::snapshot::{
    DatabaseFacts, LargeObjects, Nouns, ServerFacts, Sink, Snapshot, Source, WriteRecord,
};
use crate::store::Store;

/// Nobody else is there.
struct Unlocked;

#[async_trait]
impl TargetLock for Unlocked {
    async fn check(&self) -> Result<(), EngineError> {
        Ok(())
    }

    async fn release(self: Box<Self>) {}
}

/// Where the fake engine fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Fault {
    /// The dump ends in an error after a member was written.
    Dump,
    /// Reading the copy back ends in an error.
    Compare,
    /// Somebody takes the asked name before it can be published.
    Publish,
    /// The copy cannot be dropped.
    Discard,
    /// The program dies between announcing a database and marking it.
    DieAnnounced,
    /// A signal comes while the copy is read back.
    SignalInCompare,
}

/// The engine and its server.
pub(super) struct Fake {
    /// Databases on the server: name and kind; without a kind it is somebody else's.
    pub databases: Mutex<BTreeMap<String, Option<CopyKind>>>,
    /// What was called, in order.
    pub calls: Mutex<Vec<String>>,
    /// What comparing will find, once.
    pub differences: Mutex<Vec<Discrepancy>>,
    /// Faults, once each.
    pub faults: Mutex<VecDeque<Fault>>,
    /// Bytes that the database is said to have.
    pub bytes: u64,
    /// Bytes that are said to be free.
    pub free: Option<u64>,
    /// Cancelled by [`Fault::SignalInCompare`].
    pub signal: CancellationToken,
    /// Whether definitions alone can be backed up.
    pub schema_only: Capability,
}

impl Default for Fake {
    fn default() -> Self {
        Self {
            databases: Mutex::new(BTreeMap::from([("shop".to_owned(), None)])),
            calls: Mutex::default(),
            differences: Mutex::default(),
            faults: Mutex::default(),
            bytes: 1 << 20,
            free: None,
            signal: CancellationToken::new(),
            schema_only: Capability::No("it has none"),
        }
    }
}

impl Fake {
    /// An engine with these faults.
    pub fn failing(faults: &[Fault]) -> Self {
        Self {
            faults: Mutex::new(faults.iter().copied().collect()),
            ..Self::default()
        }
    }

    /// Names of the databases that are there.
    pub fn names(&self) -> Vec<String> {
        self.databases.lock().unwrap().keys().cloned().collect()
    }

    /// What was called so far.
    pub fn called(&self) -> Vec<String> {
        self.calls.lock().unwrap().clone()
    }

    fn call(&self, what: &str) {
        self.calls.lock().unwrap().push(what.to_owned());
    }

    fn fails(&self, fault: Fault) -> bool {
        let mut faults = self.faults.lock().unwrap();
        let hit = faults.front() == Some(&fault);
        if hit {
            faults.pop_front();
        }
        hit
    }
}

fn broken(what: &str) -> EngineError {
    EngineError::Restore {
        what: what.to_owned(),
        reasons: Vec::new(),
        advice: None,
    }
}

#[async_trait]
impl Engine for Fake {
    fn name(&self) -> &'static str {
        "postgresql"
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            nouns: Nouns::TABLES,
            publishing: Publishing::Rename,
            schema_only: self.schema_only.clone(),
            owners: Capability::Yes,
            point_in_time: Capability::No("a fake is always consistent"),
            templates: Capability::No("a fake clones nothing"),
        }
    }

    async fn inspect(&self, _: &Context, _: &Target) -> Result<Inspection, EngineError> {
        Ok(Inspection {
            server_version: "1.0".to_owned(),
            product: "Fake".to_owned(),
            bytes: self.bytes,
            data_bytes: self.bytes,
            tables: 1,
            tools: Vec::new(),
            identity: Some("42".to_owned()),
            standby: false,
            free_bytes: self.free,
            checks: Vec::new(),
        })
    }

    async fn reach(&self, context: &Context, target: &Target) -> Result<Inspection, EngineError> {
        self.inspect(context, target).await
    }

    async fn dump(
        &self,
        _: &Context,
        target: &Target,
        _: &DumpRequest,
        sink: Arc<dyn Sink>,
    ) -> Result<Snapshot, EngineError> {
        self.call("dump");
        sink.member("toc.dump", b"contents".to_vec()).await?;
        if self.fails(Fault::Dump) {
            return Err(broken("the server went away"));
        }
        Ok(Snapshot {
            engine: self.name().to_owned(),
            taken_at: Utc::now(),
            read_until: None,
            consistent: Some(true),
            server: ServerFacts {
                identity: Some("42".to_owned()),
                ..ServerFacts::default()
            },
            database: DatabaseFacts {
                name: target.database().to_owned(),
                bytes: self.bytes,
                ..DatabaseFacts::default()
            },
            objects: Vec::new(),
            streams: Vec::new(),
            large_objects: LargeObjects::default(),
            extensions: Vec::new(),
            prerequisites: Vec::new(),
            schema: Vec::new(),
            record: WriteRecord::default(),
            notes: vec!["statistics are gathered anew".to_owned()],
            secrets_seen: vec!["subscription s".to_owned()],
        })
    }

    fn restore_kit(&self, _: &Snapshot) -> RestoreKit {
        RestoreKit {
            readme: "read me".to_owned(),
            script: "#!/bin/sh\n".to_owned(),
        }
    }

    async fn check_streams(
        &self,
        _: &Context,
        _: Arc<dyn Source>,
    ) -> Result<StreamCheck, EngineError> {
        self.call("check");
        Ok(StreamCheck::default())
    }

    async fn restore(
        &self,
        context: &Context,
        _: Arc<dyn Source>,
        on: &Target,
        request: &RestoreRequest,
    ) -> Result<DatabaseCopy, EngineError> {
        self.call("restore");
        if let Some(into) = &request.into
            && self.databases.lock().unwrap().contains_key(into)
        {
            return Err(taken(into));
        }
        let name = format!("bookend_{}", self.called().len());
        let made = MadeDatabase {
            name: name.clone(),
            kind: CopyKind::Disposable,
            engine: self.name().to_owned(),
            server: on.display_url(),
            identity: Some("42".to_owned()),
            run: context.run.clone(),
            made: Utc::now(),
            contents: None,
        };
        context
            .ledger
            .announce(&made)
            .map_err(EngineError::Ledger)?;
        if self.fails(Fault::DieAnnounced) {
            return Err(broken("killed"));
        }
        let kind = Some(CopyKind::Disposable);
        self.databases.lock().unwrap().insert(name.clone(), kind);
        Ok(DatabaseCopy {
            target: on.with_database(&name),
            identity: name.clone(),
            name,
            request: request.clone(),
            finishing: Vec::new(),
            notes: Vec::new(),
            left_out: Vec::new(),
        })
    }

    async fn compare(
        &self,
        context: &Context,
        _: Arc<dyn Source>,
        _: &DatabaseCopy,
    ) -> Result<Comparison, EngineError> {
        self.call("compare");
        if self.fails(Fault::SignalInCompare) {
            self.signal.cancel();
        }
        if context.cancel.is_cancelled() {
            return Err(EngineError::Cancelled);
        }
        if self.fails(Fault::Compare) {
            return Err(broken("the copy could not be read"));
        }
        Ok(Comparison {
            differences: std::mem::take(&mut self.differences.lock().unwrap()),
            ..Comparison::default()
        })
    }

    async fn keep(
        &self,
        _: &Context,
        copy: &DatabaseCopy,
        _: DateTime<Utc>,
        _: &str,
    ) -> Result<(), EngineError> {
        self.call("keep");
        let mut databases = self.databases.lock().unwrap();
        databases.insert(copy.name.clone(), Some(CopyKind::Staging));
        Ok(())
    }

    async fn lock(
        &self,
        _: &Context,
        _: &Target,
        _: &Claim,
    ) -> Result<Box<dyn TargetLock>, EngineError> {
        self.call("lock");
        Ok(Box::new(Unlocked))
    }

    async fn publish(
        &self,
        context: &Context,
        copy: DatabaseCopy,
        publication: &Publication<'_>,
    ) -> Result<Target, EngineError> {
        self.call("publish");
        let into = copy.request.into.clone().unwrap_or_default();
        if self.fails(Fault::Publish) {
            return Err(taken(&into));
        }
        let mut databases = self.databases.lock().unwrap();
        databases.remove(&copy.name);
        databases.insert(into.clone(), Some(publication.kind));
        let settled = context.ledger.settle(&copy.name, "published");
        settled.map_err(EngineError::Ledger)?;
        Ok(copy.target.with_database(&into))
    }

    async fn discard(&self, context: &Context, copy: DatabaseCopy) -> Result<(), EngineError> {
        self.call("discard");
        if context.cancel.is_cancelled() {
            return Err(EngineError::Cancelled);
        }
        if self.fails(Fault::Discard) {
            return Err(broken("the server went away"));
        }
        self.databases.lock().unwrap().remove(&copy.name);
        let settled = context.ledger.settle(&copy.name, "dropped");
        settled.map_err(EngineError::Ledger)
    }

    async fn observe(
        &self,
        _: &Context,
        target: &Target,
    ) -> Result<Box<dyn Observer>, EngineError> {
        Err(EngineError::Unsupported {
            what: format!("{} is not watched", target.database()),
            advice: String::new(),
        })
    }

    async fn links(&self, _: &Context, _: &Target, _: &Target) -> Result<Vec<String>, EngineError> {
        Ok(Vec::new())
    }

    async fn copies(&self, _: &Context, _: &Target) -> Result<Vec<MarkedDatabase>, EngineError> {
        let databases = self.databases.lock().unwrap();
        let marked = databases.iter().filter_map(|(name, kind)| {
            kind.map(|kind| MarkedDatabase {
                name: name.clone(),
                kind,
                run: "run".to_owned(),
                made: Utc::now(),
                expires: None,
                archive: None,
                template: None,
                bytes: 1,
                genuine: true,
                expired: kind == CopyKind::Staging,
                spared: None,
            })
        });
        Ok(marked.collect())
    }

    async fn drop_marked(
        &self,
        context: &Context,
        _: &Target,
        name: &str,
    ) -> Result<(), EngineError> {
        self.call("drop_marked");
        self.databases.lock().unwrap().remove(name);
        let settled = context.ledger.settle(name, "dropped");
        settled.map_err(EngineError::Ledger)
    }

    async fn drop_expired(&self, _: &Context, _: &Target, name: &str) -> Result<(), EngineError> {
        self.call("drop_expired");
        self.databases.lock().unwrap().remove(name);
        Ok(())
    }

    async fn new_name(
        &self,
        _: &Context,
        _: &Target,
        wanted: &NewName<'_>,
    ) -> Result<String, EngineError> {
        self.call("new_name");
        match wanted {
            NewName::Exactly(name) if self.names().iter().any(|known| known == name) => {
                Err(taken(name))
            }
            NewName::Exactly(name) => Ok((*name).to_owned()),
            NewName::Suffixed { snapshot, suffix } => {
                Ok(format!("{}{suffix}", snapshot.database.name))
            }
        }
    }

    async fn drop_announced(
        &self,
        _: &Context,
        _: &Target,
        made: &MadeDatabase,
    ) -> Result<bool, EngineError> {
        self.call("drop_announced");
        Ok(self.databases.lock().unwrap().remove(&made.name).is_some())
    }
}

fn taken(name: &str) -> EngineError {
    EngineError::NameTaken {
        name: name.to_owned(),
        server: "fake".to_owned(),
        free: format!("{name}_2"),
    }
}

/// A workspace around a fake engine, with a store of its own.
pub(super) struct Bench {
    pub ws: Workspace,
    pub fake: Arc<Fake>,
    folder: tempfile::TempDir,
}

impl Bench {
    pub fn new(fake: Fake) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let fake = Arc::new(fake);
        let ws = Workspace {
            store: Arc::new(Store::open(folder.path()).unwrap()),
            tools: ToolBox::new(Vec::new()),
            engines: Engines::only(Arc::clone(&fake) as Arc<dyn Engine>),
            jobs: 2,
            lock_timeout: Duration::from_secs(1),
            progress: Arc::new(Silent),
            cancel: fake.signal.clone(),
            run: "run".to_owned(),
        };
        Self { ws, fake, folder }
    }

    /// What the next process finds: the same store, and nothing held in it any more.
    pub fn after_a_crash(&mut self) {
        let store = Store::open(self.folder.path()).unwrap();
        self.ws.store = Arc::new(store);
    }

    /// Names of databases that the store's record has not seen the end of.
    pub fn unsettled(&self) -> Vec<String> {
        let unsettled = self.ws.store.unsettled().unwrap();
        unsettled.into_iter().map(|made| made.name).collect()
    }
}

/// The database that every test looks after.
pub(super) fn shop() -> Target {
    Target::parse("postgres://app@db.example/shop", &Environment::empty()).unwrap()
}
