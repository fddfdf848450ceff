//! Which TCP connections belong to a command and all that it started, as far as `/proc` of
//! Linux tells (proc(5)). Elsewhere nothing is known.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io::Read as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::thread;
use std::time::Duration;

/// How often the environment of a process is looked at that is becoming another program, and the
/// pause between. On a busy machine it may have to wait in the middle of that.
const LOOKS: u32 = 250;
const PAUSE: Duration = Duration::from_millis(2);

/// What Linux gives arguments and environment together at most, in bytes: three quarters of its
/// usual stack limit of 8 MiB (execve(2)).
const LARGEST_ENVIRONMENT: usize = 6 << 20;

/// A connection as this machine sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Connection {
    /// This end.
    pub local: SocketAddr,
    /// The other end.
    pub remote: SocketAddr,
}

/// Connections of every process that a command started: those of its session, their
/// descendants, and those whose environment holds `mark`, `NAME=VALUE`, which survives what a
/// daemon does to get away. Only processes of the same user can be looked into.
#[must_use]
pub fn of_command(session: u32, mark: &str) -> Vec<Connection> {
    let processes = processes();
    let mut inodes = HashSet::new();
    for pid in belonging(session, mark, &processes) {
        inodes.extend(socket_inodes(pid));
    }
    let mut found = Vec::new();
    for table in ["/proc/net/tcp", "/proc/net/tcp6"] {
        let text = fs::read_to_string(table).unwrap_or_default();
        found.extend(text.lines().skip(1).filter_map(|line| {
            let (connection, inode) = table_line(line)?;
            inodes.contains(&inode).then_some(connection)
        }));
    }
    found
}

/// Processes whose environment holds `mark`, as `PID (name)`: what a command left running, also
/// where it left the command's session and group.
#[must_use]
pub fn still_running(mark: &str) -> Vec<String> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let mut found = carrying(mark, pids);
    found.sort_unstable();
    let named = |pid: u32| {
        let name = fs::read_to_string(format!("/proc/{pid}/comm")).ok()?;
        Some(format!("{pid} ({})", name.trim_end()))
    };
    found.into_iter().filter_map(named).collect()
}

/// A process as `/proc/PID/stat` shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Seen {
    parent: u32,
    session: u32,
}

fn processes() -> HashMap<u32, Seen> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries
        .filter_map(|entry| {
            let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
            let text = fs::read_to_string(entry.path().join("stat")).ok()?;
            Some((pid, stat(&text)?))
        })
        .collect()
}

/// Fields 4 and 6, counted behind the name, which can hold anything.
fn stat(text: &str) -> Option<Seen> {
    let (_, fields) = text.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(1);
    let parent = fields.next()?.parse().ok()?;
    let _group = fields.next()?;
    let session = fields.next()?.parse().ok()?;
    Some(Seen { parent, session })
}

fn belonging(session: u32, mark: &str, processes: &HashMap<u32, Seen>) -> Vec<u32> {
    let descends = |mut pid: u32| {
        // A cycle cannot be, but the table is not read in one instant.
        for _ in 0..processes.len() {
            match processes.get(&pid) {
                _ if pid == session => return true,
                Some(seen) if seen.session == session => return true,
                Some(seen) => pid = seen.parent,
                None => return false,
            }
        }
        false
    };
    let own = std::process::id();
    let others = processes.keys().copied().filter(|pid| *pid != own);
    let (mut found, strangers): (Vec<u32>, Vec<u32>) = others.partition(|pid| descends(*pid));
    found.extend(carrying(mark, strangers.into_iter()));
    found
}

/// Those of `pids`, other than this process, whose environment holds `mark`. In the middle of
/// execve(2) a process has none for an instant, and what was opened before is cut short there
/// (`environ_read` in `fs/proc/base.c` of Linux): each is read in one go, and looked at again
/// while there is none yet.
fn carrying(mark: &str, pids: impl Iterator<Item = u32>) -> Vec<u32> {
    let own = std::process::id();
    let mut open: Vec<u32> = pids.filter(|pid| *pid != own).collect();
    let mut found = Vec::new();
    let mut room = vec![0; LARGEST_ENVIRONMENT];
    for look in 0..LOOKS {
        if look > 0 {
            thread::sleep(PAUSE);
        }
        open.retain(|pid| {
            let read = fs::File::open(format!("/proc/{pid}/environ"))
                .and_then(|mut file| file.read(&mut room))
                .unwrap_or(0);
            let environment = room.get(..read).unwrap_or_default();
            let mut variables = environment.split(|byte| *byte == 0);
            if variables.any(|variable| variable == mark.as_bytes()) {
                found.push(*pid);
            }
            environment.is_empty() && becomes_a_program(*pid)
        });
        if open.is_empty() {
            break;
        }
    }
    found
}

/// Whether an environment that was empty may not be there yet. `/proc/PID/stat` says where the
/// code begins (field 26), which is set last (`load_elf_binary` in `fs/binfmt_elf.c`), and where the
/// environment begins and ends (50, 51): the same place where it is empty for good.
/// Threads of the kernel, processes that ended and those of other users show no program.
fn becomes_a_program(pid: u32) -> bool {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let fields = text.rsplit_once(')').map(|(_, fields)| fields);
    let fields: Vec<&str> = fields.unwrap_or_default().split_whitespace().collect();
    // The first one behind the name is field 3.
    let field = |number: usize| fields.get(number - 3).copied();
    let begun = field(26).is_some_and(|code| code != "0");
    let empty_for_good = begun && field(50) == field(51);
    !empty_for_good && fs::read_link(format!("/proc/{pid}/exe")).is_ok()
}

fn socket_inodes(pid: u32) -> Vec<u64> {
    let entries = fs::read_dir(format!("/proc/{pid}/fd"));
    entries
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let link = fs::read_link(entry.path()).ok()?;
            let link = link.to_str()?;
            link.strip_prefix("socket:[")?
                .strip_suffix(']')?
                .parse()
                .ok()
        })
        .collect()
}

/// `sl local_address rem_address st tx:rx tr:tm retrnsmt uid timeout inode …`
fn table_line(line: &str) -> Option<(Connection, u64)> {
    let mut fields = line.split_whitespace().skip(1);
    let local = address(fields.next()?)?;
    let remote = address(fields.next()?)?;
    let inode = fields.nth(6)?.parse().ok()?;
    Some((Connection { local, remote }, inode))
}

/// `0100007F:1538`: words of 32 bits in the machine's own byte order, then the port.
fn address(text: &str) -> Option<SocketAddr> {
    let (address, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let mut bytes = Vec::with_capacity(16);
    for word in 0..address.len() / 8 {
        let digits = address.get(word * 8..word * 8 + 8)?;
        bytes.extend(u32::from_str_radix(digits, 16).ok()?.to_ne_bytes());
    }
    let ip = match bytes.len() {
        4 => IpAddr::V4(Ipv4Addr::from(<[u8; 4]>::try_from(bytes).ok()?)),
        16 => IpAddr::V6(Ipv6Addr::from(<[u8; 16]>::try_from(bytes).ok()?)).to_canonical(),
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

#[cfg(test)]
mod tests {
    use std::io::BufRead as _;
    use std::net::TcpListener;
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn names_with_brackets_do_not_shift_the_fields() {
        let seen = stat("4711 (a) b) S 1 4711 4242 0 -1").unwrap();
        assert_eq!(
            seen,
            Seen {
                parent: 1,
                session: 4242
            }
        );
    }

    #[test]
    #[cfg(target_endian = "little")]
    fn addresses_are_read_in_both_families() {
        assert_eq!(
            address("0100007F:1538").unwrap(),
            "127.0.0.1:5432".parse().unwrap()
        );
        assert_eq!(
            address("0000000000000000FFFF00000100007F:0016").unwrap(),
            "127.0.0.1:22".parse().unwrap()
        );
        assert_eq!(
            address("00000000000000000000000001000000:0050").unwrap(),
            "[::1]:80".parse().unwrap()
        );
        for wrong in ["", "01:", "0100007F", "0100007F:zz", "01:01"] {
            assert!(address(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn a_connection_of_a_childs_daemon_is_found_by_its_mark() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = listener.local_addr().unwrap();
        let mark = format!("BOOKEND_TEST={}", server.port());
        // Its own session and orphaned: neither the session nor the parents lead to it.
        let script = format!(
            "setsid bash -c 'exec 3<>/dev/tcp/127.0.0.1/{}; echo open; sleep 30' & disown",
            server.port()
        );
        let mut child = Command::new("bash")
            .args(["-c", &script])
            .env("BOOKEND_TEST", server.port().to_string())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut output = std::io::BufReader::new(child.stdout.take().unwrap());
        output.read_line(&mut line).unwrap();
        let (_held, client) = listener.accept().unwrap();
        child.wait().unwrap();
        let found = of_command(child.id(), &mark);
        let expected = Connection {
            local: client,
            remote: server,
        };
        assert!(found.contains(&expected), "{found:?}");
        assert!(!of_command(u32::MAX, "BOOKEND_TEST=nobody").contains(&expected));
        for pid in belonging(u32::MAX, &mark, &processes()) {
            let _gone = Command::new("kill").arg(pid.to_string()).status();
        }
    }

    #[test]
    fn a_process_without_an_environment_is_not_waited_for() {
        let mut bare = Command::new("/usr/bin/env")
            .args(["-i", "sleep", "30"])
            .spawn()
            .unwrap();
        let comm = format!("/proc/{}/comm", bare.id());
        while fs::read_to_string(&comm).unwrap() != "sleep\n" || becomes_a_program(bare.id()) {}
        assert!(carrying("A=B", std::iter::once(bare.id())).is_empty());
        bare.kill().unwrap();
        bare.wait().unwrap();
        assert!(!becomes_a_program(bare.id()));
    }

    #[test]
    fn a_process_is_found_while_it_becomes_another_program() {
        let mark = format!("BOOKEND_EXEC_TEST={}", std::process::id());
        let script = tempfile::NamedTempFile::new().unwrap();
        fs::write(script.path(), "exec /bin/sh \"$0\"\n").unwrap();
        let (name, value) = mark.split_once('=').unwrap();
        let mut child = Command::new("/bin/sh")
            .arg(script.path())
            .env(name, value)
            .spawn()
            .unwrap();
        // The first look can come before the child has its environment.
        while carrying(&mark, std::iter::once(child.id())).is_empty() {}
        let missed = (0..2_000)
            .filter(|_| carrying(&mark, std::iter::once(child.id())).is_empty())
            .count();
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(missed, 0);
    }
}
