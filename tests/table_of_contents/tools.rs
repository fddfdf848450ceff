//! Calling the vendors' tools through bookend's own layer.

use bookend::engine::postgres::toc::{self, Toc};
use bookend::process::{Input, Output, Tool, ToolBox, ToolCommand};
use tokio::io::BufReader;
use tokio_util::sync::CancellationToken;

use super::common::{Server, TestDatabase, Version};

/// Objects of many kinds, names that hurt, and rights given by several people.
pub const SCHEMA: &str = r#"
    CREATE SCHEMA "a.b"; CREATE SCHEMA a; COMMENT ON SCHEMA a IS E'two\nlines; and ''quotes''';
    CREATE TYPE a.mood AS ENUM ('sad', 'ok'); CREATE DOMAIN a.positive AS int CHECK (VALUE > 0);
    CREATE TABLE a."b.c" (id serial PRIMARY KEY, v text DEFAULT 'x', m a.mood);
    CREATE TABLE "a.b".c (id bigint GENERATED ALWAYS AS IDENTITY, n numeric);
    CREATE TABLE a."../../etc/passwd $(x)" ("quo""te" int, "new
line" text, "ü" a.positive);
    CREATE TABLE a.nothing ();
    CREATE TABLE a.parts (k int, v text) PARTITION BY RANGE (k);
    CREATE TABLE a.parts_1 PARTITION OF a.parts FOR VALUES FROM (0) TO (10);
    CREATE INDEX ON a.parts (v); CREATE UNIQUE INDEX few ON a."b.c" (v) WHERE v <> 'x;';
    CREATE VIEW a.seen AS SELECT id, v FROM a."b.c";
    CREATE MATERIALIZED VIEW a.kept AS SELECT count(*) AS n FROM a."b.c";
    CREATE MATERIALIZED VIEW a.unkept AS SELECT 1 AS n WITH NO DATA;
    CREATE FUNCTION a.touch() RETURNS trigger LANGUAGE plpgsql AS $x$BEGIN RETURN NEW; END;   $x$;
    CREATE TRIGGER touched BEFORE INSERT ON a."b.c" FOR EACH ROW EXECUTE FUNCTION a.touch();
    ALTER TABLE a."b.c" ENABLE ROW LEVEL SECURITY;
    CREATE POLICY own ON a."b.c" USING (v = current_user);
    CREATE PUBLICATION everything FOR TABLE a."b.c";
    ALTER DEFAULT PRIVILEGES IN SCHEMA a GRANT SELECT ON TABLES TO PUBLIC;
    GRANT SELECT, INSERT ON a."b.c" TO PUBLIC; GRANT UPDATE (v) ON a."b.c" TO PUBLIC;
    GRANT USAGE ON SCHEMA "a.b" TO PUBLIC;
    INSERT INTO a."b.c" (v) SELECT 'row ' || g FROM generate_series(1, 50) g;
"#;

/// The tool of that name from `of`, looking nowhere else first.
pub async fn tool(of: Version, name: &str) -> Tool {
    let tool = ToolBox::new(vec![of.bin()]).find(name, None).await.unwrap();
    assert_eq!(tool.version.major, of.major());
    tool
}

pub fn connected(command: ToolCommand, server: &Server, database: &str) -> ToolCommand {
    command
        .env("PGHOST", server.socket_folder())
        .env("PGPORT", server.port().to_string())
        .env("PGUSER", "postgres")
        .env("PGDATABASE", database)
}

/// A custom-format dump that goes to a pipe.
pub async fn pg_dump(of: Version, database: &TestDatabase<'_>, more: &[&str]) -> ToolCommand {
    let command = tool(of, "pg_dump").await.command();
    connected(command, database.server(), database.name())
        .args(["--format=custom", "--compress=0", "--encoding=UTF8"])
        .args(more)
}

pub async fn whole(command: ToolCommand) -> Vec<u8> {
    let command = command.stdout(Output::Capture(100_000_000));
    let cancel = CancellationToken::new();
    command.run(&cancel).await.unwrap().stdout
}

pub async fn read(bytes: &[u8]) -> (Toc, Vec<u8>) {
    toc::read(&mut BufReader::new(bytes)).await.unwrap()
}

/// What `pg_restore` makes of an archive.
pub async fn pg_restore(of: Version, archive: &[u8], args: &[&str]) -> String {
    let command = tool(of, "pg_restore").await.command().args(args);
    let bytes = whole(command.stdin(Input::Bytes(archive.to_owned()))).await;
    String::from_utf8(bytes).unwrap()
}
