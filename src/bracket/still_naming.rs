//! What a rehearsed COMMAND could still read that names the original: its environment and the
//! `.env` files of the folder it runs in. Names of variables only, never their values.

use std::path::{Path, PathBuf};

use crate::connection::{Environment, Secret, Target};

/// Larger files are not settings.
const LARGEST: u64 = 1 << 20;

/// Words in a variable's name that make its value a database's name.
const TELLING: [&str; 6] = ["DATABASE", "DB", "PG", "POSTGRES", "MONGO", "SQL"];

/// Each variable that still names `original`, with where it stands.
#[must_use]
pub fn still_naming(
    original: &Target,
    environment: &[(String, Secret)],
    folder: &Path,
    caller: &Environment,
) -> Vec<String> {
    let mut found: Vec<String> = environment
        .iter()
        .filter(|(name, value)| names(original, name, value.expose(), caller))
        .map(|(name, _)| format!("{name} in the environment"))
        .collect();
    for file in settings_files(folder) {
        let Ok(text) = std::fs::read_to_string(&file) else {
            continue;
        };
        let shown = file
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default();
        for (name, value) in text.lines().filter_map(assignment) {
            if names(original, name, value, caller) {
                found.push(format!("{name} in {shown}"));
            }
        }
    }
    found
}

/// `.env`, `.env.local` and their like.
fn settings_files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            let small = entry
                .metadata()
                .is_ok_and(|facts| facts.is_file() && facts.len() <= LARGEST);
            small && (name == ".env" || name.starts_with(".env."))
        })
        .map(|entry| entry.path())
        .collect();
    files.sort();
    files
}

/// `export NAME="VALUE"`.
fn assignment(line: &str) -> Option<(&str, &str)> {
    let line = line.trim();
    let line = line.strip_prefix("export ").unwrap_or(line);
    let (name, value) = line.split_once('=')?;
    let name = name.trim();
    if name.is_empty() || name.starts_with('#') {
        return None;
    }
    Some((name, value.trim().trim_matches(['"', '\''])))
}

fn names(original: &Target, name: &str, value: &str, caller: &Environment) -> bool {
    if value.contains("://") {
        return Target::parse(value, caller).is_ok_and(|target| target.is_same_database(original));
    }
    let name = name.to_uppercase();
    // Users are often called like their database.
    if name.contains("USER") || name.contains("PASS") {
        return false;
    }
    value == original.database() && TELLING.iter().any(|word| name.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_and_files_that_name_the_original_are_listed_without_values() {
        let none = Environment::empty();
        let shop = Target::parse("postgres://ada:c4nary@db/shop", &none).unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(
            folder.path().join(".env"),
            "# DATABASE_URL=postgres://db/shop\nexport DB_NAME='shop'\nAPP=shop\n\
             OTHER_URL=postgres://elsewhere/shop\nBROKEN\n",
        )
        .unwrap();
        std::fs::write(
            folder.path().join(".env.local"),
            "REPLICA=postgresql+psycopg://bob:x@db:5432/shop?sslmode=disable\n",
        )
        .unwrap();
        std::fs::write(folder.path().join("env"), "DB_NAME=shop\n").unwrap();
        let environment = [
            ("PGDATABASE".to_owned(), Secret::new("shop_copy")),
            ("DB_NAME".to_owned(), Secret::new("shop")),
            ("HOME".to_owned(), Secret::new("shop")),
            ("PGUSER".to_owned(), Secret::new("shop")),
        ];
        assert_eq!(
            still_naming(&shop, &environment, folder.path(), &none),
            [
                "DB_NAME in the environment",
                "DB_NAME in .env",
                "REPLICA in .env.local"
            ]
        );
    }
}
