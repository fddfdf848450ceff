//! Tools of MongoDB that hang: ended by a deadline on progress.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bookend::connection::{Environment, Target};
use bookend::engine::mongodb::Mongodb;
use bookend::engine::{Context, DumpRequest, Engine, Ledger, MadeDatabase};
use bookend::process::ToolBox;
use bookend::progress::Silent;
use bookend::snapshot::{SeamError, Sink, StreamId, StreamWriter};
use bson::doc;
use common::mongo::commands;
use common::{Deployment, Mongo};
use tokio_util::sync::CancellationToken;

struct Nowhere;

#[async_trait]
impl Sink for Nowhere {
    async fn member(&self, _: &str, _: Vec<u8>) -> Result<(), SeamError> {
        Ok(())
    }
    fn stream(&self, _: StreamId) -> Box<dyn StreamWriter> {
        Box::new(Self)
    }
}

#[async_trait]
impl StreamWriter for Nowhere {
    fn push(&mut self, _: &[u8]) -> Result<bool, SeamError> {
        Ok(false)
    }
    async fn drain(&mut self) -> Result<(), SeamError> {
        Ok(())
    }
    async fn finish(self: Box<Self>) -> Result<(), SeamError> {
        Ok(())
    }
}

impl Ledger for Nowhere {
    fn announce(&self, _: &MadeDatabase) -> std::io::Result<()> {
        Ok(())
    }
    fn settle(&self, _: &str, _: &str) -> std::io::Result<()> {
        Ok(())
    }
}

fn context(tools: std::path::PathBuf, cancel: &CancellationToken) -> Context {
    Context {
        tools: ToolBox::new(vec![tools]),
        jobs: 2,
        lock_timeout: Duration::from_secs(1),
        run: "test".to_owned(),
        progress: Arc::new(Silent),
        cancel: cancel.clone(),
        ledger: Arc::new(Nowhere),
    }
}

/// What a dump with a tool that hangs ends with.
fn hanging(patience: Duration, cancel: &CancellationToken) -> (String, bool) {
    let server = Mongo::shared(Deployment::Standalone);
    server.with(|client| async move {
        commands(
            &client,
            "hanging",
            vec![doc! { "insert": "c", "documents": [{}] }],
        )
        .await;
    });
    let folder = tempfile::tempdir().unwrap();
    let tool = folder.path().join("mongodump");
    let pid = folder.path().join("pid");
    let script = format!(
        "#!/bin/sh\nif [ \"$1\" = --version ]; then echo mongodump version: 100.7.0; exit; fi\n\
         echo $$ >'{}'; trap '' TERM; while :; do sleep 1; done\n",
        pid.display()
    );
    std::fs::write(&tool, script).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&tool, mode).unwrap();
    let target = Target::parse(&server.url("hanging"), &Environment::empty()).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let context = context(folder.path().to_owned(), cancel);
    let request = DumpRequest::default();
    let engine = Mongodb { patience };
    let dump = engine.dump(&context, &target, &request, Arc::new(Nowhere));
    let error = runtime.block_on(dump).unwrap_err().to_string();
    let pid = std::fs::read_to_string(pid).unwrap();
    let runs = std::path::Path::new("/proc").join(pid.trim()).exists();
    (error, runs)
}

#[test]
fn a_tool_that_moves_no_byte_is_ended() {
    let begun = Instant::now();
    let (error, runs) = hanging(Duration::from_secs(1), &CancellationToken::new());
    assert_eq!(error, "mongodump did nothing for 1 s and was ended");
    assert!(!runs, "the tool still runs");
    assert!(begun.elapsed() < Duration::from_secs(60));
}

#[test]
fn a_cancelled_dump_leaves_nothing_running() {
    let cancel = CancellationToken::new();
    let later = cancel.clone();
    std::thread::spawn(move || {
        std::thread::sleep(Duration::from_secs(6));
        later.cancel();
    });
    let (error, runs) = hanging(Duration::from_secs(600), &cancel);
    assert_eq!(error, "interrupted");
    assert!(!runs, "the tool still runs");
}
