//! What real `pg_dump`s write, read by bookend's own parser and compared with what their
//! `pg_restore` and the server say.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod common;
#[path = "table_of_contents/tools.rs"]
mod tools;

use std::collections::BTreeMap;
use std::path::PathBuf;

use bookend::engine::postgres::large_objects::LargeObjectStream;
use bookend::engine::postgres::toc::{self, TocError, schema_entries};
use bookend::fingerprint::LargeObjectHasher;
use bookend::process::{Input, Output, ProcessError, ToolBox};
use bookend::snapshot::LargeObjects;
use common::{Server, TestDatabase, Version};
use tokio::io::{AsyncReadExt as _, BufReader};
use tokio_util::sync::CancellationToken;
use tools::{SCHEMA, connected, pg_dump, pg_restore, read, tool, whole};

/// `id; catalog oid KIND schema tag owner`, as `pg_restore --list` prints an entry.
fn list_line(entry: &toc::Entry) -> String {
    let printed = |text: &str| text.replace(['\n', '\r'], " ");
    let namespace = match entry.namespace.as_str() {
        "" => "-".to_owned(),
        name => printed(name),
    };
    format!(
        "{}; {} {} {} {namespace} {} {}",
        entry.dump_id,
        entry.table_oid,
        entry.oid,
        entry.desc,
        printed(&entry.tag),
        printed(&entry.owner)
    )
}

async fn reads_what_pg_restore_lists(of: Version, server: Version) {
    let database = Server::shared(server).database("listed");
    database.psql(SCHEMA);
    let bytes = whole(pg_dump(of, &database, &["--no-blobs"]).await).await;
    let (toc, exact) = read(&bytes).await;
    assert_eq!(toc.dbname, database.name());
    assert!(toc.dump_version.starts_with(&of.major().to_string()));
    assert!(toc.server_version.starts_with(&server.major().to_string()));
    assert_eq!(toc::parse(&exact).unwrap(), toc);
    let list = pg_restore(of, &bytes, &["--list"]).await;
    let ours: BTreeMap<String, String> = toc
        .entries
        .iter()
        .map(|entry| (entry.dump_id.to_string(), list_line(entry)))
        .collect();
    let mut listed = 0;
    for line in list.lines().filter(|line| !line.starts_with(';')) {
        let id = line.split_once(';').unwrap().0;
        assert_eq!(ours[id].trim_end(), line.trim_end());
        listed += 1;
    }
    // All but ENCODING, STDSTRINGS, SEARCHPATH and DATABASE, which are not listed.
    assert_eq!(listed, toc.entries.len() - 4, "{list}");
    let copies: Vec<&str> = toc
        .table_data()
        .map(|entry| entry.copy_stmt.as_str())
        .collect();
    assert!(copies.contains(
        &"COPY a.\"../../etc/passwd $(x)\" (\"quo\"\"te\", \"new\nline\", \"ü\") FROM stdin;\n"
    ));
    for length in (0..exact.len()).step_by(13) {
        assert!(
            matches!(toc::parse(&exact[..length]), Err(TocError::Cut { .. })),
            "cut at {length}"
        );
    }
}

#[tokio::test]
async fn the_parser_reads_what_pg_restore_lists() {
    reads_what_pg_restore_lists(Version::V16, Version::V16).await;
    reads_what_pg_restore_lists(Version::V18, Version::V18).await;
    reads_what_pg_restore_lists(Version::V18, Version::V16).await;
}

async fn alone_is_an_archive(of: Version) {
    let database = Server::shared(of).database("alone");
    database.psql(SCHEMA);
    let bytes = whole(pg_dump(of, &database, &["--no-blobs"]).await).await;
    let (_, exact) = read(&bytes).await;
    assert!(exact.len() < bytes.len());
    for section in ["--section=pre-data", "--section=post-data"] {
        // pg_restore 18 writes a random key around its script unless it is given one.
        let unkeyed = |text: String| {
            text.lines()
                .filter(|line| !line.starts_with("\\restrict") && !line.starts_with("\\unrestrict"))
                .map(|line| format!("{line}\n"))
                .collect::<String>()
        };
        let of_all = unkeyed(pg_restore(of, &bytes, &[section, "--file=-"]).await);
        let of_toc = unkeyed(pg_restore(of, &exact, &[section, "--file=-"]).await);
        assert!(of_all.contains("CREATE "), "{of_all}");
        assert_eq!(of_all, of_toc);
    }
}

#[tokio::test]
async fn the_table_of_contents_alone_is_an_archive() {
    alone_is_an_archive(Version::V16).await;
    alone_is_an_archive(Version::V18).await;
}

async fn stops_after_it(of: Version) {
    let database = Server::shared(of).database("stopped");
    database.psql("CREATE TABLE t AS SELECT g, repeat('x', 200) FROM generate_series(1, 50000) g");
    let mut running = pg_dump(of, &database, &[])
        .await
        .stdout(Output::Pipe)
        .spawn()
        .unwrap();
    let mut pipe = BufReader::new(running.stdout.take().unwrap());
    let (toc, _) = toc::read(&mut pipe).await.unwrap();
    assert_eq!(toc.table_data().count(), 1);
    // It waits with its data, its locks held, until it is ended.
    let sessions = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pg_dump' \
                    AND datname = current_database()";
    assert_eq!(database.psql(sessions).trim(), "1");
    running.terminate().await;
    let mut rest = Vec::new();
    let error = pipe.read_to_end(&mut rest).await.unwrap_err();
    let error = ProcessError::of_read("pg_dump", error);
    assert!(matches!(error, ProcessError::Failed { .. }), "{error:?}");
}

#[tokio::test]
async fn a_dump_can_be_ended_after_its_table_of_contents() {
    stops_after_it(Version::V16).await;
    stops_after_it(Version::V18).await;
}

/// Grants in another order than in the source, an own comment on each database, and data.
async fn copy_has_the_same_entries(of: Version, server: Version) {
    let server = Server::shared(server);
    let role = format!("reader_{}_{}", of.major(), server.version().major());
    server.psql("postgres", &format!("CREATE ROLE {role}"));
    let source = server.database("the \"source's\"; name");
    source.psql(SCHEMA);
    source.psql(&format!(
        "SELECT lo_from_bytea(4711, 'one'); SELECT lo_from_bytea(4712, 'two');
         GRANT SELECT ON LARGE OBJECT 4711, 4712 TO {role};
         GRANT SELECT ON a.seen TO {role}; GRANT SELECT ON a.seen TO PUBLIC;
         DO $x$ BEGIN EXECUTE format('COMMENT ON DATABASE %I IS ''mine''', current_database());
         EXECUTE format('GRANT CREATE ON DATABASE %I TO {role}', current_database());
         EXECUTE format('ALTER DATABASE %I SET work_mem = ''8MB''', current_database()); END $x$;"
    ));
    let dump = whole(pg_dump(of, &source, &["--blobs"]).await).await;
    let copy = server.database("copy");
    let restore = connected(tool(of, "pg_restore").await.command(), server, copy.name())
        .args(["--dbname", copy.name()])
        .stdin(Input::Bytes(dump.clone()))
        .lenient();
    let restored = restore.run(&CancellationToken::new()).await.unwrap();
    // A setting that 16 does not know is the one thing that may fail.
    let errors = restored.stderr_tail.matches("pg_restore: error:").count();
    let harmless = restored
        .stderr_tail
        .matches("\"transaction_timeout\"")
        .count();
    assert_eq!(errors, harmless, "{}", restored.stderr_tail);
    copy.psql(&format!(
        "REVOKE ALL ON a.seen FROM PUBLIC; REVOKE ALL ON a.seen FROM {role};
         GRANT SELECT ON a.seen TO PUBLIC; GRANT SELECT ON a.seen TO {role};"
    ));
    let again = whole(pg_dump(of, &copy, &["--blobs"]).await).await;
    let [of_source, of_copy] = [&read(&dump).await.0, &read(&again).await.0].map(schema_entries);
    assert_eq!(of_source, of_copy);
    let kinds: Vec<String> = of_source
        .iter()
        .map(|entry| format!("{} {}", entry.kind, entry.tag))
        .collect();
    assert!(
        kinds.contains(&"ACL LARGE OBJECT 4712".to_owned()),
        "{kinds:?}"
    );
    assert!(kinds.contains(&"LARGE OBJECT 4712".to_owned()));
    assert!(
        kinds.iter().all(|kind| !kind.contains("DATABASE")),
        "{kinds:?}"
    );

    copy.psql(&format!("REVOKE SELECT ON a.seen FROM {role}"));
    copy.psql("ALTER TABLE a.parts_1 ALTER COLUMN v SET NOT NULL");
    let changed = whole(pg_dump(of, &copy, &["--blobs"]).await).await;
    let of_copy = schema_entries(&read(&changed).await.0);
    let mut differing: Vec<&str> = of_copy
        .iter()
        .filter(|entry| !of_source.contains(entry))
        .map(|entry| entry.tag.as_str())
        .collect();
    differing.sort_unstable();
    assert_eq!(differing, ["TABLE seen", "parts_1"]);
    drop((source, copy));
    server.psql("postgres", &format!("DROP ROLE {role}"));
}

#[tokio::test]
async fn a_restored_copy_has_the_same_entries_and_a_changed_one_has_not() {
    copy_has_the_same_entries(Version::V16, Version::V16).await;
    copy_has_the_same_entries(Version::V18, Version::V18).await;
    copy_has_the_same_entries(Version::V18, Version::V16).await;
}

/// The hashes as the server's own functions give the contents.
fn asked(database: &TestDatabase<'_>) -> LargeObjects {
    let rows = "SELECT oid, encode(lo_get(oid), 'hex') FROM pg_largeobject_metadata ORDER BY oid";
    let mut found = LargeObjects::default();
    for line in database.psql(rows).lines() {
        let (oid, hex) = line.split_once('|').unwrap();
        let content: Vec<u8> = (0..hex.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
            .collect();
        let oid = oid.parse().unwrap();
        let mut hasher = LargeObjectHasher::new(oid);
        hasher.update(&content);
        let fingerprint = hasher.finish();
        found.count += 1;
        found.bytes += content.len() as u64;
        found.fingerprint += fingerprint;
        found.each.push(bookend::snapshot::LargeObject {
            oid,
            bytes: content.len() as u64,
            fingerprint,
        });
    }
    found
}

async fn hashes_large_objects(of: Version, server: Version) {
    let database = Server::shared(server).database("large");
    database.psql(
        "CREATE TABLE t AS SELECT 1 AS not_this;
         SELECT lo_from_bytea(4294967295, 'the last'); SELECT lo_from_bytea(2147483648, '');
         SELECT lo_from_bytea(4711, decode(repeat('00ff0a5c', 200000), 'hex'));
         COMMENT ON LARGE OBJECT 4711 IS 'big'; GRANT SELECT ON LARGE OBJECT 4711 TO PUBLIC;
         SELECT count(lo_from_bytea(g, convert_to('number ' || g, 'UTF8')))
         FROM generate_series(20000, 21500) g;",
    );
    let args = ["--data-only", "--blobs", "--exclude-schema=*"];
    let bytes = whole(pg_dump(of, &database, &args).await).await;
    let mut rest = bytes.as_slice();
    let (toc, _) = toc::read(&mut rest).await.unwrap();
    let mut stream = LargeObjectStream::new(&toc).unwrap();
    for piece in rest.chunks(1013) {
        stream.push(piece).unwrap();
    }
    assert_eq!(stream.finish().unwrap(), asked(&database));
    let mut cut = LargeObjectStream::new(&toc).unwrap();
    cut.push(&rest[..rest.len() - 1]).unwrap();
    assert!(cut.finish().is_err());
}

#[tokio::test]
async fn large_objects_are_hashed_as_the_server_has_them() {
    hashes_large_objects(Version::V16, Version::V16).await;
    hashes_large_objects(Version::V18, Version::V18).await;
    hashes_large_objects(Version::V18, Version::V16).await;
}

#[tokio::test]
async fn a_database_without_large_objects_has_a_stream_without_any() {
    for version in [Version::V16, Version::V18] {
        let database = Server::shared(version).database("none");
        let args = ["--data-only", "--blobs", "--exclude-schema=*"];
        let bytes = whole(pg_dump(version, &database, &args).await).await;
        let (toc, exact) = read(&bytes).await;
        assert_eq!(exact, bytes);
        let stream = LargeObjectStream::new(&toc).unwrap();
        assert_eq!(stream.finish().unwrap(), LargeObjects::default());
    }
}

#[tokio::test]
async fn a_text_that_is_not_utf8_is_named() {
    let server = Server::shared(Version::V16);
    let options = "ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0";
    let database = TestDatabase::create_named(server, "ascii", options);
    database.psql("CREATE TABLE t (); SELECT set_config('client_encoding', 'SQL_ASCII', false);");
    database.psql(
        "SET client_encoding = 'SQL_ASCII';
         DO $x$ BEGIN EXECUTE 'COMMENT ON TABLE t IS ' || E'''caf\\xe9'''; END $x$;",
    );
    let tool = tool(Version::V16, "pg_dump").await;
    let raw = connected(tool.command(), server, database.name()).args([
        "--format=custom",
        "--compress=0",
        "--encoding=SQL_ASCII",
    ]);
    let bytes = whole(raw).await;
    let error = toc::read(&mut bytes.as_slice()).await.unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("(COMMENT TABLE t) is not valid UTF-8"),
        "{text}"
    );
    // Asked for UTF-8, the server itself refuses, and the error says why.
    let asked = pg_dump(Version::V16, &database, &[]).await;
    let mut running = asked.stdout(Output::Pipe).spawn().unwrap();
    let mut pipe = BufReader::new(running.stdout.take().unwrap());
    let Err(TocError::Io(source)) = toc::read(&mut pipe).await else {
        panic!("it was read");
    };
    let words = std::error::Error::source(&source).unwrap().to_string();
    assert!(words.contains("invalid byte sequence"), "{words}");
}

#[tokio::test]
async fn a_session_ended_by_the_server_fails_the_read_with_its_words() {
    let database = Server::shared(Version::V18).database("ended");
    database.psql("CREATE TABLE t AS SELECT g, repeat('x', 200) FROM generate_series(1, 50000) g");
    let dump = pg_dump(Version::V18, &database, &[]).await;
    let mut running = dump.stdout(Output::Pipe).spawn().unwrap();
    let mut pipe = BufReader::new(running.stdout.take().unwrap());
    toc::read(&mut pipe).await.unwrap();
    database.psql(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE application_name = 'pg_dump' AND datname = current_database()",
    );
    let error = pipe.read_to_end(&mut Vec::new()).await.unwrap_err();
    let error = ProcessError::of_read("pg_dump", error);
    assert_eq!(error.to_string(), "pg_dump ended with exit code 1");
    let words = std::error::Error::source(&error).unwrap().to_string();
    assert!(
        words.contains("terminating connection") || words.contains("server closed the connection"),
        "{words}"
    );
}

#[tokio::test]
async fn an_old_tool_is_refused_with_what_is_needed() {
    let only_16 = ToolBox::with_environment(vec![Version::V16.bin()], []);
    let found: Result<PathBuf, ProcessError> = only_16
        .find("pg_dump", Some(99))
        .await
        .map(|tool| tool.path);
    assert!(
        matches!(found, Err(ProcessError::TooOld { needed: 99, .. })),
        "{found:?}"
    );
}

/// PostgreSQL 15 is Debian's.
#[cfg(feature = "debian-tests")]
mod debian {
    use super::*;

    #[tokio::test]
    async fn all_of_it_holds_for_15() {
        reads_what_pg_restore_lists(Version::V15, Version::V15).await;
        reads_what_pg_restore_lists(Version::V18, Version::V15).await;
        alone_is_an_archive(Version::V15).await;
        stops_after_it(Version::V15).await;
        copy_has_the_same_entries(Version::V15, Version::V15).await;
        hashes_large_objects(Version::V15, Version::V15).await;
        hashes_large_objects(Version::V18, Version::V15).await;
    }
}
