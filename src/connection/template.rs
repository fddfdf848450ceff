//! `{url}`, `{host}` and the like in `--env` and in the words of the migration command.

use super::{ConnectionError, Target};

/// Where a template stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expansion {
    /// In `--env NAME=TEMPLATE`: everything is allowed.
    Variable,
    /// In a word of the command: `{url}` and `{password}` are refused.
    CommandWord,
}

/// Fills in a template. `targets` are the databases of this step; the first one answers
/// plain placeholders, and `{shop.url}` asks the one labelled `shop`. Braces around anything
/// else stay as they are, since commands have braces of their own.
///
/// # Errors
/// [`ConnectionError::SecretInCommand`] for what a process list must not show.
pub fn expand(
    template: &str,
    targets: &[&Target],
    place: Expansion,
) -> Result<String, ConnectionError> {
    let mut text = String::with_capacity(template.len());
    let mut rest = template;
    while let Some(open) = rest.find('{') {
        text.push_str(&rest[..open]);
        rest = &rest[open..];
        let value = match rest[1..].find(['}', '{']) {
            Some(end) if rest[1 + end..].starts_with('}') => {
                placeholder(&rest[1..=end], targets, place)?.map(|value| (value, end + 2))
            }
            _ => None,
        };
        let length = value.as_ref().map_or(1, |(_, length)| *length);
        text.push_str(value.as_ref().map_or("{", |(value, _)| value));
        rest = &rest[length..];
    }
    text.push_str(rest);
    Ok(text)
}

fn placeholder(
    inside: &str,
    targets: &[&Target],
    place: Expansion,
) -> Result<Option<String>, ConnectionError> {
    let named = inside.rsplit_once('.').and_then(|(label, field)| {
        targets
            .iter()
            .find(|target| target.label() == label)
            .map(|target| (*target, field))
    });
    let Some((target, field)) = named.or_else(|| targets.first().map(|target| (*target, inside)))
    else {
        return Ok(None);
    };
    if place == Expansion::CommandWord && matches!(field, "url" | "password") {
        return Err(ConnectionError::SecretInCommand {
            placeholder: inside.to_owned(),
        });
    }
    Ok(match field {
        "url" => Some(target.secret_url().expose().to_owned()),
        "host" => Some(target.host().to_owned()),
        "port" => Some(target.port().to_string()),
        "user" => Some(target.user().to_owned()),
        "password" => Some(
            target
                .password()
                .map(|p| p.expose().to_owned())
                .unwrap_or_default(),
        ),
        "database" => Some(target.database().to_owned()),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connection::Environment;

    fn target(url: &str) -> Target {
        Target::parse(url, &Environment::empty()).unwrap()
    }

    #[test]
    fn every_placeholder_is_filled_in() {
        let shop = target("postgresql+psycopg://al:s%40cret@db:5433/shop");
        let text = expand(
            "{host}|{port}|{user}|{password}|{database}|{url}",
            &[&shop],
            Expansion::Variable,
        );
        assert_eq!(
            text.unwrap(),
            "db|5433|al|s@cret|shop|postgresql+psycopg://al:s%40cret@db:5433/shop"
        );
    }

    #[test]
    fn several_targets_are_told_apart_by_label() {
        let (a, b) = (target("postgres://u@a/one"), target("postgres://u@b/two"));
        let text = expand(
            "{one.host} {two.host} {host} {three.host}",
            &[&a, &b],
            Expansion::Variable,
        );
        assert_eq!(text.unwrap(), "a b a {three.host}");
    }

    #[test]
    fn other_braces_stay() {
        let shop = target("postgres://u@a/one");
        for word in [
            "{\"a\": {\"b\": 1}}",
            "{}",
            "${HOME}",
            "{",
            "a{b",
            "{{database",
            "awk '{print}'",
        ] {
            assert_eq!(
                expand(word, &[&shop], Expansion::CommandWord).unwrap(),
                word
            );
        }
        assert_eq!(
            expand("{{database}}", &[&shop], Expansion::CommandWord).unwrap(),
            "{one}"
        );
    }

    #[test]
    fn secrets_are_refused_in_the_words_of_a_command() {
        let shop = target("postgres://u:p@a/one");
        for word in [
            "{url}",
            "--db={url}",
            "{password}",
            "{one.url}",
            "{one.password}",
        ] {
            let error = expand(word, &[&shop], Expansion::CommandWord).unwrap_err();
            assert!(
                matches!(error, ConnectionError::SecretInCommand { .. }),
                "{word}"
            );
        }
        assert_eq!(
            expand("-d{database}", &[&shop], Expansion::CommandWord).unwrap(),
            "-done"
        );
    }
}
