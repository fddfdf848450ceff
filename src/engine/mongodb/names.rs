//! Names of databases: which are possible, which are free.

use rand::Rng;

use crate::engine::EngineError;

use super::definitions::CollectionDefinition;
use crate::snapshot::{ObjectKind, Snapshot};

/// A name must be shorter than 64 bytes.
pub(super) const LONGEST: usize = 63;

/// `database.collection` in bytes, since 4.4.
const LONGEST_NAMESPACE: usize = 255;

/// A time series' documents are in a collection of its name with this before it.
const BUCKETS: &str = "system.buckets.";

/// Names that mean something to the server.
const RESERVED: [&str; 3] = ["admin", "config", "local"];

/// Refuses a name that the server would refuse, or that is too long beside the collections'.
pub(super) fn check(name: &str, longest: usize) -> Result<(), EngineError> {
    let why = if name.is_empty() {
        "it is empty".to_owned()
    } else if RESERVED.iter().any(|word| word.eq_ignore_ascii_case(name)) {
        "MongoDB keeps that name for itself".to_owned()
    } else if let Some(bad) = name.chars().find(|c| "/\\. \"$\0".contains(*c)) {
        format!("MongoDB allows no {bad:?} in it")
    } else if name.len() > longest {
        format!(
            "with it and the archive's longest collection it may have {longest} bytes, not {}",
            name.len()
        )
    } else {
        return Ok(());
    };
    Err(EngineError::BadName {
        name: name.to_owned(),
        why,
    })
}

/// How long the name of a database with these collections can be.
pub(super) fn longest_beside(definitions: &[CollectionDefinition]) -> usize {
    let bodies = definitions.iter().map(|one| one.body_name().len());
    let collection = bodies.max().unwrap_or(0);
    LONGEST_NAMESPACE
        .saturating_sub(collection + 1)
        .min(LONGEST)
}

/// The same for those that a snapshot tells of.
pub(super) fn longest_with(snapshot: &Snapshot) -> usize {
    let bodies = snapshot.objects.iter().map(|object| {
        let before = match object.kind {
            ObjectKind::TimeSeries => BUCKETS.len(),
            _ => 0,
        };
        before + object.name.len()
    });
    LONGEST_NAMESPACE
        .saturating_sub(bodies.max().unwrap_or(0) + 1)
        .min(LONGEST)
}

/// A random name for a copy of `base` of at most `longest` bytes.
pub(super) fn random(base: &str, longest: usize) -> String {
    let number: u64 = rand::rng().random();
    let suffix = format!("bookend_{:012x}", number & 0xffff_ffff_ffff);
    let clean: String = base
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
        .take(30.min(longest.saturating_sub(suffix.len() + 1)))
        .collect();
    if clean.is_empty() {
        return suffix;
    }
    format!("{clean}_{suffix}")
}

/// The database in the way of `wanted`: names that differ in letter case only clash too.
pub(super) fn clash<'a>(wanted: &str, taken: &'a [String]) -> Option<&'a str> {
    let wanted = wanted.to_lowercase();
    taken
        .iter()
        .find(|name| name.to_lowercase() == wanted)
        .map(String::as_str)
}

/// `wanted` with a number behind it that makes it none of `taken`.
pub(super) fn free(wanted: &str, taken: &[String], longest: usize) -> String {
    (2..=taken.len() + 2)
        .map(|number| {
            let suffix = format!("_{number}");
            let mut end = wanted.len().min(longest.saturating_sub(suffix.len()));
            while !wanted.is_char_boundary(end) {
                end -= 1;
            }
            format!("{}{suffix}", wanted.get(..end).unwrap_or_default())
        })
        .find(|name| clash(name, taken).is_none())
        .unwrap_or_default()
}

/// `base` with `suffix` behind it, `base` cut to what fits into `longest` bytes; none of `taken`.
pub(super) fn suffixed(base: &str, suffix: &str, taken: &[String], longest: usize) -> String {
    let room = longest.saturating_sub(suffix.len());
    let mut end = base.len().min(room);
    while !base.is_char_boundary(end) {
        end -= 1;
    }
    let name = format!("{}{suffix}", base.get(..end).unwrap_or_default());
    match clash(&name, taken) {
        Some(_) => free(&name, taken, longest),
        None => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_the_server_refuses_are_refused() {
        for name in [
            "", "a.b", "a b", "a/b", "a\\b", "a$b", "a\"b", "Admin", "local",
        ] {
            assert!(check(name, LONGEST).is_err(), "{name}");
        }
        assert!(check("größe-1*", LONGEST).is_ok());
        assert!(check("abcdef", 5).is_err());
    }

    #[test]
    fn letter_case_does_not_make_a_name_free() {
        let taken = ["Shop".to_owned(), "shop_2".to_owned()];
        assert_eq!(clash("sHOP", &taken), Some("Shop"));
        assert_eq!(clash("shopping", &taken), None);
        assert_eq!(free("Shop", &taken, LONGEST), "Shop_3");
        assert_eq!(free("ééé", &[], 5), "é_2");
    }

    #[test]
    fn what_is_put_behind_a_name_stays_whole() {
        let taken = ["SHOP_staging_1".to_owned()];
        let made = suffixed("shop", "_staging_1", &taken, LONGEST);
        assert_eq!(made, "shop_staging_1_2");
        assert_eq!(suffixed("ééé", "_staging_1", &[], 13), "é_staging_1");
    }

    #[test]
    fn random_names_fit() {
        assert!(random("Köln", LONGEST).starts_with("K_ln_bookend_"));
        assert_eq!(random("shop", 22).len(), 22);
        assert_eq!(random("shop", 20).len(), 20);
    }
}
