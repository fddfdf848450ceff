//! `bookend verify RUN.bundle.tar`.

use std::path::Path;

use serde_json::json;

use super::super::bundle::missing_lines;
use super::super::{Exit, Failure, Outcome};
use super::{damage_json, failure_of, in_words, places, unreadable};
use crate::operation::{self, BundleCheck, Verdict, Workspace};
use crate::report::Page;
use crate::report::figures::{counted, printable};

/// Verifies a bundle, and each archive inside.
pub(super) async fn run(ws: &Workspace, path: &Path, prove: bool) -> Result<Outcome, Failure> {
    if prove {
        return Err(Failure::usage(
            "a bundle is not proven as a whole: its archives are, one by one",
        )
        .hint(format!(
            "tar -xf {} archives && bookend verify --prove archives/NAME.tar",
            path.display()
        )));
    }
    match operation::verify_bundle(ws, path).await {
        Ok(checked) => Ok(outcome(path, &checked)),
        Err(error) if error.is_damage() => Ok(unreadable(path, &error)),
        Err(error) => Err(failure_of(&error)),
    }
}

fn outcome(path: &Path, checked: &BundleCheck) -> Outcome {
    let name = path.display().to_string();
    let name = printable(&name);
    let document = json!({
        "archive": path,
        "bundle": true,
        "run": checked.run,
        "verdict": checked.verdict,
        "members": checked.members,
        "archives": checked.archives,
        "rows": checked.rows,
        "missing": checked.missing,
        "differences": checked.damages.iter().map(damage_json).collect::<Vec<_>>(),
    });
    let mut page = Page::default();
    if checked.verdict == Verdict::Intact {
        page.line(format_args!("intact: {name}"));
        page.line(format_args!(
            "  {}, {} and {} in them are as they were written; nothing was restored",
            counted(checked.members, "member", "members"),
            counted(checked.archives, "archive", "archives"),
            counted(checked.rows, "row or document", "rows or documents"),
        ));
        page.lines(&missing_lines(&checked.missing));
        return Outcome::new(page.text(), document);
    }
    page.line(format_args!("damaged: {name}"));
    for damage in &checked.damages {
        page.line(format_args!("  {}", printable(&in_words(damage))));
    }
    let message = format!("{name} is damaged in {}", places(checked.damages.len()));
    let failure = Failure::new(Exit::Different, "damaged", message)
        .hint("`tar -x` still gets at what is not damaged");
    Outcome::new(page.text(), document).failing(Some(failure))
}
