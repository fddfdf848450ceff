//! What is seen of a database from outside while somebody else works on it.
//!
//! Everything here is sampled: what lasts shorter than the time between two looks can be
//! missed, so durations read "at least".

use std::net::SocketAddr;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::EngineError;

/// A session that is not bookend's own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenSession {
    /// What the server calls it: a backend's process id, a connection's number.
    pub id: String,
    /// Who is connected; empty if that may not be read.
    pub user: String,
    /// What it calls itself; empty if nothing.
    pub application: String,
    /// Where it comes from, as the server sees it. `None` through a unix socket, or if that
    /// may not be read.
    pub client: Option<SocketAddr>,
    /// A transaction of it has written and is not over, or it writes right now.
    pub writing: bool,
    /// It has a transaction open of which nobody can say whether it has written, and to which
    /// database.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unplaced: bool,
}

impl SeenSession {
    /// For the screen: `pid 4711 (ada, "psql", from 10.0.0.7:51312)`.
    #[must_use]
    pub fn in_words(&self) -> String {
        let mut parts = Vec::new();
        if !self.user.is_empty() {
            parts.push(self.user.clone());
        }
        if !self.application.is_empty() {
            parts.push(format!("\"{}\"", self.application));
        }
        if let Some(client) = self.client {
            parts.push(format!("from {client}"));
        }
        if parts.is_empty() {
            return format!("session {}", self.id);
        }
        format!("session {} ({})", self.id, parts.join(", "))
    }
}

/// How long somebody kept others out of one table or collection.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldObject {
    /// Its printed name.
    pub object: String,
    /// Longest unbroken time in a mode that keeps readers out, in milliseconds; at least.
    pub reads_blocked_ms: u64,
    /// Longest unbroken time in a mode that keeps writers out, in milliseconds; at least.
    pub writes_blocked_ms: u64,
}

/// The statement that ran longest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LongestStatement {
    /// In milliseconds; at least.
    pub ms: u64,
    /// Its first words only, such as `CREATE INDEX`: the rest can hold data and passwords.
    pub command: String,
}

/// All that was seen from the first look to the last.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observed {
    /// Every session that was seen, each once.
    pub sessions: Vec<SeenSession>,
    /// How often the database was used by others than bookend, by the server's own count.
    /// `None` where the server does not count, or may not be asked.
    pub uses: Option<u64>,
    /// Objects that existed at the first look and were held, longest first.
    pub held: Vec<HeldObject>,
    /// The statement that ran longest.
    pub longest: Option<LongestStatement>,
    /// Bytes of the database at the first look.
    pub bytes_before: u64,
    /// Bytes of the database at the last look.
    pub bytes_after: u64,
    /// How often it was looked at.
    pub looks: u64,
}

impl Observed {
    /// Whether anybody but bookend was there: seen, or counted by the server. `None` if
    /// nobody was seen and the server does not count.
    #[must_use]
    pub fn used(&self) -> Option<bool> {
        if !self.sessions.is_empty() {
            return Some(true);
        }
        self.uses.map(|uses| uses > 0)
    }
}

/// Looks at one database without being in it.
#[async_trait]
pub trait Observer: Send {
    /// The sessions that are there now, bookend's own left out. Cheap enough for a database
    /// that others work on.
    ///
    /// # Errors
    /// If the server cannot be asked.
    async fn sessions(&mut self) -> Result<Vec<SeenSession>, EngineError>;

    /// Sessions between two statements of a transaction, where the server does not say which
    /// database they work on: such a transaction may have written to this one.
    ///
    /// # Errors
    /// If the server cannot be asked.
    async fn open_transactions(&mut self) -> Result<Vec<SeenSession>, EngineError> {
        Ok(Vec::new())
    }

    /// The sessions that are there, and what they hold.
    ///
    /// # Errors
    /// If the server cannot be asked.
    async fn look(&mut self) -> Result<Vec<SeenSession>, EngineError>;

    /// Ends one session. `false` if it was gone, or may not be ended.
    ///
    /// # Errors
    /// If the server cannot be asked.
    async fn end(&mut self, session: &SeenSession) -> Result<bool, EngineError>;

    /// The last look.
    ///
    /// # Errors
    /// If the server cannot be asked.
    async fn finish(self: Box<Self>) -> Result<Observed, EngineError>;
}
