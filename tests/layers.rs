//! Holds the layers of docs/architecture.md against the code: who may import whom, and what
//! only one of them does.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

#[path = "layers/source.rs"]
mod source;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Who may import whom. A layer alone allows all of it, `layer::Name` only that name.
const LAYERS: &[(&str, &[&str])] = &[
    ("main", &["cli"]),
    (
        "cli",
        &[
            "bracket",
            "operation",
            "store",
            "report",
            "config",
            "engine",
            "connection",
            "snapshot",
            "progress",
            "process",
        ],
    ),
    (
        "bracket",
        &[
            "operation",
            "store",
            "report",
            "engine",
            "process",
            "connection",
            "snapshot",
            "progress",
        ],
    ),
    (
        "operation",
        &[
            "engine",
            "archive",
            "store",
            "process::ToolBox",
            "process::ProcessError",
            "connection",
            "snapshot",
            "progress",
        ],
    ),
    (
        "engine",
        &[
            "process",
            "connection",
            "fingerprint",
            "snapshot",
            "progress",
        ],
    ),
    ("archive", &["fingerprint", "snapshot", "progress"]),
    (
        "store",
        &[
            "archive",
            "engine::Ledger",
            "engine::MadeDatabase",
            "engine::CopyKind",
            "engine::Discrepancy",
            "engine::ComparedObject",
            "snapshot",
        ],
    ),
    ("report", &["snapshot"]),
    ("config", &["connection"]),
    ("process", &["connection::Secret"]),
    ("fingerprint", &["snapshot"]),
    ("connection", &[]),
    ("snapshot", &[]),
    ("progress", &[]),
];

/// Inside of engines: whoever named one of these would know which engine it has.
const ENGINES: &[&str] = &["postgres", "mongodb"];

/// Files with more lines than [`MOST_LINES`], each with the reason. Test code may have more:
/// its cases stand side by side and are read one at a time.
const LONG_FILES: &[(&str, &str)] = &[];
const MOST_LINES: usize = 400;
const MOST_LINES_OF_TESTS: usize = 800;

/// Files outside `store` that open files for writing, each with the reason.
const OTHER_WRITERS: &[(&str, &str)] = &[];

struct SourceFile {
    /// Relative to the checkout.
    path: String,
    layer: String,
    module: Vec<String>,
    code: String,
}

#[test]
fn layers_import_only_what_the_table_allows() {
    let files = sources();
    let mut faults = Vec::new();
    for file in &files {
        let Some((_, allowed)) = LAYERS.iter().find(|(layer, _)| *layer == file.layer) else {
            faults.push(format!(
                "{}: `{}` is not in the table",
                file.path, file.layer
            ));
            continue;
        };
        for path in own_paths(file) {
            let target = path[0].as_str();
            if target == file.layer || !LAYERS.iter().any(|(layer, _)| *layer == target) {
                continue;
            }
            if !allowed.iter().any(|entry| allows(entry, &path)) {
                let allowed = allowed.join(", ");
                faults.push(format!(
                    "{}: imports {} (may: {allowed})",
                    file.path,
                    path.join("::")
                ));
            }
        }
    }
    assert!(files.len() > 15, "the sources were not found");
    assert_none(&faults);
}

#[test]
fn the_table_stands_in_the_documentation() {
    let page = std::fs::read_to_string(root().join("docs/architecture.md")).unwrap();
    let mut faults = Vec::new();
    for (layer, allowed) in LAYERS {
        let allowed = match allowed {
            [] => "nothing".to_owned(),
            some => some
                .iter()
                .map(|entry| format!("`{entry}`"))
                .collect::<Vec<_>>()
                .join(", "),
        };
        let row = format!("| `{layer}` | {allowed} |");
        if !page.contains(&row) {
            faults.push(format!("docs/architecture.md lacks: {row}"));
        }
    }
    assert_none(&faults);
}

#[test]
fn the_table_has_no_circles_but_for_names() {
    let mut settled: BTreeSet<&str> = BTreeSet::new();
    while settled.len() < LAYERS.len() {
        let next = LAYERS.iter().find(|(layer, allowed)| {
            let whole = |entry: &&&str| !entry.contains("::");
            !settled.contains(layer) && allowed.iter().filter(whole).all(|e| settled.contains(e))
        });
        let Some((layer, _)) = next else {
            panic!("a circle outside of {settled:?}")
        };
        settled.insert(layer);
    }
}

#[test]
fn nobody_asks_which_engine_it_has() {
    let mut faults = Vec::new();
    for file in sources().iter().filter(|file| file.layer != "engine") {
        for path in own_paths(file) {
            if path[0] == "engine" && path.get(1).is_some_and(|to| ENGINES.contains(&to.as_str())) {
                faults.push(format!("{}: names {}", file.path, path.join("::")));
            }
        }
    }
    assert_none(&faults);
}

#[test]
fn only_process_spawns() {
    let spawns = |path: &[String]| {
        let path = path.join("::");
        path.starts_with("tokio::process")
            || path.starts_with("std::process::Command")
            || path.ends_with("process::Command")
            || path.ends_with("Command::new")
    };
    only("process", "spawns", |file| {
        all_paths(file).into_iter().find(|path| spawns(path))
    });
}

#[test]
fn only_cli_prints() {
    const MACROS: [&str; 5] = ["print", "println", "eprint", "eprintln", "dbg"];
    only("cli", "prints", |file| {
        let mut names = source::macros(&file.code).into_iter();
        names
            .find(|name| MACROS.contains(&name.as_str()))
            .map(|name| vec![name + "!"])
    });
    only("cli", "prints", |file| {
        let prints = |path: &Vec<String>| ends_with_any(path, &["io::stdout", "io::stderr"]);
        all_paths(file).into_iter().find(prints)
    });
}

#[test]
fn only_store_writes_files_that_last() {
    const WRITES: [&str; 9] = [
        "File::create",
        "File::create_new",
        "File::options",
        "OpenOptions::new",
        "fs::write",
        "fs::rename",
        "fs::hard_link",
        "fs::copy",
        "DirBuilder::new",
    ];
    let mut stale: BTreeSet<&str> = OTHER_WRITERS.iter().map(|(path, _)| *path).collect();
    only("store", "writes files", |file| {
        let writes = |path: &Vec<String>| ends_with_any(path, &WRITES);
        let found = all_paths(file).into_iter().find(writes)?;
        let excused = OTHER_WRITERS.iter().any(|(path, _)| *path == file.path);
        stale.remove(file.path.as_str());
        (!excused).then_some(found)
    });
    assert!(stale.is_empty(), "no longer writers: {stale:?}");
}

#[test]
fn files_tell_one_story() {
    let code: BTreeSet<String> = sources().into_iter().map(|file| file.path).collect();
    let mut files = rust_files(&root().join("src"));
    files.extend(rust_files(&root().join("tests")));
    let mut faults = Vec::new();
    for path in files {
        let name = relative(&path);
        let lines = std::fs::read_to_string(&path).unwrap().lines().count();
        let most = if code.contains(&name) {
            MOST_LINES
        } else {
            MOST_LINES_OF_TESTS
        };
        let listed = LONG_FILES.iter().any(|(path, _)| *path == name);
        if lines > most && !listed {
            faults.push(format!(
                "{name}: {lines} lines; split it, or list it with a reason"
            ));
        } else if lines <= most && listed {
            faults.push(format!(
                "{name}: {lines} lines; it need not be listed any more"
            ));
        }
    }
    assert_none(&faults);
}

#[test]
fn the_reader_sees_through_groups_comments_and_literals() {
    let text = r##"
        // use crate::nothing::A;
        /* crate::nothing::B /* nested */ crate::nothing::C */
        use crate::{one::A as Other, two::{B, self}};
        use super::three;
        const X: &str = "crate::nothing::D"; const Y: &str = r#"crate::"nothing"::E"#;
        fn f<'a>(c: char) -> bool { c == '"' || c == '\'' || crate::four::<u8>() }
        fn g() { super::super::five::go(); println!("{}", std::process::id()) }
        #[cfg(test)] mod tests { use crate::nothing::F; fn f() { if true {} } }
        fn h() { self::six::go() }
    "##;
    let module = ["layer".to_owned(), "part".to_owned()];
    let code = source::code_only(text);
    let found: Vec<String> = source::paths(&code, &module)
        .iter()
        .map(|path| path.join("::"))
        .collect();
    let expected = [
        "crate::one::A",
        "crate::two::B",
        "crate::two::self",
        "crate::layer::three",
        "crate::four",
        "crate::five::go",
        "std::process::id",
        "crate::layer::part::six::go",
    ];
    assert_eq!(found, expected);
    assert_eq!(source::macros(&code), ["println"]);
}

fn only(owner: &str, does: &str, mut find: impl FnMut(&SourceFile) -> Option<Vec<String>>) {
    let mut faults = Vec::new();
    for file in sources().iter().filter(|file| file.layer != owner) {
        if let Some(found) = find(file) {
            let found = found.join("::");
            faults.push(format!(
                "{}: {does} ({found}); only {owner} does",
                file.path
            ));
        }
    }
    assert_none(&faults);
}

fn allows(entry: &str, path: &[String]) -> bool {
    let entry: Vec<&str> = entry.split("::").collect();
    path.len() >= entry.len() && entry.iter().zip(path).all(|(a, b)| a == b)
}

fn ends_with_any(path: &[String], ends: &[&str]) -> bool {
    let path = format!("::{}", path.join("::"));
    ends.iter().any(|end| path.ends_with(&format!("::{end}")))
}

/// Paths into this crate, without the leading `crate` (or `bookend` in `main.rs`).
fn own_paths(file: &SourceFile) -> Vec<Vec<String>> {
    let own = |path: &Vec<String>| path[0] == "crate" || path[0] == "bookend";
    all_paths(file)
        .into_iter()
        .filter(own)
        .map(|path| path[1..].to_vec())
        .collect()
}

fn all_paths(file: &SourceFile) -> Vec<Vec<String>> {
    source::paths(&file.code, &file.module)
}

/// The crate's own code, without test code.
fn sources() -> Vec<SourceFile> {
    let files = rust_files(&root().join("src"));
    let mut test_code = BTreeSet::new();
    for path in &files {
        for name in source::test_modules(&std::fs::read_to_string(path).unwrap()) {
            let folder = match path.file_stem().and_then(|stem| stem.to_str()).unwrap() {
                "mod" | "lib" | "main" => path.parent().unwrap().to_path_buf(),
                stem => path.with_file_name(stem),
            };
            test_code.insert(folder.join(&name).with_extension("rs"));
            test_code.insert(folder.join(&name));
        }
    }
    // `#[path = "service_tests.rs"] mod tests;` is told by the file's name.
    let is_test = |path: &Path| {
        path.ancestors().any(|above| test_code.contains(above))
            || path
                .file_stem()
                .is_some_and(|stem| stem.to_string_lossy().ends_with("_tests"))
    };
    files
        .iter()
        .filter(|path| !is_test(path) && !path.ends_with("src/lib.rs"))
        .map(|path| read(path))
        .collect()
}

fn read(path: &Path) -> SourceFile {
    let text = std::fs::read_to_string(path).unwrap();
    let inside = path
        .strip_prefix(root().join("src"))
        .unwrap()
        .with_extension("");
    let mut module: Vec<String> = inside
        .components()
        .map(|part| part.as_os_str().to_str().unwrap().to_owned())
        .collect();
    if module.last().is_some_and(|last| last == "mod") {
        module.pop();
    }
    SourceFile {
        path: relative(path),
        layer: module[0].clone(),
        module,
        code: source::code_only(&text),
    }
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|end| end == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn relative(path: &Path) -> String {
    path.strip_prefix(root())
        .unwrap()
        .to_str()
        .unwrap()
        .to_owned()
}

fn assert_none(faults: &[String]) {
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
