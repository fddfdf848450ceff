//! A time for names that never goes back: names are sorted by it, and `latest` means the newest.

use std::fs;
use std::io;

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};

use super::{Store, StoreError};

/// `20261120T043512Z`, as names of archives and runs hold it.
const STAMP: &str = "%Y%m%dT%H%M%SZ";
const LENGTH: usize = 16;

/// Clocks are put right by less than this all the time.
const WORTH_TELLING: TimeDelta = TimeDelta::seconds(2);

/// A time for the name of something new.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameTime {
    /// What the clock says, or the second after the newest name where that is later.
    pub time: DateTime<Utc>,
    /// What to tell people where the clock was not believed.
    pub note: Option<String>,
}

impl Store {
    /// The time that something new is called by.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn name_time(&self, clock: DateTime<Utc>) -> Result<NameTime, StoreError> {
        let newest = self.newest_name().map_err(StoreError::io(|| {
            format!("{} could not be read", self.dir().display())
        }))?;
        Ok(match newest {
            // Within a second names are told apart by numbers.
            Some((newest, name)) if newest > clock => NameTime {
                time: newest + TimeDelta::seconds(1),
                note: (newest - clock >= WORTH_TELLING).then(|| format!(
                    "this machine's clock ({}) is behind {name} in the store: what is new is named after that, so that latest is the newest",
                    clock.format("%Y-%m-%dT%H:%M:%SZ")
                )),
            },
            _ => NameTime {
                time: clock,
                note: None,
            },
        })
    }

    fn newest_name(&self) -> io::Result<Option<(DateTime<Utc>, String)>> {
        let mut newest = None;
        for folder in [self.dir().to_owned(), self.dir().join("runs")] {
            let entries = match fs::read_dir(&folder) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                entries => entries?,
            };
            for entry in entries {
                let name = entry?.file_name().to_string_lossy().into_owned();
                if let Some(time) = stamp(&name) {
                    newest = newest.max(Some((time, name)));
                }
            }
        }
        Ok(newest)
    }
}

/// The last time in a name of an archive or a run; what is still being written has no name yet.
fn stamp(name: &str) -> Option<DateTime<Utc>> {
    if name.starts_with('.') {
        return None;
    }
    (0..name.len()).rev().find_map(|at| {
        let text = name.get(at..at + LENGTH)?;
        let parsed = NaiveDateTime::parse_from_str(text, STAMP).ok()?;
        Some(parsed.and_utc())
    })
}

#[cfg(test)]
mod tests {
    use chrono::{TimeZone as _, Utc};

    use super::super::Store;
    use super::stamp;

    #[test]
    fn the_time_is_found_in_every_name() {
        let at = Utc.with_ymd_and_hms(2026, 11, 20, 4, 35, 12).unwrap();
        for name in [
            "shop-20261120T043512Z-before.tar",
            "20261120T043512Z-shop",
            "20261120T043512Z-shop-2",
            "20261120T043512Z-shop.bundle.tar",
            "ä-20261120T043512Z.tar.proof.json",
        ] {
            assert_eq!(stamp(name), Some(at), "{name}");
        }
        for name in [
            "locks",
            "20261120T0435",
            "20269920T043512Z",
            ".shop-20261120T043512Z.tar.partial",
        ] {
            assert_eq!(stamp(name), None, "{name}");
        }
    }

    #[test]
    fn a_clock_that_was_set_back_does_not_make_new_things_old() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let noon = Utc.with_ymd_and_hms(2026, 11, 20, 12, 0, 0).unwrap();
        let before = noon - chrono::TimeDelta::hours(1);
        assert_eq!(store.name_time(before).unwrap().time, before);
        store.new_run("20261120T120000Z-shop").unwrap();
        assert_eq!(store.name_time(noon).unwrap().note, None);
        let moved = store.name_time(before).unwrap();
        assert_eq!(moved.time, noon + chrono::TimeDelta::seconds(1));
        assert!(moved.note.unwrap().contains("20261120T120000Z-shop"));
        let later = noon + chrono::TimeDelta::seconds(1);
        assert_eq!(store.name_time(later).unwrap().time, later);
    }
}
