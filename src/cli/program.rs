//! From the process's arguments to its exit code.

use std::ffi::OsString;
use std::panic::AssertUnwindSafe;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use super::failure::{Exit, Failure, Signal};
use super::options::{ColorChoice, GlobalOptions};
use super::outcome::Outcome;
use super::screen::{Screen, Volume};
use super::signals::Signals;
use super::{
    Invocation, abort, backup, bundle, copies, diff, doctor, list, rehearse, report, restore,
    resume, rollback, run, show, stage, status, usage, verify,
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
    Rehearse(rehearse::Args),
    Status(status::Args),
    Resume(resume::Args),
    Abort(abort::Args),
    Rollback(rollback::Args),
    Report(report::Args),
    Bundle(bundle::Args),
    Backup(backup::Args),
    Verify(verify::Args),
    List(list::Args),
    Show(show::Args),
    Restore(restore::Args),
    Stage(stage::Args),
    Copies(copies::Args),
    Diff(diff::Args),
    Doctor(doctor::Args),
}

/// What is said at the end, once, whoever comes to say it.
#[derive(Clone)]
struct LastWord {
    screen: Screen,
    said: Arc<Mutex<bool>>,
}

impl LastWord {
    fn on(screen: Screen) -> Self {
        Self {
            screen,
            said: Arc::default(),
        }
    }

    /// Prints the outcome unless one was printed; the number is the exit code.
    fn say(&self, outcome: &Outcome) -> u8 {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        if std::mem::replace(&mut *said, true) {
            return outcome.exit().code();
        }
        print(self.screen, outcome)
    }
}

/// Runs the program with the process's own arguments.
#[must_use]
pub fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let code = match parse(&arguments) {
        Ok(line) => {
            let last_word = LastWord::on(screen(&line.options));
            let outcome = perform(line, &last_word);
            last_word.say(&outcome)
        }
        Err(error) => {
            let json = usage::wants_json(&arguments);
            let screen = Screen::new(json, Volume::Normal, ColorChoice::Auto);
            LastWord::on(screen).say(&usage::outcome(&error))
        }
    };
    ExitCode::from(code)
}

fn parse(arguments: &[OsString]) -> Result<CommandLine, clap::Error> {
    let matches = CommandLine::command().try_get_matches_from(arguments)?;
    CommandLine::from_arg_matches(&matches)
}

fn screen(options: &GlobalOptions) -> Screen {
    let volume = match (options.quiet, options.verbose) {
        (true, _) => Volume::Quiet,
        (_, true) => Volume::Verbose,
        _ => Volume::Normal,
    };
    Screen::new(options.json, volume, options.color)
}

fn perform(line: CommandLine, last_word: &LastWord) -> Outcome {
    let work = AssertUnwindSafe(|| block_on(line.command, line.options, last_word));
    std::panic::catch_unwind(work).unwrap_or_else(|_| {
        Failure::new(
            Exit::Failed,
            "internal",
            "bookend failed in a way it should not",
        )
        .hint("please report this with the lines above; `bookend status` says what was left behind")
        .into()
    })
}

/// How long tasks have to end their children when everything is dropped at once.
const GRACE: Duration = Duration::from_millis(500);

fn block_on(command: Command, options: GlobalOptions, last_word: &LastWord) -> Outcome {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(options.workers().max(2))
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return cannot_start(&error).into(),
    };
    let signals = Signals::default();
    let outcome = runtime.block_on(work(command, options, last_word, &signals));
    if signals.at_once().is_cancelled() {
        // Tasks are dropped, and with them the tools that they run.
        runtime.shutdown_timeout(GRACE);
    } else {
        // A blocking thread that is still busy must not hold up the end.
        runtime.shutdown_background();
    }
    outcome
}

async fn work(
    command: Command,
    options: GlobalOptions,
    last_word: &LastWord,
    signals: &Signals,
) -> Outcome {
    let screen = last_word.screen;
    let last_resort = {
        let last_word = last_word.clone();
        move |signal| {
            let code = last_word.say(&at_once(signal));
            std::process::exit(i32::from(code));
        }
    };
    if let Err(error) = signals.listen(last_resort) {
        return cannot_start(&error).into();
    }
    let invocation = match Invocation::new(options, screen, signals.clone()) {
        Ok(invocation) => invocation,
        Err(failure) => return failure.into(),
    };
    let dropped = signals.at_once();
    tokio::select! {
        outcome = dispatch(command, &invocation) => {
            interrupted(outcome.unwrap_or_else(Outcome::from), signals.received())
        }
        () = dropped.cancelled() => at_once(signals.received().unwrap_or(Signal::Interrupt)),
    }
}

async fn dispatch(command: Command, invocation: &Invocation) -> Result<Outcome, Failure> {
    match command {
        Command::Run(args) => run::run(invocation, args).await,
        Command::Rehearse(args) => rehearse::run(invocation, args).await,
        Command::Status(args) => status::run(invocation, args).await,
        Command::Resume(args) => resume::run(invocation, args).await,
        Command::Abort(args) => abort::run(invocation, args).await,
        Command::Rollback(args) => rollback::run(invocation, args).await,
        Command::Report(args) => report::run(invocation, args).await,
        Command::Bundle(args) => bundle::run(invocation, args).await,
        Command::Backup(args) => backup::run(invocation, args).await,
        Command::Verify(args) => verify::run(invocation, args).await,
        Command::List(args) => list::run(invocation, &args),
        Command::Show(args) => show::run(invocation, args).await,
        Command::Restore(args) => restore::run(invocation, args).await,
        Command::Stage(args) => stage::run(invocation, args).await,
        Command::Copies(args) => copies::run(invocation, args).await,
        Command::Diff(args) => diff::run(invocation, args).await,
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

/// What is told when everything was dropped where it stood. What was made on a server stands
/// in the store's record.
fn at_once(signal: Signal) -> Outcome {
    interruption(signal, None)
        .because(["another signal came before everything had ended in order"])
        .hint("bookend copies list")
        .into()
}

fn cannot_start(error: &std::io::Error) -> Failure {
    Failure::new(Exit::Failed, "internal", "bookend could not start").because([error.to_string()])
}

/// Prints the outcome; the number is the exit code.
fn print(screen: Screen, outcome: &Outcome) -> u8 {
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
