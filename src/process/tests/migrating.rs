//! The migration command.

use std::time::Duration;

use super::{Scripts, alive, until, written};
use crate::connection::Secret;
use crate::process::ProcessError;
use crate::process::migration::{Ended, Migration, Outcome, Stop};

async fn run(migration: Migration, stop: &Stop) -> (Ended, String, String) {
    let (mut screen, mut log) = (Vec::new(), Vec::new());
    let ended = migration.run(&mut screen, &mut log, stop).await.unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (ended, text(screen), text(log))
}

fn sh(script: &str) -> Migration {
    Migration::new(["sh", "-c", script]).env("PATH", "/usr/bin:/bin")
}

#[tokio::test]
async fn output_of_both_kinds_goes_to_screen_and_log_in_whole_lines() {
    let script = "for i in 1 2 3; do printf 'a'; printf 'b' >&2; printf '1\\n'; printf '2\\n' >&2; done; printf end";
    let (ended, screen, log) = run(sh(script), &Stop::default()).await;
    assert_eq!(ended.outcome, Outcome::Exited(0));
    assert!(ended.log_failed.is_none() && !ended.left_running);
    let mut lines: Vec<&str> = log.lines().collect();
    lines.sort_unstable();
    assert_eq!(lines, ["a1", "a1", "a1", "b2", "b2", "b2", "end"]);
    assert_eq!(screen, log);
}

#[tokio::test]
async fn it_has_its_own_session_and_nothing_to_read() {
    let script = "read line && echo got; ps -o sid= -p $$ | tr -d ' '; echo $$; (exec </dev/tty) 2>/dev/null || echo no terminal";
    let (ended, screen, _) = run(sh(script), &Stop::default()).await;
    assert!(ended.own_session);
    let lines: Vec<&str> = screen.lines().collect();
    assert_eq!(lines.len(), 3, "{screen}");
    assert_eq!(lines[0], lines[1]);
    assert_eq!(lines[2], "no terminal");
}

#[tokio::test]
async fn only_the_given_environment_reaches_it() {
    let migration = sh("env").env("A", "1").env("A", "2");
    let (_, screen, _) = run(migration, &Stop::default()).await;
    assert!(screen.contains("A=2\n"));
    assert!(!screen.contains("CARGO"), "{screen}");
}

#[tokio::test]
async fn exit_codes_and_signals_are_told_apart() {
    let (ended, _, _) = run(sh("exit 7"), &Stop::default()).await;
    assert_eq!(ended.outcome, Outcome::Exited(7));
    let (ended, _, _) = run(sh("kill -TERM $$"), &Stop::default()).await;
    assert_eq!(ended.outcome, Outcome::Signalled(15));
}

#[tokio::test]
async fn a_command_that_does_not_exist_is_not_started() {
    let scripts = Scripts::new();
    for word in ["no-such-command", "./no-such-command"] {
        let migration = Migration::new([word])
            .env("PATH", "/usr/bin:/bin")
            .directory(scripts.folder());
        let error = migration
            .run(&mut Vec::new(), &mut Vec::new(), &Stop::default())
            .await
            .unwrap_err();
        assert!(matches!(error, ProcessError::Missing { .. }), "{error:?}");
    }
}

#[tokio::test]
async fn a_relative_command_is_found_from_its_folder() {
    let scripts = Scripts::new();
    scripts.write("migrate", "pwd; echo \"$1\"");
    let migration = Migration::new(["./migrate", "$(x) '"])
        .env("PATH", "/usr/bin:/bin")
        .directory(scripts.folder());
    let (_, screen, _) = run(migration, &Stop::default()).await;
    let folder = scripts.folder().canonicalize().unwrap();
    assert_eq!(screen, format!("{}\n$(x) '\n", folder.display()));
}

#[tokio::test]
async fn a_command_past_its_limit_is_ended_with_its_children() {
    let scripts = Scripts::new();
    let child = scripts.folder().join("child");
    let script = format!(
        "trap '' TERM; sleep 600 & echo $! > {}; wait; sleep 600",
        child.display()
    );
    let migration = sh(&script)
        .limit(Some(Duration::from_secs(2)))
        .grace(Duration::from_millis(200));
    let (ended, _, _) = run(migration, &Stop::default()).await;
    assert_eq!(ended.outcome, Outcome::TimedOut);
    assert!(ended.took >= Duration::from_secs(2));
    let child = std::fs::read_to_string(child).unwrap();
    until("the child ended", || !alive(&child)).await;
}

#[tokio::test]
async fn asking_to_stop_lets_it_tidy_up() {
    let scripts = Scripts::new();
    let ready = scripts.folder().join("ready");
    let script = format!(
        "trap 'echo tidy; exit 3' TERM; echo x > {}; while :; do sleep 0.05; done",
        ready.display()
    );
    let stop = Stop::default();
    let ask = stop.ask.clone();
    tokio::spawn(async move {
        until("it is ready", || written(&ready)).await;
        ask.cancel();
    });
    let (ended, screen, _) = run(sh(&script).grace(Duration::from_secs(60)), &stop).await;
    assert_eq!(ended.outcome, Outcome::Interrupted);
    assert_eq!(ended.ending, crate::process::Ending::Exited(3));
    // The shell adds that its `sleep` was terminated.
    assert!(screen.contains("tidy\n"), "{screen}");
}

#[tokio::test]
async fn asking_twice_kills_at_once() {
    let scripts = Scripts::new();
    let ready = scripts.folder().join("ready");
    let script = format!(
        "trap '' TERM; echo x > {}; while :; do sleep 0.05; done",
        ready.display()
    );
    let stop = Stop::default();
    let asked = stop.clone();
    tokio::spawn(async move {
        until("it is ready", || written(&ready)).await;
        asked.ask.cancel();
        asked.kill.cancel();
    });
    let (ended, _, _) = run(sh(&script).grace(Duration::from_secs(600)), &stop).await;
    assert_eq!(ended.outcome, Outcome::Interrupted);
    assert_eq!(ended.ending, crate::process::Ending::Signalled(9));
}

#[tokio::test]
async fn what_it_leaves_running_is_told_and_left_alone() {
    let scripts = Scripts::new();
    let child = scripts.folder().join("child");
    let script = format!("echo start; sleep 600 & echo $! > {}", child.display());
    let (ended, screen, _) = run(sh(&script), &Stop::default()).await;
    assert_eq!(ended.outcome, Outcome::Exited(0));
    assert!(ended.left_running);
    assert_eq!(screen, "start\n");
    let child = std::fs::read_to_string(child).unwrap();
    assert!(alive(&child));
    let pid = nix::unistd::Pid::from_raw(child.trim().parse().unwrap());
    nix::sys::signal::kill(pid, nix::sys::signal::SIGKILL).unwrap();
}

#[tokio::test]
async fn secrets_that_it_prints_are_blacked_out() {
    let migration =
        sh("echo connecting to $DATABASE_URL as $PGUSER with canary-17; printf '\\377\\n'")
            .secret_env("DATABASE_URL", Secret::new("postgres://a:canary-17@h/d"))
            .secret_env("PGUSER", Secret::new("shop"))
            .redact(Secret::new("canary-17"));
    let hidden = sh("true").secret_env("DATABASE_URL", Secret::new("canary-17"));
    assert!(!format!("{hidden:?}").contains("canary"));
    let (mut screen, mut log) = (Vec::new(), Vec::new());
    let stop = Stop::default();
    migration.run(&mut screen, &mut log, &stop).await.unwrap();
    let expected = b"connecting to *** as shop with ***\n";
    assert_eq!(&log[..expected.len()], expected);
    assert_eq!(screen, log);
}

#[tokio::test]
async fn dropping_the_run_kills_the_command() {
    let scripts = Scripts::new();
    let pid = scripts.folder().join("pid");
    let migration = sh(&format!(
        "trap '' TERM; echo $$ > {}; while :; do sleep 1; done",
        pid.display()
    ));
    let task = tokio::spawn(async move { run(migration, &Stop::default()).await });
    until("it started", || written(&pid)).await;
    task.abort();
    let pid = std::fs::read_to_string(pid).unwrap();
    until("it ended", || !alive(&pid)).await;
}

#[tokio::test]
async fn a_log_that_fails_does_not_stop_the_command() {
    let full = tokio::fs::OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .await
        .unwrap();
    let (mut screen, mut log) = (Vec::new(), full);
    let ended = sh("echo one; echo two")
        .run(&mut screen, &mut log, &Stop::default())
        .await
        .unwrap();
    assert_eq!(ended.outcome, Outcome::Exited(0));
    assert!(ended.log_failed.is_some());
    assert_eq!(screen, b"one\ntwo\n");
}
