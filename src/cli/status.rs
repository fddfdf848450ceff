//! `bookend status`.

use super::{Exit, Failure, Invocation, Outcome};

/// What ran, what is running, what a crash left behind
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Tells the state of runs.
#[expect(clippy::unused_async, reason = "every command is one")]
pub async fn run(_invocation: &Invocation, _args: Args) -> Result<Outcome, Failure> {
    Err(Failure::new(Exit::Failed, "internal", "not available"))
}
