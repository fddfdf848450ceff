//! Durations as people type them: `30s`, `5m`, `1h30m`, `250ms`, `7d`.

use std::time::Duration;

/// Reads a duration; a number alone is seconds.
///
/// # Errors
/// In words, for clap to show.
pub fn parse(text: &str) -> Result<Duration, String> {
    let text = text.trim();
    if text.is_empty() {
        return Err(advice());
    }
    if let Ok(seconds) = text.parse::<u64>() {
        return Ok(Duration::from_secs(seconds));
    }
    let mut total = Duration::ZERO;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest
            .find(|c: char| !c.is_ascii_digit())
            .ok_or_else(advice)?;
        let (number, tail) = rest.split_at(digits);
        let letters = tail
            .find(|c: char| c.is_ascii_digit())
            .unwrap_or(tail.len());
        let (unit, next) = tail.split_at(letters);
        let number: u64 = number.parse().map_err(|_| advice())?;
        total = total
            .checked_add(one(unit, number).ok_or_else(advice)?)
            .ok_or_else(advice)?;
        rest = next;
    }
    Ok(total)
}

fn one(unit: &str, number: u64) -> Option<Duration> {
    let seconds = match unit {
        "ms" => return Some(Duration::from_millis(number)),
        "s" => 1,
        "m" | "min" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return None,
    };
    number.checked_mul(seconds).map(Duration::from_secs)
}

fn advice() -> String {
    "a duration looks like 30s, 5m, 1h30m, 250ms or 7d".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_as_people_type_them() {
        for (text, milliseconds) in [
            ("30s", 30_000),
            ("30", 30_000),
            ("0", 0),
            ("5m", 300_000),
            ("1h30m", 5_400_000),
            ("250ms", 250),
            ("7d", 604_800_000),
            ("1m500ms", 60_500),
        ] {
            assert_eq!(
                parse(text),
                Ok(Duration::from_millis(milliseconds)),
                "{text}"
            );
        }
    }

    #[test]
    fn other_words_are_refused() {
        for text in [
            "",
            "s",
            "-5s",
            "5 s",
            "5y",
            "1.5h",
            "99999999999999999999s",
            "18446744073709551615d",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
