//! Journals whole, torn and damaged.

use std::io;
use std::sync::{Arc, Mutex};

use chrono::{DateTime, Utc};
use proptest::prelude::*;

use super::{
    AppendFile, ArchiveFacts, Detail, Journal, JournalDamage, JournalError, Plan, PlannedTarget,
    read,
};
use crate::bracket::event::{CommandEnd, Done, Event, Note, Proven, Seen, Terms};
use crate::bracket::outcome::Outcome;
use crate::bracket::reason::Reason;
use crate::bracket::state::State;
use crate::bracket::step::Step;

#[derive(Clone, Default)]
struct Paper {
    bytes: Arc<Mutex<Vec<u8>>>,
    room: Option<usize>,
}

impl AppendFile for Paper {
    fn append(&mut self, line: &str) -> io::Result<()> {
        let bytes = format!("{line}\n").into_bytes();
        let mut written = self.bytes.lock().unwrap();
        if self
            .room
            .is_some_and(|room| written.len() + bytes.len() > room)
        {
            return Err(io::Error::from(io::ErrorKind::StorageFull));
        }
        written.extend(bytes);
        Ok(())
    }
}

fn noon() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_149_312, 0).unwrap()
}

fn terms() -> Terms {
    Terms {
        targets: 1,
        no_rehearsal: Some(Reason::new("tried by hand\n\"twice\"").unwrap()),
        check: true,
        ..Terms::default()
    }
}

fn plan() -> Plan {
    Plan {
        run: "20261120T043512Z-shop".to_owned(),
        bookend: "0.1.0".to_owned(),
        host: "db1".to_owned(),
        pid: 42,
        targets: vec![PlannedTarget {
            label: "shop".to_owned(),
            engine: "postgresql".to_owned(),
            database: "shöp\n".to_owned(),
            url: "postgres://ada@db/shop".to_owned(),
            origin: "DATABASE_URL".to_owned(),
        }],
        command: vec!["psql".to_owned(), "-f".to_owned(), "up.sql".to_owned()],
        timeout_ms: Some(60_000),
        ..Plan::default()
    }
}

fn events() -> Vec<(Event, Detail)> {
    let archive = Detail {
        archive: Some(ArchiveFacts {
            id: "shop-x-before".to_owned(),
            path: "backups/shop-x-before.tar".to_owned(),
            objects: 3,
            rows: 7,
            bytes_raw: 100,
            bytes_stored: 50,
            consistent: Some(true),
        }),
        ..Detail::default()
    };
    let planned = Detail {
        plan: Some(Box::new(plan())),
        ..Detail::default()
    };
    let before = Done::Before {
        consistent: Some(true),
    };
    let plain = |event| (event, Detail::default());
    vec![
        (Event::Planned(terms()), planned),
        plain(Event::Begun(Step::Preflight)),
        (
            Event::Done(Done::Preflight),
            Detail::lines(vec!["fine".to_owned()]),
        ),
        plain(Event::Begun(Step::Before)),
        (Event::Done(before), archive),
        plain(Event::Begun(Step::Proof)),
        plain(Event::Done(Done::Proof(Proven::Identical))),
        plain(Event::Skipped(Step::Rehearsal)),
        plain(Event::Begun(Step::Gap)),
        plain(Event::Done(Done::Gap(Seen::Quiet))),
        plain(Event::Begun(Step::Migration)),
        plain(Event::Noted(Note::Started {
            pid: 4711,
            since: Some(9),
        })),
        plain(Event::Done(Done::Migration(CommandEnd::Exited(3)))),
    ]
}

/// A journal's bytes and where each of its lines ends.
fn written() -> (Vec<u8>, Vec<usize>) {
    let paper = Paper::default();
    let mut journal = Journal::new(Box::new(paper.clone()), noon);
    let mut ends = Vec::new();
    for (event, detail) in events() {
        journal.record(Some(0), event, detail).unwrap();
        ends.push(paper.bytes.lock().unwrap().len());
    }
    let bytes = paper.bytes.lock().unwrap().clone();
    (bytes, ends)
}

#[test]
fn what_was_written_is_read() {
    let (bytes, ends) = written();
    let history = read(&bytes).unwrap();
    assert_eq!(history.records.len(), events().len());
    for (record, (event, detail)) in history.records.iter().zip(events()) {
        assert_eq!((&record.event, &record.detail), (&event, &detail));
    }
    assert_eq!(history.state.outcome(), Some(Outcome::MigrationFailed));
    assert!(!history.torn);
    assert_eq!(history.whole, *ends.last().unwrap());
}

#[test]
fn cut_at_every_byte_it_reads_up_to_the_last_whole_record() {
    let (bytes, ends) = written();
    for cut in 0..=bytes.len() {
        let history = read(&bytes[..cut]).unwrap();
        let whole = ends.iter().filter(|end| **end <= cut).count();
        assert_eq!(history.records.len(), whole, "cut at {cut}");
        let boundary = cut == 0 || ends.contains(&cut);
        assert_eq!(history.torn, !boundary, "cut at {cut}");
        assert_eq!(history.whole, if whole == 0 { 0 } else { ends[whole - 1] });
    }
}

#[test]
fn one_bit_flipped_anywhere_is_found() {
    let (bytes, ends) = written();
    for at in 0..bytes.len() {
        for bit in [0x01, 0x20, 0x80] {
            let mut hurt = bytes.clone();
            hurt[at] ^= bit;
            match read(&hurt) {
                Ok(history) => {
                    assert_eq!(at, bytes.len() - 1, "byte {at} went unnoticed");
                    assert!(history.torn);
                    assert_eq!(history.records.len(), ends.len() - 1);
                }
                Err(damage) => assert!(matches!(damage, JournalDamage::Line { .. }), "byte {at}"),
            }
        }
    }
}

#[test]
fn a_last_block_that_never_reached_the_disk_is_torn() {
    let (bytes, ends) = written();
    let last = ends[ends.len() - 2];
    let mut hurt = bytes.clone();
    hurt[last..bytes.len() - 1].fill(0);
    let history = read(&hurt).unwrap();
    assert!(history.torn);
    assert_eq!(history.records.len(), ends.len() - 1);
}

#[test]
fn a_line_taken_out_doubled_or_moved_is_damage() {
    let (bytes, ends) = written();
    let line = |n: usize| {
        let from = if n == 0 { 0 } else { ends[n - 1] };
        bytes[from..ends[n]].to_vec()
    };
    let lines: Vec<Vec<u8>> = (0..ends.len()).map(line).collect();
    for n in 0..lines.len() - 1 {
        let mut without = lines.clone();
        without.remove(n);
        assert!(
            matches!(read(&without.concat()), Err(JournalDamage::Line { .. })),
            "{n}"
        );
        let mut twice = lines.clone();
        twice.insert(n, lines[n].clone());
        assert!(
            matches!(read(&twice.concat()), Err(JournalDamage::Line { .. })),
            "{n}"
        );
        let mut moved = lines.clone();
        moved.swap(n, n + 1);
        assert!(read(&moved.concat()).is_err(), "{n}");
    }
}

#[test]
fn zeros_after_a_crash_of_the_machine_are_torn() {
    let (mut bytes, ends) = written();
    bytes.extend_from_slice(&[0; 512]);
    let history = read(&bytes).unwrap();
    assert!(history.torn);
    assert_eq!(history.records.len(), ends.len());
}

#[test]
fn a_record_of_a_newer_bookend_is_said_to_be_one() {
    let body = r#""n":0,"at":"2026-11-20T04:35:12Z","elapsed_ms":0,"event":{"levitated":{}}}"#;
    let sum = xxhash_rust::xxh3::xxh3_64_with_seed(body.as_bytes(), super::line::SEED);
    let line = format!("{{\"sum\":\"{sum:016x}\",{body}\n");
    assert_eq!(read(line.as_bytes()), Err(JournalDamage::Newer { line: 1 }));
}

#[test]
fn a_history_that_cannot_be_is_a_contradiction() {
    // Two journals of the same length, the second one's end behind the first one's begin,
    // is what only an editor with the right checksums could do.
    let body = r#""n":0,"at":"2026-11-20T04:35:12Z","elapsed_ms":0,"event":{"begun":"migration"}}"#;
    let sum = xxhash_rust::xxh3::xxh3_64_with_seed(body.as_bytes(), super::line::SEED);
    let line = format!("{{\"sum\":\"{sum:016x}\",{body}\n");
    assert!(matches!(
        read(line.as_bytes()),
        Err(JournalDamage::Contradiction { line: 1, .. })
    ));
}

#[test]
fn what_cannot_be_written_has_not_happened() {
    let paper = Paper {
        room: Some(10),
        ..Paper::default()
    };
    let mut journal = Journal::new(Box::new(paper), noon);
    let refused = journal.record(None, Event::Planned(terms()), Detail::default());
    assert!(matches!(refused, Err(JournalError::Write(_))));
    assert_eq!(*journal.state(), State::New);
    assert!(journal.records().is_empty());
}

#[test]
fn what_cannot_happen_is_not_written() {
    let paper = Paper::default();
    let mut journal = Journal::new(Box::new(paper.clone()), noon);
    let refused = journal.record(None, Event::Begun(Step::Migration), Detail::default());
    assert!(matches!(refused, Err(JournalError::Illegal(_))));
    assert!(paper.bytes.lock().unwrap().is_empty());
}

/// Clocks are set back; the time of a run is not.
#[test]
fn a_journal_goes_on_from_its_last_record_although_the_clock_was_set_back() {
    fn an_hour_earlier() -> DateTime<Utc> {
        noon() - chrono::TimeDelta::hours(1)
    }
    let (bytes, ends) = written();
    let mut whole = bytes[..ends[6]].to_vec();
    // What a crash left of a record that was never acknowledged.
    whole.extend(&bytes[ends[6]..ends[6] + 9]);
    let history = read(&whole).unwrap();
    assert!(history.torn);
    whole.truncate(history.whole);
    let last = history.records.last().unwrap().elapsed_ms;
    let paper = Paper::default();
    paper.bytes.lock().unwrap().extend(&whole);
    let mut journal = Journal::reopened(Box::new(paper.clone()), an_hour_earlier, history);
    journal
        .record(None, Event::Resumed, Detail::default())
        .unwrap();
    journal
        .record(Some(0), Event::Skipped(Step::Rehearsal), Detail::default())
        .unwrap();
    let again = read(&paper.bytes.lock().unwrap()).unwrap();
    assert!(!again.torn);
    assert_eq!(again.records.len(), 9);
    assert!(again.records[7].elapsed_ms >= last);
    assert!(again.records[7].at < again.records[6].at);
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = read(&bytes);
    }

    #[test]
    fn no_change_makes_it_panic(
        cut in any::<prop::sample::Index>(),
        at in any::<prop::sample::Index>(),
        noise in proptest::collection::vec(any::<u8>(), 0..20),
    ) {
        let (mut bytes, _) = written();
        let at = at.index(bytes.len());
        bytes.splice(at..at, noise);
        bytes.truncate(cut.index(bytes.len() + 1));
        let _ = read(&bytes);
    }
}
