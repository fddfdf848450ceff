//! SIGINT, SIGTERM and SIGHUP: the first asks everything to end in order, the second ends at
//! once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use nix::sys::signal::Signal as Limit;
use tokio::signal::unix::{Signal as Stream, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::failure::Signal;

/// Remembers which signal came first.
#[derive(Clone, Debug, Default)]
pub struct Signals {
    first: Arc<AtomicU8>,
    cancel: CancellationToken,
    kill: CancellationToken,
    kill_first: Arc<AtomicBool>,
    at_once: CancellationToken,
}

impl Signals {
    /// Cancelled by the first signal.
    #[must_use]
    pub fn cancel(&self) -> CancellationToken {
        self.cancel.clone()
    }

    /// Cancelled by the second signal, which then does not end the process: for whoever runs
    /// a command that would outlive it, and has its end to record. The third signal does.
    #[must_use]
    pub fn kill_before_the_end(&self) -> CancellationToken {
        self.kill_first.store(true, Ordering::SeqCst);
        self.kill.clone()
    }

    /// Cancelled when what is under way is to be dropped where it stands.
    #[must_use]
    pub fn at_once(&self) -> CancellationToken {
        self.at_once.clone()
    }

    /// The first signal that came, if one did.
    #[must_use]
    pub fn received(&self) -> Option<Signal> {
        match self.first.load(Ordering::SeqCst) {
            1 => Some(Signal::Hangup),
            2 => Some(Signal::Interrupt),
            15 => Some(Signal::Terminate),
            _ => None,
        }
    }

    /// Starts listening. `last_resort` is called when a signal comes after [`Signals::at_once`]
    /// was cancelled, and is to end the process.
    ///
    /// # Errors
    /// When the system refuses a handler.
    pub fn listen(&self, last_resort: impl Fn(Signal) + Send + 'static) -> std::io::Result<()> {
        // With a handler, a write beyond the limit of a file's size is an error like that of a
        // full disk; without one it ends the program on the spot.
        let _ = signal(SignalKind::from_raw(Limit::SIGXFSZ as i32))?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        // Under `nohup` a hangup is to stay ignored, and a handler would undo that.
        let mut hangup = if ignored_from_the_start(Signal::Hangup) {
            None
        } else {
            Some(signal(SignalKind::hangup())?)
        };
        let signals = self.clone();
        tokio::spawn(async move {
            loop {
                let came = next(&mut interrupt, &mut terminate, hangup.as_mut()).await;
                if signals.at_once.is_cancelled() {
                    last_resort(signals.received().unwrap_or(came));
                }
                signals.came(came);
            }
        });
        Ok(())
    }

    /// One step further: in order, killing what runs, at once.
    fn came(&self, signal: Signal) {
        if !self.cancel.is_cancelled() {
            self.first.store(signal.number(), Ordering::SeqCst);
            self.cancel.cancel();
        } else if self.kill_first.load(Ordering::SeqCst) && !self.kill.is_cancelled() {
            self.kill.cancel();
        } else {
            self.at_once.cancel();
        }
    }
}

async fn next(
    interrupt: &mut Stream,
    terminate: &mut Stream,
    hangup: Option<&mut Stream>,
) -> Signal {
    let hung_up = async {
        match hangup {
            Some(stream) => {
                stream.recv().await;
            }
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        _ = interrupt.recv() => Signal::Interrupt,
        _ = terminate.recv() => Signal::Terminate,
        () = hung_up => Signal::Hangup,
    }
}

/// Linux tells in `/proc/self/status`; elsewhere nothing is taken to be ignored.
fn ignored_from_the_start(signal: Signal) -> bool {
    std::fs::read_to_string("/proc/self/status").is_ok_and(|status| is_ignored(&status, signal))
}

/// `SigIgn:` is a mask in hexadecimal, bit 0 being signal 1 (proc(5)).
fn is_ignored(status: &str, signal: Signal) -> bool {
    status
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .is_some_and(|mask| mask & (1 << (signal.number() - 1)) != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_signal_counts_and_the_second_ends_at_once() {
        let signals = Signals::default();
        assert_eq!(signals.received(), None);
        signals.came(Signal::Terminate);
        assert!(signals.cancel().is_cancelled() && !signals.at_once().is_cancelled());
        signals.came(Signal::Interrupt);
        assert!(signals.at_once().is_cancelled());
        assert_eq!(signals.received(), Some(Signal::Terminate));
    }

    #[test]
    fn a_command_is_killed_before_the_end() {
        let signals = Signals::default();
        let kill = signals.kill_before_the_end();
        signals.came(Signal::Interrupt);
        signals.came(Signal::Interrupt);
        assert!(kill.is_cancelled() && !signals.at_once().is_cancelled());
        signals.came(Signal::Interrupt);
        assert!(signals.at_once().is_cancelled());
    }

    #[test]
    fn the_mask_of_ignored_signals_is_understood() {
        let status = "Name:\tbookend\nSigIgn:\t0000000000001001\nSigCgt:\t0\n";
        assert!(is_ignored(status, Signal::Hangup));
        assert!(!is_ignored(status, Signal::Interrupt));
        assert!(!is_ignored("", Signal::Hangup));
    }
}
