//! How a private server is set up: everything that keeps data over a crash is off, since the
//! data is thrown away after one.

use std::path::Path;

use crate::snapshot::Snapshot;

/// Sessions: bookend's workers, the vendor's tools and a migration command's pool.
const CONNECTIONS: usize = 100;

/// Options of `initdb` beside the user and the folder.
pub(super) fn of_initdb(major: u32) -> Vec<&'static str> {
    let mut options = vec![
        // A copy's database is made from template0 with the archive's encoding and locale.
        "--encoding=UTF8",
        "--locale=C",
        "--auth=scram-sha-256",
        "--no-sync",
    ];
    if major >= 14 {
        options.push("--no-instructions");
    }
    if major >= 18 {
        options.push("--no-data-checksums");
    }
    options
}

/// `NAME=value` for each setting. `sockets` is the folder of the only way in; without it that
/// is the port on 127.0.0.1.
pub(super) fn of_server(snapshot: &Snapshot, sockets: Option<&Path>, port: u16) -> Vec<String> {
    let (listen, folder) = match sockets {
        Some(folder) => ("", folder.to_string_lossy().into_owned()),
        None => ("127.0.0.1", String::new()),
    };
    // Locks on every object with its indexes and constraints by two sessions at once.
    let locks = (snapshot.objects.len() * 8 / CONNECTIONS).max(256);
    [
        ("listen_addresses", listen.to_owned()),
        ("unix_socket_directories", folder),
        ("unix_socket_permissions", "0700".to_owned()),
        ("port", port.to_string()),
        ("max_connections", CONNECTIONS.to_string()),
        ("max_locks_per_transaction", locks.to_string()),
        ("max_prepared_transactions", "10".to_owned()),
        ("fsync", "off".to_owned()),
        ("synchronous_commit", "off".to_owned()),
        ("full_page_writes", "off".to_owned()),
        ("wal_level", "minimal".to_owned()),
        ("max_wal_senders", "0".to_owned()),
        ("max_wal_size", "512MB".to_owned()),
        ("checkpoint_timeout", "1h".to_owned()),
        ("autovacuum", "off".to_owned()),
        ("shared_buffers", "128MB".to_owned()),
        ("maintenance_work_mem", "128MB".to_owned()),
        // Containers often have next to no /dev/shm.
        ("dynamic_shared_memory_type", "mmap".to_owned()),
        ("logging_collector", "off".to_owned()),
        ("lc_messages", "C".to_owned()),
    ]
    .into_iter()
    .map(|(name, value)| format!("{name}={value}"))
    .collect()
}
