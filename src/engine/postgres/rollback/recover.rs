//! After a crash: what the server shows decides. Databases are known by what never changes, so
//! it does not matter which of the announced acts was done.

use crate::connection::Target;
use crate::connection::postgres::Session;
use crate::engine::rollback::{Act, Intentions, SeenAct, Standing, Swap};
use crate::engine::{Context, EngineError};

use super::super::server;
use super::hold::allow;
use super::present;

/// Lets everybody in again, and says which database has the name.
pub(super) async fn recover(
    context: &Context,
    target: &Target,
    acts: &[SeenAct],
    intentions: &dyn Intentions,
) -> Result<Standing, EngineError> {
    if acts.is_empty() {
        return Ok(Standing::Original);
    }
    let session = server::maintenance(context, target).await?;
    for seen in acts.iter().rev() {
        if let Act::Swap(swap) = &seen.act
            && swapped(&session, target, swap).await?
        {
            // What cannot be written down now is seen again on the server the next time.
            if !seen.done {
                let _unwritten = intentions.done(&seen.act);
            }
            let outcome = format!("put in the place of {}", swap.database);
            let _unwritten = context.ledger.settle(&swap.copy, &outcome);
            return Ok(Standing::RolledBack {
                kept_as: swap.kept_as.clone(),
            });
        }
    }
    let held = acts.iter().rev().find_map(|seen| match &seen.act {
        Act::HoldOff { identity, .. } | Act::Lift { identity, .. } => Some(identity),
        _ => None,
    });
    if let Some(identity) = held
        && present(&session, target, identity).await?.is_some()
    {
        allow(&session, target, identity, true, intentions).await?;
    }
    Ok(Standing::Original)
}

/// Whether the transaction went through: the copy has the name.
async fn swapped(session: &Session, target: &Target, swap: &Swap) -> Result<bool, EngineError> {
    let copy = present(session, target, &swap.copy_identity).await?;
    Ok(copy.is_some_and(|copy| copy.name == swap.database))
}
