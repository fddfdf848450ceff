//! Names of members: what people called their files, as far as it is harmless.

use std::collections::HashSet;

use crate::archive::is_safe_path;

/// Bytes of one part of a path that are kept.
const PART: usize = 80;
/// Parts of a path that are kept, from its end: with [`PART`] they fit a tar's header.
const PARTS: usize = 2;

/// Gives each member a name of its own.
#[derive(Debug, Default)]
pub struct Names(HashSet<String>);

impl Names {
    /// A name in `folder` (none: at the top) like `wanted`, which may have folders of its own.
    pub fn take(&mut self, folder: &str, wanted: &str) -> String {
        let words: Vec<String> = wanted
            .split('/')
            .filter(|word| !word.is_empty())
            .map(harmless)
            .collect();
        let mut name = join(folder, &words);
        if !is_safe_path(&name) {
            name = join(folder, &words[words.len().saturating_sub(PARTS)..]);
        }
        let mut free = name.clone();
        let mut number = 1;
        // Names that differ only in case are one file on some systems.
        while !self.0.insert(free.to_ascii_lowercase()) {
            number += 1;
            free = numbered(&name, number);
        }
        free
    }
}

fn join(folder: &str, words: &[String]) -> String {
    let folder = (!folder.is_empty()).then_some(folder);
    let words = words.iter().map(String::as_str);
    let all: Vec<&str> = folder.into_iter().chain(words).collect();
    all.join("/")
}

/// One part of a path out of plain characters.
fn harmless(word: &str) -> String {
    if matches!(word, "." | "..") {
        return "_".to_owned();
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let clean: String = word
        .chars()
        .map(|c| if plain(c) { c } else { '_' })
        .collect();
    if clean.len() <= PART {
        return clean;
    }
    // The ending says what a file is.
    format!("{}-{}", &clean[..PART - 21], &clean[clean.len() - 20..])
}

/// `a/b-2.sql`.
fn numbered(name: &str, number: u32) -> String {
    let at = name.rfind('/').map_or(0, |slash| slash + 1);
    match name[at..].rfind('.') {
        Some(dot) if dot > 0 => {
            let (stem, ending) = name.split_at(at + dot);
            format!("{stem}-{number}{ending}")
        }
        Some(_) | None => format!("{name}-{number}"),
    }
}

#[cfg(test)]
mod tests {
    use super::Names;
    use crate::archive::is_safe_path;

    #[test]
    fn plain_names_stay_and_all_are_safe_and_of_their_own() {
        let mut names = Names::default();
        assert_eq!(names.take("", "README.md"), "README.md");
        assert_eq!(
            names.take("migration", "db/0001_initial.sql"),
            "migration/db/0001_initial.sql"
        );
        assert_eq!(
            names.take("migration", "db/0001_initial.sql"),
            "migration/db/0001_initial-2.sql"
        );
        assert_eq!(
            names.take("migration", "DB/0001_INITIAL.sql"),
            "migration/DB/0001_INITIAL-3.sql"
        );
        assert_eq!(
            names.take("migration", "../../etc/passwd"),
            "migration/_/_/etc/passwd"
        );
        assert_eq!(
            names.take("migration", "a b\n$(x)ü.sql"),
            "migration/a_b___x__.sql"
        );
        assert_eq!(names.take("", "readme.md"), "readme-2.md");
        let long = "x".repeat(300);
        for wanted in [
            format!("{long}.sql"),
            format!("{long}/{long}/{long}.py"),
            "d/".repeat(200) + "f",
        ] {
            let first = names.take("migration", &wanted);
            let second = names.take("migration", &wanted);
            assert!(is_safe_path(&first), "{first}");
            assert!(is_safe_path(&second), "{second}");
            assert_ne!(first, second);
        }
    }
}
