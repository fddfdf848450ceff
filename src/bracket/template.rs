//! `{url}`, `{host}`, `{port}`, `{user}`, `{password}`, `{database}`, and `{shop.url}` where
//! there are several targets.

use crate::connection::Secret;

/// What stands for the words in braces.
#[derive(Clone, Debug)]
pub struct Values {
    /// The target's name, for `{shop.url}`.
    pub label: String,
    /// `{url}`.
    pub url: Secret,
    /// `{host}`.
    pub host: String,
    /// `{port}`.
    pub port: String,
    /// `{user}`.
    pub user: String,
    /// `{password}`; empty if there is none.
    pub password: Secret,
    /// `{database}`.
    pub database: String,
}

/// A template that cannot be filled in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// A secret would stand in a process list.
    #[error("{{{word}}} cannot stand in COMMAND: every process list would show it")]
    Secret {
        /// The word.
        word: String,
    },
    /// `--env` is not `NAME=TEMPLATE`.
    #[error("{given:?} is not NAME=TEMPLATE")]
    NotAnAssignment {
        /// What was given, up to the first 40 characters.
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
    /// The word does not say whose.
    #[error("{{{word}}} does not say which target: write {{{example}.{word}}}")]
    Whose {
        /// The word.
        word: String,
        /// A target's name.
        example: String,
    },
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
            Some((name, template)) if is_variable(name) => Ok(Self {
                name: name.to_owned(),
                template: template.to_owned(),
            }),
            // What follows the `=` may be a secret, so it is not repeated.
            Some((name, _)) => Err(TemplateError::NotAnAssignment { given: short(name) }),
            None => Err(TemplateError::NotAnAssignment { given: short(text) }),
        }
    }
}

/// Fills in a variable's template. Any word in lower-case letters that means nothing is an
/// error: a mistyped `{databse}` would point COMMAND nowhere.
///
/// # Errors
/// For a word that means nothing, or does not say whose it is.
pub fn fill(assignment: &Assignment, targets: &[Values]) -> Result<Secret, TemplateError> {
    let mut filled = String::new();
    for piece in pieces(&assignment.template) {
        match piece {
            Piece::Text(text) => filled.push_str(text),
            Piece::Word(word) => match value(word, targets)? {
                Some(value) => filled.push_str(value.expose()),
                None if looks_meant(word) => {
                    return Err(TemplateError::Unknown {
                        name: assignment.name.clone(),
                        word: word.to_owned(),
                    });
                }
                None => {
                    filled.push('{');
                    filled.push_str(word);
                    filled.push('}');
                }
            },
        }
    }
    Ok(Secret::new(filled))
}

/// Fills in one of COMMAND's words. Braces mean many things in commands, so what is not a
/// word of ours stays as it is.
///
/// # Errors
/// For `{url}` and `{password}`, and for words that do not say whose they are.
pub fn fill_word(word: &str, targets: &[Values]) -> Result<String, TemplateError> {
    let mut filled = String::new();
    for piece in pieces(word) {
        match piece {
            Piece::Text(text) => filled.push_str(text),
            Piece::Word(name) => match value(name, targets)? {
                Some(_) if is_secret(name) => {
                    return Err(TemplateError::Secret {
                        word: name.to_owned(),
                    });
                }
                Some(value) => filled.push_str(value.expose()),
                None => {
                    filled.push('{');
                    filled.push_str(name);
                    filled.push('}');
                }
            },
        }
    }
    Ok(filled)
}

/// A word of COMMAND as a journal may keep it: passwords blotted out.
#[must_use]
pub fn blot(word: &str, passwords: &[&Secret]) -> String {
    let mut clean = word.to_owned();
    for password in passwords {
        // One or two characters would blot out half of the command and tell which they are.
        if password.expose().len() > 2 {
            clean = clean.replace(password.expose(), "***");
        }
    }
    clean
}

enum Piece<'a> {
    Text(&'a str),
    Word(&'a str),
}

fn pieces(template: &str) -> Vec<Piece<'_>> {
    let mut found = Vec::new();
    let mut rest = template;
    while let Some(open) = rest.find('{') {
        let inside = &rest[open + 1..];
        let end = inside.find(['{', '}']);
        match end {
            Some(close) if inside[close..].starts_with('}') => {
                found.push(Piece::Text(&rest[..open]));
                found.push(Piece::Word(&inside[..close]));
                rest = &inside[close + 1..];
            }
            Some(_) | None => {
                found.push(Piece::Text(&rest[..=open]));
                rest = inside;
            }
        }
    }
    found.push(Piece::Text(rest));
    found
}

fn value(word: &str, targets: &[Values]) -> Result<Option<Secret>, TemplateError> {
    if let Some((label, field)) = word.rsplit_once('.') {
        let named = targets.iter().find(|values| values.label == label);
        return Ok(named.and_then(|values| of(values, field)));
    }
    match targets {
        [only] => Ok(of(only, word)),
        [first, ..] if WORDS.contains(&word) => Err(TemplateError::Whose {
            word: word.to_owned(),
            example: first.label.clone(),
        }),
        _ => Ok(None),
    }
}

fn of(values: &Values, field: &str) -> Option<Secret> {
    match field {
        "url" => Some(values.url.clone()),
        "host" => Some(Secret::new(values.host.clone())),
        "port" => Some(Secret::new(values.port.clone())),
        "user" => Some(Secret::new(values.user.clone())),
        "password" => Some(values.password.clone()),
        "database" => Some(Secret::new(values.database.clone())),
        _ => None,
    }
}

fn is_secret(word: &str) -> bool {
    let field = word.rsplit_once('.').map_or(word, |(_, field)| field);
    matches!(field, "url" | "password")
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
    use super::{Assignment, TemplateError, Values, blot, fill, fill_word};
    use crate::connection::Secret;

    fn shop(label: &str) -> Values {
        Values {
            label: label.to_owned(),
            url: Secret::new("postgres://ada:c4nary@db:5432/shop"),
            host: "db".to_owned(),
            port: "5432".to_owned(),
            user: "ada".to_owned(),
            password: Secret::new("c4nary"),
            database: "shop".to_owned(),
        }
    }

    fn filled(template: &str, targets: &[Values]) -> Result<String, TemplateError> {
        let assignment = Assignment::parse(&format!("X={template}"))?;
        fill(&assignment, targets).map(|secret| secret.expose().to_owned())
    }

    #[test]
    fn variables_take_every_word() {
        assert_eq!(
            filled(
                "{user}:{password}@{host}:{port}/{database}",
                &[shop("shop")]
            )
            .unwrap(),
            "ada:c4nary@db:5432/shop"
        );
        assert_eq!(
            filled("{url}", &[shop("shop")]).unwrap(),
            "postgres://ada:c4nary@db:5432/shop"
        );
    }

    #[test]
    fn json_in_a_template_stays() {
        let text = r#"{"name": "{database}", "x": {}}"#;
        assert_eq!(
            filled(text, &[shop("shop")]).unwrap(),
            r#"{"name": "shop", "x": {}}"#
        );
    }

    #[test]
    fn a_mistyped_word_is_an_error_in_a_variable_and_stays_in_a_command() {
        assert!(matches!(
            filled("{databse}", &[shop("shop")]),
            Err(TemplateError::Unknown { .. })
        ));
        assert_eq!(
            fill_word("{databse}", &[shop("shop")]).unwrap(),
            "{databse}"
        );
        assert_eq!(fill_word("-I{}", &[shop("shop")]).unwrap(), "-I{}");
    }

    #[test]
    fn commands_never_show_secrets() {
        for word in [
            "{url}",
            "--dsn={url}",
            "{password}",
            "{shop.url}",
            "x{shop.password}",
        ] {
            assert!(
                matches!(
                    fill_word(word, &[shop("shop")]),
                    Err(TemplateError::Secret { .. })
                ),
                "{word}"
            );
        }
        assert_eq!(
            fill_word("--db={shop.database}", &[shop("shop")]).unwrap(),
            "--db=shop"
        );
    }

    #[test]
    fn several_targets_must_be_named() {
        let both = [shop("shop"), shop("catalog")];
        assert!(matches!(
            fill_word("{host}", &both),
            Err(TemplateError::Whose { .. })
        ));
        assert_eq!(fill_word("{catalog.host}", &both).unwrap(), "db");
    }

    #[test]
    fn assignments_need_a_name_and_errors_do_not_repeat_the_value() {
        for text in ["", "=x", "1X=y", "A B=c", "no-equals"] {
            assert!(Assignment::parse(text).is_err(), "{text}");
        }
        let error = Assignment::parse("A-B=hunter2").unwrap_err();
        assert!(!error.to_string().contains("hunter2"));
    }

    #[test]
    fn passwords_are_blotted_out() {
        let password = Secret::new("c4nary");
        assert_eq!(blot("-pc4nary", &[&password]), "-p***");
        assert_eq!(blot("abc", &[&Secret::new("a")]), "abc");
    }
}
