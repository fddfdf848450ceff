//! Finding the lines in which two texts of the vendor's differ.

use crate::engine::postgres::redaction::redacted;

/// One line of each text that belong together; `None` where only one text has such a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LinePair<'a> {
    pub expected: Option<&'a str>,
    pub found: Option<&'a str>,
}

/// How much of a line is shown.
const SHOWN: usize = 200;

/// The lines that differ, whatever their order; lines that begin with the same word (a
/// column's name, a constraint's) are paired. If only the order differs, the first place.
pub(super) fn differing<'a>(expected: &'a str, found: &'a str) -> Vec<LinePair<'a>> {
    let mut gone = significant(expected);
    let mut new = significant(found);
    gone.retain(|line| match new.iter().position(|other| other == line) {
        Some(at) => {
            new.remove(at);
            false
        }
        None => true,
    });
    if gone.is_empty() && new.is_empty() {
        return first_place(expected, found).into_iter().collect();
    }
    let mut pairs = Vec::new();
    for line in gone {
        let partner = new.iter().position(|other| begins_alike(line, other));
        let found = partner.map(|at| new.remove(at));
        pairs.push(LinePair {
            expected: Some(line),
            found,
        });
    }
    let alone = new.into_iter().map(|line| LinePair {
        expected: None,
        found: Some(line),
    });
    pairs.extend(alone);
    join_the_only_two(pairs)
}

/// One line gone and one new: they are each other's, whatever they begin with.
fn join_the_only_two(pairs: Vec<LinePair<'_>>) -> Vec<LinePair<'_>> {
    match pairs[..] {
        [
            LinePair {
                expected,
                found: None,
            },
            LinePair {
                expected: None,
                found,
            },
        ] => vec![LinePair { expected, found }],
        _ => pairs,
    }
}

fn significant(text: &str) -> Vec<&str> {
    let trimmed = text.lines().map(trim);
    trimmed.filter(|line| !line.is_empty()).collect()
}

fn trim(line: &str) -> &str {
    line.trim().trim_end_matches([',', ';'])
}

fn first_place<'a>(expected: &'a str, found: &'a str) -> Option<LinePair<'a>> {
    let places = expected.lines().zip(found.lines());
    places
        .filter(|(a, b)| trim(a) != trim(b))
        .map(|(a, b)| LinePair {
            expected: Some(trim(a)),
            found: Some(trim(b)),
        })
        .next()
        .or_else(|| {
            Some(LinePair {
                expected: expected.lines().next(),
                found: found.lines().next(),
            })
        })
}

/// `CONSTRAINT x …` is told by its second word; whole statements never pair with another.
fn begins_alike(a: &str, b: &str) -> bool {
    let count = if a.starts_with("CONSTRAINT ") { 2 } else { 1 };
    let statement = ["ALTER", "CREATE", "GRANT", "REVOKE", "SELECT", "SET"];
    let first = words(a, count);
    !first.first().is_some_and(|word| statement.contains(word)) && first == words(b, count)
}

/// The first words, quoted names taken as one.
pub(super) fn words(line: &str, count: usize) -> Vec<&str> {
    let mut words = Vec::new();
    let mut rest = line.trim_start();
    while words.len() < count && !rest.is_empty() {
        let end = word_end(rest);
        words.push(&rest[..end]);
        rest = rest[end..].trim_start();
    }
    words
}

fn word_end(text: &str) -> usize {
    let mut quoted = false;
    for (at, c) in text.char_indices() {
        match c {
            '"' => quoted = !quoted,
            c if c.is_whitespace() && !quoted => return at,
            _ => {}
        }
    }
    text.len()
}

/// The first line that says something, with the next if it says nothing by itself
/// (`ALTER TABLE ONLY t` and `ADD CONSTRAINT …`).
pub(super) fn headline(text: &str) -> String {
    match significant(text)[..] {
        [] => String::new(),
        [first, second, ..]
            if first.starts_with("ALTER TABLE ") && !text.contains(&ended(first)) =>
        {
            format!("{first} {second}")
        }
        [first, ..] => first.to_owned(),
    }
}

fn ended(line: &str) -> String {
    format!("{line};")
}

/// A line fit for a report: not endless, without secrets and without what moves the cursor.
pub(super) fn shortened(line: &str) -> String {
    let clean: String = redacted(line)
        .trim_end_matches(" (")
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(SHOWN + 1)
        .collect();
    if clean.chars().count() > SHOWN {
        let cut: String = clean.chars().take(SHOWN).collect();
        return format!("{cut}…");
    }
    clean
}
