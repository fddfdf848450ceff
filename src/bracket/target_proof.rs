//! Whether COMMAND works where it was sent: who is on the copies, and who of it is on the
//! originals.
//!
//! A rehearsal cannot be kept from reaching the original by configuration that bookend does not
//! see. So both are watched. Only sessions that surely are COMMAND's own are ended; the others
//! are somebody's work.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use tokio::sync::watch::Receiver;
use tokio_util::sync::CancellationToken;

use crate::engine::{EngineError, Observed, Observer, SeenSession};
use crate::process::sockets;

/// Commands are short more often than long: at first it is looked often.
const AT_FIRST: (Duration, Duration) = (Duration::from_secs(2), Duration::from_millis(15));
/// Afterwards.
const LATER: Duration = Duration::from_millis(100);

/// One target: its copy, its original, and how sessions of COMMAND are told there.
pub struct Watched {
    /// Watches the copy.
    pub copy: Box<dyn Observer>,
    /// Watches the original; `None` if there is none to be reached.
    pub original: Option<Box<dyn Observer>>,
    /// The original's port, for telling whose connection it is.
    pub port: u16,
}

/// What tells COMMAND's own sessions and processes from those of others.
#[derive(Clone, Debug)]
pub struct Marks {
    /// The session name that its environment sets.
    pub session_name: String,
    /// `NAME=VALUE` in its environment.
    pub environment: String,
    /// Its process id, which is its session's too, once it runs.
    pub pid: Receiver<Option<u32>>,
}

/// What was seen of one target.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sight {
    /// On the copy.
    pub copy: Observed,
    /// On the original.
    pub original: Option<Observed>,
    /// COMMAND's sessions on the original, and whether each was ended.
    pub trespassers: Vec<(SeenSession, bool)>,
    /// Sessions that came to the original meanwhile, of which it is not known whose they are.
    pub strangers: Vec<SeenSession>,
}

/// Watches until `over` is cancelled. Cancels `trespass` as soon as COMMAND is seen on an
/// original.
///
/// # Errors
/// If a server cannot be asked any more.
pub async fn watch(
    mut watched: Vec<Watched>,
    marks: &Marks,
    over: &CancellationToken,
    trespass: &CancellationToken,
) -> Result<Vec<Sight>, EngineError> {
    let mut sights = vec![Known::default(); watched.len()];
    for (one, known) in watched.iter_mut().zip(&mut sights) {
        if let Some(original) = &mut one.original {
            known.before = original.sessions().await?;
        }
    }
    let begun = Instant::now();
    loop {
        let last = over.is_cancelled();
        for (one, known) in watched.iter_mut().zip(&mut sights) {
            one.copy.look().await?;
            if look_at_original(one, known, marks).await? {
                trespass.cancel();
            }
        }
        if last {
            break;
        }
        let pause = if begun.elapsed() < AT_FIRST.0 {
            AT_FIRST.1
        } else {
            LATER
        };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = over.cancelled() => {}
        }
    }
    let mut seen = Vec::new();
    for (one, known) in watched.into_iter().zip(sights) {
        let original = match one.original {
            Some(original) => Some(original.finish().await?),
            None => None,
        };
        seen.push(Sight {
            copy: one.copy.finish().await?,
            original,
            trespassers: known.trespassers.into_values().collect(),
            strangers: known.strangers.into_values().collect(),
        });
    }
    Ok(seen)
}

#[derive(Clone, Default)]
struct Known {
    before: Vec<SeenSession>,
    trespassers: BTreeMap<String, (SeenSession, bool)>,
    strangers: BTreeMap<String, SeenSession>,
}

/// True if COMMAND was seen there.
async fn look_at_original(
    one: &mut Watched,
    known: &mut Known,
    marks: &Marks,
) -> Result<bool, EngineError> {
    let Some(original) = &mut one.original else {
        return Ok(false);
    };
    let mut here = original.sessions().await?;
    here.retain(|session| {
        !known.before.contains(session)
            && known.strangers.get(&session.id) != Some(session)
            && !known
                .trespassers
                .get(&session.id)
                .is_some_and(|(_, ended)| *ended)
    });
    if here.is_empty() {
        return Ok(!known.trespassers.is_empty());
    }
    let own = connections(marks).await;
    for session in here {
        if is_commands(&session, one.port, marks, &own) {
            let ended = original.end(&session).await?;
            known
                .trespassers
                .insert(session.id.clone(), (session, ended));
        } else {
            known.strangers.insert(session.id.clone(), session);
        }
    }
    Ok(!known.trespassers.is_empty())
}

fn is_commands(
    session: &SeenSession,
    port: u16,
    marks: &Marks,
    own: &[sockets::Connection],
) -> bool {
    session.application == marks.session_name
        || session.client.is_some_and(|client| {
            own.iter().any(|connection| {
                connection.local.port() == client.port()
                    && connection.local.ip().to_canonical() == client.ip().to_canonical()
                    && connection.remote.port() == port
            })
        })
}

/// COMMAND's connections; reading `/proc` blocks.
async fn connections(marks: &Marks) -> Vec<sockets::Connection> {
    let Some(pid) = *marks.pid.borrow() else {
        return Vec::new();
    };
    let mark = marks.environment.clone();
    tokio::task::spawn_blocking(move || sockets::of_command(pid, &mark))
        .await
        .unwrap_or_default()
}
