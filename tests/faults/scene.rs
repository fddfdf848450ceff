//! What the cases share: a filled database, fake tools, and what must hold afterwards.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use super::common::{Bookend, Output, Server, TestDatabase, Version};

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// A small database with what goes wrong easily: a key, a sequence, an index, a large object.
pub const SMALL: &str = "
    CREATE TABLE customers (id serial PRIMARY KEY, name text NOT NULL);
    INSERT INTO customers (name) SELECT 'customer ' || n FROM generate_series(1, 500) n;
    CREATE TABLE orders (id bigint PRIMARY KEY, customer int REFERENCES customers, amount numeric);
    INSERT INTO orders SELECT n, 1 + n % 500, n * 1.5 FROM generate_series(1, 2000) n;
    CREATE INDEX ON orders (customer);
    SELECT lo_from_bytea(0, 'a large object');";

/// A table of so many megabytes.
pub fn big(table: &str, megabytes: u32) -> String {
    format!(
        "CREATE TABLE {table} AS
           SELECT n AS id, repeat(md5(n::text), 32) AS filling
             FROM generate_series(1, {megabytes} * 1000) n"
    )
}

/// Slow to load into a copy (not into the original): each row's check waits there.
pub const SLOW_TO_LOAD: &str = "
    CREATE TABLE slow (id int CHECK (pg_sleep(CASE WHEN current_database() LIKE '%bookend%'
                                              THEN 0.2 ELSE 0 END)::text = ''));
    INSERT INTO slow SELECT generate_series(1, 50);";

/// A pg_dump that has ended, and its session with it, before anything of it is read: whatever
/// copies rows after it is bookend.
pub const DUMP_AT_ONCE: &str =
    "\"$REAL\" \"$@\" >\"$HERE/out\" || exit 1\n: >\"$HERE/ended\"\nexec cat \"$HERE/out\"";

/// A database on the shared server, its program, and how the database looked at first.
pub struct Scene {
    pub server: &'static Server,
    pub database: TestDatabase<'static>,
    pub bookend: Bookend,
    before: String,
}

impl Scene {
    /// A database of PostgreSQL 16 with this in it.
    pub fn with(name: &str, sql: &str) -> Self {
        let server = Server::shared(Version::V16);
        let database = server.database(name);
        database.psql(sql);
        let bookend = Bookend::new().env("DATABASE_URL", database.url());
        let before = content(&database);
        Self {
            server,
            database,
            bookend,
            before,
        }
    }

    /// With [`SMALL`] in it.
    pub fn small(name: &str) -> Self {
        Self::with(name, SMALL)
    }

    /// Takes a backup that succeeds; the archive.
    pub fn archive(&self) -> PathBuf {
        self.bookend.succeed(&["backup", "-q"]);
        self.bookend.archives().pop().expect("an archive")
    }

    /// Whatever went wrong: the source is what it was, no copy is left on the server, and what
    /// looks like an archive is one.
    pub fn is_untouched(&self) {
        assert!(content(&self.database) == self.before, "the source changed");
        assert_eq!(self.copies(), Vec::<String>::new(), "copies are left");
        archives_are_whole(&self.bookend);
        let left = files_below(&self.bookend.tmp());
        assert!(left.is_empty(), "left in TMPDIR: {left:?}");
        let partial = partials(&self.bookend);
        assert!(partial.is_empty(), "left in the store: {partial:?}");
    }

    /// The databases that bookend made of this one and that are still there.
    pub fn copies(&self) -> Vec<String> {
        let sql = format!(
            "SELECT datname FROM pg_database WHERE datname LIKE '{}\\_bookend\\_%' ORDER BY 1",
            self.database.name().replace('_', "\\_")
        );
        let listed = self.server.psql("postgres", &sql);
        listed.lines().map(str::to_owned).collect()
    }

    /// Waits until the SQL says `t`.
    pub fn wait_until(&self, sql: &str) {
        wait_until(self.server, "postgres", sql);
    }

    /// Waits until a session of bookend's in this database or in a copy of it runs something
    /// like this.
    pub fn wait_for_statement(&self, like: &str) {
        self.wait_until(&format!(
            "SELECT count(*) > 0 FROM pg_stat_activity
              WHERE application_name LIKE 'bookend%' AND datname LIKE '{}%'
                AND state = 'active' AND query LIKE '{like}'",
            self.database.name()
        ));
    }

    /// A folder with one fake tool: `$REAL` is the real one, `$HERE` the folder.
    pub fn fake(&self, name: &str, body: &str) -> String {
        fake(&self.bookend, name, body)
    }
}

/// Waits until the SQL says `t`.
pub fn wait_until(server: &Server, database: &str, sql: &str) {
    let began = Instant::now();
    while server.psql(database, sql).trim() != "t" {
        assert!(began.elapsed() < PATIENCE, "never came true: {sql}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Waits until there is such a file.
pub fn wait_for_file(path: &Path) {
    let began = Instant::now();
    while !path.exists() {
        assert!(began.elapsed() < PATIENCE, "never came: {}", path.display());
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A folder with one fake tool that tells the real one's version; the folder's name.
pub fn fake(bookend: &Bookend, name: &str, body: &str) -> String {
    let real = Version::V18.tool(name);
    let head = format!(
        "REAL='{}'\nHERE=$(dirname \"$0\")\nPSQL='{}'\n\
         [ \"$1\" = --version ] && exec \"$REAL\" --version\n",
        real.display(),
        Version::V18.tool("psql").display(),
    );
    script(bookend, name, &(head + body))
}

/// A folder with one program that is nothing but this script.
pub fn script(bookend: &Bookend, name: &str, body: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let folder = bookend.home().join(format!("tools-{number}"));
    std::fs::create_dir(&folder).unwrap();
    let path = folder.join(name);
    std::fs::write(&path, format!("#!/bin/sh\n{body}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    folder.to_str().unwrap().to_owned()
}

/// Everything that pg_dump finds in a database.
pub fn content(database: &TestDatabase<'_>) -> String {
    let done = Command::new(Version::V18.tool("pg_dump"))
        .arg(format!("--dbname={}", database.url()))
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "pg_dump: {told}");
    // The key of \restrict is another one each time.
    let text = String::from_utf8_lossy(&done.stdout);
    let lines = text.lines().filter(|line| !line.contains("restrict "));
    lines.collect::<Vec<_>>().join("\n")
}

/// Every file that looks like a complete archive passes `verify`.
pub fn archives_are_whole(bookend: &Bookend) {
    for archive in bookend.archives() {
        bookend.succeed(&["verify", "-q", archive.to_str().unwrap()]);
    }
}

/// Half-written files in the store, of archives or anything else.
pub fn partials(bookend: &Bookend) -> Vec<PathBuf> {
    let mut files = files_below(&bookend.store());
    files.retain(|path| path.to_string_lossy().ends_with(".partial"));
    files
}

/// All files in a folder and below.
pub fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            files.extend(files_below(&path));
        } else {
            files.push(path);
        }
    }
    files
}

/// The error as people read it: code, then message, causes and hint in one text.
pub fn told(output: &Output) -> (String, String) {
    let document = output.json();
    let error = &document["error"];
    assert_eq!(document["ok"], false, "{output}");
    (
        error["code"].as_str().expect("a code").to_owned(),
        format!(
            "{} | {} | {}",
            error["message"], error["causes"], error["hint"]
        ),
    )
}

/// Fails unless the command failed with this exit code and this word, and its words hold all
/// of these.
pub fn expect(output: &Output, exit: i32, code: &str, words: &[&str]) {
    assert_eq!(output.code, Some(exit), "{output}");
    let (found, text) = told(output);
    assert_eq!(found, code, "{output}");
    for word in words {
        assert!(text.contains(word), "no {word:?} in {text}");
    }
    eprintln!("{}", output.stderr);
}
