//! A private server for a copy: `initdb` and `postgres` of the archive's major version, in a
//! folder that is thrown away, fast because nothing in it has to survive.

mod availability;
mod roles;
mod settings;

use std::path::Path;
use std::time::Duration;

use crate::connection::postgres::Session;
use crate::connection::{ConnectionError, Environment, Secret, Target};
use crate::engine::sandbox::{await_start, folder_failed, free_port, home, password};
use crate::engine::{Context, EngineError, SandboxPrograms, SandboxServer, SandboxUse};
use crate::process::private_server::{Home, PrivateServer};
use crate::snapshot::{Prerequisite, Snapshot};

use super::dump::control::application_name;
use super::quoting::{quote_identifier, quote_literal};
use super::server;
use super::sql_error::sql;

/// A fresh server's own files and the log that it may keep.
const OWN_BYTES: u64 = 640 << 20;

/// A socket's path has at most 107 bytes; this leaves room for its name.
const LONGEST_SOCKET_FOLDER: usize = 80;

/// How often a server that starts is asked whether it is there.
const PAUSE: Duration = Duration::from_millis(40);

/// Finds `initdb` of the archive's major version, and `postgres` beside it.
pub(super) async fn programs(
    context: &Context,
    snapshot: &Snapshot,
) -> Result<SandboxPrograms, EngineError> {
    let major = snapshot.server.version_num / 10_000;
    let needed = major.to_string();
    let finding = context
        .tools
        .find_fitting("initdb", &needed, |version| version.major == major);
    let initdb = context.unless_cancelled(finding).await?;
    let postgres = initdb.sibling("postgres")?;
    let raw: u64 = snapshot.streams.iter().map(|stream| stream.bytes).sum();
    Ok(SandboxPrograms {
        product: "PostgreSQL",
        version: initdb.version.text.clone(),
        bytes: snapshot.database.bytes.max(raw) / 4 * 5 + OWN_BYTES,
        tools: vec![initdb.sibling("initdb")?, postgres],
    })
}

/// Starts the server, and makes in it what the archive needs outside of its database.
pub(super) async fn start(
    context: &Context,
    snapshot: &Snapshot,
    programs: &SandboxPrograms,
    folder: &Path,
    purpose: SandboxUse,
) -> Result<SandboxServer, EngineError> {
    let home = home(folder, programs)?;
    let started = launch(context, snapshot, programs, &home, purpose).await;
    let (mut server, access) = match started {
        Ok(started) => started,
        Err(error) => {
            // What stays is in the store's record.
            let _ = crate::engine::sandbox::remove_folder(folder);
            return Err(error);
        }
    };
    let prepared = async {
        let session = first_session(context, &access).await?;
        let facts = server::facts(&session, &access).await?;
        let notes = prepare(&session, &access, snapshot, &home, programs).await?;
        Ok((facts, notes))
    };
    match await_start(context, &mut server, prepared).await {
        Ok((facts, notes)) => Ok(SandboxServer {
            target: access,
            version: facts.version,
            identity: facts.identity,
            notes,
            server,
        }),
        Err(error) => {
            let _ = server.stop().await;
            Err(error)
        }
    }
}

async fn launch(
    context: &Context,
    snapshot: &Snapshot,
    programs: &SandboxPrograms,
    home: &Home,
    purpose: SandboxUse,
) -> Result<(PrivateServer, Target), EngineError> {
    let [initdb, postgres] = programs.tools.as_slice() else {
        return Err(crate::engine::sandbox::unsupported("postgresql"));
    };
    let data = home.folder().join("data");
    let (user, password) = (superuser(snapshot), password());
    let file = home.secret_file(&password).map_err(folder_failed)?;
    home.command(initdb)
        .arg("--pgdata")
        .arg(&data)
        .arg(format!("--username={user}"))
        .arg(format!("--pwfile={}", file.path().display()))
        .args(settings::of_initdb(initdb.version.major))
        .run(&context.cancel)
        .await?;
    drop(file);
    let sockets = (purpose == SandboxUse::Proof
        && home.folder().as_os_str().len() <= LONGEST_SOCKET_FOLDER)
        .then(|| home.subfolder("socket"))
        .transpose()
        .map_err(folder_failed)?;
    let port = free_port()?;
    let access = target(sockets.as_deref(), port, &user, &password)?;
    let settings = settings::of_server(snapshot, sockets.as_deref(), port);
    let arguments = ["-D".to_owned(), data.display().to_string()]
        .into_iter()
        .chain(
            settings
                .into_iter()
                .flat_map(|line| ["-c".to_owned(), line]),
        );
    let server = home.start(postgres, arguments, "QUIT")?;
    Ok((server, access))
}

/// The archive's reader is the sandbox's superuser: what is made there then belongs to the
/// role that it would belong to on the archive's server.
fn superuser(snapshot: &Snapshot) -> String {
    let user = snapshot.server.user.as_str();
    let possible = !user.is_empty() && user.len() < 64 && !user.starts_with("pg_");
    if possible { user } else { "postgres" }.to_owned()
}

fn target(
    sockets: Option<&Path>,
    port: u16,
    user: &str,
    password: &Secret,
) -> Result<Target, EngineError> {
    let encode = |text: &str| {
        percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
    };
    let (user, password) = (encode(user), password.expose());
    let url = match sockets {
        Some(folder) => format!(
            "postgresql://{user}:{password}@/postgres?host={}&port={port}",
            encode(&folder.to_string_lossy())
        ),
        None => format!("postgresql://{user}:{password}@127.0.0.1:{port}/postgres?sslmode=disable"),
    };
    Ok(Target::parse(&url, &Environment::empty())?.with_origin("the sandbox"))
}

/// The first session, as soon as the server takes one.
async fn first_session(context: &Context, access: &Target) -> Result<Session, EngineError> {
    let name = application_name(context);
    loop {
        match access.postgres()?.connect_maintenance(&name).await {
            Ok(session) => return Ok(session),
            Err(
                ConnectionError::Unreachable { .. }
                | ConnectionError::NotReady { .. }
                | ConnectionError::Lost { .. },
            ) => tokio::time::sleep(PAUSE).await,
            Err(error) => return Err(error.into()),
        }
    }
}

/// Refuses what the server cannot hold, before anything is restored; then makes roles and
/// tablespaces. Gives in words where the server differs from the archive's.
async fn prepare(
    session: &Session,
    access: &Target,
    snapshot: &Snapshot,
    home: &Home,
    programs: &SandboxPrograms,
) -> Result<Vec<String>, EngineError> {
    let mut notes = availability::check(session, access, snapshot, programs).await?;
    let statements = roles::statements(&snapshot.prerequisites, access.user());
    for statement in &statements {
        session
            .batch_execute(statement)
            .await
            .map_err(sql(access, "a role could not be made in the sandbox"))?;
    }
    let others = |p: &&Prerequisite| p.kind == "role" && p.name != access.user();
    if snapshot.prerequisites.iter().any(|p| others(&p)) {
        notes.push("roles are there by name, without passwords and memberships".to_owned());
    }
    let tablespaces = snapshot
        .prerequisites
        .iter()
        .filter(|p| p.kind == "tablespace");
    for (number, tablespace) in tablespaces.enumerate() {
        let folder = home
            .subfolder(&format!("tablespace-{number}"))
            .map_err(folder_failed)?;
        let statement = format!(
            "CREATE TABLESPACE {} LOCATION {}",
            quote_identifier(&tablespace.name),
            quote_literal(&folder.to_string_lossy())
        );
        let failed = format!("tablespace {} could not be made", tablespace.name);
        session
            .batch_execute(&statement)
            .await
            .map_err(sql(access, failed))?;
    }
    Ok(notes)
}
