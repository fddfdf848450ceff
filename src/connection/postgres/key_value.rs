//! `key=value` strings, by the grammar of libpq's `conninfo_parse`.

use super::options;
use crate::connection::ConnectionError;

/// Reads `host=… dbname='my db'`. Backslashes escape inside and outside of quotes.
pub fn parse(text: &str) -> Result<Vec<(&'static str, String)>, ConnectionError> {
    let mut found = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let end = rest
            .find(|c: char| c == '=' || c.is_ascii_whitespace())
            .unwrap_or(rest.len());
        let key = &rest[..end];
        let Some(after) = rest[end..].trim_start().strip_prefix('=') else {
            return Err(bad(if found.is_empty() {
                "it is neither a URL nor key=value pairs"
            } else {
                "a key has no \"=\" after it; a value with spaces is written in single quotes"
            }));
        };
        let keyword = options::keyword(key)?;
        let (value, after) = value(after.trim_start())?;
        found.push((keyword, value));
        rest = after.trim_start();
    }
    Ok(found)
}

fn value(text: &str) -> Result<(String, &str), ConnectionError> {
    let quoted = text.starts_with('\'');
    let mut value = String::new();
    let mut characters = text.char_indices().skip(usize::from(quoted));
    while let Some((at, c)) = characters.next() {
        match c {
            '\\' => value.extend(characters.next().map(|(_, c)| c)),
            '\'' if quoted => return Ok((value, &text[at + 1..])),
            c if !quoted && c.is_ascii_whitespace() => return Ok((value, &text[at..])),
            c => value.push(c),
        }
    }
    if quoted {
        return Err(bad("a quoted value has no closing quote"));
    }
    Ok((value, ""))
}

/// Writes options so that [`parse`] reads them again.
pub fn render<'a>(options: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let pairs: Vec<String> = options
        .map(|(key, value)| {
            format!(
                "{key}='{}'",
                value.replace('\\', "\\\\").replace('\'', "\\'")
            )
        })
        .collect();
    pairs.join(" ")
}

fn bad(what: &str) -> ConnectionError {
    ConnectionError::BadUrl {
        what: what.to_owned(),
    }
}
