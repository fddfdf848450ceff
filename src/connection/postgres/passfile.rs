//! `~/.pgpass`, by the rules of libpq's `passwordFromFile`.

use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use crate::connection::{Environment, Secret};

/// What a password file is asked for.
pub struct Wanted<'a> {
    /// Host name, address or socket folder; `localhost` for the default socket.
    pub host: &'a str,
    /// Port.
    pub port: u16,
    /// Database.
    pub database: &'a str,
    /// Role.
    pub user: &'a str,
}

/// A password file that may be used, or why it is passed over.
pub enum PassFile {
    /// Its text.
    Usable(String),
    /// In words, for the person.
    PassedOver(String),
    /// There is none.
    Missing,
}

/// Opens the password file: the named one (`passfile`, `PGPASSFILE`), else `~/.pgpass`.
pub fn open(named: Option<&str>, env: &Environment) -> PassFile {
    let path = match named {
        Some(named) => PathBuf::from(named),
        None => match env.home() {
            Some(home) => home.join(".pgpass"),
            None => return PassFile::Missing,
        },
    };
    let Ok(facts) = std::fs::metadata(&path) else {
        return PassFile::Missing;
    };
    let shown = path.display();
    if !facts.is_file() {
        return PassFile::PassedOver(format!(
            "password file {shown} is not a plain file and is ignored"
        ));
    }
    if facts.mode() & 0o077 != 0 {
        return PassFile::PassedOver(format!(
            "password file {shown} can be read by others and is ignored, as libpq does; chmod 0600 {shown}"
        ));
    }
    match std::fs::read(&path) {
        Ok(bytes) => PassFile::Usable(String::from_utf8_lossy(&bytes).into_owned()),
        Err(error) => PassFile::PassedOver(format!("password file {shown}: {error}")),
    }
}

/// The password of the first line that matches.
pub fn find(text: &str, wanted: &Wanted<'_>) -> Option<Secret> {
    let port = wanted.port.to_string();
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .find_map(|line| {
            [wanted.host, &port, wanted.database, wanted.user]
                .iter()
                .try_fold(line, |rest, field| matches(rest, field))
                .map(|rest| Secret::new(first_field(rest)))
        })
}

/// The rest of a line after a field that is `*` or equals `token`.
fn matches<'a>(line: &'a str, token: &str) -> Option<&'a str> {
    if let Some(rest) = line.strip_prefix("*:") {
        return Some(rest);
    }
    let mut rest = line.chars();
    for wanted in token.chars() {
        let mut next = rest.next()?;
        if next == ':' {
            return None;
        }
        if next == '\\' {
            next = rest.next()?;
        }
        if next != wanted {
            return None;
        }
    }
    rest.as_str().strip_prefix(':')
}

/// Up to the next colon that is not escaped, escapes taken off.
fn first_field(text: &str) -> String {
    let mut field = String::new();
    let mut characters = text.chars();
    while let Some(c) = characters.next() {
        match c {
            ':' => break,
            '\\' => field.push(characters.next().unwrap_or('\\')),
            c => field.push(c),
        }
    }
    field
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(text: &str, host: &str, database: &str, user: &str) -> Option<String> {
        let wanted = Wanted {
            host,
            port: 5432,
            database,
            user,
        };
        find(text, &wanted).map(|secret| secret.expose().to_owned())
    }

    #[test]
    fn the_first_line_that_matches_counts() {
        let text = "# comment:5432:shop:alice:no\n\
                    db:5432:other:alice:one\n\
                    db:5432:shop:alice:two\n\
                    *:*:*:*:three\n";
        assert_eq!(look(text, "db", "shop", "alice").as_deref(), Some("two"));
        assert_eq!(look(text, "db", "shop", "bob").as_deref(), Some("three"));
    }

    #[test]
    fn colons_and_backslashes_are_escaped() {
        let text = r"::1:5432:shop:alice:never
\:\:1:*:a\:b:al\\ice:p\:w\\d:rest";
        assert_eq!(
            look(text, "::1", "a:b", r"al\ice").as_deref(),
            Some(r"p:w\d")
        );
    }

    #[test]
    fn a_prefix_is_not_a_match() {
        assert_eq!(look("dbx:*:*:*:p", "db", "shop", "alice"), None);
        assert_eq!(look("d:*:*:*:p", "db", "shop", "alice"), None);
        assert_eq!(look("db:5432:shop", "db", "shop", "alice"), None);
    }

    #[test]
    fn windows_line_ends_do_not_become_part_of_the_password() {
        assert_eq!(
            look("*:*:*:*:secret\r\n", "db", "shop", "alice").as_deref(),
            Some("secret")
        );
    }

    #[test]
    fn a_file_that_others_can_read_is_passed_over() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pass");
        std::fs::write(&path, "*:*:*:*:secret\n").unwrap();
        for (mode, usable) in [(0o600, true), (0o400, true), (0o640, false), (0o604, false)] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            let opened = open(path.to_str(), &Environment::empty());
            assert_eq!(matches!(opened, PassFile::Usable(..)), usable, "{mode:o}");
        }
        let folder = open(folder.path().to_str(), &Environment::empty());
        assert!(matches!(folder, PassFile::PassedOver(_)));
        assert!(matches!(
            open(Some("/nonexistent"), &Environment::empty()),
            PassFile::Missing
        ));
    }
}
