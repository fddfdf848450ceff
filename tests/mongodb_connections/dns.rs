//! A DNS server for one name: `mongodb+srv` with an `authSource` in its record.
//!
//! Resolvers ask port 53, which is not everybody's to take. So the program runs in a network of
//! its own, where it is; what it sends to the MongoDB server's port there is carried out of it
//! through a unix socket, which belongs to no network.

use std::io::Write as _;
use std::net::{Shutdown, TcpListener, TcpStream, UdpSocket};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;

use super::common::namespace::{expect_allowed, unshare};
use super::common::{Bookend, Output};

const ADDRESS: &str = "127.0.0.1";
/// The name to put into a URL.
pub const CLUSTER: &str = "cluster.bookend.test";
const MEMBER: &str = "member.bookend.test";

const A: u16 = 1;
const TXT: u16 = 16;
const SRV: u16 = 33;

/// `$1` is a file for `/etc/resolv.conf`, `$2` this test program, the rest what is to run. The
/// loopback device of a new network is down: the request sets `IFF_UP` and `IFF_RUNNING`.
const SCRIPT: &str = r#"
resolver=$1 world=$2; shift 2
mount --bind "$resolver" /etc/resolv.conf || exit 99
perl -e 'use Socket; socket(S, AF_INET, SOCK_DGRAM, 0) or die;
    $up = pack("a16sx22", "lo", 0x41); ioctl(S, 0x8914, $up) or die' || exit 99
"$world" --ignored --exact dns::world >world.log 2>&1 &
world=$!
until [ -e ready ]; do kill -0 $world || exit 98; sleep 0.02; done
"$@"; code=$?
kill $world
exit $code
"#;

/// Runs the program where the cluster's name is known and leads to the server at this port of
/// the world outside.
pub fn resolving(bookend: &Bookend, port: u16, arguments: &[&str]) -> Output {
    let work = bookend.work();
    let way_out = work.join("way_out");
    let _ = std::fs::remove_file(&way_out);
    let outside = UnixListener::bind(&way_out).unwrap();
    std::thread::spawn(move || {
        while let Ok((inside, _)) = outside.accept() {
            let server = TcpStream::connect((ADDRESS, port)).unwrap();
            carry(inside, server);
        }
    });
    bookend.write("port", &port.to_string());
    let resolver = bookend.write("resolv.conf", &format!("nameserver {ADDRESS}\n"));
    let mut command = unshare(&["--net"]);
    command
        .args(["sh", "-c", SCRIPT, "sh"])
        .arg(resolver)
        .arg(std::env::current_exe().unwrap())
        .arg(env!("CARGO_BIN_EXE_bookend"))
        .args(arguments);
    let output = bookend.spawn_command(command).wait();
    let _ = std::fs::remove_file(work.join("ready"));
    expect_allowed(&output);
    output
}

/// Inside: answers for the name, and carries connections out.
#[test]
#[ignore = "a program, not a test"]
fn world() {
    let port: u16 = std::fs::read_to_string("port").unwrap().parse().unwrap();
    let names = UdpSocket::bind((ADDRESS, 53)).unwrap();
    let doors = TcpListener::bind((ADDRESS, port)).unwrap();
    std::fs::File::create("ready")
        .unwrap()
        .write_all(b"\n")
        .unwrap();
    std::thread::spawn(move || {
        while let Ok((inside, _)) = doors.accept() {
            carry(UnixStream::connect(Path::new("way_out")).unwrap(), inside);
        }
    });
    let mut packet = [0; 1500];
    while let Ok((length, from)) = names.recv_from(&mut packet) {
        if let Some(answer) = answer(&packet[..length], port) {
            let _ = names.send_to(&answer, from);
        }
    }
}

/// Both ways, until both ends are closed.
fn carry(unix: UnixStream, tcp: TcpStream) {
    let (mut unix_in, mut tcp_in) = (unix.try_clone().unwrap(), tcp.try_clone().unwrap());
    let (mut unix, mut tcp) = (unix, tcp);
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut unix_in, &mut tcp);
        let _ = tcp.shutdown(Shutdown::Write);
    });
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut tcp_in, &mut unix);
        let _ = unix.shutdown(Shutdown::Write);
    });
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
