//! Taking secrets out of SQL before a person or a log sees it.
//!
//! A schema can hold secrets of its own: connection strings of subscriptions, options of user
//! mappings and servers, settings. They stay in the archive, and nowhere else.

use crate::snapshot::names_secret;

/// What stands in place of a secret.
const HIDDEN: &str = "'…'";

/// SQL, or a piece of it, without the string literals that are secrets: after `CONNECTION`, and
/// after a name that says so (`password 'x'`, `SET app.secret TO 'x'`). In other literals,
/// passwords of URLs and of `key=value` strings.
pub(super) fn redacted(sql: &str) -> String {
    let mut shown = String::with_capacity(sql.len());
    let mut word = String::new();
    let mut rest = sql;
    while let Some(first) = rest.chars().next() {
        let end = match first {
            '\'' => literal_end(rest, shown.ends_with(['E', 'e'])),
            '"' => rest[1..].find('"').map_or(rest.len(), |at| at + 2),
            c if is_word(c) => rest.find(|c| !is_word(c)).unwrap_or(rest.len()),
            c => c.len_utf8(),
        };
        let (token, after) = rest.split_at(end);
        match first {
            '\'' if word.eq_ignore_ascii_case("CONNECTION") || names_secret(&word) => {
                shown.push_str(HIDDEN);
            }
            '\'' => shown.push_str(&without_passwords(token)),
            '"' => {
                token.clone_into(&mut word);
                shown.push_str(token);
            }
            c if is_word(c) => {
                // `SET app.secret TO 'x'`: the name is before the word that joins it.
                let joins = ["TO", "E"].iter().any(|w| token.eq_ignore_ascii_case(w));
                if !joins {
                    token.clone_into(&mut word);
                }
                shown.push_str(token);
            }
            _ => {
                if matches!(first, ',' | '(' | ';') {
                    word.clear();
                }
                shown.push_str(token);
            }
        }
        rest = after;
    }
    shown
}

/// Part of a name with its dots, so that `app.secret` is one.
fn is_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '.' | '$')
}

/// Where a literal ends; one that was cut off ends with the text.
fn literal_end(text: &str, backslashes: bool) -> usize {
    let mut rest = text.char_indices().skip(1).peekable();
    while let Some((at, c)) = rest.next() {
        match c {
            '\\' if backslashes => {
                rest.next();
            }
            '\'' if matches!(rest.peek(), Some((_, '\''))) => {
                rest.next();
            }
            '\'' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// A text without what follows `password=` and without the password of a URL.
fn without_passwords(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.to_ascii_lowercase().find("password=") {
        let begin = at + "password=".len();
        let value = &rest[begin..];
        let end = value
            .find(|c: char| c.is_whitespace() || matches!(c, '\'' | '&' | '"'))
            .unwrap_or(value.len());
        shown.push_str(&rest[..begin]);
        shown.push('…');
        rest = &value[end..];
    }
    shown.push_str(rest);
    without_url_password(&shown)
}

fn without_url_password(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else {
        return text.to_owned();
    };
    let authority = rest.find(['/', '\'', ' ', '?']).unwrap_or(rest.len());
    match rest[..authority].rfind('@').zip(rest.find(':')) {
        Some((at, colon)) if colon < at => {
            format!("{scheme}://{}:…{}", &rest[..colon], &rest[at..])
        }
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_of_a_schema_are_hidden() {
        for (sql, shown) in [
            (
                "CREATE SUBSCRIPTION s CONNECTION 'host=h password=s3cret' PUBLICATION p WITH (slot_name = 'x')",
                "CREATE SUBSCRIPTION s CONNECTION '…' PUBLICATION p WITH (slot_name = 'x')",
            ),
            (
                "CREATE USER MAPPING FOR u SERVER s OPTIONS (\n    password 's3''cret',\n    \"user\" 'u'\n);",
                "CREATE USER MAPPING FOR u SERVER s OPTIONS (\n    password '…',\n    \"user\" 'u'\n);",
            ),
            (
                "OPTIONS (\"Api_Key\" E's3\\'cret', host 'h')",
                "OPTIONS (\"Api_Key\" E'…', host 'h')",
            ),
            (
                "ALTER DATABASE d SET app.secret TO 's3cret'",
                "ALTER DATABASE d SET app.secret TO '…'",
            ),
            (
                "ALTER ROLE r IN DATABASE d SET \"app\".\"token\" TO 's3cret'",
                "ALTER ROLE r IN DATABASE d SET \"app\".\"token\" TO '…'",
            ),
            (
                "SELECT dblink('host=h password=s3cret dbname=d')",
                "SELECT dblink('host=h password=… dbname=d')",
            ),
            (
                "DEFAULT 'postgres://u:s3cr@et@h:5/d'",
                "DEFAULT 'postgres://u:…@h:5/d'",
            ),
            ("password 's3cret that was cut", "password '…'"),
        ] {
            assert_eq!(redacted(sql), shown);
            assert!(!redacted(sql).contains("s3c"));
        }
    }

    #[test]
    fn what_is_no_secret_stays() {
        for sql in [
            "CREATE TABLE t (password text DEFAULT 5, a text DEFAULT 'x''y');",
            "COMMENT ON COLUMN t.a IS 'it''s';",
            "SELECT 'a' || 'b', \"passwords\".x, 'postgres://h/d'",
        ] {
            assert_eq!(redacted(sql), sql);
        }
    }
}
