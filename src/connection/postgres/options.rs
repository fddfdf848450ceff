//! libpq's connection options, and those of ORMs that libpq does not know.

use crate::connection::{ConnectionError, nearest};

/// Every option of libpq 12 to 18 with the variable that is its default
/// (`PQconninfoOptions` in `fe-connect.c`).
pub const KNOWN: &[(&str, Option<&str>)] = &[
    ("service", Some("PGSERVICE")),
    ("servicefile", Some("PGSERVICEFILE")),
    ("user", Some("PGUSER")),
    ("password", Some("PGPASSWORD")),
    ("passfile", Some("PGPASSFILE")),
    ("channel_binding", Some("PGCHANNELBINDING")),
    ("connect_timeout", Some("PGCONNECT_TIMEOUT")),
    ("dbname", Some("PGDATABASE")),
    ("host", Some("PGHOST")),
    ("hostaddr", Some("PGHOSTADDR")),
    ("port", Some("PGPORT")),
    ("client_encoding", Some("PGCLIENTENCODING")),
    ("options", Some("PGOPTIONS")),
    ("application_name", Some("PGAPPNAME")),
    ("fallback_application_name", None),
    ("keepalives", None),
    ("keepalives_idle", None),
    ("keepalives_interval", None),
    ("keepalives_count", None),
    ("tcp_user_timeout", None),
    ("sslmode", Some("PGSSLMODE")),
    ("sslnegotiation", Some("PGSSLNEGOTIATION")),
    ("sslcompression", Some("PGSSLCOMPRESSION")),
    ("sslcert", Some("PGSSLCERT")),
    ("sslkey", Some("PGSSLKEY")),
    ("sslcertmode", Some("PGSSLCERTMODE")),
    ("sslpassword", None),
    ("sslrootcert", Some("PGSSLROOTCERT")),
    ("sslcrl", Some("PGSSLCRL")),
    ("sslcrldir", Some("PGSSLCRLDIR")),
    ("sslsni", Some("PGSSLSNI")),
    ("sslkeylogfile", None),
    ("requirepeer", Some("PGREQUIREPEER")),
    ("require_auth", Some("PGREQUIREAUTH")),
    ("min_protocol_version", Some("PGMINPROTOCOLVERSION")),
    ("max_protocol_version", Some("PGMAXPROTOCOLVERSION")),
    ("ssl_min_protocol_version", Some("PGSSLMINPROTOCOLVERSION")),
    ("ssl_max_protocol_version", Some("PGSSLMAXPROTOCOLVERSION")),
    ("gssencmode", Some("PGGSSENCMODE")),
    ("krbsrvname", Some("PGKRBSRVNAME")),
    ("gsslib", Some("PGGSSLIB")),
    ("gssdelegation", Some("PGGSSDELEGATION")),
    ("replication", None),
    ("target_session_attrs", Some("PGTARGETSESSIONATTRS")),
    ("load_balance_hosts", Some("PGLOADBALANCEHOSTS")),
    ("scram_client_key", None),
    ("scram_server_key", None),
    ("oauth_issuer", None),
    ("oauth_client_id", None),
    ("oauth_client_secret", None),
    ("oauth_scope", None),
];

/// Query keys that ORMs and drivers put into URLs. They stay in what the migration command
/// gets and mean nothing to a connection of ours.
const FOR_OTHERS: &[&str] = &[
    // Prisma
    "schema",
    "connection_limit",
    "pool_timeout",
    "pgbouncer",
    "socket_timeout",
    "statement_cache_size",
    "sslaccept",
    "sslidentity",
    "single_use_connections",
    // SQLAlchemy, asyncpg, psycopg
    "async_fallback",
    "prepared_statement_cache_size",
    "prepared_statement_name_func",
    "command_timeout",
    "max_cached_statement_lifetime",
    "max_cacheable_statement_size",
    "prepare_threshold",
    "autocommit",
    // Django
    "conn_max_age",
    "conn_health_checks",
    "disable_server_side_cursors",
    "atomic_requests",
    // Rails
    "adapter",
    "encoding",
    "pool",
    "checkout_timeout",
    "reaping_frequency",
    "idle_timeout",
    "prepared_statements",
    "advisory_locks",
    "schema_search_path",
    "min_messages",
    "variables",
    // pgx, lib/pq, golang-migrate, dbmate
    "pool_max_conns",
    "pool_min_conns",
    "pool_max_conn_lifetime",
    "pool_max_conn_idle_time",
    "pool_max_conn_lifetime_jitter",
    "pool_health_check_period",
    "default_query_exec_mode",
    "statement_cache_capacity",
    "statement_cache_mode",
    "description_cache_capacity",
    "binary_parameters",
    "search_path",
    "migrations_table",
    "timezone",
    "statement_timeout",
    // sqlx, postgres.js, node-postgres, Ecto, hosts that sell PostgreSQL
    "statement-cache-capacity",
    "max",
    "max_lifetime",
    "prepare",
    "fetch_types",
    "query_timeout",
    "idle_in_transaction_session_timeout",
    "lock_timeout",
    "pool_size",
    "uselibpqcompat",
    "supa",
    "workaround",
    "currentschema",
    "preparethreshold",
    "stringtype",
];

/// What a key in a URL's query means.
pub enum Meaning {
    /// An option of libpq.
    Option(&'static str, String),
    /// Something for the driver or ORM of the migration command.
    ForOthers,
}

/// The option of that exact name.
pub fn keyword(key: &str) -> Result<&'static str, ConnectionError> {
    KNOWN
        .iter()
        .map(|(known, _)| *known)
        .find(|known| *known == key)
        .ok_or_else(|| ConnectionError::UnknownOption {
            key: key.to_owned(),
            nearest: nearest(key, KNOWN.iter().map(|(known, _)| *known)).map(str::to_owned),
        })
}

/// Whether a query key is known to be for ORMs only.
pub fn is_for_others(key: &str) -> bool {
    let lower = key.to_lowercase();
    FOR_OTHERS.contains(&lower.as_str()) || lower.starts_with("x-") || lower.starts_with("options[")
}

/// What a query key of a URL means. The spellings of other drivers for encryption are
/// understood, since passing over them would weaken the connection.
pub fn in_url(key: &str, value: &str) -> Result<Meaning, ConnectionError> {
    let option = match key {
        "ssl" => return Ok(Meaning::Option("sslmode", ssl_shorthand(value)?)),
        "ssl-mode" => "sslmode",
        "ssl-root-cert" | "ssl-ca" => "sslrootcert",
        "ssl-cert" => "sslcert",
        "ssl-key" => "sslkey",
        _ if is_for_others(key) => return Ok(Meaning::ForOthers),
        _ => keyword(key)?,
    };
    // node-postgres: encrypted, whoever the server is.
    let value = if option == "sslmode" && value == "no-verify" {
        "require"
    } else {
        value
    };
    Ok(Meaning::Option(option, value.to_owned()))
}

/// JDBC's and asyncpg's `ssl=…`; libpq itself knows `ssl=true` only.
fn ssl_shorthand(value: &str) -> Result<String, ConnectionError> {
    let mode = match value {
        "true" | "1" | "no-verify" => "require",
        "false" | "0" => "disable",
        "disable" | "allow" | "prefer" | "require" | "verify-ca" | "verify-full" => value,
        _ => {
            return Err(ConnectionError::BadValue {
                key: "ssl".to_owned(),
                value: value.to_owned(),
                why: "true, false or a value of sslmode is expected".to_owned(),
            });
        }
    };
    Ok(mode.to_owned())
}
