//! Differences between an archive and its restored copy.

use super::Page;
use super::figures::{counted, printable};

/// So many are printed; JSON has all.
pub const SHOWN: usize = 50;

/// One difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// The object's printed name.
    pub object: &'a str,
    /// What of it.
    pub kind: &'a str,
    /// What the archive has.
    pub expected: &'a str,
    /// What the copy has.
    pub found: &'a str,
}

/// One line each: `public.orders · rows: expected 12, found 11`.
#[must_use]
pub fn text(lines: &[Line<'_>]) -> String {
    let mut page = Page::default();
    for line in lines.iter().take(SHOWN) {
        page.line(format_args!(
            "  {} · {}: expected {}, found {}",
            printable(line.object),
            printable(line.kind),
            value(line.expected),
            value(line.found),
        ));
    }
    if lines.len() > SHOWN {
        let more = (lines.len() - SHOWN) as u64;
        page.line(format_args!(
            "  … and {} (--json shows all)",
            counted(more, "more", "more")
        ));
    }
    page.text()
}

fn value(text: &str) -> String {
    if text.is_empty() {
        "nothing".to_owned()
    } else {
        printable(text).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_difference_names_object_kind_expected_and_found() {
        let lines = [
            Line {
                object: "public.orders",
                kind: "rows",
                expected: "12",
                found: "11",
            },
            Line {
                object: "public.orders",
                kind: "trigger",
                expected: "CREATE TRIGGER t",
                found: "",
            },
        ];
        assert_eq!(
            text(&lines),
            "  public.orders · rows: expected 12, found 11\n  \
             public.orders · trigger: expected CREATE TRIGGER t, found nothing\n"
        );
    }

    #[test]
    fn a_flood_is_cut_and_says_so() {
        let lines = vec![
            Line {
                object: "t",
                kind: "rows",
                expected: "1",
                found: "0"
            };
            SHOWN + 3
        ];
        let text = text(&lines);
        assert_eq!(text.lines().count(), SHOWN + 1);
        assert!(text.ends_with("  … and 3 more (--json shows all)\n"));
    }
}
