//! What `status` says after a crash at any record.

use super::{RUN, Scripted, noon, run, terms, timed};
use crate::bracket::history::Writer;
use crate::bracket::journal::read;
use crate::bracket::survey::{FoundRun, Partial, survey};
use crate::engine::{CopyKind, MadeDatabase};
use crate::report::run::{StepState, status_json, status_text};

/// What `status` says when the journal ends after each of its records.
#[tokio::test]
async fn a_crash_after_any_record_is_explained() {
    let whole = run(terms(), &Scripted::default()).await.bytes;
    let ends: Vec<usize> = memchr::memchr_iter(b'\n', &whole)
        .map(|at| at + 1)
        .collect();
    for (count, end) in std::iter::once(0).chain(ends.iter().copied()).enumerate() {
        for torn in [0, 9] {
            let cut = whole.get(..end + torn).unwrap_or(&whole);
            let status = survey(&[found(cut, Writer::Gone)], &[], &[]);
            let told = &status.runs[0];
            if end == whole.len() {
                assert_eq!(told.state, "completed");
                continue;
            }
            assert_eq!(told.state, "interrupted", "after {count} records");
            let text = String::from_utf8_lossy(&whole[..end]).into_owned();
            let begun = text.contains(r#"{"begun":"migration"}"#);
            let over = text.contains(r#""migration":{"exited":0}"#);
            let advice = told.advice.join("\n");
            assert_eq!(
                advice.contains("was not started"),
                !begun,
                "{count}: {advice}"
            );
            assert_eq!(
                advice.contains("not known"),
                begun && !over,
                "{count}: {advice}"
            );
            assert_eq!(
                advice.contains("migration stands"),
                over,
                "{count}: {advice}"
            );
            assert_eq!(advice.contains("not whole"), torn > 0, "{count}: {advice}");
            let unknown = told.steps.iter().any(|s| s.state == StepState::Unknown);
            let in_a_step = crate::bracket::history::in_a_step(&read(cut).unwrap().state).is_some();
            assert_eq!(unknown, in_a_step, "after {count} records");
            assert!(!told.steps.iter().any(|s| s.state == StepState::Running));
        }
    }
}

fn found(journal: &[u8], writer: Writer) -> FoundRun {
    FoundRun {
        run: RUN.to_owned(),
        journal: Some(journal.to_vec()),
        path: "backups/runs/x/journal.jsonl".to_owned(),
        report: None,
        writer,
    }
}

#[tokio::test]
async fn status_tells_what_a_crash_left_and_keeps_quiet_about_what_is_in_use() {
    let whole = run(terms(), &Scripted::default()).await.bytes;
    let cut = memchr::memchr_iter(b'\n', &whole).nth(5).unwrap() + 1;
    let made = MadeDatabase {
        name: "shop_bookend_7f3a".to_owned(),
        kind: CopyKind::Disposable,
        engine: "postgresql".to_owned(),
        server: "postgres://ada@db/shop".to_owned(),
        identity: None,
        run: RUN.to_owned(),
        made: noon(),
        contents: None,
    };
    let partial = Partial {
        path: "backups/.shop.tar.partial".to_owned(),
        bytes: 4096,
        outside: false,
    };
    let mut gone = survey(
        &[found(&whole[..cut], Writer::Gone)],
        std::slice::from_ref(&made),
        &[partial],
    );
    assert_eq!(gone.left_behind.len(), 2);
    gone.runs[0] = timed(gone.runs[0].clone());
    insta::assert_snapshot!(status_text(&gone), @r"
    run 20261120T043512Z-shop
      preflight   ok    PostgreSQL 16.14 · 1.8 GiB · 42 tables
                        free space on the server: not known
      before      4 s   backups/shop0-20261120T043512Z-before.tar · 171 MiB · 4,300,000 rows · consistent
      proof       ?     unknown: its end was not seen
      rehearsal   -     pending
      gap         -     pending
      migration   -     pending
      after       -     pending
      compare     -     pending
      bundle      -     pending
    interrupted after 55 s
      bookend ended without a word during this run
      COMMAND was not started on the target; it was not changed
      finish it: bookend resume 20261120T043512Z-shop
      or give it up: bookend abort 20261120T043512Z-shop

    left behind
      database shop_bookend_7f3a (run 20261120T043512Z-shop)
          a copy that a command made and did not drop, if it was created at all: bookend copies drop shop_bookend_7f3a --on postgres://ada@db/shop
      file backups/.shop.tar.partial
          4.0 KiB of a backup that was never finished; not an archive: rm backups/.shop.tar.partial
    ");
    let alive = survey(&[found(&whole[..cut], Writer::Alive)], &[made], &[]);
    assert!(alive.left_behind.is_empty());
    assert_eq!(alive.runs[0].state, "running");
    assert_eq!(status_json(&alive)["state"], "running");
}

#[test]
fn a_store_where_nothing_ran_says_so() {
    let status = survey(&[], &[], &[]);
    assert_eq!(status_text(&status), "nothing has run\n");
    let document = status_json(&status);
    for key in [
        "run", "state", "targets", "steps", "archives", "report", "bundle",
    ] {
        assert!(document.get(key).is_some(), "{key}");
    }
    assert_eq!(document["ok"], true);
}

#[test]
fn a_damaged_journal_is_told_and_hides_no_other() {
    let mut hurt = found(b"garbage\nmore\n", Writer::Gone);
    hurt.run = "20261120T000000Z-other".to_owned();
    let status = survey(&[hurt, found(b"", Writer::Gone)], &[], &[]);
    assert_eq!(status.unreadable.len(), 1);
    assert_eq!(status.runs.len(), 1);
    assert_eq!(status.runs[0].state, "interrupted");
    assert!(status_text(&status).contains("line 1 of the journal is damaged"));
}
