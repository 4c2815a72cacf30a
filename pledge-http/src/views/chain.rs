//! The view of a chain.

use std::time::SystemTime;

use pledge_core::ledger::{TokenState, TokenStatus};
use pledge_core::query;
use pledge_core::types::{BlockNumber, ChainId, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

use super::{Age, ContractView, Eip55, ReasonCode, Stop};

/// A chain as last reported by its indexer, with the minimum of each figure over its active tokens
/// and its contracts. A figure is null while one of them has none.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Chain)]
pub struct ChainView {
    /// Its number on every node.
    pub chain_id: ChainId,
    /// Its name in the store.
    pub name: String,
    /// What its indexer is doing.
    #[schema(value_type = crate::schema::ChainStatusSchema)]
    pub status: &'static str,
    /// Why it is degraded, paused or halted, for programs.
    pub reason_code: Option<ReasonCode>,
    /// Why it is degraded, paused or halted.
    pub reason: Option<String>,
    /// Why it is halted besides, while it is paused; null otherwise.
    pub halt_reason: Option<String>,
    /// The newest block that was seen.
    pub head_block: Option<BlockNumber>,
    /// When that was mined.
    pub head_time: Option<Timestamp>,
    /// How long ago that was.
    pub head_age_seconds: Option<Age>,
    /// The newest block whose facts are held, confirmed or not.
    pub last_processed_block: Option<BlockNumber>,
    /// The cursor that is furthest behind.
    pub last_confirmed_block: Option<BlockNumber>,
    /// When that block was mined.
    pub last_confirmed_time: Option<Timestamp>,
    /// The last block of the chain before `last_calculated_time`: the points of the blocks up to it
    /// are settled. Null while it is not found yet, too.
    pub last_calculated_block: Option<BlockNumber>,
    /// The settled time of the programme that is furthest behind.
    pub last_calculated_time: Option<Timestamp>,
    /// How long ago the last confirmed block was mined.
    pub last_confirmed_age_seconds: Option<Age>,
    /// Blocks between the confirmed one and the head.
    #[serde(skip)]
    #[schema(ignore)]
    pub lag: Option<u64>,
    /// The halted and paused tokens.
    pub halted_tokens: Vec<HaltedToken>,
    /// The contracts whose logs are kept.
    pub contracts: Vec<ContractView>,
}

/// A halted or paused token, and the reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct HaltedToken {
    /// The address of its contract.
    pub address: Eip55,
    /// Its symbol, as the contract returned it.
    pub symbol: String,
    /// Why it is halted or paused, for programs.
    pub reason_code: ReasonCode,
    /// Why it is halted or paused, or both.
    pub reason: String,
}

impl HaltedToken {
    /// The halted and paused ones among a chain's tokens.
    pub(super) fn among<'a>(tokens: impl IntoIterator<Item = &'a TokenState>) -> Vec<Self> {
        let halted = tokens.into_iter().filter_map(|token| {
            let reason_code = ReasonCode::of_token(&token.status)?;
            let reason = match &token.status {
                TokenStatus::Active => return None,
                TokenStatus::Halted(halt) => halt.clone(),
                TokenStatus::Paused(pause) => paused(pause.as_ref()),
                TokenStatus::PausedAndHalted { pause, halt } => {
                    format!("{halt}; {}", paused(pause.as_ref()))
                }
            };
            let (address, symbol) = (token.spec.id.address, token.spec.metadata.symbol.clone());
            Some(Self { address: Eip55(address), symbol, reason_code, reason })
        });
        halted.collect()
    }

    /// Both reasons without what an operator wrote.
    fn public_reason(status: &TokenStatus) -> Option<String> {
        let reason = ReasonCode::text_of_token(status)?;
        Some(match status.halt_under_pause() {
            Some(halt) => format!("{halt}; {reason}"),
            None => reason,
        })
    }
}

fn paused(reason: Option<&String>) -> String {
    let reason = reason.map_or(String::new(), |reason| format!(": {reason}"));
    format!("paused by an operator{reason}")
}

impl ChainView {
    /// A chain as it is shown at this time of the clock.
    pub fn of(chain: query::ChainView, now: SystemTime) -> Self {
        let lag = chain.lag();
        let query::ChainView { state, progress, tokens, contracts } = chain;
        // An age is by the clock of this machine, which no query knows.
        let age = |time: Option<Timestamp>| time.map(|time| Age::of(time, now));
        let confirmed_time = progress.confirmed.map(|block| block.time);
        let Stop { status, reason, halt_reason } = Stop::of_chain(&state.status, true);
        Self {
            chain_id: state.chain,
            status,
            reason_code: ReasonCode::of_chain(&state.status),
            reason,
            halt_reason,
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

    /// The chain for the public: without texts of nodes, servers and operators.
    pub(crate) fn public(chain: query::ChainView, now: SystemTime) -> Self {
        let tokens = chain.tokens.iter().map(|token| &token.state);
        let halted_tokens = HaltedToken::among(tokens.clone())
            .into_iter()
            .zip(tokens.filter_map(|token| HaltedToken::public_reason(&token.status)))
            .map(|(token, reason)| HaltedToken { reason, ..token })
            .collect();
        let Stop { reason, halt_reason, .. } = Stop::of_chain(&chain.state.status, false);
        Self { reason, halt_reason, halted_tokens, ..Self::of(chain, now) }
    }
}
