//! Options that take one word of a few, or a number.

use std::time::Duration;

use crate::connection::ConnectionError;

/// When a connection is encrypted and what is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SslMode {
    /// Never encrypted.
    Disable,
    /// Encrypted if the server refuses to do without.
    Allow,
    /// Encrypted if the server can.
    Prefer,
    /// Always encrypted.
    Require,
    /// And the certificate is from a trusted authority.
    VerifyCa,
    /// And it names the host.
    VerifyFull,
}

/// The server that is wanted, of several.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionAttributes {
    /// Whichever answers first.
    Any,
    /// One that takes writes by default.
    ReadWrite,
    /// One that does not.
    ReadOnly,
    /// One that is not in recovery.
    Primary,
    /// One that is.
    Standby,
    /// A standby if there is one, else any.
    PreferStandby,
}

/// Whether a password exchange must be tied to the encrypted connection.
pub type ChannelBinding = tokio_postgres::config::ChannelBinding;

/// Reads `sslmode`.
pub fn ssl_mode(value: &str) -> Result<SslMode, ConnectionError> {
    one_of(
        "sslmode",
        value,
        &[
            ("disable", SslMode::Disable),
            ("allow", SslMode::Allow),
            ("prefer", SslMode::Prefer),
            ("require", SslMode::Require),
            ("verify-ca", SslMode::VerifyCa),
            ("verify-full", SslMode::VerifyFull),
        ],
    )
}

/// Reads `target_session_attrs`.
pub fn session_attributes(value: &str) -> Result<SessionAttributes, ConnectionError> {
    one_of(
        "target_session_attrs",
        value,
        &[
            ("any", SessionAttributes::Any),
            ("read-write", SessionAttributes::ReadWrite),
            ("read-only", SessionAttributes::ReadOnly),
            ("primary", SessionAttributes::Primary),
            ("standby", SessionAttributes::Standby),
            ("prefer-standby", SessionAttributes::PreferStandby),
        ],
    )
}

/// Reads `channel_binding`.
pub fn channel_binding(value: &str) -> Result<ChannelBinding, ConnectionError> {
    one_of(
        "channel_binding",
        value,
        &[
            ("disable", ChannelBinding::Disable),
            ("prefer", ChannelBinding::Prefer),
            ("require", ChannelBinding::Require),
        ],
    )
}

/// Reads a yes-or-no option that is written as `yes` and `no` words.
pub fn one_of<T: Copy>(key: &str, value: &str, known: &[(&str, T)]) -> Result<T, ConnectionError> {
    known
        .iter()
        .find(|(word, _)| *word == value)
        .map(|(_, meaning)| *meaning)
        .ok_or_else(|| {
            let words: Vec<&str> = known.iter().map(|(word, _)| *word).collect();
            ConnectionError::BadValue {
                key: key.to_owned(),
                value: value.to_owned(),
                why: format!("one of {} is expected", words.join(", ")),
            }
        })
}

/// Reads a whole number.
pub fn number(key: &str, value: &str) -> Result<i64, ConnectionError> {
    value
        .trim()
        .parse::<i32>()
        .map(i64::from)
        .map_err(|_| ConnectionError::BadValue {
            key: key.to_owned(),
            value: value.to_owned(),
            why: "a whole number is expected".to_owned(),
        })
}

/// How long a server may take to answer where nobody says otherwise. libpq waits as long as the
/// system does, which is minutes where a firewall drops what is sent.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);

/// Reads `connect_timeout`: seconds; zero and less wait forever, one means two.
pub fn connect_timeout(value: &str) -> Result<Option<Duration>, ConnectionError> {
    let seconds = number("connect_timeout", value)?;
    Ok(u64::try_from(seconds)
        .ok()
        .filter(|s| *s > 0)
        .map(|s| Duration::from_secs(s.max(2))))
}
