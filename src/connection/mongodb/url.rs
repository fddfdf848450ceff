//! MongoDB's connection strings.

use std::fmt;
use std::sync::{Arc, OnceLock};

use crate::connection::postgres::same_host;
use crate::connection::target::encode;
use crate::connection::{ConnectionError, Secret};

/// Port of a server unless said otherwise.
const DEFAULT_PORT: u16 = 27017;

/// Mechanisms whose users are in no database.
const EXTERNAL: [&str; 4] = ["mongodb-x509", "mongodb-aws", "mongodb-oidc", "gssapi"];

/// A `mongodb://` or `mongodb+srv://` URL taken apart.
#[derive(Clone)]
pub struct MongoUrl {
    scheme: String,
    user: String,
    raw_user: String,
    password: Option<Secret>,
    raw_password: Option<String>,
    hosts: Vec<(String, u16)>,
    raw_hosts: String,
    database: String,
    /// The database that was written: it says where the user is defined, unless an option or
    /// the DNS record of a `mongodb+srv` name does.
    home: String,
    /// Where the user is defined, once a connection has found out. Every URL made of this one
    /// shares it.
    defined_in: Arc<OnceLock<String>>,
    query: String,
}

impl MongoUrl {
    /// Whether a text is a URL of MongoDB.
    #[must_use]
    pub fn recognises(text: &str) -> bool {
        let scheme = text
            .split_once("://")
            .map(|(scheme, _)| scheme.to_ascii_lowercase());
        matches!(scheme.as_deref(), Some("mongodb" | "mongodb+srv"))
    }

    /// Takes a URL apart; it must name a database.
    ///
    /// # Errors
    /// It is no URL of MongoDB, or names no database.
    pub fn parse(text: &str) -> Result<Self, ConnectionError> {
        let Some((scheme, rest)) = text.split_once("://") else {
            return Err(bad("it is not a URL of MongoDB"));
        };
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (user_part, raw_hosts) = authority.rsplit_once('@').unwrap_or(("", authority));
        if user_part.contains('@') {
            return Err(bad("an \"@\" in the user or password is written %40"));
        }
        let (raw_user, raw_password) = match user_part.split_once(':') {
            Some((user, password)) => (user, Some(password)),
            None => (user_part, None),
        };
        let hosts: Vec<(String, u16)> = raw_hosts.split(',').map(host).collect::<Result<_, _>>()?;
        let database = decode(path)?;
        let url = Self {
            scheme: scheme.to_owned(),
            user: decode(raw_user)?,
            raw_user: raw_user.to_owned(),
            password: raw_password.map(decode).transpose()?.map(Secret::new),
            raw_password: raw_password.map(str::to_owned),
            hosts,
            raw_hosts: raw_hosts.to_owned(),
            home: database.clone(),
            defined_in: Arc::default(),
            database,
            query: query.to_owned(),
        };
        if url.database.is_empty() {
            return Err(ConnectionError::NoDatabase {
                target: url.display_url(),
            });
        }
        Ok(url)
    }

    /// The database's name.
    #[must_use]
    pub fn database(&self) -> &str {
        &self.database
    }

    /// The first host.
    #[must_use]
    pub fn host(&self) -> &str {
        self.hosts.first().map_or("", |(host, _)| host)
    }

    /// The first host's port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.hosts.first().map_or(DEFAULT_PORT, |(_, port)| *port)
    }

    /// The user, or nothing.
    #[must_use]
    pub fn user(&self) -> &str {
        &self.user
    }

    /// The password, if there is one.
    #[must_use]
    pub fn password(&self) -> Option<&Secret> {
        self.password.as_ref()
    }

    /// The same URL naming another database. The user stays defined where it was.
    #[must_use]
    pub fn with_database(&self, name: &str) -> Self {
        let mut url = self.clone();
        name.clone_into(&mut url.database);
        url
    }

    /// Remembers where the user is defined, as the driver worked it out.
    pub(super) fn learn(&self, auth_source: &str) {
        // Whoever was first has asked the same DNS.
        let _known = self.defined_in.set(auth_source.to_owned());
    }

    /// The options; with another database than was written, they say where the user is defined.
    fn options(&self) -> String {
        let mut pairs: Vec<String> = self
            .query
            .split('&')
            .filter(|pair| !pair.is_empty())
            .map(str::to_owned)
            .collect();
        let says_where = pairs.iter().any(|pair| is_option(pair, "authsource"));
        if !self.raw_user.is_empty() && !says_where && self.database != self.home {
            let source = match self.defined_in.get() {
                Some(source) => Some(source),
                None if self.is_external() => None,
                None => Some(&self.home),
            };
            pairs.extend(source.map(|source| format!("authSource={}", encode(source))));
        }
        pairs.join("&")
    }

    /// True if the user is known by other means than a password in a database.
    pub(super) fn is_external(&self) -> bool {
        let query = self.query.to_ascii_lowercase();
        let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.any(|(key, value)| key == "authmechanism" && EXTERNAL.contains(&value))
    }

    /// Without the password and without options that may be secret.
    #[must_use]
    pub fn display_url(&self) -> String {
        let shown = |pair: &&str| {
            let key = pair.split('=').next().unwrap_or_default().to_lowercase();
            !(key.contains("password") || key.contains("properties") || key.contains("secret"))
        };
        let options = self.options();
        let query: Vec<&str> = options.split('&').filter(shown).collect();
        self.render(None, &self.database, &query.join("&"))
    }

    /// With everything, as a program needs it.
    #[must_use]
    pub fn secret_url(&self) -> Secret {
        let options = self.options();
        Secret::new(self.render(self.raw_password.as_deref(), &self.database, &options))
    }

    fn render(&self, password: Option<&str>, database: &str, query: &str) -> String {
        let password = password
            .map(|password| format!(":{password}"))
            .unwrap_or_default();
        let at = if self.raw_user.is_empty() && password.is_empty() {
            ""
        } else {
            "@"
        };
        let mark = if query.is_empty() { "" } else { "?" };
        format!(
            "{}://{}{password}{at}{}/{}{mark}{query}",
            self.scheme,
            self.raw_user,
            self.raw_hosts,
            encode(database)
        )
    }

    /// Hosts as they were written, for errors.
    #[must_use]
    pub fn server(&self) -> &str {
        &self.raw_hosts
    }

    /// True if reads may be answered by other members than the primary, whichever is near.
    #[must_use]
    pub fn reads_elsewhere(&self) -> bool {
        let query = self.query.to_ascii_lowercase();
        let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        let direct = query.split('&').any(|pair| pair == "directconnection=true");
        !direct && pairs.any(|(key, value)| key == "readpreference" && value != "primary")
    }

    /// As it was written, naming the database that was written, without some options.
    pub(super) fn without(&self, left_out: &[&str]) -> Secret {
        let query = self.options_without(left_out).join("&");
        Secret::new(self.render(self.raw_password.as_deref(), &self.home, &query))
    }

    fn options_without(&self, left_out: &[&str]) -> Vec<&str> {
        let stays = |pair: &&str| {
            let key = pair.split('=').next().unwrap_or_default();
            !pair.is_empty() && !left_out.iter().any(|out| out.eq_ignore_ascii_case(key))
        };
        self.query.split('&').filter(stays).collect()
    }

    /// As the tools are to see it: naming no database (they would read meaning into it) but
    /// where the user is defined, and without options that they cannot stand.
    pub(super) fn bare(&self, left_out: &[&str], auth_source: Option<&str>) -> Secret {
        let mut kept: Vec<String> = self
            .options_without(left_out)
            .into_iter()
            .map(str::to_owned)
            .collect();
        if let Some(source) = auth_source
            && !kept.iter().any(|pair| is_option(pair, "authsource"))
        {
            kept.push(format!("authSource={}", encode(source)));
        }
        Secret::new(self.render(self.raw_password.as_deref(), "", &kept.join("&")))
    }

    /// Whether any host is in both lists.
    #[must_use]
    pub fn is_same_server(&self, other: &Self) -> bool {
        self.hosts.iter().any(|(host, port)| {
            other
                .hosts
                .iter()
                .any(|(h, p)| p == port && same_host(host, h))
        })
    }

    /// A value that names the original's database, naming this one.
    #[must_use]
    pub fn rewritten(&self, original: &Self, value: &str) -> Option<Secret> {
        let value = value.trim();
        if !Self::recognises(value) {
            return None;
        }
        let mut theirs = Self::parse(value).ok()?;
        if theirs.database != original.database || !theirs.is_same_server(original) {
            return None;
        }
        if theirs.scheme == self.scheme && theirs.home == self.home {
            theirs.defined_in = Arc::clone(&self.defined_in);
        }
        Some(if self.is_same_server(&theirs) {
            theirs.with_database(&self.database).secret_url()
        } else {
            self.secret_url()
        })
    }
}

impl fmt::Debug for MongoUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.display_url())
    }
}

/// Whether `NAME=value` is the option of that lower-case name.
fn is_option(pair: &str, name: &str) -> bool {
    pair.split('=')
        .next()
        .is_some_and(|key| key.eq_ignore_ascii_case(name))
}

fn host(text: &str) -> Result<(String, u16), ConnectionError> {
    let (host, port) = match text
        .strip_prefix('[')
        .and_then(|inside| inside.split_once(']'))
    {
        Some((host, port)) => (host, port.strip_prefix(':')),
        None => match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        },
    };
    if host.is_empty() {
        return Err(bad("a host is empty"));
    }
    let port = match port {
        None => DEFAULT_PORT,
        Some(port) => port
            .parse()
            .map_err(|_| bad("a port is not a number from 1 to 65535"))?,
    };
    Ok((decode(host)?, port))
}

fn decode(text: &str) -> Result<String, ConnectionError> {
    crate::connection::postgres::decode(text)
}

fn bad(what: &str) -> ConnectionError {
    ConnectionError::BadUrl {
        what: what.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_taken_apart_and_put_together() {
        let text = "mongodb://al:p%40ss@a:1,b/shop?replicaSet=rs0&authSource=admin";
        let url = MongoUrl::parse(text).unwrap();
        assert_eq!(
            (url.host(), url.port(), url.user(), url.database()),
            ("a", 1, "al", "shop")
        );
        assert_eq!(url.password().unwrap().expose(), "p@ss");
        assert_eq!(url.secret_url().expose(), text);
        assert_eq!(
            url.display_url(),
            "mongodb://al@a:1,b/shop?replicaSet=rs0&authSource=admin"
        );
        assert!(!format!("{url:?}").contains("p%40ss"));
    }

    #[test]
    fn the_user_stays_defined_where_it_was() {
        let url = MongoUrl::parse("mongodb+srv://al:p@a/shop")
            .unwrap()
            .with_database("copy");
        assert_eq!(
            url.secret_url().expose(),
            "mongodb+srv://al:p@a/copy?authSource=shop"
        );
        // A DNS record may say otherwise: known once there was a connection, by any of them.
        url.with_database("other").learn("admin");
        assert_eq!(
            url.secret_url().expose(),
            "mongodb+srv://al:p@a/copy?authSource=admin"
        );
        assert_eq!(
            url.with_database("shop").secret_url().expose(),
            "mongodb+srv://al:p@a/shop"
        );
        let theirs = url.rewritten(
            &MongoUrl::parse("mongodb+srv://al:p@a/shop").unwrap(),
            "mongodb+srv://bo:q@a/shop",
        );
        assert_eq!(
            theirs.unwrap().expose(),
            "mongodb+srv://bo:q@a/copy?authSource=admin"
        );
        let url = MongoUrl::parse("mongodb://CN=x@a/shop?authMechanism=MONGODB-X509")
            .unwrap()
            .with_database("copy");
        assert_eq!(
            url.secret_url().expose(),
            "mongodb://CN=x@a/copy?authMechanism=MONGODB-X509"
        );
        let url = MongoUrl::parse("mongodb://a/shop")
            .unwrap()
            .with_database("copy");
        assert_eq!(url.secret_url().expose(), "mongodb://a/copy");
    }

    #[test]
    fn a_url_without_a_database_is_refused() {
        for text in [
            "mongodb://a",
            "mongodb://a/",
            "mongodb://a/?x=y",
            "mongodb://al:canary@a",
        ] {
            let error = MongoUrl::parse(text).unwrap_err();
            assert!(
                matches!(error, ConnectionError::NoDatabase { .. }),
                "{text}"
            );
            assert!(!error.to_string().contains("canary"));
        }
    }
}
