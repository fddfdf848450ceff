//! The list of servers to try, by the rules of libpq's `connectOptions2`.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use crate::connection::{ConnectionError, Secret};

/// Port of a server unless said otherwise.
pub const DEFAULT_PORT: u16 = 5432;

/// Socket folders: Debian's and Red Hat's libpq use the first, all others the second.
const SOCKET_FOLDERS: &[&str] = &["/var/run/postgresql", "/tmp"];

/// One server to try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// Name, address or socket folder, as shown.
    pub name: String,
    /// The way to it.
    pub way: Way,
    /// Its port.
    pub port: u16,
    /// What the password file says for it.
    pub password: Option<Secret>,
}

/// How a server is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Way {
    /// A name to look up.
    Name,
    /// An address; the name, if there is one, only serves to check certificates.
    Address(IpAddr),
    /// A folder that holds the socket; an abstract one begins with a zero byte.
    Socket(PathBuf),
}

impl Host {
    /// As errors name it.
    pub fn shown(&self) -> String {
        match &self.way {
            Way::Socket(_) => format!("{}/.s.PGSQL.{}", self.name, self.port),
            _ if self.name.contains(':') => format!("[{}]:{}", self.name, self.port),
            _ => format!("{}:{}", self.name, self.port),
        }
    }

    /// The name under which a password file has it.
    pub fn in_passfile(&self) -> &str {
        match &self.way {
            Way::Socket(folder) if SOCKET_FOLDERS.iter().any(|f| Path::new(f) == folder) => {
                "localhost"
            }
            _ => &self.name,
        }
    }
}

/// The servers that `host`, `hostaddr` and `port` name.
pub fn list(host: &str, hostaddr: &str, port: &str) -> Result<Vec<Host>, ConnectionError> {
    let names: Vec<&str> = host.split(',').collect();
    let addresses: Vec<&str> = hostaddr.split(',').collect();
    let ports: Vec<&str> = port.split(',').collect();
    let count = if hostaddr.is_empty() {
        names.len()
    } else {
        addresses.len()
    };
    if !hostaddr.is_empty() && !host.is_empty() && names.len() != count {
        return Err(bad(format!(
            "{} hosts do not match {count} addresses in hostaddr",
            names.len()
        )));
    }
    if ports.len() != 1 && ports.len() != count {
        return Err(bad(format!(
            "{} ports do not match {count} hosts",
            ports.len()
        )));
    }
    (0..count)
        .map(|i| {
            let port = read_port(
                ports
                    .get(i)
                    .or_else(|| ports.first())
                    .copied()
                    .unwrap_or_default(),
            )?;
            let address = addresses.get(i).copied().unwrap_or_default();
            one(names.get(i).copied().unwrap_or_default(), address, port)
        })
        .collect()
}

fn one(name: &str, address: &str, port: u16) -> Result<Host, ConnectionError> {
    let (name, way) = if !address.is_empty() {
        let parsed = address
            .trim()
            .parse()
            .map_err(|_| ConnectionError::BadValue {
                key: "hostaddr".to_owned(),
                value: address.to_owned(),
                why: "an IPv4 or IPv6 address is expected".to_owned(),
            })?;
        (
            if name.is_empty() { address } else { name }.to_owned(),
            Way::Address(parsed),
        )
    } else if name.is_empty() {
        default_socket(port)
    } else if name.starts_with('/') {
        (name.to_owned(), Way::Socket(PathBuf::from(name)))
    } else if let Some(abstract_name) = name.strip_prefix('@') {
        (
            name.to_owned(),
            Way::Socket(PathBuf::from(format!("\0{abstract_name}"))),
        )
    } else {
        (name.to_owned(), Way::Name)
    };
    Ok(Host {
        name,
        way,
        port,
        password: None,
    })
}

/// The folder that has a socket for the port, else the first that exists.
fn default_socket(port: u16) -> (String, Way) {
    let with_socket = SOCKET_FOLDERS
        .iter()
        .find(|folder| Path::new(folder).join(format!(".s.PGSQL.{port}")).exists());
    let existing = || {
        SOCKET_FOLDERS
            .iter()
            .find(|folder| Path::new(folder).is_dir())
    };
    let folder = with_socket
        .or_else(existing)
        .copied()
        .unwrap_or(SOCKET_FOLDERS[0]);
    (folder.to_owned(), Way::Socket(PathBuf::from(folder)))
}

fn read_port(text: &str) -> Result<u16, ConnectionError> {
    if text.trim().is_empty() {
        return Ok(DEFAULT_PORT);
    }
    text.trim()
        .parse()
        .ok()
        .filter(|port| *port > 0)
        .ok_or_else(|| ConnectionError::BadValue {
            key: "port".to_owned(),
            value: text.to_owned(),
            why: "a number from 1 to 65535 is expected".to_owned(),
        })
}

/// Whether two host names mean the same machine, as far as names tell. A socket is on this
/// machine, and so is `localhost`; two sockets are the same only in the same folder.
#[must_use]
pub fn same_host(a: &str, b: &str) -> bool {
    let socket = |name: &str| name.starts_with(['/', '@']);
    let loopback = |name: &str| {
        name.eq_ignore_ascii_case("localhost")
            || name
                .parse::<IpAddr>()
                .is_ok_and(|address| address.is_loopback())
    };
    a.eq_ignore_ascii_case(b)
        || (loopback(a) && (loopback(b) || socket(b)))
        || (socket(a) && loopback(b))
}

fn bad(what: String) -> ConnectionError {
    ConnectionError::BadUrl { what }
}
