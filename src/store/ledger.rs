//! The record of databases that bookend makes, written before each is created: so a crash
//! between `CREATE DATABASE` and the marker inside it is explained, and cleaned by name.

use std::io;
use std::path::Path;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::log::DurableLog;
use super::{Store, StoreError};
use crate::engine::{Ledger, MadeDatabase};

/// One line of the record.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
enum Entry {
    /// It is about to be created.
    Announced { database: MadeDatabase },
    /// It is gone, or known under another name.
    Settled {
        name: String,
        outcome: String,
        at: DateTime<Utc>,
    },
}

/// The record of databases in a store.
#[derive(Debug)]
pub struct DatabaseLedger {
    log: DurableLog,
}

impl DatabaseLedger {
    pub(super) fn open(path: &Path) -> Result<Self, StoreError> {
        let log = DurableLog::open(path)?;
        Ok(Self { log })
    }

    /// Databases that were announced and not settled: in use by a command that runs, or left
    /// behind by one that crashed.
    ///
    /// # Errors
    /// The record cannot be read or understood.
    pub fn unsettled(&self) -> Result<Vec<MadeDatabase>, StoreError> {
        let path = self.log.path();
        let failed = |source: io::Error| StoreError::Io {
            what: format!("{} could not be read", path.display()),
            source,
        };
        let mut open: Vec<MadeDatabase> = Vec::new();
        for line in DurableLog::lines(path).map_err(failed)? {
            match serde_json::from_str(&line).map_err(|error| failed(error.into()))? {
                Entry::Announced { database } => {
                    open.retain(|known| known.name != database.name);
                    open.push(database);
                }
                Entry::Settled { name, .. } => open.retain(|known| known.name != name),
            }
        }
        Ok(open)
    }

    fn append(&self, entry: &Entry) -> io::Result<()> {
        self.log.append(&serde_json::to_string(entry)?)
    }
}

impl Ledger for DatabaseLedger {
    fn announce(&self, database: &MadeDatabase) -> io::Result<()> {
        let database = database.clone();
        self.append(&Entry::Announced { database })
    }

    fn settle(&self, name: &str, outcome: &str) -> io::Result<()> {
        self.append(&Entry::Settled {
            name: name.to_owned(),
            outcome: outcome.to_owned(),
            at: Utc::now(),
        })
    }
}

impl Store {
    /// Databases that were announced and not settled; see [`DatabaseLedger::unsettled`].
    ///
    /// # Errors
    /// The record cannot be read or understood.
    pub fn unsettled(&self) -> Result<Vec<MadeDatabase>, StoreError> {
        self.ledger()?.unsettled()
    }
}
