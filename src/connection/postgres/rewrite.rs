//! What others are told so that they reach a database: the vendor's tools, the migration
//! command, and every variable of the caller that named the original.

use super::hosts::Way;
use super::params::Params;
use super::uri::Url;
use super::{key_value, options, settings, values};
use crate::connection::{Environment, Secret};

/// How long a tool of libpq's waits for a server.
const TIMEOUT: &str = "PGCONNECT_TIMEOUT";

impl Params {
    /// The URL as it was written, naming this database.
    pub(crate) fn secret_url(&self) -> Secret {
        Secret::new(self.url_with_database().to_string())
    }

    /// A URL that got its database from `PGDATABASE` or a service names it from here on.
    fn url_with_database(&self) -> Url {
        let names_it = self.url.options().ok().and_then(|options| {
            options
                .into_iter()
                .rev()
                .find(|(key, _)| *key == "dbname")
                .map(|(_, name)| name)
        });
        if names_it.as_deref() == Some(&self.database) {
            self.url.clone()
        } else {
            self.url.with_database(&self.database)
        }
    }

    /// The variables of libpq that lead to this database, for the migration command.
    pub(crate) fn variables(&self) -> Vec<(String, Secret)> {
        let mut variables = Vec::new();
        let mut set =
            |name: &str, value: String| variables.push((name.to_owned(), Secret::new(value)));
        let joined = |part: &dyn Fn(&super::hosts::Host) -> String| {
            self.hosts.iter().map(part).collect::<Vec<_>>().join(",")
        };
        set("PGHOST", joined(&|host| host.name.clone()));
        set("PGPORT", joined(&|host| host.port.to_string()));
        if self
            .hosts
            .iter()
            .any(|host| matches!(host.way, Way::Address(_)))
        {
            set(
                "PGHOSTADDR",
                joined(&|host| match host.way {
                    Way::Address(address) => address.to_string(),
                    _ => String::new(),
                }),
            );
        }
        set("PGUSER", self.user.clone());
        set("PGDATABASE", self.database.clone());
        if let Some(password) = self.password() {
            set("PGPASSWORD", password.expose().to_owned());
        }
        let own = [
            "service",
            "servicefile",
            "application_name",
            "client_encoding",
        ];
        for (keyword, variable) in options::KNOWN {
            let value = self
                .effective
                .get(keyword)
                .filter(|value| !value.is_empty());
            if let (Some(variable), Some(value)) = (variable, value)
                && !own.contains(keyword)
            {
                set(variable, value.clone());
            }
        }
        variables
    }

    /// The variables of a vendor's tool: all of libpq's, with bookend's session settings.
    pub(crate) fn tool_environment(&self, application_name: &str) -> Vec<(String, Secret)> {
        let mut variables = self.variables();
        variables.retain(|(name, _)| name != "PGOPTIONS");
        let own = self.effective.get("options").map(String::as_str);
        variables.push((
            "PGOPTIONS".to_owned(),
            Secret::new(settings::pgoptions(own)),
        ));
        if !variables.iter().any(|(name, _)| name == TIMEOUT) {
            let seconds = values::CONNECT_TIMEOUT.as_secs().to_string();
            variables.push((TIMEOUT.to_owned(), Secret::new(seconds)));
        }
        variables.push(("PGAPPNAME".to_owned(), Secret::new(application_name)));
        variables.push(("PGCLIENTENCODING".to_owned(), Secret::new("UTF8")));
        variables
    }

    /// A value of the caller that names the original's database, written anew for this
    /// one in its own dialect; `None` if it names something else or is no such value.
    pub(crate) fn rewritten(
        &self,
        original: &Self,
        value: &str,
        env: &Environment,
    ) -> Option<Secret> {
        let value = value.trim();
        if !(Url::recognises(value) || looks_like_key_value(value)) {
            return None;
        }
        let theirs = Self::parse(value, env).ok()?;
        if theirs.database != original.database || !theirs.is_same_server(original) {
            return None;
        }
        if self.is_same_server(&theirs) {
            // Another role's URL of the same database keeps its role.
            let moved = theirs.with_database(&self.database);
            return Some(if theirs.key_value {
                moved.key_value_text()
            } else {
                moved.secret_url()
            });
        }
        Some(if theirs.key_value {
            self.key_value_text()
        } else {
            Secret::new(
                self.url_with_database()
                    .in_dialect_of(&theirs.url)
                    .to_string(),
            )
        })
    }

    fn key_value_text(&self) -> Secret {
        let options = self.url_with_database().options().unwrap_or_default();
        Secret::new(key_value::render(
            options.iter().map(|(key, value)| (*key, value.as_str())),
        ))
    }
}

/// Every variable may have an equals sign; only one that names a database can be meant.
fn looks_like_key_value(value: &str) -> bool {
    value.contains("dbname") && value.contains('=')
}

#[cfg(test)]
mod tests;
