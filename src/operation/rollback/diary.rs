//! The record of a run's rollback: `rollback.jsonl` in the run's folder. One line a record, on
//! the disk before the act that it announces begins, and again when it is done.

use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::Options;
use super::drive::{Ended, StepTold};
use crate::engine::rollback::{Act, Intentions, SeenAct};
use crate::store::DurableLog;

/// The record's name in its run's folder.
pub const DIARY: &str = "rollback.jsonl";

/// One line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "snake_case")]
pub enum Written {
    /// A rollback was begun.
    Begun {
        /// When.
        at: DateTime<Utc>,
        /// What was asked for.
        options: Options,
        /// Labels of the run's targets.
        targets: Vec<String>,
        /// The process.
        pid: u32,
    },
    /// An act is about to be done.
    AboutTo {
        /// When.
        at: DateTime<Utc>,
        /// Position among the targets.
        target: usize,
        /// The act.
        does: Act,
    },
    /// An act is done.
    Done {
        /// When.
        at: DateTime<Utc>,
        /// Position among the targets.
        target: usize,
        /// The act.
        does: Act,
    },
    /// A step came to its end.
    Step {
        /// When.
        at: DateTime<Utc>,
        /// What the screen says.
        told: StepTold,
    },
    /// The rollback is over.
    Ended {
        /// When.
        at: DateTime<Utc>,
        /// True if every target has its copy in its place.
        rolled_back: bool,
        /// Under which names the failed originals are kept, target by target.
        kept_as: Vec<Option<String>>,
        /// Everything was done before.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        nothing_to_do: bool,
        /// With `--no-swap`: databases and URLs of the copies, target by target.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        published: Vec<(String, String)>,
        /// In words: what follows by name or stays with the failed one.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        followers: Vec<String>,
    },
}

/// A record that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("line {line} of the rollback's record cannot be understood")]
pub struct DiaryError {
    /// Counted from 1.
    pub line: usize,
    /// Why.
    #[source]
    pub source: serde_json::Error,
}

/// What the record tells of what was done so far.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Past {
    /// Acts that may have to be finished or undone, by target.
    acts: Vec<(usize, SeenAct)>,
    /// What the last attempt was asked for.
    pub options: Option<Options>,
    /// True if a rollback was begun and its end was not recorded.
    pub open: bool,
    /// True if all is rolled back.
    pub rolled_back: bool,
    /// Under which names the failed originals are kept, target by target.
    pub kept_as: Vec<Option<String>>,
    /// How the last attempt ended.
    pub ended: Ended,
    /// Steps of the last attempt.
    pub steps: Vec<StepTold>,
}

impl Past {
    /// The acts of one target, oldest first.
    #[must_use]
    pub fn acts(&self, target: usize) -> Vec<SeenAct> {
        let of_it = self.acts.iter().filter(|(of, _)| *of == target);
        of_it.map(|(_, seen)| seen.clone()).collect()
    }

    fn add(&mut self, written: Written) {
        match written {
            Written::Begun { options, .. } => {
                self.options = Some(options);
                self.open = true;
                self.steps.clear();
            }
            Written::AboutTo { target, does, .. } => {
                let done = false;
                self.acts.push((target, SeenAct { act: does, done }));
            }
            Written::Done { target, does, .. } => {
                let mut acts = self.acts.iter_mut().rev();
                match acts.find(|(of, seen)| *of == target && seen.act == does) {
                    Some((_, seen)) => seen.done = true,
                    None => self.acts.push((
                        target,
                        SeenAct {
                            act: does,
                            done: true,
                        },
                    )),
                }
            }
            Written::Step { told, .. } => self.steps.push(told),
            Written::Ended {
                rolled_back,
                kept_as,
                nothing_to_do,
                published,
                followers,
                ..
            } => {
                self.open = false;
                self.rolled_back = rolled_back;
                self.kept_as.clone_from(&kept_as);
                self.ended = Ended {
                    kept_as,
                    published,
                    followers,
                    nothing_to_do,
                };
                // Everybody may connect by now; should that change, it was not this run.
                self.acts.retain(|(_, seen)| {
                    !matches!(seen.act, Act::HoldOff { .. } | Act::Lift { .. })
                });
            }
        }
    }
}

/// Reads the lines of a record.
///
/// # Errors
/// A line is not one; a last line without its end is never among them.
pub fn read(lines: &[String]) -> Result<Past, DiaryError> {
    let mut past = Past::default();
    for (number, line) in lines.iter().enumerate() {
        let written = serde_json::from_str(line).map_err(|source| DiaryError {
            line: number + 1,
            source,
        })?;
        past.add(written);
    }
    Ok(past)
}

/// The record, being written.
pub struct Diary {
    log: DurableLog,
    past: Mutex<Past>,
}

impl Diary {
    /// Goes on with a record.
    #[must_use]
    pub fn new(log: DurableLog, past: Past) -> Self {
        Self {
            log,
            past: Mutex::new(past),
        }
    }

    /// Writes a line; durable when it returns.
    ///
    /// # Errors
    /// What kept it from being written.
    pub fn write(&self, written: Written) -> io::Result<()> {
        self.log.append(&serde_json::to_string(&written)?)?;
        self.past().add(written);
        Ok(())
    }

    /// What was recorded so far.
    #[must_use]
    pub fn so_far(&self) -> Past {
        self.past().clone()
    }

    /// Where one target's acts are announced.
    #[must_use]
    pub fn of(&self, target: usize) -> OneTarget<'_> {
        OneTarget {
            diary: self,
            target,
        }
    }

    fn past(&self) -> MutexGuard<'_, Past> {
        self.past.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Announces the acts of one target.
pub struct OneTarget<'a> {
    diary: &'a Diary,
    target: usize,
}

impl Intentions for OneTarget<'_> {
    fn about_to(&self, act: &Act) -> io::Result<()> {
        self.diary.write(Written::AboutTo {
            at: Utc::now(),
            target: self.target,
            does: act.clone(),
        })
    }

    fn done(&self, act: &Act) -> io::Result<()> {
        self.diary.write(Written::Done {
            at: Utc::now(),
            target: self.target,
            does: act.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hold() -> Act {
        Act::HoldOff {
            database: "shop".to_owned(),
            identity: "7".to_owned(),
        }
    }

    fn line(written: &Written) -> String {
        serde_json::to_string(written).unwrap()
    }

    fn begun() -> Written {
        Written::Begun {
            at: Utc::now(),
            options: Options::default(),
            targets: vec!["shop".to_owned()],
            pid: 1,
        }
    }

    fn about_to() -> Written {
        Written::AboutTo {
            at: Utc::now(),
            target: 0,
            does: hold(),
        }
    }

    #[test]
    fn an_act_without_its_end_is_seen_and_belongs_to_its_target() {
        let past = read(&[line(&begun()), line(&about_to())]).unwrap();
        assert!(past.open && !past.rolled_back);
        let seen = SeenAct {
            act: hold(),
            done: false,
        };
        assert_eq!(past.acts(0), [seen]);
        assert!(past.acts(1).is_empty());
    }

    #[test]
    fn what_ended_in_order_holds_nobody_off_any_more() {
        let ended = Written::Ended {
            at: Utc::now(),
            rolled_back: false,
            kept_as: Vec::new(),
            nothing_to_do: false,
            published: Vec::new(),
            followers: Vec::new(),
        };
        let past = read(&[line(&begun()), line(&about_to()), line(&ended)]).unwrap();
        assert!(!past.open && past.acts(0).is_empty());
    }

    #[test]
    fn a_line_that_is_not_understood_is_named() {
        assert_eq!(read(&["{}".to_owned()]).unwrap_err().line, 1);
    }
}
