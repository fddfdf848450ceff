//! Signals to a whole process group.

use std::sync::{Arc, Mutex, PoisonError};

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;

/// A child's process group, whose id is the child's pid. Cleared once the child is reaped,
/// because the number may then belong to somebody else.
#[derive(Clone, Debug)]
pub(super) struct Group(Arc<Mutex<Option<Pid>>>);

impl Group {
    /// The group that `pid` leads, or is about to lead.
    pub(super) fn of(pid: Option<u32>) -> Self {
        let pid = pid
            .and_then(|pid| i32::try_from(pid).ok())
            .filter(|pid| *pid > 1)
            .map(Pid::from_raw);
        Self(Arc::new(Mutex::new(pid)))
    }

    fn pid(&self) -> Option<Pid> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Signals every process of the group; the child alone if it does not lead it yet. True
    /// if there was somebody.
    pub(super) fn signal(&self, signal: impl Into<Option<Signal>> + Copy) -> bool {
        self.pid().is_some_and(|pid| match killpg(pid, signal) {
            Err(Errno::ESRCH) => kill(pid, signal).is_ok(),
            other => other.is_ok(),
        })
    }

    /// True if members outlived the child, which has just been reaped. The number of a
    /// group with members is not given out again.
    pub(super) fn has_survivors(&self) -> bool {
        self.pid().is_some_and(|pid| killpg(pid, None).is_ok())
    }

    /// Kills what outlived the child, which has just been reaped, and forgets the number.
    pub(super) fn clear(&self) {
        if let Some(pid) = self.pid() {
            // ESRCH is the usual answer: nobody is left.
            let _nobody = killpg(pid, Signal::SIGKILL);
        }
        self.forget();
    }

    /// Forgets the number, signalling nobody.
    pub(super) fn forget(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// Kills a process group that an earlier bookend started and left, by the id of its leader,
/// which the caller has made sure is still that process.
pub fn end_group(leader: u32) {
    if let Ok(pid) = i32::try_from(leader)
        && pid > 1
    {
        let _gone = killpg(Pid::from_raw(pid), Signal::SIGKILL);
    }
}
