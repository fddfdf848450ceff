//! bookend's mark on databases of its own: one line of the database's comment.
//!
//! A comment is all that a role without superuser may attach to its own database and that
//! disappears with it; a custom setting cannot be set by such a role (seen). The line holds
//! the server's identity and the database's oid, so that a copied comment, or one that came
//! along with a dump, marks nothing.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::engine::seal::Words;
use crate::engine::templates::TemplateMark;
use crate::engine::{CopyKind, Publication};

/// Begins the line; the rest of it is JSON.
const PREFIX: &str = "bookend: ";

/// What the line says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in super::super) struct Marker {
    /// What the database is for.
    pub kind: CopyKind,
    /// `pg_control_system().system_identifier`, empty where that is not readable.
    pub system: String,
    /// The database's oid.
    pub oid: u32,
    /// The run that made it.
    pub run: String,
    /// When.
    pub made: DateTime<Utc>,
    /// When anybody may drop it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<DateTime<Utc>>,
    /// The archive it came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archive: Option<String>,
    /// What it is a template of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<TemplateMark>,
    /// The name that a staging database was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Whether this still is what was written for a staging database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seal: Option<String>,
}

impl Marker {
    /// The first marker of a new copy.
    pub(in super::super) fn disposable(
        system: &str,
        oid: u32,
        run: &str,
        made: DateTime<Utc>,
    ) -> Self {
        Self {
            kind: CopyKind::Disposable,
            system: system.to_owned(),
            oid,
            run: run.to_owned(),
            made,
            expires: None,
            archive: None,
            template: None,
            name: None,
            seal: None,
        }
    }

    /// What the database becomes under `name`.
    pub(in super::super) fn published(self, name: &str, publication: &Publication<'_>) -> Self {
        let archive = publication.archive;
        let seal = publication.expires.map(|expires| {
            let identity = self.oid.to_string();
            let words = self.words(name, &identity, archive, expires);
            words.seal()
        });
        Self {
            kind: publication.kind,
            expires: publication.expires,
            archive: Some(archive.to_owned()),
            name: seal.is_some().then(|| name.to_owned()),
            seal,
            ..self
        }
    }

    fn words<'a>(
        &'a self,
        name: &'a str,
        identity: &'a str,
        archive: &'a str,
        expires: DateTime<Utc>,
    ) -> Words<'a> {
        Words {
            name,
            system: &self.system,
            identity,
            run: &self.run,
            archive,
            expires,
        }
    }

    /// In words why the database, called `named` now, is not dropped when its time is over.
    pub(in super::super) fn objection(&self, named: &str) -> Option<String> {
        let Some(expires) = self.expires else {
            return Some("it never expires".to_owned());
        };
        let identity = self.oid.to_string();
        let name = self.name.as_deref().unwrap_or(named);
        let archive = self.archive.as_deref().unwrap_or_default();
        let words = self.words(name, &identity, archive, expires);
        words.objection(named, self.seal.as_deref())
    }

    /// The marker in a database's comment, if it holds a readable one.
    pub(in super::super) fn find(comment: &str) -> Option<Self> {
        comment
            .lines()
            .find_map(|line| serde_json::from_str(line.strip_prefix(PREFIX)?).ok())
    }

    /// True if the marker was written for the database `oid` of the server `system`.
    pub(in super::super) fn is_genuine(&self, system: &str, oid: u32) -> bool {
        self.oid == oid && self.system == system
    }

    /// The comment with this marker and the user's own text.
    pub(in super::super) fn comment(&self, own: Option<&str>) -> Result<String, serde_json::Error> {
        let line = format!("{PREFIX}{}", serde_json::to_string(self)?);
        Ok(match own {
            Some(own) if !own.is_empty() => format!("{own}\n{line}"),
            _ => line,
        })
    }
}

/// A comment without bookend's line; `None` if nothing is left.
pub(in super::super) fn own_comment(comment: &str) -> Option<String> {
    if Marker::find(comment).is_none() {
        return (!comment.is_empty()).then(|| comment.to_owned());
    }
    let kept: Vec<&str> = comment
        .lines()
        .filter(|line| !line.starts_with(PREFIX))
        .collect();
    (!kept.is_empty()).then(|| kept.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marker() -> Marker {
        Marker::disposable("7", 5, "r", DateTime::UNIX_EPOCH)
    }

    #[test]
    fn the_users_own_comment_survives_beside_the_marker() {
        let comment = marker().comment(Some("mine\nall mine")).unwrap();
        assert_eq!(Marker::find(&comment), Some(marker()));
        assert_eq!(own_comment(&comment).as_deref(), Some("mine\nall mine"));
        assert_eq!(own_comment(&marker().comment(None).unwrap()), None);
    }

    #[test]
    fn a_marker_of_another_database_or_server_is_not_genuine() {
        assert!(marker().is_genuine("7", 5));
        assert!(!marker().is_genuine("7", 6));
        assert!(!marker().is_genuine("8", 5));
    }

    #[test]
    fn only_the_mark_that_was_written_lets_a_staging_database_expire() {
        let publication = Publication::staging("a", DateTime::UNIX_EPOCH);
        let staging = marker().published("shop", &publication);
        assert_eq!(staging.objection("shop"), None);
        let read = Marker::find(&staging.comment(Some("mine")).unwrap()).unwrap();
        assert_eq!(read.objection("shop"), None);
        assert!(read.objection("shop_2").is_some());
        let later = Marker {
            expires: Some(Utc::now()),
            ..read
        };
        assert!(later.objection("shop").is_some());
        let kept = later.published("shop", &Publication::provenance("a"));
        assert_eq!(
            (&kept.expires, &kept.seal, &kept.name),
            (&None, &None, &None)
        );
    }

    #[test]
    fn other_comments_hold_no_marker() {
        assert_eq!(Marker::find("bookend: is a nice tool"), None);
        assert_eq!(
            own_comment("bookend: is a nice tool").as_deref(),
            Some("bookend: is a nice tool")
        );
    }
}
