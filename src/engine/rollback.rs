//! What an engine does to put a restored copy in the place of an original: look, keep others
//! out, swap; and, after a crash, finish or undo what was announced.

use std::io;
use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::{Context, DatabaseCopy, EngineError};
use crate::connection::Target;
use crate::snapshot::{Snapshot, Source};

/// Something that changes the server outside of bookend's own copies. Announced before it is
/// done, and complete enough to be finished or undone by another process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "act", rename_all = "snake_case")]
pub enum Act {
    /// Nobody may connect to the original any more; sessions that are open stay.
    HoldOff {
        /// Its name.
        database: String,
        /// What the server calls it whatever its name.
        identity: String,
    },
    /// Everybody may again.
    Lift {
        /// Its name.
        database: String,
        /// What the server calls it whatever its name.
        identity: String,
    },
    /// The copy gets the original's name, the original the other one: at once.
    Swap(Swap),
    /// Documents of the copy are loaded beside the original's collections (engines that work
    /// in place).
    Load(InPlace),
    /// One collection is put aside and the copy's put in its place.
    Replace {
        /// Which rollback: what is behind the names of what it loads.
        fresh: String,
        /// The collection.
        collection: String,
    },
    /// Views, expiry: what comes once all collections are in their places.
    Finish(InPlace),
}

/// A swap by names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Swap {
    /// The name that changes hands.
    pub database: String,
    /// The failed original's identity; `None` if there is none any more.
    pub identity: Option<String>,
    /// The failed original's new name.
    pub kept_as: String,
    /// The copy's name before.
    pub copy: String,
    /// The copy's identity.
    pub copy_identity: String,
}

/// A rollback that works collection by collection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InPlace {
    /// The database.
    pub database: String,
    /// The proven copy's name.
    pub copy: String,
    /// Behind the names of what is loaded and not in its place yet.
    pub fresh: String,
    /// Behind the names of what was put aside.
    pub aside: String,
    /// Collections as they are to be.
    pub wanted: Vec<String>,
    /// Collections that were there when it began.
    pub found: Vec<String>,
}

/// Is told of every act before it is done, and when it is done. Durable when it returns.
pub trait Intentions: Send + Sync {
    /// The act is about to be done.
    ///
    /// # Errors
    /// It could not be recorded; the act is not done then.
    fn about_to(&self, act: &Act) -> io::Result<()>;

    /// The act is done.
    ///
    /// # Errors
    /// It could not be recorded; what the act did stays.
    fn done(&self, act: &Act) -> io::Result<()>;
}

/// An act as it was recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenAct {
    /// The act.
    pub act: Act,
    /// Whether its end was recorded too.
    pub done: bool,
}

/// What is there before anything is done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Examination {
    /// What the server calls the original; `None` if it is gone.
    pub identity: Option<String>,
    /// The name under which the failed original, or each of its collections, will be kept.
    pub kept_as: String,
    /// Why it cannot be swapped, if it cannot.
    pub obstacle: Option<String>,
    /// A name that is free for the copy, if it is to stay beside.
    pub beside: String,
    /// In words: what follows a database by its name, or stays with the failed one.
    pub followers: Vec<String>,
    /// Whether others can be kept out while it is swapped.
    pub holds_off: bool,
}

/// How the original is to be brought to a standstill.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standstill {
    /// Sessions that are in the way are ended, not only told.
    pub end_sessions: bool,
    /// It will be read before it is swapped: nothing may be written from now on.
    pub reading: bool,
}

/// What became of an original after a crash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is in its place, and everybody may connect.
    Original,
    /// The copy is in its place.
    RolledBack {
        /// The name under which the failed original is kept.
        kept_as: String,
    },
}

/// Puts copies in the place of originals.
#[async_trait]
pub trait Rollback: Send + Sync {
    /// Looks at the original without changing anything. `stamp` goes into the names of what
    /// is kept.
    async fn examine(
        &self,
        context: &Context,
        target: &Target,
        archive: &Snapshot,
        stamp: &str,
    ) -> Result<Examination, EngineError>;

    /// Keeps others out and looks who is there. If this fails, everybody may connect again,
    /// or the error says that they may not.
    async fn stand_still(
        &self,
        context: &Context,
        target: &Target,
        examination: &Examination,
        how: Standstill,
        intentions: &dyn Intentions,
    ) -> Result<Box<dyn Held>, EngineError>;

    /// Finishes or undoes what was announced. Doing it again changes nothing.
    async fn recover(
        &self,
        context: &Context,
        target: &Target,
        acts: &[SeenAct],
        intentions: &dyn Intentions,
    ) -> Result<Standing, EngineError>;
}

/// What is put in the original's place.
pub struct Replacement {
    /// The proven copy.
    pub copy: DatabaseCopy,
    /// What it was made from.
    pub source: Arc<dyn Source>,
    /// The archive's id.
    pub archive: String,
}

/// An original that others are kept out of.
#[async_trait]
pub trait Held: Send {
    /// In words: sessions that were ended, what could not be kept still.
    fn notes(&self) -> Vec<String>;

    /// After reading: keeps others out again, ends them if that was asked for, and makes sure
    /// that nothing was written meanwhile.
    async fn seal(
        &mut self,
        context: &Context,
        intentions: &dyn Intentions,
    ) -> Result<(), EngineError>;

    /// Puts the copy in the original's place. If this fails, [`Rollback::recover`] tells what
    /// is there.
    async fn swap(
        &mut self,
        context: &Context,
        replacement: Replacement,
        intentions: &dyn Intentions,
    ) -> Result<(), EngineError>;

    /// Lets everybody in again.
    async fn let_go(
        &mut self,
        context: &Context,
        intentions: &dyn Intentions,
    ) -> Result<(), EngineError>;
}
