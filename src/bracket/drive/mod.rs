//! Doing what the state machine says, with the journal written before and after each act.

mod perform;

use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::event::{Event, Note, Stop, Terms};
use super::hands::{Hands, Notes, Watch};
use super::journal::{Detail, Journal, JournalError, Plan, Record, Setback};
use super::outcome::Outcome;
use super::reason::Reason;
use super::state::{Course, Phase, Stage, State};
use super::step::Step;
use super::transition::{next, rehearses};
use super::words;

/// What is to be done next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Todo {
    /// Nothing: the run is over.
    Nothing(Outcome),
    /// The journal was left in the middle of a step: not for this process to go on.
    Unknown(Step),
    /// Leave a step out, for this reason.
    Skip(Step, Reason),
    /// Do a step, for a target where it is done for each.
    Do(Step, Option<usize>),
}

/// What is to be done where a run stands. `None` before it is planned.
#[must_use]
pub fn todo(state: &State) -> Option<Todo> {
    match state {
        State::New => None,
        State::Ended(_, outcome) => Some(Todo::Nothing(*outcome)),
        State::Under(_, here, Phase::UnderWay) => Some(Todo::Unknown(here.step())),
        State::Under(course, here, Phase::Waiting) => Some(match left_out(course, here) {
            Some(reason) => Todo::Skip(here.step(), reason),
            None => Todo::Do(here.step(), here.target()),
        }),
    }
}

fn left_out(course: &Course, here: &Stage) -> Option<Reason> {
    let terms = &course.terms;
    match here {
        Stage::Proof(_) => terms.no_proof.clone(),
        Stage::Rehearsal(_) if !rehearses(course) => terms
            .no_rehearsal
            .clone()
            .or_else(|| Reason::new("there is no proven copy to try it on").ok()),
        Stage::Check if !terms.check => Reason::new("no --check was given").ok(),
        Stage::Preflight(_)
        | Stage::Before(_)
        | Stage::Rehearsal(_)
        | Stage::Pause(_)
        | Stage::Quiesce(_)
        | Stage::Gap(_)
        | Stage::Migration(_)
        | Stage::Check
        | Stage::After(_)
        | Stage::Unquiesce(_)
        | Stage::Compare(_)
        | Stage::Bundle
        | Stage::Rollback(_) => None,
    }
}

/// A run on its way.
pub struct Bracket<'a> {
    journal: Mutex<Journal>,
    hands: &'a dyn Hands,
    watch: &'a dyn Watch,
    unrecorded: Option<Vec<String>>,
}

/// What a step came to: the event that ends it and what goes with it.
type Ending = (Event, Detail);

impl<'a> Bracket<'a> {
    /// Records the plan: from here on the run exists.
    ///
    /// # Errors
    /// If the journal cannot be written.
    pub fn begin(
        journal: Journal,
        plan: Plan,
        terms: Terms,
        hands: &'a dyn Hands,
        watch: &'a dyn Watch,
    ) -> Result<Self, JournalError> {
        let detail = Detail {
            plan: Some(Box::new(plan)),
            ..Detail::default()
        };
        Self::with(journal, Event::Planned(terms), detail, hands, watch)
    }

    /// Goes on with a run that another process left, or that has ended: `event` says how.
    ///
    /// # Errors
    /// If the event cannot happen there, or the journal cannot be written.
    pub fn go_on(
        journal: Journal,
        event: Event,
        lines: Vec<String>,
        hands: &'a dyn Hands,
        watch: &'a dyn Watch,
    ) -> Result<Self, JournalError> {
        Self::with(journal, event, Detail::lines(lines), hands, watch)
    }

    fn with(
        journal: Journal,
        event: Event,
        detail: Detail,
        hands: &'a dyn Hands,
        watch: &'a dyn Watch,
    ) -> Result<Self, JournalError> {
        let mut bracket = Self {
            journal: Mutex::new(journal),
            hands,
            watch,
            unrecorded: None,
        };
        bracket.record(None, event, detail)?;
        Ok(bracket)
    }

    /// Goes on until the run has ended.
    ///
    /// # Errors
    /// If the journal cannot be written: before an act, the act is not begun; after it, the
    /// journal reads as if its outcome were unknown, and [`Bracket::finish`] tells it.
    pub async fn drive(&mut self) -> Result<Outcome, JournalError> {
        let mut stopped = None;
        loop {
            let state = self.state();
            match todo(&state) {
                Some(Todo::Nothing(outcome)) => return Ok(outcome),
                Some(Todo::Skip(step, reason)) => {
                    let target = turn(&state);
                    self.record(target, Event::Skipped(step), Detail::reason(reason))?;
                }
                // A rollback that was stopped half way is for `resume`, not to be tried again and
                // again.
                Some(Todo::Do(step, _)) if stopped == Some(step) => {
                    return Err(JournalError::Unfinished(step.word()));
                }
                Some(Todo::Do(step, target)) => {
                    let halted = self.act(step, target).await?;
                    stopped = halted.then_some(step);
                }
                Some(Todo::Unknown(step)) => return Err(JournalError::Unfinished(step.word())),
                None => return Err(JournalError::Unfinished("planning")),
            }
        }
    }

    /// The journal, and what a step came to, in words, if that could not be recorded.
    #[must_use]
    pub fn finish(self) -> (Journal, Option<Vec<String>>) {
        let journal = self
            .journal
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        (journal, self.unrecorded)
    }

    fn journal(&self) -> MutexGuard<'_, Journal> {
        self.journal.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn state(&self) -> State {
        self.journal().state().clone()
    }

    fn records(&self) -> Vec<Record> {
        self.journal().records().to_vec()
    }

    fn record(
        &mut self,
        target: Option<usize>,
        event: Event,
        detail: Detail,
    ) -> Result<(), JournalError> {
        let ended = matches!(event, Event::Done(_) | Event::Stopped(_));
        let told = ended.then(|| detail.lines.clone());
        let recorded = self.journal().record(target, event, detail);
        recorded.inspect_err(|_| self.unrecorded = told)?;
        let journal = self.journal();
        self.watch.recorded(journal.records(), journal.state());
        Ok(())
    }

    /// True if the step was stopped rather than done.
    async fn act(&mut self, step: Step, target: Option<usize>) -> Result<bool, JournalError> {
        let asked = self.hands.interrupted();
        if let Some(signal) = asked.filter(|_| !step.outlives_signals()) {
            let ending = Event::Stopped(Stop::Interrupted(signal));
            let detail = with_setback(words::interrupted(signal));
            return self.end(step, target, (ending, detail)).await;
        }
        if let Step::Quiesce | Step::Migration | Step::Rollback = step
            && let Err(trouble) = self.hands.still_alone().await
        {
            let detail = with_setback(trouble.setback);
            return self
                .end(step, target, (Event::Stopped(trouble.stop), detail))
                .await;
        }
        let intent = self.intent(step);
        self.record(target, Event::Begun(step), intent)?;
        let ending = match self.perform(step, target).await {
            Ok(ending) => ending,
            Err(trouble) => (Event::Stopped(trouble.stop), with_setback(trouble.setback)),
        };
        self.end(step, target, ending).await
    }

    /// Records how a step ended; copies that no later step needs are dropped first.
    async fn end(
        &mut self,
        step: Step,
        target: Option<usize>,
        (event, mut detail): Ending,
    ) -> Result<bool, JournalError> {
        let stopped = matches!(event, Event::Stopped(_));
        let after = next(&self.state(), &event).ok();
        if keeps_copies(step) && !after.as_ref().is_some_and(needs) {
            let meanwhile = matches!(after, Some(State::Under(_, Stage::Gap(_), _)));
            detail.lines.extend(self.hands.let_go(meanwhile).await);
        }
        self.record(target, event, detail)?;
        Ok(stopped)
    }

    fn intent(&self, step: Step) -> Detail {
        let command = match step {
            Step::Rehearsal => Some(self.hands.rehearsal()),
            Step::Quiesce => Some(self.hands.holding(true)),
            Step::Unquiesce => Some(self.hands.holding(false)),
            Step::Migration => Some(self.hands.migration()),
            Step::Check => Some(self.hands.checking()),
            Step::Preflight
            | Step::Before
            | Step::Proof
            | Step::Pause
            | Step::Gap
            | Step::After
            | Step::Compare
            | Step::Bundle
            | Step::Rollback => None,
        };
        Detail {
            command,
            ..Detail::default()
        }
    }
}

/// Records notes in the middle of a step.
struct Scribe<'a> {
    journal: &'a Mutex<Journal>,
    watch: &'a dyn Watch,
}

impl Notes for Scribe<'_> {
    fn note(&self, note: Note) -> io::Result<()> {
        let mut journal = self.journal.lock().unwrap_or_else(PoisonError::into_inner);
        journal
            .record(None, Event::Noted(note), Detail::default())
            .map_err(io::Error::other)?;
        self.watch.recorded(journal.records(), journal.state());
        Ok(())
    }
}

fn turn(state: &State) -> Option<usize> {
    match state {
        State::Under(_, here, _) => here.target(),
        State::New | State::Ended(..) => None,
    }
}

fn keeps_copies(step: Step) -> bool {
    matches!(step, Step::Proof | Step::Rehearsal)
}

/// Whether copies that were kept are still to be used.
fn needs(state: &State) -> bool {
    matches!(
        state,
        State::Under(_, Stage::Proof(_) | Stage::Rehearsal(_), _)
    )
}

fn with_setback(setback: Setback) -> Detail {
    Detail {
        setback: Some(setback),
        ..Detail::default()
    }
}
