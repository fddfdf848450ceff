//! What `doctor` found.

use super::Page;
use super::figures::printable;

/// How a check came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Fine.
    Ok,
    /// Can be lived with.
    Warning,
    /// Will make a command fail.
    Failure,
}

/// One check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// How it came out.
    pub state: State,
    /// What was looked at.
    pub what: &'a str,
    /// What was found.
    pub found: &'a str,
    /// How to fix it.
    pub fix: Option<&'a str>,
}

/// One line each, the fix under what needs one.
#[must_use]
pub fn text(lines: &[Line<'_>]) -> String {
    let room = lines
        .iter()
        .map(|line| line.what.chars().count())
        .max()
        .unwrap_or(0);
    let mut page = Page::default();
    for line in lines {
        let word = match line.state {
            State::Ok => "ok  ",
            State::Warning => "warn",
            State::Failure => "FAIL",
        };
        let what = printable(line.what);
        let entry = format!("{word}  {what:room$}  {}", printable(line.found));
        page.line(entry.trim_end());
        for fix in line.fix.iter().flat_map(|fix| fix.lines()) {
            page.line(format_args!("        fix: {}", printable(fix)));
        }
    }
    page.text()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fails_says_how_to_fix_it() {
        let lines = [
            Line {
                state: State::Ok,
                what: "store",
                found: "backups can be written",
                fix: None,
            },
            Line {
                state: State::Failure,
                what: "right to create databases",
                found: "app may not",
                fix: Some("ALTER ROLE app CREATEDB"),
            },
            Line {
                state: State::Warning,
                what: "free space",
                found: "",
                fix: None,
            },
        ];
        assert_eq!(
            text(&lines),
            "ok    store                      backups can be written\n\
             FAIL  right to create databases  app may not\n        fix: ALTER ROLE app CREATEDB\n\
             warn  free space\n"
        );
    }
}
