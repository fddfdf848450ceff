//! An established session.

use std::collections::VecDeque;
use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_postgres::tls::NoTls;
use tokio_postgres::{AsyncMessage, CancelToken, Client, Connection, SimpleQueryMessage};

use super::tls::Connector;
use super::{failure, pooler, settings};
use crate::connection::ConnectionError;

/// Notices that are kept; older ones are let go.
const KEPT_NOTICES: usize = 100;

/// Something the server said beside its answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// `NOTICE`, `WARNING` …
    pub severity: String,
    /// SQLSTATE.
    pub code: String,
    /// The words.
    pub message: String,
}

/// What the task that drives the connection saw.
#[derive(Default)]
struct Heard {
    notices: VecDeque<Notice>,
    last_words: Option<String>,
}

type Shared = Arc<Mutex<Heard>>;

/// A session with bookend's settings; it closes when the last handle of its client drops.
pub struct Session {
    /// The client, to be shared between tasks.
    pub client: Arc<Client>,
    heard: Shared,
    server: String,
    host_index: usize,
    major: u32,
    version: String,
    pid: i32,
    is_pooled: bool,
    connector: Option<Connector>,
}

impl Session {
    /// Drives a fresh connection. Nothing is set in it yet: see [`Session::settle`].
    pub(super) async fn establish<S, T>(
        (client, connection): (Client, Connection<S, T>),
        (server, host_index): (String, usize),
        connector: Option<Connector>,
    ) -> Result<Self, tokio_postgres::Error>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
        T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let version = connection
            .parameter("server_version")
            .unwrap_or_default()
            .to_owned();
        let major = settings::major_version(&version);
        let heard = Shared::default();
        tokio::spawn(drive(connection, Arc::clone(&heard)));
        let pid = client
            .simple_query("SELECT pg_catalog.pg_backend_pid()")
            .await?
            .iter()
            .find_map(pid_in);
        let announced = pooler::announced(&client).await;
        Ok(Self {
            is_pooled: announced.is_some() && pid.is_some() && announced != pid,
            client: Arc::new(client),
            heard,
            server,
            host_index,
            major,
            version,
            pid: pid.unwrap_or_default(),
            connector,
        })
    }

    /// Puts bookend's settings in place.
    pub(super) async fn settle(&self) -> Result<(), tokio_postgres::Error> {
        let settings = settings::statements(self.major);
        self.client.simple_query(&settings).await?;
        Ok(())
    }

    /// Whether something answers that announces another process than the server's own.
    pub(super) fn is_pooled(&self) -> bool {
        self.is_pooled
    }

    /// Process id of the session's server process.
    #[must_use]
    pub fn backend_pid(&self) -> i32 {
        self.pid
    }

    /// The server as errors name it.
    #[must_use]
    pub fn server(&self) -> &str {
        &self.server
    }

    /// The server's version as it reports it, e.g. `16.2 (Debian 16.2-1)`.
    #[must_use]
    pub fn server_version(&self) -> &str {
        &self.version
    }

    /// The first number of the version.
    #[must_use]
    pub fn server_major(&self) -> u32 {
        self.major
    }

    /// The place in the list of hosts of the server that answered.
    pub(crate) fn host_index(&self) -> usize {
        self.host_index
    }

    /// What the server said beside its answers, oldest first, the last hundred.
    #[must_use]
    pub fn notices(&self) -> Vec<Notice> {
        lock(&self.heard).notices.iter().cloned().collect()
    }

    /// If an error means that the session is gone: [`ConnectionError::Lost`] with the
    /// server's last words. `None` for an ordinary error of a statement.
    #[must_use]
    pub fn lost(&self, error: &tokio_postgres::Error) -> Option<ConnectionError> {
        if !failure::means_lost(error) {
            return None;
        }
        let said = error
            .as_db_error()
            .map(|refusal| refusal.message().to_owned());
        let reason = said.or_else(|| lock(&self.heard).last_words.clone());
        Some(ConnectionError::Lost {
            server: self.server.clone(),
            reason: reason.unwrap_or_else(|| "the server closed the connection".to_owned()),
        })
    }

    /// Cancels this session's running statement from elsewhere.
    #[must_use]
    pub fn cancel_handle(&self) -> CancelHandle {
        CancelHandle {
            token: self.client.cancel_token(),
            connector: self.connector.clone(),
        }
    }
}

impl Deref for Session {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

/// Cancels a session's running statement; may outlive the session.
#[derive(Clone)]
pub struct CancelHandle {
    token: CancelToken,
    connector: Option<Connector>,
}

impl CancelHandle {
    /// Asks the server to end the statement that runs now.
    ///
    /// # Errors
    /// If the server cannot be reached. Success only says that it was asked.
    pub async fn cancel(&self) -> Result<(), tokio_postgres::Error> {
        match &self.connector {
            Some(connector) => self.token.cancel_query(connector.clone()).await,
            None => self.token.cancel_query(NoTls).await,
        }
    }
}

/// Polls a connection to its end and keeps what it says.
async fn drive<S, T>(mut connection: Connection<S, T>, heard: Shared)
where
    S: AsyncRead + AsyncWrite + Unpin,
    T: AsyncRead + AsyncWrite + Unpin,
{
    loop {
        match future::poll_fn(|context| connection.poll_message(context)).await {
            Some(Ok(AsyncMessage::Notice(said))) => {
                let notices = &mut lock(&heard).notices;
                if notices.len() == KEPT_NOTICES {
                    notices.pop_front();
                }
                notices.push_back(Notice {
                    severity: said.severity().to_owned(),
                    code: said.code().code().to_owned(),
                    message: said.message().to_owned(),
                });
            }
            Some(Ok(_)) => {}
            Some(Err(error)) => {
                lock(&heard).last_words = Some(last_words(&error));
                return;
            }
            None => return,
        }
    }
}

fn last_words(error: &tokio_postgres::Error) -> String {
    use std::error::Error as _;
    match error.as_db_error() {
        Some(said) => said.message().to_owned(),
        None => error
            .source()
            .map_or_else(|| error.to_string(), ToString::to_string),
    }
}

fn pid_in(message: &SimpleQueryMessage) -> Option<i32> {
    match message {
        SimpleQueryMessage::Row(row) => row.get(0)?.parse().ok(),
        _ => None,
    }
}

fn lock(heard: &Shared) -> std::sync::MutexGuard<'_, Heard> {
    heard.lock().unwrap_or_else(PoisonError::into_inner)
}
