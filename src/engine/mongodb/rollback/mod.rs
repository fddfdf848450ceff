//! Putting a proven copy in the place of a database that cannot be renamed: its collections are
//! moved beside the failed ones under names of their own, compared once more, and then each
//! failed one is put aside and the copy's put in its place. Each rename is atomic.
//!
//! Moving a collection between databases copies it on the server, with its options, indexes,
//! empty timestamps and invalid documents, while others go on reading and writing (seen on 6.0).

mod examine;
mod place;
mod recover;
mod rename;

use async_trait::async_trait;

use crate::connection::Target;
use crate::engine::rollback::{
    Act, Examination, Held, InPlace, Intentions, Replacement, Rollback, SeenAct, Standing,
    Standstill,
};
use crate::engine::{Context, EngineError};
use crate::snapshot::Snapshot;

use super::{Mongodb, catalogue, copies, server};

/// Stands for a collection's name in what is told of the names it is kept under.
const ANY: &str = "*";

#[async_trait]
impl Rollback for Mongodb {
    async fn examine(
        &self,
        context: &Context,
        target: &Target,
        archive: &Snapshot,
        stamp: &str,
    ) -> Result<Examination, EngineError> {
        examine::examine(context, target, archive, stamp).await
    }

    async fn stand_still(
        &self,
        _context: &Context,
        target: &Target,
        examination: &Examination,
        how: Standstill,
        _intentions: &dyn Intentions,
    ) -> Result<Box<dyn Held>, EngineError> {
        let mut notes = vec![
            "what they write from now on is in the collections put aside, or in those put back"
                .to_owned(),
        ];
        if how.end_sessions {
            notes.push("--end-sessions: MongoDB has no sessions of one database to end".to_owned());
        }
        Ok(Box::new(Open {
            target: target.clone(),
            aside: examination.kept_as.replacen(ANY, "", 1),
            notes,
        }))
    }

    async fn recover(
        &self,
        context: &Context,
        target: &Target,
        acts: &[SeenAct],
        intentions: &dyn Intentions,
    ) -> Result<Standing, EngineError> {
        recover::recover(context, target, acts, intentions).await
    }
}

/// A database that others cannot be kept out of.
struct Open {
    target: Target,
    /// Behind the names of what is put aside.
    aside: String,
    notes: Vec<String>,
}

#[async_trait]
impl Held for Open {
    fn notes(&self) -> Vec<String> {
        self.notes.clone()
    }

    async fn seal(
        &mut self,
        _context: &Context,
        _intentions: &dyn Intentions,
    ) -> Result<(), EngineError> {
        Ok(())
    }

    async fn swap(
        &mut self,
        context: &Context,
        replacement: Replacement,
        intentions: &dyn Intentions,
    ) -> Result<(), EngineError> {
        let session = server::connect(context, &self.target).await?;
        let found = catalogue::read(&session, session.database()).await?;
        let wanted = super::restore::definitions(replacement.source.as_ref()).await?;
        let random: u64 = rand::Rng::random(&mut rand::rng());
        let work = InPlace {
            database: self.target.database().to_owned(),
            copy: replacement.copy.name.clone(),
            fresh: format!("{}{:08x}", examine::FRESH, random & 0xffff_ffff),
            aside: self.aside.clone(),
            wanted: place::names(&wanted),
            found: place::names(&found),
        };
        let announce = |act: &Act| intentions.about_to(act).map_err(EngineError::Ledger);
        let settle = |act: &Act| intentions.done(act).map_err(EngineError::Ledger);
        let load = Act::Load(work.clone());
        announce(&load)?;
        place::load(&session, &work, &wanted).await?;
        place::check_loaded(context, &session, &work, replacement.source.snapshot()).await?;
        settle(&load)?;
        place::replace_all(&session, &work, intentions).await?;
        let finish = Act::Finish(work.clone());
        announce(&finish)?;
        place::finish(&session, &work).await?;
        place::check_finished(&session, replacement.source.snapshot()).await?;
        settle(&finish)?;
        copies::discard(context, replacement.copy).await
    }

    async fn let_go(
        &mut self,
        _context: &Context,
        _intentions: &dyn Intentions,
    ) -> Result<(), EngineError> {
        Ok(())
    }
}

/// The last rollback among the acts, if there was one.
fn last(acts: &[SeenAct]) -> Option<&InPlace> {
    acts.iter().rev().find_map(|seen| match &seen.act {
        Act::Load(work) => Some(work),
        _ => None,
    })
}
