//! What is asked of a run, whoever says it: the command line, or the journal of a run that is
//! gone on with.

use std::path::PathBuf;
use std::time::Duration;

use super::super::words::{ProveOn, prove_on};
use super::super::{Failure, Invocation};
use super::request::{configured, template_failure};
use crate::bracket::Terms;
use crate::bracket::journal::Plan;
use crate::bracket::template::Assignment;
use crate::connection::Target;
use crate::operation::rollback::Options;

/// What is asked of a run.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct Wanted {
    /// COMMAND; empty for the target's own.
    pub command: Vec<String>,
    /// `--check`, a line for sh.
    pub check: Option<String>,
    /// `--quiesce`, a line for sh.
    pub quiesce: Option<String>,
    /// `--unquiesce`, a line for sh.
    pub unquiesce: Option<String>,
    /// `--env`.
    pub env: Vec<Assignment>,
    /// `--timeout`.
    pub timeout: Option<Duration>,
    /// `--consistent`.
    pub consistent: bool,
    /// `--prove-on`.
    pub prove_on: Option<ProveOn>,
    /// `--allow-loss`.
    pub allow_loss: Vec<String>,
    /// `--keep-copy`.
    pub keep_copy: bool,
    /// `--template`.
    pub template: bool,
    /// `--migration-files`.
    pub migration_files: Vec<PathBuf>,
    /// How the run is to be rolled back, where that was said now.
    pub rollback: Option<Options>,
    /// What decides which way the run goes; the number of targets is not known yet.
    pub terms: Terms,
}

impl Wanted {
    /// As little of a plan as is needed where COMMAND is not run any more, whatever of it the
    /// journal could not hold.
    pub fn without_command(plan: &Plan, terms: &Terms) -> Self {
        Self {
            command: vec!["true".to_owned()],
            quiesce: plan.quiesce.clone(),
            unquiesce: plan.unquiesce.clone(),
            terms: terms.clone(),
            prove_on: plan
                .prove_on_word
                .as_deref()
                .and_then(|word| prove_on(word).ok()),
            ..Self::default()
        }
    }

    /// What the plan of a run says, with `--env` given again for values that a journal does
    /// not hold.
    ///
    /// # Errors
    /// Something that is not in the journal because it may be a secret (exit 2).
    pub fn of_plan(
        invocation: &Invocation,
        targets: &[Target],
        (plan, terms): (&Plan, &Terms),
        again: &[Assignment],
    ) -> Result<Self, Failure> {
        if plan.hidden {
            return Err(Failure::usage(format!(
                "COMMAND or --check of {} held a password, which no journal holds",
                plan.run
            ))
            .hint(format!(
                "bookend abort {}, and begin a new run; a password belongs into a variable",
                plan.run
            )));
        }
        Ok(Self {
            command: plan.command.clone(),
            check: plan.check.clone(),
            quiesce: plan.quiesce.clone(),
            unquiesce: plan.unquiesce.clone(),
            env: assignments(invocation, targets, plan, again)?,
            timeout: plan.timeout_ms.map(Duration::from_millis),
            consistent: plan.consistent,
            prove_on: match &plan.prove_on_word {
                Some(word) => Some(prove_on(word).map_err(Failure::usage)?),
                None => None,
            },
            allow_loss: plan.allow_loss.clone(),
            keep_copy: plan.keep_copies,
            template: plan.template,
            // The journal has them; whether they are still there is the bundle's business.
            migration_files: Vec::new(),
            rollback: None,
            terms: terms.clone(),
        })
    }
}

fn assignments(
    invocation: &Invocation,
    targets: &[Target],
    plan: &Plan,
    again: &[Assignment],
) -> Result<Vec<Assignment>, Failure> {
    let mut all = Vec::new();
    let mut missing = Vec::new();
    for name in &plan.env {
        let given = again.iter().find(|one| one.name == *name);
        let in_file = targets
            .iter()
            .filter_map(|target| configured(invocation, target))
            .find_map(|config| config.env.get(name));
        let template = given
            .map(|one| one.template.as_str())
            .or(plan.env_templates.get(name).map(String::as_str))
            .or(in_file.map(String::as_str));
        match template {
            Some(template) => {
                all.push(Assignment::new(name, template).map_err(|e| template_failure(&e))?);
            }
            None => missing.push(format!("--env {name}=…")),
        }
    }
    if missing.is_empty() {
        return Ok(all);
    }
    Err(Failure::usage(format!(
        "values that were given with --env may be secrets, and are in no journal: {}",
        missing.join(" ")
    ))
    .hint(format!("bookend resume {} {}", plan.run, missing.join(" "))))
}
