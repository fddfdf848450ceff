//! The swap: both renames, both marks, owner and limit in one transaction.

use chrono::Utc;

use crate::connection::Target;
use crate::engine::rollback::{Act, Intentions, Replacement, Swap};
use crate::engine::{Context, CopyKind, EngineError};
use crate::snapshot::DatabaseFacts;

use super::super::catalog::{self, Include};
use super::super::copies::{self, Marker, own_comment};
use super::super::quoting::{quote_identifier, quote_literal};
use super::super::server::{self, Server};
use super::hold::Hold;

/// Swaps, or leaves everything as it was.
pub(super) async fn swap(
    context: &Context,
    hold: &Hold,
    replacement: Replacement,
    intentions: &dyn Intentions,
) -> Result<(), EngineError> {
    let on = &hold.target;
    let session = server::maintenance(context, on).await?;
    let server = server::facts(&session, on).await?;
    let copy = &replacement.copy;
    let act = Swap {
        database: on.database().to_owned(),
        identity: hold.identity.clone(),
        kept_as: hold.kept_as.clone(),
        copy: copy.name.clone(),
        copy_identity: copy.identity.clone(),
    };
    let failed = match &act.identity {
        Some(_) => comment_of(&session, on, &act.database).await?,
        None => String::new(),
    };
    let fresh = comment_of(&session, on, &act.copy).await?;
    let statements = statements(context, &server, &act, (&failed, &fresh), &replacement)?;
    let oid: u32 = copy.identity.parse().unwrap_or_default();
    let announced = Act::Swap(act);
    intentions
        .about_to(&announced)
        .map_err(EngineError::Ledger)?;
    copies::rename(
        &session,
        &server,
        on,
        oid,
        &statements,
        copies::Sessions::Own,
    )
    .await?;
    intentions.done(&announced).map_err(EngineError::Ledger)?;
    context
        .ledger
        .settle(
            &copy.name,
            &format!("put in the place of {}", on.database()),
        )
        .map_err(EngineError::Ledger)
}

async fn comment_of(
    session: &tokio_postgres::Client,
    on: &Target,
    name: &str,
) -> Result<String, EngineError> {
    match copies::find(session, on, name).await? {
        Some(found) => Ok(found.comment),
        None => Err(changed(name, "it is gone")),
    }
}

fn changed(name: &str, why: &str) -> EngineError {
    EngineError::NotOurs {
        name: name.to_owned(),
        why: why.to_owned(),
    }
}

fn statements(
    context: &Context,
    server: &Server,
    act: &Swap,
    (failed, fresh): (&str, &str),
    replacement: &Replacement,
) -> Result<String, EngineError> {
    let Some(disposable) = Marker::find(fresh) else {
        return Err(changed(&act.copy, "it carries no mark of bookend any more"));
    };
    let mut all = vec![check(&act.copy, &act.copy_identity, fresh)];
    let name = quote_identifier(&act.database);
    if let Some(identity) = &act.identity {
        all.push(check(&act.database, identity, failed));
        let kept = quote_identifier(&act.kept_as);
        let oid = identity.parse().unwrap_or_default();
        let marker = Marker {
            kind: CopyKind::Kept,
            archive: Some(replacement.archive.clone()),
            ..Marker::disposable(server.system(), oid, &context.run, Utc::now())
        };
        all.push(format!("ALTER DATABASE {name} RENAME TO {kept}"));
        all.push(comment(&act.kept_as, &marker, failed));
        all.push(format!("ALTER DATABASE {kept} ALLOW_CONNECTIONS true"));
    }
    all.push(format!(
        "ALTER DATABASE {} RENAME TO {name}",
        quote_identifier(&act.copy)
    ));
    let marker = Marker {
        kind: CopyKind::Provenance,
        run: context.run.clone(),
        archive: Some(replacement.archive.clone()),
        ..disposable
    };
    all.push(comment(&act.database, &marker, fresh));
    all.extend(finishing(
        &replacement.source.snapshot().database,
        &act.database,
    ));
    Ok(all.join("; "))
}

fn comment(name: &str, marker: &Marker, beside: &str) -> String {
    let own = own_comment(beside);
    let text = marker.comment(own.as_deref()).unwrap_or_default();
    format!(
        "COMMENT ON DATABASE {} IS {}",
        quote_identifier(name),
        quote_literal(&text)
    )
}

/// Fails the transaction unless the database is the one that was looked at.
fn check(name: &str, identity: &str, comment: &str) -> String {
    format!(
        "DO $check$ BEGIN IF NOT EXISTS (SELECT FROM pg_catalog.pg_database d
            WHERE d.oid::pg_catalog.text = {identity} AND d.datname = {name}
              AND coalesce(pg_catalog.shobj_description(d.oid, 'pg_database'), '') = {comment})
         THEN RAISE 'a database changed meanwhile'; END IF; END $check$",
        identity = quote_literal(identity),
        name = quote_literal(name),
        comment = quote_literal(comment),
    )
}

/// The owner and the limit of connections, which would have kept bookend from working on it.
/// Settings and grants it has since it was restored.
fn finishing(database: &DatabaseFacts, name: &str) -> Vec<String> {
    let facts = DatabaseFacts {
        owner: database.owner.clone(),
        connection_limit: database.connection_limit,
        ..DatabaseFacts::default()
    };
    let include = Include {
        owner: true,
        grants: false,
        comment: false,
    };
    catalog::database_sql(&facts, name, include)
}
