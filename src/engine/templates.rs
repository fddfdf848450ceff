//! Pristine copies that further copies are cloned from: a proven copy that nobody may connect
//! to any more, so that what was proven of it stays true.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{Context, DatabaseCopy, EngineError};
use crate::connection::Target;
use crate::snapshot::Snapshot;

/// What a template is of, as whoever proved it knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateOrigin {
    /// The archive's id.
    pub archive: String,
    /// The digest of its manifest, in hexadecimal digits.
    pub manifest_sha256: String,
    /// When the copy was found to be identical.
    pub proven_at: DateTime<Utc>,
    /// File name of the receipt that says so, beside the archive.
    pub receipt: String,
    /// When anybody may drop it.
    pub expires: DateTime<Utc>,
}

/// What a template's marker says of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TemplateMark {
    /// The digest of the archive's manifest, in hexadecimal digits.
    pub manifest_sha256: String,
    /// When it was found to be identical with the archive.
    pub proven_at: DateTime<Utc>,
    /// File name of the receipt that says so.
    pub receipt: String,
    /// Something that the server changes whenever somebody is let in, or anything else of the
    /// database's own properties is altered.
    pub seal: String,
    /// A digest of the names and numbers of all that it holds, which a clone has too.
    pub contents: String,
}

/// A template as the store has it on record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownTemplate {
    /// Its name.
    pub name: String,
    /// What its server calls it whatever its name.
    pub identity: String,
    /// Its server, where that can be known.
    pub server_identity: Option<String>,
    /// The digest of the archive's manifest, in hexadecimal digits.
    pub manifest_sha256: String,
}

/// What became of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// It is as it was closed, as far as can be seen without reading it.
    AsClosed(TemplateMark),
    /// Something is off: in words, what.
    Doubtful(String),
    /// Anybody may drop it, since then.
    Expired(DateTime<Utc>),
    /// There is no database of that name any more.
    Gone,
    /// It is on another server.
    Elsewhere,
}

/// Keeps templates and clones them.
#[async_trait]
pub trait Templates: Send + Sync {
    /// Makes a disposable copy that was just proven a template, at once: nobody can connect to
    /// it from here on, and its marker says what it is. On failure it is the copy that it was.
    async fn close(
        &self,
        context: &Context,
        copy: &DatabaseCopy,
        origin: &TemplateOrigin,
    ) -> Result<(), EngineError>;

    /// Looks at a template without reading it.
    async fn examine(
        &self,
        context: &Context,
        on: &Target,
        template: &KnownTemplate,
    ) -> Result<Condition, EngineError>;

    /// Makes a disposable copy from a template: the same that restoring the archive of
    /// `snapshot` makes. On failure nothing is left behind, or the error says what is.
    async fn clone_from(
        &self,
        context: &Context,
        on: &Target,
        (name, mark): (&str, &TemplateMark),
        snapshot: &Snapshot,
    ) -> Result<DatabaseCopy, EngineError>;
}

#[cfg(test)]
mod tests {
    use super::super::{Capability, for_kind};
    use crate::connection::EngineKind;

    #[test]
    fn an_engine_that_keeps_no_templates_says_why() {
        for kind in [EngineKind::Postgresql, EngineKind::Mongodb] {
            let engine = for_kind(kind).unwrap();
            let can = engine.capabilities().templates == Capability::Yes;
            assert_eq!(engine.templates().is_some(), can, "{}", engine.name());
        }
    }
}
