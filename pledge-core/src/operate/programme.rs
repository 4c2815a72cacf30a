//! Adding a programme, and changing its rates.

use super::{Changed, OperateError, token};
use crate::audit::Attribution;
use crate::engine::{Ports, Registration};
use crate::error::{StoreError, StoreErrorKind};
use crate::points::Programme;
use crate::ports::{ProgrammeState, ShardProgress};
use crate::types::{ProgrammeId, RateSchedule, ShardCount, Timestamp, WindowLength};

/// A programme that is added: the shards are the default's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewProgramme {
    /// Its token and name.
    pub id: ProgrammeId,
    /// Points per whole token per hour over time.
    pub rates: RateSchedule,
    /// The length of a settlement window.
    pub window: WindowLength,
}

/// Gives a token one more programme, which earns from the token's first block on.
pub async fn add_programme(
    ports: &Ports,
    new: NewProgramme,
    by: &Attribution,
) -> Result<ProgrammeState, OperateError> {
    let NewProgramme { id, rates, window } = new;
    token::state_of(&*ports.balances, id.token).await?;
    let programme = Programme { id, rates, window, shards: ShardCount::default() };
    let added = Registration::new(ports).new_programme(&programme, by).await;
    match added.map_err(StoreError::from) {
        Err(error) if error.kind() == StoreErrorKind::Conflict => {
            return Err(OperateError::ProgrammeExists(programme.id));
        }
        added => added?,
    }
    find(ports, &programme.id).await?.ok_or(OperateError::UnknownProgramme(programme.id))
}

/// Gives a programme other rates from what is settled on. The rates before stay as they are.
pub async fn change_rates(
    ports: &Ports,
    id: &ProgrammeId,
    rates: RateSchedule,
    by: &Attribution,
) -> Result<Changed<ProgrammeState>, OperateError> {
    token::state_of(&*ports.balances, id.token).await?;
    let unknown = || OperateError::UnknownProgramme(id.clone());
    let before = find(ports, id).await?.ok_or_else(unknown)?;
    // Also what a rewind took back: rows that stay listed were computed by these rates.
    let published = before.shards.iter().filter_map(ShardProgress::published).max();
    let settled = published.unwrap_or(Timestamp::ZERO);
    if !before.programme.rates.agrees_before(&rates, settled) {
        return Err(OperateError::RateSettled { programme: id.clone(), settled });
    }
    let programme = Programme { rates, ..before.programme.clone() };
    Registration::new(ports).programme(&programme, by).await.map_err(StoreError::from)?;
    let after = find(ports, id).await?.ok_or_else(unknown)?;
    Ok(Changed { before, after })
}

async fn find(ports: &Ports, id: &ProgrammeId) -> Result<Option<ProgrammeState>, StoreError> {
    let states = ports.points.programmes(id.token).await?;
    Ok(states.into_iter().find(|state| state.programme.id == *id))
}
