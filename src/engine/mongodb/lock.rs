//! One run of a database at a time: a document in a database of bookend's own, one for each
//! target. A document outlives its owner; so it says who that is.

use async_trait::async_trait;
use bson::{Document, doc};
use chrono::{DateTime, SubsecRound as _, Utc};
use mongodb::Collection;
use mongodb::error::{ErrorKind, WriteFailure};
use mongodb::options::WriteConcern;

use crate::connection::Target;
use crate::connection::mongodb::Session;
use crate::engine::{Claim, Context, EngineError, Holder, TargetLock};

use super::server;

/// Where the documents are: never in a target.
const DATABASE: &str = "bookend";
const COLLECTION: &str = "locks";

/// `DuplicateKey`.
const DUPLICATE: i32 = 11_000;

struct Held {
    session: Session,
    target: Target,
    run: String,
}

/// Takes the lock.
pub(super) async fn lock(
    context: &Context,
    target: &Target,
    claim: &Claim,
) -> Result<Box<dyn TargetLock>, EngineError> {
    let session = server::connect(context, target).await?;
    let own = own(claim, target);
    let inserted = locks(&session)
        .insert_one(&own)
        .write_concern(WriteConcern::majority())
        .await;
    match inserted {
        Ok(_) => {}
        Err(error) if is_duplicate(&error) => take_over(&session, target, claim, &own).await?,
        Err(error) => return Err(no_lock(target, server::words(&error))),
    }
    Ok(Box::new(Held {
        session,
        target: target.clone(),
        run: claim.run.clone(),
    }))
}

fn locks(session: &Session) -> Collection<Document> {
    session.other(DATABASE).collection(COLLECTION)
}

fn own(claim: &Claim, target: &Target) -> Document {
    let host = nix::unistd::gethostname()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    doc! {
        "_id": target.database(),
        "run": &claim.run,
        "host": host,
        "pid": i64::from(std::process::id()),
        "since": Utc::now().trunc_subsecs(0).to_rfc3339(),
    }
}

async fn take_over(
    session: &Session,
    target: &Target,
    claim: &Claim,
    own: &Document,
) -> Result<(), EngineError> {
    let failed = |error: mongodb::error::Error| no_lock(target, server::words(&error));
    let found = locks(session)
        .find_one(doc! { "_id": target.database() })
        .await
        .map_err(failed)?;
    let holder = found.as_ref().map_or_else(unknown, holder);
    if !claim.take_over || holder.run != claim.run {
        return Err(EngineError::Held {
            database: target.database().to_owned(),
            holder,
        });
    }
    let replaced = locks(session)
        .replace_one(doc! { "_id": target.database(), "run": &claim.run }, own)
        .write_concern(WriteConcern::majority())
        .await
        .map_err(failed)?;
    if replaced.matched_count == 1 {
        Ok(())
    } else {
        Err(EngineError::Held {
            database: target.database().to_owned(),
            holder,
        })
    }
}

fn holder(found: &Document) -> Holder {
    let word = |key: &str| found.get_str(key).unwrap_or_default().to_owned();
    Holder {
        run: word("run"),
        host: word("host"),
        since: DateTime::parse_from_rfc3339(&word("since"))
            .map_or_else(|_| Utc::now(), |since| since.with_timezone(&Utc)),
    }
}

fn unknown() -> Holder {
    Holder {
        run: "(not known)".to_owned(),
        host: String::new(),
        since: Utc::now(),
    }
}

fn is_duplicate(error: &mongodb::error::Error) -> bool {
    match error.kind.as_ref() {
        ErrorKind::Write(WriteFailure::WriteError(error)) => error.code == DUPLICATE,
        _ => server::code(error) == Some(DUPLICATE),
    }
}

fn no_lock(target: &Target, why: String) -> EngineError {
    EngineError::NoLock {
        database: target.database().to_owned(),
        why,
        advice: format!(
            "runs keep each other off through a document in {DATABASE}.{COLLECTION}: give the user the role readWrite on database {DATABASE}"
        ),
    }
}

#[async_trait]
impl TargetLock for Held {
    async fn check(&self) -> Result<(), EngineError> {
        let filter = doc! { "_id": self.target.database(), "run": &self.run };
        match locks(&self.session).find_one(filter).await {
            Ok(Some(_)) => Ok(()),
            Ok(None) => Err(lost(&self.target, "somebody took it away")),
            Err(error) => Err(lost(&self.target, &server::words(&error))),
        }
    }

    async fn release(self: Box<Self>) {
        let filter = doc! { "_id": self.target.database(), "run": &self.run };
        // What stays is named by its run, and `abort` of that run takes it away.
        let _ = locks(&self.session).delete_one(filter).await;
    }
}

fn lost(target: &Target, why: &str) -> EngineError {
    EngineError::LockLost {
        database: target.database().to_owned(),
        why: why.to_owned(),
    }
}
