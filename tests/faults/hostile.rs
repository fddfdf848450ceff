//! Names that climb, collide and inject: through backup, proof, restore and `restore.sh`.

use std::process::Command;

use super::common::{Bookend, Version};
use super::scene::{Scene, content};

const NAMES: [&str; 16] = [
    "../../etc/passwd",
    "$(touch injected)",
    "`touch injected`",
    "it's",
    "say \"so\"",
    "new\nline",
    "tab\there",
    "; DROP TABLE kept; --",
    "\\copy kept from /etc/passwd",
    "\\! touch injected",
    "%s%n$1",
    "-rf",
    " ",
    "\u{1F418} ünïcode",
    "\\N",
    "CASE",
];

fn quote(name: &str) -> String {
    super::common::database::quote(name)
}

/// Tables, schemas, columns, a sequence, an index, constraints of such names, and their rows.
fn hostile() -> String {
    let mut sql = String::from(
        "CREATE SCHEMA c; CREATE SCHEMA \"a.b\"; CREATE TABLE c.\"a.b\" (x int);
         CREATE TABLE \"a.b\".c (x int); INSERT INTO c.\"a.b\" VALUES (1); INSERT INTO \"a.b\".c VALUES (2), (3);
         CREATE TABLE kept AS SELECT generate_series(1, 5) AS n;
         -- Its check reads the table itself: stock tools alone would lose its rows.
         CREATE TABLE tree (id int PRIMARY KEY, parent int);
         CREATE FUNCTION known(int) RETURNS bool LANGUAGE sql AS
           'SELECT $1 IS NULL OR EXISTS (SELECT FROM public.tree WHERE id = $1)';
         INSERT INTO tree VALUES (1, NULL), (2, 1), (3, 2);
         ALTER TABLE tree ADD CONSTRAINT \"parent's known\" CHECK (known(parent));\n",
    );
    for (number, name) in NAMES.iter().enumerate() {
        let (table, text) = (quote(name), name.replace('\'', "''"));
        sql.push_str(&format!(
            "CREATE SCHEMA {table}; CREATE TABLE {table}.{table} ({table} serial PRIMARY KEY, \"t t\" text);
             INSERT INTO {table}.{table} (\"t t\") SELECT E'{escaped}\\t\\n\\\\' || n FROM generate_series(1, {number} + 1) n;
             CREATE INDEX {index} ON {table}.{table} (\"t t\");
             COMMENT ON TABLE {table}.{table} IS '{text}';\n",
            escaped = text.replace('\\', "\\\\"),
            index = quote(&format!("{name} index")),
        ));
    }
    sql
}

#[test]
fn hostile_names_survive_backup_proof_and_restore() {
    let scene = Scene::with("hostile", &hostile());
    let output = scene.bookend.succeed(&["backup", "--prove", "--json"]);
    assert_eq!(output.json()["proof"], "identical", "{output}");
    let into = format!("{} $(touch injected) 'x'", scene.database.name());
    scene
        .bookend
        .succeed(&["restore", "latest", "--into", &into]);
    let sql = format!("SELECT count(*) FROM {0}.{0}", quote(NAMES[15]));
    assert_eq!(scene.server.psql(&into, &sql).trim(), "16");
    scene
        .server
        .psql("postgres", &format!("DROP DATABASE {}", quote(&into)));
    for command in ["show", "list", "diff", "verify"] {
        let mut words = vec![command];
        words.extend(match command {
            "list" => vec![],
            "diff" => vec!["latest", "latest"],
            _ => vec!["latest"],
        });
        let output = scene.bookend.succeed(&words);
        assert!(
            !output.stdout.contains("new\nline"),
            "printed as it is: {output}"
        );
    }
    nothing_injected(&scene.bookend);
    scene.is_untouched();
}

#[test]
fn restore_sh_restores_the_same_with_stock_tools_alone() {
    let scene = Scene::with("by_hand", &hostile());
    for method in ["zstd", "gzip", "none"] {
        scene
            .bookend
            .succeed(&["backup", "-q", "--compress", method, "--tag", method]);
        let archive = scene
            .bookend
            .archives()
            .into_iter()
            .find(|path| path.to_string_lossy().contains(method))
            .unwrap();
        let folder = scene
            .bookend
            .home()
            .join(format!("unpacked $(touch injected) {method}"));
        std::fs::create_dir(&folder).unwrap();
        let mut tar = Command::new("tar");
        tar.arg("-xf").arg(&archive).arg("-C").arg(&folder);
        let _ = scene.bookend.spawn_command(tar).wait().expect_code(0);
        let name = format!("{}_restored_{method}", scene.database.name());
        // The stock tools' own environment, and a PATH without bookend.
        let by_hand = stock(&scene);
        let mut script = Command::new("sh");
        script.arg(folder.join("restore.sh")).arg(&name);
        let output = by_hand.spawn_command(script).wait();
        assert_eq!(output.code, Some(0), "{output}");
        let restored = Restored {
            scene: &scene,
            name: &name,
        };
        assert!(
            restored.content() == content(&scene.database),
            "{method}: other content; {output}"
        );
        // A second time, the name is taken: nothing is harmed.
        let mut script = Command::new("sh");
        script.arg(folder.join("restore.sh")).arg(&name);
        let output = by_hand.spawn_command(script).wait();
        assert_ne!(output.code, Some(0), "{output}");
        assert!(
            restored.content() == content(&scene.database),
            "{method}: harmed; {output}"
        );
        nothing_injected(&by_hand);
    }
    nothing_injected(&scene.bookend);
}

fn stock(scene: &Scene) -> Bookend {
    let url = scene.database.url();
    let password = url.split(['@', ':']).nth(2).unwrap().to_owned();
    let password = percent_encoding::percent_decode_str(&password)
        .decode_utf8_lossy()
        .into_owned();
    Bookend::with_tools(Version::V18)
        .env("PGHOST", "127.0.0.1")
        .env("PGPORT", scene.server.port().to_string())
        .env("PGUSER", "postgres")
        .env("PGPASSWORD", password)
}

/// A database that `restore.sh` made; dropped with this value.
struct Restored<'a> {
    scene: &'a Scene,
    name: &'a str,
}

impl Restored<'_> {
    fn content(&self) -> String {
        let done = Command::new(Version::V18.tool("pg_dump"))
            .arg(format!("--dbname={}", self.scene.server.url(self.name)))
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&done.stdout);
        let lines = text.lines().filter(|line| !line.contains("restrict "));
        lines.collect::<Vec<_>>().join("\n")
    }
}

impl Drop for Restored<'_> {
    fn drop(&mut self) {
        let sql = format!("DROP DATABASE IF EXISTS {}", self.name);
        let _ = self.scene.server.try_psql("postgres", &sql);
    }
}

fn nothing_injected(bookend: &Bookend) {
    let files = super::scene::files_below(bookend.work().parent().unwrap());
    let injected: Vec<_> = files
        .iter()
        .filter(|path| path.ends_with("injected"))
        .collect();
    assert!(injected.is_empty(), "{injected:?}");
    assert!(!std::path::Path::new("/injected").exists());
}
