//! The rollback of a run on the screen.

use std::fmt::Write as _;

use super::figures::printable;

/// Where the text of a step begins: as in the steps of a run.
const INDENT: usize = 20;

/// A step that is over.
#[derive(Clone, Copy, Debug)]
pub struct RollbackStep<'a> {
    /// Its name.
    pub step: &'a str,
    /// Whose it is, where there are several.
    pub target: Option<&'a str>,
    /// `ok`, `skipped` or `failed`.
    pub state: &'a str,
    /// How long it took.
    pub seconds: f64,
    /// What it came to.
    pub lines: &'a [String],
}

/// One step, with its further lines.
#[must_use]
pub fn step_text(step: &RollbackStep<'_>) -> String {
    let mut lines = step.lines.iter().map(|line| printable(line).into_owned());
    let first = lines.next().unwrap_or_default();
    let first = match step.state {
        "ok" => first,
        state => format!("{state}: {first}"),
    };
    let first = match step.target {
        Some(target) => format!("{}: {first}", printable(target)),
        None => first,
    };
    let mark = match step.state {
        "skipped" => "-  ".to_owned(),
        _ => format!("{:.0} s", step.seconds),
    };
    let mut text = format!("  {:<10} {mark:>4}   {first}\n", step.step);
    for line in lines {
        let _ = writeln!(text, "{:INDENT$}{line}", "");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_reads_like_one_of_a_run() {
        let lines = [
            "shop is as before".to_owned(),
            "slot \u{1b}[2J stays".to_owned(),
        ];
        let mut step = RollbackStep {
            step: "swap",
            target: None,
            state: "ok",
            seconds: 0.4,
            lines: &lines,
        };
        assert_eq!(
            step_text(&step),
            "  swap        0 s   shop is as before\n                    slot \\u{1b}[2J stays\n"
        );
        step.target = Some("shop");
        step.state = "skipped";
        assert!(step_text(&step).starts_with("  swap        -     shop: skipped: shop is"));
    }
}
