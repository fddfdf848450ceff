//! Several databases in one bracket, and one run of a database at a time.

use super::common::Bookend;
use super::{
    IDLE, UNREHEARSED, arguments, bracket_json, copies, server, sh, shop, sql, status, step,
};

#[test]
fn two_databases_are_proven_and_rehearsed_before_either_is_migrated() {
    let (one, two) = (shop(server()), shop(server()));
    let bookend = Bookend::new().env("ONE", one.url()).env("TWO", two.url());
    bookend.write(
        "bookend.toml",
        "[target.shop]\nurl = \"env:ONE\"\n[target.catalog]\nurl = \"env:TWO\"\n",
    );
    let line = "psql -qd \"$ONE\" -c 'ALTER TABLE users ADD email text' && \
                psql -qd \"$CATALOG_URL\" -c 'ALTER TABLE orders ADD note text'";
    let ran = bookend.run(&[
        "run",
        "--json",
        "shop",
        "catalog",
        "--env",
        "CATALOG_URL={catalog.url}",
        "--",
        "sh",
        "-c",
        line,
    ]);
    let document = ran.expect_code(0).json();
    assert_eq!(document["state"], "completed");
    assert_eq!(document["as_rehearsed"], true);
    assert_eq!(document["archives"].as_array().unwrap().len(), 4);
    let order: Vec<String> = document["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| {
            let target = step["target"].as_str().unwrap_or("");
            format!("{} {target}", step["step"].as_str().unwrap())
        })
        .collect();
    let at = |what: &str| order.iter().position(|one| one.trim() == what).unwrap();
    assert!(at("proof catalog") < at("rehearsal") && at("rehearsal") < at("migration"));
    let apart = document["steps"][at("before catalog")]["lines"].to_string();
    assert!(apart.contains("after shop"), "{apart}");
    for (database, column) in [(&one, "email"), (&two, "note")] {
        let exists = format!("SELECT count(*) FROM pg_attribute WHERE attname = '{column}'");
        assert_eq!(database.psql(&exists).trim(), "1");
        assert_eq!(copies(database), "");
    }
}

#[test]
fn a_database_is_not_named_twice() {
    let shop = shop(server());
    let bookend = Bookend::new();
    let url = shop.url();
    let ran = bookend.run(&["run", &url, &url, "--", "psql", "-qXc", "SELECT"]);
    let _ = ran.expect_code(2).expect_stderr("named twice");
}

#[test]
fn a_run_from_another_store_is_kept_off_by_the_server() {
    let shop = shop(server());
    let url = shop.url();
    let (here, there) = (Bookend::new(), Bookend::new());
    let line = "echo here; while [ ! -e go ]; do sleep 0.05; done";
    let first = here.spawn(&arguments(&url, &UNREHEARSED, &sh(line)));
    first.wait_for_stderr("here");
    let second = bracket_json(&there, &url, &[], &IDLE).expect_code(4);
    let error = second.json()["error"].clone();
    assert_eq!(error["code"], "busy");
    let run = status(&here)["run"].as_str().unwrap().to_owned();
    assert!(error["message"].to_string().contains(&run), "{error}");
    here.write("go", "");
    let _ = first.wait().expect_code(0);
    let third = bracket_json(&there, &url, &[], &IDLE).expect_code(0);
    assert_eq!(step(&third.json(), "migration")["state"], "ok");
}

#[test]
fn a_role_without_the_database_postgres_is_told_what_to_grant() {
    let server = server();
    let shop = shop(server);
    let role = format!("{}_app", shop.name());
    server.psql(
        "postgres",
        &format!("CREATE ROLE {role} LOGIN SUPERUSER PASSWORD 'pw'"),
    );
    let url = server.url_of(&role, "pw", shop.name());
    let lock = format!(
        "ALTER ROLE {role} NOSUPERUSER CREATEDB; REVOKE CONNECT ON DATABASE postgres FROM PUBLIC"
    );
    server.psql("postgres", &lock);
    let bookend = Bookend::new();
    let options = ["--no-proof", "no rights", "--no-rehearsal", "no rights"];
    let ran = bracket_json(&bookend, &url, &options, &IDLE);
    server.psql(
        "postgres",
        &format!("GRANT CONNECT ON DATABASE postgres TO PUBLIC; DROP ROLE {role}"),
    );
    let error = ran.expect_code(4).json()["error"].clone();
    assert_eq!(error["code"], "no-lock", "{error}");
    assert!(
        error["hint"].to_string().contains("GRANT CONNECT"),
        "{error}"
    );
    assert!(status(&bookend)["run"].is_null());
}

#[test]
fn two_runs_of_two_databases_at_once_share_a_store() {
    let shops = [shop(server()), shop(server())];
    let bookend = Bookend::new();
    let command = sql("ALTER TABLE users ADD email text");
    let running = shops.each_ref().map(|shop| {
        let url = shop.url();
        bookend.spawn(&arguments(&url, &["--json"], &command))
    });
    let mut runs = std::collections::BTreeSet::new();
    for one in running {
        let document = one.wait().expect_code(0).json();
        assert_eq!(document["state"], "completed", "{document:#}");
        assert_eq!(document["as_rehearsed"], true, "{document:#}");
        runs.insert(document["run"].as_str().unwrap().to_owned());
    }
    assert_eq!((runs.len(), bookend.archives().len()), (2, 4));
    for shop in &shops {
        assert_eq!(copies(shop), "");
        shop.psql("SELECT email FROM users");
    }
    assert_eq!(status(&bookend)["left_behind"], serde_json::json!([]));
}
