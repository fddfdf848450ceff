//! One step after another: what the hands are asked for, and how it is put on record.

use super::super::event::{Answer, CommandEnd, Done, Event, Proven, Seen, Stop};
use super::super::hands::{Ended, Proved, Side, Trouble};
use super::super::journal::{ArchiveFacts, CommandFacts, Detail, RehearsalFacts, Setback};
use super::super::state::State;
use super::super::step::Step;
use super::super::transition::rehearses;
use super::super::{memory, words};
use super::{Bracket, Ending, Scribe};

impl Bracket<'_> {
    pub(super) async fn perform(
        &mut self,
        step: Step,
        target: Option<usize>,
    ) -> Result<Ending, Trouble> {
        let turn = target.unwrap_or(0);
        match step {
            Step::Preflight => {
                let lines = self.hands.preflight(turn).await?;
                Ok((Event::Done(Done::Preflight), Detail::lines(lines)))
            }
            Step::Before => self.back_up(turn, Side::Before).await,
            Step::Proof => self.prove(turn).await,
            Step::Rehearsal => self.rehearse().await,
            Step::Pause => self.ask().await,
            Step::Gap => self.look().await,
            Step::Quiesce | Step::Unquiesce | Step::Migration | Step::Check => {
                self.command(step).await
            }
            Step::After => self.back_up(turn, Side::After).await,
            Step::Compare => self.compare(turn).await,
            Step::Bundle => self.bundle().await,
            Step::Rollback => self.roll_back().await,
        }
    }

    fn scribe(&self) -> Scribe<'_> {
        Scribe {
            journal: &self.journal,
            watch: self.watch,
        }
    }

    async fn back_up(&self, target: usize, side: Side) -> Result<Ending, Trouble> {
        let made = self.hands.backup(target, side).await?;
        let mut detail = Detail::lines(words::archive_lines(&made.archive, made.nouns, made.notes));
        let done = match side {
            Side::Before => {
                if made.archive.consistent != Some(true) {
                    detail.setback = self.writes_refused(&made.archive);
                }
                Done::Before {
                    consistent: made.archive.consistent,
                }
            }
            Side::After => Done::After,
        };
        detail.archive = Some(made.archive);
        Ok((Event::Done(done), detail))
    }

    fn writes_refused(&self, archive: &ArchiveFacts) -> Option<Setback> {
        let state = self.state();
        let terms = state.terms()?;
        let matters = terms.accept_writes.is_none() && !terms.rehearse_only;
        matters.then(|| words::not_consistent(archive))
    }

    async fn prove(&self, target: usize) -> Result<Ending, Trouble> {
        let keep = match self.state() {
            State::Under(course, ..) => rehearses(&course),
            State::New | State::Ended(..) => false,
        };
        let archive = self.before(target, Step::Proof)?;
        let proved = self.hands.prove(target, &archive, keep).await?;
        let proven = proved.proven;
        Ok((
            Event::Done(Done::Proof(proven)),
            proof_detail(&archive, proved),
        ))
    }

    async fn rehearse(&self) -> Result<Ending, Trouble> {
        let befores = memory::befores(&self.records());
        let tried = self.hands.rehearse(&befores, &self.scribe()).await?;
        let mut detail = Detail::lines(tried.lines);
        detail.setback = tried.setback;
        detail.command = Some(CommandFacts {
            repointed: tried.repointed,
            ..self.hands.rehearsal()
        });
        if let CommandEnd::Exited(code) = tried.rehearsed.end {
            detail.exit_code = Some(code);
        }
        if let CommandEnd::Signalled(signal) = tried.rehearsed.end {
            detail.signal = Some(signal);
        }
        detail.rehearsal = Some(RehearsalFacts {
            differences: tried.differences,
            observed: tried.observed,
        });
        Ok((Event::Done(Done::Rehearsal(tried.rehearsed)), detail))
    }

    async fn ask(&self) -> Result<Ending, Trouble> {
        let answer = self.hands.ask().await?;
        let mut detail = Detail::default();
        match answer {
            Answer::GoOn => detail.lines.push("a person said: go on".to_owned()),
            Answer::Stop => detail.setback = Some(words::told_to_stop()),
        }
        Ok((Event::Done(Done::Pause(answer)), detail))
    }

    async fn look(&self) -> Result<Ending, Trouble> {
        let records = self.records();
        let befores = memory::befores(&records);
        let rehearsed: Vec<_> = (0..befores.len())
            .map(|target| memory::rehearsed(&records, target))
            .collect();
        let looked = self.hands.look(&befores, &rehearsed).await?;
        let mut detail = Detail::lines(looked.lines);
        detail.quiet = looked.quiet;
        detail.setback = looked.setback;
        if looked.seen == Seen::Written
            && let State::Under(course, ..) = self.state()
        {
            match (course.fresh, &course.terms.accept_writes) {
                (false, _) => detail
                    .lines
                    .push("the backup is taken and proven anew".to_owned()),
                (true, Some(_)) => detail
                    .lines
                    .push("accepted beforehand (--accept-writes)".to_owned()),
                (true, None) => detail.setback = Some(words::still_written(&detail.lines)),
            }
        }
        Ok((Event::Done(Done::Gap(looked.seen)), detail))
    }

    async fn command(&self, step: Step) -> Result<Ending, Trouble> {
        let scribe = self.scribe();
        let (ended, who, facts) = match step {
            Step::Quiesce => (
                self.hands.quiesce(&scribe).await?,
                "--quiesce",
                self.hands.holding(true),
            ),
            Step::Unquiesce => (
                self.hands.unquiesce(&scribe).await?,
                "--unquiesce",
                self.hands.holding(false),
            ),
            Step::Check => (
                self.hands.check(&scribe).await?,
                "the check",
                self.hands.checking(),
            ),
            _ => (
                self.hands.migrate(&scribe).await?,
                "the migration",
                self.hands.migration(),
            ),
        };
        let done = match step {
            Step::Quiesce => Done::Quiesce(ended.end),
            Step::Unquiesce => Done::Unquiesce(ended.end),
            Step::Check => Done::Check(ended.end),
            _ => Done::Migration(ended.end),
        };
        let mut ending = command_ended(done, ended, who, &facts);
        // Whatever the run comes to, this is what a person has to know first.
        if let (Done::Unquiesce(end), Some(setback)) = (done, &mut ending.1.setback)
            && !end.is_success()
        {
            setback.hint = Some(format!("start it again by hand: {}", facts.words.join(" ")));
        }
        Ok(ending)
    }

    async fn compare(&self, target: usize) -> Result<Ending, Trouble> {
        let records = self.records();
        let (befores, afters) = (memory::befores(&records), memory::afters(&records));
        let (Some(before), Some(after)) = (befores.get(target), afters.get(target)) else {
            return Err(defect(Step::Compare));
        };
        let rehearsed = memory::rehearsed(&records, target);
        let compared = self
            .hands
            .compare(target, (before, after), rehearsed)
            .await?;
        let mut detail = Detail::lines(compared.lines);
        if compared.matched.lost_more {
            detail.setback = Some(words::lost_more());
        }
        detail.difference = Some(compared.difference);
        detail.unlike = compared.unlike;
        Ok((Event::Done(Done::Compare(compared.matched)), detail))
    }

    async fn bundle(&self) -> Result<Ending, Trouble> {
        let bundled = match self.hands.bundle().await {
            Ok(bundled) => bundled,
            Err(trouble) => return Ok(not_bundled(trouble)),
        };
        let mut detail = Detail::lines(bundled.lines);
        detail.bundle = Some(bundled.path);
        Ok((Event::Done(Done::Bundle), detail))
    }

    async fn roll_back(&self) -> Result<Ending, Trouble> {
        let records = self.records();
        let (befores, afters) = (memory::befores(&records), memory::afters(&records));
        let done = self.hands.roll_back(&befores, &afters).await?;
        let mut detail = Detail::lines(done.lines);
        detail.kept_as = done.kept_as;
        Ok((Event::Done(Done::Rollback(done.came_to)), detail))
    }

    fn before(&self, target: usize, step: Step) -> Result<ArchiveFacts, Trouble> {
        let befores = memory::befores(&self.records());
        befores.get(target).cloned().ok_or_else(|| defect(step))
    }
}

/// The run has come to its end all the same and has no error to tell: the step tells all of it.
fn not_bundled(trouble: Trouble) -> Ending {
    let mut words = vec![trouble.setback.message.clone()];
    words.extend(trouble.setback.causes.iter().cloned());
    let mut detail = Detail::lines(vec![words.join(": ")]);
    detail.setback = Some(trouble.setback);
    (Event::Stopped(trouble.stop), detail)
}

fn defect(step: Step) -> Trouble {
    Trouble {
        stop: Stop::Failed,
        setback: words::defect(step),
    }
}

fn proof_detail(archive: &ArchiveFacts, proved: Proved) -> Detail {
    let mut detail = Detail::lines(proved.lines);
    if proved.proven == Proven::Different {
        detail.setback = Some(words::different(archive, &proved.facts));
    }
    detail.proof = Some(proved.facts);
    detail.copy = proved.copy;
    detail
}

fn command_ended(done: Done, ended: Ended, who: &str, command: &CommandFacts) -> Ending {
    let mut detail = Detail::default();
    if !ended.end.is_success() {
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
