//! Trying servers, addresses and ways of encrypting in libpq's order.

mod pooled;

use std::io;
use std::net::{IpAddr, SocketAddr};

use rand::seq::SliceRandom;
use tokio_postgres::config::{Host as PgHost, SslMode as PgSslMode, SslNegotiation};
use tokio_postgres::error::SqlState;
use tokio_postgres::tls::NoTls;
use tokio_postgres::{Config, SimpleQueryMessage};

use super::failure::{self, Attempt};
use super::hosts::{Host, Way};
use super::params::Params;
use super::session::Session;
use super::tls::Connector;
use super::values::{SessionAttributes, SslMode};
use crate::connection::ConnectionError;

/// Databases that statements about other databases are sent from.
const MAINTENANCE: [&str; 2] = ["postgres", "template1"];

impl Params {
    /// Opens a session on the target's own database.
    ///
    /// # Errors
    /// Why not, in terms of what the person can change.
    pub async fn connect(&self, application_name: &str) -> Result<Session, ConnectionError> {
        self.connect_to(&self.database, application_name).await
    }

    /// Opens a session on another database of the server: `postgres`, else `template1`.
    ///
    /// # Errors
    /// As [`Params::connect`].
    pub async fn connect_maintenance(
        &self,
        application_name: &str,
    ) -> Result<Session, ConnectionError> {
        let first = match self.connect_to(MAINTENANCE[0], application_name).await {
            Err(
                error @ (ConnectionError::UnknownDatabase { .. }
                | ConnectionError::NotAllowed { .. }),
            ) => error,
            other => return other,
        };
        self.connect_to(MAINTENANCE[1], application_name)
            .await
            .map_err(|_| first)
    }

    /// Opens a session on a database of the same server.
    ///
    /// # Errors
    /// As [`Params::connect`].
    pub async fn connect_to(
        &self,
        database: &str,
        application_name: &str,
    ) -> Result<Session, ConnectionError> {
        let passes: &[SessionAttributes] = match self.attributes {
            SessionAttributes::PreferStandby => {
                &[SessionAttributes::Standby, SessionAttributes::Any]
            }
            _ => std::slice::from_ref(&self.attributes),
        };
        let mut order: Vec<usize> = (0..self.hosts.len()).collect();
        if self.shuffle {
            order.shuffle(&mut rand::rng());
        }
        let mut last = None;
        for wanted in passes {
            for &index in &order {
                let dial = Dial {
                    params: self,
                    index,
                    host: &self.hosts[index],
                    database,
                    application_name,
                };
                match dial.connect(*wanted).await {
                    Ok(session) => return Ok(session),
                    Err(error) if worth_another_host(&error) => last = Some(error),
                    Err(error) => return Err(error),
                }
            }
        }
        Err(last.unwrap_or_else(|| ConnectionError::BadUrl {
            what: "it names no host".to_owned(),
        }))
    }
}

/// libpq goes on to the next host unless a server was reached and said no.
fn worth_another_host(error: &ConnectionError) -> bool {
    matches!(
        error,
        ConnectionError::Unreachable { .. }
            | ConnectionError::NotReady { .. }
            | ConnectionError::SessionAttributes { .. }
            | ConnectionError::Tls { .. }
    )
}

/// One host of the list.
struct Dial<'a> {
    params: &'a Params,
    index: usize,
    host: &'a Host,
    database: &'a str,
    application_name: &'a str,
}

impl Dial<'_> {
    async fn connect(&self, wanted: SessionAttributes) -> Result<Session, ConnectionError> {
        let mut last = None;
        for address in self.addresses().await? {
            let attempt = self.session_at(address);
            let session = match self.params.connect_timeout {
                Some(limit) => tokio::time::timeout(limit, attempt)
                    .await
                    .unwrap_or_else(|_| {
                        let words =
                            format!("no answer within {} s (connect_timeout)", limit.as_secs());
                        let source = io::Error::new(io::ErrorKind::TimedOut, words);
                        Err(failure::unreachable(self.host.shown(), source))
                    }),
                None => attempt.await,
            };
            match session {
                Ok(session) if self.suits(&session, wanted).await? => return Ok(session),
                Ok(_) => {
                    let asked = self.params.effective.get("target_session_attrs").cloned();
                    return Err(ConnectionError::SessionAttributes {
                        server: self.host.shown(),
                        asked: asked.unwrap_or_default(),
                    });
                }
                Err(error) if worth_another_host(&error) => last = Some(error),
                Err(error) => return Err(error),
            }
        }
        Err(last.unwrap_or_else(|| {
            let source = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
            failure::unreachable(self.host.shown(), source)
        }))
    }

    /// A session with everything in place.
    async fn session_at(&self, address: Option<IpAddr>) -> Result<Session, ConnectionError> {
        let session = self.connect_address(address).await?;
        if session.is_pooled() {
            self.judge(&session, address).await?;
        }
        let settled = session.settle().await;
        settled.map_err(|error| self.explain(error))?;
        Ok(session)
    }

    /// The addresses of a name; `None` stands for a socket.
    async fn addresses(&self) -> Result<Vec<Option<IpAddr>>, ConnectionError> {
        match self.host.way {
            Way::Socket(_) => Ok(vec![None]),
            Way::Address(address) => Ok(vec![Some(address)]),
            Way::Name => {
                let found =
                    tokio::net::lookup_host((self.host.name.as_str(), self.host.port)).await;
                let found =
                    found.map_err(|source| failure::unreachable(self.host.shown(), source))?;
                let mut addresses: Vec<IpAddr> =
                    found.map(|address: SocketAddr| address.ip()).collect();
                addresses.dedup();
                if self.params.shuffle {
                    addresses.shuffle(&mut rand::rng());
                }
                Ok(addresses.into_iter().map(Some).collect())
            }
        }
    }

    /// Tries what `sslmode` allows, in order. Sockets are never encrypted, as in libpq.
    async fn connect_address(&self, address: Option<IpAddr>) -> Result<Session, ConnectionError> {
        let mode = if address.is_some() {
            self.params.tls.mode
        } else {
            SslMode::Disable
        };
        match mode {
            SslMode::Disable => self
                .plain(address)
                .await
                .map_err(|error| self.explain(error)),
            SslMode::Allow => match self.plain(address).await {
                Err(error)
                    if error
                        .as_db_error()
                        .is_some_and(|said| may_be_about_encryption(said.code())) =>
                {
                    self.encrypted(address, PgSslMode::Require)
                        .await
                        .map_err(|second| match second {
                            // A server without TLS: what it said at first is what matters.
                            ConnectionError::Tls { .. } => self.explain(error),
                            second => second,
                        })
                }
                other => other.map_err(|error| self.explain(error)),
            },
            SslMode::Prefer => match self.encrypted(address, PgSslMode::Prefer).await {
                Err(first) if may_do_without(&first) => self
                    .plain(address)
                    .await
                    .map_err(|error| more_telling(first, self.explain(error))),
                other => other,
            },
            SslMode::Require | SslMode::VerifyCa | SslMode::VerifyFull => {
                self.encrypted(address, PgSslMode::Require).await
            }
        }
    }

    async fn plain(&self, address: Option<IpAddr>) -> Result<Session, tokio_postgres::Error> {
        let config = self.config(address, PgSslMode::Disable);
        let connected = config.connect(NoTls).await?;
        Session::establish(connected, (self.host.shown(), self.index), None).await
    }

    async fn encrypted(
        &self,
        address: Option<IpAddr>,
        mode: PgSslMode,
    ) -> Result<Session, ConnectionError> {
        let connector: Connector = self.params.tls.connector(&self.host.shown())?;
        let config = self.config(address, mode);
        let place = (self.host.shown(), self.index);
        let connected = config
            .connect(connector.clone())
            .await
            .map_err(|error| self.explain(error))?;
        Session::establish(connected, place, Some(connector))
            .await
            .map_err(|error| self.explain(error))
    }

    fn config(&self, address: Option<IpAddr>, mode: PgSslMode) -> Config {
        let params = self.params;
        let mut config = Config::new();
        match (&self.host.way, address) {
            (Way::Socket(folder), _) => {
                config.host_path(folder);
            }
            (_, address) => {
                config.host(&self.host.name);
                if let Some(address) = address {
                    config.hostaddr(address);
                }
            }
        }
        debug_assert!(matches!(
            config.get_hosts(),
            [PgHost::Tcp(_) | PgHost::Unix(_)]
        ));
        config
            .port(self.host.port)
            .user(&params.user)
            .dbname(self.database)
            .application_name(self.application_name)
            .ssl_mode(mode)
            .channel_binding(params.channel_binding)
            .keepalives(params.keepalives.on)
            .keepalives_idle(params.keepalives.idle)
            .keepalives_interval(params.keepalives.interval)
            .keepalives_retries(params.keepalives.count);
        if params.tls.direct {
            config.ssl_negotiation(SslNegotiation::Direct);
        }
        if let Some(limit) = params.keepalives.user_timeout {
            config.tcp_user_timeout(limit);
        }
        let known = params.password.as_ref().map(|(password, _)| password);
        if let Some(password) = known.or(self.host.password.as_ref()) {
            config.password(password.expose());
        }
        if let Some(options) = params
            .effective
            .get("options")
            .filter(|options| !options.is_empty())
        {
            config.options(options);
        }
        config
    }

    fn explain(&self, error: tokio_postgres::Error) -> ConnectionError {
        let attempt = Attempt {
            params: self.params,
            host: self.host,
            database: self.database,
        };
        failure::explain(error, &attempt)
    }

    /// Whether a server is what `target_session_attrs` asks for.
    async fn suits(
        &self,
        session: &Session,
        wanted: SessionAttributes,
    ) -> Result<bool, ConnectionError> {
        if wanted == SessionAttributes::Any {
            return Ok(true);
        }
        let question = "SELECT pg_catalog.pg_is_in_recovery(), \
                        pg_catalog.current_setting('default_transaction_read_only')";
        let answer = session
            .simple_query(question)
            .await
            .map_err(|error| self.explain(error))?;
        let (standby, read_only) = answer
            .iter()
            .find_map(|message| match message {
                SimpleQueryMessage::Row(row) => {
                    Some((row.get(0) == Some("t"), row.get(1) == Some("on")))
                }
                _ => None,
            })
            .unwrap_or_default();
        Ok(match wanted {
            SessionAttributes::Any | SessionAttributes::PreferStandby => true,
            SessionAttributes::ReadWrite => !standby && !read_only,
            SessionAttributes::ReadOnly => standby || read_only,
            SessionAttributes::Primary => !standby,
            SessionAttributes::Standby => standby,
        })
    }
}

/// `allow`: libpq tries again with encryption whatever the server said against the first
/// try; what surely has nothing to do with encryption is spared.
fn may_be_about_encryption(code: &SqlState) -> bool {
    *code != SqlState::INVALID_CATALOG_NAME && *code != SqlState::TOO_MANY_CONNECTIONS
}

/// `prefer`: the handshake failed, or the server refused the encrypted session (a line
/// `hostnossl` in its `pg_hba.conf`).
fn may_do_without(error: &ConnectionError) -> bool {
    matches!(
        error,
        ConnectionError::Tls { .. } | ConnectionError::NotAllowed { .. }
    )
}

/// The error of two that says more: a wrong password is news, "no encryption" is not.
fn more_telling(first: ConnectionError, second: ConnectionError) -> ConnectionError {
    match (&first, &second) {
        (ConnectionError::NotAllowed { .. }, ConnectionError::NotAllowed { .. }) => first,
        _ => second,
    }
}
