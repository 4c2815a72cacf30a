//! Chains, what they follow, and how far that is.

use serde::{Deserialize, Serialize};

use super::{ATTEMPTS_MAX, Page, PageQuery, Queries, QueryError};
use crate::ledger::TokenState;
use crate::logs::ContractState;
use crate::moving::while_ledger_moves;
use crate::ports::{ChainState, ProgrammeState};
use crate::types::{BlockNumber, BlockRef, ChainId, Timestamp};

/// A chain as last reported by its indexer, with all that it follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChainView {
    /// Its status, and the heights that its indexer reported.
    pub state: ChainState,
    /// What its active tokens and its contracts have reached.
    pub progress: ChainProgress,
    /// Its tokens, ascending by address.
    pub tokens: Vec<FollowedToken>,
    /// The contracts whose logs are kept, ascending by name.
    pub contracts: Vec<ContractState>,
}

/// A chain's place in the order of ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChainPlace {
    /// Its id, ascending.
    pub chain: ChainId,
}

/// The minimum of each figure over the active tokens of a chain and its contracts; `None` while one
/// of them has none. A halted token would hold the minimum where it stopped, so it does not count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ChainProgress {
    /// The cursor that is furthest behind.
    pub confirmed: Option<BlockRef>,
    /// The settled time of the programme that is furthest behind.
    pub calculated: Option<Timestamp>,
    /// The last block of the chain before `calculated`: the points of the blocks up to it are
    /// settled. `None` while it is not found yet, too.
    pub calculated_block: Option<BlockNumber>,
}

/// A token and its programmes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FollowedToken {
    /// Its cursor, status and sums.
    pub state: TokenState,
    /// Its programmes, of its epoch, ascending by name.
    pub programmes: Vec<ProgrammeState>,
}

impl FollowedToken {
    /// The settled time of the programme that is furthest behind.
    pub fn settled(&self) -> Option<Timestamp> {
        self.programmes.iter().map(ProgrammeState::settled).min().flatten()
    }
}

/// The cursor that is furthest behind among those of active tokens and contracts; `None` while one
/// of them has none, and if there are none.
pub fn furthest_behind(tokens: &[TokenState], contracts: &[ContractState]) -> Option<BlockRef> {
    let active = tokens.iter().filter(|token| token.is_active()).map(|token| token.cursor);
    let cursors = active.chain(contracts.iter().map(|contract| contract.cursor));
    cursors.min_by_key(|cursor| cursor.map(|cursor| (cursor.number, cursor.time))).flatten()
}

impl ChainView {
    /// One chain, which has to be followed.
    pub async fn read(queries: &Queries, chain: ChainId) -> Result<Self, QueryError> {
        let state = queries.chain(chain).await?;
        Self::of(queries, state).await
    }

    /// Every chain, ascending by id.
    pub async fn all(queries: &Queries) -> Result<Vec<Self>, QueryError> {
        let page = PageQuery { after: None, limit: usize::MAX };
        Self::list(queries, page).await.map(|page| page.items)
    }

    /// A page of the chains, ascending by id.
    pub async fn list(
        queries: &Queries,
        PageQuery { after, limit }: PageQuery<ChainPlace>,
    ) -> Result<Page<Self, ChainPlace>, QueryError> {
        let mut chains = queries.ledger.chains().await?;
        chains.retain(|state| after.is_none_or(|after| state.chain > after.chain));
        let page = Page::cut(chains, limit, |state| ChainPlace { chain: state.chain });
        let mut views = Vec::with_capacity(page.items.len());
        for state in &page.items {
            views.push(Self::of(queries, state.clone()).await?);
        }
        Ok(page.with_items(views))
    }

    async fn of(queries: &Queries, state: ChainState) -> Result<Self, QueryError> {
        let attempt = || Self::try_read(queries, state.clone());
        while_ledger_moves(ATTEMPTS_MAX, QueryError::has_moved, attempt).await
    }

    async fn try_read(queries: &Queries, state: ChainState) -> Result<Self, QueryError> {
        // All tokens come from one read, so the cursors of those that are committed together agree.
        let states = queries.ledger.tokens(state.chain).await?;
        let contracts = queries.logs.contracts(state.chain).await?;
        let mut tokens = Vec::with_capacity(states.len());
        for token in &states {
            let programmes = queries.points.programmes(token.spec.id).await?;
            if programmes.iter().any(|state| state.epoch != token.epoch) {
                return Err(QueryError::moved());
            }
            tokens.push(FollowedToken { state: token.clone(), programmes });
        }
        let active = tokens.iter().filter(|token| token.state.is_active());
        let settled = active.flat_map(|token| &token.programmes).map(ProgrammeState::settled);
        let calculated = settled.min().flatten();
        let calculated_block = match calculated {
            Some(end) => last_block_before(queries, state.chain, end).await?,
            None => None,
        };
        // A rewind takes edges back, and others may have been found since.
        let now = queries.ledger.tokens(state.chain).await?;
        let epoch_of = |id| now.iter().find(|token| token.spec.id == id).map(|token| token.epoch);
        if states.iter().any(|token| epoch_of(token.spec.id) != Some(token.epoch)) {
            return Err(QueryError::moved());
        }
        let confirmed = furthest_behind(&states, &contracts);
        let progress = ChainProgress { confirmed, calculated, calculated_block };
        Ok(Self { state, progress, tokens, contracts })
    }

    /// Blocks between the confirmed one and the head, as far as both are known.
    pub fn lag(&self) -> Option<u64> {
        let (head, confirmed) = self.state.head.zip(self.progress.confirmed)?;
        Some(head.get().saturating_sub(confirmed.number.get()))
    }
}

async fn last_block_before(
    queries: &Queries,
    chain: ChainId,
    instant: Timestamp,
) -> Result<Option<BlockNumber>, QueryError> {
    let edges = queries.ledger.edges(chain, &[instant]).await?;
    Ok(edges.into_iter().flatten().next().and_then(|edge| edge.last))
}

#[cfg(test)]
mod tests {
    use alloy_primitives::{Address, B256};

    use super::*;
    use crate::ledger::{TokenMetadata, TokenSpec, TokenStatus};
    use crate::logs::{ContractSpec, Events};
    use crate::types::{ContractId, Decimals, TokenId};

    fn block(number: u64) -> BlockRef {
        BlockRef {
            number: BlockNumber::new(number),
            hash: B256::ZERO,
            parent_hash: B256::ZERO,
            time: Timestamp::new(number * 10).unwrap(),
        }
    }

    fn token(cursor: Option<BlockRef>) -> TokenState {
        let id = TokenId { chain: ChainId::new(1), address: Address::ZERO };
        let decimals = Decimals::new(6).unwrap();
        let metadata = TokenMetadata { symbol: "USDX".to_owned(), decimals };
        let spec = TokenSpec { id, metadata, start_block: BlockNumber::new(1) };
        TokenState { cursor, ..TokenState::registered(spec) }
    }

    fn contract(cursor: Option<BlockRef>) -> ContractState {
        let id = ContractId::new(ChainId::new(1), "pool").unwrap();
        let (address, events) = (Address::ZERO, Events::all());
        let spec = ContractSpec { id, address, events, start_block: BlockNumber::new(1) };
        ContractState { cursor, ..ContractState::registered(spec) }
    }

    #[test]
    fn a_chain_is_as_far_as_what_is_furthest_behind() {
        let (ahead, behind) = (Some(block(9)), Some(block(4)));
        assert_eq!(furthest_behind(&[token(ahead)], &[contract(behind)]), behind);
        assert_eq!(furthest_behind(&[token(behind), token(ahead)], &[]), behind);
        assert_eq!(furthest_behind(&[token(ahead)], &[contract(None)]), None);
    }

    #[test]
    fn a_chain_of_contracts_alone_is_as_far_as_these() {
        assert_eq!(furthest_behind(&[], &[contract(Some(block(7)))]), Some(block(7)));
        assert_eq!(furthest_behind(&[], &[]), None);
    }

    #[test]
    fn a_halted_token_holds_no_chain_back() {
        let status = TokenStatus::Halted("overdrawn".to_owned());
        let halted = TokenState { status, ..token(Some(block(2))) };
        let tokens = [halted, token(Some(block(8)))];
        assert_eq!(furthest_behind(&tokens, &[]), Some(block(8)));
    }
}
