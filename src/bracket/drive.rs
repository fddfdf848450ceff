//! Doing what the state machine says, with the journal written before and after each act.

use super::event::{CommandEnd, Done, Event, Proven, Reason, Step, Stop, Terms};
use super::hands::{Ended, Hands, Side, Trouble, Watch};
use super::journal::{ArchiveFacts, CommandFacts, Detail, Journal, JournalError, Plan, Setback};
use super::state::{Outcome, Phase, Stage, State};
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
        State::Ended(outcome) => Some(Todo::Nothing(*outcome)),
        State::Under(_, here, Phase::UnderWay) => Some(Todo::Unknown(here.step())),
        State::Under(terms, here, Phase::Waiting) => Some(match left_out(terms, here) {
            Some(reason) => Todo::Skip(here.step(), reason),
            None => Todo::Do(here.step(), here.target()),
        }),
    }
}

fn left_out(terms: &Terms, here: &Stage) -> Option<Reason> {
    match here {
        Stage::Proof(_) => terms.no_proof.clone(),
        Stage::Rehearsal(_) => terms.no_rehearsal.clone().or_else(not_there_yet),
        Stage::Gap(_) | Stage::Bundle => not_there_yet(),
        Stage::Check if !terms.check => Reason::new("no --check was given").ok(),
        Stage::Preflight(_)
        | Stage::Before(_)
        | Stage::Migration(_)
        | Stage::Check
        | Stage::After(_)
        | Stage::Compare(_) => None,
    }
}

fn not_there_yet() -> Option<Reason> {
    Reason::new("not there yet").ok()
}

/// A run on its way.
pub struct Bracket<'a> {
    journal: Journal,
    hands: &'a dyn Hands,
    watch: &'a dyn Watch,
    before: Vec<ArchiveFacts>,
    after: Vec<ArchiveFacts>,
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
        mut journal: Journal,
        plan: Plan,
        terms: Terms,
        hands: &'a dyn Hands,
        watch: &'a dyn Watch,
    ) -> Result<Self, JournalError> {
        let detail = Detail {
            plan: Some(Box::new(plan)),
            ..Detail::default()
        };
        journal.record(None, Event::Planned(terms), detail)?;
        watch.recorded(journal.records(), journal.state());
        Ok(Self {
            journal,
            hands,
            watch,
            before: Vec::new(),
            after: Vec::new(),
            unrecorded: None,
        })
    }

    /// Goes on until the run has ended.
    ///
    /// # Errors
    /// If the journal cannot be written: before an act, the act is not begun; after it, the
    /// journal reads as if its outcome were unknown, and [`Bracket::unrecorded`] tells it.
    pub async fn drive(&mut self) -> Result<Outcome, JournalError> {
        loop {
            match todo(self.journal.state()) {
                Some(Todo::Nothing(outcome)) => return Ok(outcome),
                Some(Todo::Skip(step, reason)) => {
                    let target = self.turn();
                    self.record(target, Event::Skipped(step), Detail::reason(reason))?;
                }
                Some(Todo::Do(step, target)) => self.act(step, target).await?,
                Some(Todo::Unknown(step)) => return Err(JournalError::Unfinished(step.word())),
                None => return Err(JournalError::Unfinished("planning")),
            }
        }
    }

    /// The journal, for the report.
    #[must_use]
    pub fn journal(&self) -> &Journal {
        &self.journal
    }

    /// What a step came to, in words, if that could not be recorded.
    #[must_use]
    pub fn unrecorded(&self) -> Option<&[String]> {
        self.unrecorded.as_deref()
    }

    fn turn(&self) -> Option<usize> {
        match self.journal.state() {
            State::Under(_, here, _) => here.target(),
            State::New | State::Ended(_) => None,
        }
    }

    fn record(
        &mut self,
        target: Option<usize>,
        event: Event,
        detail: Detail,
    ) -> Result<(), JournalError> {
        let ended = matches!(event, Event::Done(_) | Event::Stopped(_));
        let told = ended.then(|| detail.lines.clone());
        self.journal
            .record(target, event, detail)
            .inspect_err(|_| self.unrecorded = told)?;
        self.watch
            .recorded(self.journal.records(), self.journal.state());
        Ok(())
    }

    async fn act(&mut self, step: Step, target: Option<usize>) -> Result<(), JournalError> {
        if let Some(signal) = self.hands.interrupted() {
            let ending = Event::Stopped(Stop::Interrupted(signal));
            let detail = with_setback(words::interrupted(signal));
            return self.record(target, ending, detail);
        }
        self.record(target, Event::Begun(step), self.intent(step))?;
        let (event, detail) = match self.perform(step, target.unwrap_or(0)).await {
            Ok(ending) => ending,
            Err(trouble) => (Event::Stopped(trouble.stop), with_setback(trouble.setback)),
        };
        self.record(target, event, detail)
    }

    fn intent(&self, step: Step) -> Detail {
        let command = match step {
            Step::Migration => Some(self.hands.migration()),
            Step::Check => Some(self.hands.checking()),
            Step::Preflight
            | Step::Before
            | Step::Proof
            | Step::Rehearsal
            | Step::Gap
            | Step::After
            | Step::Compare
            | Step::Bundle => None,
        };
        Detail {
            command,
            ..Detail::default()
        }
    }

    async fn perform(&mut self, step: Step, target: usize) -> Result<Ending, Trouble> {
        match step {
            Step::Preflight => {
                let lines = self.hands.preflight(target).await?;
                Ok((Event::Done(Done::Preflight), Detail::lines(lines)))
            }
            Step::Before => self.back_up(target, Side::Before).await,
            Step::Proof => self.prove(target).await,
            Step::Migration => {
                let ended = self.hands.migrate().await?;
                Ok(command_ended(
                    Done::Migration(ended.end),
                    ended,
                    "the migration",
                    &self.hands.migration(),
                ))
            }
            Step::Check => {
                let ended = self.hands.check().await?;
                Ok(command_ended(
                    Done::Check(ended.end),
                    ended,
                    "the check",
                    &self.hands.checking(),
                ))
            }
            Step::After => self.back_up(target, Side::After).await,
            Step::Compare => self.compare(target).await,
            Step::Rehearsal | Step::Gap | Step::Bundle => Err(Trouble {
                stop: Stop::Failed,
                setback: words::defect(step),
            }),
        }
    }

    async fn back_up(&mut self, target: usize, side: Side) -> Result<Ending, Trouble> {
        let made = self.hands.backup(target, side).await?;
        let mut detail = Detail::lines(words::archive_lines(&made.archive, made.nouns, made.notes));
        let done = match side {
            Side::Before => {
                if made.archive.consistent != Some(true) {
                    detail.setback = self.writes_refused(&made.archive);
                }
                self.before.push(made.archive.clone());
                Done::Before {
                    consistent: made.archive.consistent,
                }
            }
            Side::After => {
                self.after.push(made.archive.clone());
                Done::After
            }
        };
        detail.archive = Some(made.archive);
        Ok((Event::Done(done), detail))
    }

    fn writes_refused(&self, archive: &ArchiveFacts) -> Option<Setback> {
        match self.journal.state() {
            State::Under(terms, _, _) if terms.accept_writes.is_none() => {
                Some(words::not_consistent(archive))
            }
            State::New | State::Under(..) | State::Ended(_) => None,
        }
    }

    async fn prove(&mut self, target: usize) -> Result<Ending, Trouble> {
        let archive = archive_of(&self.before, target)?;
        let proved = self.hands.prove(target, archive).await?;
        let mut detail = Detail::lines(proved.lines);
        if proved.proven == Proven::Different {
            detail.setback = Some(words::different(archive, &proved.facts));
        }
        detail.proof = Some(proved.facts);
        Ok((Event::Done(Done::Proof(proved.proven)), detail))
    }

    async fn compare(&mut self, target: usize) -> Result<Ending, Trouble> {
        let before = archive_of(&self.before, target)?;
        let after = archive_of(&self.after, target)?;
        let compared = self.hands.compare(target, before, after).await?;
        let mut detail = Detail::lines(compared.lines);
        detail.difference = Some(compared.difference);
        Ok((Event::Done(Done::Compare), detail))
    }
}

fn archive_of(archives: &[ArchiveFacts], target: usize) -> Result<&ArchiveFacts, Trouble> {
    archives.get(target).ok_or_else(|| Trouble {
        stop: Stop::Failed,
        setback: words::defect(Step::Proof),
    })
}

fn with_setback(setback: Setback) -> Detail {
    Detail {
        setback: Some(setback),
        ..Detail::default()
    }
}

fn command_ended(done: Done, ended: Ended, who: &str, command: &CommandFacts) -> Ending {
    let mut detail = Detail::default();
    if ended.end != CommandEnd::Exited(0) {
        detail.setback = Some(words::command_failed(who, ended.end, &ended.notes));
    }
    detail.lines = words::end_lines(ended.end, ended.notes, &command.repointed);
    match ended.end {
        CommandEnd::Exited(code) => detail.exit_code = Some(code),
        CommandEnd::Signalled(signal) => detail.signal = Some(signal),
        CommandEnd::NotStarted
        | CommandEnd::TimedOut
        | CommandEnd::Interrupted(_)
        | CommandEnd::Unseen => {}
    }
    (Event::Done(done), detail)
}
