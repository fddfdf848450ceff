//! Words of the vendor's texts: keywords in capitals, and names that are quoted unless they are
//! plain lower case.

/// What a token names.
pub(super) enum Name {
    /// A role, without quotes.
    Role(String),
    /// `PUBLIC`, `CURRENT_USER` …
    Keyword,
}

/// What a token names, if it is a name.
pub(super) fn identifier(token: &str) -> Option<Name> {
    if let Some(quoted) = token.strip_prefix('"') {
        let inner = quoted.strip_suffix('"')?;
        return Some(Name::Role(inner.replace("\"\"", "\"")));
    }
    let mut chars = token.chars();
    let first = chars.next()?;
    if !(first.is_alphabetic() || first == '_') {
        return None;
    }
    Some(if token.chars().any(char::is_uppercase) {
        Name::Keyword
    } else {
        Name::Role(token.to_owned())
    })
}

/// How long the first token is: a quoted name, a string, a word, or one character.
pub(super) fn token(text: &str) -> usize {
    let Some(first) = text.chars().next() else {
        return 0;
    };
    let word = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
    match first {
        '"' | '\'' => closing(text, first),
        c if word(c) => text.find(|c| !word(c)).unwrap_or(text.len()),
        c => c.len_utf8(),
    }
}

/// Behind the quote that closes the one at the beginning; a doubled one does not.
fn closing(text: &str, quote: char) -> usize {
    let mut rest = text.char_indices().skip(1).peekable();
    while let Some((at, c)) = rest.next() {
        if c == quote {
            if rest.peek().is_some_and(|(_, next)| *next == quote) {
                rest.next();
            } else {
                return at + 1;
            }
        }
    }
    text.len()
}

/// The role behind the last such keyword outside of parentheses.
pub(super) fn named_behind(text: &str, keyword: &str) -> Option<String> {
    let (mut rest, mut depth, mut found) = (text, 0_usize, None);
    while let Some(first) = rest.chars().next() {
        let (piece, after) = rest.split_at(token(rest));
        rest = after;
        match first {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 && piece == keyword && rest.starts_with(' ') {
            let next = &rest[1..];
            if let Some(Name::Role(role)) = identifier(&next[..token(next)]) {
                found = Some(role);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_stands_behind_a_keyword_outside_of_parentheses() {
        let text = "GRANT SELECT(\"TO a\") ON FUNCTION f(x TO b) TO \"c \"\"d\" WITH GRANT OPTION;";
        assert_eq!(named_behind(text, "TO").as_deref(), Some("c \"d"));
        assert_eq!(named_behind("REVOKE ALL ON t FROM PUBLIC;", "FROM"), None);
        assert_eq!(named_behind("SET x TO", "TO"), None);
    }
}
