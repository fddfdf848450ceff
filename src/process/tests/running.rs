//! Running tools to their end, good or bad.

use std::error::Error as _;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_util::sync::CancellationToken;

use super::{Scripts, alive, until, written};
use crate::connection::Secret;
use crate::process::{Ending, Input, Output, ProcessError, Running};

/// Reads to the end, or to the error that stands there.
async fn read_all(running: &mut Running) -> (Vec<u8>, Option<ProcessError>) {
    let mut bytes = Vec::new();
    let mut stdout = running.stdout.take().unwrap();
    let error = stdout.read_to_end(&mut bytes).await.err();
    (
        bytes,
        error.map(|error| ProcessError::of_read("fake_dump", error)),
    )
}

/// Output through a pipe, the error of reading it, and that of waiting for the end.
async fn piped(script: &str) -> (Vec<u8>, Option<ProcessError>, Option<ProcessError>) {
    let scripts = Scripts::new();
    let tool = scripts.tool(script).await;
    let mut running = tool.command().stdout(Output::Pipe).spawn().unwrap();
    let (bytes, error) = read_all(&mut running).await;
    (bytes, error, running.finish().await.err())
}

fn words(error: &ProcessError) -> String {
    error.source().map(ToString::to_string).unwrap_or_default()
}

#[tokio::test]
async fn a_tool_that_ends_well_gives_all_it_wrote() {
    let (bytes, read, end) = piped("head -c 3000000 /dev/zero; echo note >&2").await;
    assert_eq!(bytes.len(), 3_000_000);
    assert!(read.is_none() && end.is_none(), "{read:?} {end:?}");
}

#[tokio::test]
async fn failing_after_half_of_the_output_fails_the_read() {
    let (bytes, read, end) =
        piped("echo half; echo 'fake_dump: error: server closed the connection' >&2; exit 1").await;
    assert_eq!(bytes, b"half\n");
    let read = read.unwrap();
    assert_eq!(read.to_string(), "fake_dump ended with exit code 1");
    assert_eq!(
        words(&read),
        "fake_dump: error: server closed the connection"
    );
    assert_eq!(end.unwrap().to_string(), read.to_string());
}

#[tokio::test]
async fn being_killed_by_a_signal_fails_the_read() {
    let (bytes, read, end) = piped("echo half; kill -KILL $$").await;
    assert_eq!(bytes, b"half\n");
    assert_eq!(read.unwrap().to_string(), "fake_dump was killed by SIGKILL");
    assert!(matches!(
        end,
        Some(ProcessError::Failed {
            ending: Ending::Signalled(9),
            words: None,
            ..
        })
    ));
}

#[tokio::test]
async fn closing_the_output_early_is_no_end_until_the_tool_ends() {
    let (bytes, read, _) = piped("echo half; exec 1>&-; sleep 0.3; echo late >&2; exit 3").await;
    assert_eq!(bytes, b"half\n");
    let read = read.unwrap();
    assert_eq!(read.to_string(), "fake_dump ended with exit code 3");
    assert_eq!(words(&read), "late");
}

#[tokio::test]
async fn closing_the_output_and_going_on_for_ever_is_an_error() {
    let scripts = Scripts::new();
    let tool = scripts.tool("echo half; exec 1>&-; exec sleep 600").await;
    let command = tool.command().stdout(Output::Pipe);
    let mut running = command
        .end_within(Duration::from_millis(300))
        .spawn()
        .unwrap();
    let pid = running.pid().unwrap().to_string();
    let (bytes, error) = read_all(&mut running).await;
    assert_eq!(bytes, b"half\n");
    assert!(
        matches!(error, Some(ProcessError::StillRunning { .. })),
        "{error:?}"
    );
    assert!(running.finish().await.is_err());
    assert!(!alive(&pid));
}

#[tokio::test]
async fn a_grandchild_that_keeps_the_pipe_is_ended_with_the_group() {
    let started = Instant::now();
    let scripts = Scripts::new();
    let pid = scripts.folder().join("pid");
    let script = format!(
        "echo whole; sleep 600 & echo $! > {}; exit 0",
        pid.display()
    );
    let tool = scripts.tool(&script).await;
    let mut running = tool.command().stdout(Output::Pipe).spawn().unwrap();
    let (bytes, error) = read_all(&mut running).await;
    assert_eq!(bytes, b"whole\n");
    assert!(error.is_none(), "{error:?}");
    running.finish().await.unwrap();
    let pid = std::fs::read_to_string(pid).unwrap();
    until("the grandchild ended", || !alive(&pid)).await;
    assert!(started.elapsed() < Duration::from_secs(60));
}

#[tokio::test]
async fn a_grandchild_in_a_session_of_its_own_that_keeps_the_pipe_is_an_error() {
    let scripts = Scripts::new();
    let pid = scripts.folder().join("pid");
    // The shell of the new session says its number before it waits.
    let script = format!(
        "echo whole; setsid sh -c 'echo $$ > {0}; exec sleep 600' & \
         while [ ! -s {0} ]; do sleep 0.01; done; exit 0",
        pid.display()
    );
    let tool = scripts.tool(&script).await;
    let mut running = tool.command().stdout(Output::Pipe).spawn().unwrap();
    let (bytes, error) = read_all(&mut running).await;
    assert_eq!(bytes, b"whole\n");
    assert!(
        matches!(error, Some(ProcessError::HeldOpen { .. })),
        "{error:?}"
    );
    // The tool itself ended well, and waiting for it does not hang on the open pipes.
    running.finish().await.unwrap();
    let pid: i32 = std::fs::read_to_string(pid)
        .unwrap()
        .trim()
        .parse()
        .unwrap();
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::SIGKILL).unwrap();
}

#[tokio::test]
async fn a_flood_on_standard_error_neither_blocks_nor_fills_memory() {
    let scripts = Scripts::new();
    let script =
        "head -c 5000000 /dev/zero | tr '\\0' x >&2; echo >&2; echo last >&2; echo out; exit 1";
    let tool = scripts.tool(script).await;
    let command = tool.command().stdout(Output::Capture(100)).lenient();
    let finished = command
        .stderr_limit(1000)
        .run(&CancellationToken::new())
        .await
        .unwrap();
    assert_eq!(finished.ending, Ending::Exited(1));
    assert_eq!(finished.stdout, b"out\n");
    assert_eq!(finished.stderr_tail.len(), 1000);
    assert!(finished.stderr_tail.ends_with("x\nlast\n"));
    assert_eq!(finished.stderr_dropped, 5_000_006 - 1000);
}

#[tokio::test]
async fn the_last_words_are_a_few_lines() {
    let (_, read, _) =
        piped("for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14; do echo line $i >&2; done; exit 1").await;
    let words = words(&read.unwrap());
    assert!(
        words.starts_with("line 3\n") && words.ends_with("line 14"),
        "{words}"
    );
}

#[tokio::test]
async fn lenient_calls_judge_exit_codes_themselves_but_not_signals() {
    let scripts = Scripts::new();
    let tool = scripts
        .tool("echo 'errors ignored on restore: 1' >&2; exit \"$1\"")
        .await;
    let cancel = CancellationToken::new();
    let finished = tool
        .command()
        .arg("1")
        .lenient()
        .run(&cancel)
        .await
        .unwrap();
    assert_eq!(finished.ending, Ending::Exited(1));
    assert!(finished.stderr_tail.contains("errors ignored"));
    assert!(tool.command().arg("1").run(&cancel).await.is_err());
    let tool = scripts.tool("kill -SEGV $$").await;
    let error = tool.command().lenient().run(&cancel).await.unwrap_err();
    assert_eq!(error.to_string(), "fake_dump was killed by SIGSEGV");
}

#[tokio::test]
async fn a_hanging_tool_is_asked_and_then_killed_with_its_children() {
    let scripts = Scripts::new();
    let (pid, ready) = (scripts.folder().join("pid"), scripts.folder().join("ready"));
    let script = format!(
        "trap '' TERM; sleep 600 & echo $! > {}; echo x > {}; while :; do sleep 1; done",
        pid.display(),
        ready.display()
    );
    let tool = scripts.tool(&script).await;
    let grace = Duration::from_millis(300);
    let running = tool.command().grace(grace).spawn().unwrap();
    let leader = running.pid().unwrap().to_string();
    until("it is ready", || written(&ready)).await;
    let started = Instant::now();
    running.terminate().await;
    assert!(started.elapsed() >= grace);
    let child = std::fs::read_to_string(pid).unwrap();
    until("both ended", || !alive(&leader) && !alive(&child)).await;
}

#[tokio::test]
async fn a_tool_that_heeds_term_can_tidy_up() {
    let scripts = Scripts::new();
    let (tidy, ready) = (
        scripts.folder().join("tidy"),
        scripts.folder().join("ready"),
    );
    let script = format!(
        "trap 'echo x > {}; exit 0' TERM; echo x > {}; while :; do sleep 0.05; done",
        tidy.display(),
        ready.display()
    );
    let tool = scripts.tool(&script).await;
    let running = tool
        .command()
        .grace(Duration::from_secs(60))
        .spawn()
        .unwrap();
    until("it is ready", || written(&ready)).await;
    running.terminate().await;
    assert!(tidy.exists());
}

#[tokio::test]
async fn cancelling_ends_the_tool_and_says_so() {
    let scripts = Scripts::new();
    let ready = scripts.folder().join("ready");
    let tool = scripts
        .tool(&format!("echo $$ > {}; exec sleep 600", ready.display()))
        .await;
    let cancel = CancellationToken::new();
    let stop = cancel.clone();
    let started = ready.clone();
    tokio::spawn(async move {
        until("it started", || written(&started)).await;
        stop.cancel();
    });
    let error = tool.command().run(&cancel).await.unwrap_err();
    assert!(matches!(error, ProcessError::Cancelled { .. }), "{error:?}");
    assert!(!alive(&std::fs::read_to_string(ready).unwrap()));
}

#[tokio::test]
async fn dropping_a_running_tool_kills_it() {
    let scripts = Scripts::new();
    let child = scripts.folder().join("child");
    let script = format!(
        "trap '' TERM; sleep 600 & echo $! > {}; wait",
        child.display()
    );
    let tool = scripts.tool(&script).await;
    let mut running = tool.command().stdout(Output::Pipe).spawn().unwrap();
    let leader = running.pid().unwrap().to_string();
    let mut stdout = running.stdout.take().unwrap();
    until("it is ready", || written(&child)).await;
    drop(running);
    let child = std::fs::read_to_string(child).unwrap();
    until("both ended", || !alive(&leader) && !alive(&child)).await;
    // Whoever still reads learns that the stream is not whole.
    assert!(stdout.read_to_end(&mut Vec::new()).await.is_err());
}

#[tokio::test]
async fn input_larger_than_a_pipe_goes_in_while_output_comes_out() {
    let scripts = Scripts::new();
    let tool = scripts.tool("cat").await;
    let input = vec![b'x'; 2_000_000];
    let command = tool.command().stdin(Input::Bytes(input.clone()));
    let finished = command
        .stdout(Output::Capture(4_000_000))
        .run(&CancellationToken::new())
        .await
        .unwrap();
    assert!(finished.stdout == input);
}

#[tokio::test]
async fn a_tool_that_dies_while_it_is_written_to_says_why() {
    let scripts = Scripts::new();
    let tool = scripts
        .tool("head -c 10 > /dev/null; echo 'disk full' >&2; exit 1")
        .await;
    let mut running = tool.command().stdin(Input::Pipe).spawn().unwrap();
    let mut stdin = running.stdin.take().unwrap();
    let block = vec![0; 100_000];
    while stdin.write_all(&block).await.is_ok() {}
    let error = running.finish().await.unwrap_err();
    assert_eq!(words(&error), "disk full");
}

#[tokio::test]
async fn only_the_kept_environment_and_what_is_set_reaches_a_tool() {
    let scripts = Scripts::new();
    let mut tool = scripts.tool("env | sort").await;
    let environment = [
        ("PATH", "/usr/bin:/bin"),
        ("HOME", "/home/someone"),
        ("KRB5CCNAME", "FILE:/tmp/cc"),
        ("SSL_CERT_FILE", "/etc/ca"),
        ("PGSERVICE", "production"),
        ("PGPASSWORD", "canary"),
        ("LC_ALL", "de_DE.UTF-8"),
        ("DATABASE_URL", "postgres://canary"),
    ]
    .map(|(name, value)| (name.into(), value.into()));
    tool =
        crate::process::ToolBox::with_environment(vec![scripts.folder().to_owned()], environment)
            .find(&tool.name, None)
            .await
            .unwrap();
    let command = tool
        .command()
        .env("PGAPPNAME", "bookend x")
        .stdout(Output::Capture(10_000));
    let finished = command.run(&CancellationToken::new()).await.unwrap();
    let text = String::from_utf8(finished.stdout).unwrap();
    let names: Vec<&str> = text
        .lines()
        .filter_map(|line| line.split_once('='))
        .map(|(name, _)| name)
        .filter(|name| !matches!(*name, "PWD" | "OLDPWD" | "SHLVL" | "_"))
        .collect();
    assert_eq!(
        names,
        [
            "HOME",
            "KRB5CCNAME",
            "LC_MESSAGES",
            "PATH",
            "PGAPPNAME",
            "SSL_CERT_FILE"
        ]
    );
    assert!(text.contains("LC_MESSAGES=C\n"));
}

#[tokio::test]
async fn a_secret_that_a_tool_repeats_is_blacked_out() {
    let scripts = Scripts::new();
    let tool = scripts
        .tool("echo \"cannot log in to $PGHOST with $PGPASSWORD\" >&2; exit 1")
        .await;
    let command = tool
        .command()
        .secret_env("PGPASSWORD", Secret::new("canary-17"))
        .secret_env("PGHOST", Secret::new("db.example"));
    assert!(!format!("{} {command:?}", command.line()).contains("canary"));
    let error = command.run(&CancellationToken::new()).await.unwrap_err();
    assert_eq!(words(&error), "cannot log in to db.example with ***");
    assert!(!format!("{error:?}").contains("canary"));
}

#[tokio::test]
async fn a_tool_that_vanished_could_not_be_started() {
    let scripts = Scripts::new();
    let tool = scripts.tool("true").await;
    std::fs::remove_file(&tool.path).unwrap();
    let error = tool
        .command()
        .run(&CancellationToken::new())
        .await
        .unwrap_err();
    assert_eq!(error.to_string(), "fake_dump could not be started");
}
