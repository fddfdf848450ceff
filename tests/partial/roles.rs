//! `--role-map`.

use crate::common::mongo::{commands, mongo_tools};
use crate::common::{Bookend, Deployment, Mongo, PASSWORD, Server, TestDatabase, Version};

/// Roles belong to the whole server, so each test has its own: `{x}` is the test's.
const SHOP: &str = r#"
CREATE ROLE {x}_app LOGIN;
CREATE ROLE {x}_admin;
CREATE ROLE {x}_other;
CREATE ROLE "{x} New";
CREATE SCHEMA priv AUTHORIZATION {x}_admin;
CREATE TABLE public.{x}_app ({x}_app int PRIMARY KEY, note text DEFAULT 'TO {x}_app');
ALTER TABLE public.{x}_app OWNER TO {x}_app;
CREATE TABLE priv.orders (id serial PRIMARY KEY, owner text, total int);
ALTER TABLE priv.orders OWNER TO {x}_admin;
INSERT INTO public.{x}_app SELECT i FROM generate_series(1, 50) i;
INSERT INTO priv.orders (owner, total) SELECT 'TO {x}_app', i FROM generate_series(1, 70) i;
GRANT SELECT, INSERT ON priv.orders TO {x}_app WITH GRANT OPTION;
GRANT UPDATE (total) ON priv.orders TO {x}_app;
GRANT SELECT ON public.{x}_app TO {x}_admin, {x}_other;
GRANT USAGE ON SCHEMA priv TO {x}_app, {x}_other;
SET ROLE {x}_app; GRANT SELECT ON priv.orders TO {x}_other; RESET ROLE;
ALTER DEFAULT PRIVILEGES FOR ROLE {x}_app GRANT SELECT ON TABLES TO {x}_admin;
ALTER DEFAULT PRIVILEGES FOR ROLE {x}_admin IN SCHEMA priv GRANT ALL ON TABLES TO {x}_app;
ALTER DEFAULT PRIVILEGES FOR ROLE {x}_app IN SCHEMA priv GRANT SELECT ON TABLES TO {x}_other;
ALTER TABLE priv.orders ENABLE ROW LEVEL SECURITY;
CREATE POLICY {x}_app ON priv.orders FOR SELECT TO {x}_app, {x}_other USING (owner = 'TO {x}_app');
CREATE FUNCTION priv.f({x}_app int) RETURNS int LANGUAGE sql AS 'SELECT 1';
ALTER FUNCTION priv.f(int) OWNER TO {x}_app;
REVOKE ALL ON FUNCTION priv.f(int) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION priv.f(int) TO {x}_admin;
CREATE FOREIGN DATA WRAPPER nowhere;
CREATE SERVER far FOREIGN DATA WRAPPER nowhere;
CREATE USER MAPPING FOR {x}_app SERVER far OPTIONS (who 'app');
SELECT lo_from_bytea(4711, 'a large object');
ALTER LARGE OBJECT 4711 OWNER TO {x}_app;
GRANT SELECT ON LARGE OBJECT 4711 TO {x}_admin;
"#;

struct Scene {
    database: TestDatabase<'static>,
    bookend: Bookend,
    x: &'static str,
}

impl Scene {
    fn of(x: &'static str) -> Self {
        let database = Server::shared(Version::V16).database(x);
        let name = database.name();
        database.psql(&SHOP.replace("{x}", x));
        database.psql(&format!(
            "GRANT CONNECT ON DATABASE {name} TO {x}_app;
             ALTER ROLE {x}_app IN DATABASE {name} SET work_mem = '5MB';
             ALTER ROLE {x}_admin IN DATABASE {name} SET work_mem = '6MB';
             ALTER DATABASE {name} OWNER TO {x}_app;"
        ));
        let bookend = Bookend::new().env("PGPASSWORD", PASSWORD);
        bookend.succeed(&["backup", &database.url()]);
        Self {
            database,
            bookend,
            x,
        }
    }

    fn copy(&self) -> String {
        format!("{}_copy", self.database.name())
    }

    fn restore(&self, maps: &[&str], more: &[&str]) -> crate::common::Output {
        let copy = self.copy();
        let mut arguments = vec!["--json", "restore", "latest", "--into", &copy];
        for map in maps {
            arguments.extend(["--role-map", map]);
        }
        arguments.extend(more);
        self.bookend.run(&arguments)
    }

    /// How many things in the copy, or of it, belong or are granted to a role.
    fn things_of(&self, role: &str) -> u64 {
        let sql = format!(
            "SELECT count(*) FROM pg_shdepend s JOIN pg_roles r ON r.oid = s.refobjid
              WHERE r.rolname = '{role}' AND (s.dbid = d.oid OR s.objid = d.oid)"
        );
        let sql = sql.replace(
            "d.oid",
            "(SELECT oid FROM pg_database WHERE datname = current_database())",
        );
        self.psql(&sql).parse().unwrap()
    }

    fn psql(&self, sql: &str) -> String {
        let server = self.database.server();
        server.psql(&self.copy(), sql).trim().to_owned()
    }

    fn settings(&self) -> String {
        self.psql(
            "SELECT string_agg(setrole::regrole || ' ' || setconfig[1], ', ' ORDER BY setrole::regrole::text)
               FROM pg_db_role_setting s JOIN pg_database d ON d.oid = setdatabase
              WHERE datname = current_database()",
        )
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        let sql = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.copy());
        let _ = self.database.server().try_psql("postgres", &sql);
    }
}

#[test]
fn what_is_one_roles_is_given_to_another_and_that_is_no_difference() {
    let scene = Scene::of("rename");
    let restored = scene.restore(&["rename_app=rename New"], &[]);
    let restored = restored.expect_code(0).json();
    assert_eq!(restored["verdict"], "identical", "{restored}");
    assert_eq!(scene.things_of("rename_app"), 0);
    assert!(scene.things_of("rename New") > 8);
    assert!(scene.things_of("rename_admin") > 3);
    let owner = "SELECT datdba::regrole FROM pg_database WHERE datname = current_database()";
    assert_eq!(scene.psql(owner), "\"rename New\"");
    assert_eq!(
        scene.settings(),
        "\"rename New\" work_mem=5MB, rename_admin work_mem=6MB"
    );
    let policy = "SELECT array_to_string(polroles::regrole[], ' ') FROM pg_policy";
    assert!(scene.psql(policy).contains("\"rename New\""));
    let large = "SELECT lomowner::regrole FROM pg_largeobject_metadata";
    assert_eq!(scene.psql(large), "\"rename New\"");
    // What is only called like the role is left alone.
    assert_eq!(scene.psql("SELECT count(rename_app) FROM rename_app"), "50");
    let text = "SELECT DISTINCT owner FROM priv.orders";
    assert_eq!(scene.psql(text), "TO rename_app");
}

#[test]
fn two_roles_can_be_made_one() {
    let scene = Scene::of("merge");
    let maps = ["merge_app=merge_other", "merge_admin=merge_other"];
    let restored = scene.restore(&maps, &[]).expect_code(0).json();
    assert_eq!(restored["verdict"], "identical", "{restored}");
    assert_eq!(
        scene.things_of("merge_app") + scene.things_of("merge_admin"),
        0
    );
    assert_eq!(scene.settings(), "merge_other work_mem=5MB");
}

#[test]
fn the_new_role_must_exist_and_an_old_one_that_has_nothing_is_told() {
    let scene = Scene::of("absent");
    let refused = scene.restore(&["absent_app=nobody at all"], &[]);
    let refused = refused.expect_code(4).json();
    assert_eq!(refused["error"]["code"], "missing", "{refused}");
    let message = refused["error"]["message"].as_str().unwrap();
    assert!(message.contains("role nobody at all"), "{message}");
    let hint = refused["error"]["hint"].as_str().unwrap();
    assert!(hint.contains("CREATE ROLE \"nobody at all\""), "{hint}");
    let twice = ["absent_app=absent_other", "absent_app=absent_admin"];
    let refused = scene.restore(&twice, &[]).expect_code(2);
    assert!(refused.stdout.contains("name it once"), "{refused}");
    let words = scene.restore(&["absent_app"], &[]).expect_code(2);
    assert!(words.stdout.contains("OLD=NEW"), "{words}");
    let more = ["--no-owner", "--no-proof", "not what is tested here"];
    let restored = scene
        .restore(&["absnet_app=absent_other"], &more)
        .expect_code(0);
    let notes = restored.json()["notes"].to_string();
    assert!(notes.contains("granted to absnet_app"), "{notes}");
    assert!(scene.x == "absent" && scene.things_of("absent_app") > 0);
}

#[test]
fn collections_have_no_owners_to_be_mapped() {
    let mongo = Mongo::shared(Deployment::Standalone);
    let insert = bson::doc! { "insert": "orders", "documents": [{ "_id": 1 }] };
    mongo.with(|client| async move { commands(&client, "unowned", vec![insert]).await });
    let bookend = Bookend::new().path(&[mongo_tools(), "/usr/bin".into(), "/bin".into()]);
    bookend.succeed(&["backup", &mongo.url("unowned")]);
    let arguments = ["restore", "latest", "--into", "never", "--role-map", "a=b"];
    let refused = bookend.run(&arguments).expect_code(2);
    assert!(refused.stderr.contains("have no owners"), "{refused}");
}
