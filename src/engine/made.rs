//! The databases that bookend makes: what they are for, and how they get their names.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::templates::TemplateMark;
use crate::snapshot::Snapshot;

/// A database that is about to be made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MadeDatabase {
    /// Its random name.
    pub name: String,
    /// What it is for.
    pub kind: CopyKind,
    /// `postgresql` or `mongodb`.
    pub engine: String,
    /// URL of the server without a password.
    pub server: String,
    /// The server's identity, where readable.
    pub identity: Option<String>,
    /// The run that makes it.
    pub run: String,
    /// When.
    pub made: DateTime<Utc>,
    /// What a clone holds before anybody could mark it, as [`TemplateMark::contents`]; `None`
    /// for a database that is made empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contents: Option<String>,
}

/// What a database of bookend's making is for; see docs/design on markers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CopyKind {
    /// A proof's or a rehearsal's copy, or a restore in progress. May be dropped.
    Disposable,
    /// Has an owner and an expiry; dropped only by `copies drop` or after it expired.
    Staging,
    /// A finished restore: says where it came from. Never dropped.
    Provenance,
    /// A failed original. Never dropped.
    Kept,
}

/// A database that carries bookend's marker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MarkedDatabase {
    /// Its name now.
    pub name: String,
    /// What it is for.
    pub kind: CopyKind,
    /// The run that made it.
    pub run: String,
    /// When it was made.
    pub made: DateTime<Utc>,
    /// When it may be dropped by anybody (staging).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<DateTime<Utc>>,
    /// The archive it was restored from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archive: Option<String>,
    /// Bytes on the server.
    pub bytes: u64,
    /// What it is a template of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<TemplateMark>,
    /// False if the marker names another server or database (a copied comment): never dropped.
    pub genuine: bool,
    /// Its time is over, and nothing speaks against dropping it.
    #[serde(default)]
    pub expired: bool,
    /// Why it is not dropped when its time is over, although it is a staging database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spared: Option<String>,
}

impl MarkedDatabase {
    /// The same with what its marker comes to now: `spared` says why the mark is not what was
    /// put on it, if it is not.
    pub(super) fn judged(mut self, spared: Option<String>, now: DateTime<Utc>) -> Self {
        let staging = self.kind == CopyKind::Staging && self.genuine;
        self.spared = spared.filter(|_| staging);
        self.expired =
            staging && self.spared.is_none() && self.expires.is_some_and(|expires| expires <= now);
        self
    }
}

/// What a copy becomes when it gets its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Publication<'a> {
    /// What it is for from now on.
    pub kind: CopyKind,
    /// The archive that it was restored from.
    pub archive: &'a str,
    /// When anybody may drop it (staging).
    pub expires: Option<DateTime<Utc>>,
}

impl<'a> Publication<'a> {
    /// A finished restore.
    #[must_use]
    pub fn provenance(archive: &'a str) -> Self {
        Self {
            kind: CopyKind::Provenance,
            archive,
            expires: None,
        }
    }

    /// A staging database.
    #[must_use]
    pub fn staging(archive: &'a str, expires: DateTime<Utc>) -> Self {
        Self {
            kind: CopyKind::Staging,
            archive,
            expires: Some(expires),
        }
    }
}

/// The name that a new database is to have.
#[derive(Clone, Copy, Debug)]
pub enum NewName<'a> {
    /// This one, or none.
    Exactly(&'a str),
    /// The name of what was read with this behind it, cut to what fits; with a number if that
    /// is taken.
    Suffixed {
        /// What will be restored into it.
        snapshot: &'a Snapshot,
        /// What goes behind the name.
        suffix: &'a str,
    },
}
