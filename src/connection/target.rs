//! A database to look after, whatever its engine.

use std::fmt::Write as _;
use std::sync::Arc;

use super::mongodb::MongoUrl;
use super::postgres::{self, Params};
use super::{ConnectionError, Environment, Secret};

/// Which engine a target belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EngineKind {
    /// PostgreSQL.
    Postgresql,
    /// MongoDB.
    Mongodb,
}

impl EngineKind {
    /// All there are.
    const ALL: [Self; 2] = [Self::Postgresql, Self::Mongodb];

    /// As archives, journals and URLs name it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Postgresql => "postgresql",
            Self::Mongodb => "mongodb",
        }
    }

    /// The kind of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// A database to look after.
#[derive(Clone, Debug)]
pub struct Target {
    label: String,
    origin: String,
    address: Address,
}

#[derive(Clone, Debug)]
pub(super) enum Address {
    Postgresql(Arc<Params>),
    Mongodb(Arc<MongoUrl>),
}

impl Target {
    /// Reads a URL, `env:NAME`, or a `key=value` string, with libpq's defaults out of `env`.
    ///
    /// # Errors
    /// What psql would refuse too, a URL without a database, and a variable that is not set.
    pub fn parse(text: &str, env: &Environment) -> Result<Self, ConnectionError> {
        let Some(name) = text.strip_prefix("env:") else {
            return Self::of_text(text, env, "command line");
        };
        match env.get(name).map(str::trim) {
            Some(value) if !value.is_empty() => Self::of_text(value, env, name),
            _ => Err(ConnectionError::UnknownVariable {
                name: name.to_owned(),
            }),
        }
    }

    /// The target that the caller's environment names: `DATABASE_URL`, else `MONGODB_URI`.
    ///
    /// # Errors
    /// As [`Target::parse`]; a variable that is not set or empty is no error.
    pub fn from_environment(env: &Environment) -> Result<Option<Self>, ConnectionError> {
        for name in ["DATABASE_URL", "MONGODB_URI"] {
            if let Some(text) = env.get(name).map(str::trim).filter(|text| !text.is_empty()) {
                return Self::of_text(text, env, name).map(Some);
            }
        }
        Ok(None)
    }

    /// A target on a server that an archive remembers: host, port and user. The password
    /// comes from the engine's usual places, else from `DATABASE_URL` or `MONGODB_URI` if
    /// that names the same server.
    ///
    /// # Errors
    /// As [`Target::parse`].
    pub fn of_server(
        engine: EngineKind,
        (host, port, user): (&str, u16, &str),
        database: &str,
        env: &Environment,
    ) -> Result<Self, ConnectionError> {
        if let Ok(Some(known)) = Self::from_environment(env)
            && known.engine() == engine
            && known.is_on(host, port)
            && known.user() == user
        {
            return Ok(known
                .with_database(database)
                .with_origin("the archive's own server"));
        }
        let scheme = engine.name();
        let mut url = String::new();
        if !user.is_empty() {
            let _ = write!(url, "{}@", encode(user));
        }
        let host = if host.contains(':') {
            format!("[{host}]")
        } else {
            encode(host)
        };
        let text = format!("{scheme}://{url}{host}:{port}/{}", encode(database));
        Self::of_text(&text, env, "the archive's own server")
    }

    pub(super) fn of_text(
        text: &str,
        env: &Environment,
        origin: &str,
    ) -> Result<Self, ConnectionError> {
        let address = if MongoUrl::recognises(text) {
            Address::Mongodb(Arc::new(MongoUrl::parse(text)?))
        } else {
            Address::Postgresql(Arc::new(Params::parse(text, env)?))
        };
        let mut target = Self {
            label: String::new(),
            origin: origin.to_owned(),
            address,
        };
        target.label = file_name_safe(target.database());
        Ok(target)
    }

    /// Which engine it belongs to.
    #[must_use]
    pub fn engine(&self) -> EngineKind {
        match self.address {
            Address::Postgresql(_) => EngineKind::Postgresql,
            Address::Mongodb(_) => EngineKind::Mongodb,
        }
    }

    /// A short name that can be part of a file's name; by default the database's.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.label
    }

    /// The same target under another label, made safe for file names.
    #[must_use]
    pub fn with_label(mut self, label: &str) -> Self {
        self.label = file_name_safe(label);
        self
    }

    /// Where it came from, in words: `DATABASE_URL`, `bookend.toml: shop`, `command line`.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The same target, said to come from elsewhere.
    #[must_use]
    pub fn with_origin(mut self, origin: &str) -> Self {
        origin.clone_into(&mut self.origin);
        self
    }

    /// The database's name.
    #[must_use]
    pub fn database(&self) -> &str {
        match &self.address {
            Address::Postgresql(params) => params.database(),
            Address::Mongodb(url) => url.database(),
        }
    }

    /// Another database on the same server, with the same rights. The label stays.
    #[must_use]
    pub fn with_database(&self, name: &str) -> Self {
        let address = match &self.address {
            Address::Postgresql(params) => {
                Address::Postgresql(Arc::new(params.with_database(name)))
            }
            Address::Mongodb(url) => Address::Mongodb(Arc::new(url.with_database(name))),
        };
        Self {
            address,
            ..self.clone()
        }
    }

    /// The host of the (first) server, or the folder of its socket.
    #[must_use]
    pub fn host(&self) -> &str {
        match &self.address {
            Address::Postgresql(params) => params.host(),
            Address::Mongodb(url) => url.host(),
        }
    }

    /// The port of the (first) server.
    #[must_use]
    pub fn port(&self) -> u16 {
        match &self.address {
            Address::Postgresql(params) => params.port(),
            Address::Mongodb(url) => url.port(),
        }
    }

    /// Whether its (first) server is the one of this host and port, however the host is spelled.
    #[must_use]
    pub fn is_on(&self, host: &str, port: u16) -> bool {
        postgres::same_host(self.host(), host) && self.port() == port
    }

    /// The role or user; empty if MongoDB is used without one.
    #[must_use]
    pub fn user(&self) -> &str {
        match &self.address {
            Address::Postgresql(params) => params.user(),
            Address::Mongodb(url) => url.user(),
        }
    }

    /// The password, if the URL or one of the engine's usual places has one.
    #[must_use]
    pub fn password(&self) -> Option<&Secret> {
        match &self.address {
            Address::Postgresql(params) => params.password(),
            Address::Mongodb(url) => url.password(),
        }
    }

    /// The URL with what it resolved to, never with a password.
    #[must_use]
    pub fn display_url(&self) -> String {
        match &self.address {
            Address::Postgresql(params) => params.display_url(),
            Address::Mongodb(url) => url.display_url(),
        }
    }

    /// The URL as it was written, its dialect suffix and query kept, naming this database.
    #[must_use]
    pub fn secret_url(&self) -> Secret {
        match &self.address {
            Address::Postgresql(params) => params.secret_url(),
            Address::Mongodb(url) => url.secret_url(),
        }
    }

    /// Every value that must not reach a log, an error or a report.
    #[must_use]
    pub fn secrets(&self) -> Vec<Secret> {
        match &self.address {
            Address::Postgresql(params) => params.secrets(),
            Address::Mongodb(url) => url.password().cloned().into_iter().collect(),
        }
    }

    /// What was noticed while the target was read, in words (a password file that others
    /// can read, for example).
    #[must_use]
    pub fn notes(&self) -> &[String] {
        match &self.address {
            Address::Postgresql(params) => params.notes(),
            Address::Mongodb(_) => &[],
        }
    }

    /// The variables that make a vendor's tool reach this database with bookend's session
    /// settings. Complete: nothing of the caller's own variables need be passed on.
    #[must_use]
    pub fn tool_environment(&self, application_name: &str) -> Vec<(String, Secret)> {
        match &self.address {
            Address::Postgresql(params) => params.tool_environment(application_name),
            Address::Mongodb(_) => Vec::new(),
        }
    }

    /// PostgreSQL's connection parameters.
    ///
    /// # Errors
    /// If the target is of another engine.
    pub fn postgres(&self) -> Result<&Params, ConnectionError> {
        match &self.address {
            Address::Postgresql(params) => Ok(params),
            Address::Mongodb(_) => Err(ConnectionError::OtherEngine {
                target: self.display_url(),
                engine: "PostgreSQL",
            }),
        }
    }

    /// MongoDB's connection string.
    ///
    /// # Errors
    /// If the target is of another engine.
    pub fn mongodb(&self) -> Result<&MongoUrl, ConnectionError> {
        match &self.address {
            Address::Mongodb(url) => Ok(url),
            Address::Postgresql(_) => Err(ConnectionError::OtherEngine {
                target: self.display_url(),
                engine: "MongoDB",
            }),
        }
    }

    /// The same target, held to the one server that `session` reached. Needed where several
    /// hosts are named: an exported snapshot is known only where it was taken.
    #[must_use]
    pub fn pinned_to(&self, session: &postgres::Session) -> Self {
        match &self.address {
            Address::Postgresql(params) => Self {
                address: Address::Postgresql(Arc::new(params.pinned_to(session.host_index()))),
                ..self.clone()
            },
            Address::Mongodb(_) => self.clone(),
        }
    }

    /// Whether both name a database of the same name on the same server, whoever connects.
    #[must_use]
    pub fn is_same_database(&self, other: &Self) -> bool {
        self.database() == other.database() && self.is_same_server(other)
    }

    /// Whether both name the same server, as far as names tell. `localhost`, `127.0.0.1` and
    /// `::1` count as one.
    #[must_use]
    pub fn is_same_server(&self, other: &Self) -> bool {
        match (&self.address, &other.address) {
            (Address::Postgresql(a), Address::Postgresql(b)) => a.is_same_server(b),
            (Address::Mongodb(a), Address::Mongodb(b)) => a.is_same_server(b),
            _ => false,
        }
    }

    pub(super) fn address(&self) -> &Address {
        &self.address
    }
}

/// Whether a text is a URL or connection string with a password in it.
#[must_use]
pub fn holds_password(text: &str) -> bool {
    if MongoUrl::recognises(text) {
        // Also of a URL that is wrong otherwise.
        let authority = text.split_once("://").map_or("", |(_, rest)| rest);
        return authority
            .rsplit_once('@')
            .is_some_and(|(user, _)| user.contains(':'));
    }
    postgres::holds_password(text)
}

/// A name with nothing in it that a file's name or a shell could stumble over.
fn file_name_safe(name: &str) -> String {
    let mut safe: String = name
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.') {
                c
            } else {
                '_'
            }
        })
        .take(63)
        .collect();
    if safe.starts_with(['.', '-']) {
        safe.replace_range(..1, "_");
    }
    if safe.is_empty() {
        safe.push_str("database");
    }
    safe
}

/// What RFC 3986 leaves unencoded in every part of a URL.
const RESERVED: &percent_encoding::AsciiSet = &percent_encoding::NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Percent-encodes everything that could mean something in a URL.
pub(super) fn encode(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, RESERVED).to_string()
}
