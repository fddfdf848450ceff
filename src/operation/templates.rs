//! Templates of archives: keeping a proven copy as one, and starting from one in place of
//! restoring.

use std::path::Path;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::copies::drop_copy;
use super::place::check_room;
use super::{OperationError, Place, Workspace, discard, open};
use crate::archive::Archive;
use crate::connection::Target;
use crate::engine::templates::{Condition, KnownTemplate, TemplateMark, TemplateOrigin, Templates};
use crate::engine::{DatabaseCopy, Engine};
use crate::snapshot::{Anchor, Snapshot, Source, WriteRecord};
use crate::store::{Receipt, StoredTemplate, Verdict};

/// A copy that was cloned.
#[derive(Debug)]
pub struct Cloned {
    /// The copy.
    pub copy: DatabaseCopy,
    /// The template's facts when it was proven.
    pub found: Box<Snapshot>,
    /// The template.
    pub template: String,
    /// When the template was found to be identical with the archive.
    pub proven_at: DateTime<Utc>,
    /// File name of the receipt that says so, beside the archive.
    pub receipt: String,
}

/// What came of looking for a template.
#[derive(Debug, Default)]
pub struct Sought {
    /// The copy, if there was a template to clone.
    pub cloned: Option<Box<Cloned>>,
    /// In words: templates that were there and not used, each with the reason.
    pub passed_by: Vec<String>,
}

/// A proven copy that is to become a template.
#[derive(Debug)]
pub struct Candidate<'a> {
    /// The copy.
    pub copy: &'a DatabaseCopy,
    /// Its facts as they were read for the proof.
    pub found: &'a Snapshot,
    /// What the proof came to.
    pub receipt: &'a Receipt,
    /// The receipt's file.
    pub receipt_path: &'a Path,
    /// When anybody may drop the template.
    pub expires: DateTime<Utc>,
}

/// Whether an engine can keep templates.
///
/// # Errors
/// [`OperationError::NotCapable`], with the reason.
pub fn can_keep_templates(ws: &Workspace, target: &Target) -> Result<(), OperationError> {
    let engine = ws.engines.get(target.engine())?;
    match engine.capabilities().templates {
        crate::engine::Capability::Yes => Ok(()),
        crate::engine::Capability::No(why) => Err(OperationError::NotCapable {
            what: "--template",
            engine: engine.name(),
            why,
        }),
    }
}

/// Clones a template of the archive if there is one on the server of `place` that nothing is
/// off about. What stands against the others is told.
///
/// # Errors
/// A signal, an archive that cannot be opened, a server that cannot be reached.
pub async fn clone_template(
    ws: &Workspace,
    archive: &Path,
    place: &Place,
) -> Result<Sought, OperationError> {
    let mut sought = Sought::default();
    let Some(on) = place.target() else {
        return Ok(sought);
    };
    let engine = ws.engines.get(on.engine())?;
    let Some(templates) = engine.templates() else {
        return Ok(sought);
    };
    let opened = open(archive).await?;
    let known = ws.store.templates(opened.id(), opened.manifest_sha256())?;
    for template in known {
        let seen = templates
            .examine(&ws.context(), on, &as_known(&template))
            .await?;
        let name = &template.name;
        match seen {
            Condition::AsClosed(mark) => {
                if let Some(why) = contradicted(ws, archive, &opened)? {
                    sought.passed_by.push(not_used(name, &why));
                    continue;
                }
                let bytes = opened.snapshot().database.bytes;
                check_room(ws, engine.as_ref(), place, bytes).await?;
                let from = (templates, on);
                match cloned(ws, from, template, &mark, opened.snapshot()).await {
                    Ok(copy) => {
                        sought.cloned = Some(Box::new(copy));
                        return Ok(sought);
                    }
                    Err((_, error)) if ws.cancel.is_cancelled() => return Err(error),
                    Err((name, error)) => {
                        sought.passed_by.push(not_used(&name, &in_words(&error)));
                    }
                }
            }
            Condition::Doubtful(why) => sought.passed_by.push(not_used(name, &why)),
            Condition::Expired(at) => {
                let told = expired(ws, on, name, at).await;
                sought.passed_by.push(told);
            }
            Condition::Gone => {
                ws.store.forget_template(name)?;
                sought.passed_by.push(format!("template {name} is gone"));
            }
            Condition::Elsewhere => {}
        }
    }
    Ok(sought)
}

fn as_known(template: &StoredTemplate) -> KnownTemplate {
    KnownTemplate {
        name: template.name.clone(),
        identity: template.identity.clone(),
        server_identity: template.server_identity.clone(),
        manifest_sha256: template.manifest_sha256.to_string(),
    }
}

fn not_used(name: &str, why: &str) -> String {
    format!("template {name} is not used: {why}; bookend copies drop {name}")
}

/// A later proof of the same archive may have come to something else.
fn contradicted(
    ws: &Workspace,
    path: &Path,
    archive: &Archive,
) -> Result<Option<String>, OperationError> {
    let receipt = ws.store.receipt(path)?;
    let later = receipt.filter(|one| {
        one.manifest_sha256 == archive.manifest_sha256() && one.verdict != Verdict::Identical
    });
    Ok(later.map(|one| format!("a later proof of its archive came out {}", one.verdict)))
}

/// Its time is over, so anybody may drop it; it only takes up room.
async fn expired(ws: &Workspace, on: &Target, name: &str, at: DateTime<Utc>) -> String {
    let when = at.format("%Y-%m-%d %H:%M");
    match drop_copy(ws, on, name).await {
        Ok(()) => format!("template {name} expired at {when}, and was dropped"),
        Err(error) => not_used(
            name,
            &format!(
                "it expired at {when} and could not be dropped: {}",
                in_words(&error)
            ),
        ),
    }
}

/// Clones; on failure the template's name and why.
async fn cloned(
    ws: &Workspace,
    (templates, on): (&dyn Templates, &Target),
    template: StoredTemplate,
    mark: &TemplateMark,
    snapshot: &Snapshot,
) -> Result<Cloned, (String, OperationError)> {
    ws.progress.phase("clone", None);
    let copy = templates
        .clone_from(&ws.context(), on, (&template.name, mark), snapshot)
        .await;
    ws.progress.finish();
    match copy {
        Ok(copy) => Ok(Cloned {
            found: Box::new(Snapshot {
                // The same rows, in a database with a number of its own.
                record: WriteRecord {
                    anchor: template.anchor.map(|anchor| Anchor {
                        database: copy.identity.clone(),
                        ..anchor
                    }),
                    ..WriteRecord::default()
                },
                ..*template.found
            }),
            copy,
            template: template.name,
            proven_at: template.proven_at,
            receipt: template.receipt,
        }),
        Err(error) => Err((template.name, error.into())),
    }
}

/// Closes a proven copy, so that it is a template from then on.
///
/// # Errors
/// Whatever kept it from being one. The copy is as it was then, unless the error is that it
/// could not be recorded as settled.
pub async fn keep_template(
    ws: &Workspace,
    archive: &Path,
    candidate: &Candidate<'_>,
) -> Result<(), OperationError> {
    let opened = open(archive).await?;
    let copy = candidate.copy;
    let engine = ws.engines.get(copy.target.engine())?;
    let templates = supported(engine.as_ref())?;
    let receipt = candidate
        .receipt_path
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    // First the record, or a crash would leave a template that nothing vouches for.
    ws.store.record_template(&StoredTemplate {
        name: copy.name.clone(),
        identity: copy.identity.clone(),
        server: copy.target.display_url(),
        server_identity: candidate.receipt.server_identity.clone(),
        archive: opened.id().to_owned(),
        manifest_sha256: opened.manifest_sha256(),
        proven_at: candidate.receipt.proven_at,
        receipt: receipt.clone(),
        found: Box::new(candidate.found.clone()),
        anchor: candidate.found.record.anchor.clone(),
    })?;
    let origin = TemplateOrigin {
        archive: opened.id().to_owned(),
        manifest_sha256: opened.manifest_sha256().to_string(),
        proven_at: candidate.receipt.proven_at,
        receipt,
        expires: candidate.expires,
    };
    let closed = templates.close(&ws.cleaning_context(), copy, &origin).await;
    if closed.is_err() {
        ws.store.forget_template(&copy.name)?;
    }
    Ok(closed?)
}

/// The capability has been asked for before; this is for whoever did not.
fn supported(engine: &dyn Engine) -> Result<&dyn Templates, OperationError> {
    engine
        .templates()
        .ok_or_else(|| OperationError::NotCapable {
            what: "--template",
            engine: engine.name(),
            why: "it clones nothing",
        })
}

/// Takes a template away that could not be cloned: by its name, or, if it was not closed after
/// all, as the copy that it still is.
///
/// # Errors
/// It is still there.
pub async fn drop_template(ws: &Workspace, copy: DatabaseCopy) -> Result<(), OperationError> {
    let engine: Arc<dyn Engine> = ws.engines.get(copy.target.engine())?;
    let context = ws.cleaning_context();
    ws.store.forget_template(&copy.name)?;
    match engine.drop_marked(&context, &copy.target, &copy.name).await {
        Ok(()) => Ok(()),
        Err(_) => discard(ws, engine.as_ref(), copy).await,
    }
}

/// An error and its causes in one line.
fn in_words(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let said = inner.to_string();
        if !words.contains(&said) {
            words.push_str(": ");
            words.push_str(&said);
        }
        cause = inner.source();
    }
    words
}
