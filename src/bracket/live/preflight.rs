//! What is looked at before anything is done.

use super::super::event::Stop;
use super::super::hands::Trouble;
use super::super::journal::Setback;
use super::rehearsal::KEPT_FOR;
use super::{Live, Subject};
use crate::connection::Target;
use crate::engine::{CheckState, Inspection};
use crate::operation::{OperationError, Place, open};
use crate::report::figures::{numbered, size, target_word};
use crate::snapshot::Nouns;

impl Live {
    /// Whether a target, its tools and the room for its copy are there.
    pub(super) async fn look_ahead(&self, subject: &Subject) -> Result<Vec<String>, Trouble> {
        let (mut lines, bytes) = match (&subject.inspection, &subject.given) {
            (Some(seen), _) => (self.judged(subject, seen)?, seen.bytes),
            (None, Some(given)) => {
                let opened = open(std::path::Path::new(&given.path)).await;
                let opened = opened.map_err(|error| self.trouble(&error))?;
                let bytes = crate::snapshot::Source::snapshot(opened.as_ref())
                    .database
                    .bytes;
                let line = format!("{} · a copy needs about {}", given.id, size(bytes));
                (vec![line], bytes)
            }
            (None, None) => (Vec::new(), 0),
        };
        if self.wishes.proofs {
            let free = self.free_bytes(subject).await;
            let free = free.map_err(|error| self.trouble(&error))?;
            lines.push(match free {
                Some(free) => format!("free space where the copy goes: {}", size(free)),
                None => "free space on the server: not known".to_owned(),
            });
            let bytes = if self.wishes.templates {
                lines.push(format!(
                    "--template keeps a second copy, about {} more, for {} days",
                    size(bytes),
                    KEPT_FOR.num_days()
                ));
                bytes.saturating_mul(2)
            } else {
                bytes
            };
            let room = subject.place.room_for(bytes, free);
            room.map_err(|error| self.trouble(&error))?;
        }
        Ok(lines)
    }

    fn judged(&self, subject: &Subject, seen: &Inspection) -> Result<Vec<String>, Trouble> {
        let proofs = self.wishes.proofs;
        let nouns = self.ws.engines.nouns(subject.target.engine().name());
        let mut lines = vec![preflight_line(seen, nouns, proofs)];
        let mut obstacles = Vec::new();
        for check in &seen.checks {
            let told = match &check.fix {
                Some(fix) => format!("{}: {} ({fix})", check.what, check.found),
                None => format!("{}: {}", check.what, check.found),
            };
            match check.state {
                CheckState::Ok => {}
                CheckState::Failure if proofs => obstacles.push(told),
                CheckState::Warning | CheckState::Failure => lines.push(told),
            }
        }
        if obstacles.is_empty() {
            Ok(lines)
        } else {
            Err(preflight_refused(&subject.target, obstacles))
        }
    }

    /// Free bytes where the copy would go.
    async fn free_bytes(&self, subject: &Subject) -> Result<Option<u64>, OperationError> {
        match (&subject.place, &subject.inspection) {
            (Place::SameServer(_), Some(seen)) => Ok(seen.free_bytes),
            (Place::SameServer(target) | Place::Other(target), _) => {
                let engine = self.ws.engines.get(target.engine())?;
                let there = engine.reach(&self.ws.context(), target).await?;
                Ok(there.free_bytes)
            }
            (Place::Sandbox(options), _) => Ok(options.free_bytes(&self.ws)),
        }
    }
}

fn preflight_refused(target: &Target, obstacles: Vec<String>) -> Trouble {
    Trouble {
        stop: Stop::Refused,
        setback: Setback {
            code: "preflight".to_owned(),
            message: format!("{} is not ready to be migrated", target.database()),
            causes: obstacles,
            hint: Some(format!(
                "bookend doctor {}",
                target_word(target.origin(), &target.display_url())
            )),
        },
    }
}

/// `PostgreSQL 15.18 · 1.8 GiB · 42 tables · pg_dump 15.18 · a copy needs about 1.8 GiB`
fn preflight_line(seen: &Inspection, nouns: Nouns, proofs: bool) -> String {
    let mut parts = vec![
        format!("{} {}", seen.product, seen.server_version),
        size(seen.bytes),
        numbered(seen.tables, nouns.object),
    ];
    // `name version (path)`: the path is for `doctor`.
    if let Some(tool) = seen.tools.first() {
        parts.push(tool.split(" (").next().unwrap_or(tool).to_owned());
    }
    if seen.standby {
        parts.push("a standby".to_owned());
    }
    if proofs {
        parts.push(format!("a copy needs about {}", size(seen.bytes)));
    }
    parts.join(" · ")
}
