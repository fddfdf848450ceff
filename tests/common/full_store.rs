//! A store on a file system of its own that is filled to the brim while a step of a run is under
//! way, and what is left of it all.

use std::path::PathBuf;

use serde_json::Value;

use super::namespace::{expect_allowed, unshare};
use super::{Bookend, Output};

/// `$1` the folder to mount on, `$2` the step, `$3` resume or abort, `$4` bookend, then the
/// words behind `run --json`. The run is held still while its store is filled, so that the step
/// surely meets a full one.
const SCRIPT: &str = r#"
disk=$1 step=$2 way=$3 bookend=$4; shift 4
mount -t tmpfs -o size=12m none "$disk" || exit 99
store=$disk/store
"$bookend" run --json --store "$store" "$@" >run.json 2>run.err &
run=$!
while kill -0 $run 2>/dev/null; do
    grep -qs "\"begun\":\"$step\"" "$store"/runs/*/journal.jsonl && break
done
kill -STOP $run || exit 98
cat /dev/zero >"$disk/filler" 2>/dev/null
kill -CONT $run
wait $run; echo $? >run.code
"$bookend" status --json --store "$store" >full.json 2>full.err; echo $? >full.code
rm "$disk/filler"
"$bookend" status --json --store "$store" >status.json
"$bookend" "$way" --json --store "$store" >ended.json 2>ended.err; echo $? >ended.code
"$bookend" resume --store "$store" >again 2>&1; echo $? >again.code
"$bookend" status --json --store "$store" >after.json
rm -rf kept; cp -r "$store" kept
"#;

/// What became of a run whose store was full from the beginning of a step.
#[derive(Debug)]
pub struct Filled {
    /// The exit code of `run`, and its document.
    pub run: (i32, Value),
    /// `status` on the full store.
    pub full: (i32, Value),
    /// `status` when there was room again.
    pub status: Value,
    /// `resume` or `abort`, whichever was asked for.
    pub ended: (i32, Value),
    /// `resume` after that.
    pub again: (i32, String),
    /// `status` at the end.
    pub after: Value,
    /// A copy of the store.
    pub store: PathBuf,
}

/// Runs it.
pub fn filled_at(bookend: &Bookend, step: &str, way: &str, run: &[&str]) -> Filled {
    let disk = bookend.home().join("disk");
    std::fs::create_dir_all(&disk).unwrap();
    let mut command = unshare(&[]);
    command
        .args(["sh", "-c", SCRIPT, "sh"])
        .arg(&disk)
        .args([step, way, env!("CARGO_BIN_EXE_bookend")])
        .args(run);
    let output = bookend.spawn_command(command).wait();
    expect_allowed(&output);
    assert_eq!(output.code, Some(0), "{output}");
    Filled {
        run: (
            code(bookend, "run.code"),
            document(bookend, "run.json", &output),
        ),
        full: (
            code(bookend, "full.code"),
            document(bookend, "full.json", &output),
        ),
        status: document(bookend, "status.json", &output),
        ended: (
            code(bookend, "ended.code"),
            document(bookend, "ended.json", &output),
        ),
        again: (code(bookend, "again.code"), text(bookend, "again")),
        after: document(bookend, "after.json", &output),
        store: bookend.work().join("kept"),
    }
}

/// What holds at whichever step: nothing that looks like an archive is none, the journal can be
/// read, what is seen agrees with what is told, and the run can be ended.
pub fn judge(bookend: &Bookend, step: &str, filled: &Filled, migrated: bool) {
    let context = format!("store full at {step}: {filled:#?}");
    let (exit, told) = &filled.run;
    assert_eq!(told["ok"], *exit == 0, "{context}");
    assert_eq!(*exit, exit_of(told), "{context}");
    if *exit != 0 {
        assert!(told["error"]["hint"].is_string(), "{context}");
    }
    assert_eq!(filled.full.0, 0, "{context}");
    for status in [&filled.full.1, &filled.status, &filled.after] {
        assert_eq!(status["unreadable"], serde_json::json!([]), "{context}");
        assert_eq!(status["run"], told["run"], "{context}");
    }
    let late = ["after", "compare", "bundle"].contains(&step);
    assert!(!late || migrated, "{context}");
    if late {
        assert_eq!(state_of(told, "migration"), "ok", "{context}");
        assert!(
            told.to_string().contains("migration stands") || *exit == 0,
            "{context}"
        );
    }
    // A step may not be told as done that is not; nor COMMAND as not started when it was.
    let begun = ["ok", "failed", "unknown"].contains(&state_of(&filled.status, "migration"));
    assert!(begun || !migrated, "{context}");
    assert_eq!(filled.again.0, 0, "{context}");
    assert!(
        filled.again.1.contains("nothing to do") || filled.again.1.contains("no run"),
        "{context}"
    );
    assert_ne!(filled.after["state"], "interrupted", "{context}");
    assert_eq!(
        filled.after["left_behind"],
        serde_json::json!([]),
        "{context}"
    );
    for entry in std::fs::read_dir(&filled.store).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|end| end == "tar") {
            bookend.succeed(&["verify", "-q", path.to_str().unwrap()]);
        }
        assert!(!path.to_string_lossy().ends_with(".partial"), "{context}");
    }
}

/// The exit code that INTERFACE.md gives a state.
pub fn exit_of(told: &Value) -> i32 {
    match told["state"].as_str().unwrap_or_default() {
        "completed" | "rolled_back" | "aborted" => 0,
        "refused" | "loss_refused" => 4,
        "proof_failed" => 3,
        "rehearsal_failed" | "migration_failed" | "check_failed" | "migration_unknown" => 5,
        "failed" | "completed_without_after" | "interrupted" => 1,
        other => panic!("no state of a run that is over: {other:?} in {told:#}"),
    }
}

/// The state of a step.
pub fn state_of<'a>(told: &'a Value, step: &str) -> &'a str {
    let steps = told["steps"].as_array().expect("a list of steps");
    let found = steps.iter().rfind(|shown| shown["step"] == step);
    found.map_or("", |shown| shown["state"].as_str().unwrap())
}

fn text(bookend: &Bookend, name: &str) -> String {
    std::fs::read_to_string(bookend.work().join(name)).unwrap()
}

fn code(bookend: &Bookend, name: &str) -> i32 {
    text(bookend, name).trim().parse().unwrap()
}

fn document(bookend: &Bookend, name: &str, output: &Output) -> Value {
    let text = text(bookend, name);
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error} in {name}: {text} {output}"))
}
