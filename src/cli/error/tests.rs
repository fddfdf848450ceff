//! What a tired person reads when something fails.

use std::io::{Error, ErrorKind};
use std::path::PathBuf;

use super::failure_of;
use crate::cli::failure::Failure;
use crate::cli::screen::plain;
use crate::connection::ConnectionError;
use crate::engine::{EngineError, MissingThing};
use crate::operation::{ArchiveError, OperationError};
use crate::process::ProcessError;
use crate::snapshot::SeamError;
use crate::store::StoreError;

fn told(error: impl Into<OperationError>) -> String {
    let failure: Failure = failure_of(&error.into());
    format!(
        "exit {} ({})\n{}",
        failure.exit.code(),
        failure.code,
        plain(&failure)
    )
}

#[test]
fn connections() {
    insta::assert_snapshot!(told(ConnectionError::Unreachable {
        server: "db.example:5432".to_owned(),
        source: Error::from(ErrorKind::ConnectionRefused),
    }), @r"
    exit 7 (unreachable)
    error: cannot reach db.example:5432
    caused by: connection refused
    hint: check host and port, and that the server runs and takes connections from here
    ");
    insta::assert_snapshot!(told(ConnectionError::WrongPassword {
        user: "app".to_owned(),
        server: "db.example:5432".to_owned(),
        origin: "PGPASSWORD".to_owned(),
    }), @r"
    exit 7 (wrong-password)
    error: db.example:5432 did not accept the password of app
    hint: the password came from PGPASSWORD: correct it there, or check the user's name
    ");
    insta::assert_snapshot!(told(ConnectionError::NoDatabase {
        target: "postgres://app@db.example/".to_owned(),
    }), @r"
    exit 2 (no-database)
    error: postgres://app@db.example/ names no database
    hint: add its name: postgres://app@db.example/DATABASE
    ");
}

#[test]
fn servers() {
    insta::assert_snapshot!(told(EngineError::Locked {
        table: "public.orders".to_owned(),
        database: "shop".to_owned(),
        holders: vec!["pid 4711 (ada, psql): ALTER TABLE orders".to_owned()],
    }), @r"
    exit 1 (locked)
    error: table public.orders of shop is locked by another session
    caused by: in the way: pid 4711 (ada, psql): ALTER TABLE orders
    hint: run it again when that session has ended, or wait longer: --lock-timeout 10m
    ");
    insta::assert_snapshot!(told(EngineError::TooManyLocks {
        tables: 50_000,
        database: "shop".to_owned(),
        setting: 64,
        needed: 512,
    }), @r"
    exit 1 (too-many-locks)
    error: the server has no room for the locks of 50000 tables of shop
    caused by: max_locks_per_transaction is 64
    hint: set max_locks_per_transaction = 512 in postgresql.conf and restart the server
    ");
    insta::assert_snapshot!(told(EngineError::NameTaken {
        name: "shop".to_owned(),
        server: "postgres://app@db.example".to_owned(),
        free: "shop_2".to_owned(),
    }), @r"
    exit 4 (name-taken)
    error: a database named shop exists already on postgres://app@db.example
    hint: nothing was touched; a free name: --into shop_2
    ");
    insta::assert_snapshot!(told(EngineError::Missing {
        server: "db.example:5432".to_owned(),
        missing: vec![
            MissingThing {
                what: "role reader".to_owned(),
                fix: "CREATE ROLE reader".to_owned(),
            },
            MissingThing {
                what: "extension postgis is not available".to_owned(),
                fix: "apt install postgresql-16-postgis-3".to_owned(),
            },
        ],
    }), @r"
    exit 4 (missing)
    error: db.example:5432 lacks what the archive needs: role reader; extension postgis is not available
    hint: CREATE ROLE reader
      apt install postgresql-16-postgis-3
    ");
    insta::assert_snapshot!(told(EngineError::Restore {
        what: "pg_restore failed in post-data".to_owned(),
        reasons: vec!["could not create unique index \"k\"".to_owned()],
        advice: None,
    }), @r#"
    exit 1 (restore-failed)
    error: pg_restore failed in post-data
    caused by: could not create unique index "k"
    "#);
}

#[test]
fn tools() {
    insta::assert_snapshot!(told(ProcessError::Missing {
        tool: "pg_dump".to_owned(),
        needed: Some(16),
        searched: vec![PathBuf::from("/opt/pg"), PathBuf::from("/usr/bin")],
    }), @r"
    exit 6 (tool-missing)
    error: pg_dump was not found
    caused by: looked in /opt/pg, /usr/bin
    hint: install it (Debian, Ubuntu: apt install postgresql-client-16), or name its folder: --tool-dir DIR
    ");
    insta::assert_snapshot!(told(ProcessError::TooOld {
        tool: "pg_dump".to_owned(),
        path: PathBuf::from("/usr/bin/pg_dump"),
        found: "15.18".to_owned(),
        needed: 16,
    }), @r"
    exit 6 (tool-too-old)
    error: pg_dump 15.18 (/usr/bin/pg_dump) is too old: version 16 or newer is needed
    hint: install it (Debian, Ubuntu: apt install postgresql-client-16), or name its folder: --tool-dir DIR
    ");
}

#[test]
fn archives_and_the_store() {
    insta::assert_snapshot!(told(ArchiveError::Newer {
        path: PathBuf::from("backups/shop.tar"),
        format: "2.0".to_owned(),
        reads: 1,
    }), @r"
    exit 1 (newer-format)
    error: backups/shop.tar was written in format 2.0, this bookend reads up to 1.x: upgrade bookend
    hint: without a newer bookend: restore.sh inside the archive restores it with stock tools
    ");
    insta::assert_snapshot!(told(EngineError::Seam(SeamError::Io {
        what: "backups/.shop.tar.partial could not be written".to_owned(),
        source: Error::from(ErrorKind::StorageFull),
    })), @r"
    exit 1 (archive-io)
    error: backups/.shop.tar.partial could not be written
    caused by: no storage space
    hint: free space in the store, or keep archives elsewhere: --store DIR
    ");
    insta::assert_snapshot!(told(StoreError::NoSuchArchive {
        word: "shpo".to_owned(),
        store: PathBuf::from("backups"),
        there: vec!["shop-20261120T043512Z".to_owned()],
    }), @r#"
    exit 2 (no-such-archive)
    error: no archive is called "shpo" in backups
    hint: bookend list; the newest are shop-20261120T043512Z
    "#);
}

#[test]
fn copies() {
    insta::assert_snapshot!(told(OperationError::SpaceUnknown {
        server: "postgres://app@db.example/shop".to_owned(),
        bytes: 6 << 30,
    }), @r"
    exit 4 (space-unknown)
    error: a copy needs about 6.0 GiB on postgres://app@db.example/shop, and how much is free there cannot be known
    hint: say where the copy goes: --prove-on TARGET, or --prove-on same-server if it surely fits (stage: --on)
    ");
    insta::assert_snapshot!(told(OperationError::CopyLeft {
        name: "bookend_7f3a".to_owned(),
        after: Some("a table of the copy could not be read".to_owned()),
        source: Box::new(EngineError::Cancelled),
    }), @r"
    exit 1 (copy-left)
    error: the copy bookend_7f3a could not be dropped
    caused by: interrupted
    caused by: before that: a table of the copy could not be read
    hint: bookend copies drop bookend_7f3a
    ");
    insta::assert_snapshot!(told(OperationError::OtherServer {
        server: "postgres://app@db.example/shop".to_owned(),
        archive: "shop-20261120T043512Z".to_owned(),
    }), @r"
    exit 2 (other-server)
    error: postgres://app@db.example/shop is not the server that shop-20261120T043512Z was taken from
    hint: name the server: --on TARGET (verify: --prove-on TARGET)
    ");
}
