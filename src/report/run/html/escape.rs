//! Text that goes into a page: nothing that a database, a command or a person wrote can become
//! markup.

use std::fmt;

use super::super::super::figures::printable;

/// Text between tags or inside a quoted attribute. Control characters and marks that reorder
/// text appear in Rust's notation.
#[derive(Clone, Copy, Debug)]
pub struct Text<'a>(pub &'a str);

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in printable(self.0).chars() {
            match character {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                // Not characters, and no parser of XML takes them.
                '\u{fffe}' | '\u{ffff}' => f.write_str("\u{fffd}")?,
                other => write!(f, "{other}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Text;

    #[test]
    fn nothing_becomes_markup() {
        assert_eq!(
            Text("<b a='\"'>&\u{1b}\u{202e}\u{0}\u{ffff}").to_string(),
            "&lt;b a=&#39;&quot;&#39;&gt;&amp;\\u{1b}\\u{202e}\\u{0}\u{fffd}"
        );
    }
}
