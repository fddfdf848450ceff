//! From the process's arguments to its exit code.

use std::ffi::OsString;
use std::panic::AssertUnwindSafe;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use super::failure::{Exit, Failure, Signal};
use super::options::{ColorChoice, GlobalOptions};
use super::outcome::Outcome;
use super::screen::{Screen, Volume};
use super::signals::Signals;
use super::{
    Invocation, backup, copies, diff, doctor, list, restore, run, show, status, usage, verify,
};

const ABOUT: &str = "Brackets a database migration with backups that are proven to restore";

const AFTER: &str = "\
TARGET is a URL (postgres://…), env:NAME (the URL is in that variable), or a name from bookend.toml;
with none given: the only target in bookend.toml, else DATABASE_URL, else MONGODB_URI.
ARCHIVE is a path, a name or a unique prefix of one in the store, latest, or latest:TARGET.

Exit codes: 0 done · 1 failed · 2 wrong command line or configuration · 3 content differs or the
archive is damaged · 4 refused for safety · 5 the migration failed · 6 a tool is missing or too old
· 7 cannot connect, or not allowed · 130, 143 interrupted";

/// The command line.
#[derive(Debug, Parser)]
#[command(name = "bookend", version, about = ABOUT, after_help = AFTER, max_term_width = 100)]
#[command(
    subcommand_required = true,
    arg_required_else_help = true,
    disable_help_subcommand = false
)]
pub(super) struct CommandLine {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    options: GlobalOptions,
}

#[derive(Debug, Subcommand)]
enum Command {
    Run(run::Args),
    Status(status::Args),
    Backup(backup::Args),
    Verify(verify::Args),
    List(list::Args),
    Show(show::Args),
    Restore(restore::Args),
    Copies(copies::Args),
    Diff(diff::Args),
    Doctor(doctor::Args),
}

/// Runs the program with the process's own arguments.
#[must_use]
pub fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let (screen, outcome) = match parse(&arguments) {
        Ok(line) => perform(line),
        Err(error) => (
            Screen::new(
                usage::wants_json(&arguments),
                Volume::Normal,
                ColorChoice::Auto,
            ),
            usage::outcome(&error),
        ),
    };
    finish(screen, &outcome)
}

fn parse(arguments: &[OsString]) -> Result<CommandLine, clap::Error> {
    let matches = CommandLine::command().try_get_matches_from(arguments)?;
    CommandLine::from_arg_matches(&matches)
}

fn perform(line: CommandLine) -> (Screen, Outcome) {
    let options = line.options;
    let volume = match (options.quiet, options.verbose) {
        (true, _) => Volume::Quiet,
        (_, true) => Volume::Verbose,
        _ => Volume::Normal,
    };
    let screen = Screen::new(options.json, volume, options.color);
    let performed =
        std::panic::catch_unwind(AssertUnwindSafe(|| block_on(line.command, options, screen)));
    let outcome = performed.unwrap_or_else(|_| {
        Failure::new(
            Exit::Failed,
            "internal",
            "bookend failed in a way it should not",
        )
        .hint("please report this with the lines above; `bookend status` says what was left behind")
        .into()
    });
    (screen, outcome)
}

fn block_on(command: Command, options: GlobalOptions, screen: Screen) -> Outcome {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(options.workers().max(2))
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return cannot_start(&error).into(),
    };
    let outcome = runtime.block_on(async {
        let signals = Signals::default();
        if let Err(error) = signals.listen(move |signal| end_at_once(screen, signal)) {
            return cannot_start(&error).into();
        }
        let outcome = match Invocation::new(options, screen, signals.clone()) {
            Ok(invocation) => dispatch(command, &invocation).await,
            Err(failure) => Err(failure),
        };
        interrupted(outcome.unwrap_or_else(Outcome::from), signals.received())
    });
    // A blocking thread that is still busy must not hold up a program that was interrupted.
    runtime.shutdown_background();
    outcome
}

async fn dispatch(command: Command, invocation: &Invocation) -> Result<Outcome, Failure> {
    match command {
        Command::Run(args) => run::run(invocation, args).await,
        Command::Status(args) => status::run(invocation, args).await,
        Command::Backup(args) => backup::run(invocation, args).await,
        Command::Verify(args) => verify::run(invocation, args).await,
        Command::List(args) => list::run(invocation, &args),
        Command::Show(args) => show::run(invocation, args).await,
        Command::Restore(args) => restore::run(invocation, args).await,
        Command::Copies(args) => copies::run(invocation, args).await,
        Command::Diff(args) => diff::run(invocation, &args),
        Command::Doctor(args) => doctor::run(invocation, args).await,
    }
}

/// After a signal every failure is told as the interruption that it is; what was being done
/// and could not be finished stays among the causes. A command that went through all the
/// same has done its work.
fn interrupted(mut outcome: Outcome, signal: Option<Signal>) -> Outcome {
    if let Some(signal) = signal
        && let Some(failure) = outcome.failure.take()
    {
        outcome.failure = Some(interruption(signal, Some(failure)));
        outcome.said = false;
    }
    outcome
}

fn interruption(signal: Signal, failure: Option<Failure>) -> Failure {
    let told = Failure::new(
        Exit::Signal(signal),
        "interrupted",
        format!("interrupted by {}", signal.name()),
    );
    match failure {
        Some(failure) if failure.code == "interrupted" => Failure {
            causes: failure.causes,
            hint: failure.hint,
            ..told
        },
        Some(failure) => Failure {
            hint: failure.hint,
            ..told.because(std::iter::once(failure.message).chain(failure.causes))
        },
        None => told,
    }
}

/// On the second signal: one document or one line, and out. Children in their own process
/// groups lose their pipes with us; what was made stands in the store's record.
fn end_at_once(screen: Screen, signal: Signal) {
    let failure = interruption(signal, None)
        .because(["a second signal came before everything had ended"])
        .hint("bookend copies list");
    let code = finish_code(screen, &failure.into());
    std::process::exit(i32::from(code));
}

fn cannot_start(error: &std::io::Error) -> Failure {
    Failure::new(Exit::Failed, "internal", "bookend could not start").because([error.to_string()])
}

fn finish(screen: Screen, outcome: &Outcome) -> ExitCode {
    ExitCode::from(finish_code(screen, outcome))
}

/// Prints the outcome; the number is the exit code.
fn finish_code(screen: Screen, outcome: &Outcome) -> u8 {
    let written = screen.result(&outcome.text, &outcome.to_json());
    if let Some(failure) = &outcome.failure
        && (screen.json || !outcome.said)
    {
        screen.failure(failure);
    }
    match written {
        Ok(()) => outcome.exit().code(),
        Err(error) => {
            let unwritten = Failure::new(
                Exit::Failed,
                "stdout",
                "the result could not be written to stdout",
            )
            .because([error.to_string()]);
            screen.failure(&unwritten);
            match outcome.exit() {
                Exit::Done => Exit::Failed.code(),
                other => other.code(),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        CommandLine::command().debug_assert();
    }

    #[test]
    fn a_failure_after_a_signal_is_the_interruption() {
        let failure =
            Failure::new(Exit::Tool, "tool", "pg_dump was interrupted").hint("bookend copies list");
        let outcome = interrupted(failure.into(), Some(Signal::Terminate));
        let told = outcome.failure.unwrap();
        assert_eq!(told.exit.code(), 143);
        assert_eq!(told.message, "interrupted by SIGTERM");
        assert_eq!(told.causes, ["pg_dump was interrupted"]);
        assert_eq!(told.hint.as_deref(), Some("bookend copies list"));
    }

    #[test]
    fn without_a_signal_a_failure_stays_what_it_is() {
        let failure = Failure::new(Exit::Tool, "tool-missing", "pg_dump was not found");
        let outcome = interrupted(failure.clone().into(), None);
        assert_eq!(outcome.failure, Some(failure));
    }

    #[test]
    fn what_went_through_before_the_signal_was_heard_is_done() {
        let outcome = interrupted(Outcome::default(), Some(Signal::Interrupt));
        assert_eq!(outcome.exit(), Exit::Done);
    }
}
