//! bookend's mark on databases of its own: one line of the database's comment.
//!
//! A comment is all that a role without superuser may attach to its own database and that
//! disappears with it; a custom setting cannot be set by such a role (seen). The line holds
//! the server's identity and the database's oid, so that a copied comment, or one that came
//! along with a dump, marks nothing.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::engine::CopyKind;
use crate::engine::templates::TemplateMark;

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
}

impl Marker {
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
        Marker {
            kind: CopyKind::Disposable,
            system: "7".to_owned(),
            oid: 5,
            run: "r".to_owned(),
            made: DateTime::UNIX_EPOCH,
            expires: None,
            archive: None,
            template: None,
        }
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
    fn other_comments_hold_no_marker() {
        assert_eq!(Marker::find("bookend: is a nice tool"), None);
        assert_eq!(
            own_comment("bookend: is a nice tool").as_deref(),
            Some("bookend: is a nice tool")
        );
    }
}
