//! Long lines on a narrow terminal: broken between words, the rest under where its text began.

/// Where the text of a step begins.
const TEXT: usize = 20;
/// Narrower than this nothing is gained.
const NARROWEST: usize = 40;

/// How wide the terminal is that stdout goes to; none if it goes elsewhere.
#[must_use]
pub fn width_of_stdout() -> Option<usize> {
    let (width, _) = terminal_size::terminal_size_of(std::io::stdout())?;
    Some(usize::from(width.0))
}

/// The lines of a step, none longer than the terminal is wide if that can be.
#[must_use]
pub fn folded(text: &str, width: Option<usize>) -> String {
    let Some(width) = width.filter(|width| *width >= NARROWEST) else {
        return text.to_owned();
    };
    let mut folded = String::with_capacity(text.len() + 64);
    for line in text.lines() {
        fold(line, width, &mut folded);
        folded.push('\n');
    }
    folded
}

fn fold(line: &str, width: usize, folded: &mut String) {
    if line.chars().count() <= width {
        folded.push_str(line);
        return;
    }
    let blanks = line.len() - line.trim_start().len();
    // What follows a step's own line stands under its text; what follows another, a little further in.
    let under = if blanks < TEXT { TEXT } else { blanks + 2 };
    let mut used = 0;
    for (place, word) in line.trim_start().split(' ').enumerate() {
        let long = word.chars().count();
        if place == 0 {
            folded.push_str(&" ".repeat(blanks));
            used = blanks;
        } else if used + 1 + long > width && used > under {
            folded.push('\n');
            folded.push_str(&" ".repeat(under));
            used = under;
        } else {
            folded.push(' ');
            used += 1;
        }
        folded.push_str(word);
        used += long;
    }
}

#[cfg(test)]
mod tests {
    use super::folded;

    #[test]
    fn the_rest_of_a_line_stands_under_its_text() {
        let text = "  preflight   ok    PostgreSQL 16.14 · 7.7 MiB · 2 tables · a copy needs about 7.7 MiB\n\
                    \x20                   free space: not known\n";
        assert_eq!(
            folded(text, Some(60)),
            "  preflight   ok    PostgreSQL 16.14 · 7.7 MiB · 2 tables ·\n\
             \x20                   a copy needs about 7.7 MiB\n\
             \x20                   free space: not known\n"
        );
        assert_eq!(folded(text, None), text);
        assert_eq!(folded(text, Some(200)), text);
    }

    #[test]
    fn words_stay_whole_and_none_is_lost() {
        let text = format!(
            "{:20}public.customers: column {} moved\n",
            "",
            "x".repeat(90)
        );
        let narrow = folded(&text, Some(50));
        let words = |text: &str| {
            text.split_whitespace()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        assert_eq!(words(&narrow), words(&text));
        assert!(narrow.lines().all(|line| line.starts_with(&" ".repeat(20))));
    }
}
