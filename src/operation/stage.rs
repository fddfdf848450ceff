//! A staging database: a fresh backup, restored beside the original for people to work on.

use chrono::{TimeDelta, Utc};

use super::place::check_room;
use super::{
    BackupOutcome, BackupRequest, OperationError, Place, RestoreOptions, RestoreOutcome, Swept,
    Workspace, backup, drop_expired, folder_for, restore,
};
use crate::connection::Target;
use crate::engine::{EngineError, NewName};

/// What is asked for.
#[derive(Clone, Debug)]
pub struct StageRequest {
    /// The new database's name; `None` for the target's with the time behind it.
    pub into: Option<String>,
    /// How long it is kept.
    pub term: TimeDelta,
    /// Publish without comparing; the reason is told.
    pub no_proof: Option<String>,
    /// How the backup is taken.
    pub backup: BackupRequest,
}

/// The archive, which stands whatever came of the rest, and the staging database.
#[derive(Debug)]
pub struct StageOutcome {
    /// The fresh backup.
    pub backup: BackupOutcome,
    /// What came of restoring it.
    pub restored: Result<RestoreOutcome, OperationError>,
    /// What became of older staging databases on that server.
    pub swept: Swept,
}

/// Backs `target` up and restores the archive into a new staging database on the server of
/// `place`, compared with the archive before it gets its name. Staging databases of that server
/// whose time is over are dropped first.
///
/// # Errors
/// Whatever kept the backup from being taken; a name that is taken is found before that.
pub async fn stage(
    ws: &Workspace,
    target: &Target,
    place: &Place,
    request: &StageRequest,
) -> Result<StageOutcome, OperationError> {
    let engine = ws.engines.get(target.engine())?;
    let on = server_for(target, place)?;
    let swept = drop_expired(ws, on).await?;
    for name in &swept.dropped {
        ws.progress.note(&format!(
            "{name} was dropped: its time as a staging database was over"
        ));
    }
    for (name, error) in &swept.left {
        ws.progress.note(&format!(
            "{name} is a staging database whose time is over, and could not be dropped: {error}"
        ));
    }
    if let Some(name) = &request.into {
        let wanted = NewName::Exactly(name);
        engine.new_name(&ws.context(), on, &wanted).await?;
    }
    let bytes = engine.inspect(&ws.context(), target).await?.bytes;
    check_room(ws, engine.as_ref(), place, bytes).await?;
    let backup = backup(ws, target, &request.backup).await?;
    let restored = restored(ws, on, &backup, request).await;
    Ok(StageOutcome {
        backup,
        restored,
        swept,
    })
}

/// The server that it goes to. A private one would be gone with this command.
fn server_for<'a>(target: &Target, place: &'a Place) -> Result<&'a Target, OperationError> {
    let Some(on) = place.target() else {
        return Err(EngineError::Unsupported {
            what: "a sandbox ends with the command: no staging database can stay in it".to_owned(),
            advice: "name a server that stays: --on TARGET, or --on same-server".to_owned(),
        }
        .into());
    };
    if on.engine() != target.engine() {
        return Err(EngineError::Unsupported {
            what: format!(
                "{} is not a server of {}",
                on.display_url(),
                target.engine().name()
            ),
            advice: "name one of the same kind: --on TARGET, or --on same-server".to_owned(),
        }
        .into());
    }
    Ok(on)
}

async fn restored(
    ws: &Workspace,
    on: &Target,
    backup: &BackupOutcome,
    request: &StageRequest,
) -> Result<RestoreOutcome, OperationError> {
    let engine = ws.engines.get(on.engine())?;
    let name = if let Some(name) = &request.into {
        name.clone()
    } else {
        let suffix = format!("_staging_{}", Utc::now().format("%Y%m%dt%H%M%Sz"));
        let wanted = NewName::Suffixed {
            snapshot: &backup.snapshot,
            suffix: &suffix,
        };
        engine.new_name(&ws.context(), on, &wanted).await?
    };
    let files_into = (!backup.files.is_empty()).then(|| folder_for(&name));
    let options = RestoreOptions {
        files_into,
        no_proof: request.no_proof.clone(),
        staging: Some(request.term),
        ..RestoreOptions::default()
    };
    restore(ws, &backup.path, on, &name, &options).await
}

#[cfg(test)]
mod tests {
    use super::super::fake::{Bench, Fake, Fault, shop};
    use super::*;
    use crate::engine::{CopyKind, Discrepancy};
    use crate::operation::{SandboxOptions, Verdict};

    fn request(into: Option<&str>) -> StageRequest {
        StageRequest {
            into: into.map(str::to_owned),
            term: TimeDelta::days(7),
            no_proof: None,
            backup: BackupRequest::default(),
        }
    }

    async fn staged(bench: &Bench, into: Option<&str>) -> Result<StageOutcome, OperationError> {
        let place = Place::SameServer(shop());
        stage(&bench.ws, &shop(), &place, &request(into)).await
    }

    #[tokio::test]
    async fn a_proven_copy_gets_its_name_and_the_archive_its_receipt() {
        let bench = Bench::new(Fake::default());
        let done = staged(&bench, Some("play")).await.unwrap();
        let restored = done.restored.unwrap();
        assert_eq!(restored.verdict, Some(Verdict::Identical));
        assert_eq!(restored.database.as_deref(), Some("play"));
        let left = restored.expires.unwrap() - Utc::now();
        assert!(left > TimeDelta::days(6) && left <= TimeDelta::days(7));
        let kind = bench.fake.databases.lock().unwrap()["play"];
        assert_eq!(kind, Some(CopyKind::Staging));
        let listed = bench.ws.store.list().unwrap().archives;
        assert_eq!(listed[0].proof, Some(Verdict::Identical));
        assert!(bench.unsettled().is_empty());
    }

    #[tokio::test]
    async fn a_copy_that_differs_gets_no_name_and_the_archive_stands() {
        let bench = Bench::new(Fake::default());
        bench.fake.differences.lock().unwrap().push(Discrepancy {
            object: "public.orders".to_owned(),
            kind: "rows".to_owned(),
            expected: "12".to_owned(),
            found: "11".to_owned(),
        });
        let done = staged(&bench, Some("play")).await.unwrap();
        assert!(done.backup.path.exists());
        let restored = done.restored.unwrap();
        assert_eq!(restored.verdict, Some(Verdict::Different));
        assert_eq!((restored.database, restored.expires), (None, None));
        assert_eq!(bench.fake.names(), ["shop"]);
        assert!(bench.unsettled().is_empty());
    }

    #[tokio::test]
    async fn a_name_that_is_taken_stops_it_before_the_backup() {
        let bench = Bench::new(Fake::default());
        let refused = staged(&bench, Some("shop")).await;
        assert!(matches!(
            refused,
            Err(OperationError::Engine(EngineError::NameTaken { .. }))
        ));
        assert!(!bench.fake.called().contains(&"dump".to_owned()));
        // Somebody was faster: the archive stands, the copy does not.
        let bench = Bench::new(Fake::failing(&[Fault::Publish]));
        let late = staged(&bench, None).await.unwrap();
        assert!(late.restored.is_err() && late.backup.path.exists());
        assert_eq!(bench.fake.names(), ["shop"]);
    }

    #[tokio::test]
    async fn those_whose_time_is_over_go_first_and_a_sandbox_is_no_place() {
        let bench = Bench::new(Fake::default());
        let old = ("old".to_owned(), Some(CopyKind::Staging));
        bench.fake.databases.lock().unwrap().extend([old]);
        let done = staged(&bench, Some("old")).await.unwrap();
        assert_eq!(done.swept.dropped, ["old"]);
        assert_eq!(done.restored.unwrap().database.as_deref(), Some("old"));
        let sandbox = Place::Sandbox(SandboxOptions {
            purpose: crate::engine::SandboxUse::Proof,
            folder: None,
        });
        let refused = stage(&bench.ws, &shop(), &sandbox, &request(None)).await;
        assert!(refused.is_err());
    }
}
