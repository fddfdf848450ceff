//! What a command hands back for printing.

use serde_json::{Map, Value};

use super::failure::{Exit, Failure};

/// A finished command: its text, its JSON, and whether what it found counts as a failure.
#[derive(Debug, Default)]
pub struct Outcome {
    /// For stdout, each line with its end.
    pub text: String,
    /// Keys of the JSON document; `ok` and `error` are added when it is printed.
    pub document: Map<String, Value>,
    /// Set if the exit code is not 0 although there is a result to print.
    pub failure: Option<Failure>,
    /// True if the text says already what `failure` would: it is then left off stderr.
    pub said: bool,
}

impl Outcome {
    /// An outcome with text for people and keys for scripts.
    #[must_use]
    pub fn new(text: impl Into<String>, document: Value) -> Self {
        let document = match document {
            Value::Object(map) => map,
            Value::Null => Map::new(),
            other => Map::from_iter([("result".to_owned(), other)]),
        };
        Self {
            text: text.into(),
            document,
            failure: None,
            said: false,
        }
    }

    /// The same, with an exit code other than 0.
    #[must_use]
    pub fn failing(mut self, failure: Option<Failure>) -> Self {
        self.failure = failure;
        self
    }

    /// The same, and the failure's message stands in the text already.
    #[must_use]
    pub fn said(mut self) -> Self {
        self.said = true;
        self
    }

    /// The exit code.
    #[must_use]
    pub fn exit(&self) -> Exit {
        self.failure
            .as_ref()
            .map_or(Exit::Done, |failure| failure.exit)
    }

    /// The whole JSON document.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut document = Map::new();
        document.insert("ok".to_owned(), Value::Bool(self.failure.is_none()));
        if let Some(failure) = &self.failure {
            document.insert("error".to_owned(), failure.to_json());
        }
        document.extend(self.document.clone());
        Value::Object(document)
    }
}

impl From<Failure> for Outcome {
    fn from(failure: Failure) -> Self {
        Self::default().failing(Some(failure))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn ok_is_true_exactly_when_the_exit_code_is_0() {
        let fine = Outcome::new("", json!({"rows": 3}));
        assert_eq!(fine.to_json(), json!({"ok": true, "rows": 3}));
        let failed = fine.failing(Some(Failure::new(
            Exit::Different,
            "different",
            "they differ",
        )));
        assert_eq!(
            failed.to_json(),
            json!({
                "ok": false,
                "error": {"code": "different", "message": "they differ", "causes": [], "hint": null},
                "rows": 3,
            })
        );
        assert_eq!(failed.exit(), Exit::Different);
    }
}
