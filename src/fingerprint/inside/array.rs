//! Inside an array of PostgreSQL: its elements, whatever its dimensions, and what JSON ones hold.
//!
//! Source of the text: <https://www.postgresql.org/docs/current/arrays.html#ARRAYS-IO>.

use std::borrow::Cow;

use super::json;
use super::{Adding, ELEMENT, InsideHasher, Value};
use crate::fingerprint::value_hash;

impl InsideHasher {
    /// Adds an array of the column `name` of the row that was begun, whose elements are `json` or
    /// not.
    ///
    /// # Errors
    /// An element that is to be JSON is not.
    pub fn array(
        &mut self,
        name: &str,
        key: Option<u128>,
        text: &str,
        json: bool,
    ) -> Result<(), serde_json::Error> {
        self.field(name, key, |adding| {
            for element in elements(text) {
                add(element.as_deref(), json, adding)?;
            }
            Ok(())
        })
    }
}

fn add(
    element: Option<&str>,
    is_json: bool,
    adding: &mut Adding<'_>,
) -> Result<(), serde_json::Error> {
    match element {
        Some(text) if is_json => json::add(ELEMENT, serde_json::from_str(text)?, adding),
        Some(text) => {
            let copied = json::copied(Cow::Borrowed(text));
            let hash = Some(value_hash(copied.as_bytes()).0);
            adding.value(ELEMENT, Value { hash, kind: None }, |_| Ok(()))
        }
        None => {
            let null = Value {
                hash: None,
                kind: None,
            };
            adding.value(ELEMENT, null, |_| Ok(()))
        }
    }
}

/// The elements of all dimensions; `None` for nulls.
fn elements(text: &str) -> Vec<Option<String>> {
    // `[2:3]={a,b}`: where indexes do not begin at 1.
    let begin = text.find('{').unwrap_or(text.len());
    let mut found = Vec::new();
    let mut element = String::new();
    let (mut quoted, mut was_quoted) = (false, false);
    let mut chars = text.get(begin..).unwrap_or_default().chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => element.extend(chars.next()),
            '"' => {
                quoted = !quoted;
                was_quoted = true;
            }
            '{' if !quoted => {}
            ',' | '}' if !quoted => {
                let whole = std::mem::take(&mut element);
                if was_quoted || !whole.is_empty() {
                    found.push((was_quoted || whole != "NULL").then_some(whole));
                }
                was_quoted = false;
            }
            other => element.push(other),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::elements;

    #[test]
    fn elements_are_read_whatever_they_hold() {
        let of = |text: &str| -> Vec<String> {
            let all = elements(text).into_iter();
            all.map(|one| one.unwrap_or_else(|| "(null)".to_owned()))
                .collect()
        };
        assert_eq!(of("{}"), [""; 0]);
        assert_eq!(of("{a,NULL,\"NULL\",\"\"}"), ["a", "(null)", "NULL", ""]);
        assert_eq!(of("{{1,2},{3,4}}"), ["1", "2", "3", "4"]);
        assert_eq!(of("[2:3]={x,y}"), ["x", "y"]);
        assert_eq!(
            of(r#"{"a,b","c\"d","e\\f","{g}"}"#),
            ["a,b", "c\"d", "e\\f", "{g}"]
        );
        assert_eq!(of("nothing"), [""; 0]);
    }
}
