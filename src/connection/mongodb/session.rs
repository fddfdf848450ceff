//! Sessions through the official driver.

use std::time::Duration;

use bson::{Document, doc};
use mongodb::options::{AuthMechanism, ClientOptions};
use mongodb::{Client, Database};

use super::{MongoUrl, classified};
use crate::connection::{ConnectionError, Secret};

/// How long a server may stay away before it counts as unreachable.
const PATIENCE: Duration = Duration::from_secs(10);

/// What the driver refuses or what would change how it behaves here: with a write concern of
/// 0 a write that fails looks like one that went well, and the counts that follow are wrong.
const NOT_FOR_THE_DRIVER: [&str; 8] = [
    "socketTimeoutMS",
    "appName",
    "compressors",
    "zlibCompressionLevel",
    "readConcernLevel",
    "w",
    "wTimeoutMS",
    "journal",
];

/// A pool of connections to one deployment, and the database that was named.
#[derive(Clone)]
pub struct Session {
    client: Client,
    url: MongoUrl,
    database: Database,
    auth_source: Option<String>,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session")
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

impl MongoUrl {
    /// Connects and asks for a sign of life.
    ///
    /// # Errors
    /// Whatever keeps the deployment from answering: [`ConnectionError`].
    pub async fn connect(&self, application_name: &str) -> Result<Session, ConnectionError> {
        let failed = |error: mongodb::error::Error| classified(&error, self);
        let mut options = self.driver_options().await.map_err(failed)?;
        options.app_name = Some(application_name.to_owned());
        options.server_selection_timeout.get_or_insert(PATIENCE);
        // Definitions, marks and counts are the primary's; the tools read where they are told.
        options.selection_criteria = None;
        let auth_source = options
            .credential
            .as_ref()
            .and_then(|credential| credential.source.clone());
        if let Some(source) = &auth_source {
            self.learn(source);
        }
        let client = Client::with_options(options).map_err(failed)?;
        let database = client.database(self.database());
        let session = Session {
            client,
            url: self.clone(),
            database,
            auth_source,
        };
        session.sign_of_life().await?;
        Ok(session)
    }

    /// The URL as the driver understands it, with the database that was written: without
    /// `authSource`, that database (or a DNS record) says where the user is defined.
    async fn driver_options(&self) -> Result<ClientOptions, mongodb::error::Error> {
        let text: Secret = self.without(&NOT_FOR_THE_DRIVER);
        let mut options = ClientOptions::parse(text.expose()).await?;
        if let Some(credential) = &mut options.credential
            && credential.mechanism == Some(AuthMechanism::MongoDbX509)
        {
            // The driver (3.9) sends it as a field that servers refuse; the certificate says it.
            credential.username = None;
        }
        Ok(options)
    }
}

impl Session {
    /// The driver's client.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The database that the URL named.
    #[must_use]
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// Another database, by the same connections.
    #[must_use]
    pub fn other(&self, name: &str) -> Database {
        self.client.database(name)
    }

    /// Hosts as they were written.
    #[must_use]
    pub fn server(&self) -> &str {
        self.url.server()
    }

    /// The URL.
    #[must_use]
    pub fn url(&self) -> &MongoUrl {
        &self.url
    }

    /// The database where the user is defined, as the driver worked it out.
    #[must_use]
    pub fn auth_source(&self) -> Option<&str> {
        self.auth_source.as_deref()
    }

    /// Runs a command on the database that the URL named.
    ///
    /// # Errors
    /// The driver's.
    pub async fn command(&self, command: Document) -> Result<Document, mongodb::error::Error> {
        self.database.run_command(command).await
    }

    async fn sign_of_life(&self) -> Result<(), ConnectionError> {
        self.other("admin")
            .run_command(doc! { "ping": 1 })
            .await
            .map(drop)
            .map_err(|error| classified(&error, &self.url))
    }
}
