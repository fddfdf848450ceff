//! `--env NAME=TEMPLATE`, and templates in COMMAND's words.

use crate::connection::{ConnectionError, Expansion, Secret, Target, expand};

/// A template that cannot be filled in.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// Not `NAME=TEMPLATE`. What follows the `=` may be a secret, so it is not repeated.
    #[error("{given:?} is not the name of a variable")]
    NotAnAssignment {
        /// What was given before the `=`, up to 40 characters.
        given: String,
    },
    /// No such word.
    #[error("{{{word}}} in the template of {name} means nothing")]
    Unknown {
        /// The variable.
        name: String,
        /// The word.
        word: String,
    },
    /// A secret would stand in a process list.
    #[error(transparent)]
    Expansion(#[from] ConnectionError),
}

/// The words that may stand in braces.
pub const WORDS: [&str; 6] = ["url", "host", "port", "user", "password", "database"];

/// A template for one variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// The variable.
    pub name: String,
    /// Its template.
    pub template: String,
}

impl Assignment {
    /// Reads `NAME=TEMPLATE`.
    ///
    /// # Errors
    /// If there is no name or no `=`.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        match text.split_once('=') {
            Some((name, template)) => Self::new(name, template),
            None => Err(TemplateError::NotAnAssignment { given: short(text) }),
        }
    }

    /// A variable and its template.
    ///
    /// # Errors
    /// If the name is not one.
    pub fn new(name: &str, template: &str) -> Result<Self, TemplateError> {
        if !is_variable(name) {
            return Err(TemplateError::NotAnAssignment { given: short(name) });
        }
        Ok(Self {
            name: name.to_owned(),
            template: template.to_owned(),
        })
    }

    /// Fills the template in. A word in lower-case letters that means nothing is an error: a
    /// mistyped `{databse}` would lead COMMAND nowhere.
    ///
    /// # Errors
    /// For a word that means nothing.
    pub fn fill(&self, targets: &[&Target]) -> Result<Secret, TemplateError> {
        for word in words_in_braces(&self.template) {
            let field = word.rsplit_once('.').map_or(word, |(_, field)| field);
            if looks_meant(word) && !WORDS.contains(&field) {
                return Err(TemplateError::Unknown {
                    name: self.name.clone(),
                    word: word.to_owned(),
                });
            }
        }
        Ok(Secret::new(expand(
            &self.template,
            targets,
            Expansion::Variable,
        )?))
    }
}

/// Fills in COMMAND's words. Braces mean many things in commands, so what is not a word of
/// ours stays as it is.
///
/// # Errors
/// For `{url}` and `{password}`.
pub fn fill_words(words: &[String], targets: &[&Target]) -> Result<Vec<String>, TemplateError> {
    words
        .iter()
        .map(|word| Ok(expand(word, targets, Expansion::CommandWord)?))
        .collect()
}

fn words_in_braces(template: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = template;
    while let Some(open) = rest.find('{') {
        let inside = &rest[open + 1..];
        match inside.find(['{', '}']) {
            Some(end) if inside[end..].starts_with('}') => {
                found.push(&inside[..end]);
                rest = &inside[end + 1..];
            }
            Some(_) | None => rest = inside,
        }
    }
    found
}

fn is_variable(name: &str) -> bool {
    let mut letters = name.chars();
    letters
        .next()
        .is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && letters.all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn looks_meant(word: &str) -> bool {
    !word.is_empty()
        && word
            .chars()
            .all(|c| c.is_ascii_lowercase() || c == '_' || c == '.')
}

fn short(text: &str) -> String {
    text.chars().take(40).collect()
}

#[cfg(test)]
mod tests {
    use super::{Assignment, TemplateError, fill_words};
    use crate::connection::{Environment, Target};

    fn shop() -> Target {
        Target::parse("postgres://ada:c4nary@db:5432/shop", &Environment::empty()).unwrap()
    }

    fn filled(template: &str) -> Result<String, TemplateError> {
        let assignment = Assignment::parse(&format!("X={template}"))?;
        assignment
            .fill(&[&shop()])
            .map(|secret| secret.expose().to_owned())
    }

    #[test]
    fn variables_take_every_word_and_keep_other_braces() {
        assert_eq!(
            filled("{user}:{password}@{host}:{port}/{database}").unwrap(),
            "ada:c4nary@db:5432/shop"
        );
        assert_eq!(
            filled(r#"{"name": "{shop.database}", "x": {}}"#).unwrap(),
            r#"{"name": "shop", "x": {}}"#
        );
    }

    #[test]
    fn a_mistyped_word_is_an_error_in_a_variable_and_stays_in_a_command() {
        assert!(matches!(
            filled("{databse}"),
            Err(TemplateError::Unknown { .. })
        ));
        let words = ["{databse}".to_owned(), "-I{}".to_owned()];
        assert_eq!(fill_words(&words, &[&shop()]).unwrap(), words);
    }

    #[test]
    fn commands_never_show_secrets() {
        for word in ["{url}", "--dsn={url}", "{password}", "x{shop.password}"] {
            assert!(
                fill_words(&[word.to_owned()], &[&shop()]).is_err(),
                "{word}"
            );
        }
    }

    #[test]
    fn assignments_need_a_name_and_errors_do_not_repeat_the_value() {
        for text in ["", "=x", "1X=y", "A B=c", "no-equals"] {
            assert!(Assignment::parse(text).is_err(), "{text}");
        }
        let error = Assignment::parse("A-B=hunter2").unwrap_err();
        assert!(!error.to_string().contains("hunter2"));
    }
}
