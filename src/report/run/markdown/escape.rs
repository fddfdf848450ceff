//! Text that goes into Markdown: it can neither become markup nor call anybody.

use std::fmt::Write as _;

use super::super::super::figures::printable;

/// A cell or a sentence is cut here; the whole text is in the other reports.
const LONGEST: usize = 300;

/// A sentence.
pub fn prose(text: &str) -> String {
    let text = shortened(&printable(text));
    let mut clean = String::with_capacity(text.len() + 8);
    let mut before = ' ';
    for character in text.chars() {
        match character {
            '\\' | '`' | '*' | '_' | '[' | ']' | '~' | '|' | '#' | '$' => {
                clean.push('\\');
                clean.push(character);
            }
            '<' => clean.push_str("&lt;"),
            '>' => clean.push_str("&gt;"),
            '&' => clean.push_str("&amp;"),
            // `@name` would call somebody; a word joiner between them is not seen.
            '@' if !before.is_alphanumeric() => clean.push_str("@\u{2060}"),
            other => clean.push(other),
        }
        before = character;
    }
    clean
}

/// A name or a command, as code; also inside a table.
pub fn code(text: &str) -> String {
    let text = shortened(&printable(text)).replace('|', "\\|");
    let fence = "`".repeat(longest_run(&text) + 1);
    let room = if text.starts_with('`') || text.ends_with('`') || text.is_empty() {
        " "
    } else {
        ""
    };
    format!("{fence}{room}{text}{room}{fence}")
}

/// A block of code; nothing is cut, each line is one of the texts.
pub fn block(language: &str, lines: &[String]) -> String {
    let lines: Vec<String> = lines
        .iter()
        .map(|line| printable(line).into_owned())
        .collect();
    let longest = lines
        .iter()
        .map(|line| longest_run(line))
        .max()
        .unwrap_or(0);
    let fence = "`".repeat((longest + 1).max(3));
    let mut text = format!("{fence}{language}\n");
    for line in lines {
        let _ = writeln!(text, "{line}");
    }
    text.push_str(&fence);
    text.push('\n');
    text
}

fn longest_run(text: &str) -> usize {
    let mut longest = 0;
    let mut run = 0;
    for character in text.chars() {
        run = if character == '`' { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    longest
}

fn shortened(text: &str) -> String {
    if text.chars().count() <= LONGEST {
        return text.to_owned();
    }
    let cut: String = text.chars().take(LONGEST - 1).collect();
    format!("{cut}…")
}

#[cfg(test)]
mod tests {
    use super::{block, code, prose};

    #[test]
    fn prose_stays_prose() {
        assert_eq!(
            prose("<b> *x* [l](u) @ada a@b | #1 `c` \n"),
            "&lt;b&gt; \\*x\\* \\[l\\](u) @\u{2060}ada a@b \\| \\#1 \\`c\\` \\\\n"
        );
        assert_eq!(prose(&"x".repeat(400)).chars().count(), 300);
    }

    #[test]
    fn code_ends_where_it_should() {
        assert_eq!(code("shop.users"), "`shop.users`");
        assert_eq!(code("a`b``c"), "```a`b``c```");
        assert_eq!(code("`x"), "`` `x ``");
        assert_eq!(code("a|b"), "`a\\|b`");
        assert_eq!(code(""), "`  `");
        assert_eq!(
            block("sh", &["a ``` b".to_owned()]),
            "````sh\na ``` b\n````\n"
        );
    }
}
