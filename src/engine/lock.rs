//! One run of a target at a time, from any machine: a lock on the server itself.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::EngineError;

/// Who wants a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The run.
    pub run: String,
    /// Whether a lock that this run holds already is taken over: its process is gone, which
    /// the server may not have noticed.
    pub take_over: bool,
}

/// Who has a target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// The run.
    pub run: String,
    /// The machine it runs on, as the server sees it.
    #[serde(default)]
    pub host: String,
    /// Since when.
    pub since: DateTime<Utc>,
}

/// Held until it is released.
#[async_trait]
pub trait TargetLock: Send + Sync {
    /// Makes sure that it is still held.
    ///
    /// # Errors
    /// It is not, or nobody can say.
    async fn check(&self) -> Result<(), EngineError>;

    /// Gives it back.
    async fn release(self: Box<Self>);
}
