//! Everything that is needed to reach one PostgreSQL database.

use std::time::Duration;

use super::hosts::{self, Host};
use super::passfile::{self, PassFile, Wanted};
use super::resolve::{self, Options, Resolved};
use super::tls::TlsOptions;
use super::uri::Url;
use super::values::{self, ChannelBinding, SessionAttributes};
use crate::connection::target::encode;
use crate::connection::{ConnectionError, Environment, Secret};

/// Connection parameters, resolved once. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Params {
    pub(super) url: Url,
    pub(super) key_value: bool,
    /// What holds, without passwords.
    pub(super) effective: Options,
    pub(super) hosts: Vec<Host>,
    pub(super) user: String,
    pub(super) password: Option<(Secret, &'static str)>,
    pub(super) database: String,
    pub(super) tls: TlsOptions,
    pub(super) connect_timeout: Option<Duration>,
    pub(super) keepalives: Keepalives,
    pub(super) attributes: SessionAttributes,
    pub(super) channel_binding: ChannelBinding,
    pub(super) shuffle: bool,
    pub(super) notes: Vec<String>,
}

/// How a dead connection is noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Keepalives {
    pub on: bool,
    pub idle: Duration,
    pub interval: Duration,
    pub count: u32,
    pub user_timeout: Option<Duration>,
}

impl Params {
    /// Reads a URL or a `key=value` string with libpq's defaults.
    ///
    /// # Errors
    /// What psql would refuse too, and a text that names no database.
    pub fn parse(text: &str, env: &Environment) -> Result<Self, ConnectionError> {
        let Resolved {
            url,
            key_value,
            mut effective,
        } = resolve::resolve(text, env)?;
        refuse_unsupported(&effective)?;
        let mut take = |key| {
            effective
                .remove(key)
                .filter(|value: &String| !value.is_empty())
        };
        let password = take("password").map(|password| {
            let in_environment = env.get("PGPASSWORD") == Some(password.as_str());
            let origin = if in_environment {
                "PGPASSWORD"
            } else {
                "the URL"
            };
            (Secret::new(password), origin)
        });
        take("oauth_client_secret");
        let passfile = take("passfile");
        let (host, address, port) = (take("host"), take("hostaddr"), take("port"));
        let database = take("dbname");
        let user = take("user").map_or_else(system_user, Ok)?;
        let text = |option: &Option<String>| option.clone().unwrap_or_default();
        let mut params = Self {
            hosts: hosts::list(&text(&host), &text(&address), &text(&port))?,
            tls: TlsOptions::read(&effective, env)?,
            connect_timeout: match non_empty(&effective, "connect_timeout") {
                Some(value) => values::connect_timeout(value)?,
                None => Some(values::CONNECT_TIMEOUT),
            },
            keepalives: keepalives(&effective)?,
            attributes: non_empty(&effective, "target_session_attrs")
                .map_or(Ok(SessionAttributes::Any), values::session_attributes)?,
            channel_binding: non_empty(&effective, "channel_binding")
                .map_or(Ok(ChannelBinding::Prefer), values::channel_binding)?,
            shuffle: match non_empty(&effective, "load_balance_hosts") {
                Some(value) => values::one_of(
                    "load_balance_hosts",
                    value,
                    &[("disable", false), ("random", true)],
                )?,
                None => false,
            },
            notes: Vec::new(),
            database: text(&database),
            url,
            key_value,
            effective,
            user,
            password,
        };
        if params.database.is_empty() {
            return Err(ConnectionError::NoDatabase {
                target: params.display_url(),
            });
        }
        params.look_up_passwords(passfile.as_deref(), env);
        Ok(params)
    }

    /// Asks the password file for each host, unless a password is known.
    fn look_up_passwords(&mut self, passfile: Option<&str>, env: &Environment) {
        if self.password.is_some() {
            return;
        }
        match passfile::open(passfile, env) {
            PassFile::Missing => {}
            PassFile::PassedOver(why) => self.notes.push(why),
            PassFile::Usable(text) => {
                for host in &mut self.hosts {
                    let wanted = Wanted {
                        host: host.in_passfile(),
                        port: host.port,
                        database: &self.database,
                        user: &self.user,
                    };
                    host.password = passfile::find(&text, &wanted);
                }
            }
        }
    }

    /// The database's name.
    #[must_use]
    pub fn database(&self) -> &str {
        &self.database
    }

    /// Name, address or socket folder of the first server.
    #[must_use]
    pub fn host(&self) -> &str {
        self.hosts.first().map_or("", |host| &host.name)
    }

    /// Port of the first server.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.hosts
            .first()
            .map_or(hosts::DEFAULT_PORT, |host| host.port)
    }

    /// The role.
    #[must_use]
    pub fn user(&self) -> &str {
        &self.user
    }

    /// The password for the first server, if one is known.
    #[must_use]
    pub fn password(&self) -> Option<&Secret> {
        match &self.password {
            Some((password, _)) => Some(password),
            None => self.hosts.iter().find_map(|host| host.password.as_ref()),
        }
    }

    /// What was noticed while reading, in words.
    #[must_use]
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    pub(crate) fn secrets(&self) -> Vec<Secret> {
        let known = self.password.iter().map(|(password, _)| password);
        known
            .chain(self.hosts.iter().filter_map(|host| host.password.as_ref()))
            .cloned()
            .collect()
    }

    /// The same server and rights, another database.
    #[must_use]
    pub fn with_database(&self, name: &str) -> Self {
        let mut params = self.clone();
        name.clone_into(&mut params.database);
        params.url = self.url.with_database(name);
        params
    }

    /// Only the host of that place in the list.
    pub(crate) fn pinned_to(&self, index: usize) -> Self {
        let mut params = self.clone();
        if let Some(host) = self.hosts.get(index) {
            params.hosts = vec![host.clone()];
        }
        params.attributes = SessionAttributes::Any;
        params.effective.remove("target_session_attrs");
        params.effective.remove("load_balance_hosts");
        params
    }

    pub(crate) fn is_same_server(&self, other: &Self) -> bool {
        self.hosts.iter().any(|a| {
            other
                .hosts
                .iter()
                .any(|b| a.port == b.port && hosts::same_host(&a.name, &b.name))
        })
    }

    /// Scheme and query as written, the rest as it was resolved, without secrets.
    pub(crate) fn display_url(&self) -> String {
        let (scheme, query) = self.url.shown_parts();
        let first = self.hosts.first();
        let socket = first.is_some_and(|host| matches!(host.way, hosts::Way::Socket(_)));
        let servers: Vec<String> = self.hosts.iter().map(Host::shown).collect();
        let (authority, mut pairs) = if socket {
            let host = encode(self.host()).replace("%2F", "/");
            (format!(":{}", self.port()), vec![format!("host={host}")])
        } else {
            (servers.join(","), Vec::new())
        };
        pairs.extend(
            query
                .into_iter()
                .map(|(key, value)| format!("{key}={value}")),
        );
        let query = if pairs.is_empty() {
            String::new()
        } else {
            format!("?{}", pairs.join("&"))
        };
        format!(
            "{scheme}://{}@{authority}/{}{query}",
            encode(&self.user),
            encode(&self.database)
        )
    }
}

pub(super) fn non_empty<'a>(options: &'a Options, key: &str) -> Option<&'a str> {
    options
        .get(key)
        .map(String::as_str)
        .filter(|value| !value.is_empty())
}

/// libpq's default role: the name of the system's user.
fn system_user() -> Result<String, ConnectionError> {
    nix::unistd::User::from_uid(nix::unistd::geteuid())
        .ok()
        .flatten()
        .map(|user| user.name)
        .ok_or_else(|| ConnectionError::BadUrl {
            what: "it names no user, and this process's user has no name".to_owned(),
        })
}

/// Defaults are livelier than libpq's two hours, so that a server that vanished is noticed.
fn keepalives(options: &Options) -> Result<Keepalives, ConnectionError> {
    let number = |key| {
        non_empty(options, key)
            .map(|value| values::number(key, value))
            .transpose()
    };
    let positive =
        |value: Option<i64>| value.and_then(|v| u64::try_from(v).ok()).filter(|v| *v > 0);
    Ok(Keepalives {
        on: number("keepalives")? != Some(0),
        idle: Duration::from_secs(positive(number("keepalives_idle")?).unwrap_or(60)),
        interval: Duration::from_secs(positive(number("keepalives_interval")?).unwrap_or(10)),
        count: positive(number("keepalives_count")?)
            .and_then(|v| u32::try_from(v).ok())
            .unwrap_or(6),
        user_timeout: positive(number("tcp_user_timeout")?).map(Duration::from_millis),
    })
}

/// What libpq can and this client cannot is refused, never passed over.
fn refuse_unsupported(options: &Options) -> Result<(), ConnectionError> {
    let refused: &[(&str, &[&str], &str)] = &[
        (
            "gssencmode",
            &["disable", "prefer"],
            "use TLS (sslmode=verify-full) and gssencmode=disable",
        ),
        (
            "sslpassword",
            &[],
            "use a key without a password, or an ssh tunnel",
        ),
        (
            "sslcrldir",
            &[],
            "put the revocation lists into one file and name it in sslcrl",
        ),
        (
            "requirepeer",
            &[],
            "leave requirepeer out, or connect by TCP with sslmode=verify-full",
        ),
        (
            "require_auth",
            &[],
            "leave require_auth out, or use channel_binding=require",
        ),
        (
            "replication",
            &["false", "off", "no", "0"],
            "leave replication out",
        ),
        (
            "min_protocol_version",
            &["3.0"],
            "leave min_protocol_version out",
        ),
        ("scram_client_key", &[], "use a password"),
        ("scram_server_key", &[], "use a password"),
        ("oauth_issuer", &[], "use another way to authenticate"),
    ];
    for (key, fine, advice) in refused {
        if let Some(value) = non_empty(options, key).filter(|value| !fine.contains(value)) {
            let known = [
                "gssencmode",
                "requirepeer",
                "replication",
                "require_auth",
                "min_protocol_version",
            ];
            let shown = if known.contains(key) {
                format!("{key}={value}")
            } else {
                (*key).to_owned()
            };
            return Err(ConnectionError::Unsupported {
                what: shown,
                advice: (*advice).to_owned(),
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
