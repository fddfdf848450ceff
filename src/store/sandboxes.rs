//! The record of private servers, written before each is started: so what a crash leaves of
//! one is explained, and removed by the next command.

use std::io;
use std::path::PathBuf;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::log::DurableLog;
use super::{Store, StoreError};

/// A private server that is about to be started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MadeSandbox {
    /// Its random name, that of its folder too.
    pub name: String,
    /// Everything of it is in here.
    pub folder: PathBuf,
    /// `PostgreSQL 16.14`.
    pub server: String,
    /// The archive that it is for.
    pub archive: String,
    /// The run that makes it.
    pub run: String,
    /// The machine it is on.
    pub host: String,
    /// bookend's process.
    pub process: u32,
    /// When.
    pub made: DateTime<Utc>,
    /// What tells it from other servers, once it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
}

/// One line of the record.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
enum Entry {
    /// It is about to be started.
    Announced { sandbox: MadeSandbox },
    /// It runs.
    Started { name: String, identity: String },
    /// Nothing is left of it.
    Settled {
        name: String,
        outcome: String,
        at: DateTime<Utc>,
    },
}

impl Store {
    /// Records a private server; on the disk when this returns.
    ///
    /// # Errors
    /// It cannot be written; nothing is started then.
    pub fn announce_sandbox(&self, sandbox: &MadeSandbox) -> Result<(), StoreError> {
        let holder = format!("{} (process {})", sandbox.run, sandbox.process);
        self.hold(&sandbox.name, &holder)?;
        let sandbox = sandbox.clone();
        self.append_sandbox(&Entry::Announced { sandbox })
    }

    /// Records how a private server is told from others, now that it runs.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn sandbox_started(&self, name: &str, identity: &str) -> Result<(), StoreError> {
        self.append_sandbox(&Entry::Started {
            name: name.to_owned(),
            identity: identity.to_owned(),
        })
    }

    /// Records that nothing is left of a private server.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn settle_sandbox(&self, name: &str, outcome: &str) -> Result<(), StoreError> {
        self.append_sandbox(&Entry::Settled {
            name: name.to_owned(),
            outcome: outcome.to_owned(),
            at: Utc::now(),
        })?;
        self.release(name);
        Ok(())
    }

    /// Private servers that were announced and not settled: in use by a command that runs, or
    /// left behind by one that crashed.
    ///
    /// # Errors
    /// The record cannot be read or understood.
    pub fn unsettled_sandboxes(&self) -> Result<Vec<MadeSandbox>, StoreError> {
        let path = self.sandbox_record();
        let failed = |source: io::Error| StoreError::Io {
            what: format!("{} could not be read", path.display()),
            source,
        };
        let mut open: Vec<MadeSandbox> = Vec::new();
        for line in DurableLog::lines(&path).map_err(failed)? {
            match serde_json::from_str(&line).map_err(|error| failed(error.into()))? {
                Entry::Announced { sandbox } => open.push(sandbox),
                Entry::Started { name, identity } => {
                    for known in open.iter_mut().filter(|known| known.name == name) {
                        known.identity = Some(identity.clone());
                    }
                }
                Entry::Settled { name, .. } => open.retain(|known| known.name != name),
            }
        }
        Ok(open)
    }

    fn append_sandbox(&self, entry: &Entry) -> Result<(), StoreError> {
        let path = self.sandbox_record();
        let log = DurableLog::open(&path)?;
        let written = serde_json::to_string(entry)
            .map_err(io::Error::from)
            .and_then(|line| log.append(&line));
        written.map_err(StoreError::io(|| {
            format!("{} could not be written", path.display())
        }))
    }

    fn sandbox_record(&self) -> PathBuf {
        self.dir.join("sandboxes.jsonl")
    }
}
