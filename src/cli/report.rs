//! `bookend report`.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::error::failure_of;
use super::run_words::run_called;
use super::status::{found_run, rolled_back};
use super::{Exit, Failure, Invocation, Outcome};
use crate::bracket::survey::survey;
use crate::operation::OperationError;
use crate::report::run::{RunReport, report_json, run_html, run_junit, run_markdown, run_text};
use crate::store::{self, Store};

const EXAMPLES: &str = "\
Examples:
  bookend report
  bookend report --format html --output report.html
  bookend report 20261120T043512Z-shop --format md | gh pr comment --body-file -
  bookend report --output junit.xml

Works for runs that are under way, were interrupted, or have ended. The exit code is 0 whatever
became of the run: `state` and `exit` in the JSON tell.";

/// Show a run: text, html, json, junit, md
///
/// From the run's journal alone; connects to nothing. The HTML page is one file that fetches
/// and runs nothing; the Markdown is made for a comment on a pull request.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The run: its id, a unique prefix, or latest
    #[arg(default_value = "latest", hide_default_value = true)]
    run: String,

    /// The form [default: as FILE's name ends, else text]
    #[arg(long, value_name = "FORM", value_enum)]
    format: Option<Format>,

    /// Write it to this file; one that is there is replaced
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// The forms of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// For the terminal
    Text,
    /// A page
    Html,
    /// For scripts
    Json,
    /// Test cases for CI systems
    Junit,
    /// Markdown, for a comment on a pull request
    Md,
}

impl Format {
    fn of_file(path: &Path) -> Option<Self> {
        let ending = path.extension()?.to_str()?.to_ascii_lowercase();
        match ending.as_str() {
            "html" | "htm" => Some(Self::Html),
            "json" => Some(Self::Json),
            "xml" => Some(Self::Junit),
            "md" | "markdown" => Some(Self::Md),
            "txt" => Some(Self::Text),
            _ => None,
        }
    }

    fn render(self, report: &RunReport) -> String {
        match self {
            Self::Text => run_text(report),
            Self::Html => run_html(report),
            Self::Json => pretty(&report_json(report)),
            Self::Junit => run_junit(report),
            Self::Md => run_markdown(report),
        }
    }
}

/// Shows one run.
#[expect(clippy::unused_async, reason = "every command is one")]
pub async fn run(invocation: &Invocation, args: Args) -> Result<Outcome, Failure> {
    let named = args.output.as_deref().and_then(Format::of_file);
    let format = args.format.or(named).unwrap_or(Format::Text);
    let json = invocation.screen.json;
    if json && args.output.is_none() && !matches!(args.format, None | Some(Format::Json)) {
        return Err(
            Failure::usage("--json and --format ask for different things on stdout")
                .hint("write the other form to a file: --output FILE"),
        );
    }
    let report = told(invocation, &args.run)?;
    let mut document = report_json(&report);
    let text = format.render(&report);
    let Some(path) = &args.output else {
        return Ok(Outcome::new(text, document));
    };
    store::replace_file(path, text.as_bytes())
        .map_err(|error| failure_of(&OperationError::from(error)))?;
    document["output"] = json!(path);
    invocation
        .screen
        .note(&format!("report of {} in {}", report.run, path.display()));
    Ok(Outcome::new("", document))
}

/// The report of the run that a word means, from its journal.
pub(super) fn told(invocation: &Invocation, word: &str) -> Result<RunReport, Failure> {
    let store = existing(invocation)?;
    let run = run_called(invocation, &store, word)?;
    let found = found_run(&store, run.clone())?;
    let mut status = survey(&[found], &[], &[]);
    if let Some(mut report) = status.runs.pop() {
        let bundle = store.dir().join(format!("{run}.bundle.tar"));
        if report.bundle.is_none() && bundle.is_file() {
            report.bundle = Some(bundle.display().to_string());
        }
        rolled_back(&store, &mut report)?;
        return Ok(report);
    }
    let problem = status.unreadable.pop().map(|damaged| damaged.problem);
    Err(Failure::new(
        Exit::Failed,
        "journal",
        format!("the journal of {run} cannot be read"),
    )
    .because(problem))
}

/// The store, which looking must not make.
fn existing(invocation: &Invocation) -> Result<std::sync::Arc<Store>, Failure> {
    let folder = invocation.store_folder();
    if folder.is_dir() {
        return invocation.store();
    }
    Err(Failure::new(
        Exit::Usage,
        "no-such-run",
        format!("there is no store in {}", folder.display()),
    )
    .hint("--store DIR names the folder where archives live"))
}

fn pretty(document: &Value) -> String {
    let mut text = serde_json::to_string_pretty(document).unwrap_or_default();
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_files_name_says_its_form() {
        let form = |name: &str| Format::of_file(Path::new(name));
        assert_eq!(form("a/report.HTML"), Some(Format::Html));
        assert_eq!(form("junit.xml"), Some(Format::Junit));
        assert_eq!(form("comment.md"), Some(Format::Md));
        assert_eq!(form("report"), None);
    }
}
