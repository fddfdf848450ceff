//! From a text and an environment to the options that hold: what is written, then the
//! service's, then the variables' (libpq's `conninfo_add_defaults`).

use std::collections::BTreeMap;

use super::uri::Url;
use super::{key_value, options, service};
use crate::connection::{ConnectionError, Environment};

/// Options by their keyword.
pub type Options = BTreeMap<&'static str, String>;

/// What a text says, and what holds once all defaults are in.
pub struct Resolved {
    /// The text as a URL; made up from the options for a `key=value` string.
    pub url: Url,
    /// Whether it was written as `key=value`.
    pub key_value: bool,
    /// What holds.
    pub effective: Options,
}

/// Reads a text and fills in the defaults.
pub fn resolve(text: &str, env: &Environment) -> Result<Resolved, ConnectionError> {
    let written = Url::recognises(text)
        .then(|| Url::parse(text))
        .transpose()?;
    let mut options: Options = match &written {
        Some(url) => url.options()?.into_iter().collect(),
        None => key_value::parse(text)?.into_iter().collect(),
    };
    let not_from_variables = add_service(&mut options, env)?;
    for (keyword, variable) in options::KNOWN {
        // libpq reads these two variables only to find the service, which is done.
        if matches!(*keyword, "service" | "servicefile") || options.contains_key(keyword) {
            continue;
        }
        if let Some(value) = variable.and_then(|variable| env.get(variable)) {
            options.insert(keyword, value.to_owned());
        }
    }
    Ok(Resolved {
        key_value: written.is_none(),
        url: written.unwrap_or_else(|| {
            let own = not_from_variables
                .iter()
                .filter(|(k, _)| !k.starts_with("service"));
            Url::of_options(own.map(|(k, v)| (*k, v.as_str())))
        }),
        effective: options,
    })
}

/// Adds what the service says and is not written; hands back what holds so far.
fn add_service(options: &mut Options, env: &Environment) -> Result<Options, ConnectionError> {
    let named = options
        .get("service")
        .map(String::as_str)
        .or_else(|| env.get("PGSERVICE"));
    if let Some(service) = named.filter(|service| !service.is_empty()) {
        let file = options
            .get("servicefile")
            .map(String::as_str)
            .or_else(|| env.get("PGSERVICEFILE"));
        for (keyword, value) in service::read(service, file, env)? {
            options.entry(keyword).or_insert(value);
        }
    }
    Ok(options.clone())
}

/// Whether a text is a URL or `key=value` string that gives a password. What cannot be
/// understood counts as giving one if it looks like it.
pub fn holds_password(text: &str) -> bool {
    let options = if Url::recognises(text) {
        Url::parse(text).and_then(|url| url.options())
    } else {
        key_value::parse(text)
    };
    match options {
        Ok(options) => options.iter().any(|(key, value)| {
            matches!(*key, "password" | "sslpassword" | "oauth_client_secret") && !value.is_empty()
        }),
        Err(_) => text.contains("password=") || (text.contains("://") && text.contains('@')),
    }
}
