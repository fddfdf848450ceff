//! What the cases share.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use bson::{Document, doc};

use super::common::mongo::mongo_tools;
use super::common::{Bookend, Mongo, Output};

/// The program with MongoDB's tools in `PATH`.
pub fn bookend() -> Bookend {
    Bookend::new().path(&[mongo_tools(), "/usr/bin".into(), "/bin".into()])
}

/// Puts so many documents of about a kilobyte into a collection.
pub fn fill(server: &Mongo, database: &str, collection: &str, count: i32) {
    server.with(|client| async move {
        let all = (0..count).map(|n| doc! { "_id": n, "pad": format!("{n:01000}") });
        let collection = client.database(database).collection::<Document>(collection);
        collection.insert_many(all).await.unwrap();
    });
}

/// What a command answers.
pub fn ask(server: &Mongo, database: &str, command: Document) -> Document {
    let shown = command.to_string();
    server.with(|client| async move {
        let answer = client.database(database).run_command(command).await;
        answer.unwrap_or_else(|error| panic!("{shown}: {error}"))
    })
}

/// Drops databases.
pub fn drop_all(server: &Mongo, names: &[&str]) {
    for name in names {
        ask(server, name, doc! { "dropDatabase": 1 });
    }
}

/// Copies that bookend made of this database and that are still there.
pub fn copies(server: &Mongo, database: &str) -> Vec<String> {
    let mut names = server.databases();
    names.retain(|name| name.starts_with(&format!("{database}_bookend_")));
    names
}

/// A folder with one fake tool: `$REAL` is the real one, `$HERE` the folder.
pub fn fake(bookend: &Bookend, name: &str, body: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let folder = bookend.home().join(format!("tools-{number}"));
    std::fs::create_dir(&folder).unwrap();
    let real = mongo_tools().join(name);
    let head = format!(
        "#!/bin/sh\nREAL='{}'\nHERE=$(dirname \"$0\")\n\
         [ \"$1\" = --version ] && exec \"$REAL\" --version\n",
        real.display()
    );
    let path = folder.join(name);
    std::fs::write(&path, format!("{head}{body}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    folder.to_str().unwrap().to_owned()
}

/// Nothing that is unfinished is left in the store or in TMPDIR, and every archive is one.
pub fn is_tidy(bookend: &Bookend) {
    let mut left = files_below(&bookend.store());
    left.retain(|path| path.to_string_lossy().ends_with(".partial"));
    left.extend(files_below(&bookend.tmp()));
    assert!(left.is_empty(), "left behind: {left:?}");
    for archive in bookend.archives() {
        bookend.succeed(&["verify", "-q", archive.to_str().unwrap()]);
    }
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

/// `bookend` under a limit of its files' size: for a process the same as a full disk.
pub fn with_small_files(bookend: &Bookend, arguments: &[&str]) -> Output {
    let mut command = Command::new("sh");
    command
        .args(["-c", "ulimit -f 128; exec \"$0\" \"$@\""])
        .arg(env!("CARGO_BIN_EXE_bookend"))
        .args(arguments);
    bookend.spawn_command(command).wait()
}

/// The error's code, and its message, causes and hint in one text.
pub fn told(output: &Output) -> (String, String) {
    let document = output.json();
    let error = &document["error"];
    let text = format!(
        "{} | {} | {}",
        error["message"], error["causes"], error["hint"]
    );
    (error["code"].as_str().unwrap_or_default().to_owned(), text)
}

/// Fails unless the command failed with this exit code and this word, and says all of these.
pub fn expect(output: &Output, exit: i32, code: &str, words: &[&str]) {
    assert_eq!(output.code, Some(exit), "{output}");
    let (found, text) = told(output);
    assert_eq!(found, code, "{output}");
    for word in words {
        assert!(text.contains(word), "no {word:?} in {text}");
    }
}
