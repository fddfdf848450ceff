//! The round trip of what only Debian's PostgreSQL 15 has: contrib extensions, ICU collations,
//! XML; by its own tools and by newer ones. Run by `make test-debian`.

mod common;
#[path = "proof/restored.rs"]
mod restored;

use bookend::engine::RestoreRequest;
use common::{Server, TestDatabase, Version};
use restored::{Restored, load, shown, without_subscription};

const ICU: &str = "TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'de-AT'";

async fn comes_back_identical(tools: Version, name: &str) {
    let database = TestDatabase::create_named(Server::shared(Version::V15), name, ICU);
    load(&database, "nasty.sql");
    load(&database, "nasty_debian.sql");
    if tools != Version::V15 {
        // pg_dump 16 and newer write an option for it that 15 does not know.
        without_subscription(&database);
    }
    let restored = Restored::with_tools(tools, &database, &RestoreRequest::default()).await;
    let found = shown(&restored.differences(&restored.copy).await);
    restored.discard().await;
    if tools == Version::V15 {
        without_subscription(&database);
    }
    assert_eq!(found, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn contrib_and_icu_come_back_identical() {
    comes_back_identical(Version::V15, "by_own_tools").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn contrib_and_icu_come_back_identical_by_newer_tools() {
    comes_back_identical(Version::V18, "by_newer_tools").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn differences_of_extensions_and_collations_are_found() {
    let database = Server::shared(Version::V15).database("extensions");
    load(&database, "nasty_debian.sql");
    let restored = Restored::of(&database, &RestoreRequest::default()).await;
    for (sql, wanted) in [
        (
            "ALTER EXTENSION pgcrypto SET SCHEMA debian",
            "  pgcrypto · extension: expected CREATE EXTENSION IF NOT EXISTS pgcrypto WITH SCHEMA public, found CREATE EXTENSION IF NOT EXISTS pgcrypto WITH SCHEMA debian\n",
        ),
        (
            "DROP EXTENSION pg_stat_statements",
            "  pg_stat_statements · extension: expected CREATE EXTENSION IF NOT EXISTS pg_stat_statements WITH SCHEMA public, found missing\n",
        ),
        (
            "UPDATE pg_extension SET extversion = '9' WHERE extname = 'citext'",
            "  citext · extension: expected version 1.6, found version 9\n",
        ),
        (
            "UPDATE pg_collation SET collisdeterministic = true WHERE collname = 'ignore_case'",
            "  collation debian.ignore_case · collation: expected CREATE COLLATION debian.ignore_case (provider = icu, deterministic = false, locale = 'und-u-ks-level2'), found CREATE COLLATION debian.ignore_case (provider = icu, locale = 'und-u-ks-level2')\n",
        ),
        (
            "ALTER TABLE debian.words ALTER stock TYPE text COLLATE \"de-x-icu\"",
            "  debian.words · collation: expected column stock: pg_catalog.\"sv-x-icu\", found column stock: pg_catalog.\"de-x-icu\"\n",
        ),
    ] {
        let found = restored.differences_after(database.server(), sql).await;
        assert_eq!(shown(&found), wanted, "after {sql}");
    }
    restored.discard().await;
}
