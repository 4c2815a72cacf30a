//! The view of a chain.

use std::time::SystemTime;

use pledge_core::ledger::{TokenState, TokenStatus};
use pledge_core::query;
use pledge_core::types::{BlockNumber, ChainId, Timestamp};
use serde::Serialize;

use super::{Age, ContractView, Eip55, way_on};

/// A chain as last reported by its indexer, with the minimum of each figure over its active tokens
/// and its contracts. A figure is null while one of them has none.
#[derive(Debug, Serialize)]
pub(crate) struct ChainView {
    pub(crate) chain_id: ChainId,
    pub(crate) name: String,
    pub(crate) status: &'static str,
    pub(crate) reason: Option<String>,
    /// How the operator sets it going again, if needed.
    #[serde(skip)]
    pub(crate) way_on: Option<String>,
    pub(crate) head_block: Option<BlockNumber>,
    pub(crate) head_time: Option<Timestamp>,
    pub(crate) head_age_seconds: Option<Age>,
    pub(crate) last_processed_block: Option<BlockNumber>,
    /// The cursor that is furthest behind, and its time.
    pub(crate) last_confirmed_block: Option<BlockNumber>,
    pub(crate) last_confirmed_time: Option<Timestamp>,
    /// The last block of the chain before `last_calculated_time`: the points of the blocks up to it
    /// are settled. Null while it is not found yet, too.
    pub(crate) last_calculated_block: Option<BlockNumber>,
    /// The settled time of the programme that is furthest behind.
    pub(crate) last_calculated_time: Option<Timestamp>,
    pub(crate) last_confirmed_age_seconds: Option<Age>,
    /// Blocks between the confirmed one and the head.
    #[serde(skip)]
    pub(crate) lag: Option<u64>,
    /// The halted tokens.
    pub(crate) halted_tokens: Vec<HaltedToken>,
    /// The contracts whose logs are kept.
    pub(crate) contracts: Vec<ContractView>,
}

/// A halted or paused token, and the reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct HaltedToken {
    pub(crate) address: Eip55,
    pub(crate) symbol: String,
    pub(crate) reason: String,
}

impl HaltedToken {
    /// The halted and paused ones among a chain's tokens.
    pub(crate) fn among<'a>(tokens: impl IntoIterator<Item = &'a TokenState>) -> Vec<Self> {
        let halted = tokens.into_iter().filter_map(|token| {
            let reason = match &token.status {
                TokenStatus::Active => return None,
                TokenStatus::Halted(reason) => reason.clone(),
                TokenStatus::Paused(None) => "paused by an operator".to_owned(),
                TokenStatus::Paused(Some(reason)) => format!("paused by an operator: {reason}"),
            };
            let (address, symbol) = (token.spec.id.address, token.spec.metadata.symbol.clone());
            Some(Self { address: Eip55(address), symbol, reason })
        });
        halted.collect()
    }
}

impl ChainView {
    /// A chain as it is shown at this time of the clock.
    pub(crate) fn of(chain: query::ChainView, now: SystemTime) -> Self {
        let lag = chain.lag();
        let query::ChainView { state, progress, tokens, contracts } = chain;
        // An age is by the clock of this machine, which no query knows.
        let age = |time: Option<Timestamp>| time.map(|time| Age::of(time, now));
        let confirmed_time = progress.confirmed.map(|block| block.time);
        Self {
            chain_id: state.chain,
            status: state.status.name(),
            reason: state.status.reason().map(str::to_owned),
            way_on: way_on(&state.name, &state.status),
            name: state.name,
            head_block: state.head,
            head_time: state.head_time,
            head_age_seconds: age(state.head_time),
            last_processed_block: state.processed,
            last_confirmed_block: progress.confirmed.map(|block| block.number),
            last_confirmed_time: confirmed_time,
            last_calculated_block: progress.calculated_block,
            last_calculated_time: progress.calculated,
            last_confirmed_age_seconds: age(confirmed_time),
            lag,
            halted_tokens: HaltedToken::among(tokens.iter().map(|token| &token.state)),
            contracts: contracts.iter().map(ContractView::of).collect(),
        }
    }
}
