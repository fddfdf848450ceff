//! Service files, by the rules of libpq's `parseServiceInfo`.

use std::path::{Path, PathBuf};

use super::options;
use crate::connection::{ConnectionError, Environment};

/// Where Debian's, then everybody else's, libpq was told to look at build time.
const SYSTEM_FOLDERS: &[&str] = &[
    "/etc/postgresql-common",
    "/etc/sysconfig/pgsql",
    "/usr/local/pgsql/etc",
    "/etc",
];

/// The options of a service: from the user's own file, else from the system's.
pub fn read(
    service: &str,
    named_file: Option<&str>,
    env: &Environment,
) -> Result<Vec<(&'static str, String)>, ConnectionError> {
    let own = user_file(named_file, env)?;
    let mut looked_at = Vec::new();
    for path in own.into_iter().chain(system_files(env)) {
        let text = match std::fs::read(&path) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => return Err(wrong(&path, error.to_string())),
        };
        if let Some(options) = find(&text, service, &path)? {
            return Ok(options);
        }
        looked_at.push(path.display().to_string());
    }
    let places = if looked_at.is_empty() {
        "no service file".to_owned()
    } else {
        looked_at.join(", ")
    };
    Err(ConnectionError::ServiceFile {
        path: named_file.map_or_else(|| PathBuf::from("~/.pg_service.conf"), PathBuf::from),
        what: format!("the service \"{service}\" is not defined (looked at: {places})"),
    })
}

/// A file that is named must exist; the one in the home folder may be missing.
fn user_file(named: Option<&str>, env: &Environment) -> Result<Option<PathBuf>, ConnectionError> {
    if let Some(named) = named.filter(|named| !named.is_empty()) {
        let path = PathBuf::from(named);
        return if path.exists() {
            Ok(Some(path))
        } else {
            Err(wrong(&path, "it does not exist"))
        };
    }
    Ok(env.home().map(|home| home.join(".pg_service.conf")))
}

fn system_files(env: &Environment) -> Vec<PathBuf> {
    match env.get("PGSYSCONFDIR").filter(|folder| !folder.is_empty()) {
        Some(folder) => vec![Path::new(folder).join("pg_service.conf")],
        None => SYSTEM_FOLDERS
            .iter()
            .map(|f| Path::new(f).join("pg_service.conf"))
            .collect(),
    }
}

/// The options of one service in a file's text; `None` if it is not there.
fn find(
    text: &str,
    service: &str,
    path: &Path,
) -> Result<Option<Vec<(&'static str, String)>>, ConnectionError> {
    let mut found: Option<Vec<(&'static str, String)>> = None;
    for (number, line) in text.lines().map(str::trim).enumerate() {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(section) = line.strip_prefix('[') {
            if found.is_some() {
                break;
            }
            if section.strip_suffix(']') == Some(service) {
                found = Some(Vec::new());
            }
            continue;
        }
        let Some(options) = &mut found else { continue };
        if line.starts_with("ldap") {
            return Err(wrong(path, "a look-up by LDAP is not supported"));
        }
        let Some((key, value)) = line.split_once('=') else {
            return Err(wrong(path, format!("line {} has no \"=\"", number + 1)));
        };
        if matches!(key, "service" | "servicefile") {
            return Err(wrong(
                path,
                format!("line {}: a service cannot refer to a service", number + 1),
            ));
        }
        let Ok(keyword) = options::keyword(key) else {
            return Err(wrong(
                path,
                format!("line {}: unknown option \"{key}\"", number + 1),
            ));
        };
        // The first of two counts, as libpq sets only what is not set yet.
        if !options.iter().any(|(known, _)| *known == keyword) {
            options.push((keyword, value.to_owned()));
        }
    }
    Ok(found)
}

fn wrong(path: &Path, what: impl Into<String>) -> ConnectionError {
    ConnectionError::ServiceFile {
        path: path.to_owned(),
        what: what.into(),
    }
}

#[cfg(test)]
mod tests;
