//! After a crash: until the first collection changed places it is undone, from then on finished.

use crate::connection::Target;
use crate::engine::rollback::{Act, InPlace, Intentions, SeenAct, Standing};
use crate::engine::{Context, EngineError};

use super::super::server;
use super::{ANY, last, place};

/// Finishes or undoes.
pub(super) async fn recover(
    context: &Context,
    target: &Target,
    acts: &[SeenAct],
    intentions: &dyn Intentions,
) -> Result<Standing, EngineError> {
    let Some(work) = last(acts) else {
        return Ok(Standing::Original);
    };
    let finish = Act::Finish(work.clone());
    if acts.iter().any(|seen| seen.act == finish && seen.done) {
        return Ok(rolled_back(work));
    }
    let session = server::connect(context, target).await?;
    let begun = acts
        .iter()
        .any(|seen| matches!(&seen.act, Act::Replace { fresh, .. } if *fresh == work.fresh));
    if !begun {
        place::unload(&session, work).await?;
        return Ok(Standing::Original);
    }
    place::replace_all(&session, work, intentions).await?;
    intentions.about_to(&finish).map_err(EngineError::Ledger)?;
    place::finish(&session, work).await?;
    intentions.done(&finish).map_err(EngineError::Ledger)?;
    Ok(rolled_back(work))
}

fn rolled_back(work: &InPlace) -> Standing {
    Standing::RolledBack {
        kept_as: format!("{ANY}{}", work.aside),
    }
}
