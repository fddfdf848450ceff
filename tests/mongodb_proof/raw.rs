//! What a server says of a database, byte by byte and without any of bookend's own code: what
//! bookend's verdict is held against.

use std::collections::BTreeMap;

use bson::{Bson, Document, RawDocumentBuf, doc};
use futures_util::TryStreamExt as _;
use mongodb::{Client, Database};

/// `definition NAME`, `indexes NAME` and `documents NAME`, each with its bytes.
pub type Facts = BTreeMap<String, Vec<Vec<u8>>>;

/// Everything but the collection of bookend's own mark.
pub async fn facts(client: &Client, name: &str) -> Facts {
    let database = client.database(name);
    let mut facts = Facts::new();
    for info in listed(&database, doc! { "listCollections": 1 }).await {
        let name = info.get_str("name").unwrap().to_owned();
        // The server's own list of views has the database's name in every entry.
        if name == "__bookend" || name == "system.views" {
            continue;
        }
        let kind = info.get_str("type").unwrap().to_owned();
        facts.insert(format!("definition {name}"), vec![definition(&info)]);
        if kind != "view" && kind != "timeseries" {
            let documents = documents(&database, &name, &info).await;
            facts.insert(format!("documents {name}"), documents);
        }
        if kind != "view" && !name.starts_with("system.buckets.") {
            let indexes = listed(&database, doc! { "listIndexes": &name }).await;
            let mut indexes: Vec<_> = indexes.iter().map(index).collect();
            indexes.sort();
            facts.insert(format!("indexes {name}"), indexes);
        }
    }
    facts
}

async fn listed(database: &Database, command: Document) -> Vec<RawDocumentBuf> {
    let cursor = database.run_cursor_command(command).await.unwrap();
    let documents = cursor.with_type::<RawDocumentBuf>();
    documents.try_collect().await.unwrap()
}

/// The answer of `listCollections` but for the UUID.
fn definition(info: &RawDocumentBuf) -> Vec<u8> {
    let mut definition: Document = bson::deserialize_from_slice(info.as_bytes()).unwrap();
    if let Ok(info) = definition.get_document_mut("info") {
        info.remove("uuid");
    }
    bson::serialize_to_vec(&definition).unwrap()
}

/// The answer of `listIndexes`. The server moves the options of an index about when one is
/// modified, and makes a long of an int; below them nothing may be different.
fn index(spec: &RawDocumentBuf) -> Vec<u8> {
    let spec: Document = bson::deserialize_from_slice(spec.as_bytes()).unwrap();
    let sorted: BTreeMap<String, bson::Bson> = spec.into_iter().collect();
    let mut spec: Document = sorted.into_iter().collect();
    if let Ok(seconds) = spec.get_i32("expireAfterSeconds") {
        spec.insert("expireAfterSeconds", i64::from(seconds));
    }
    bson::serialize_to_vec(&spec).unwrap()
}

/// All documents; sorted, but for capped collections, whose order is a promise.
async fn documents(database: &Database, name: &str, info: &RawDocumentBuf) -> Vec<Vec<u8>> {
    let collection = database.collection::<RawDocumentBuf>(name);
    let found = collection.find(doc! {}).sort(doc! { "$natural": 1 });
    let cursor = found.await.unwrap();
    let found: Vec<RawDocumentBuf> = cursor.try_collect().await.unwrap();
    let mut found: Vec<Vec<u8>> = found.into_iter().map(RawDocumentBuf::into_bytes).collect();
    let options = info.get_document("options").unwrap();
    if !options.get_bool("capped").unwrap_or(false) {
        found.sort();
    }
    found
}

/// Names of the facts that differ.
pub fn different(a: &Facts, b: &Facts) -> Vec<String> {
    let names = a.keys().chain(b.keys());
    let mut names: Vec<String> = names
        .filter(|name| a.get(*name) != b.get(*name))
        .cloned()
        .collect();
    names.sort();
    names.dedup();
    names
}

/// Whether two facts are the same but for the order of keys, at any depth.
pub fn same_but_for_order(a: Option<&Vec<Vec<u8>>>, b: Option<&Vec<Vec<u8>>>) -> bool {
    let sorted = |fact: Option<&Vec<Vec<u8>>>| -> Vec<Bson> {
        let all = fact.into_iter().flatten();
        let parsed = all.map(|bytes| bson::deserialize_from_slice::<Document>(bytes).unwrap());
        parsed.map(|one| in_order(one.into())).collect()
    };
    sorted(a) == sorted(b)
}

/// Whether indexes have the same keys, in their order, which is what an index is.
pub fn same_keys(a: Option<&Vec<Vec<u8>>>, b: Option<&Vec<Vec<u8>>>) -> bool {
    let keys = |fact: Option<&Vec<Vec<u8>>>| -> Vec<String> {
        let all = fact.into_iter().flatten();
        let parsed = all.map(|bytes| bson::deserialize_from_slice::<Document>(bytes).unwrap());
        parsed.map(|one| format!("{:?}", one.get("key"))).collect()
    };
    keys(a) == keys(b)
}

fn in_order(value: Bson) -> Bson {
    match value {
        Bson::Document(document) => {
            let fields = document
                .into_iter()
                .map(|(name, value)| (name, in_order(value)));
            let fields: BTreeMap<String, Bson> = fields.collect();
            Bson::Document(fields.into_iter().collect())
        }
        Bson::Array(all) => all.into_iter().map(in_order).collect::<Vec<_>>().into(),
        other => other,
    }
}

/// A fact in readable form, for whoever has to find out what differs.
pub fn shown(fact: Option<&Vec<Vec<u8>>>) -> String {
    let Some(fact) = fact else {
        return "nothing".to_owned();
    };
    let all = fact.iter().take(30).map(|bytes| {
        let text = bson::deserialize_from_slice::<Document>(bytes)
            .map_or_else(|error| format!("{error}"), |document| document.to_string());
        text.chars().take(600).collect::<String>()
    });
    format!(
        "{}:\n    {}",
        fact.len(),
        all.collect::<Vec<_>>().join("\n    ")
    )
}
