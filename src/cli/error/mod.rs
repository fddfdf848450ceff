//! From the layers' errors to what a person reads: exit code, a stable word, and a hint that
//! is a thing to do. Every match is exhaustive, so that a new kind of error has to be thought
//! about here.

mod connection;
mod engine;
mod files;
mod rollback;
mod sidecars;

use super::failure::{Exit, Failure};
use crate::operation::OperationError;
use crate::report::figures::size;

pub use files::failure_of_config;

/// What a failed operation is told as.
#[must_use]
pub fn failure_of(error: &OperationError) -> Failure {
    match error {
        OperationError::Engine(error) => engine::failure(error),
        OperationError::Archive(error) => files::archive(error),
        OperationError::Store(error) => files::store(error),
        OperationError::Files(error) => sidecars::failure(error),
        OperationError::Connection(error) => connection::failure(error),
        OperationError::Process(error) => engine::process(error),
        OperationError::Seam(error) => files::seam(error),
        OperationError::NoEngine { .. } => Failure::of(Exit::Usage, "no-engine", error)
            .hint("this version of bookend looks after PostgreSQL and MongoDB databases"),
        OperationError::NotCapable { .. } => Failure::of(Exit::Usage, "not-capable", error),
        OperationError::NothingMatches { near, .. } => {
            let failure = Failure::of(Exit::Usage, "nothing-matches", error);
            if near.is_empty() {
                failure.hint("bookend show ARCHIVE lists the names")
            } else {
                failure.hint(format!(
                    "near: {} (bookend show ARCHIVE lists all)",
                    near.join(", ")
                ))
            }
        }
        OperationError::SpaceUnknown { server, bytes } => Failure::new(
            Exit::Refused,
            "space-unknown",
            format!(
                "a copy needs about {} on {server}, and how much is free there cannot be known",
                size(*bytes)
            ),
        )
        .hint("say where the copy goes: --prove-on TARGET, or --prove-on same-server if it surely fits (stage: --on)"),
        OperationError::SpaceShort {
            server,
            bytes,
            free,
        } => Failure::new(
            Exit::Refused,
            "space-short",
            format!(
                "a copy needs about {} on {server}, and {} are free",
                size(*bytes),
                size(*free)
            ),
        )
        .hint("free space there, or name another server: --prove-on TARGET (restore, stage: --on TARGET)"),
        OperationError::OtherServer { .. } => Failure::of(Exit::Usage, "other-server", error)
            .hint("name the server: --on TARGET (verify: --prove-on TARGET)"),
        OperationError::NoSandboxFolder { tried } => {
            Failure::of(Exit::Refused, "no-sandbox-folder", error)
                .because(tried)
                .hint("name a folder with room that others may pass: sandbox_dir in bookend.toml; or prove on a server: --prove-on TARGET")
        }
        OperationError::SandboxIsOriginal { .. } => {
            Failure::of(Exit::Refused, "sandbox-is-original", error).hint("--prove-on TARGET")
        }
        OperationError::SandboxLeft { after, .. } => {
            Failure::of(Exit::Failed, "sandbox-left", error)
                .because(after.iter().map(|first| format!("before that: {first}")))
                .hint("bookend status; the next backup or proof removes it")
        }
        OperationError::BadWord { .. } => Failure::of(Exit::Usage, "bad-word", error)
            .hint("use letters, digits, '.', '_' and '-', 64 at most, a letter or digit first"),
        OperationError::Broken { .. } => Failure::of(Exit::Failed, "internal", error),
        OperationError::Cancelled => interrupted(),
        OperationError::NotTheSame { .. }
        | OperationError::NotExported { .. }
        | OperationError::StillHeld { .. }
        | OperationError::HalfWay { .. }
        | OperationError::Diary(_) => rollback::failure(error),
        OperationError::CopyLeft { name, after, .. } => Failure::of(Exit::Failed, "copy-left", error)
            .because(after.iter().map(|first| format!("before that: {first}")))
            .hint(format!("bookend copies drop {name}")),
    }
}

fn interrupted() -> Failure {
    Failure::new(Exit::Failed, "interrupted", "interrupted")
}

#[cfg(test)]
mod tests;
