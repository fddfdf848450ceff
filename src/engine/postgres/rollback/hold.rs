//! Keeping others out of the original, and letting them in again.

use async_trait::async_trait;

use crate::connection::Target;
use crate::connection::postgres::Session;
use crate::engine::rollback::{Act, Examination, Held, Intentions, Replacement, Standstill};
use crate::engine::{Context, EngineError};

use super::super::quoting::quote_identifier;
use super::super::server;
use super::super::sql_error::sql;
use super::sessions::{Watched, clear};
use super::still::Still;
use super::{present, swap};

/// An original that others are kept out of.
pub(super) struct Hold {
    pub target: Target,
    /// Of the original; `None` if there is none.
    pub identity: Option<String>,
    pub kept_as: String,
    how: Standstill,
    still: Option<Still>,
    notes: Vec<String>,
}

/// Brings the original to a standstill.
pub(super) async fn stand_still(
    context: &Context,
    target: &Target,
    examination: &Examination,
    how: Standstill,
    intentions: &dyn Intentions,
) -> Result<Hold, EngineError> {
    let mut hold = Hold {
        target: target.clone(),
        identity: examination.identity.clone(),
        kept_as: examination.kept_as.clone(),
        how,
        still: None,
        notes: Vec::new(),
    };
    if hold.identity.is_none() {
        return Ok(hold);
    }
    if how.reading {
        hold.still = Some(Still::open(context, target).await?);
    }
    match hold.begin(context, intentions).await {
        Ok(()) => Ok(hold),
        Err(error) => Err(hold.given_up(context, intentions, error).await),
    }
}

impl Hold {
    async fn begin(
        &mut self,
        context: &Context,
        intentions: &dyn Intentions,
    ) -> Result<(), EngineError> {
        let session = server::maintenance(context, &self.target).await?;
        self.allow(&session, false, intentions).await?;
        self.clear(context, &session).await?;
        if let Some(still) = &mut self.still {
            still.lock(context, &self.target).await?;
            self.notes.append(&mut still.notes);
            self.allow(&session, true, intentions).await?;
        }
        Ok(())
    }

    async fn clear(&mut self, context: &Context, session: &Session) -> Result<(), EngineError> {
        let watched = Watched {
            session,
            on: &self.target,
            oid: self.identity.as_deref().unwrap_or_default(),
            own: self.still.as_ref().map(Still::pid),
        };
        let ended = clear(context, &watched, self.how.end_sessions).await?;
        self.notes
            .extend(ended.iter().map(|one| format!("ended: {one}")));
        Ok(())
    }

    /// Lets nobody in, or everybody. Announced, and written down when it is done.
    async fn allow(
        &self,
        session: &Session,
        allowed: bool,
        intentions: &dyn Intentions,
    ) -> Result<(), EngineError> {
        let Some(identity) = &self.identity else {
            return Ok(());
        };
        allow(session, &self.target, identity, allowed, intentions).await
    }

    /// The failure, once everybody may connect again; or both failures.
    async fn given_up(
        &mut self,
        context: &Context,
        intentions: &dyn Intentions,
        error: EngineError,
    ) -> EngineError {
        let context = context.uninterrupted();
        match self.let_go(&context, intentions).await {
            Ok(()) => error,
            Err(second) => still_held(&self.target, &error, &second),
        }
    }
}

/// Nobody may connect, and that could not be changed.
fn still_held(target: &Target, first: &EngineError, second: &EngineError) -> EngineError {
    let database = target.database();
    EngineError::Restore {
        what: format!("{database} takes no connections still: {second}"),
        reasons: vec![first.to_string()],
        advice: Some(format!(
            "bookend rollback lifts it when it is run again; by hand: ALTER DATABASE {} ALLOW_CONNECTIONS true",
            quote_identifier(database)
        )),
    }
}

/// Changes whether anybody may connect to the database of this identity, under whichever name.
pub(super) async fn allow(
    session: &Session,
    on: &Target,
    identity: &str,
    allowed: bool,
    intentions: &dyn Intentions,
) -> Result<(), EngineError> {
    let Some(found) = present(session, on, identity).await? else {
        return Err(EngineError::NotOurs {
            name: on.database().to_owned(),
            why: "it is gone, or another database has its name now".to_owned(),
        });
    };
    if found.allows == allowed {
        return Ok(());
    }
    let (database, identity) = (found.name.clone(), identity.to_owned());
    let act = if allowed {
        Act::Lift { database, identity }
    } else {
        Act::HoldOff { database, identity }
    };
    intentions.about_to(&act).map_err(EngineError::Ledger)?;
    let statement = format!(
        "ALTER DATABASE {} ALLOW_CONNECTIONS {allowed}",
        quote_identifier(&found.name)
    );
    session.batch_execute(&statement).await.map_err(sql(
        on,
        format!(
            "whether others may connect to {} could not be changed",
            found.name
        ),
    ))?;
    intentions.done(&act).map_err(EngineError::Ledger)
}

#[async_trait]
impl Held for Hold {
    fn notes(&self) -> Vec<String> {
        self.notes.clone()
    }

    async fn seal(
        &mut self,
        context: &Context,
        intentions: &dyn Intentions,
    ) -> Result<(), EngineError> {
        if self.still.is_none() {
            return Ok(());
        }
        let session = server::maintenance(context, &self.target).await?;
        self.allow(&session, false, intentions).await?;
        self.clear(context, &session).await?;
        if let Some(still) = &mut self.still
            && !still.is_unchanged(&self.target).await?
        {
            return Err(EngineError::Unsupported {
                what: format!(
                    "definitions or large objects of {} were changed while what was written was exported",
                    self.target.database()
                ),
                advice: "stop what changes them and run it again".to_owned(),
            });
        }
        Ok(())
    }

    async fn swap(
        &mut self,
        context: &Context,
        replacement: Replacement,
        intentions: &dyn Intentions,
    ) -> Result<(), EngineError> {
        // A rename wants nobody connected, us included.
        self.still = None;
        swap::swap(context, self, replacement, intentions).await
    }

    async fn let_go(
        &mut self,
        context: &Context,
        intentions: &dyn Intentions,
    ) -> Result<(), EngineError> {
        self.still = None;
        let Some(identity) = &self.identity else {
            return Ok(());
        };
        let session = server::maintenance(context, &self.target).await?;
        allow(&session, &self.target, identity, true, intentions).await
    }
}
