//! An archive of a database, and copies restored from it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bookend::archive::{Archive, ArchiveSink, Compression, ManifestExtra, WriteOptions};
use bookend::connection::{EngineKind, Environment, Target};
use bookend::engine::{
    Comparison, Context, DatabaseCopy, DumpRequest, Engine, Ledger, MadeDatabase, Publication,
    RestoreRequest, for_kind,
};
use bookend::process::ToolBox;
use bookend::progress::Silent;
use bookend::snapshot::{Sink, Source};
use chrono::Utc;
use tokio_util::sync::CancellationToken;

use crate::common::mongo::mongo_tools;

/// Copies go with the server.
struct NoLedger;

impl Ledger for NoLedger {
    fn announce(&self, _database: &MadeDatabase) -> std::io::Result<()> {
        Ok(())
    }

    fn settle(&self, _name: &str, _outcome: &str) -> std::io::Result<()> {
        Ok(())
    }
}

/// An archive, and where its copies go.
pub struct Restoring {
    context: Context,
    engine: Arc<dyn Engine>,
    archive: Arc<dyn Source>,
    on: Target,
    _folder: tempfile::TempDir,
}

impl Restoring {
    /// Backs up the database of `url`; copies go to the server of `on`.
    pub async fn of(url: &str, on: &str) -> Self {
        let target = |url: &str| Target::parse(url, &Environment::default()).unwrap();
        let context = Context {
            tools: ToolBox::new(vec![mongo_tools()]),
            jobs: 2,
            lock_timeout: Duration::from_secs(20),
            run: "test".to_owned(),
            progress: Arc::new(Silent),
            cancel: CancellationToken::new(),
            ledger: Arc::new(NoLedger),
        };
        let engine = for_kind(EngineKind::Mongodb).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.tar");
        dump(&context, engine.as_ref(), &target(url), &path).await;
        Self {
            context,
            engine,
            archive: Arc::new(Archive::open(&path).unwrap()),
            on: target(on),
            _folder: folder,
        }
    }

    /// A new copy, published as `into` later, or never.
    pub async fn copy(&self, into: Option<&str>) -> DatabaseCopy {
        let request = RestoreRequest {
            into: into.map(str::to_owned),
            ..RestoreRequest::default()
        };
        let source = Arc::clone(&self.archive);
        let copy = self
            .engine
            .restore(&self.context, source, &self.on, &request);
        copy.await.unwrap()
    }

    /// What comparing a copy with the archive shows.
    pub async fn compare(&self, copy: &DatabaseCopy) -> Comparison {
        let source = Arc::clone(&self.archive);
        let compared = self.engine.compare(&self.context, source, copy).await;
        compared.unwrap()
    }

    /// Publishes a copy under the name that it was asked for.
    pub async fn publish(&self, copy: DatabaseCopy) {
        let publication = Publication::provenance("a");
        let published = self.engine.publish(&self.context, copy, &publication).await;
        published.unwrap();
    }

    /// Drops a copy.
    pub async fn discard(&self, copy: DatabaseCopy) {
        self.engine.discard(&self.context, copy).await.unwrap();
    }
}

async fn dump(context: &Context, engine: &dyn Engine, target: &Target, path: &Path) {
    let options = WriteOptions {
        compression: Compression::None,
        created: Utc::now(),
        engine: "mongodb".to_owned(),
        database: target.database().to_owned(),
    };
    let sink = ArchiveSink::new(std::fs::File::create_new(path).unwrap(), options).unwrap();
    let into = Arc::clone(&sink) as Arc<dyn Sink>;
    let request = DumpRequest::default();
    let snapshot = engine.dump(context, target, &request, into).await.unwrap();
    let extra = ManifestExtra {
        id: "a".to_owned(),
        tag: None,
        target_label: "a".to_owned(),
        files: Vec::new(),
    };
    sink.finish(&snapshot, extra).await.unwrap();
}
