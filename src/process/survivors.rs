//! Private servers that outlived bookend and their keeper: found by their folder, whose random
//! name nobody else has, and not by a number that may be somebody else's by now.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::time::sleep;

use super::private_server::KEEPER_NAME;
use super::{Output, ToolCommand};

/// The programs that private servers consist of.
const PROGRAMS: [&str; 3] = ["postgres", "initdb", "mongod"];

/// How often and how long an end is waited for.
const PAUSE: Duration = Duration::from_millis(100);
const LOOKS: u32 = 60;

/// Process ids of what still runs of the private server in `folder`.
pub async fn find(folder: &Path) -> Vec<i32> {
    if Path::new("/proc/self/cmdline").exists() {
        in_proc(folder)
    } else {
        by_ps(folder).await
    }
}

/// Ends what still runs of the private server in `folder`: a keeper that is at it is waited for, then
/// QUIT, then KILL. True if nothing is left.
pub async fn end(folder: &Path) -> bool {
    for signal in [None, Some(Signal::SIGQUIT), Some(Signal::SIGKILL)] {
        let looks = if signal.is_none() { LOOKS / 3 } else { LOOKS };
        for look in 0..looks {
            let found = find(folder).await;
            if found.is_empty() {
                return true;
            }
            if look == 0 || signal == Some(Signal::SIGKILL) {
                for pid in found {
                    // Gone meanwhile, or not ours to end: the next look tells.
                    let _ = signal.map(|signal| kill(Pid::from_raw(pid), signal));
                }
            }
            sleep(PAUSE).await;
        }
    }
    find(folder).await.is_empty()
}

fn in_proc(folder: &Path) -> Vec<i32> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    let mut found: Vec<i32> = entries
        .flatten()
        .filter_map(|entry| {
            let pid = entry.file_name().to_str()?.parse().ok()?;
            let line = fs::read(entry.path().join("cmdline")).ok()?;
            let text = String::from_utf8_lossy(&line);
            let words: Vec<&str> = text.split('\0').filter(|word| !word.is_empty()).collect();
            let works_in = || fs::read_link(entry.path().join("cwd")).ok();
            let child = words.first().is_some_and(|title| is_child(title))
                && works_in().is_some_and(|cwd| cwd.starts_with(folder));
            (child || belongs(&words, folder)).then_some(pid)
        })
        .collect();
    found.sort_unstable();
    found
}

/// Where there is no `/proc`.
async fn by_ps(folder: &Path) -> Vec<i32> {
    let environment: BTreeMap<OsString, OsString> = BTreeMap::new();
    let listing = ToolCommand::new("ps", Path::new("/bin/ps"), &environment)
        .args(["-axww", "-o", "pid=,command="])
        .stdout(Output::Capture(16 << 20))
        .spawn();
    let Ok(running) = listing else {
        return Vec::new();
    };
    let Ok(finished) = running.finish().await else {
        return Vec::new();
    };
    String::from_utf8_lossy(&finished.stdout)
        .lines()
        .filter_map(|line| {
            let (pid, rest) = line.trim_start().split_once(' ')?;
            let words: Vec<&str> = rest.split_whitespace().collect();
            belongs(&words, folder).then(|| pid.parse().ok()).flatten()
        })
        .collect()
}

/// The title that PostgreSQL gives its children: `postgres: checkpointer`.
fn is_child(title: &str) -> bool {
    title.starts_with("postgres: ")
}

/// Whether a process's words are those of a private server in `folder`, or of its keeper: a
/// person's editor or `ls` names the folder, too.
fn belongs(words: &[&str], folder: &Path) -> bool {
    let folder = folder.to_string_lossy();
    let names_folder = words.iter().skip(1).any(|word| {
        word.split_once(folder.as_ref())
            .is_some_and(|(_, rest)| rest.is_empty() || rest.starts_with('/'))
    });
    let program = words.first().and_then(|word| Path::new(word).file_name());
    let ours = program.is_some_and(|name| PROGRAMS.iter().any(|program| name == *program))
        || words.contains(&KEEPER_NAME);
    names_folder && ours
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_known_by_its_program_and_its_folder() {
        let folder = Path::new("/var/tmp/bookend-sandbox-1");
        let server = [
            "/usr/lib/postgresql/16/bin/postgres",
            "-D",
            "/var/tmp/bookend-sandbox-1/data",
        ];
        assert!(belongs(&server, folder));
        assert!(belongs(
            &["mongod", "--dbpath=/var/tmp/bookend-sandbox-1"],
            folder
        ));
        assert!(belongs(
            &[
                "/bin/sh",
                "-c",
                "…",
                KEEPER_NAME,
                "QUIT",
                "/var/tmp/bookend-sandbox-1",
                "postgres"
            ],
            folder
        ));
    }

    #[test]
    fn whoever_only_names_the_folder_is_left_alone() {
        let folder = Path::new("/var/tmp/bookend-sandbox-1");
        assert!(!belongs(
            &["vi", "/var/tmp/bookend-sandbox-1/data/x"],
            folder
        ));
        assert!(!belongs(
            &["postgres", "-D", "/var/tmp/bookend-sandbox-12/data"],
            folder
        ));
        assert!(!belongs(&["postgres", "-D", "/var/lib/postgresql"], folder));
        assert!(!belongs(&[], folder));
    }
}
