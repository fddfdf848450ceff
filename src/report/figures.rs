//! Sizes, counts, durations and names as they are printed.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::time::Duration;

use crate::snapshot::Noun;

const UNITS: [&str; 6] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

/// Bytes in units of 1024 with three significant digits: `812 B`, `1.8 GiB`, `171 MiB`.
#[must_use]
pub fn size(bytes: u64) -> String {
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut value = to_float(bytes);
    let mut unit = 0;
    while value >= 1023.5 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    let name = UNITS[unit];
    if value < 9.95 {
        format!("{value:.1} {name}")
    } else {
        format!("{value:.0} {name}")
    }
}

/// A count with its thousands apart: `4,300,000`.
#[must_use]
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A count with the word for what is counted: `1 row`, `12 rows`.
#[must_use]
pub fn counted(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(number), if number == 1 { one } else { many })
}

/// As [`counted`], with the words for what an engine's users count.
#[must_use]
pub fn numbered(number: u64, noun: Noun) -> String {
    counted(number, noun.one, noun.many)
}

/// Seconds as a person says them: `0.4 s`, `19 s`, `3 min 20 s`, `2 h 05 min`.
#[must_use]
pub fn duration(time: Duration) -> String {
    let seconds = time.as_secs();
    if time.as_secs_f64() < 9.95 {
        return format!("{:.1} s", time.as_secs_f64());
    }
    match seconds {
        0..60 => format!("{:.0} s", time.as_secs_f64().min(59.0)),
        60..3600 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        3600..86_400 => format!("{} h {:02} min", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{} d {:02} h", seconds / 86_400, seconds % 86_400 / 3600),
    }
}

/// Seconds for JSON, in milliseconds' resolution.
#[must_use]
pub fn seconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1000.0).round() / 1000.0
}

/// A text that can be printed on one line: control characters, among them the escape that
/// starts terminal sequences, appear in Rust's notation. Direction marks that could reorder
/// what is read do too.
#[must_use]
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut clean = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        if is_hidden(character) {
            let _ = write!(clean, "{}", character.escape_default());
        } else {
            clean.push(character);
        }
    }
    Cow::Owned(clean)
}

/// How to name a target on the command line without its password: as it was named, by the
/// variable that it came from, else by its URL.
#[must_use]
pub fn target_word(origin: &str, url: &str) -> String {
    if let Some((_, named)) = origin.split_once(".toml: ") {
        return shell_word(named);
    }
    let variable = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    if !origin.is_empty() && origin.chars().all(variable) {
        return format!("env:{origin}");
    }
    shell_word(url)
}

/// A word as a shell wants it.
#[must_use]
pub fn shell_word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./:@+=,".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}')
}

#[expect(
    clippy::cast_precision_loss,
    reason = "printed with three significant digits"
)]
fn to_float(bytes: u64) -> f64 {
    bytes as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_three_digits_at_most() {
        let shown: Vec<String> = [
            0,
            1023,
            1024,
            1536,
            10_189,
            1_048_575,
            1_932_735_283,
            u64::MAX,
        ]
        .into_iter()
        .map(size)
        .collect();
        assert_eq!(
            shown,
            [
                "0 B",
                "1023 B",
                "1.0 KiB",
                "1.5 KiB",
                "10 KiB",
                "1.0 MiB",
                "1.8 GiB",
                "16384 PiB"
            ]
        );
    }

    #[test]
    fn thousands_are_apart() {
        assert_eq!(count(0), "0");
        assert_eq!(count(999), "999");
        assert_eq!(count(1000), "1,000");
        assert_eq!(count(4_300_000), "4,300,000");
        assert_eq!(counted(1, "row", "rows"), "1 row");
        assert_eq!(counted(0, "row", "rows"), "0 rows");
    }

    #[test]
    fn durations_read_like_speech() {
        let shown: Vec<String> = [0.04, 9.94, 9.96, 59.9, 60.0, 200.0, 7500.0, 90_000.0]
            .into_iter()
            .map(|s| duration(Duration::from_secs_f64(s)))
            .collect();
        assert_eq!(
            shown,
            [
                "0.0 s",
                "9.9 s",
                "10 s",
                "59 s",
                "1 min 00 s",
                "3 min 20 s",
                "2 h 05 min",
                "1 d 01 h"
            ]
        );
    }

    #[test]
    fn control_characters_never_reach_the_screen() {
        assert_eq!(printable("public.orders"), "public.orders");
        assert_eq!(
            printable("a\nb\u{1b}[2Jc\u{202e}d"),
            "a\\nb\\u{1b}[2Jc\\u{202e}d"
        );
    }
}
