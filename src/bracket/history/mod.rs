//! From a journal to a report. Pure.

mod others;
mod steps;

use super::event::{Done, Event, PutBack, Stop, Terms};
use super::journal::{Plan, Record, Setback};
use super::outcome::Outcome;
use super::state::{Phase, Stage, State};
use super::step::Step;
use super::{memory, undo};
use crate::report::run::{
    RunArchive, RunDifference, RunError, RunRehearsal, RunReport, RunTarget, Waiver,
};
use crate::snapshot::glob_matches;

/// Whether the process that writes the journal is still there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writer {
    /// It is, or the run is this process's own.
    Alive,
    /// It is gone.
    Gone,
}

/// The report of a run, from its journal alone.
#[must_use]
pub fn report(run: &str, records: &[Record], state: &State, writer: Writer) -> RunReport {
    let plan = records.first().and_then(|r| r.detail.plan.as_deref());
    let terms = records.first().and_then(|record| match &record.event {
        Event::Planned(terms) => Some(terms),
        Event::Begun(_)
        | Event::Skipped(_)
        | Event::Noted(_)
        | Event::Done(_)
        | Event::Stopped(_)
        | Event::Resumed
        | Event::Aborted
        | Event::RollbackAsked => None,
    });
    let view = View {
        records,
        state,
        writer,
        plan,
        terms,
    };
    let mut report = RunReport {
        run: run.to_owned(),
        state: view.word().to_owned(),
        exit: view.exit(),
        began: records.first().map(|record| record.at),
        seconds: records
            .last()
            .map_or(0.0, |record| seconds(record.elapsed_ms)),
        targets: plan.map_or_else(Vec::new, targets),
        command: plan.map_or_else(Vec::new, |plan| plan.command.clone()),
        steps: steps::steps(&view),
        archives: view.archives(),
        as_rehearsed: view.as_rehearsed(),
        unlike_rehearsal: view.unlike_rehearsal(),
        waived: terms.map_or_else(Vec::new, waived),
        differences: view.differences(),
        rehearsals: view.rehearsals(),
        quiet: view.quiet(),
        options: plan.map_or_else(Vec::new, |plan| plan.options.clone()),
        undo: Vec::new(),
        advice: Vec::new(),
        error: view.error(),
        report: None,
        bundle: records.iter().find_map(|r| r.detail.bundle.clone()),
        journal: None,
    };
    report.undo = undo::commands(&report);
    report.advice = undo::advice(&report, &view.kept());
    report
}

struct View<'a> {
    records: &'a [Record],
    state: &'a State,
    writer: Writer,
    plan: Option<&'a Plan>,
    terms: Option<&'a Terms>,
}

impl View<'_> {
    fn word(&self) -> &'static str {
        match (self.state, self.writer) {
            (State::Ended(_, outcome), _) => outcome.word(),
            (State::New | State::Under(..), Writer::Alive) => "running",
            (State::New | State::Under(..), Writer::Gone) => "interrupted",
        }
    }

    fn exit(&self) -> u8 {
        match self.state {
            State::Ended(_, outcome) => match self.signal().unwrap_or_else(|| outcome.exit()) {
                // What was stopped may still be stopped: no reason to look away.
                0 if self.still_held() => 1,
                exit => exit,
            },
            State::New | State::Under(..) => 0,
        }
    }

    /// 128 and the signal, if that is what ended the run. What an earlier process was sent
    /// does not count.
    fn signal(&self) -> Option<u8> {
        let own = self.records.iter().rposition(|record| {
            matches!(
                record.event,
                Event::Resumed | Event::Aborted | Event::RollbackAsked
            )
        });
        // How an attempt to roll it back ended is not how the run did.
        if own.is_some_and(|at| self.records[at].event == Event::RollbackAsked) {
            return None;
        }
        let last =
            self.records[own.unwrap_or(0)..]
                .iter()
                .rev()
                .find_map(|record| match &record.event {
                    Event::Stopped(Stop::Interrupted(signal)) => Some(*signal),
                    Event::Done(done) => done.interrupted(),
                    Event::Planned(_)
                    | Event::Begun(_)
                    | Event::Skipped(_)
                    | Event::Noted(_)
                    | Event::Stopped(_)
                    | Event::Resumed
                    | Event::Aborted
                    | Event::RollbackAsked => None,
                })?;
        u8::try_from(128 + last).ok()
    }

    /// Whether the command that was to start again what had been stopped did not do so.
    fn still_held(&self) -> bool {
        self.records.iter().any(|record| {
            matches!(&record.event, Event::Done(Done::Unquiesce(end)) if !end.is_success())
        })
    }

    fn label(&self, target: Option<usize>) -> Option<String> {
        let plan = self.plan?;
        Some(plan.targets.get(target?)?.label.clone())
    }

    fn archives(&self) -> Vec<RunArchive> {
        let mut archives: Vec<RunArchive> = Vec::new();
        for record in self.records {
            let target = self.label(record.target);
            if let (Some(made), Event::Done(done)) = (&record.detail.archive, &record.event) {
                archives.push(RunArchive {
                    target: target.clone(),
                    step: done.step().word().to_owned(),
                    id: made.id.clone(),
                    path: made.path.clone(),
                    rows: made.rows,
                    bytes_raw: made.bytes_raw,
                    bytes_stored: made.bytes_stored,
                    consistent: made.consistent,
                    proof: None,
                });
            }
            if let Some(proof) = &record.detail.proof {
                for archive in &mut archives {
                    if archive.step == Step::Before.word()
                        && archive.target == target
                        && archive.proof.is_none()
                    {
                        archive.proof = Some(proof.verdict.clone());
                    }
                }
            }
        }
        archives
    }

    fn differences(&self) -> Vec<RunDifference> {
        self.records
            .iter()
            .filter_map(|record| {
                Some(RunDifference {
                    target: self.label(record.target),
                    difference: record.detail.difference.clone()?,
                })
            })
            .collect()
    }

    /// What the rehearsal showed on the copies.
    fn rehearsals(&self) -> Vec<RunRehearsal> {
        let targets = self.terms.map_or(0, |terms| terms.targets);
        let patterns = self.plan.map_or(&[][..], |plan| &plan.allow_loss);
        let allowed = |object: &str| {
            let pattern = patterns.iter().find(|one| glob_matches(one, object));
            pattern.cloned()
        };
        let each = (0..targets).filter_map(|target| {
            let difference = memory::rehearsed(self.records, target).cloned();
            let observed = memory::observed(self.records, target);
            if difference.is_none() && observed.is_none() {
                return None;
            }
            let label = self.label(Some(target));
            let mut told = RunRehearsal::of(label, difference, observed, allowed);
            let copy = self.records.iter().rev().find(|record| {
                let proven = matches!(record.event, Event::Done(Done::Proof(_)));
                proven && record.target == Some(target)
            });
            told.copy = copy.and_then(|record| Some(record.detail.copy.as_ref()?.name.clone()));
            told.kept = self.plan.is_some_and(|plan| plan.keep_copies);
            Some(told)
        });
        each.collect()
    }

    /// As rehearsed if every target came out so.
    fn as_rehearsed(&self) -> Option<bool> {
        let mut found = None;
        for record in self.records {
            if let Event::Done(Done::Compare(matched)) = &record.event {
                found = match (found, matched.as_rehearsed) {
                    (Some(false), _) | (_, Some(false)) => Some(false),
                    (None | Some(true), other) => other,
                };
            }
        }
        found
    }

    /// In words: the names under which failed databases are kept.
    fn kept(&self) -> Vec<String> {
        let rolled =
            self.records.iter().rev().find(|record| {
                matches!(record.event, Event::Done(Done::Rollback(PutBack::Swapped)))
            });
        let kept_as = rolled.map_or(&[][..], |record| &record.detail.kept_as);
        let each = kept_as.iter().enumerate();
        each.filter_map(|(target, kept)| {
            let (label, kept) = (self.label(Some(target))?, kept.as_ref()?);
            Some(format!("{label}: what failed is kept as {kept}"))
        })
        .collect()
    }

    /// That more was lost than in the rehearsal; else the last thing that went wrong; that
    /// something stays stopped only where nothing else did.
    fn error(&self) -> Option<RunError> {
        if let State::Ended(_, Outcome::RolledBack) = self.state {
            return None;
        }
        // How an attempt to roll it back ended is not how the run did.
        let asked = self
            .records
            .iter()
            .position(|r| r.event == Event::RollbackAsked);
        let own = asked
            .filter(|_| !half_way(self.state))
            .unwrap_or(self.records.len());
        let with_setback = || {
            self.records[..own]
                .iter()
                .rev()
                .filter(|r| r.detail.setback.is_some())
        };
        let held = |record: &&Record| matches!(record.event, Event::Done(Done::Unquiesce(_)));
        let lost = |record: &&Record| matches!(record.event, Event::Done(Done::Compare(_)));
        let record = with_setback()
            .find(lost)
            .or_else(|| with_setback().find(|record| !held(record)))
            .or_else(|| with_setback().next())?;
        let mut error = record.detail.setback.as_ref().map(run_error)?;
        if error.hint.is_none() && error.code.starts_with("command-") {
            error.hint = self.log().map(|log| format!("what it said is in {log}"));
        }
        Some(error)
    }

    /// Where the output of the last command lies.
    fn log(&self) -> Option<&str> {
        let told = self.records.iter().rev();
        told.filter_map(|record| record.detail.command.as_ref())
            .map(|command| command.log.as_str())
            .next()
    }
}

fn targets(plan: &Plan) -> Vec<RunTarget> {
    plan.targets
        .iter()
        .map(|target| RunTarget {
            target: target.label.clone(),
            engine: target.engine.clone(),
            database: target.database.clone(),
            url: target.url.clone(),
            origin: target.origin.clone(),
        })
        .collect()
}

fn waived(terms: &Terms) -> Vec<Waiver> {
    [
        ("--no-proof", &terms.no_proof),
        ("--no-rehearsal", &terms.no_rehearsal),
        ("--accept-writes", &terms.accept_writes),
    ]
    .into_iter()
    .filter_map(|(flag, reason)| {
        Some(Waiver {
            flag: flag.to_owned(),
            reason: reason.as_ref()?.to_string(),
        })
    })
    .collect()
}

fn run_error(setback: &Setback) -> RunError {
    RunError {
        code: setback.code.clone(),
        message: setback.message.clone(),
        causes: setback.causes.clone(),
        hint: setback.hint.clone(),
    }
}

/// True while a rollback has not come to its end.
fn half_way(state: &State) -> bool {
    matches!(state, State::Under(_, Stage::Rollback(_), _))
}

/// True while nobody has said how the run's present step ended.
#[must_use]
pub fn in_a_step(state: &State) -> Option<Step> {
    match state {
        State::Under(_, here, Phase::UnderWay) => Some(here.step()),
        State::New | State::Under(_, _, Phase::Waiting) | State::Ended(..) => None,
    }
}

#[expect(clippy::cast_precision_loss, reason = "milliseconds of a run fit")]
fn seconds(milliseconds: u64) -> f64 {
    milliseconds as f64 / 1000.0
}
