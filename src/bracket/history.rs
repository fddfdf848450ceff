//! From a journal to a report. Pure.

use super::event::{Done, Event, Step, Stop, Terms};
use super::journal::{Detail, Plan, Record, Setback};
use super::state::{Outcome, Phase, State};
use super::undo;
use crate::report::run::{
    RunArchive, RunDifference, RunError, RunReport, RunStep, RunTarget, StepState, Waiver,
};

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
        Event::Begun(_) | Event::Skipped(_) | Event::Done(_) | Event::Stopped(_) => None,
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
        steps: view.steps(),
        archives: view.archives(),
        as_rehearsed: None,
        waived: terms.map_or_else(Vec::new, waived),
        differences: view.differences(),
        options: plan.map_or_else(Vec::new, |plan| plan.options.clone()),
        undo: Vec::new(),
        advice: Vec::new(),
        error: view.error(),
        report: None,
        bundle: None,
        journal: None,
    };
    report.undo = undo::commands(&report);
    report.advice = undo::advice(&report);
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
            (State::Ended(outcome), _) => outcome.word(),
            (State::New | State::Under(..), Writer::Alive) => "running",
            (State::New | State::Under(..), Writer::Gone) => "interrupted",
        }
    }

    fn exit(&self) -> u8 {
        match self.state {
            State::Ended(outcome) => self.signal().unwrap_or_else(|| outcome.exit()),
            State::New | State::Under(..) => 0,
        }
    }

    /// 128 and the signal, if that is what ended the run.
    fn signal(&self) -> Option<u8> {
        use super::event::CommandEnd::Interrupted;
        let signal = match &self.records.last()?.event {
            Event::Stopped(Stop::Interrupted(signal))
            | Event::Done(
                Done::Migration(Interrupted(signal)) | Done::Check(Interrupted(signal)),
            ) => *signal,
            Event::Planned(_)
            | Event::Begun(_)
            | Event::Skipped(_)
            | Event::Done(_)
            | Event::Stopped(_) => return None,
        };
        u8::try_from(128 + signal).ok()
    }

    fn label(&self, target: Option<usize>) -> Option<String> {
        let plan = self.plan?;
        Some(plan.targets.get(target?)?.label.clone())
    }

    fn steps(&self) -> Vec<RunStep> {
        let Some(terms) = self.terms else {
            return Vec::new();
        };
        let mut steps = Vec::new();
        for step in Step::ALL {
            if step == Step::Check && !terms.check {
                continue;
            }
            let turns = if step.each_target() { terms.targets } else { 1 };
            for turn in 0..turns {
                steps.push(self.step(step, step.each_target().then_some(turn)));
            }
        }
        steps
    }

    fn step(&self, step: Step, target: Option<usize>) -> RunStep {
        let mut shown = RunStep {
            step: step.word().to_owned(),
            target: self.label(target),
            state: StepState::Pending,
            seconds: None,
            lines: Vec::new(),
            reason: None,
            archive: None,
            verdict: None,
            differences: Vec::new(),
            exit_code: None,
            signal: None,
            log: None,
            repointed: Vec::new(),
        };
        let mut place = Place::default();
        for (at, record) in self.records.iter().enumerate() {
            if place.concerns(record, step, target) {
                self.tell(&mut shown, at, &mut place);
            }
        }
        if shown.state == StepState::Pending {
            self.not_begun(&mut shown);
        }
        shown
    }

    /// Puts into a step what one of its records says.
    fn tell(&self, shown: &mut RunStep, at: usize, place: &mut Place) {
        let record = &self.records[at];
        match &record.event {
            Event::Begun(_) => {
                place.begun = Some(record.elapsed_ms);
                shown.state = match self.writer {
                    Writer::Alive => StepState::Running,
                    Writer::Gone => StepState::Unknown,
                };
            }
            Event::Skipped(_) => shown.state = StepState::Skipped,
            Event::Done(done) => shown.state = outcome_of(*done),
            Event::Stopped(_) if place.begun.is_some() => shown.state = StepState::Failed,
            Event::Planned(_) | Event::Stopped(_) => return,
        }
        if let (Event::Done(_) | Event::Stopped(_), Some(begun)) = (&record.event, place.begun) {
            shown.seconds = Some(seconds(record.elapsed_ms.saturating_sub(begun)));
        }
        if matches!(record.event, Event::Stopped(_))
            && *self.state == State::Ended(Outcome::MigrationUnknown)
        {
            shown.state = StepState::Unknown;
        }
        add_detail(shown, &record.detail);
        place.over = !matches!(record.event, Event::Begun(_));
    }

    /// A step that has not begun in a run that is over never will.
    fn not_begun(&self, shown: &mut RunStep) {
        if let State::Ended(outcome) = self.state {
            shown.state = StepState::Skipped;
            shown.reason = Some(format!("not reached: {}", outcome.word().replace('_', " ")));
        }
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
                    bytes_stored: made.bytes_stored,
                    consistent: made.consistent,
                    proof: None,
                });
            }
            if let Some(proof) = &record.detail.proof {
                for archive in &mut archives {
                    if archive.step == Step::Before.word() && archive.target == target {
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

    fn error(&self) -> Option<RunError> {
        let setback = self
            .records
            .iter()
            .rev()
            .find_map(|record| record.detail.setback.as_ref())?;
        Some(run_error(setback))
    }
}

/// Where in a step's records the reading is.
#[derive(Default)]
struct Place {
    begun: Option<u64>,
    over: bool,
}

impl Place {
    fn concerns(&self, record: &Record, step: Step, target: Option<usize>) -> bool {
        if self.over || record.target != target {
            return false;
        }
        match &record.event {
            Event::Planned(_) => false,
            Event::Begun(of) | Event::Skipped(of) => *of == step,
            Event::Done(done) => done.step() == step,
            Event::Stopped(_) => self.begun.is_some(),
        }
    }
}

fn outcome_of(done: Done) -> StepState {
    use super::event::{CommandEnd, Proven};
    match done {
        Done::Preflight
        | Done::Before { .. }
        | Done::Proof(Proven::Identical)
        | Done::Rehearsal
        | Done::Gap
        | Done::Migration(CommandEnd::Exited(0))
        | Done::Check(CommandEnd::Exited(0))
        | Done::After
        | Done::Compare
        | Done::Bundle => StepState::Ok,
        Done::Migration(CommandEnd::Unseen) | Done::Check(CommandEnd::Unseen) => StepState::Unknown,
        Done::Proof(Proven::Different) | Done::Migration(_) | Done::Check(_) => StepState::Failed,
    }
}

fn add_detail(shown: &mut RunStep, detail: &Detail) {
    shown.lines.extend(detail.lines.iter().cloned());
    if let Some(reason) = &detail.reason {
        shown.reason = Some(reason.to_string());
    }
    if let Some(archive) = &detail.archive {
        shown.archive = Some(archive.path.clone());
    }
    if let Some(proof) = &detail.proof {
        shown.verdict = Some(proof.verdict.clone());
        shown.differences.clone_from(&proof.differences);
    }
    if let Some(command) = &detail.command {
        shown.log = Some(command.log.clone());
        shown.repointed.clone_from(&command.repointed);
    }
    shown.exit_code = shown.exit_code.or(detail.exit_code);
    shown.signal = shown.signal.or(detail.signal);
    if let (Some(setback), true) = (&detail.setback, detail.lines.is_empty()) {
        shown.lines.push(setback.message.clone());
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

/// True while nobody has said how the run's present step ended.
#[must_use]
pub fn in_a_step(state: &State) -> Option<Step> {
    match state {
        State::Under(_, here, Phase::UnderWay) => Some(here.step()),
        State::New | State::Under(_, _, Phase::Waiting) | State::Ended(_) => None,
    }
}

#[expect(clippy::cast_precision_loss, reason = "milliseconds of a run fit")]
fn seconds(milliseconds: u64) -> f64 {
    milliseconds as f64 / 1000.0
}
