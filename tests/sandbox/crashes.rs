//! A sandbox does not outlive bookend for long, however that ends.

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::common::{Bookend, Running, Server, Version};
use super::lodging::{Lodging, left_behind, wait};

const PROOF: [&str; 5] = ["verify", "latest", "--prove", "--prove-on", "sandbox"];

/// An archive whose proof takes its time.
fn archived(lodging: &Lodging) -> Bookend {
    let server = Server::shared(Version::V16);
    let shop = server.database("crash");
    shop.psql(
        "CREATE TABLE t AS SELECT i, md5(i::text) m FROM generate_series(1, 400000) i;
         CREATE INDEX ON t (m); CREATE INDEX ON t (m, i)",
    );
    let bookend = lodging.furnish(Bookend::with_tools(Version::V16), "");
    bookend.succeed(&["backup", &shop.url()]);
    bookend
}

/// A proof that is restoring.
fn restoring(bookend: &Bookend, lodging: &Lodging) -> Running {
    let running = bookend.spawn(&PROOF);
    lodging.wait_for("postgres");
    wait("a copy is built", || {
        let lines = lodging.processes();
        lines
            .iter()
            .any(|(_, line)| line.contains("postgres: ") && line.contains("crash"))
    });
    running
}

#[test]
fn after_kill_9_the_server_ends_by_itself_and_the_record_is_settled() {
    let lodging = Lodging::new();
    let bookend = archived(&lodging);
    let running = restoring(&bookend, &lodging);
    running.signal(Signal::SIGKILL);
    let _ = running.wait();
    wait("the server ends", || lodging.processes().is_empty());
    wait("its folder goes", || lodging.sandboxes().is_empty());
    let left = left_behind(&bookend);
    assert_eq!(left.len(), 1, "{left:?}");
    assert_eq!(left[0]["kind"], "sandbox");
    let advice = left[0]["advice"].as_str().unwrap();
    assert!(advice.contains("nothing of it is left"), "{advice}");
    bookend.succeed(&PROOF);
    assert!(left_behind(&bookend).is_empty());
    lodging.is_empty();
}

#[test]
fn a_survivor_is_told_by_status_and_ended_by_the_next_command() {
    let lodging = Lodging::new();
    let bookend = archived(&lodging);
    let running = restoring(&bookend, &lodging);
    running.signal(Signal::SIGSTOP);
    // The machine's killer of processes takes the keeper, too.
    for (pid, line) in lodging.processes() {
        if line.contains("bookend-keeper") {
            kill(Pid::from_raw(pid), Signal::SIGKILL).unwrap();
        }
    }
    running.signal(Signal::SIGKILL);
    drop(running);
    assert!(!lodging.processes().is_empty(), "the server survives");
    let left = left_behind(&bookend);
    assert_eq!(left.len(), 1, "{left:?}");
    let advice = left[0]["advice"].as_str().unwrap();
    assert!(advice.contains("still running as process"), "{advice}");
    assert!(advice.contains("removes it"), "{advice}");
    let next = bookend.succeed(&["backup", &Server::shared(Version::V16).url("postgres")]);
    assert!(
        next.stderr.contains("a crash left behind was removed"),
        "{next}"
    );
    lodging.is_empty();
    assert!(left_behind(&bookend).is_empty());
}

#[test]
fn ctrl_c_ends_the_server_and_removes_everything() {
    let lodging = Lodging::new();
    let bookend = archived(&lodging);
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let running = restoring(&bookend, &lodging);
        running.signal(signal);
        let ended = running.wait();
        assert_eq!(ended.code, Some(128 + signal as i32), "{ended}");
        lodging.is_empty();
        assert!(left_behind(&bookend).is_empty());
    }
}

#[test]
fn a_server_that_dies_fails_the_proof_and_leaves_nothing() {
    let lodging = Lodging::new();
    let bookend = archived(&lodging);
    let running = restoring(&bookend, &lodging);
    for (pid, line) in lodging.processes() {
        if line.contains("/postgres -D ") && !line.contains("bookend-keeper") {
            kill(Pid::from_raw(pid), Signal::SIGKILL).unwrap();
        }
    }
    let ended = running.wait();
    assert!(![Some(0), None].contains(&ended.code), "{ended}");
    lodging.is_empty();
    assert!(left_behind(&bookend).is_empty());
}
