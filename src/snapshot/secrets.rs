//! Telling secrets by their names: a schema holds some (options of servers, settings).

/// Parts of names whose values are secrets.
pub const SECRET_NAMES: [&str; 7] = [
    "passw",
    "secret",
    "token",
    "apikey",
    "api_key",
    "credential",
    "private",
];

/// True if something of this name (an option, a setting) holds a secret, which is not to be
/// shown.
#[must_use]
pub fn names_secret(name: &str) -> bool {
    let name = name.to_lowercase();
    SECRET_NAMES.iter().any(|secret| name.contains(secret))
}

/// `NAME=value`, of a secret only that there is a value.
#[must_use]
pub fn shown_setting(line: &str) -> String {
    match line.split_once('=') {
        Some((name, _)) if names_secret(name) => format!("{name}=…"),
        _ => line.to_owned(),
    }
}
