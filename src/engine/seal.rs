//! A seal on the mark of a staging database: whether it still says what was put there.
//!
//! A staging database is dropped without being named once its time is over, so a mark that a
//! person has worked on is left alone, whatever it says now. This finds accidents and changes of
//! mind, not forgers: who may write the mark may drop the database too.

use chrono::{DateTime, SecondsFormat, Utc};
use xxhash_rust::xxh3::xxh3_128;

/// What a mark says, whichever engine's.
#[derive(Clone, Copy, Debug)]
pub(super) struct Words<'a> {
    /// The database's name.
    pub name: &'a str,
    /// The server's identity.
    pub system: &'a str,
    /// What the server knows the database by.
    pub identity: &'a str,
    /// The run that made it.
    pub run: &'a str,
    /// The archive.
    pub archive: &'a str,
    /// When its time is over.
    pub expires: DateTime<Utc>,
}

impl Words<'_> {
    /// The seal on them.
    pub(super) fn seal(&self) -> String {
        let expires = self.expires.to_rfc3339_opts(SecondsFormat::Nanos, true);
        let words = [
            self.name,
            self.system,
            self.identity,
            self.run,
            self.archive,
            &expires,
        ];
        let mut text = String::new();
        for word in words {
            text.push_str(&format!("{}:{word}", word.len()));
        }
        format!("{:032x}", xxh3_128(text.as_bytes()))
    }

    /// In words why the mark is not one to drop the database `named` by: it was renamed, or
    /// somebody has worked on the mark.
    pub(super) fn objection(&self, named: &str, seal: Option<&str>) -> Option<String> {
        if self.name != named {
            return Some(format!("it was {} when it was made", self.name));
        }
        (seal != Some(&self.seal())).then(|| "its mark was edited".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_good_for_its_own_name_and_as_it_was_written_only() {
        let words = Words {
            name: "shop_staging",
            system: "7",
            identity: "16400",
            run: "r",
            archive: "a",
            expires: DateTime::UNIX_EPOCH,
        };
        let seal = words.seal();
        assert_eq!(words.objection("shop_staging", Some(&seal)), None);
        let renamed = words.objection("mine", Some(&seal)).unwrap();
        assert_eq!(renamed, "it was shop_staging when it was made");
        let moved = Words {
            expires: Utc::now(),
            ..words
        };
        let edited = Some("its mark was edited".to_owned());
        assert_eq!(moved.objection("shop_staging", Some(&seal)), edited);
        assert_eq!(words.objection("shop_staging", None), edited);
        let shifted = Words {
            run: "ra",
            archive: "",
            ..words
        };
        assert_ne!(shifted.seal(), seal);
    }
}
