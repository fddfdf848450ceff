//! A database of a test's own.

use std::sync::atomic::{AtomicU32, Ordering};

use super::server::Server;

/// A database that is dropped with this value, whoever is still connected.
#[derive(Debug)]
pub struct TestDatabase<'a> {
    server: &'a Server,
    name: String,
}

impl<'a> TestDatabase<'a> {
    pub(super) fn create(server: &'a Server, name: &str) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        Self::create_named(server, &format!("{name}_{number}"), "")
    }

    /// A database with exactly this name; `options` follow it in `CREATE DATABASE`, such as
    /// `ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0`.
    pub fn create_named(server: &'a Server, name: &str, options: &str) -> Self {
        server.psql(
            "postgres",
            &format!("CREATE DATABASE {} {options}", quote(name)),
        );
        Self {
            server,
            name: name.to_owned(),
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The server it lives on.
    pub fn server(&self) -> &'a Server {
        self.server
    }

    /// A URL over TCP for the superuser, password included.
    pub fn url(&self) -> String {
        self.server.url(&self.name)
    }

    /// What the SQL prints. Panics on the first error.
    pub fn psql(&self, sql: &str) -> String {
        self.server.psql(&self.name, sql)
    }

    /// What the SQL prints, or what psql said about the first error.
    pub fn try_psql(&self, sql: &str) -> Result<String, String> {
        self.server.try_psql(&self.name, sql)
    }
}

impl Drop for TestDatabase<'_> {
    fn drop(&mut self) {
        // A stopped server or a subscription can keep it; the server's folder goes anyway.
        let sql = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", quote(&self.name));
        let _ = self.server.try_psql("postgres", &sql);
    }
}

/// A name as SQL wants it.
pub fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
