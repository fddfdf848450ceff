//! The last line of defence for secrets: whatever an error quotes, a password inside a URL or
//! a connection string does not reach the screen. (Secrets that bookend knows never get this
//! far; this is for what a person typed in the wrong place.)

const KEY: &str = "password=";

/// The text with passwords in URLs and in `password=…` replaced by `***`.
#[must_use]
pub fn redact(text: &str) -> String {
    keywords(&urls(text))
}

/// `scheme://user:PASSWORD@host`: up to the last `@` of the word, since people forget to
/// encode one.
fn urls(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + 3);
        clean.push_str(before);
        let end = after
            .find(|c: char| c.is_whitespace() || matches!(c, '\'' | '"' | '`'))
            .unwrap_or(after.len());
        let (word, tail) = after.split_at(end);
        match hidden_password(word) {
            Some((user, host)) => clean.extend([user, ":***@", host]),
            None => clean.push_str(word),
        }
        rest = tail;
    }
    clean.push_str(rest);
    clean
}

fn hidden_password(word: &str) -> Option<(&str, &str)> {
    let query = word.find('?').unwrap_or(word.len());
    let at = word[..query].rfind('@').or_else(|| word.rfind('@'))?;
    let colon = word[..at].find(':')?;
    Some((&word[..colon], &word[at + 1..]))
}

/// `password=VALUE`, and with it `sslpassword=VALUE`.
fn keywords(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(KEY) {
        let (before, after) = rest.split_at(at + KEY.len());
        clean.push_str(before);
        clean.push_str("***");
        rest = &after[value_length(after)..];
    }
    clean.push_str(rest);
    clean
}

/// How long the value is that `text` begins with: quoted as libpq quotes, or up to a space
/// or the next query parameter.
fn value_length(text: &str) -> usize {
    let Some(quoted) = text.strip_prefix('\'') else {
        return text
            .find(|c: char| c.is_whitespace() || matches!(c, '&' | '\'' | '"' | '`'))
            .unwrap_or(text.len());
    };
    let mut escaped = false;
    for (index, character) in quoted.char_indices() {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '\'' => return index + 2,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_in_urls_and_connection_strings_are_hidden() {
        for (text, shown) in [
            (
                "unrecognized subcommand 'postgres://ada:c4n@ry@db:5432/shop'",
                "unrecognized subcommand 'postgres://ada:***@db:5432/shop'",
            ),
            ("postgres://ada:c4?n@db/shop", "postgres://ada:***@db/shop"),
            ("postgres://ada@db/shop", "postgres://ada@db/shop"),
            (
                "postgres://ada@db/shop?password=c4nary&sslmode=require",
                "postgres://ada@db/shop?password=***&sslmode=require",
            ),
            (
                "host=db password=c4nary dbname=shop",
                "host=db password=*** dbname=shop",
            ),
            (
                r"host=db password='c4\' nary' dbname=shop",
                "host=db password=*** dbname=shop",
            ),
            ("password='never closed", "password=***"),
            ("no secret: here", "no secret: here"),
            (
                "a postgres://a:b@c/d and mongodb+srv://e:f@g/h",
                "a postgres://a:***@c/d and mongodb+srv://e:***@g/h",
            ),
        ] {
            assert_eq!(redact(text), shown, "{text}");
        }
    }
}
