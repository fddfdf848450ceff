//! What was asked for: COMMAND, its environment, the terms of the run.

use std::collections::BTreeMap;

use xxhash_rust::xxh3::xxh3_64;

use super::super::redact;
use super::super::{Failure, Invocation};
use super::Args;
use crate::bracket::Terms;
use crate::bracket::command::Command;
use crate::bracket::journal::{Plan, PlannedTarget};
use crate::bracket::template::{Assignment, TemplateError, WORDS, fill_words};
use crate::config::TargetConfig;
use crate::connection::{self, Secret, Target};
use crate::operation::Place;

/// What a run was asked to do.
pub(super) struct Request {
    pub terms: Terms,
    pub migration: Command,
    pub check: Option<Command>,
    command: Vec<String>,
    check_line: Option<String>,
    env: Vec<String>,
    options: Vec<String>,
    timeout_ms: Option<u64>,
    secrets: Vec<Secret>,
}

impl Request {
    /// Puts together what the command line and the configuration say.
    ///
    /// # Errors
    /// No COMMAND anywhere, or a template that cannot be filled in (exit 2).
    pub fn new(invocation: &Invocation, target: &Target, args: &Args) -> Result<Self, Failure> {
        let configured = invocation
            .config
            .of(target)
            .map(|(_, configured)| configured);
        let command = command(args, configured, target)?;
        let assignments = assignments(args, configured)?;
        let secrets = secrets(target);
        let prepare = |words: &[String]| -> Result<Command, Failure> {
            let filled = fill_words(words, &[target]).map_err(|e| template_failure(&e))?;
            let variables = environment(invocation, target, &assignments)?;
            Ok(Command {
                shown: filled.iter().map(|word| hide(word, &secrets)).collect(),
                words: filled,
                environment: variables.set,
                repointed: variables.repointed,
                secrets: secrets.clone(),
                limit: args.timeout,
            })
        };
        let migration = prepare(&command)?;
        look_up(&migration)?;
        let check = match &args.check {
            Some(line) => Some(prepare(&["sh".to_owned(), "-c".to_owned(), line.clone()])?),
            None => None,
        };
        Ok(Self {
            terms: Terms {
                targets: 1,
                no_proof: args.no_proof.clone(),
                no_rehearsal: args.no_rehearsal.clone(),
                accept_writes: args.accept_writes.clone(),
                check: args.check.is_some(),
            },
            migration,
            check,
            command,
            check_line: args.check.clone(),
            env: assignments.into_iter().map(|one| one.name).collect(),
            options: options(invocation),
            timeout_ms: args
                .timeout
                .map(|limit| u64::try_from(limit.as_millis()).unwrap_or(u64::MAX)),
            secrets,
        })
    }

    /// What the journal's first record says.
    pub fn plan(&self, run: &str, target: &Target, place: &Place) -> Plan {
        Plan {
            run: run.to_owned(),
            bookend: env!("CARGO_PKG_VERSION").to_owned(),
            host: nix::unistd::gethostname()
                .map(|name| name.to_string_lossy().into_owned())
                .unwrap_or_default(),
            pid: std::process::id(),
            targets: vec![PlannedTarget {
                label: target.label().to_owned(),
                engine: target.engine().name().to_owned(),
                database: target.database().to_owned(),
                url: target.display_url(),
                origin: target.origin().to_owned(),
            }],
            command: self.hidden(&self.command),
            check: self
                .check_line
                .as_ref()
                .map(|line| hide(line, &self.secrets)),
            env: self.env.clone(),
            prove_on: match place {
                Place::SameServer(_) => None,
                Place::Other(other) => Some(other.display_url()),
            },
            timeout_ms: self.timeout_ms,
            options: self.options.clone(),
            more: BTreeMap::new(),
        }
    }

    fn hidden(&self, words: &[String]) -> Vec<String> {
        words.iter().map(|word| hide(word, &self.secrets)).collect()
    }
}

fn command(
    args: &Args,
    configured: Option<&TargetConfig>,
    target: &Target,
) -> Result<Vec<String>, Failure> {
    let given = match configured {
        _ if !args.command.is_empty() => args.command.clone(),
        Some(target) => target.migrate.clone(),
        None => Vec::new(),
    };
    if given.first().is_none_or(String::is_empty) {
        return Err(Failure::usage(format!("no COMMAND to migrate {} with", target.label()))
            .hint("bookend run TARGET -- COMMAND, or `migrate = [\"…\"]` of the target in bookend.toml"));
    }
    Ok(given)
}

/// Before anything is done: a program that is not there is found now, not after the proof.
fn look_up(command: &Command) -> Result<(), Failure> {
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

/// `env` of the configuration first, then `--env`: the later one of a name wins.
fn assignments(args: &Args, configured: Option<&TargetConfig>) -> Result<Vec<Assignment>, Failure> {
    let mut all = Vec::new();
    for (name, template) in configured.iter().flat_map(|target| &target.env) {
        all.push(Assignment::new(name, template).map_err(|e| template_failure(&e))?);
    }
    for given in &args.env {
        all.retain(|one: &Assignment| one.name != given.name);
        all.push(given.clone());
    }
    Ok(all)
}

struct Variables {
    /// COMMAND's whole environment.
    set: Vec<(String, Secret)>,
    /// The caller's variables that were re-pointed in it.
    repointed: Vec<String>,
}

fn environment(
    invocation: &Invocation,
    target: &Target,
    assignments: &[Assignment],
) -> Result<Variables, Failure> {
    let pointed = target.command_environment(target, &invocation.environment);
    let mut variables: BTreeMap<String, Secret> = invocation
        .environment
        .iter()
        .filter(|(name, _)| !pointed.removed.iter().any(|removed| removed == name))
        .map(|(name, value)| (name.to_owned(), Secret::new(value)))
        .collect();
    variables.extend(pointed.variables);
    for one in assignments {
        let value = one.fill(&[target]).map_err(|e| template_failure(&e))?;
        variables.insert(one.name.clone(), value);
    }
    Ok(Variables {
        set: variables.into_iter().collect(),
        repointed: pointed.repointed,
    })
}

fn template_failure(error: &TemplateError) -> Failure {
    let hint = match error {
        TemplateError::NotAnAssignment { .. } => "--env NAME=TEMPLATE".to_owned(),
        TemplateError::Unknown { .. } => format!("these are filled in: {{{}}}", WORDS.join("}, {")),
        TemplateError::Expansion(_) => {
            "COMMAND finds it in DATABASE_URL; or hand it over in a variable: --env NAME={url}"
                .to_owned()
        }
    };
    Failure::of(super::Exit::Usage, "template", error).hint(hint)
}

fn secrets(target: &Target) -> Vec<Secret> {
    target.password().cloned().into_iter().collect()
}

/// A word as it may be shown: without the target's password, and without any in a URL.
fn hide(word: &str, secrets: &[Secret]) -> String {
    let secrets: Vec<&Secret> = secrets.iter().collect();
    redact::redact(&connection::redact(word, &secrets))
}

/// Options that lead later commands to the same store and configuration.
fn options(invocation: &Invocation) -> Vec<String> {
    let given = [
        ("--store", &invocation.options.store),
        ("--config", &invocation.options.config),
    ];
    given
        .into_iter()
        .filter_map(|(flag, path)| Some([flag.to_owned(), path.as_ref()?.display().to_string()]))
        .flatten()
        .collect()
}

/// The lock that a run of this target holds: the same for every way to name the database.
pub(super) fn lock_name(target: &Target) -> String {
    let key = format!(
        "{}\n{}\n{}\n{}",
        target.engine().name(),
        target.host(),
        target.port(),
        target.database()
    );
    format!("target-{:016x}", xxh3_64(key.as_bytes()))
}

/// The lock that says that a run's process is there.
pub(in super::super) fn writer_lock(run: &str) -> String {
    format!("writer-{run}")
}
