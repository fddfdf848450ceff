//! What is gone from inside documents and arrays is lost, and what went elsewhere is not.

use bson::{Document, doc};

use super::commands::{acting, step};
use super::common::{Bookend, Deployment, Mongo};
use super::{bookend, drop_it, fill};

fn filled(deployment: Deployment, name: &str) -> (&'static Mongo, String, Bookend) {
    let server = Mongo::shared(deployment);
    fill(server, name);
    let database = name.to_owned();
    server.with(|client| async move {
        let todos = client.database(&database).collection::<Document>("todos");
        for n in 0..20 {
            let owner = doc! { "name": format!("n{n}"), "mail": format!("m{n}@x") };
            let steps = [
                doc! { "what": format!("w{n}"), "cost": n },
                doc! { "what": "x" },
            ];
            let more = doc! { "owner": owner, "steps": steps.to_vec(), "tags": ["a", "b"] };
            let set = doc! { "$set": more };
            todos.update_one(doc! { "_id": n }, set).await.unwrap();
        }
    });
    let url = server.url(name);
    let bookend = bookend(&url);
    (server, url, bookend)
}

#[test]
fn values_gone_from_inside_of_documents_are_a_loss() {
    // With an oplog, and without one.
    for deployment in [Deployment::ReplicaSet, Deployment::Standalone] {
        let (server, url, bookend) = filled(deployment, "within");
        for (change, lost) in [
            (
                r#"{"$unset": {"owner.mail": ""}}"#,
                "todos.owner.mail: is gone with 20 values   (--allow-loss todos.owner.mail)",
            ),
            (
                r#"{"$unset": {"steps.$[].cost": ""}}"#,
                "todos.steps.$.cost: is gone with 20 values   (--allow-loss 'todos.steps.$.cost')",
            ),
            (
                r#"{"$pull": {"tags": "b"}}"#,
                "todos.tags.$: has 20 values fewer   (--allow-loss 'todos.tags.$')",
            ),
            (
                r#"{"$pop": {"steps": -1}}"#,
                "todos.steps.$: has 20 values fewer   (--allow-loss 'todos.steps.$')",
            ),
            (
                r#"{"$set": {"owner": "somebody"}}"#,
                "todos.owner.mail: is gone with 20 values",
            ),
        ] {
            let told = acting(&bookend, &url, change, &[]);
            assert_eq!(told["state"], "loss_refused", "{change}: {told:#}");
            let causes = told["error"]["causes"].to_string();
            assert!(causes.contains(lost), "{change}: {causes}");
        }
        drop_it(server, "within");
    }
}

#[test]
fn values_that_went_elsewhere_in_their_document_are_no_loss() {
    let (server, url, bookend) = filled(Deployment::ReplicaSet, "inner");
    for (change, said) in [
        (
            r#"{"$rename": {"owner.mail": "owner.email"}}"#,
            "owner.mail → owner.email",
        ),
        (
            r#"{"$rename": {"owner.name": "owner_name"}}"#,
            "owner.name → owner_name",
        ),
        (r#"{"$rename": {"owner": "person"}}"#, "owner → person"),
        (
            r#"{"$set": {"person.seen": true}}"#,
            "field person (other values), +1 field",
        ),
        (r#"{"$push": {"tags": "c"}}"#, "tags"),
    ] {
        let told = acting(&bookend, &url, change, &[]);
        assert_eq!(told["state"], "completed", "{change}: {told:#}");
        assert_eq!(told["as_rehearsed"], true, "{change}: {told:#}");
        let lines = step(&told, "rehearsal")["lines"].to_string();
        assert!(lines.contains("no data lost"), "{change}: {lines}");
        assert!(lines.contains(said), "{change}: {lines}");
    }
    // What is allowed goes through, and comes out as rehearsed.
    let unset = r#"{"$unset": {"person.email": ""}}"#;
    let told = acting(
        &bookend,
        &url,
        unset,
        &["--allow-loss", "todos.person.email"],
    );
    assert_eq!(told["as_rehearsed"], true, "{told:#}");
    drop_it(server, "inner");
}
