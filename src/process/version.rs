//! What a tool answers to `--version`.

use std::fmt;

/// A tool's version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// As the tool prints it: `15.20`, `18beta1`, `100.7.0`.
    pub text: String,
    /// Its first number.
    pub major: u32,
    /// Its second number, 0 if there is none.
    pub minor: u32,
}

impl Version {
    /// Reads the answer of `pg_dump --version` (`pg_dump (PostgreSQL) 15.20 (Debian …)`) or
    /// `mongodump --version` (`mongodump version: 100.7.0`, more lines follow; before 100 the
    /// tools had the server's version, printed `r4.0.28`): the first line names the tool and
    /// then a version. `mongod` alone says `db version v6.0.5`. `None` for anything else.
    #[must_use]
    pub fn parse(tool: &str, answer: &str) -> Option<Self> {
        let line = answer.lines().next()?;
        let line = line
            .strip_prefix(tool)
            .or_else(|| line.strip_prefix("db version"))?;
        let text = line
            .split_whitespace()
            .map(|word| word.strip_prefix(['r', 'v']).unwrap_or(word))
            .find(|word| word.starts_with(|c: char| c.is_ascii_digit()))?;
        let mut numbers = text.split(|c: char| !c.is_ascii_digit());
        let major = numbers.next()?.parse().ok()?;
        let separator = text.chars().find(|c| !c.is_ascii_digit());
        let minor = match separator {
            Some('.') => numbers.next().and_then(|n| n.parse().ok()).unwrap_or(0),
            _ => 0,
        };
        Some(Self {
            text: text.to_owned(),
            major,
            minor,
        })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
