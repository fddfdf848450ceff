//! What COMMAND gets, and that no secret goes elsewhere.

use std::path::Path;

use super::common::{Bookend, PASSWORD};
use super::{UNREHEARSED, arguments, bracket_json, server, sh, shop, step};

#[test]
fn the_command_finds_its_database_wherever_it_looks() {
    let shop = shop(server());
    let url = shop.url();
    let bookend = Bookend::new()
        .env("APP_DSN", url.clone())
        .env("UNRELATED", "kept");
    let line = r#"
        test "$(psql -Atc 'SELECT current_database()')" = "$WANTED" &&
        test "$(psql -Atc 'SELECT current_database()' "$DATABASE_URL")" = "$WANTED" &&
        test "$(psql -Atc 'SELECT current_database()' "$APP_DSN")" = "$WANTED" &&
        test "$UNRELATED" = kept && test "$1" = "$WANTED" && ! read -r line"#;
    let command = ["sh", "-c", line, "sh", "{database}"];
    let options = ["--env", "WANTED={database}"];
    let ran = bracket_json(&bookend, &url, &options, &command).expect_code(0);
    let repointed = step(&ran.json(), "migration")["repointed"].to_string();
    assert!(repointed.contains("APP_DSN"), "{repointed}");
}

#[test]
fn a_target_of_the_configuration_brings_its_command_and_variables() {
    let shop = shop(server());
    let bookend = Bookend::new().env("SHOP_URL", shop.url());
    bookend.write(
        "bookend.toml",
        "[target.shop]\nurl = \"env:SHOP_URL\"\nmigrate = [\"sh\", \"-c\", \"psql -qXc SELECT; echo $DB_NAME $TWICE\"]\n\
         env = { DB_NAME = \"name-{database}\", TWICE = \"file\" }\n",
    );
    let expected = format!("name-{} flag", shop.name());
    let ran = bookend.run(&["run", "shop", "--env", "TWICE=flag"]);
    let _ = ran.expect_code(0).expect_stderr(&expected);
}

#[test]
fn a_password_is_nowhere_but_in_the_commands_environment() {
    let shop = shop(server());
    let bookend = Bookend::new();
    let url = shop.url();
    let encoded = url.split(['@', ':']).nth(2).unwrap().to_owned();
    let canaries = [PASSWORD, encoded.as_str()];
    let line = "test -n \"$PGPASSWORD\" && echo \"leak: $PGPASSWORD\"; echo here; \
                while [ ! -e go ]; do sleep 0.05; done; exit 3";
    let bookend_with = bookend.env("CANARY_URL", url);
    let arguments = arguments("env:CANARY_URL", &UNREHEARSED, &["sh", "-c", line]);
    let running = bookend_with.spawn(&arguments);
    running.wait_for_stderr("here");
    let seen = command_lines_of(running.pid());
    assert!(seen.len() > 1, "COMMAND is a child: {seen:?}");
    for canary in canaries {
        assert!(!seen.iter().any(|words| words.contains(canary)), "{canary}");
    }
    bookend_with.write("go", "");
    let ran = running.wait().expect_code(5);
    for canary in canaries {
        let said = ran.stdout.contains(canary) || ran.stderr.contains(canary);
        assert!(!said, "{canary} in {ran}");
        assert_no_canary(&bookend_with.store(), canary);
    }
}

/// The command lines of a process and of all that descend from it.
fn command_lines_of(pid: u32) -> Vec<String> {
    let read = |of: u32, what: &str| std::fs::read_to_string(format!("/proc/{of}/{what}"));
    let mut lines = vec![read(pid, "cmdline").unwrap_or_default()];
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let Ok(other) = entry.file_name().to_string_lossy().parse::<u32>() else {
            continue;
        };
        // `pid (name) state ppid …`, and the name may hold anything.
        let stat = read(other, "stat").unwrap_or_default();
        let parent = stat
            .rsplit(") ")
            .next()
            .and_then(|rest| rest.split(' ').nth(1));
        if parent == Some(pid.to_string().as_str()) {
            lines.extend(command_lines_of(other));
        }
    }
    lines
}

/// Searches every file below a folder.
fn assert_no_canary(folder: &Path, canary: &str) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            assert_no_canary(&path, canary);
        } else {
            let bytes = std::fs::read(&path).unwrap();
            let found = memchr::memmem::find(&bytes, canary.as_bytes());
            assert!(found.is_none(), "the password is in {}", path.display());
        }
    }
}

#[test]
fn a_command_cannot_ask_questions() {
    let shop = shop(server());
    let bookend = Bookend::new();
    let command =
        sh("psql -qXc SELECT; if read -r answer; then exit 9; fi; ! (: < /dev/tty) 2>/dev/null");
    let _ = bracket_json(&bookend, &shop.url(), &[], &command).expect_code(0);
}
