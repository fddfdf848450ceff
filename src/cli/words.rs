//! Which server a command on an archive goes to. An archive knows host, port and user, never
//! a password.

use super::Invocation;
use super::error::failure_of;
use super::failure::Failure;
use crate::connection::{EngineKind, Target};
use crate::engine::SandboxUse;
use crate::operation::{OperationError, Place, SandboxOptions, Workspace};
use crate::snapshot::Snapshot;

/// `--prove-on`'s values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ProveOn {
    /// Where the database itself is.
    SameServer,
    /// On a private server of bookend's own.
    Sandbox,
    /// On the server of this target.
    Target(String),
}

impl std::fmt::Display for ProveOn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::SameServer => f.write_str("same-server"),
            Self::Sandbox => f.write_str("sandbox"),
            Self::Target(word) => f.write_str(word),
        }
    }
}

/// Reads a value of `--prove-on`.
///
/// # Errors
/// In words, for clap to show.
pub(super) fn prove_on(text: &str) -> Result<ProveOn, String> {
    match text {
        "same-server" => Ok(ProveOn::SameServer),
        "sandbox" => Ok(ProveOn::Sandbox),
        "" => Err("name a TARGET, same-server, or sandbox".to_owned()),
        other => Ok(ProveOn::Target(other.to_owned())),
    }
}

/// Where the copy of a live target's backup goes.
pub(super) fn place_beside(
    invocation: &Invocation,
    target: &Target,
    asked: Option<&ProveOn>,
) -> Result<Place, Failure> {
    let configured = match asked {
        Some(_) => None,
        None => invocation.config.of(target).and_then(|(name, of)| {
            let text = of.prove_on.as_deref()?;
            Some(configured(name, text))
        }),
    };
    match asked.cloned().map(Ok).or(configured).transpose()? {
        None => Ok(Place::SameServer(target.clone())),
        Some(ProveOn::SameServer) => Ok(Place::Other(target.clone())),
        Some(ProveOn::Sandbox) => sandbox(invocation, SandboxUse::Proof),
        Some(ProveOn::Target(word)) => Ok(Place::Other(invocation.target(Some(&word))?)),
    }
}

/// Where the copy of an archive goes.
pub(super) async fn place_for(
    invocation: &Invocation,
    ws: &Workspace,
    archive: &ArchiveOrigin<'_>,
    asked: Option<&ProveOn>,
) -> Result<Place, Failure> {
    let asked = match asked {
        Some(asked) => Some(asked.clone()),
        None => prove_on_of(invocation, ws, archive).await?,
    };
    match asked {
        Some(ProveOn::Target(word)) => Ok(Place::Other(invocation.target(Some(&word))?)),
        Some(ProveOn::Sandbox) => sandbox(invocation, SandboxUse::Proof),
        Some(ProveOn::SameServer) => Ok(Place::Other(home(invocation, ws, archive).await?)),
        None => Ok(Place::SameServer(home(invocation, ws, archive).await?)),
    }
}

/// A private server, in the folder that the configuration names if it does.
pub(super) fn sandbox(invocation: &Invocation, purpose: SandboxUse) -> Result<Place, Failure> {
    let folder = invocation.config.sandbox_dir.as_deref();
    let folder = folder.map(std::path::absolute).transpose();
    let folder =
        folder.map_err(|error| Failure::usage(format!("sandbox_dir of bookend.toml: {error}")))?;
    Ok(Place::Sandbox(SandboxOptions { purpose, folder }))
}

/// `prove_on` of the target that the archive names. A target of the same name may be of
/// another engine, or on another server: what is configured for that says nothing of this
/// archive. Where the server goes by another host name than when the archive was taken, its
/// identity decides.
async fn prove_on_of(
    invocation: &Invocation,
    ws: &Workspace,
    archive: &ArchiveOrigin<'_>,
) -> Result<Option<ProveOn>, Failure> {
    let Some(text) = invocation
        .config
        .targets
        .get(archive.label)
        .and_then(|target| target.prove_on.as_deref())
    else {
        return Ok(None);
    };
    let configured = configured(archive.label, text)?;
    if configured == ProveOn::Sandbox {
        // It is of the archive's own making, and the servers may all be gone.
        return Ok(Some(configured));
    }
    let Some(target) = named(invocation, archive)? else {
        return Ok(None);
    };
    let server = &archive.snapshot.server;
    if !target.is_on(&server.host, server.port) {
        home(invocation, ws, archive).await?;
    }
    Ok(Some(configured))
}

fn configured(name: &str, text: &str) -> Result<ProveOn, Failure> {
    prove_on(text).map_err(|why| Failure::usage(format!("prove_on of target {name}: {why}")))
}

/// The target of the archive's label in the configuration, if it is of the archive's engine.
fn named(invocation: &Invocation, archive: &ArchiveOrigin<'_>) -> Result<Option<Target>, Failure> {
    if !invocation.config.targets.contains_key(archive.label) {
        return Ok(None);
    }
    let target = invocation.target(Some(archive.label))?;
    Ok((target.engine().name() == archive.snapshot.engine).then_some(target))
}

/// What an archive says of where it came from.
#[derive(Clone, Copy, Debug)]
pub(super) struct ArchiveOrigin<'a> {
    /// Its id.
    pub id: &'a str,
    /// Label of its target.
    pub label: &'a str,
    /// What was read.
    pub snapshot: &'a Snapshot,
}

/// The archive's own server: the target of its name in the configuration, else the host,
/// port and user that it was read by. Refused if a server of another identity answers.
pub(super) async fn home(
    invocation: &Invocation,
    ws: &Workspace,
    archive: &ArchiveOrigin<'_>,
) -> Result<Target, Failure> {
    let engine = ws
        .engines
        .named(&archive.snapshot.engine)
        .map_err(|error| failure_of(&error))?;
    let target = match named(invocation, archive)? {
        Some(target) => target,
        None => recorded(invocation, archive)?,
    };
    invocation.screen.note(&format!(
        "the archive's own server: {}",
        target.display_url()
    ));
    let inspection = engine
        .reach(&ws.context(), &target)
        .await
        .map_err(|error| failure_of(&error.into()))?;
    match (&inspection.identity, &archive.snapshot.server.identity) {
        (Some(here), Some(there)) if here != there => {
            Err(failure_of(&OperationError::OtherServer {
                server: target.display_url(),
                archive: archive.id.to_owned(),
            }))
        }
        (Some(_), Some(_)) => Ok(target),
        _ => {
            invocation.screen.note(
                "the server's identity cannot be read: it is taken for the archive's by host and port",
            );
            Ok(target)
        }
    }
}

/// The server as the archive recorded it, with a password from the engine's usual places.
pub(super) fn recorded(
    invocation: &Invocation,
    archive: &ArchiveOrigin<'_>,
) -> Result<Target, Failure> {
    let server = &archive.snapshot.server;
    let engine = &archive.snapshot.engine;
    let kind = EngineKind::named(engine).ok_or_else(|| {
        failure_of(&OperationError::NoEngine {
            engine: engine.clone(),
        })
    })?;
    Target::of_server(
        kind,
        (&server.host, server.port, &server.user),
        &archive.snapshot.database.name,
        &invocation.environment,
    )
    .map(|target| target.with_label(archive.label))
    .map_err(|error| failure_of(&error.into()))
}

/// `--into URL|DATABASE`: a URL names server and database, a word only the database.
pub(super) enum Into {
    /// A database on the archive's own server or `--on`'s.
    Name(String),
    /// A database and its server.
    Server(Box<Target>),
}

/// Reads `--into`.
pub(super) fn into(invocation: &Invocation, text: &str) -> Result<Into, Failure> {
    if text.contains("://") || text.starts_with("env:") {
        let target = Target::parse(text, &invocation.environment)
            .map_err(|error| failure_of(&error.into()))?;
        Ok(Into::Server(Box::new(target)))
    } else if text.is_empty() {
        Err(Failure::usage("--into needs the name of a new database"))
    } else {
        Ok(Into::Name(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_word_or_a_target() {
        assert_eq!(prove_on("same-server"), Ok(ProveOn::SameServer));
        assert_eq!(prove_on("spare"), Ok(ProveOn::Target("spare".to_owned())));
        assert_eq!(prove_on("sandbox"), Ok(ProveOn::Sandbox));
        assert!(prove_on("").is_err());
    }
}
