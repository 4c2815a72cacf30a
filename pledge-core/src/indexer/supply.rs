//! Whether the ledger's supply is the contract's: asked now and then, where the node is sure to know.

use std::collections::BTreeMap;

use super::driver::error_chain;
use crate::error::{ChainErrorKind, StoreError, StoreErrorKind};
use crate::ledger::{SupplyAnswer, TokenState};
use crate::ports::{BalanceStore, ChainSource};
use crate::types::{BlockNumber, BlockRef, Timestamp, TokenId};

const DAY_SECONDS: u64 = 86_400;
/// A node that had no answer is asked again after so many seconds of block time.
const RETRY_SECONDS: u64 = 600;

/// Compares the supply of each token that is live: once, and again after each UTC day of confirmed block
/// time. It marks a token and halts none, and a node without an answer holds nothing up.
#[derive(Debug, Default)]
pub(super) struct SupplyChecks {
    /// The block times at which there was no answer.
    unanswered: BTreeMap<TokenId, Timestamp>,
}

impl SupplyChecks {
    /// Asks about every token that stands at the confirmed block and is due.
    pub(super) async fn run(
        &mut self,
        source: &dyn ChainSource,
        store: &dyn BalanceStore,
        tokens: &[TokenState],
        confirmed: Option<BlockNumber>,
    ) -> Result<(), StoreError> {
        for token in tokens {
            let live = token.cursor.filter(|cursor| Some(cursor.number) == confirmed);
            let unanswered = self.unanswered.get(&token.spec.id).copied();
            if let Some(cursor) = live.filter(|cursor| is_due(token, unanswered, cursor.time)) {
                self.check(source, store, token, &cursor).await?;
            }
        }
        Ok(())
    }

    async fn check(
        &mut self,
        source: &dyn ChainSource,
        store: &dyn BalanceStore,
        token: &TokenState,
        cursor: &BlockRef,
    ) -> Result<(), StoreError> {
        let id = token.spec.id;
        let answer = match source.total_supply(id.address, cursor.id()).await {
            Ok(supply) => SupplyAnswer::Total(supply),
            // A reorg, of which the next poll learns.
            Err(error) if error.kind() == ChainErrorKind::BlockGone => return Ok(()),
            Err(error) => SupplyAnswer::Missing(error_chain(&error)),
        };
        match &answer {
            SupplyAnswer::Total(_) => self.unanswered.remove(&id),
            SupplyAnswer::Missing(_) => self.unanswered.insert(id, cursor.time),
        };
        log_news(token, cursor, &answer);
        match store.record_supply(id, cursor.id(), &answer).await {
            // The token moved meanwhile, and is asked about again where it stands now.
            Err(error) if error.kind() == StoreErrorKind::Conflict => Ok(()),
            recorded => recorded,
        }
    }
}

/// Whether a token that stands at the confirmed block is to be compared: it never was, or another UTC day
/// has begun since; and there was no attempt in vain just before.
fn is_due(token: &TokenState, unanswered: Option<Timestamp>, confirmed: Timestamp) -> bool {
    let day = |time: Timestamp| time.get() / DAY_SECONDS;
    let is_new_day = token.supply_check.is_none_or(|last| day(last.time) < day(confirmed));
    let rests = unanswered.is_some_and(|at| {
        confirmed.seconds_since(at).is_some_and(|seconds| seconds < RETRY_SECONDS)
    });
    is_new_day && !rests
}

/// Logs what is new: a difference, its end, or that there is no answer.
fn log_news(token: &TokenState, cursor: &BlockRef, answer: &SupplyAnswer) {
    let (id, block, ledger) = (token.spec.id, cursor.number, token.totals.supply);
    let was_marked = token.non_conserving().is_some();
    match answer {
        SupplyAnswer::Total(on_chain) if *on_chain != ledger && !was_marked => tracing::warn!(
            token = %id, %block, %ledger, contract = %on_chain,
            "the contract's totalSupply is not the ledger's supply: it moves balances without Transfer \
             logs, or start_block is later than its first mint"
        ),
        SupplyAnswer::Total(on_chain) if *on_chain == ledger && was_marked => {
            tracing::info!(token = %id, %block, %ledger, "the contract's totalSupply is the ledger's again");
        }
        SupplyAnswer::Total(_) => {}
        SupplyAnswer::Missing(reason) if token.supply_unanswered.as_ref() != Some(reason) => {
            tracing::warn!(token = %id, %block, reason, "the node has no totalSupply, so the supply is not compared now");
        }
        SupplyAnswer::Missing(_) => {}
    }
}
