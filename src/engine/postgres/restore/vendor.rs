//! The parts of a restore that pg_restore does.

use std::io::Write as _;

use bytes::Bytes;
use tokio::io::AsyncWriteExt;

use crate::engine::postgres::toc::{self, Toc};
use crate::engine::{Context, DatabaseCopy, EngineError};
use crate::process::{Finished, Input, Tool, ToolCommand};
use crate::snapshot::Source;

use super::super::derived::{self, RoleMap};
use super::super::dump::control::application_name;
use super::super::dump::large_objects::STREAM;
use super::tool_errors;

/// Finds a pg_restore that reads this table of contents: not older than the pg_dump that wrote
/// it, nor than the server.
pub(super) async fn pg_restore(
    context: &Context,
    toc: &Toc,
    version_num: u32,
) -> Result<Tool, EngineError> {
    let written_by = toc
        .dump_version
        .split(|c: char| !c.is_ascii_digit())
        .next()
        .and_then(|major| major.parse().ok())
        .unwrap_or(0);
    let needed = written_by.max(version_num / 10_000);
    context.tool("pg_restore", needed).await
}

/// Types, functions, tables: everything before the rows.
pub(super) async fn pre_data(
    context: &Context,
    toc: &Toc,
    bytes: &[u8],
    copy: &DatabaseCopy,
) -> Result<Vec<String>, EngineError> {
    let command = command(context, toc, copy)
        .await?
        .arg("--section=pre-data")
        .stdin(Input::Bytes(bytes.to_vec()));
    judge(&command.run(&context.cancel).await?)
}

/// The entries of the post-data section that are not scheduled by us.
pub(super) async fn rest(
    context: &Context,
    toc: &Toc,
    bytes: &[u8],
    entries: &[i32],
    copy: &DatabaseCopy,
) -> Result<Vec<String>, EngineError> {
    if entries.is_empty() {
        return Ok(Vec::new());
    }
    let list: String = entries.iter().map(|entry| format!("{entry};\n")).collect();
    let mut file = tempfile::NamedTempFile::new_in(crate::engine::scratch()).map_err(scratch)?;
    file.write_all(list.as_bytes()).map_err(scratch)?;
    let command = command(context, toc, copy)
        .await?
        .arg("--use-list")
        .arg(file.path())
        .stdin(Input::Bytes(bytes.to_vec()));
    judge(&command.run(&context.cancel).await?)
}

/// Large objects, fed from the archive's chunks.
pub(super) async fn large_objects(
    context: &Context,
    toc: &Toc,
    source: &dyn Source,
    copy: &DatabaseCopy,
) -> Result<(), EngineError> {
    let chunks = source.chunks(STREAM).len();
    if chunks == 0 {
        return Ok(());
    }
    let mut running = command(context, toc, copy)
        .await?
        .stdin(Input::Pipe)
        .spawn()?;
    if let Some(mut stdin) = running.stdin.take() {
        // A tool that stops reading says why on its own; the broken pipe adds nothing.
        let roles = RoleMap::new(&copy.request.role_map);
        let _ = feed(context, source, (chunks, &roles), &mut stdin).await?;
    }
    judge(&running.finish_unless(&context.cancel).await?).map(drop)
}

async fn feed(
    context: &Context,
    source: &dyn Source,
    (chunks, roles): (usize, &RoleMap),
    stdin: &mut (impl tokio::io::AsyncWrite + Unpin),
) -> Result<std::io::Result<()>, EngineError> {
    let mut head = (!roles.is_empty()).then(|| Head::of(roles));
    for index in 0..chunks {
        let mut chunk = source.chunk(STREAM, index)?;
        while let Some(piece) = chunk.next_piece()? {
            context.progress.advance(piece.len() as u64, 0);
            let piece = match &mut head {
                None => piece,
                Some(gathering) => match gathering.with(&piece).await? {
                    None => continue,
                    Some(all) => {
                        head = None;
                        all
                    }
                },
            };
            if let Err(error) = stdin.write_all(&piece).await {
                return Ok(Err(error));
            }
        }
    }
    if let Some(gathered) = &head {
        let all = gathered.look().await?.ok_or_else(|| EngineError::Garbled {
            tool: "pg_dump".to_owned(),
            problem: "the large objects' table of contents has no end".to_owned(),
        })?;
        if let Err(error) = stdin.write_all(&all).await {
            return Ok(Err(error));
        }
    }
    Ok(stdin.shutdown().await)
}

/// The beginning of the large objects' stream, until its table of contents is whole: the roles
/// in it are mapped.
struct Head<'a> {
    roles: &'a RoleMap,
    bytes: Vec<u8>,
    /// It is not looked at again before there is so much.
    next_look: usize,
}

impl<'a> Head<'a> {
    fn of(roles: &'a RoleMap) -> Self {
        Self {
            roles,
            bytes: Vec::new(),
            next_look: 0,
        }
    }

    /// Takes a piece; gives everything so far once the table of contents is whole.
    async fn with(&mut self, piece: &[u8]) -> Result<Option<Bytes>, EngineError> {
        self.bytes.extend(piece);
        if self.bytes.len() < self.next_look {
            return Ok(None);
        }
        self.next_look = 2 * self.bytes.len();
        self.look().await
    }

    /// Everything so far, if the table of contents is whole.
    async fn look(&self) -> Result<Option<Bytes>, EngineError> {
        let mut rest = &self.bytes[..];
        match toc::read(&mut rest).await {
            Ok((toc, head)) => {
                let mut all =
                    derived::rewritten(&head, &toc, |entry| Some(self.roles.entry(entry)))?;
                all.extend(rest);
                Ok(Some(all.into()))
            }
            Err(toc::TocError::Cut { .. }) => Ok(None),
            Err(problem) => Err(EngineError::Garbled {
                tool: "pg_dump".to_owned(),
                problem: problem.to_string(),
            }),
        }
    }
}

async fn command(
    context: &Context,
    toc: &Toc,
    copy: &DatabaseCopy,
) -> Result<ToolCommand, EngineError> {
    let tool = pg_restore(context, toc, 0).await?;
    let mut command = tool
        .command()
        .arg("--no-password")
        .arg(format!("--dbname={}", copy.name))
        .secret_envs(copy.target.tool_environment(&application_name(context)))
        .lenient();
    if copy.request.no_owner {
        command = command.arg("--no-owner");
    }
    if copy.request.no_privileges {
        command = command.arg("--no-privileges");
    }
    Ok(command)
}

/// Any complaint that is not known to be harmless fails the restore, whatever the exit code;
/// so does a bad exit code without a complaint.
fn judge(finished: &Finished) -> Result<Vec<String>, EngineError> {
    let complaints = tool_errors::complaints(&finished.stderr_tail);
    let mut notes = Vec::new();
    let mut harmful = Vec::new();
    for complaint in complaints {
        match tool_errors::harmless(&complaint) {
            Some(note) => notes.push(note),
            None => harmful.push(complaint),
        }
    }
    // What was not kept of a long stderr may hold anything.
    let seen_all = finished.stderr_dropped == 0;
    if harmful.is_empty() && seen_all && (finished.ending.is_success() || !notes.is_empty()) {
        notes.dedup();
        return Ok(notes);
    }
    let mut reasons = tool_errors::reasons(&harmful);
    if reasons.is_empty() {
        reasons.push(format!("pg_restore {}", finished.ending));
        reasons.push(finished.stderr_tail.trim().to_owned());
    }
    Err(EngineError::Restore {
        what: "pg_restore could not restore the definitions".to_owned(),
        advice: tool_errors::advice(&harmful),
        reasons,
    })
}

fn scratch(error: std::io::Error) -> EngineError {
    EngineError::Seam(crate::snapshot::SeamError::Io {
        what: "a temporary file could not be written".to_owned(),
        source: error,
    })
}
