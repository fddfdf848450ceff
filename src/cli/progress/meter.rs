//! What is counted, and the thread that shows it at intervals.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::progress::Progress;
use crate::snapshot::{Noun, Nouns};

/// The figures of one phase at one moment.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Reading {
    pub phase: String,
    pub bytes: u64,
    pub total: Option<u64>,
    pub rows: u64,
    pub noun: Noun,
    pub elapsed: Duration,
    pub status: String,
}

impl Reading {
    /// Bytes a second since the phase began.
    pub fn rate(&self) -> u64 {
        let milliseconds = u64::try_from(self.elapsed.as_millis())
            .unwrap_or(u64::MAX)
            .max(1);
        self.bytes.saturating_mul(1000) / milliseconds
    }

    /// How long the rest takes at the present rate, if the whole is known.
    pub fn left(&self) -> Option<Duration> {
        let rest = self.total?.checked_sub(self.bytes)?;
        let rate = self.rate();
        (rate > 0 && self.elapsed >= Duration::from_secs(1))
            .then(|| Duration::from_secs(rest / rate))
    }
}

/// Shows readings as lines.
pub(super) trait Face: Send + Sync + 'static {
    /// How often.
    fn interval(&self) -> Duration;
    /// A phase under way.
    fn show(&self, reading: &Reading);
    /// A phase has ended.
    fn end(&self, reading: &Reading);
    /// A line that stays.
    fn note(&self, text: &str);
}

#[derive(Default)]
struct Phase {
    name: String,
    total: Option<u64>,
    status: String,
    began: Option<Instant>,
}

struct Meter<F> {
    face: F,
    bytes: AtomicU64,
    rows: AtomicU64,
    phase: Mutex<Phase>,
    noun: Mutex<Noun>,
}

impl<F: Face> Meter<F> {
    fn phase(&self) -> MutexGuard<'_, Phase> {
        self.phase.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn reading(&self) -> Option<Reading> {
        let phase = self.phase();
        Some(Reading {
            phase: phase.name.clone(),
            bytes: self.bytes.load(Ordering::Relaxed),
            total: phase.total,
            rows: self.rows.load(Ordering::Relaxed),
            noun: *self.noun.lock().unwrap_or_else(PoisonError::into_inner),
            elapsed: phase.began?.elapsed(),
            status: phase.status.clone(),
        })
    }
}

/// A [`Progress`] that counts and shows a face its readings while a phase is under way.
pub(super) struct Ticking<F: Face> {
    meter: Arc<Meter<F>>,
    ticker: Mutex<Option<(Sender<()>, JoinHandle<()>)>>,
}

impl<F: Face> Ticking<F> {
    pub fn new(face: F) -> Self {
        Self {
            meter: Arc::new(Meter {
                face,
                bytes: AtomicU64::new(0),
                rows: AtomicU64::new(0),
                phase: Mutex::default(),
                noun: Mutex::new(Nouns::TABLES.row),
            }),
            ticker: Mutex::new(None),
        }
    }

    fn start_ticking(&self) {
        let (stop, stopped) = channel::<()>();
        let meter = Arc::clone(&self.meter);
        let thread = std::thread::Builder::new()
            .name("progress".to_owned())
            .spawn(move || {
                while stopped.recv_timeout(meter.face.interval()) == Err(RecvTimeoutError::Timeout)
                {
                    if let Some(reading) = meter.reading() {
                        meter.face.show(&reading);
                    }
                }
            });
        // Without a thread there are no ticks, and nothing else suffers.
        if let Ok(thread) = thread {
            *self.ticker.lock().unwrap_or_else(PoisonError::into_inner) = Some((stop, thread));
        }
    }

    fn stop_ticking(&self) {
        let ticker = self
            .ticker
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some((stop, thread)) = ticker {
            drop(stop);
            let _ = thread.join();
        }
    }

    fn end_phase(&self) {
        self.stop_ticking();
        let reading = self.meter.reading();
        self.meter.phase().began = None;
        if let Some(reading) = reading {
            self.meter.face.end(&reading);
        }
    }
}

impl<F: Face> Progress for Ticking<F> {
    fn phase(&self, name: &str, bytes: Option<u64>) {
        self.end_phase();
        self.meter.bytes.store(0, Ordering::Relaxed);
        self.meter.rows.store(0, Ordering::Relaxed);
        *self.meter.phase() = Phase {
            name: name.to_owned(),
            total: bytes,
            status: String::new(),
            began: Some(Instant::now()),
        };
        self.start_ticking();
    }

    fn counts(&self, one: &'static str, many: &'static str) {
        let mut noun = self
            .meter
            .noun
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *noun = Noun { one, many };
    }

    fn advance(&self, bytes: u64, rows: u64) {
        self.meter.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.meter.rows.fetch_add(rows, Ordering::Relaxed);
    }

    fn status(&self, text: &str) {
        text.clone_into(&mut self.meter.phase().status);
    }

    fn note(&self, text: &str) {
        self.meter.face.note(text);
    }

    fn finish(&self) {
        self.end_phase();
    }
}

impl<F: Face> Drop for Ticking<F> {
    fn drop(&mut self) {
        self.stop_ticking();
    }
}

#[cfg(test)]
pub(super) fn reading() -> Reading {
    Reading {
        phase: "backup".to_owned(),
        bytes: 300 << 20,
        total: Some(1200 << 20),
        rows: 1_234_567,
        noun: Nouns::TABLES.row,
        elapsed: Duration::from_secs(3),
        status: "snapshot 3 s old".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Recorder(Mutex<Vec<String>>);

    impl Face for Arc<Recorder> {
        fn interval(&self) -> Duration {
            Duration::from_millis(1)
        }
        fn show(&self, reading: &Reading) {
            self.0
                .lock()
                .unwrap()
                .push(format!("show {} {}", reading.phase, reading.bytes));
        }
        fn end(&self, reading: &Reading) {
            self.0
                .lock()
                .unwrap()
                .push(format!("end {} {}", reading.phase, reading.bytes));
        }
        fn note(&self, text: &str) {
            self.0.lock().unwrap().push(format!("note {text}"));
        }
    }

    #[test]
    fn every_phase_ends_once_and_counts_from_zero() {
        let recorder = Arc::new(Recorder::default());
        let progress = Ticking::new(Arc::clone(&recorder));
        progress.phase("one", None);
        progress.advance(7, 1);
        progress.phase("two", Some(10));
        progress.advance(10, 1);
        progress.finish();
        progress.finish();
        progress.note("done");
        let seen: Vec<String> = recorder
            .0
            .lock()
            .unwrap()
            .iter()
            .filter(|line| !line.starts_with("show"))
            .cloned()
            .collect();
        assert_eq!(seen, ["end one 7", "end two 10", "note done"]);
    }

    #[test]
    fn a_long_phase_is_shown_while_it_lasts() {
        let recorder = Arc::new(Recorder::default());
        let progress = Ticking::new(Arc::clone(&recorder));
        progress.phase("one", None);
        let begun = Instant::now();
        while recorder.0.lock().unwrap().is_empty() && begun.elapsed() < Duration::from_secs(10) {
            std::thread::yield_now();
        }
        assert_eq!(recorder.0.lock().unwrap()[0], "show one 0");
    }

    #[test]
    fn rate_and_time_left_come_from_the_figures() {
        let reading = reading();
        assert_eq!(reading.rate(), 100 << 20);
        assert_eq!(reading.left(), Some(Duration::from_secs(9)));
        let unknown = Reading {
            total: None,
            ..reading.clone()
        };
        assert_eq!(unknown.left(), None);
        let over = Reading {
            bytes: 1300 << 20,
            ..reading
        };
        assert_eq!(over.left(), None);
    }
}
