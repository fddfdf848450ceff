//! The session settings that make text come out the same whatever a server, database or
//! role has set, and that keep a session from being ended by a timeout.

/// Settings that PostgreSQL 12 to 18 all know. For sessions of our own and, through
/// `PGOPTIONS`, for the vendor's tools.
///
/// The first group is what `pg_dump` sets itself; the second is what it leaves to the
/// database, so that `ALTER DATABASE … SET bytea_output` and the like leak into its output.
pub const SESSION_SETTINGS: &[(&str, &str)] = &[
    ("datestyle", "ISO"),
    ("intervalstyle", "postgres"),
    ("extra_float_digits", "3"),
    ("synchronize_seqscans", "off"),
    ("row_security", "off"),
    ("statement_timeout", "0"),
    ("lock_timeout", "0"),
    ("idle_in_transaction_session_timeout", "0"),
    ("TimeZone", "UTC"),
    ("bytea_output", "hex"),
    ("standard_conforming_strings", "on"),
    ("lc_monetary", "C"),
    ("xmloption", "content"),
    ("quote_all_identifiers", "off"),
    ("array_nulls", "on"),
    ("transform_null_equals", "off"),
    ("default_transaction_deferrable", "off"),
];

/// Timeouts that came later: major version, name. Set only after the version is known.
pub const LATER_SETTINGS: &[(u32, &str, &str)] = &[
    (14, "idle_session_timeout", "0"),
    (17, "transaction_timeout", "0"),
];

/// `PGOPTIONS` of the vendor's tools: the user's own options first, so that ours win.
pub fn pgoptions(own: Option<&str>) -> String {
    let ours = SESSION_SETTINGS.iter().map(|(name, value)| {
        let value = value.replace('\\', "\\\\").replace(' ', "\\ ");
        format!("-c {name}={value}")
    });
    own.filter(|own| !own.trim().is_empty())
        .map(|own| own.trim().to_owned())
        .into_iter()
        .chain(ours)
        .collect::<Vec<_>>()
        .join(" ")
}

/// The statements for a session of our own.
pub fn statements(major: u32) -> String {
    let later = LATER_SETTINGS
        .iter()
        .filter(|(since, ..)| *since <= major)
        .map(|(_, n, v)| (*n, *v));
    let text: Vec<String> = SESSION_SETTINGS
        .iter()
        .copied()
        .chain(later)
        .map(|(name, value)| format!("SET {name} = '{value}'"))
        .collect();
    text.join("; ")
}

/// The major version in what a server reports as `server_version`: `16.2 (Debian …)`, `18beta1`.
pub fn major_version(reported: &str) -> u32 {
    let digits: String = reported.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_users_options_come_first_and_ours_win() {
        let options = pgoptions(Some(" -c statement_timeout=5s "));
        assert!(options.starts_with("-c statement_timeout=5s -c datestyle=ISO "));
        assert!(options.contains(" -c statement_timeout=0 "));
    }

    #[test]
    fn settings_that_a_server_does_not_know_are_not_sent_to_it() {
        assert!(!statements(13).contains("idle_session_timeout"));
        assert!(statements(14).contains("SET idle_session_timeout = '0'"));
        assert!(!statements(16).contains("transaction_timeout"));
        assert!(statements(17).contains("SET transaction_timeout = '0'"));
        assert!(!pgoptions(None).contains("idle_session_timeout"));
    }

    #[test]
    fn the_major_version_is_read_from_every_kind_of_version() {
        assert_eq!(major_version("16.2 (Debian 16.2-1)"), 16);
        assert_eq!(major_version("18beta1"), 18);
        assert_eq!(major_version("?"), 0);
    }
}
