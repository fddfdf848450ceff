//! PostgreSQL: rows carry the transaction that wrote them.

use std::io::Write as _;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::Duration;

use super::common::{Server, ServerOptions, TestDatabase, Version};
use super::{first, spared, target, workspace};

/// Of these, all but `numbers` (a regclass) and `confined` (a domain) can be known again.
const SCHEMA: &str = "
CREATE TYPE mood AS ENUM ('sad', 'glad');
CREATE DOMAIN positive AS int CHECK (VALUE > 0);
CREATE TABLE users (id serial PRIMARY KEY, name text, nick varchar(20), born date, tags text[]);
CREATE TABLE keyless (a int, b int);
CREATE TABLE twin_a (id int PRIMARY KEY, v text);
CREATE TABLE twin_b (id int PRIMARY KEY, v text);
CREATE TABLE moods (id int PRIMARY KEY, m mood);
CREATE TABLE nothing ();
CREATE TABLE parted (id int, v text) PARTITION BY RANGE (id);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (0) TO (100);
CREATE TABLE parent (id int, v text);
CREATE TABLE child (w text) INHERITS (parent);
CREATE TABLE wide (id int PRIMARY KEY, v text);
CREATE TABLE numbers (id int PRIMARY KEY, r regclass);
CREATE TABLE confined (id int PRIMARY KEY, p positive);
INSERT INTO users (name, nick, born, tags)
    SELECT 'user ' || i, 'u' || i, date '2000-01-01' + i, ARRAY['a', i::text]
      FROM generate_series(1, 300) i;
INSERT INTO keyless SELECT i, -i FROM generate_series(1, 50) i;
INSERT INTO twin_a SELECT i, 'a' || i FROM generate_series(1, 40) i;
INSERT INTO twin_b SELECT i, 'b' || i FROM generate_series(1, 40) i;
INSERT INTO moods VALUES (1, 'sad'), (2, 'glad');
INSERT INTO parted SELECT i, 'p' || i FROM generate_series(1, 60) i;
INSERT INTO parent SELECT i, 'x' || i FROM generate_series(1, 30) i;
INSERT INTO child SELECT i, 'y' || i, 'z' FROM generate_series(1, 20) i;
INSERT INTO wide SELECT i, repeat(md5(i::text), 2000) FROM generate_series(1, 20) i;
INSERT INTO numbers VALUES (1, 'users'), (2, 'keyless');
INSERT INTO confined VALUES (1, 7);
";

/// Tables that can be known again.
const ALL: u64 = 10;

/// What is done, and how many tables need no second hashing afterwards.
const CASES: &[(&str, u64)] = &[
    ("SELECT 1", ALL),
    ("INSERT INTO users (name) VALUES ('new')", ALL - 1),
    ("UPDATE users SET name = 'other' WHERE id = 7", ALL - 1),
    ("UPDATE users SET name = name", ALL - 1),
    ("DELETE FROM users WHERE id = 9", ALL - 1),
    // As many rows as before.
    (
        "DELETE FROM keyless WHERE a = 1; INSERT INTO keyless VALUES (1000, 1)",
        ALL - 1,
    ),
    (
        "BEGIN; SAVEPOINT s; UPDATE keyless SET b = 0 WHERE a = 2; RELEASE s; COMMIT",
        ALL - 1,
    ),
    ("BEGIN; UPDATE keyless SET b = 1; ROLLBACK", ALL),
    ("BEGIN; DELETE FROM keyless; ROLLBACK", ALL),
    ("TRUNCATE keyless", ALL - 1),
    // Rows that were written anew with the transaction's mark frozen at once.
    (
        "BEGIN; CREATE TEMP TABLE t AS SELECT * FROM twin_a; TRUNCATE twin_a;
         INSERT INTO twin_a SELECT id, 'again' FROM t; COMMIT; VACUUM FREEZE twin_a",
        ALL - 1,
    ),
    (
        "BEGIN; TRUNCATE twin_b; COPY twin_b FROM PROGRAM 'seq 1 40 | sed ''s/$/\tsame/''' FREEZE; COMMIT",
        ALL - 1,
    ),
    ("VACUUM FREEZE", ALL),
    ("VACUUM FULL", 0),
    ("CLUSTER twin_a USING twin_a_pkey; ANALYZE", ALL - 1),
    ("REINDEX TABLE users; CREATE INDEX ON users (name)", ALL),
    // Same number of rows, other content under the same name.
    (
        "ALTER TABLE twin_a RENAME TO t; ALTER TABLE twin_b RENAME TO twin_a; ALTER TABLE t RENAME TO twin_b",
        ALL,
    ),
    ("ALTER TABLE users RENAME TO people", ALL),
    ("ALTER TABLE people RENAME TO users", ALL),
    (
        "ALTER TABLE users RENAME name TO t; ALTER TABLE users RENAME nick TO name;
         ALTER TABLE users RENAME t TO nick",
        ALL - 1,
    ),
    ("ALTER TABLE users ADD extra int DEFAULT 5", ALL - 1),
    ("ALTER TABLE users DROP extra", ALL - 1),
    ("ALTER TABLE users ALTER nick TYPE varchar(40)", ALL - 1),
    (
        "ALTER TABLE users ALTER nick TYPE text USING upper(nick)",
        ALL - 1,
    ),
    ("ALTER TABLE keyless ADD PRIMARY KEY (a)", ALL - 1),
    ("ALTER TABLE keyless DROP CONSTRAINT keyless_pkey", ALL - 1),
    ("ALTER TYPE mood RENAME VALUE 'sad' TO 'blue'", ALL - 1),
    ("ALTER TABLE keyless RENAME TO keyfree", ALL),
    ("ALTER TABLE keyfree RENAME TO keyless", ALL),
    ("UPDATE parted SET v = 'q' WHERE id = 1", ALL - 1),
    ("ALTER TABLE parted DETACH PARTITION parted_1", ALL),
    (
        "ALTER TABLE parted ATTACH PARTITION parted_1 FOR VALUES FROM (0) TO (100)",
        ALL,
    ),
    ("UPDATE parent SET v = 'both'", ALL - 2),
    ("UPDATE wide SET v = v || 'x' WHERE id = 3", ALL - 1),
    ("ALTER TABLE wide ALTER v SET STORAGE EXTERNAL", ALL),
    ("SELECT * FROM users FOR UPDATE", ALL),
    ("INSERT INTO nothing DEFAULT VALUES", ALL - 1),
    ("DROP TABLE nothing; CREATE TABLE nothing ()", ALL - 1),
    (
        "SET session_replication_role = replica; UPDATE twin_a SET v = 'quiet'",
        ALL - 1,
    ),
    (
        "UPDATE numbers SET r = 'moods'; UPDATE confined SET p = 8",
        ALL,
    ),
];

fn started(version: Version) -> Server {
    let settings = vec!["max_prepared_transactions = 5".to_owned()];
    Server::start(
        version,
        &ServerOptions {
            settings,
            ..ServerOptions::default()
        },
    )
}

async fn every_change_is_seen(version: Version) {
    let server = started(version);
    let database = server.database("looked");
    database.psql(SCHEMA);
    let folder = tempfile::tempdir().unwrap();
    let ws = workspace(&folder, version.bin());
    let on = target(&database.url());
    let mut wrong = Vec::new();
    for (sql, expected) in CASES {
        let before = first(&ws, &on).await;
        database.psql(sql);
        let found = spared(&ws, &on, &before, sql).await;
        if found != *expected {
            wrong.push(format!("{found} in place of {expected} after {sql}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_change_is_seen_on_16() {
    every_change_is_seen(Version::V16).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_change_is_seen_on_18() {
    every_change_is_seen(Version::V18).await;
}

/// A session that is told one statement after another.
struct Open {
    child: Child,
    input: Option<ChildStdin>,
}

impl Open {
    fn new(database: &TestDatabase<'_>) -> Self {
        let mut child = Command::new(database.server().version().tool("psql"))
            .args(["-Xq", &database.url()])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let input = child.stdin.take();
        Self { child, input }
    }

    /// Says it, and waits until `shown` is what the database shows.
    fn say(&mut self, database: &TestDatabase<'_>, sql: &str, question: &str, shown: &str) {
        let input = self.input.as_mut().unwrap();
        writeln!(input, "{sql};").unwrap();
        input.flush().unwrap();
        while database.psql(question).trim() != shown {
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn end(mut self) {
        drop(self.input.take());
        self.child.wait().unwrap();
    }
}

/// How many transactions are open that have written.
const WRITING: &str = "SELECT count(*) FROM pg_stat_activity
    WHERE backend_xid IS NOT NULL AND state = 'idle in transaction'";

#[tokio::test(flavor = "multi_thread")]
async fn what_was_under_way_at_the_first_look_is_seen_when_it_is_over() {
    let server = started(Version::V16);
    let database = server.database("looked");
    database.psql(SCHEMA);
    let folder = tempfile::tempdir().unwrap();
    let ws = workspace(&folder, Version::V16.bin());
    let on = target(&database.url());
    let work = [
        "UPDATE users SET name = 'under way' WHERE id = 1",
        "SAVEPOINT s; UPDATE users SET name = 'nested' WHERE id = 2; RELEASE s",
        "DELETE FROM users WHERE id = 3; INSERT INTO users (name) VALUES ('in its place')",
    ];
    for sql in work {
        let mut open = Open::new(&database);
        open.say(&database, &format!("BEGIN; {sql}"), WRITING, "1");
        // Younger transactions that are over.
        database.psql("INSERT INTO keyless VALUES (7, 7)");
        let before = first(&ws, &on).await;
        open.say(&database, "COMMIT", WRITING, "0");
        open.end();
        // Which of the two wrote to `keyless` first cannot be told from outside.
        assert_eq!(spared(&ws, &on, &before, sql).await, ALL - 2, "{sql}");
    }
    database.psql("BEGIN; DELETE FROM twin_a WHERE id = 1; PREPARE TRANSACTION 'later'");
    let before = first(&ws, &on).await;
    database.psql("COMMIT PREPARED 'later'");
    assert_eq!(spared(&ws, &on, &before, "prepared").await, ALL - 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_database_or_server_is_read_whole() {
    let server = started(Version::V16);
    let database = server.database("looked");
    database.psql(SCHEMA);
    let folder = tempfile::tempdir().unwrap();
    let ws = workspace(&folder, Version::V16.bin());
    let before = first(&ws, &target(&database.url())).await;
    // The same rows under the same numbers.
    let clone = server.database("clone");
    let (name, original) = (clone.name(), database.name());
    server.psql(
        "postgres",
        &format!("DROP DATABASE {name}; CREATE DATABASE {name} TEMPLATE {original}"),
    );
    let on = target(&clone.url());
    assert_eq!(spared(&ws, &on, &before, "a clone").await, 0);
    let other = started(Version::V16);
    let elsewhere = other.database("looked");
    elsewhere.psql(SCHEMA);
    let on = target(&elsewhere.url());
    assert_eq!(spared(&ws, &on, &before, "a server").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_know_the_server_reads_whole_and_backs_up_all_the_same() {
    let server = started(Version::V16);
    let database = server.database("looked");
    database.psql(SCHEMA);
    database.psql("REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC");
    database.psql("CREATE ROLE looker LOGIN PASSWORD 'x' IN ROLE pg_read_all_data");
    let folder = tempfile::tempdir().unwrap();
    let ws = workspace(&folder, Version::V16.bin());
    let on = target(&server.url_of("looker", "x", database.name()));
    let before = first(&ws, &on).await;
    assert_eq!(before.server.identity, None);
    assert_eq!(spared(&ws, &on, &before, "no identity").await, 0);
}
