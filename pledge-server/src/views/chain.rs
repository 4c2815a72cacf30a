//! The view of a chain.

use std::time::SystemTime;

use pledge_core::error::StoreError;
use pledge_core::ledger::TokenState;
use pledge_core::ports::{ChainState, ProgrammeState};
use pledge_core::query::Queries;
use pledge_core::types::{BlockNumber, ChainId, Timestamp};
use serde::Serialize;

use super::{Age, Eip55, in_one_epoch, way_on};

/// A chain as last reported by its indexer, with the minimum of each figure over its active tokens.
/// A figure is null while one of them has none.
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
    #[serde(flatten)]
    pub(crate) figures: Figures,
    pub(crate) last_confirmed_age_seconds: Option<Age>,
    /// The halted tokens.
    pub(crate) halted_tokens: Vec<HaltedToken>,
}

/// A halted token, and the reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct HaltedToken {
    pub(crate) address: Eip55,
    pub(crate) symbol: String,
    pub(crate) reason: String,
}

impl HaltedToken {
    /// The halted ones among a chain's tokens.
    pub(crate) fn among(tokens: &[TokenState]) -> Vec<Self> {
        let halted = tokens.iter().filter_map(|token| {
            Some(Self {
                address: Eip55(token.spec.id.address),
                symbol: token.spec.metadata.symbol.clone(),
                reason: token.status.reason()?.to_owned(),
            })
        });
        halted.collect()
    }
}

/// The progress of the active tokens of a chain.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Figures {
    /// The cursor of the token that is furthest behind, and its time.
    pub(crate) last_confirmed_block: Option<BlockNumber>,
    pub(crate) last_confirmed_time: Option<Timestamp>,
    /// The last block of the chain before `last_calculated_time`: the points of the blocks up to it are settled.
    /// Null while it is not found yet, too.
    pub(crate) last_calculated_block: Option<BlockNumber>,
    /// The settled time of the programme that is furthest behind.
    pub(crate) last_calculated_time: Option<Timestamp>,
}

impl ChainView {
    /// Reads the chain's figures, all from one state.
    pub(crate) async fn read(
        queries: &Queries,
        state: ChainState,
        now: SystemTime,
    ) -> Result<Self, StoreError> {
        let (figures, halted_tokens) = in_one_epoch(|| try_figures(queries, state.chain)).await?;
        let age = |time: Option<Timestamp>| time.map(|time| Age::of(time, now));
        Ok(Self {
            chain_id: state.chain,
            status: state.status.name(),
            reason: state.status.reason().map(str::to_owned),
            way_on: way_on(&state.name, &state.status),
            name: state.name,
            head_block: state.head,
            head_time: state.head_time,
            head_age_seconds: age(state.head_time),
            last_processed_block: state.processed,
            last_confirmed_age_seconds: age(figures.last_confirmed_time),
            figures,
            halted_tokens,
        })
    }
}

/// `None` if the ledger was rewound between two reads.
async fn try_figures(
    queries: &Queries,
    chain: ChainId,
) -> Result<Option<(Figures, Vec<HaltedToken>)>, StoreError> {
    let mut tokens = queries.balances().tokens(chain).await?;
    let halted = HaltedToken::among(&tokens);
    // A halted token would hold the minimum where it stopped; it is listed apart instead.
    tokens.retain(TokenState::is_active);
    let confirmed = confirmed(&tokens);
    let mut settled = Vec::new();
    for token in &tokens {
        let programmes = queries.points().programmes(token.spec.id).await?;
        if programmes.iter().any(|state| state.epoch != token.epoch) {
            return Ok(None);
        }
        settled.extend(programmes.iter().map(ProgrammeState::settled));
    }
    let calculated = settled.into_iter().min().flatten();
    let last_calculated_block = match calculated {
        Some(end) => last_block_before(queries, chain, end).await?,
        None => None,
    };
    // A rewind takes edges back, and others may have been found since.
    let now = queries.balances().tokens(chain).await?;
    let epoch_of = |id| now.iter().find(|token| token.spec.id == id).map(|token| token.epoch);
    if tokens.iter().any(|token| epoch_of(token.spec.id) != Some(token.epoch)) {
        return Ok(None);
    }
    let figures = Figures {
        last_confirmed_block: confirmed.map(|(block, _)| block),
        last_confirmed_time: confirmed.map(|(_, time)| time),
        last_calculated_block,
        last_calculated_time: calculated,
    };
    Ok(Some((figures, halted)))
}

/// The cursor that is furthest behind; `None` while a token has none.
pub(super) fn confirmed<'a>(
    tokens: impl IntoIterator<Item = &'a TokenState>,
) -> Option<(BlockNumber, Timestamp)> {
    let cursors = tokens.into_iter().map(|token| token.cursor);
    cursors.map(|cursor| cursor.map(|cursor| (cursor.number, cursor.time))).min().flatten()
}

async fn last_block_before(
    queries: &Queries,
    chain: ChainId,
    instant: Timestamp,
) -> Result<Option<BlockNumber>, StoreError> {
    let edges = queries.balances().edges(chain, &[instant]).await?;
    Ok(edges.into_iter().flatten().next().and_then(|edge| edge.last))
}
