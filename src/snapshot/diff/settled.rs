//! What the facts of two snapshots leave open, and whoever looks at the rows can tell.

use super::super::Nouns;
use super::losses::{of_values, thousands};
use super::objects::other_keys;
use super::{Change, Difference, Loss, LossKind, ObjectChange};

/// What looking at the rows of an object that has grown came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    /// So many rows of before are gone by their key; with 0 all are there still.
    Gone(u64),
    /// So many rows of before are gone or changed: without a key the two are one.
    GoneOrChanged(u64),
    /// So many rows of before are gone, and so many others that had expired.
    Expired {
        /// Not expired.
        gone: u64,
        /// Expired.
        expired: u64,
    },
}

/// What is noted until somebody looks.
pub(super) fn open_question(nouns: Nouns) -> String {
    format!(
        "{} were added; whether those of before are all there still is not known",
        nouns.row.many
    )
}

/// The loss that it counts as until then.
pub(super) fn provisional(nouns: Nouns, object: &str, rows: u64) -> Loss {
    let rows = counted(nouns, rows);
    Loss {
        kind: LossKind::Rows,
        object: object.to_owned(),
        what: format!("may be without some of its {rows} of before, others were added"),
    }
}

/// The loss of rows that are fewer now.
pub(super) fn fewer(nouns: Nouns, object: &str, before: u64, after: u64) -> Loss {
    let gone = counted(nouns, before.saturating_sub(after));
    Loss {
        kind: LossKind::Rows,
        object: object.to_owned(),
        what: format!("has {gone} fewer"),
    }
}

/// The loss of as many rows as there are, but by other keys.
pub(super) fn keyed(nouns: Nouns, object: &str) -> Loss {
    Loss {
        kind: LossKind::Rows,
        object: object.to_owned(),
        what: format!("has {} with other keys", nouns.row.many),
    }
}

fn counted(nouns: Nouns, rows: u64) -> String {
    let noun = if rows == 1 {
        nouns.row.one
    } else {
        nouns.row.many
    };
    format!("{} {noun}", thousands(rows))
}

/// What is noted of rows that expired.
fn expiry_note(nouns: Nouns, rows: u64) -> String {
    format!("{} expired meanwhile", counted(nouns, rows))
}

impl ObjectChange {
    /// Takes out what rows that expired are told by; false if nothing else is different.
    pub fn without_expiry(&mut self) -> bool {
        let Some(expired) = self.expired.take() else {
            return true;
        };
        let note = expiry_note(self.kind.nouns(), expired);
        self.notes.retain(|one| *one != note);
        self.rows_before = self.rows_before.map(|rows| rows.saturating_sub(expired));
        self.change != Change::Changed
            || self.rows_before != self.rows_after
            || !(self.columns.is_empty() && self.parts.is_empty())
            || !(self.properties.is_empty() && self.notes.is_empty())
    }
}

impl Difference {
    /// Puts in how many rows of an object have expired by an index that is new or another one, and
    /// had not by those of before.
    pub fn expire_at_once(&mut self, object: &str, rows: u64) {
        self.newly_expiring.retain(|name| name != object);
        let Some(change) = self.objects.iter().find(|one| one.object == object) else {
            return;
        };
        if rows > 0 {
            let rows = counted(change.kind.nouns(), rows);
            self.losses.push(Loss {
                kind: LossKind::Rows,
                object: change.name_before().to_owned(),
                what: format!("is to lose {rows} at once: by its new index they have expired"),
            });
            self.losses.sort();
        }
        self.loss = !self.losses.is_empty();
    }

    /// Puts in what looking at the rows of an unsettled object came to.
    pub fn settle(&mut self, object: &str, found: Settled) {
        self.unsettled.retain(|name| name != object);
        self.open_expiry.retain(|name| name != object);
        let Some(change) = self.objects.iter_mut().find(|one| one.object == object) else {
            return;
        };
        let nouns = change.kind.nouns();
        let named = change.name_before().to_owned();
        let (before, after) = (
            change.rows_before.unwrap_or(0),
            change.rows_after.unwrap_or(0),
        );
        let mut notes = vec![open_question(nouns)];
        let mut losses = vec![provisional(nouns, &named, before)];
        let (rows, how) = match found {
            Settled::Gone(rows) => (rows, "gone"),
            Settled::GoneOrChanged(rows) => (rows, "gone or changed"),
            Settled::Expired { gone, expired } => {
                notes.push(other_keys(nouns));
                losses.extend([fewer(nouns, &named, before, after), keyed(nouns, &named)]);
                if expired > 0 {
                    self.losses.retain(|loss| !of_values(change).contains(loss));
                    change.expired = Some(expired);
                    self.losses.extend(of_values(change));
                    change.notes.push(expiry_note(nouns, expired));
                }
                (gone, "gone")
            }
        };
        change.notes.retain(|note| !notes.contains(note));
        self.losses.retain(|loss| !losses.contains(loss));
        let others = before < after + rows + change.expired.unwrap_or(0);
        let counted = counted(nouns, rows);
        if rows > 0 && others {
            let note = format!("{counted} of before {how}, others were added");
            change.notes.push(note);
        }
        if rows > 0 {
            let what = if others {
                format!("is without {counted} of before ({how}), others were added")
            } else {
                format!("has {counted} fewer")
            };
            self.losses.push(Loss {
                what,
                object: named,
                kind: LossKind::Rows,
            });
        }
        self.losses.sort();
        self.loss = !self.losses.is_empty();
    }
}
