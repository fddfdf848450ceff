//! What a run is going to do: COMMAND, its environment, the plan for the journal.

use std::collections::BTreeMap;

use xxhash_rust::xxh3::xxh3_64;

use super::super::words::ProveOn;
use super::super::{Failure, Invocation};
use super::environment::as_it_is;
use super::maker::{Maker, hide, look_up, shell};
use super::migration_files;
use super::wanted::Wanted;
use crate::bracket::Terms;
use crate::bracket::command::Command;
use crate::bracket::journal::{Plan, PlannedTarget, Setback};
use crate::bracket::live::{Commands, Wishes};
use crate::bracket::template::{Assignment, TemplateError, WORDS};
use crate::config::TargetConfig;
use crate::connection::{Secret, Target};
use crate::operation::Place;

/// What a run is going to do.
pub(in super::super) struct Request {
    pub terms: Terms,
    wanted: Wanted,
    targets: Vec<Target>,
    migration_files: Vec<String>,
    assignments: Vec<Assignment>,
    secrets: Vec<Secret>,
}

impl Request {
    /// Puts together what was asked for and what the configuration says.
    ///
    /// # Errors
    /// No COMMAND anywhere, or a template that cannot be filled in (exit 2).
    pub fn new(
        invocation: &Invocation,
        targets: &[Target],
        mut wanted: Wanted,
    ) -> Result<Self, Failure> {
        distinct(targets)?;
        let secrets: Vec<Secret> = targets
            .iter()
            .filter_map(|target| target.password().cloned())
            .collect();
        for (flag, line) in [
            ("--quiesce", &wanted.quiesce),
            ("--unquiesce", &wanted.unquiesce),
        ] {
            if line
                .as_ref()
                .is_some_and(|line| hide(line, &secrets) != *line)
            {
                return Err(Failure::usage(format!(
                    "{flag} holds a password, and has to be in the journal for after a crash"
                ))
                .hint(format!(
                    "put it into a variable, which {flag} finds in its environment"
                )));
            }
        }
        let found: Vec<&TargetConfig> = targets
            .iter()
            .filter_map(|target| configured(invocation, target))
            .collect();
        if wanted.command.is_empty() {
            wanted.command = command(&found, targets)?;
        }
        let mut terms = wanted.terms.clone();
        terms.targets = targets.len();
        let request = Self {
            terms,
            assignments: assignments(&wanted, &found)?,
            migration_files: migration_files::absolute(&wanted.migration_files)?,
            wanted,
            targets: targets.to_vec(),
            secrets,
        };
        look_up(&request.maker(invocation).on(targets)?.0)?;
        Ok(request)
    }

    /// Everything that is to be run.
    ///
    /// # Errors
    /// A template that cannot be filled in (exit 2).
    pub fn commands(&self, invocation: &Invocation) -> Result<Commands, Failure> {
        let plain = |line: &Option<String>| {
            line.as_ref().map(|line| Command {
                words: shell(line),
                shown: shell(line),
                environment: as_it_is(invocation),
                repointed: Vec::new(),
                secrets: self.secrets.clone(),
                limit: None,
            })
        };
        let maker = self.maker(invocation);
        let (migration, check) = maker.on(&self.targets)?;
        Ok(Commands {
            migration,
            check,
            quiesce: plain(&self.wanted.quiesce),
            unquiesce: plain(&self.wanted.unquiesce),
            on_copies: Box::new(move |copies| {
                maker.on(copies).map_err(|failure| setback(&failure))
            }),
        })
    }

    fn maker(&self, invocation: &Invocation) -> Maker {
        Maker {
            environment: invocation.environment.clone(),
            targets: self.targets.clone(),
            words: self.wanted.command.clone(),
            check: self.wanted.check.clone(),
            assignments: self.assignments.clone(),
            secrets: self.secrets.clone(),
            limit: self.wanted.timeout,
        }
    }

    /// What is wished of the rehearsal.
    pub fn wishes(&self) -> Wishes {
        Wishes {
            proofs: self.terms.no_proof.is_none(),
            allow_loss: self.wanted.allow_loss.clone(),
            keep_copies: self.wanted.keep_copy,
            rolls_back: self.terms.rollback,
            rollback: self.wanted.rollback,
            templates: self.wanted.template,
        }
    }

    /// Where copies go, if that was asked for.
    pub fn prove_on(&self) -> Option<&ProveOn> {
        self.wanted.prove_on.as_ref()
    }

    /// Whether backups are asked for one point in time.
    pub fn consistent(&self) -> bool {
        self.wanted.consistent
    }

    /// What the journal's first record says.
    pub fn plan(&self, invocation: &Invocation, run: &str, places: &[Place]) -> Plan {
        let command = self.hidden(&self.wanted.command);
        let check = self.wanted.check.as_ref().map(|line| self.hide(line));
        Plan {
            run: run.to_owned(),
            bookend: env!("CARGO_PKG_VERSION").to_owned(),
            host: host(),
            pid: std::process::id(),
            targets: self.targets.iter().map(planned).collect(),
            hidden: command != self.wanted.command || check != self.wanted.check,
            command,
            check,
            quiesce: self.wanted.quiesce.clone(),
            unquiesce: self.wanted.unquiesce.clone(),
            env: self
                .assignments
                .iter()
                .map(|one| one.name.clone())
                .collect(),
            env_templates: self
                .assignments
                .iter()
                .filter(|one| is_placeholder(&one.template))
                .map(|one| (one.name.clone(), one.template.clone()))
                .collect(),
            prove_on: places.iter().find_map(|place| match place {
                Place::SameServer(_) => None,
                Place::Other(_) | Place::Sandbox(_) => Some(place.shown()),
            }),
            prove_on_word: self
                .wanted
                .prove_on
                .as_ref()
                .map(|on| self.hide(&on.to_string())),
            timeout_ms: self
                .wanted
                .timeout
                .map(|limit| u64::try_from(limit.as_millis()).unwrap_or(u64::MAX)),
            consistent: self.wanted.consistent,
            allow_loss: self.wanted.allow_loss.clone(),
            keep_copies: self.wanted.keep_copy,
            template: self.wanted.template,
            migration_files: self.migration_files.clone(),
            options: options(invocation),
            more: BTreeMap::new(),
        }
    }

    fn hide(&self, word: &str) -> String {
        hide(word, &self.secrets)
    }

    fn hidden(&self, words: &[String]) -> Vec<String> {
        words.iter().map(|word| self.hide(word)).collect()
    }
}

fn setback(failure: &Failure) -> Setback {
    Setback {
        code: failure.code.to_owned(),
        message: failure.message.clone(),
        causes: failure.causes.clone(),
        hint: failure.hint.clone(),
    }
}

/// Labels tell targets apart, in templates and in reports.
fn distinct(targets: &[Target]) -> Result<(), Failure> {
    for (n, target) in targets.iter().enumerate() {
        for other in &targets[..n] {
            if target.is_same_database(other) {
                return Err(Failure::usage(format!(
                    "{} is named twice",
                    target.display_url()
                )));
            }
            if target.label() == other.label() {
                return Err(
                    Failure::usage(format!("two targets are called {}", target.label()))
                        .hint("give them names in bookend.toml"),
                );
            }
        }
    }
    Ok(())
}

/// Nothing but one placeholder, so no secret of its own.
fn is_placeholder(template: &str) -> bool {
    let inside = template
        .strip_prefix('{')
        .and_then(|rest| rest.strip_suffix('}'));
    inside.is_some_and(|inside| {
        let field = inside.rsplit_once('.').map_or(inside, |(_, field)| field);
        WORDS.contains(&field)
    })
}

fn planned(target: &Target) -> PlannedTarget {
    PlannedTarget {
        label: target.label().to_owned(),
        engine: target.engine().name().to_owned(),
        database: target.database().to_owned(),
        url: target.display_url(),
        origin: target.origin().to_owned(),
    }
}

/// This machine's name.
pub(in super::super) fn host() -> String {
    nix::unistd::gethostname()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default()
}

/// The target's part of `bookend.toml`.
pub(super) fn configured<'a>(
    invocation: &'a Invocation,
    target: &'a Target,
) -> Option<&'a TargetConfig> {
    invocation
        .config
        .of(target)
        .map(|(_, configured)| configured)
}

/// The command of the configuration; of several targets one has to have it.
fn command(configured: &[&TargetConfig], targets: &[Target]) -> Result<Vec<String>, Failure> {
    let mut given = configured
        .iter()
        .map(|target| &target.migrate)
        .filter(|words| words.first().is_some_and(|word| !word.is_empty()));
    let (first, second) = (given.next(), given.next());
    match (first, second) {
        (Some(words), None) => Ok(words.clone()),
        (Some(words), Some(other)) if words == other => Ok(words.clone()),
        _ => {
            let names: Vec<&str> = targets.iter().map(Target::label).collect();
            Err(
                Failure::usage(format!("no COMMAND to migrate {} with", names.join(" and ")))
                    .hint("bookend run TARGET -- COMMAND, or `migrate = [\"…\"]` of the target in bookend.toml"),
            )
        }
    }
}

/// `env` of the configuration first, then `--env`: the later one of a name wins.
fn assignments(wanted: &Wanted, configured: &[&TargetConfig]) -> Result<Vec<Assignment>, Failure> {
    let mut all: Vec<Assignment> = Vec::new();
    let mut add = |one: Assignment| {
        all.retain(|known| known.name != one.name);
        all.push(one);
    };
    for (name, template) in configured.iter().flat_map(|target| &target.env) {
        add(Assignment::new(name, template).map_err(|e| template_failure(&e))?);
    }
    wanted.env.iter().cloned().for_each(add);
    Ok(all)
}

pub(super) fn template_failure(error: &TemplateError) -> Failure {
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
