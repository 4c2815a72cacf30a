//! The health of a chain.

use std::time::SystemTime;

use pledge_core::indexer::ChainStatus;
use pledge_core::ledger::TokenState;
use pledge_core::logs::ContractState;
use pledge_core::ports::ChainState;
use pledge_core::query::furthest_behind;
use pledge_core::types::{BlockNumber, ChainId, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

use super::chain::HaltedToken;
use super::{Age, MarkedToken};

/// The health of a chain, for `/readyz`.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ChainHealth {
    chain_id: ChainId,
    name: String,
    /// The status reported by the indexer; `degraded` if a token is stopped. Failures of nodes and
    /// store have no reason here.
    #[schema(value_type = crate::schema::ChainStatusSchema)]
    status: &'static str,
    reason: Option<String>,
    /// Why it is halted besides, while it is paused; null otherwise.
    halt_reason: Option<String>,
    head_block: Option<BlockNumber>,
    head_time: Option<Timestamp>,
    head_age_seconds: Option<Age>,
    last_confirmed_block: Option<BlockNumber>,
    last_confirmed_time: Option<Timestamp>,
    last_confirmed_age_seconds: Option<Age>,
    halted_tokens: Vec<HaltedToken>,
    /// Tokens that are followed, but whose figures may be wrong.
    marked_tokens: Vec<MarkedToken>,
}

impl ChainHealth {
    /// The health of a chain, from its state, tokens and contracts in the store.
    pub(crate) fn of(
        state: &ChainState,
        tokens: &[TokenState],
        contracts: &[ContractState],
        now: SystemTime,
    ) -> Self {
        let confirmed = furthest_behind(tokens, contracts);
        let halted_tokens = HaltedToken::among(tokens);
        let (status, reason) = match &state.status {
            ChainStatus::Live | ChainStatus::Syncing if !halted_tokens.is_empty() => {
                let (stopped, all) = (halted_tokens.len(), tokens.len());
                ("degraded", Some(format!("{stopped} of {all} tokens stopped")))
            }
            // Texts of nodes and servers may contain hosts; they are in the log and in `pledge
            // status`.
            ChainStatus::Degraded(_) => ("degraded", None),
            status => (status.name(), status.reason().map(str::to_owned)),
        };
        let confirmed_time = confirmed.map(|block| block.time);
        let age = |time: Option<Timestamp>| time.map(|time| Age::of(time, now));
        Self {
            chain_id: state.chain,
            name: state.name.clone(),
            status,
            reason,
            halt_reason: state.status.halt_under_pause().map(str::to_owned),
            head_block: state.head,
            head_time: state.head_time,
            head_age_seconds: age(state.head_time),
            last_confirmed_block: confirmed.map(|block| block.number),
            last_confirmed_time: confirmed_time,
            last_confirmed_age_seconds: age(confirmed_time),
            halted_tokens,
            marked_tokens: MarkedToken::among(tokens),
        }
    }

    /// The status, as it is shown.
    pub(crate) const fn status(&self) -> &'static str {
        self.status
    }

    /// Whether the chain is up to date or will be soon.
    pub(crate) fn is_well(&self) -> bool {
        matches!(self.status, "live" | "syncing")
    }
}
