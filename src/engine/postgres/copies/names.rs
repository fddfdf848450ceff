//! Names of databases: which are possible, which are free.

use rand::Rng;

use crate::engine::EngineError;

/// Longest name in bytes (`NAMEDATALEN - 1`); the server cuts longer ones without an error.
pub(in super::super) const LONGEST: usize = 63;

/// Refuses a name that the server would cut or cannot hold.
pub(in super::super) fn check(name: &str) -> Result<(), EngineError> {
    let why = if name.is_empty() {
        "it is empty".to_owned()
    } else if name.len() > LONGEST {
        format!(
            "it has {} bytes and PostgreSQL cuts names at {LONGEST}",
            name.len()
        )
    } else if name.contains('\0') {
        "it holds a null byte".to_owned()
    } else {
        return Ok(());
    };
    Err(EngineError::BadName {
        name: name.to_owned(),
        why,
    })
}

/// A random name for a copy of `base`, safe to put into any command line or connection string.
pub(in super::super) fn random(base: &str) -> String {
    let clean: String = base
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() {
                c.to_ascii_lowercase()
            } else {
                '_'
            }
        })
        .take(30)
        .collect();
    let number: u64 = rand::rng().random();
    format!("{clean}_bookend_{:012x}", number & 0xffff_ffff_ffff)
}

/// `wanted` with a number behind it that makes it none of `taken`, cut to what fits.
pub(in super::super) fn free(wanted: &str, taken: &[String]) -> String {
    (2..=taken.len() + 2)
        .map(|number| {
            let suffix = format!("_{number}");
            format!("{}{suffix}", cut(wanted, LONGEST - suffix.len()))
        })
        .find(|name| !taken.contains(name))
        .unwrap_or_default()
}

/// `base` with `suffix` behind it, `base` cut to what fits; none of `taken`.
pub(in super::super) fn suffixed(base: &str, suffix: &str, taken: &[String]) -> String {
    let name = format!(
        "{}{suffix}",
        cut(base, LONGEST.saturating_sub(suffix.len()))
    );
    if taken.contains(&name) {
        free(&name, taken)
    } else {
        name
    }
}

/// At most `bytes` bytes of `text`, cut between characters.
fn cut(text: &str, bytes: usize) -> &str {
    let mut end = text.len().min(bytes);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_the_server_would_cut_are_refused() {
        assert!(check(&"x".repeat(63)).is_ok());
        assert!(check(&"x".repeat(64)).is_err());
        assert!(check(&"é".repeat(32)).is_err());
        assert!(check("").is_err());
    }

    #[test]
    fn a_free_name_fits_and_is_not_taken() {
        let long = "é".repeat(31);
        let first = free(&long, &[]);
        assert!(first.len() <= LONGEST && first.ends_with("_2"));
        assert_eq!(free("shop", &["shop_2".to_owned()]), "shop_3");
    }

    #[test]
    fn what_is_put_behind_a_name_stays_whole() {
        let long = "é".repeat(31);
        let kept = suffixed(&long, "_failed_20261120t043512z", &[]);
        assert!(kept.len() <= LONGEST && kept.ends_with("_failed_20261120t043512z"));
        assert_eq!(suffixed("shop", "_x", &[]), "shop_x");
        assert_eq!(suffixed("shop", "_x", &["shop_x".to_owned()]), "shop_x_2");
    }

    #[test]
    fn random_names_are_plain_words() {
        let name = random("Köln \"$(x)\"");
        assert!(name.len() <= LONGEST);
        assert!(name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'));
    }
}
