//! Whether the ledger's supply equals the contract's: checked now and then, where the node has the
//! answer.

use std::collections::BTreeMap;

use crate::error::{StoreError, StoreErrorKind, error_chain};
use crate::ledger::{SupplyAnswer, TokenState};
use crate::ports::{BalanceStore, ChainSource, ChainSourceExt};
use crate::types::{BlockNumber, BlockRef, Timestamp, TokenId};

const DAY_SECONDS: u64 = 86_400;
/// A node without an answer is asked again after this many seconds of block time.
const RETRY_SECONDS: u64 = 600;

/// Bounds the time that a poll spends on checks; the other tokens are checked in the next polls.
const CHECKS_PER_POLL: usize = 16;

/// Compares the supply of each live token once, and again after each UTC day of confirmed block
/// time. A difference marks a token and halts none, and a node without an answer holds nothing up.
#[derive(Debug, Default)]
pub(super) struct SupplyChecks {
    /// The block time of the last attempt without an answer, by token.
    unanswered: BTreeMap<TokenId, Timestamp>,
}

/// The sources that are asked for supplies.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) source: &'a dyn ChainSource,
    /// Asked for the supply again when a difference is new.
    pub(super) second: &'a dyn ChainSource,
}

impl SupplyChecks {
    /// Checks the tokens at the confirmed block that are due, until one has no answer: a node that
    /// is slow to fail is not asked again now.
    pub(super) async fn run<'a>(
        &mut self,
        asked: Asked<'_>,
        store: &dyn BalanceStore,
        tokens: impl Iterator<Item = &'a TokenState>,
        confirmed: Option<BlockNumber>,
    ) -> Result<(), StoreError> {
        // Only at the confirmed block: a node may have dropped the state of older blocks.
        let live = |token: &TokenState| token.cursor.filter(|c| Some(c.number) == confirmed);
        let is_due = |token: &TokenState, cursor: &BlockRef| {
            is_due(token, self.unanswered.get(&token.spec.id).copied(), cursor.time)
        };
        let due: Vec<_> = tokens
            .filter_map(|token| live(token).map(|cursor| (token, cursor)))
            .filter(|(token, cursor)| is_due(token, cursor))
            .take(CHECKS_PER_POLL)
            .collect();
        for (token, cursor) in due {
            let answer = asked.supply(token, &cursor).await;
            self.record(store, token, &cursor, &answer).await?;
            if let SupplyAnswer::Missing(_) = answer {
                break;
            }
        }
        Ok(())
    }

    async fn record(
        &mut self,
        store: &dyn BalanceStore,
        token: &TokenState,
        cursor: &BlockRef,
        answer: &SupplyAnswer,
    ) -> Result<(), StoreError> {
        let id = token.spec.id;
        match answer {
            SupplyAnswer::Total(_) => self.unanswered.remove(&id),
            SupplyAnswer::Missing(_) => self.unanswered.insert(id, cursor.time),
        };
        log_news(token, cursor, answer);
        match store.record_supply(id, cursor.id(), answer).await {
            // The token moved meanwhile, and is checked again at its new cursor.
            Err(error) if error.kind() == StoreErrorKind::Conflict => Ok(()),
            recorded => recorded,
        }
    }
}

impl Asked<'_> {
    /// The contract's supply at a block. One answer alone never marks a token.
    async fn supply(&self, token: &TokenState, cursor: &BlockRef) -> SupplyAnswer {
        let (address, at) = (token.spec.id.address, cursor.id());
        let total = match self.source.total_supply(address, at).await {
            Ok(total) => total,
            Err(error) => return SupplyAnswer::Missing(error_chain(&error)),
        };
        // Only a new mark needs a second answer.
        if total == token.totals.supply || token.non_conserving().is_some() {
            return SupplyAnswer::Total(total);
        }
        match self.second.total_supply(address, at).await {
            Ok(again) if again == total => SupplyAnswer::Total(total),
            Ok(again) => SupplyAnswer::Missing(format!(
                "totalSupply was answered as {total} and then as {again} for block {cursor}"
            )),
            Err(error) => SupplyAnswer::Missing(error_chain(&error)),
        }
    }
}

/// Whether a token at the confirmed block is due: it was never compared, or a new UTC day has begun
/// since; and no attempt failed just before.
fn is_due(token: &TokenState, unanswered: Option<Timestamp>, confirmed: Timestamp) -> bool {
    let day = |time: Timestamp| time.get() / DAY_SECONDS;
    let is_new_day = token.supply_check.is_none_or(|last| day(last.time) < day(confirmed));
    let rests = unanswered.is_some_and(|at| {
        confirmed.seconds_since(at).is_some_and(|seconds| seconds < RETRY_SECONDS)
    });
    is_new_day && !rests
}

/// Logs only what is new: a difference, its end, or a missing answer.
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
