//! Which run a word means: its id, a unique beginning of one, or `latest`.

use super::error::failure_of;
use super::{Exit, Failure, Invocation};
use crate::operation::OperationError;
use crate::store::Store;

/// The run that a word means.
///
/// # Errors
/// None or several go by that word (exit 2).
pub(super) fn run_called(
    invocation: &Invocation,
    store: &Store,
    word: &str,
) -> Result<String, Failure> {
    let runs = store
        .runs()
        .map_err(|error| failure_of(&OperationError::from(error)))?;
    let run = choose(&runs, word)?;
    if run != word {
        invocation.screen.detail(&format!("run {run}"));
    }
    Ok(run)
}

/// `runs` are sorted, oldest first.
fn choose(runs: &[String], word: &str) -> Result<String, Failure> {
    if word == "latest" {
        return runs.last().cloned().ok_or_else(|| no_such(word));
    }
    if runs.iter().any(|run| run == word) {
        return Ok(word.to_owned());
    }
    let begins = |run: &&String| !word.is_empty() && run.starts_with(word);
    let candidates: Vec<&String> = runs.iter().filter(begins).collect();
    match candidates.as_slice() {
        [only] => Ok((*only).clone()),
        [] => Err(no_such(word)),
        several => Err(Failure::new(
            Exit::Usage,
            "ambiguous-run",
            format!("{word} could be several runs"),
        )
        .because(several.iter().map(|run| run.as_str()))),
    }
}

fn no_such(word: &str) -> Failure {
    let message = if word == "latest" {
        "nothing has run".to_owned()
    } else {
        format!("no run is called {word}")
    };
    Failure::new(Exit::Usage, "no-such-run", message).hint("bookend status")
}

#[cfg(test)]
mod tests {
    use super::choose;

    #[test]
    fn a_run_goes_by_its_id_a_beginning_and_latest() {
        let runs: Vec<String> = [
            "20261120T043512Z-shop",
            "20261120T043512Z-shop-2",
            "20261121T010000Z-a",
        ]
        .map(str::to_owned)
        .to_vec();
        let chosen = |word: &str| choose(&runs, word).map_err(|failure| failure.code);
        assert_eq!(chosen("latest").unwrap(), runs[2]);
        assert_eq!(chosen("20261120T043512Z-shop").unwrap(), runs[0]);
        assert_eq!(chosen("20261121").unwrap(), runs[2]);
        assert_eq!(chosen("20261120"), Err("ambiguous-run"));
        assert_eq!(chosen("shop"), Err("no-such-run"));
        assert_eq!(chosen(""), Err("no-such-run"));
        assert_eq!(
            choose(&[], "latest").unwrap_err().message,
            "nothing has run"
        );
    }
}
