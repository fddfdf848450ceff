//! What the facts of two snapshots leave open, and whoever looks at the rows can tell.

use super::super::Nouns;
use super::losses::thousands;
use super::{Difference, Loss, LossKind};

/// What looking at the rows of an object that has grown came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    /// So many rows of before are gone by their key; with 0 all are there still.
    Gone(u64),
    /// So many rows of before are gone or changed: without a key the two are one.
    GoneOrChanged(u64),
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

fn counted(nouns: Nouns, rows: u64) -> String {
    let noun = if rows == 1 {
        nouns.row.one
    } else {
        nouns.row.many
    };
    format!("{} {noun}", thousands(rows))
}

impl Difference {
    /// Puts in what looking at the rows of an unsettled object came to.
    pub fn settle(&mut self, object: &str, found: Settled) {
        let Some(change) = self.objects.iter_mut().find(|one| one.object == object) else {
            return;
        };
        let nouns = change.kind.nouns();
        let open = provisional(nouns, change.name_before(), change.rows_before.unwrap_or(0));
        change.notes.retain(|note| *note != open_question(nouns));
        let (rows, how) = match found {
            Settled::Gone(rows) => (rows, "gone"),
            Settled::GoneOrChanged(rows) => (rows, "gone or changed"),
        };
        let counted = counted(nouns, rows);
        let named = change.name_before().to_owned();
        if rows > 0 {
            change
                .notes
                .push(format!("{counted} of before {how}, others were added"));
        }
        self.losses.retain(|loss| *loss != open);
        if rows > 0 {
            self.losses.push(Loss {
                what: format!("is without {counted} of before ({how}), others were added"),
                object: named,
                kind: LossKind::Rows,
            });
            self.losses.sort();
        }
        self.loss = !self.losses.is_empty();
        self.unsettled.retain(|name| name != object);
    }
}
