//! An archive of a test's database, and a copy restored from it.

#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "each test binary uses its own part of this, and a test may panic"
)]

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::common::{Server, TestDatabase, Version};
use bookend::archive::{Archive, ArchiveSink, Compression, ManifestExtra, WriteOptions};
use bookend::connection::{EngineKind, Environment, Target};
use bookend::engine::{
    Context, DatabaseCopy, Discrepancy, DumpRequest, Engine, Ledger, MadeDatabase, RestoreRequest,
    for_kind,
};
use bookend::process::ToolBox;
use bookend::progress::Silent;
use bookend::snapshot::{Sink, Snapshot, Source};
use chrono::Utc;
use tokio_util::sync::CancellationToken;

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

fn context(version: Version) -> Context {
    Context {
        tools: ToolBox::new(vec![version.bin()]),
        jobs: 2,
        lock_timeout: Duration::from_secs(20),
        run: "test".to_owned(),
        progress: Arc::new(Silent),
        cancel: CancellationToken::new(),
        ledger: Arc::new(NoLedger),
    }
}

/// An archive of a database, and one copy restored from it.
pub struct Restored {
    context: Context,
    engine: Arc<dyn Engine>,
    archive: Arc<dyn Source>,
    /// The copy.
    pub copy: DatabaseCopy,
    _folder: tempfile::TempDir,
}

impl Restored {
    /// With the tools of the server's own version.
    pub async fn of(database: &TestDatabase<'_>, request: &RestoreRequest) -> Self {
        Self::with_tools(database.server().version(), database, request).await
    }

    /// With the tools of `version`.
    pub async fn with_tools(
        version: Version,
        database: &TestDatabase<'_>,
        request: &RestoreRequest,
    ) -> Self {
        let context = context(version);
        let engine = for_kind(EngineKind::Postgresql).unwrap();
        let target = Target::parse(&database.url(), &Environment::default()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.tar");
        dumped(&context, &target, &path).await;
        let archive: Arc<dyn Source> = Arc::new(Archive::open(&path).unwrap());
        let source = Arc::clone(&archive);
        let copy = engine
            .restore(&context, source, &target, request)
            .await
            .unwrap();
        Self {
            context,
            engine,
            archive,
            copy,
            _folder: folder,
        }
    }

    /// What comparing a copy with the archive shows.
    pub async fn differences(&self, copy: &DatabaseCopy) -> Vec<Discrepancy> {
        let source = Arc::clone(&self.archive);
        let compared = self.engine.compare(&self.context, source, copy).await;
        compared.unwrap().differences
    }

    /// What is found in a clone of the copy in which `sql` was run.
    pub async fn differences_after(&self, server: &Server, sql: &str) -> Vec<Discrepancy> {
        let clone = server.database_named(&format!("{}_clone", self.copy.name));
        server.psql("postgres", &format!("DROP DATABASE \"{}\"", clone.name()));
        let clone_sql = format!(
            "CREATE DATABASE \"{}\" TEMPLATE \"{}\"",
            clone.name(),
            self.copy.name
        );
        server.psql("postgres", &clone_sql);
        clone.psql(sql);
        let copy = DatabaseCopy {
            name: clone.name().to_owned(),
            target: self.copy.target.with_database(clone.name()),
            ..self.copy.clone()
        };
        self.differences(&copy).await
    }

    /// Drops the copy.
    pub async fn discard(self) {
        self.engine.discard(&self.context, self.copy).await.unwrap();
    }
}

/// Backs a database up into `path`, with the tools of its server.
pub async fn snapshot_of(database: &TestDatabase<'_>, path: &Path) -> Snapshot {
    let target = Target::parse(&database.url(), &Environment::default()).unwrap();
    dumped(&context(database.server().version()), &target, path).await
}

async fn dumped(context: &Context, target: &Target, path: &Path) -> Snapshot {
    let engine = for_kind(EngineKind::Postgresql).unwrap();
    let options = WriteOptions {
        compression: Compression::None,
        created: Utc::now(),
        engine: "postgresql".to_owned(),
        database: target.database().to_owned(),
    };
    let file = std::fs::File::create_new(path).unwrap();
    let sink = ArchiveSink::new(file, options).unwrap();
    let dump = DumpRequest::default();
    let into = Arc::clone(&sink) as Arc<dyn Sink>;
    let snapshot = engine.dump(context, target, &dump, into).await.unwrap();
    let extra = ManifestExtra {
        id: "a".to_owned(),
        tag: None,
        target_label: "a".to_owned(),
        files: Vec::new(),
    };
    sink.finish(&snapshot, extra).await.unwrap();
    snapshot
}

/// A database in which a file of `tests/sql` was run.
pub fn loaded<'a>(server: &'a Server, file: &str) -> TestDatabase<'a> {
    let database = server.database("proof");
    load(&database, file);
    database
}

/// Differences as a report shows them, one a line.
pub fn shown(differences: &[Discrepancy]) -> String {
    let lines = differences.iter().map(|d| {
        format!(
            "  {} · {}: expected {}, found {}\n",
            d.object, d.kind, d.expected, d.found
        )
    });
    lines.collect()
}

/// Runs a file of `tests/sql`.
pub fn load(database: &TestDatabase<'_>, file: &str) {
    let sql = std::fs::read_to_string(format!("tests/sql/{file}")).unwrap();
    database.psql(&sql);
}

/// A database with a subscription can't be dropped.
pub fn without_subscription(database: &TestDatabase<'_>) {
    database.psql("ALTER SUBSCRIPTION nasty_sub SET (slot_name = NONE)");
    database.psql("DROP SUBSCRIPTION nasty_sub");
}
