//! Telling a process from another one that got the same id later.

/// When the system started a process, in its own ticks since it was booted; `None` if there
/// is no such process, or no way to know (proc(5), field 22 of `/proc/PID/stat`).
#[must_use]
pub fn started_at(pid: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name stands in parentheses and may hold anything.
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace();
    // A zombie has ended; only nobody has waited for it yet.
    if fields.next()? == "Z" {
        return None;
    }
    fields.nth(18)?.parse().ok()
}

/// Whether the process `pid` that was started then is still there.
#[must_use]
pub fn is_running(pid: u32, since: Option<u64>) -> bool {
    match (started_at(pid), since) {
        (Some(now), Some(then)) => now == then,
        (Some(_), None) => true,
        (None, _) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::{is_running, started_at};

    #[test]
    fn this_process_is_there_and_another_of_the_same_id_is_not() {
        let own = std::process::id();
        let since = started_at(own);
        assert!(since.is_some());
        assert!(is_running(own, since));
        assert!(!is_running(own, since.map(|ticks| ticks + 1)));
        assert!(!is_running(u32::MAX - 1, None));
    }
}
