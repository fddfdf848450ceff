//! What a replica set's oplog says of one database.

use std::collections::{BTreeMap, BTreeSet};

use bson::spec::BinarySubtype;
use bson::{Binary, Bson, Document, Timestamp, doc};
use futures_util::TryStreamExt as _;

use crate::connection::mongodb::Session;
use crate::engine::EngineError;
use crate::engine::mongodb::definitions::CollectionDefinition;
use crate::engine::mongodb::server::{self, UNAUTHORIZED, code, refused, says};

/// More entries than this are not looked at: the names found so far are told.
const LOOKED_AT: u32 = 100_000;

/// What was found in it.
pub(in crate::engine::mongodb) struct Written {
    /// Collections that were written to.
    pub hit: BTreeSet<String>,
    /// Those among them of which no document was deleted, nor anything defined.
    pub kept: BTreeSet<String>,
    /// Those among them into which documents were inserted, and nothing else.
    pub inserted: BTreeSet<String>,
    /// False if there was more than is looked at, and there may be others.
    pub all: bool,
}

const OPLOG: &str = "oplog.rs";

/// Whether the oplog can be read: `Err` with the reason and the right that is missing.
pub(in crate::engine::mongodb) async fn readable(
    session: &Session,
) -> Result<Result<(), String>, EngineError> {
    let found = session
        .other("local")
        .collection::<Document>(OPLOG)
        .find_one(doc! {})
        .projection(doc! { "ts": 1 })
        .await;
    match found {
        Ok(_) => Ok(Ok(())),
        Err(error) if code(&error) == Some(UNAUTHORIZED) => Ok(Err(missing_right(session))),
        Err(error) => Err(refused(session, "the oplog could not be read")(error)),
    }
}

fn missing_right(session: &Session) -> String {
    let user = session.url().user();
    let source = session.auth_source().unwrap_or("admin");
    format!(
        "{user} may not read the oplog; grant it: use {source}; \
         db.grantRolesToUser(\"{user}\", [{{role: \"read\", db: \"local\"}}])"
    )
}

/// Collections that were written to after `from`, by single writes, in transactions, or by
/// definition. `Err` if the oplog does not reach back that far.
pub(in crate::engine::mongodb) async fn written_since(
    session: &Session,
    from: Timestamp,
    definitions: &[CollectionDefinition],
) -> Result<Result<Written, String>, EngineError> {
    let database = session.database().name();
    let uuids = Uuids::of(definitions);
    let entries = match entries(session, from, about(database, &uuids)).await? {
        Ok(entries) => entries,
        Err(why) => return Ok(Err(why)),
    };
    let names = |of: &dyn Fn(&Document) -> BTreeSet<String>| -> BTreeSet<String> {
        entries.iter().flat_map(of).collect()
    };
    let mut hit = names(&|entry| collections(entry, database));
    hit.extend(names(&|entry| uuids.named_in(entry, &|_| true)));
    let nothing_but = |ops: &[&str]| -> BTreeSet<String> {
        let other = |one: &Document| !one.get_str("op").is_ok_and(|op| ops.contains(&op));
        let mut others = names(&|entry| those_with(entry, database, &other));
        others.extend(names(&|entry| uuids.named_in(entry, &other)));
        hit.difference(&others).cloned().collect()
    };
    Ok(Ok(Written {
        kept: nothing_but(&["i", "u"]),
        inserted: nothing_but(&["i"]),
        hit,
        all: entries.len() < LOOKED_AT as usize,
    }))
}

async fn reaches_back_to(session: &Session, from: Timestamp) -> Result<bool, EngineError> {
    let oldest = session
        .other("local")
        .collection::<Document>(OPLOG)
        .find_one(doc! {})
        .sort(doc! { "$natural": 1 })
        .projection(doc! { "ts": 1 })
        .await
        .map_err(refused(session, "the oplog could not be read"))?;
    let oldest = oldest.and_then(|entry| entry.get_timestamp("ts").ok());
    Ok(oldest.is_some_and(|oldest| oldest <= from))
}

/// Whatever is about `database`.
fn about(database: &str, uuids: &Uuids) -> Document {
    let ours = within_database(database);
    doc! { "op": { "$ne": "n" }, "$or": [
        { "ns": ours.clone() },
        { "o.applyOps": { "$elemMatch": { "ns": ours.clone() } } },
        // A collection that came over from another database.
        { "o.to": ours },
        { "o.applyOps.ui": { "$in": uuids.values() } },
    ] }
}

/// Collections by their UUIDs. `applyOps` writes to what its `ui` says, whatever name its `ns`
/// gives, and is put into the oplog as it was asked for (seen on 6.0).
struct Uuids(BTreeMap<Vec<u8>, String>);

impl Uuids {
    fn of(definitions: &[CollectionDefinition]) -> Self {
        let named = definitions.iter().filter_map(|one| {
            let uuid = one.uuid()?;
            Some((uuid.to_vec(), one.name().to_owned()))
        });
        Self(named.collect())
    }

    fn values(&self) -> Vec<Bson> {
        let binary = |bytes: &Vec<u8>| {
            Bson::Binary(Binary {
                subtype: BinarySubtype::Uuid,
                bytes: bytes.clone(),
            })
        };
        self.0.keys().map(binary).collect()
    }

    /// Those that such operations inside an entry name.
    fn named_in(&self, entry: &Document, such: &dyn Fn(&Document) -> bool) -> BTreeSet<String> {
        let operations = operations(entry);
        let operations = operations.iter().filter(|one| such(one));
        let named = operations.filter_map(|one| match one.get("ui")? {
            Bson::Binary(binary) => self.0.get(&binary.bytes).cloned(),
            _ => None,
        });
        named.collect()
    }
}

/// Definitions in `database`: no number of other writes may push one out of what is looked at.
fn defining(database: &str) -> Document {
    let commands = format!("{database}.$cmd");
    let ours = within_database(database);
    doc! { "op": "c", "$or": [
        { "ns": &commands },
        { "o.applyOps.ns": &commands },
        { "o.to": ours },
    ] }
}

/// Entries after `from` until now that match. `Err` if the oplog does not reach back that far.
async fn entries(
    session: &Session,
    from: Timestamp,
    mut filter: Document,
) -> Result<Result<Vec<Document>, String>, EngineError> {
    let Some(to) = server::operation_time(session).await? else {
        return Ok(Err("the server tells no operation time".to_owned()));
    };
    if !reaches_back_to(session, from).await? {
        return Ok(Err(
            "the oplog is too small: it began anew meanwhile".to_owned()
        ));
    }
    filter.insert("ts", doc! { "$gt": from, "$lte": to });
    let projection = doc! { "ns": 1, "op": 1, "o": {
        "create": 1, "drop": 1, "renameCollection": 1, "to": 1, "collMod": 1, "createIndexes": 1,
        "commitIndexBuild": 1, "startIndexBuild": 1, "abortIndexBuild": 1, "dropIndexes": 1,
        "emptycapped": 1, "convertToCapped": 1, "dropDatabase": 1, "deleteIndexes": 1,
        "applyOps": { "ns": 1, "op": 1, "o": 1, "ui": 1 },
    } };
    session
        .other("local")
        .collection::<Document>(OPLOG)
        .find(filter)
        .projection(projection)
        .limit(i64::from(LOOKED_AT))
        .await
        .map_err(refused(session, "the oplog could not be read"))?
        .try_collect()
        .await
        .map(Ok)
        .map_err(refused(session, "the oplog could not be read"))
}

/// Definitions of collections that were changed after `from`: the names.
pub(in crate::engine::mongodb) async fn ddl_since(
    session: &Session,
    from: Timestamp,
) -> Result<Result<BTreeSet<String>, String>, EngineError> {
    let database = session.database().name();
    let entries = match entries(session, from, defining(database)).await? {
        Ok(entries) => entries,
        Err(why) => return Ok(Err(why)),
    };
    let names = entries
        .iter()
        .flat_map(|entry| definitions_in(entry, database));
    Ok(Ok(names.collect()))
}

/// Namespaces of `database`: what begins with its name and a dot, up to the next character, the
/// slash, which no name of a database has. The oplog is gone through entry by entry, and this
/// costs the server less than a pattern.
fn within_database(database: &str) -> Document {
    doc! { "$gte": format!("{database}."), "$lt": format!("{database}/") }
}

/// Names of collections of `database` that an entry writes to.
fn collections(entry: &Document, database: &str) -> BTreeSet<String> {
    let mut hit = definitions_in(entry, database);
    let own = entry.get_str("ns").ok();
    let inner = operations(entry);
    let inner = inner.iter().filter_map(|one| one.get_str("ns").ok());
    let names = own.into_iter().chain(inner);
    hit.extend(
        names
            .filter_map(|ns| within(ns, database))
            .filter(|name| !name.starts_with('$'))
            .map(collection),
    );
    hit
}

/// Those that an entry defines, or to which it does `such` a thing.
fn those_with(
    entry: &Document,
    database: &str,
    such: &dyn Fn(&Document) -> bool,
) -> BTreeSet<String> {
    let inner = operations(entry);
    let mut found = definitions_in(entry, database);
    for one in std::iter::once(entry).chain(inner) {
        if such(one)
            && let Ok(ns) = one.get_str("ns")
        {
            found.extend(within(ns, database).map(collection));
        }
    }
    found
}

/// Operations inside a transaction's entry.
fn operations(entry: &Document) -> Vec<&Document> {
    let inner = entry.get_document("o").ok();
    let inner = inner.and_then(|o| o.get_array("applyOps").ok());
    inner
        .map(|all| all.iter().filter_map(Bson::as_document).collect())
        .unwrap_or_default()
}

/// Names of collections that an entry's commands define, drop or rename.
fn definitions_in(entry: &Document, database: &str) -> BTreeSet<String> {
    let commands = format!("{database}.$cmd");
    let mut hit = BTreeSet::new();
    let inner = operations(entry);
    for one in std::iter::once(entry).chain(inner) {
        let Ok(o) = one.get_document("o") else {
            continue;
        };
        let ours = says(one, "ns", &commands);
        for (key, value) in o {
            let Bson::String(name) = value else { continue };
            match key.as_str() {
                "renameCollection" | "to" => hit.extend(within(name, database).map(collection)),
                _ if ours && key != "applyOps" => {
                    hit.insert(collection(name));
                }
                _ => {}
            }
        }
        if ours && o.contains_key("dropDatabase") {
            hit.insert(format!("{database} as a whole"));
        }
    }
    hit
}

/// The collection's part of a namespace of `database`.
fn within<'a>(namespace: &'a str, database: &str) -> Option<&'a str> {
    namespace.strip_prefix(database)?.strip_prefix('.')
}

/// A time series by the name that people use.
fn collection(name: &str) -> String {
    name.strip_prefix("system.buckets.")
        .unwrap_or(name)
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(entry: &Document) -> Vec<String> {
        collections(entry, "shop").into_iter().collect()
    }

    #[test]
    fn writes_transactions_and_definitions_name_their_collections() {
        assert_eq!(
            names(&doc! { "op": "i", "ns": "shop.a.b", "o": {} }),
            ["a.b"]
        );
        let transaction = doc! { "op": "c", "ns": "admin.$cmd", "o": { "applyOps": [
            { "op": "i", "ns": "shop.a", "o": {} },
            { "op": "u", "ns": "shopping.c", "o": {} },
            { "op": "c", "ns": "shop.$cmd", "o": { "create": "d" } },
        ] } };
        assert_eq!(names(&transaction), ["a", "d"]);
        let renamed = doc! { "op": "c", "ns": "shop.$cmd",
        "o": { "renameCollection": "shop.x", "to": "other.y" } };
        assert_eq!(names(&renamed), ["x"]);
        let came = doc! { "op": "c", "ns": "other.$cmd",
        "o": { "renameCollection": "other.x", "to": "shop.y" } };
        assert_eq!(names(&came), ["y"]);
        let series = doc! { "op": "i", "ns": "shop.system.buckets.ts", "o": {} };
        assert_eq!(names(&series), ["ts"]);
    }

    #[test]
    fn another_database_is_not_within() {
        let bounds = within_database("shop");
        let (from, to) = (
            bounds.get_str("$gte").unwrap(),
            bounds.get_str("$lt").unwrap(),
        );
        let within = |name: &str| from <= name && name < to;
        for name in ["shop.a", "shop.", "shop.ü", "shop.\u{10FFFF}"] {
            assert!(within(name), "{name}");
        }
        for name in ["shop", "shops.a", "shop-2.a", "sho.p", "Shop.a"] {
            assert!(!within(name), "{name}");
        }
    }

    #[test]
    fn only_commands_are_asked_for_where_definitions_are_looked_for() {
        let filter = defining("sh.op");
        assert_eq!(filter.get_str("op").ok(), Some("c"));
        assert!(filter.to_string().contains("\"sh.op.$cmd\""), "{filter}");
    }
}
