//! What holds of every path through the state machine.

use proptest::collection::vec;
use proptest::prelude::*;

use super::drive::{Todo, todo};
use super::event::{
    Answer, CommandEnd, Done, Event, Matched, Note, Proven, PutBack, Rehearsed, Seen, Stop, Terms,
};
use super::outcome::Outcome;
use super::reason::Reason;
use super::state::{Phase, Stage, State};
use super::step::Step;
use super::transition::next;

fn terms() -> impl Strategy<Value = Terms> {
    let reason = || proptest::option::of(Just(Reason::new("because").unwrap()));
    let flags = (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>());
    (1usize..4, reason(), reason(), reason(), flags, any::<u8>()).prop_map(
        |(targets, no_proof, no_rehearsal, accept_writes, flags, seed)| {
            let (check, pause, quiesce, rollback) = flags;
            let waived = no_proof.is_some() || no_rehearsal.is_some();
            Terms {
                targets,
                no_proof,
                no_rehearsal,
                accept_writes,
                check,
                pause,
                quiesce,
                unquiesce: quiesce,
                rollback,
                rehearse_only: !waived && seed < 32,
            }
        },
    )
}

fn command_end() -> impl Strategy<Value = CommandEnd> {
    prop_oneof![
        4 => Just(CommandEnd::Exited(0)),
        1 => Just(CommandEnd::Exited(3)),
        1 => Just(CommandEnd::NotStarted),
        1 => Just(CommandEnd::Signalled(9)),
        1 => Just(CommandEnd::TimedOut),
        1 => Just(CommandEnd::Interrupted(2)),
        1 => Just(CommandEnd::Unseen),
    ]
}

fn proven() -> impl Strategy<Value = Proven> {
    prop_oneof![4 => Just(Proven::Identical), 1 => Just(Proven::Different)]
}

fn step() -> impl Strategy<Value = Step> {
    proptest::sample::select(Step::ALL.to_vec())
}

fn stop() -> impl Strategy<Value = Stop> {
    proptest::sample::select(vec![
        Stop::Refused,
        Stop::NotRestorable,
        Stop::Failed,
        Stop::Interrupted(2),
        Stop::Interrupted(15),
    ])
}

fn rehearsed() -> impl Strategy<Value = Rehearsed> {
    let odd = || prop_oneof![7 => Just(false), 1 => Just(true)];
    (
        command_end(),
        proptest::option::of(command_end()),
        odd(),
        odd(),
    )
        .prop_map(|(end, check, astray, losses_refused)| Rehearsed {
            end,
            check,
            astray,
            losses_refused,
        })
}

fn seen() -> impl Strategy<Value = Seen> {
    prop_oneof![
        4 => Just(Seen::Quiet),
        4 => Just(Seen::Written),
        1 => Just(Seen::Repeated),
    ]
}

fn done() -> impl Strategy<Value = Done> {
    prop_oneof![
        Just(Done::Preflight),
        proptest::option::of(any::<bool>()).prop_map(|consistent| Done::Before { consistent }),
        proven().prop_map(Done::Proof),
        rehearsed().prop_map(Done::Rehearsal),
        prop_oneof![3 => Just(Answer::GoOn), 1 => Just(Answer::Stop)].prop_map(Done::Pause),
        command_end().prop_map(Done::Quiesce),
        seen().prop_map(Done::Gap),
        command_end().prop_map(Done::Migration),
        command_end().prop_map(Done::Check),
        Just(Done::After),
        command_end().prop_map(Done::Unquiesce),
        any::<bool>().prop_map(|lost_more| Done::Compare(Matched {
            as_rehearsed: Some(!lost_more),
            lost_more,
        })),
        Just(Done::Bundle),
        prop_oneof![Just(PutBack::Swapped), Just(PutBack::Beside)].prop_map(Done::Rollback),
    ]
}

fn note() -> impl Strategy<Value = Note> {
    Just(Note::Started {
        pid: 7,
        since: None,
    })
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        1 => terms().prop_map(Event::Planned),
        6 => step().prop_map(Event::Begun),
        3 => step().prop_map(Event::Skipped),
        1 => note().prop_map(Event::Noted),
        9 => done().prop_map(Event::Done),
        1 => stop().prop_map(Event::Stopped),
        1 => Just(Event::Resumed),
        1 => Just(Event::Aborted),
        1 => Just(Event::RollbackAsked),
    ]
}

/// An event that often fits where the run stands, so that walks get far.
fn fitting(state: &State, wild: &Event, seed: u8) -> Event {
    match (state, seed) {
        (State::New | State::Ended(..), _) | (_, 0..40) => wild.clone(),
        (State::Under(_, here, Phase::Waiting), 40..80) => Event::Skipped(here.step()),
        (State::Under(_, here, Phase::Waiting), _) => Event::Begun(here.step()),
        (State::Under(_, here, Phase::UnderWay), _) => match wild {
            Event::Done(done) if done.step() == here.step() => wild.clone(),
            _ => Event::Done(good(here.step())),
        },
    }
}

fn good(step: Step) -> Done {
    let well = CommandEnd::Exited(0);
    match step {
        Step::Preflight => Done::Preflight,
        Step::Before => Done::Before {
            consistent: Some(true),
        },
        Step::Proof => Done::Proof(Proven::Identical),
        Step::Rehearsal => Done::Rehearsal(Rehearsed {
            end: well,
            check: None,
            astray: false,
            losses_refused: false,
        }),
        Step::Pause => Done::Pause(Answer::GoOn),
        Step::Quiesce => Done::Quiesce(well),
        Step::Gap => Done::Gap(Seen::Quiet),
        Step::Migration => Done::Migration(well),
        Step::Check => Done::Check(well),
        Step::After => Done::After,
        Step::Unquiesce => Done::Unquiesce(well),
        Step::Compare => Done::Compare(Matched::default()),
        Step::Bundle => Done::Bundle,
        Step::Rollback => Done::Rollback(PutBack::Swapped),
    }
}

/// The events of a walk that could happen, with the state after each.
fn walk(terms: Terms, tries: &[(Event, u8)]) -> Vec<(Event, State)> {
    let planned = Event::Planned(terms);
    let mut state = next(&State::New, &planned).unwrap();
    let mut taken = vec![(planned, state.clone())];
    for (wild, seed) in tries {
        let event = fitting(&state, wild, *seed);
        if let Ok(reached) = next(&state, &event) {
            state = reached.clone();
            taken.push((event, reached));
        }
    }
    taken
}

fn at_the_migration(state: &State) -> bool {
    matches!(state, State::Under(_, Stage::Migration(_), _))
}

/// Where the last round of before-backups begins: what comes before it proves nothing of them.
fn last_round(path: &[(Event, State)]) -> usize {
    path.iter()
        .rposition(|(_, state)| matches!(state, State::Under(_, Stage::Before(0), Phase::Waiting)))
        .unwrap_or(0)
}

/// The proofs since somebody last had to begin with them.
fn last_proofs(path: &[(Event, State)]) -> usize {
    path.iter()
        .rposition(|(_, state)| {
            matches!(state, State::Under(_, Stage::Proof(none), Phase::Waiting) if none.is_empty())
        })
        .map_or(0, |at| at + 1)
}

fn count(path: &[(Event, State)], wanted: impl Fn(&Event) -> bool) -> usize {
    path.iter().filter(|(event, _)| wanted(event)).count()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn no_path_reaches_the_migration_without_proofs_or_a_recorded_reason(
        terms in terms(),
        tries in vec((event(), any::<u8>()), 0..90),
    ) {
        let taken = walk(terms.clone(), &tries);
        if let Some(at) = taken.iter().position(|(_, state)| at_the_migration(state)) {
            let path = &taken[..=at];
            let round = &path[last_round(path)..];
            let identical = |event: &Event| *event == Event::Done(Done::Proof(Proven::Identical));
            let waived = count(round, |event| *event == Event::Skipped(Step::Proof));
            prop_assert!(waived == 0 || terms.no_proof.is_some());
            let backups = count(round, |event| {
                matches!(event, Event::Done(Done::Before { .. }))
            });
            prop_assert_eq!(backups, terms.targets);
            // Each proof is of an archive of this round, and there is one for each target.
            let proofs = &path[last_proofs(path)..];
            let since = count(proofs, identical)
                + count(proofs, |event| *event == Event::Skipped(Step::Proof));
            prop_assert_eq!(since, terms.targets);
            prop_assert!(last_proofs(path) >= last_round(path));
        }
    }

    #[test]
    fn no_path_reaches_the_migration_without_a_good_rehearsal_or_a_recorded_reason(
        terms in terms(),
        tries in vec((event(), any::<u8>()), 0..90),
    ) {
        let taken = walk(terms.clone(), &tries);
        if let Some(at) = taken.iter().position(|(_, state)| at_the_migration(state)) {
            let rehearsed = count(&taken[..at], |event| *event == Event::Done(good(Step::Rehearsal))
                || matches!(event, Event::Done(Done::Rehearsal(r))
                    if r.end == CommandEnd::Exited(0) && r.check.is_none_or(CommandEnd::is_success)
                        && !r.astray && !r.losses_refused));
            let waived = terms.no_rehearsal.is_some() || terms.no_proof.is_some();
            prop_assert!(rehearsed >= 1 || waived);
            prop_assert!(!terms.rehearse_only);
        }
    }

    #[test]
    fn writes_of_others_never_reach_the_migration_unaccepted(
        terms in terms(),
        tries in vec((event(), any::<u8>()), 0..90),
    ) {
        let taken = walk(terms.clone(), &tries);
        if let Some(at) = taken.iter().position(|(_, state)| at_the_migration(state)) {
            let last = taken[..=at].iter().rev().find_map(|(event, _)| match event {
                Event::Done(Done::Gap(seen)) => Some(*seen),
                _ => None,
            });
            prop_assert!(last.is_some());
            prop_assert!(last == Some(Seen::Quiet) || terms.accept_writes.is_some());
            prop_assert!(last != Some(Seen::Repeated));
            let path = &taken[last_round(&taken[..=at])..at];
            let fuzzy = count(path, |event| matches!(
                event,
                Event::Done(Done::Before { consistent: None | Some(false) })
            ));
            prop_assert!(fuzzy == 0 || terms.accept_writes.is_some());
        }
    }

    #[test]
    fn a_gap_is_looked_at_right_before_every_migration(
        terms in terms(),
        tries in vec((event(), any::<u8>()), 0..90),
    ) {
        let taken = walk(terms, &tries);
        if let Some(begun) = taken
            .iter()
            .position(|(event, _)| *event == Event::Begun(Step::Migration))
        {
            // Nobody took the run over between the look and the beginning.
            prop_assert!(matches!(taken[begun - 1].0, Event::Done(Done::Gap(_))));
        }
    }

    #[test]
    fn the_command_begins_at_most_once_and_an_untouched_outcome_means_it_never_did(
        terms in terms(),
        tries in vec((event(), any::<u8>()), 0..90),
    ) {
        let taken = walk(terms, &tries);
        let begun = count(&taken, |event| *event == Event::Begun(Step::Migration));
        prop_assert!(begun <= 1);
        let never_ran = count(&taken, |event| {
            *event == Event::Done(Done::Migration(CommandEnd::NotStarted))
        }) > 0;
        if let Some((_, State::Ended(_, outcome))) = taken.last()
            && !matches!(outcome, Outcome::RolledBack | Outcome::FailedAndRolledBack)
        {
            prop_assert_eq!(outcome.touched(), begun == 1 && !never_ran);
        }
    }

    #[test]
    fn a_migration_whose_end_was_not_seen_is_never_called_a_success(
        terms in terms(),
        tries in vec((event(), any::<u8>()), 0..90),
    ) {
        let taken = walk(terms, &tries);
        let succeeded = count(&taken, |event| {
            *event == Event::Done(Done::Migration(CommandEnd::Exited(0)))
        }) > 0;
        let completed = [
            Outcome::Completed,
            Outcome::CompletedWithLoss,
            Outcome::CompletedWithoutAfter,
        ];
        if let Some((_, State::Ended(_, outcome))) = taken.last()
            && completed.contains(outcome)
        {
            prop_assert!(succeeded);
        }
    }

    #[test]
    fn what_was_stopped_is_started_again_before_any_end(
        terms in terms(),
        tries in vec((event(), any::<u8>()), 0..90),
    ) {
        let taken = walk(terms, &tries);
        let at = |wanted: &Event| taken.iter().rposition(|(event, _)| event == wanted);
        if let Some((_, State::Ended(course, _))) = taken.last()
            && let Some(quiesced) = at(&Event::Begun(Step::Quiesce))
        {
            prop_assert!(at(&Event::Begun(Step::Unquiesce)).is_some_and(|on| on > quiesced));
            prop_assert!(!course.quiesced);
        }
    }

    #[test]
    fn nothing_but_a_rollback_happens_after_the_end(
        terms in terms(),
        tries in vec((event(), any::<u8>()), 0..90),
        late in event(),
    ) {
        let taken = walk(terms, &tries);
        if let Some((_, ended @ State::Ended(_, outcome))) = taken.last() {
            let allowed = late == Event::RollbackAsked && outcome.touched();
            prop_assert_eq!(next(ended, &late).is_ok(), allowed);
        }
    }

    #[test]
    fn only_a_run_that_may_have_changed_its_targets_is_rolled_back(
        terms in terms(),
        tries in vec((event(), any::<u8>()), 0..120),
    ) {
        let taken = walk(terms.clone(), &tries);
        if let Some(rollback) = taken
            .iter()
            .position(|(event, _)| *event == Event::Begun(Step::Rollback))
        {
            let begun = count(&taken[..rollback], |event| *event == Event::Begun(Step::Migration));
            let asked = count(&taken[..rollback], |event| *event == Event::RollbackAsked);
            prop_assert_eq!(begun, 1);
            prop_assert!(asked > 0 || terms.rollback);
        }
    }

    #[test]
    fn doing_what_is_to_be_done_always_comes_to_an_end(
        terms in terms(),
        endings in vec(done(), 120),
    ) {
        let mut state = next(&State::New, &Event::Planned(terms)).unwrap();
        for wild in endings {
            state = match todo(&state).unwrap() {
                Todo::Nothing(_) => return Ok(()),
                Todo::Skip(step, _) => next(&state, &Event::Skipped(step)).unwrap(),
                Todo::Do(step, _) => next(&state, &Event::Begun(step)).unwrap(),
                Todo::Unknown(step) => {
                    let ending = if wild.step() == step { wild } else { good(step) };
                    next(&state, &Event::Done(ending)).unwrap()
                }
            };
        }
        prop_assert!(matches!(state, State::Ended(..)), "{state:?}");
    }

    /// By `resume` and `abort`, and by `rollback` once the migration had begun.
    #[test]
    fn every_state_has_a_way_out(
        terms in terms(),
        tries in vec((event(), any::<u8>()), 0..90),
        signal in proptest::sample::select(vec![2, 15]),
    ) {
        for (_, state) in walk(terms, &tries) {
            let State::Under(_, here, _) = &state else { continue };
            prop_assert!(next(&state, &Event::Stopped(Stop::Interrupted(signal))).is_ok());
            prop_assert!(next(&state, &Event::Stopped(Stop::Failed)).is_ok());
            let half_way = next(&state, &Event::Stopped(Stop::HalfWay)).is_ok();
            prop_assert_eq!(half_way, matches!(here, Stage::Rollback(_)));
            let resumed = next(&state, &Event::Resumed).unwrap();
            let aborted = next(&state, &Event::Aborted).unwrap();
            let rolled = next(&state, &Event::RollbackAsked).ok();
            for mut way in [Some(resumed), Some(aborted), rolled].into_iter().flatten() {
                for _ in 0..120 {
                    way = match todo(&way).unwrap() {
                        Todo::Nothing(_) => break,
                        Todo::Skip(step, _) => next(&way, &Event::Skipped(step)).unwrap(),
                        Todo::Do(step, _) => next(&way, &Event::Begun(step)).unwrap(),
                        Todo::Unknown(step) => next(&way, &Event::Done(good(step))).unwrap(),
                    };
                }
                prop_assert!(matches!(way, State::Ended(..)), "{way:?}");
            }
        }
    }
}

#[test]
fn a_blank_reason_is_none() {
    assert!(Reason::new("  \n").is_err());
    assert!(serde_json::from_str::<Reason>("\" \"").is_err());
}

#[test]
fn a_run_without_targets_cannot_be_planned() {
    assert!(next(&State::New, &Event::Planned(Terms::default())).is_err());
}

#[test]
fn a_rehearsal_alone_cannot_be_planned_without_one() {
    let terms = Terms {
        targets: 1,
        rehearse_only: true,
        no_rehearsal: Some(Reason::new("no time").unwrap()),
        ..Terms::default()
    };
    assert!(next(&State::New, &Event::Planned(terms)).is_err());
}

#[test]
fn exit_codes_are_those_of_the_interface() {
    let codes: Vec<(&str, u8)> = Outcome::ALL.iter().map(|o| (o.word(), o.exit())).collect();
    assert_eq!(
        codes,
        [
            ("failed", 1),
            ("refused", 4),
            ("proof_failed", 3),
            ("rehearsal_failed", 5),
            ("loss_refused", 4),
            ("completed", 0),
            ("migration_failed", 5),
            ("check_failed", 5),
            ("migration_unknown", 5),
            ("completed", 0),
            ("completed", 3),
            ("completed_without_after", 1),
            ("rolled_back", 0),
            ("rolled_back", 5),
            ("aborted", 0),
        ]
    );
}
