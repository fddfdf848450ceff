//! A DNS server for one name: `mongodb+srv` with an `authSource` in its record.

use std::net::UdpSocket;
use std::process::Command;

use super::common::{Bookend, Output};

/// Nothing else listens here.
const ADDRESS: &str = "127.77.31.5";
const CLUSTER: &str = "cluster.bookend.test";
const MEMBER: &str = "member.bookend.test";

const A: u16 = 1;
const TXT: u16 = 16;
const SRV: u16 = 33;

/// Answers until the test process ends.
pub struct Names {
    /// The name to put into a URL.
    pub cluster: &'static str,
    address: &'static str,
}

impl Names {
    /// `None` where a port below 1024 is not ours to take.
    pub fn serve(port: u16) -> Option<Self> {
        let socket = UdpSocket::bind((ADDRESS, 53)).ok()?;
        std::thread::spawn(move || {
            let mut packet = [0; 1500];
            while let Ok((length, from)) = socket.recv_from(&mut packet) {
                if let Some(answer) = answer(&packet[..length], port) {
                    let _ = socket.send_to(&answer, from);
                }
            }
        });
        Some(Self {
            cluster: CLUSTER,
            address: ADDRESS,
        })
    }

    /// Runs the program in a name space of its own, where this server is asked; exit code 99
    /// where that is not allowed.
    pub fn resolving(&self, bookend: &Bookend, arguments: &[&str]) -> Output {
        let resolver = bookend.write("resolv.conf", &format!("nameserver {}\n", self.address));
        let script = "mount --bind \"$1\" /etc/resolv.conf || exit 99; shift; exec \"$@\"";
        let mut command = Command::new("unshare");
        command
            .args(["--mount", "--map-root-user", "sh", "-c", script, "sh"])
            .arg(resolver)
            .arg(env!("CARGO_BIN_EXE_bookend"))
            .args(arguments);
        bookend.spawn_command(command).wait()
    }
}

/// One question, one answer or none (RFC 1035, section 4).
fn answer(question: &[u8], port: u16) -> Option<Vec<u8>> {
    let (mut at, mut labels) = (12, Vec::new());
    loop {
        let length = usize::from(*question.get(at)?);
        at += 1;
        if length == 0 {
            break;
        }
        labels.push(String::from_utf8_lossy(question.get(at..at + length)?).to_lowercase());
        at += length;
    }
    let kind = u16::from_be_bytes([*question.get(at)?, *question.get(at + 1)?]);
    let data = match (labels.join(".").as_str(), kind) {
        (CLUSTER, TXT) => Some(text("authSource=admin")),
        (name, SRV) if name.strip_prefix("_mongodb._tcp.") == Some(CLUSTER) => {
            let mut data = vec![0, 0, 0, 0];
            data.extend(port.to_be_bytes());
            for label in MEMBER.split('.') {
                data.extend(text(label));
            }
            data.push(0);
            Some(data)
        }
        (MEMBER, A) => Some(vec![127, 0, 0, 1]),
        _ => None,
    };
    let mut reply = question.get(..2)?.to_vec();
    reply.extend([0x81, 0x80, 0, 1, 0, u8::from(data.is_some()), 0, 0, 0, 0]);
    reply.extend(question.get(12..at + 4)?);
    if let Some(data) = data {
        // The name of the question, at offset 12.
        reply.extend([0xc0, 12]);
        reply.extend(kind.to_be_bytes());
        reply.extend([0, 1, 0, 0, 0, 60]);
        reply.extend(u16::try_from(data.len()).ok()?.to_be_bytes());
        reply.extend(data);
    }
    Some(reply)
}

/// A length and so many bytes.
fn text(text: &str) -> Vec<u8> {
    let mut bytes = vec![u8::try_from(text.len()).unwrap()];
    bytes.extend(text.as_bytes());
    bytes
}
