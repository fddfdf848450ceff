//! COMMAND and `--check` for whatever databases they are to work on.

use std::time::Duration;

use super::super::Failure;
use super::super::redact;
use super::environment::environment;
use super::request::template_failure;
use crate::bracket::command::Command;
use crate::bracket::template::{Assignment, fill_words};
use crate::connection::{self, Environment, Secret, Target};

/// Makes COMMAND and `--check` for some databases in place of the targets.
pub(super) struct Maker {
    pub environment: Environment,
    pub targets: Vec<Target>,
    pub words: Vec<String>,
    pub check: Option<String>,
    pub assignments: Vec<Assignment>,
    pub secrets: Vec<Secret>,
    pub limit: Option<Duration>,
}

impl Maker {
    pub fn on(&self, here: &[Target]) -> Result<(Command, Option<Command>), Failure> {
        let labelled: Vec<Target> = here
            .iter()
            .zip(&self.targets)
            .map(|(copy, target)| copy.clone().with_label(target.label()))
            .collect();
        let migration = self.command(&labelled, &self.words)?;
        let check = match &self.check {
            Some(line) => Some(self.command(&labelled, &shell(line))?),
            None => None,
        };
        Ok((migration, check))
    }

    fn command(&self, here: &[Target], words: &[String]) -> Result<Command, Failure> {
        let all: Vec<&Target> = here.iter().collect();
        let filled = fill_words(words, &all).map_err(|e| template_failure(&e))?;
        let variables = environment(&self.environment, (here, &self.targets), &self.assignments)?;
        let mut secrets = self.secrets.clone();
        secrets.extend(here.iter().filter_map(|target| target.password().cloned()));
        Ok(Command {
            shown: filled.iter().map(|word| hide(word, &secrets)).collect(),
            words: filled,
            environment: variables.set,
            repointed: variables.repointed,
            secrets,
            limit: self.limit,
        })
    }
}

/// A line for a shell, as words.
pub(super) fn shell(line: &str) -> Vec<String> {
    vec!["sh".to_owned(), "-c".to_owned(), line.to_owned()]
}

/// Before anything is done: a program that is not there is found now, not after the proof.
pub(super) fn look_up(command: &Command) -> Result<(), Failure> {
    let path = command
        .environment
        .iter()
        .find(|(name, _)| name == "PATH")
        .map(|(_, value)| value.expose().to_owned());
    let here = std::env::current_dir().unwrap_or_default();
    let program = command
        .words
        .first()
        .map(String::as_str)
        .unwrap_or_default();
    match which::which_in(program, path, here) {
        Ok(_) => Ok(()),
        Err(_) => Err(
            Failure::usage(format!("COMMAND's program is not there: {program}"))
                .hint("COMMAND is not a shell's line; for one, write: -- sh -c '…'"),
        ),
    }
}

/// A word as it may be shown: without the target's password, and without any in a URL.
pub(super) fn hide(word: &str, secrets: &[Secret]) -> String {
    let secrets: Vec<&Secret> = secrets.iter().collect();
    redact::redact(&connection::redact(word, &secrets))
}
