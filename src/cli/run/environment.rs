//! What COMMAND finds in its environment.

use std::collections::{BTreeMap, BTreeSet};

use super::super::{Failure, Invocation};
use super::request::template_failure;
use crate::bracket::template::Assignment;
use crate::connection::{Environment, Secret, Target};

/// COMMAND's environment.
pub(super) struct Variables {
    /// All of it.
    pub set: Vec<(String, Secret)>,
    /// The caller's variables that were re-pointed in it.
    pub repointed: Vec<String>,
}

/// The caller's environment, pointed at `here`, where it names `originals`. With several
/// databases the first one of each kind is where a client goes that is told nothing; what the
/// caller's own variables name is re-pointed one by one.
pub(super) fn environment(
    caller: &Environment,
    (here, originals): (&[Target], &[Target]),
    assignments: &[Assignment],
) -> Result<Variables, Failure> {
    let mut removed = BTreeSet::new();
    let mut set: BTreeMap<String, Secret> = BTreeMap::new();
    let mut repointed: BTreeMap<String, Secret> = BTreeMap::new();
    for (target, original) in here.iter().zip(originals) {
        let pointed = target.command_environment(original, caller);
        removed.extend(pointed.removed);
        for (name, value) in pointed.variables {
            if pointed.repointed.contains(&name) {
                repointed.entry(name).or_insert(value);
            } else {
                set.entry(name).or_insert(value);
            }
        }
    }
    let names: Vec<String> = repointed.keys().cloned().collect();
    set.extend(repointed);
    for (name, value) in caller.iter() {
        if !removed.contains(name) && !set.contains_key(name) {
            set.insert(name.to_owned(), Secret::new(value));
        }
    }
    let all: Vec<&Target> = here.iter().collect();
    for one in assignments {
        let value = one.fill(&all).map_err(|e| template_failure(&e))?;
        set.insert(one.name.clone(), value);
    }
    Ok(Variables {
        set: set.into_iter().collect(),
        repointed: names,
    })
}

/// The caller's environment as it is, for what is not about the databases.
pub(super) fn as_it_is(invocation: &Invocation) -> Vec<(String, Secret)> {
    invocation
        .environment
        .iter()
        .map(|(name, value)| (name.to_owned(), Secret::new(value)))
        .collect()
}
