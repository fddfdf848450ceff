//! Everything that a database can hold comes back as it was.

use crate::common::mongo::commands;
use crate::common::{Deployment, Mongo};
use crate::{bookend, nasty, raw};
use bson::doc;

fn comes_back(deployment: Deployment) {
    let server = Mongo::shared(deployment);
    server.with(|client| async move {
        nasty::make(&client, "nasty", deployment == Deployment::ReplicaSet).await;
        // Its name begins with the other's.
        commands(&client, "nastyother", vec![doc! { "create": "x" }]).await;
    });
    let bookend = bookend();
    let url = server.url("nasty");
    let made = bookend
        .succeed(&["--json", "backup", &url, "--prove"])
        .json();
    assert_eq!(made["proof"], "identical", "{made}");
    assert_eq!(made["consistent"], true, "{made}");
    let restored = bookend
        .succeed(&[
            "--json", "restore", "latest", "--into", "again", "--on", &url,
        ])
        .json();
    assert_eq!(restored["verdict"], "identical", "{restored}");
    let (before, after) = server.with(|client| async move {
        (
            raw::facts(&client, "nasty").await,
            raw::facts(&client, "again").await,
        )
    });
    let different = raw::different(&before, &after);
    let shown = |name: &String| {
        let (a, b) = (before.get(name), after.get(name));
        format!("{name}\n  was {}\n  is {}\n", raw::shown(a), raw::shown(b))
    };
    let shown: Vec<String> = different.iter().map(shown).collect();
    assert!(shown.is_empty(), "{}", shown.concat());
    assert!(before.len() > 80, "{}", before.len());
    server.with(|client| async move {
        for name in ["nasty", "nastyother", "again"] {
            client.database(name).drop().await.unwrap();
        }
    });
    let ours = |name: &String| name.starts_with("nasty") || name.starts_with("again");
    assert!(!server.databases().iter().any(ours));
    assert_eq!(std::fs::read_dir(bookend.tmp()).unwrap().count(), 0);
}

#[test]
fn a_nasty_database_of_a_replica_set_comes_back_byte_for_byte() {
    comes_back(Deployment::ReplicaSet);
}

#[test]
fn a_nasty_database_of_a_standalone_comes_back_byte_for_byte() {
    comes_back(Deployment::Standalone);
}
