//! A value that cannot be printed.

use std::fmt;

/// A password or a URL that holds one. It has no `Display`; `Debug` prints `***`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a value.
    #[must_use]
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The value itself, for handing it to a child's environment or to a server.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// A text from outside (a tool's last words, a server's message) with every secret, and its
/// percent-encoded form, replaced by `***`. Longer secrets go first, so that one that
/// contains another leaves nothing behind.
#[must_use]
pub fn redact(text: &str, secrets: &[&Secret]) -> String {
    let mut forms: Vec<String> = secrets
        .iter()
        .map(|secret| secret.expose())
        .filter(|secret| !secret.is_empty())
        .flat_map(|secret| [secret.to_owned(), super::target::encode(secret)])
        .collect();
    forms.sort_by_key(|form| std::cmp::Reverse(form.len()));
    forms.dedup();
    forms
        .iter()
        .fold(text.to_owned(), |text, form| text.replace(form, "***"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_does_not_show_in_debug_output() {
        assert_eq!(format!("{:?}", Secret::new("canary")), "***");
    }

    #[test]
    fn secrets_are_taken_out_of_texts_plain_and_encoded() {
        let password = Secret::new("p@ss word");
        let longer = Secret::new("p@ss word and more");
        let text = "p@ss word, p%40ss%20word, p@ss word and more";
        assert_eq!(redact(text, &[&password, &longer]), "***, ***, ***");
    }

    #[test]
    fn an_empty_secret_changes_nothing() {
        assert_eq!(redact("abc", &[&Secret::new("")]), "abc");
    }
}
