//! A private mongod for a copy, in a folder that is thrown away.
//!
//! Nobody gets in without a password from its first moment on: the exception for local clients
//! is off, and the first user is made by the member's own identity, whose password is the key
//! file that only bookend and the server can read.

use std::path::Path;
use std::time::Duration;

use bson::{Document, doc};

use crate::connection::mongodb::Session;
use crate::connection::{Environment, Secret, Target};
use crate::engine::sandbox::{
    await_start, folder_failed, free_port, home, password, remove_folder, unsupported,
};
use crate::engine::{Context, EngineError, SandboxPrograms, SandboxServer, SandboxUse};
use crate::process::private_server::{Home, PrivateServer};
use crate::snapshot::Snapshot;

use super::server::{self, refused};

/// A fresh server's own files: three journal files of 100 MiB, and an oplog.
const OWN_BYTES: u64 = 512 << 20;

/// The user that bookend and COMMAND connect as.
const USER: &str = "bookend";

const PAUSE: Duration = Duration::from_millis(50);

/// Finds a `mongod` of the archive's release series.
pub(super) async fn programs(
    context: &Context,
    snapshot: &Snapshot,
) -> Result<SandboxPrograms, EngineError> {
    let (major, minor) = (
        snapshot.server.version_num / 10_000,
        snapshot.server.version_num / 100 % 100,
    );
    // Until 4.4 the second number told the series.
    let series = major < 5;
    let needed = if series {
        format!("{major}.{minor}")
    } else {
        major.to_string()
    };
    let finding = context.tools.find_fitting("mongod", &needed, |version| {
        version.major == major && (!series || version.minor == minor)
    });
    let mongod = context.unless_cancelled(finding).await?;
    let raw: u64 = snapshot.streams.iter().map(|stream| stream.bytes).sum();
    Ok(SandboxPrograms {
        product: "MongoDB",
        version: mongod.version.text.clone(),
        bytes: snapshot.database.bytes.max(raw) / 4 * 5 + OWN_BYTES,
        tools: vec![mongod.sibling("mongod")?],
    })
}

/// Starts the server and makes its user.
pub(super) async fn start(
    context: &Context,
    snapshot: &Snapshot,
    programs: &SandboxPrograms,
    folder: &Path,
    purpose: SandboxUse,
) -> Result<SandboxServer, EngineError> {
    let home = home(folder, programs)?;
    let key = password();
    let launched = launch(programs, &home, &key, purpose);
    let (mut server, port, file) = match launched {
        Ok(launched) => launched,
        Err(error) => {
            // What stays is in the store's record.
            let _ = remove_folder(folder);
            return Err(error);
        }
    };
    let password = password();
    let prepared = async {
        let member = target(port, "__system", &key, "local")?;
        let session = first_session(context, &member).await?;
        if purpose == SandboxUse::Rehearsal {
            initiate(&session, port).await?;
        }
        let user = doc! { "createUser": USER, "pwd": password.expose(), "roles": ["root"] };
        command(&session, user, "the sandbox's user could not be made").await?;
        let access = target(port, USER, &password, "admin")?;
        let session = server::connect(context, &access).await?;
        Ok((access, server::facts(&session).await?))
    };
    let prepared = await_start(context, &mut server, prepared).await;
    drop(file);
    match prepared {
        Ok((target, facts)) => Ok(SandboxServer {
            target: target.with_database(&snapshot.database.name),
            version: facts.version,
            identity: facts.identity,
            notes: Vec::new(),
            server,
        }),
        Err(error) => {
            let _ = server.stop().await;
            Err(error)
        }
    }
}

fn launch(
    programs: &SandboxPrograms,
    home: &Home,
    key: &Secret,
    purpose: SandboxUse,
) -> Result<(PrivateServer, u16, tempfile::NamedTempFile), EngineError> {
    let [mongod] = programs.tools.as_slice() else {
        return Err(unsupported("mongodb"));
    };
    let data = home.subfolder("data").map_err(folder_failed)?;
    let file = home.secret_file(key).map_err(folder_failed)?;
    let port = free_port()?;
    let mut arguments = vec![
        format!("--dbpath={}", data.display()),
        format!("--port={port}"),
        format!("--keyFile={}", file.path().display()),
        "--bind_ip=127.0.0.1".to_owned(),
        "--nounixsocket".to_owned(),
        "--wiredTigerCacheSizeGB=0.5".to_owned(),
        "--quiet".to_owned(),
    ];
    // Nothing is deleted by its age while it is looked at.
    for parameter in [
        "enableLocalhostAuthBypass=false",
        "ttlMonitorEnabled=false",
        "diagnosticDataCollectionEnabled=false",
    ] {
        arguments.push(format!("--setParameter={parameter}"));
    }
    if purpose == SandboxUse::Rehearsal {
        arguments.extend(["--replSet=sandbox", "--oplogSize=64"].map(str::to_owned));
    }
    // There is nothing to write out, and no child to take leave of.
    let server = home.start(mongod, arguments, "KILL")?;
    Ok((server, port, file))
}

fn target(
    port: u16,
    user: &str,
    password: &Secret,
    defined_in: &str,
) -> Result<Target, EngineError> {
    let url = format!(
        "mongodb://{user}:{}@127.0.0.1:{port}/admin?directConnection=true&authSource={defined_in}",
        password.expose()
    );
    Ok(Target::parse(&url, &Environment::empty())?.with_origin("the sandbox"))
}

async fn first_session(context: &Context, member: &Target) -> Result<Session, EngineError> {
    use crate::connection::ConnectionError::{Lost, NotReady, Unreachable};
    loop {
        match server::connect(context, member).await {
            Err(EngineError::Connection(Unreachable { .. } | NotReady { .. } | Lost { .. })) => {
                tokio::time::sleep(PAUSE).await;
            }
            other => return other,
        }
    }
}

/// Makes it a replica set of one, as a migration may need transactions, and waits until it
/// takes writes.
async fn initiate(session: &Session, port: u16) -> Result<(), EngineError> {
    let member = doc! { "_id": 0, "host": format!("127.0.0.1:{port}") };
    let set = doc! {
        "_id": "sandbox",
        "members": [member],
        // A majority of one need not wait for its disk.
        "writeConcernMajorityJournalDefault": false,
        "settings": { "electionTimeoutMillis": 1000 },
    };
    let initiate = doc! { "replSetInitiate": set };
    command(
        session,
        initiate,
        "the sandbox's replica set could not be made",
    )
    .await?;
    loop {
        let hello = doc! { "hello": 1 };
        let hello = command(session, hello, "the sandbox does not say its state").await?;
        if hello.get_bool("isWritablePrimary").unwrap_or(false) {
            return Ok(());
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn command(
    session: &Session,
    command: Document,
    failed: &'static str,
) -> Result<Document, EngineError> {
    let admin = session.other("admin");
    let answer = admin.run_command(command).await;
    answer.map_err(refused(session, failed))
}
