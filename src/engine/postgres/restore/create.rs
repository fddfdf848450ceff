//! Making the database that a copy is built in, and taking it away again.

use std::collections::BTreeMap;

use chrono::Utc;
use tokio_postgres::error::SqlState;

use crate::connection::Target;
use crate::connection::postgres::Session;
use crate::engine::{
    Context, CopyKind, DatabaseCopy, EngineError, MadeDatabase, MissingThing, RestoreRequest,
};
use crate::snapshot::Snapshot;

use super::super::copies::{Marker, names, set_marker};
use super::super::quoting::{quote_identifier, quote_literal};
use super::super::server::Server;
use super::super::sql_error::{has_code, sql};

/// Creates an empty, marked database. Its random name is in the ledger before it exists.
pub(super) async fn create(
    context: &Context,
    session: &Session,
    server: &Server,
    on: &Target,
    snapshot: &Snapshot,
    request: &RestoreRequest,
) -> Result<DatabaseCopy, EngineError> {
    let name = names::random(&snapshot.database.name);
    context
        .ledger
        .announce(&MadeDatabase {
            name: name.clone(),
            kind: CopyKind::Disposable,
            engine: "postgresql".to_owned(),
            server: on.display_url(),
            identity: server.identity.clone(),
            run: context.run.clone(),
            made: Utc::now(),
            contents: None,
        })
        .map_err(EngineError::Ledger)?;
    let statement = statement(&name, &snapshot.database.locale, server.version_num);
    if let Err(error) = session.batch_execute(&statement).await {
        let _ = context.ledger.settle(&name, "not created");
        return Err(not_created(on, server, error));
    }
    let oid: u32 = session
        .query_one(
            "SELECT oid FROM pg_catalog.pg_database WHERE datname = $1",
            &[&name],
        )
        .await
        .map_err(sql(on, format!("{name} could not be looked up")))?
        .get(0);
    let copy = DatabaseCopy {
        target: on.with_database(&name),
        name: name.clone(),
        identity: oid.to_string(),
        request: request.clone(),
        finishing: Vec::new(),
        notes: Vec::new(),
        left_out: Vec::new(),
    };
    let marker = Marker::disposable(server.system(), oid, &context.run, Utc::now());
    set_marker(session, on, &name, &marker, None).await?;
    Ok(copy)
}

/// `CREATE DATABASE` with everything that cannot be changed later: encoding, provider, locale.
/// The options depend on the server: `LOCALE_PROVIDER` came with 15, `ICU_RULES` with 16,
/// `BUILTIN_LOCALE` with 17.
pub(in super::super) fn statement(
    name: &str,
    locale: &BTreeMap<String, String>,
    version_num: u32,
) -> String {
    let mut statement = format!(
        "CREATE DATABASE {} TEMPLATE template0",
        quote_identifier(name)
    );
    let mut option = |word: &str, key: &str| {
        if let Some(value) = locale.get(key).filter(|value| !value.is_empty()) {
            statement.push_str(&format!(" {word} {}", quote_literal(value)));
        }
    };
    option("ENCODING", "encoding");
    option("LC_COLLATE", "collate");
    option("LC_CTYPE", "ctype");
    if version_num >= 150_000 {
        option("LOCALE_PROVIDER", "provider");
        match locale.get("provider").map(String::as_str) {
            Some("icu") => option("ICU_LOCALE", "locale"),
            Some("builtin") => option("BUILTIN_LOCALE", "locale"),
            _ => {}
        }
    }
    if version_num >= 160_000 {
        option("ICU_RULES", "icu rules");
    }
    statement
}

pub(in super::super) fn not_created(
    on: &Target,
    server: &Server,
    error: tokio_postgres::Error,
) -> EngineError {
    let missing = |what: String, fix: String| EngineError::Missing {
        server: on.display_url(),
        missing: vec![MissingThing { what, fix }],
    };
    let words = error.as_db_error().map_or_else(
        || error.to_string(),
        |e| match e.detail() {
            Some(detail) => format!("{} ({detail})", e.message()),
            None => e.message().to_owned(),
        },
    );
    if has_code(&error, &SqlState::INSUFFICIENT_PRIVILEGE) {
        return missing(
            format!("the right to create databases for role {}", server.role),
            format!("ALTER ROLE {} CREATEDB", quote_identifier(&server.role)),
        );
    }
    if has_code(&error, &SqlState::WRONG_OBJECT_TYPE)
        || has_code(&error, &SqlState::INVALID_PARAMETER_VALUE)
        || has_code(&error, &SqlState::INVALID_OBJECT_DEFINITION)
    {
        return missing(
            format!("a locale or encoding of the original: {words}"),
            "install that locale on the server, e.g. locale-gen, and restart it".to_owned(),
        );
    }
    sql(on, "a database for the copy could not be created")(error)
}
