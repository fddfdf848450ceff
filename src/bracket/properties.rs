//! What holds of every path through the state machine.

use proptest::collection::vec;
use proptest::prelude::*;

use super::drive::{Todo, todo};
use super::event::{CommandEnd, Done, Event, Proven, Reason, Step, Stop, Terms};
use super::state::{Outcome, Phase, Stage, State};
use super::transition::next;

fn terms() -> impl Strategy<Value = Terms> {
    let reason = || proptest::option::of(Just(Reason::new("because").unwrap()));
    (1usize..4, reason(), reason(), reason(), any::<bool>()).prop_map(
        |(targets, no_proof, no_rehearsal, accept_writes, check)| Terms {
            targets,
            no_proof,
            no_rehearsal,
            accept_writes,
            check,
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

fn done() -> impl Strategy<Value = Done> {
    prop_oneof![
        Just(Done::Preflight),
        proptest::option::of(any::<bool>()).prop_map(|consistent| Done::Before { consistent }),
        proven().prop_map(Done::Proof),
        Just(Done::Rehearsal),
        Just(Done::Gap),
        command_end().prop_map(Done::Migration),
        command_end().prop_map(Done::Check),
        Just(Done::After),
        Just(Done::Compare),
        Just(Done::Bundle),
    ]
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        1 => terms().prop_map(Event::Planned),
        6 => step().prop_map(Event::Begun),
        3 => step().prop_map(Event::Skipped),
        9 => done().prop_map(Event::Done),
        1 => stop().prop_map(Event::Stopped),
    ]
}

/// An event that often fits where the run stands, so that walks get far.
fn fitting(state: &State, wild: &Event, seed: u8) -> Event {
    match (state, seed) {
        (State::New | State::Ended(_), _) | (_, 0..40) => wild.clone(),
        (State::Under(_, here, Phase::Waiting), 40..110) => Event::Skipped(here.step()),
        (State::Under(_, here, Phase::Waiting), _) => Event::Begun(here.step()),
        (State::Under(_, here, Phase::UnderWay), _) => match wild {
            Event::Done(done) if done.step() == here.step() => wild.clone(),
            _ => Event::Done(good(here.step())),
        },
    }
}

fn good(step: Step) -> Done {
    match step {
        Step::Preflight => Done::Preflight,
        Step::Before => Done::Before {
            consistent: Some(true),
        },
        Step::Proof => Done::Proof(Proven::Identical),
        Step::Rehearsal => Done::Rehearsal,
        Step::Gap => Done::Gap,
        Step::Migration => Done::Migration(CommandEnd::Exited(0)),
        Step::Check => Done::Check(CommandEnd::Exited(0)),
        Step::After => Done::After,
        Step::Compare => Done::Compare,
        Step::Bundle => Done::Bundle,
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

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn no_path_reaches_the_migration_without_proofs_or_a_recorded_reason(
        terms in terms(),
        tries in vec((event(), any::<u8>()), 0..60),
    ) {
        let taken = walk(terms.clone(), &tries);
        if let Some(at) = taken.iter().position(|(_, state)| at_the_migration(state)) {
            let path = &taken[..=at];
            let proofs = path
                .iter()
                .filter(|(event, _)| *event == Event::Done(Done::Proof(Proven::Identical)))
                .count();
            let waived = path
                .iter()
                .filter(|(event, _)| *event == Event::Skipped(Step::Proof))
                .count();
            prop_assert_eq!(proofs + waived, terms.targets);
            prop_assert!(waived == 0 || terms.no_proof.is_some());
            let backups = path
                .iter()
                .filter(|(event, _)| matches!(event, Event::Done(Done::Before { .. })))
                .count();
            prop_assert_eq!(backups, terms.targets);
        }
    }

    #[test]
    fn a_fuzzy_backup_never_reaches_the_migration_unaccepted(
        terms in terms(),
        tries in vec((event(), any::<u8>()), 0..60),
    ) {
        let taken = walk(terms.clone(), &tries);
        let fuzzy = taken.iter().any(|(event, _)| matches!(
            event,
            Event::Done(Done::Before { consistent: None | Some(false) })
        ));
        let migrates = taken.iter().any(|(_, state)| at_the_migration(state));
        prop_assert!(!(fuzzy && migrates) || terms.accept_writes.is_some());
    }

    #[test]
    fn the_command_begins_at_most_once_and_an_untouched_outcome_means_it_never_did(
        terms in terms(),
        tries in vec((event(), any::<u8>()), 0..60),
    ) {
        let taken = walk(terms, &tries);
        let begun = taken
            .iter()
            .filter(|(event, _)| *event == Event::Begun(Step::Migration))
            .count();
        prop_assert!(begun <= 1);
        let never_ran = taken
            .iter()
            .any(|(event, _)| *event == Event::Done(Done::Migration(CommandEnd::NotStarted)));
        if let Some((_, State::Ended(outcome))) = taken.last() {
            prop_assert_eq!(outcome.touched(), begun == 1 && !never_ran);
        }
    }

    #[test]
    fn a_migration_whose_end_was_not_seen_is_never_called_a_success(
        terms in terms(),
        tries in vec((event(), any::<u8>()), 0..60),
    ) {
        let taken = walk(terms, &tries);
        let succeeded = taken
            .iter()
            .any(|(event, _)| *event == Event::Done(Done::Migration(CommandEnd::Exited(0))));
        if let Some((_, State::Ended(Outcome::Completed | Outcome::CompletedWithoutAfter))) = taken.last() {
            prop_assert!(succeeded);
        }
    }

    #[test]
    fn nothing_happens_after_the_end(
        terms in terms(),
        tries in vec((event(), any::<u8>()), 0..60),
        late in event(),
    ) {
        let taken = walk(terms, &tries);
        if let Some((_, ended @ State::Ended(_))) = taken.last() {
            prop_assert!(next(ended, &late).is_err());
        }
    }

    #[test]
    fn doing_what_is_to_be_done_always_comes_to_an_end(
        terms in terms(),
        endings in vec(done(), 80),
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
        prop_assert!(matches!(state, State::Ended(_)), "{state:?}");
    }

    #[test]
    fn every_state_can_be_stopped(
        terms in terms(),
        tries in vec((event(), any::<u8>()), 0..60),
        signal in proptest::sample::select(vec![2, 15]),
    ) {
        for (_, state) in walk(terms, &tries) {
            if matches!(state, State::Under(..)) {
                prop_assert!(next(&state, &Event::Stopped(Stop::Interrupted(signal))).is_ok());
                prop_assert!(next(&state, &Event::Stopped(Stop::Failed)).is_ok());
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
    let terms = Terms {
        targets: 0,
        no_proof: None,
        no_rehearsal: None,
        accept_writes: None,
        check: false,
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
            ("migration_failed", 5),
            ("check_failed", 5),
            ("migration_unknown", 5),
            ("completed", 0),
            ("completed_without_after", 1),
        ]
    );
}
