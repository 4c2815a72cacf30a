//! Compares what the store has of a chain with the configuration.

use pledge_core::error::StoreError;
use pledge_core::ledger::TokenSpec;
use pledge_core::ports::{ProgrammeState, ShardProgress};
use pledge_core::types::{ProgrammeId, Rate, Timestamp, TokenId};

use super::{contracts, token_id};
use crate::config::{ChainConfig, PointsConfig, Problems, TokenConfig};
use crate::stores::Stores;

/// Checks each token against the store: registered specs and settled rates are fixed.
pub(super) async fn check_all(
    chain: &ChainConfig,
    stores: &Stores,
    problems: &mut Problems,
) -> Result<Vec<Option<TokenSpec>>, StoreError> {
    let mut known = Vec::with_capacity(chain.tokens.len());
    for token in &chain.tokens {
        let id = token_id(chain, token);
        let spec = stores.balances.token(id).await?.map(|state| state.spec);
        if let Some(spec) = &spec {
            check_start_block(token, spec, problems);
            check_decimals(token, spec, problems);
            check_programme(token, id, stores, problems).await?;
        } else if let Some(error) = token.points.as_ref().and_then(PointsConfig::refuse_new) {
            problems.extend(error);
        }
        known.push(spec);
    }
    Ok(known)
}

fn check_start_block(token: &TokenConfig, spec: &TokenSpec, problems: &mut Problems) {
    let registered = spec.start_block;
    if let Some(configured) = token.start_block
        && configured != registered
    {
        let what = format!(
            "{configured} differs from {registered}, from which this token is in the database \
             already: write {registered}, or use a new database"
        );
        problems.add(&token.key.child("start_block"), what);
    }
}

fn check_decimals(token: &TokenConfig, spec: &TokenSpec, problems: &mut Problems) {
    let registered = spec.metadata.decimals;
    if let Some(configured) = token.decimals.filter(|configured| *configured != registered) {
        let what = format!(
            "{} differs from {}, with which this token is in the database already: write that, or \
             use a new database",
            configured.get(),
            registered.get()
        );
        problems.add(&token.key.child("decimals"), what);
    }
}

async fn check_programme(
    token: &TokenConfig,
    id: TokenId,
    stores: &Stores,
    problems: &mut Problems,
) -> Result<(), StoreError> {
    let Some(points) = &token.points else {
        return Ok(());
    };
    if let Some(state) = programme_main(id, stores).await? {
        // Also where a rewind has taken it back: rows that stay listed were computed by these
        // rates.
        let reached = state.shards.iter().filter_map(ShardProgress::published).max();
        if let Some(reason) = state.programme.refuse_change(&points.programme(id), reached) {
            let dated = reached.map(|time| format!(" (settled up to {time})"));
            problems.add(&points.key, format!("{reason}{}", dated.unwrap_or_default()));
        }
    } else if let Some(error) = points.refuse_new() {
        problems.extend(error);
    }
    Ok(())
}

pub(super) async fn programme_main(
    token: TokenId,
    stores: &Stores,
) -> Result<Option<ProgrammeState>, StoreError> {
    let states = stores.points.programmes(token).await?;
    Ok(states.into_iter().find(|state| state.programme.id == ProgrammeId::main(token)))
}

/// The tokens that the store does not have yet.
pub(super) async fn unknown_tokens(
    chain: &ChainConfig,
    stores: &Stores,
) -> Result<Vec<TokenConfig>, StoreError> {
    let mut unknown = Vec::new();
    for token in &chain.tokens {
        if stores.balances.token(token_id(chain, token)).await?.is_none() {
            unknown.push(token.clone());
        }
    }
    Ok(unknown)
}

/// Warns of contracts, tokens and programmes that the configuration no longer has: they continue.
pub async fn announce(chain: &ChainConfig, stores: &Stores) -> Result<(), StoreError> {
    contracts::announce(chain, stores).await?;
    for token in stores.balances.tokens(chain.id).await? {
        let id = token.spec.id;
        let configured = chain.tokens.iter().find(|token| token.address == id.address);
        if configured.is_none() {
            tracing::warn!(token = %id, "still followed, though no longer in the configuration");
        }
        if configured.is_some_and(|token| token.points.is_some()) {
            continue;
        }
        if programme_main(id, stores).await?.is_some_and(|state| earns(&state)) {
            tracing::warn!(
                "programme main of {id} still earns; to end it, add a step to rate \"0\" to its \
                 points section instead of removing the section"
            );
        }
    }
    Ok(())
}

/// Whether any rate but zero lies after what is settled.
fn earns(state: &ProgrammeState) -> bool {
    let settled = state.settled().unwrap_or(Timestamp::ZERO);
    let mut pieces = state.programme.rates.pieces(settled, Timestamp::MAX);
    pieces.any(|piece| piece.value != Rate::ZERO)
}

/// Replaces a name generated by the command line with the name that the chain has in the store.
pub async fn keep_known_names(
    chains: &mut [ChainConfig],
    stores: &Stores,
) -> Result<(), StoreError> {
    let known = stores.balances.chains().await?;
    for chain in chains.iter_mut().filter(|chain| !chain.is_named) {
        if let Some(state) = known.iter().find(|state| state.chain == chain.id) {
            chain.name.clone_from(&state.name);
        }
    }
    Ok(())
}
