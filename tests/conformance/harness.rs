//! What a case needs of an engine.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use bookend::connection::EngineKind;
use serde_json::Value;

use crate::common::Bookend;

/// How many things a shop has at first.
pub const CUSTOMERS: u64 = 500;
/// And of these.
pub const ORDERS: u64 = 2000;

/// Something done to a database, by hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// One value of one customer.
    Value,
    /// One customer less.
    Drop,
    /// One customer more.
    Add,
    /// An index more.
    Index,
    /// An object more: `extra`.
    Object,
}

impl Change {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Value,
        Self::Drop,
        Self::Add,
        Self::Index,
        Self::Object,
    ];
}

/// An engine's side of the suite.
pub trait Harness {
    /// The engine's name in manifests.
    fn engine(&self) -> &'static str;
    /// The same, as a type.
    fn kind(&self) -> EngineKind;
    /// The program, with the vendor's tools in its `PATH`, and the right to log in.
    fn program(&self) -> Bookend;
    /// Folders of the vendor's tools.
    fn tools(&self) -> Vec<PathBuf>;
    /// The URL of a database, there or not.
    fn url(&self, database: &str) -> String;
    /// Makes a database of two objects, `customers` (`name`, `age`) and `orders`.
    fn make(&self, database: &str);
    /// Whether a database is there.
    fn exists(&self, database: &str) -> bool;
    /// Drops a database, there or not.
    fn drop(&self, database: &str);
    /// How an object's name is printed.
    fn printed(&self, object: &str) -> String;
    /// How many rows or documents an object has.
    fn count(&self, database: &str, object: &str) -> u64;
    /// Does something to a database.
    fn change(&self, database: &str, change: Change);
    /// A COMMAND that renames `name` to `full_name`.
    fn migration(&self) -> Vec<String>;
    /// Variables that point COMMAND at its database.
    fn variables(&self) -> &'static [&'static str];
    /// Programs that `restore.sh` needs beside a shell and `zstd`, and its environment.
    fn stock(&self) -> (Vec<PathBuf>, Vec<(&'static str, String)>);
    /// An option that the engine cannot honour, with a word of the reason.
    fn impossible(&self) -> (&'static str, &'static str);
}

/// A shop of a test's own; dropped with what was restored from it.
pub struct Shop<'a> {
    /// Its engine.
    pub harness: &'a dyn Harness,
    /// Its name.
    pub name: String,
    /// The program.
    pub bookend: Bookend,
}

impl<'a> Shop<'a> {
    /// Opens one.
    pub fn of(harness: &'a dyn Harness) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let name = format!("shop_{}", NEXT.fetch_add(1, Ordering::Relaxed));
        harness.make(&name);
        Self {
            harness,
            name,
            bookend: harness.program(),
        }
    }

    /// Its URL.
    pub fn url(&self) -> String {
        self.harness.url(&self.name)
    }

    /// A name beside it.
    pub fn beside(&self, what: &str) -> String {
        format!("{}_{what}", self.name)
    }

    /// Backs it up; what `--json` says.
    pub fn backed_up(&self, options: &[&str]) -> Value {
        let url = self.url();
        let arguments = [&["--json", "backup", url.as_str()], options].concat();
        self.bookend.succeed(&arguments).json()
    }

    /// The path of the archive that a command made.
    pub fn path(&self, made: &Value) -> PathBuf {
        self.bookend.work().join(made["archive"].as_str().unwrap())
    }

    /// Nothing temporary is left, no copy, no half-written file.
    pub fn is_tidy(&self) {
        let left: Vec<_> = std::fs::read_dir(self.bookend.tmp()).unwrap().collect();
        assert!(left.is_empty(), "{left:?}");
        let url = self.url();
        let copies = self
            .bookend
            .succeed(&["--json", "copies", "list", "--on", &url])
            .json();
        assert_eq!(copies["announced"], serde_json::json!([]), "{copies}");
        let ours = |copy: &&Value| {
            copy["name"]
                .as_str()
                .unwrap()
                .starts_with(&self.beside("bookend"))
        };
        let copies = copies["copies"].as_array().unwrap();
        assert_eq!(copies.iter().filter(ours).count(), 0, "{copies:?}");
        for file in files(&self.bookend.store()) {
            assert!(!file.ends_with(".partial"), "{file}");
        }
    }
}

impl Drop for Shop<'_> {
    fn drop(&mut self) {
        for name in [
            self.name.clone(),
            self.beside("restored"),
            self.beside("other"),
        ] {
            self.harness.drop(&name);
        }
    }
}

fn files(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    entries
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect()
}

/// Fails the test unless a document has all of these keys.
pub fn keys(document: &Value, expected: &[&str]) {
    for key in expected {
        assert!(document.get(key).is_some(), "no {key} in {document:#}");
    }
}
