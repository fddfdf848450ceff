//! Databases of bookend's own making.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::CopyKind;
use super::templates::TemplateMark;

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
}
