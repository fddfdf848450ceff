//! Names of runs: `20261120T043512Z-shop`, sortable by time.

use chrono::{DateTime, Utc};

/// The id of a run that begins `at` on the targets of these labels; `attempt` is 1 unless
/// that id is taken.
#[must_use]
pub fn run_id(at: DateTime<Utc>, labels: &[&str], attempt: u32) -> String {
    let base = format!("{}-{}", at.format("%Y%m%dT%H%M%SZ"), joined(labels));
    if attempt > 1 {
        format!("{base}-{attempt}")
    } else {
        base
    }
}

/// The labels, as much of them as a file's name has room for.
fn joined(labels: &[&str]) -> String {
    const LONGEST: usize = 120;
    let mut joined = labels.join("-");
    joined.truncate(LONGEST);
    joined
}

#[cfg(test)]
mod tests {
    use super::run_id;
    use chrono::{TimeZone, Utc};

    #[test]
    fn an_id_holds_second_and_labels_and_a_number_when_taken() {
        let at = Utc.with_ymd_and_hms(2026, 11, 20, 4, 35, 12).unwrap();
        assert_eq!(run_id(at, &["shop"], 1), "20261120T043512Z-shop");
        assert_eq!(run_id(at, &["shop"], 2), "20261120T043512Z-shop-2");
        assert_eq!(run_id(at, &["a", "b"], 1), "20261120T043512Z-a-b");
    }
}
