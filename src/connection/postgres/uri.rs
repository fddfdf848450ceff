//! Connection URLs, by the grammar of libpq's `conninfo_uri_parse_options`.

use std::fmt;

use super::options::{self, Meaning};
use crate::connection::ConnectionError;
use crate::connection::target::encode;

/// A URL taken apart. Parts stay as they were written, so that it can be put together again
/// for the migration command with nothing but the database changed.
#[derive(Clone, PartialEq, Eq)]
pub struct Url {
    scheme: String,
    user: String,
    password: String,
    hosts: Vec<HostPart>,
    path: String,
    query: Vec<(String, String)>,
}

/// One host of the list, and its port, as written.
#[derive(Clone, Default, PartialEq, Eq)]
struct HostPart {
    host: String,
    bracketed: bool,
    port: String,
}

impl Url {
    /// Whether a text is a PostgreSQL URL: `postgres://`, `postgresql://`, or either with a
    /// dialect suffix such as `postgresql+psycopg://`.
    pub fn recognises(text: &str) -> bool {
        split_scheme(text).is_some()
    }

    /// Takes a URL apart.
    pub fn parse(text: &str) -> Result<Self, ConnectionError> {
        let Some((scheme, rest)) = split_scheme(text) else {
            return Err(bad("it is not a URL of PostgreSQL (postgresql://…)"));
        };
        let (user, password, rest) = split_user(rest);
        let (hosts, rest) = split_hosts(rest)?;
        let (path, query) = match rest.strip_prefix('/') {
            Some(rest) => rest
                .split_once('?')
                .map_or((rest, None), |(p, q)| (p, Some(q))),
            None => ("", rest.strip_prefix('?')),
        };
        Ok(Self {
            scheme: scheme.to_owned(),
            user: user.to_owned(),
            password: password.to_owned(),
            hosts,
            path: path.to_owned(),
            query: split_query(query.unwrap_or_default())?,
        })
    }

    /// A URL that says the same as a set of options.
    pub fn of_options<'a>(given: impl Iterator<Item = (&'a str, &'a str)>) -> Self {
        let mut url = Self {
            scheme: "postgresql".to_owned(),
            user: String::new(),
            password: String::new(),
            hosts: Vec::new(),
            path: String::new(),
            query: Vec::new(),
        };
        let (mut host, mut port) = ("", "");
        for (key, value) in given {
            match key {
                "user" => url.user = encode(value),
                "password" => url.password = encode(value),
                "dbname" => url.path = encode(value),
                "host" => host = value,
                "port" => port = value,
                _ => url.query.push((key.to_owned(), encode(value))),
            }
        }
        url.set_hosts(host, port);
        url
    }

    /// Sockets go into the query, where every driver finds them; hosts before the path.
    fn set_hosts(&mut self, host: &str, port: &str) {
        if host.contains(['/', '@']) {
            self.query.insert(0, ("host".to_owned(), encode(host)));
            if !port.is_empty() {
                self.query.insert(1, ("port".to_owned(), encode(port)));
            }
            return;
        }
        let ports: Vec<&str> = port.split(',').collect();
        self.hosts = host
            .split(',')
            .enumerate()
            .map(|(i, host)| HostPart {
                bracketed: host.contains(':'),
                host: if host.contains(':') {
                    host.to_owned()
                } else {
                    encode(host)
                },
                port: (*ports.get(i).unwrap_or(&ports[0])).to_owned(),
            })
            .collect();
    }

    /// libpq's options in it, decoded; what only ORMs know is left out.
    pub fn options(&self) -> Result<Vec<(&'static str, String)>, ConnectionError> {
        let mut found = Vec::new();
        let mut add = |key, part: &str| -> Result<(), ConnectionError> {
            if !part.is_empty() {
                found.push((key, decode(part)?));
            }
            Ok(())
        };
        add("user", &self.user)?;
        add("password", &self.password)?;
        add("host", &self.joined(|part| &part.host))?;
        add("port", &self.joined(|part| &part.port))?;
        add("dbname", &self.path)?;
        for (key, value) in &self.query {
            let (key, value) = (decode(key)?, decode(value)?);
            match options::in_url(&key, &value)? {
                Meaning::Option(keyword, value) => found.push((keyword, value)),
                Meaning::ForOthers => {}
            }
        }
        Ok(found)
    }

    fn joined(&self, part: impl Fn(&HostPart) -> &String) -> String {
        let joined: Vec<&str> = self.hosts.iter().map(|h| part(h).as_str()).collect();
        if joined.iter().all(|p| p.is_empty()) && joined.len() < 2 {
            return String::new();
        }
        joined.join(",")
    }

    /// The same URL naming another database.
    pub fn with_database(&self, name: &str) -> Self {
        let mut url = self.clone();
        url.path = encode(name);
        url.query
            .retain(|(key, _)| decode(key).is_ok_and(|key| key != "dbname"));
        url
    }

    /// The same URL in the words of `dialect`: its scheme, and what only its ORM knows.
    pub fn in_dialect_of(&self, dialect: &Self) -> Self {
        let mut url = self.clone();
        url.scheme.clone_from(&dialect.scheme);
        for (key, value) in &dialect.query {
            let others = decode(key).is_ok_and(|key| options::is_for_others(&key));
            if others && !url.query.iter().any(|(known, _)| known == key) {
                url.query.push((key.clone(), value.clone()));
            }
        }
        url
    }

    /// The scheme and the query without what may be secret, for showing.
    pub fn shown_parts(&self) -> (&str, Vec<&(String, String)>) {
        let hidden = [
            "password",
            "sslpassword",
            "host",
            "port",
            "user",
            "dbname",
            "hostaddr",
        ];
        let secret = |key: &str| {
            let key = decode(key).unwrap_or_default().to_lowercase();
            hidden.contains(&key.as_str()) || key.contains("password") || key.contains("secret")
        };
        (
            &self.scheme,
            self.query.iter().filter(|(key, _)| !secret(key)).collect(),
        )
    }
}

/// The URL with its password: for secrets only.
impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme, self.user)?;
        if !self.password.is_empty() {
            write!(f, ":{}", self.password)?;
        }
        if !self.user.is_empty() || !self.password.is_empty() {
            f.write_str("@")?;
        }
        for (i, part) in self.hosts.iter().enumerate() {
            f.write_str(if i == 0 { "" } else { "," })?;
            if part.bracketed {
                write!(f, "[{}]", part.host)?;
            } else {
                f.write_str(&part.host)?;
            }
            if !part.port.is_empty() {
                write!(f, ":{}", part.port)?;
            }
        }
        if !self.path.is_empty() {
            write!(f, "/{}", self.path)?;
        } else if !self.query.is_empty() {
            f.write_str("/")?;
        }
        for (i, (key, value)) in self.query.iter().enumerate() {
            write!(f, "{}{key}={value}", if i == 0 { "?" } else { "&" })?;
        }
        Ok(())
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://***", self.scheme)
    }
}

fn split_scheme(text: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = text.split_once("://")?;
    let base = scheme.split_once('+').map_or(scheme, |(base, _)| base);
    ["postgres", "postgresql"]
        .iter()
        .any(|known| base.eq_ignore_ascii_case(known))
        .then_some((scheme, rest))
}

/// What stands before the first `@`, if that comes before the first `/`.
fn split_user(rest: &str) -> (&str, &str, &str) {
    match rest.find(['@', '/']) {
        Some(at) if rest[at..].starts_with('@') => {
            let (user, password) = rest[..at].split_once(':').unwrap_or((&rest[..at], ""));
            (user, password, &rest[at + 1..])
        }
        _ => ("", "", rest),
    }
}

fn split_hosts(mut rest: &str) -> Result<(Vec<HostPart>, &str), ConnectionError> {
    let mut hosts = Vec::new();
    loop {
        let mut part = HostPart::default();
        if let Some(inside) = rest.strip_prefix('[') {
            let end = inside
                .find(']')
                .ok_or_else(|| bad("an IPv6 address lacks its \"]\""))?;
            if end == 0 {
                return Err(bad("an IPv6 address is empty"));
            }
            part.bracketed = true;
            inside[..end].clone_into(&mut part.host);
            rest = &inside[end + 1..];
            if !(rest.is_empty() || rest.starts_with([':', '/', '?', ','])) {
                return Err(bad(
                    "something stands between the \"]\" of an IPv6 address and the port or path",
                ));
            }
        } else {
            let end = rest.find([':', '/', '?', ',']).unwrap_or(rest.len());
            rest[..end].clone_into(&mut part.host);
            rest = &rest[end..];
        }
        if let Some(after) = rest.strip_prefix(':') {
            let end = after.find(['/', '?', ',']).unwrap_or(after.len());
            after[..end].clone_into(&mut part.port);
            rest = &after[end..];
        }
        hosts.push(part);
        match rest.strip_prefix(',') {
            Some(next) => rest = next,
            None => return Ok((hosts, rest)),
        }
    }
}

fn split_query(query: &str) -> Result<Vec<(String, String)>, ConnectionError> {
    let mut pairs = Vec::new();
    for pair in query.split('&') {
        if pair.is_empty() && pairs.is_empty() && query.is_empty() {
            break;
        }
        match pair.split_once('=') {
            Some((_, value)) if value.contains('=') => {
                return Err(bad(
                    "a query parameter has more than one \"=\"; write it as %3D",
                ));
            }
            Some((key, value)) => pairs.push((key.to_owned(), value.to_owned())),
            None if pair.is_empty() => {}
            None => return Err(bad("a query parameter lacks its \"=\"")),
        }
    }
    Ok(pairs)
}

/// Decodes `%XX`, as strictly as libpq: no broken tokens, no zero bytes.
pub fn decode(text: &str) -> Result<String, ConnectionError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digits = after
            .get(..2)
            .and_then(|pair| std::str::from_utf8(pair).ok());
        let value = digits
            .filter(|pair| pair.bytes().all(|b| b.is_ascii_hexdigit()))
            .and_then(|pair| u8::from_str_radix(pair, 16).ok());
        match value {
            None => {
                return Err(bad(
                    "a \"%\" is not followed by two hexadecimal digits; a \"%\" itself is written %25",
                ));
            }
            Some(0) => return Err(bad("%00 cannot be part of it")),
            Some(value) => bytes.push(value),
        }
        rest = &after[2..];
    }
    String::from_utf8(bytes).map_err(|_| bad("it is not UTF-8 once decoded"))
}

fn bad(what: &str) -> ConnectionError {
    ConnectionError::BadUrl {
        what: what.to_owned(),
    }
}
