//! Loading the copy's collections beside, putting them in their places, and what comes after.
//! Every part looks first at what is there, so that it can be begun again after a crash.

use std::collections::{BTreeSet, HashMap};

use bson::RawDocumentBuf;
use mongodb::Database;

use crate::connection::mongodb::Session;
use crate::engine::rollback::{Act, InPlace, Intentions};
use crate::engine::{Context, Discrepancy, EngineError};
use crate::fingerprint::HashedDocuments;
use crate::snapshot::{Object, ObjectKind, Snapshot};

use super::super::compare::{self, Expiry};
use super::super::definitions::CollectionDefinition;
use super::super::server::refused;
use super::super::{catalogue, copies, dump, scan};
use super::rename::{Place, drop_one, exists, rename};

/// So many collections that appeared in between are put aside, then it is given up.
const INTRUDERS: usize = 20;

/// Names of collections and views.
pub(super) fn names(definitions: &[CollectionDefinition]) -> Vec<String> {
    let names = definitions.iter().map(|one| one.name().to_owned());
    names.collect()
}

/// Moves the copy's collections beside the failed ones.
pub(super) async fn load(
    session: &Session,
    work: &InPlace,
    wanted: &[CollectionDefinition],
) -> Result<(), EngineError> {
    let collections = wanted.iter().filter(|one| one.kind() != ObjectKind::View);
    for one in collections {
        let from = Place::new(&work.copy, one.name());
        let to = Place::new(&work.database, format!("{}{}", one.name(), work.fresh));
        if !rename(session, &from, &to).await? {
            return Err(EngineError::NotOurs {
                name: to.collection,
                why: "somebody else made a collection of that name".to_owned(),
            });
        }
    }
    Ok(())
}

/// Takes away what was loaded.
pub(super) async fn unload(session: &Session, work: &InPlace) -> Result<(), EngineError> {
    for name in &work.wanted {
        let place = Place::new(&work.database, format!("{name}{}", work.fresh));
        if exists(session, &place).await? {
            drop_one(session, &place).await?;
        }
    }
    Ok(())
}

/// Reads what was loaded and compares it with the archive once more, before anything is put
/// aside for it.
pub(super) async fn check_loaded(
    context: &Context,
    session: &Session,
    work: &InPlace,
    archive: &Snapshot,
) -> Result<(), EngineError> {
    let database = session.other(&work.database);
    let mut fresh = catalogue::read(session, &database).await?;
    fresh.retain(|one| one.name().ends_with(&work.fresh));
    let hashed = scan::hash(context, session, &database, &fresh).await?;
    let hashed: HashMap<&str, &HashedDocuments> = hashed
        .iter()
        .map(|(name, one)| (name.as_str(), one))
        .collect();
    let mut objects = dump::objects(&fresh, &|name| hashed.get(name).copied());
    for object in &mut objects {
        let end = object.name.len().saturating_sub(work.fresh.len());
        object.name.truncate(end);
    }
    let is_view = |object: &Object| object.kind == ObjectKind::View;
    let mut expected = archive.clone();
    expected.objects.retain(|object| !is_view(object));
    let found = Snapshot {
        objects,
        ..expected.clone()
    };
    told(
        "what was loaded is not what the archive holds; nothing was put aside",
        compare::all(&expected, &found, Expiry::Held, false),
    )
}

/// Reads all definitions back.
pub(super) async fn check_finished(
    session: &Session,
    archive: &Snapshot,
) -> Result<(), EngineError> {
    let wanted: BTreeSet<&str> = archive
        .objects
        .iter()
        .map(|one| one.name.as_str())
        .collect();
    let mut present = catalogue::read(session, session.database()).await?;
    present.retain(|one| wanted.contains(one.name()));
    let found = Snapshot {
        objects: dump::objects(&present, &|_| None),
        ..archive.clone()
    };
    told(
        "everything is in its place, but not all definitions are what the archive holds",
        compare::definitions(archive, &found, Expiry::AsArchived),
    )
}

fn told(what: &str, differences: Vec<Discrepancy>) -> Result<(), EngineError> {
    if differences.is_empty() {
        return Ok(());
    }
    let reasons = differences.into_iter().map(|one| {
        format!(
            "{}: {}: expected {}, found {}",
            one.object, one.kind, one.expected, one.found
        )
    });
    Err(EngineError::Restore {
        what: what.to_owned(),
        reasons: reasons.collect(),
        advice: None,
    })
}

/// Puts every collection in its place, and those that the migration added aside.
pub(super) async fn replace_all(
    session: &Session,
    work: &InPlace,
    intentions: &dyn Intentions,
) -> Result<(), EngineError> {
    let all: BTreeSet<&String> = work.found.iter().chain(&work.wanted).collect();
    for collection in all {
        let act = Act::Replace {
            fresh: work.fresh.clone(),
            collection: collection.clone(),
        };
        intentions.about_to(&act).map_err(EngineError::Ledger)?;
        replace(session, work, collection).await?;
        intentions.done(&act).map_err(EngineError::Ledger)?;
    }
    Ok(())
}

/// Puts one aside and the copy's in its place. What has the name once the copy's is not to be
/// loaded any more is the copy's own.
async fn replace(session: &Session, work: &InPlace, name: &str) -> Result<(), EngineError> {
    let place = Place::new(&work.database, name);
    let fresh = Place::new(&work.database, format!("{name}{}", work.fresh));
    let aside = Place::new(&work.database, format!("{name}{}", work.aside));
    if work.found.iter().any(|found| found == name) && !exists(session, &aside).await? {
        put_aside(session, &place, &aside).await?;
    }
    if !exists(session, &fresh).await? {
        return Ok(());
    }
    for number in 2..INTRUDERS + 2 {
        if rename(session, &fresh, &place).await? {
            return Ok(());
        }
        // Whoever writes into a collection that is not there makes one.
        let other = Place::new(&work.database, format!("{name}{}_{number}", work.aside));
        put_aside(session, &place, &other).await?;
    }
    Err(EngineError::NotOurs {
        name: name.to_owned(),
        why: "others keep making a collection of that name; stop what writes and run it again"
            .to_owned(),
    })
}

/// A view cannot be renamed: it is made once more under the other name.
async fn put_aside(session: &Session, place: &Place, aside: &Place) -> Result<(), EngineError> {
    let database = session.other(&place.database);
    let present = catalogue::read(session, &database).await?;
    let Some(one) = present.iter().find(|one| one.name() == place.collection) else {
        return Ok(());
    };
    if one.kind() != ObjectKind::View {
        rename(session, place, aside).await?;
        return Ok(());
    }
    send(
        session,
        &database,
        one.create_as(&aside.collection),
        &aside.collection,
    )
    .await?;
    drop_one(session, place).await
}

async fn send(
    session: &Session,
    database: &Database,
    command: RawDocumentBuf,
    name: &str,
) -> Result<(), EngineError> {
    let what = format!("view {name} could not be made");
    database
        .run_raw_command(command)
        .await
        .map(drop)
        .map_err(refused(session, what))
}

/// Views, out of the copy's raw definitions, and what lets documents expire again.
pub(super) async fn finish(session: &Session, work: &InPlace) -> Result<(), EngineError> {
    let (copy, database) = (session.other(&work.copy), session.other(&work.database));
    for one in catalogue::read(session, &copy).await? {
        let place = Place::new(&work.database, one.name());
        let wanted = one.kind() == ObjectKind::View && work.wanted.contains(&place.collection);
        if wanted && !exists(session, &place).await? {
            send(session, &database, one.create(), one.name()).await?;
        }
    }
    for name in &work.wanted {
        if !exists(session, &Place::new(&work.database, name)).await? {
            return Err(EngineError::Restore {
                what: format!("{name} is not in its place"),
                reasons: vec![format!("the copy {} does not hold it any more", work.copy)],
                advice: None,
            });
        }
    }
    copies::expire_again(session, &copy, &database).await
}
