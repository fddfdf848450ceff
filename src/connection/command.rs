//! How the migration command learns which database it is to work on.

use super::target::Address;
use super::{Environment, Secret, Target};

/// Variables that would lead libpq elsewhere, or that are set anew for each step.
const LEADING_ELSEWHERE: &[&str] = &["PGSERVICE", "PGSERVICEFILE", "PGHOSTADDR"];

/// What the migration command's environment differs in from the caller's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CommandEnvironment {
    /// Set these.
    pub variables: Vec<(String, Secret)>,
    /// Take these out: they would lead the command elsewhere.
    pub removed: Vec<String>,
    /// Names of the caller's own variables that named the original and are re-pointed, for
    /// the screen.
    pub repointed: Vec<String>,
}

impl CommandEnvironment {
    fn set(&mut self, name: &str, value: Secret) {
        match self.variables.iter_mut().find(|(known, _)| known == name) {
            Some((_, known)) => *known = value,
            None => self.variables.push((name.to_owned(), value)),
        }
    }
}

impl Target {
    /// The environment for a migration command that is to work on this database, where the
    /// caller's own variables name `original`.
    #[must_use]
    pub fn command_environment(&self, original: &Self, caller: &Environment) -> CommandEnvironment {
        let mut command = CommandEnvironment::default();
        let url = self.rewritten(original, original.secret_url().expose(), caller);
        let url = url.unwrap_or_else(|| self.secret_url());
        match self.address() {
            Address::Postgresql(params) => {
                command.set("DATABASE_URL", url);
                for (name, value) in params.variables() {
                    command.set(&name, value);
                }
            }
            Address::Mongodb(_) => {
                for name in ["MONGODB_URI", "MONGO_URL", "MONGO_URI"] {
                    command.set(name, url.clone());
                }
            }
        }
        for (name, value) in caller.iter() {
            if let Some(value) = self.rewritten(original, value, caller) {
                command.set(name, value);
                command.repointed.push(name.to_owned());
            }
        }
        if matches!(self.address(), Address::Postgresql(_)) {
            command.removed = LEADING_ELSEWHERE
                .iter()
                .filter(|name| !command.variables.iter().any(|(set, _)| set == *name))
                .map(|name| (*name).to_owned())
                .collect();
        }
        command
    }

    fn rewritten(&self, original: &Self, value: &str, env: &Environment) -> Option<Secret> {
        match (self.address(), original.address()) {
            (Address::Postgresql(here), Address::Postgresql(there)) => {
                here.rewritten(there, value, env)
            }
            (Address::Mongodb(here), Address::Mongodb(there)) => here.rewritten(there, value),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
