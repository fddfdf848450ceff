//! `bookend run`.

use super::{Exit, Failure, Invocation, Outcome};

/// Back up, prove, migrate, back up again, compare
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Brackets a migration.
#[expect(clippy::unused_async, reason = "every command is one")]
pub async fn run(_invocation: &Invocation, _args: Args) -> Result<Outcome, Failure> {
    Err(Failure::new(Exit::Failed, "internal", "not available"))
}
