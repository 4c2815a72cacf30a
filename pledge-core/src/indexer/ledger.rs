//! The ledger as a projection: transfers folded into balances, each token on its own.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use alloy_primitives::Address;

use super::Slice;
use super::blocks::{Applied, Blocks};
use super::facts::{RangeFacts, Wanted};
use super::followed::{FollowedId, Group};
use super::outcome::IndexerError;
use crate::error::{ChainError, StoreError};
use crate::ledger::{AccountStates, FoldError, TokenState, Transfer, fold};
use crate::ports::{BalanceStore, LedgerCommit, LogsRequest, NewBlocks, TokenCommit};
use crate::types::{Account, BlockId, BlockNumber, BlockRef, ChainId, TokenId};

/// The tokens of one chain.
#[derive(Debug)]
pub(super) struct Ledger {
    chain: ChainId,
    store: Arc<dyn BalanceStore>,
    /// Tokens that an unreadable log halts.
    halting_on_unreadable: BTreeSet<Address>,
    /// The tokens as they were read when the poll began, with what was written since.
    tokens: BTreeMap<TokenId, TokenState>,
}

/// What the blocks do to a group of tokens.
#[derive(Debug, Default)]
struct FoldedGroup {
    tokens: Vec<TokenCommit>,
    failed: Vec<(TokenId, FoldError)>,
}

impl FoldedGroup {
    /// The first block that some token cannot take, if there are good ones before it.
    fn fails_at(&self, first: BlockNumber) -> Option<BlockNumber> {
        let blocks = self.failed.iter().filter_map(|(_, error)| error.block());
        blocks.min().filter(|block| *block > first)
    }
}

impl Ledger {
    pub(super) const fn new(chain: ChainId, store: Arc<dyn BalanceStore>) -> Self {
        let halting_on_unreadable = BTreeSet::new();
        Self { chain, store, halting_on_unreadable, tokens: BTreeMap::new() }
    }

    pub(super) fn halt_on_unreadable(&mut self, tokens: impl IntoIterator<Item = Address>) {
        self.halting_on_unreadable = tokens.into_iter().collect();
    }

    /// Reads the tokens, once a poll.
    pub(super) async fn read(&mut self) -> Result<(), StoreError> {
        let tokens = self.store.tokens(self.chain).await?;
        self.tokens = tokens.into_iter().map(|token| (token.spec.id, token)).collect();
        Ok(())
    }

    /// The tokens as they are now, ascending.
    pub(super) fn tokens(&self) -> impl Iterator<Item = &TokenState> {
        self.tokens.values()
    }

    pub(super) fn token(&self, token: &TokenId) -> Option<&TokenState> {
        self.tokens.get(token)
    }

    /// Commits the blocks for every token of the group that can take them.
    ///
    /// A token that cannot go on is halted at the block before its fault, wherever the slice began.
    /// So the good blocks are committed for all tokens first, and the faulty block then begins a
    /// slice.
    pub(super) async fn apply(
        &mut self,
        group: &Group,
        blocks: &Blocks<'_>,
    ) -> Result<Applied, IndexerError> {
        let folded = self.fold_group(group, blocks.facts).await?;
        let Some(fault) = folded.fails_at(blocks.first().number) else {
            return self.write(group, blocks, folded).await;
        };
        let wanted = Wanted::transfers_of(group.token_addresses());
        let good = below(blocks, fault, &wanted).await?;
        let blocks = Blocks { facts: &good, ..*blocks };
        let folded = self.fold_group(group, &good).await?;
        self.write(group, &blocks, folded).await
    }

    async fn write(
        &mut self,
        group: &Group,
        blocks: &Blocks<'_>,
        folded: FoldedGroup,
    ) -> Result<Applied, IndexerError> {
        let (base, facts) = (group.base(), blocks.facts);
        // A fault is of verified blocks, so it is recorded whatever becomes of the commit.
        for (token, error) in folded.failed {
            self.halt(token, base, &error).await?;
        }
        let commit =
            LedgerCommit { blocks: blocks.new_blocks(self.chain, base), tokens: folded.tokens };
        if !commit.tokens.is_empty() {
            self.store.commit(&commit).await?;
        }
        let NewBlocks { first, tip, .. } = &commit.blocks;
        if let Some(log) = facts.unreadable.first() {
            let (chain, logs) = (self.chain, facts.unreadable.len());
            tracing::warn!(%chain, from = %first.number, to = %tip.number, logs, first = %log, "logs that look like transfers cannot be read");
        }
        let taken = commit.tokens.iter().map(|part| FollowedId::Token(part.token));
        let applied = Applied {
            taken: taken.collect(),
            tip: *tip,
            transfers: facts.transfers.len() as u64,
            unreadable: facts.unreadable.len() as u64,
            logs: 0,
        };
        for part in &commit.tokens {
            if let Some(token) = self.tokens.get_mut(&part.token) {
                token.cursor = Some(*tip);
                token.totals = part.totals;
                token.unreadable_logs += part.unreadable_logs.len() as u64;
            }
        }
        Ok(applied)
    }

    async fn halt(
        &mut self,
        token: TokenId,
        base: Option<BlockId>,
        error: &FoldError,
    ) -> Result<(), StoreError> {
        tracing::debug!(%token, %error, "token halted");
        let reason = error.to_string();
        self.store.halt_token(token, base, &reason).await?;
        if let Some(token) = self.tokens.get_mut(&token) {
            token.status = token.status.halted(&reason);
        }
        Ok(())
    }

    /// Makes the halted tokens of a group active that can take its next block. Returns how many.
    pub(super) async fn resume(
        &mut self,
        group: &Group,
        next: &RangeFacts,
    ) -> Result<usize, IndexerError> {
        let folded = self.fold_group(group, next).await?;
        let mut healed = 0;
        for TokenCommit { token, .. } in &folded.tokens {
            let known = self.tokens.get_mut(token);
            let Some(state) = known.filter(|known| known.status.is_halted()) else { continue };
            self.store.heal_token(*token, group.base()).await?;
            tracing::info!(%token, block = %group.next, "the fault is gone, following the token again");
            state.status = state.status.healed();
            healed += 1;
        }
        Ok(healed)
    }

    async fn fold_group(
        &self,
        group: &Group,
        facts: &RangeFacts,
    ) -> Result<FoldedGroup, IndexerError> {
        let mut folded = FoldedGroup::default();
        for token in group.tokens().filter_map(|token| self.tokens.get(&token)) {
            match self.fold_token(token, facts).await? {
                Ok(commit) => folded.tokens.push(commit),
                Err(error) => folded.failed.push((token.spec.id, error)),
            }
        }
        Ok(folded)
    }

    async fn fold_token(
        &self,
        token: &TokenState,
        facts: &RangeFacts,
    ) -> Result<Result<TokenCommit, FoldError>, IndexerError> {
        let id = token.spec.id;
        let of_token = facts.transfers.iter().filter(|transfer| transfer.token == id.address);
        let transfers: Vec<Transfer> = of_token.cloned().collect();
        let mut accounts: Vec<_> =
            transfers.iter().flat_map(|t| [t.from, t.to]).filter_map(Account::new).collect();
        accounts.sort_unstable();
        accounts.dedup();
        let seen = self.store.states(id, &accounts).await?;
        // The balances must be those at the cursor that the commit builds on; others give wrong
        // sums.
        if seen.cursor != token.cursor {
            return Err(StoreError::conflict("read balances", "the token moved meanwhile").into());
        }
        let known = accounts.into_iter().zip(seen.value);
        let mut states: AccountStates =
            known.filter_map(|(account, state)| Some((account, state?))).collect();
        let time_of = |transfer: &Transfer| {
            facts.header(transfer.block).expect("verified: a transfer's header is there").time
        };
        let folded = fold(token.totals, &mut states, &transfers, time_of);
        let unreadable = facts.unreadable.iter().filter(|log| log.token == id.address);
        let unreadable_logs: Vec<_> = unreadable.copied().collect();
        // The token halts at its first fault. A fold error in an earlier block comes before the
        // log.
        let halts = self.halting_on_unreadable.contains(&id.address);
        if let Some(log) = unreadable_logs.first().filter(|_| halts)
            && folded.as_ref().err().is_none_or(|error| error.block() >= Some(log.block))
        {
            return Ok(Err(FoldError::UnreadableLog(*log)));
        }
        Ok(folded.map(|folded| TokenCommit {
            token: id,
            changes: folded.changes,
            unreadable_logs,
            totals: folded.totals,
        }))
    }
}

/// The facts below a block with logs, which is not the first of them. If they lack the header of the
/// new last block, that header is fetched. It must fit between its neighbours, of which the upper
/// one names its hash.
async fn below(
    blocks: &Blocks<'_>,
    fault: BlockNumber,
    wanted: &Wanted,
) -> Result<RangeFacts, ChainError> {
    let Blocks { facts, detail, fetcher, .. } = *blocks;
    let mut good = facts.transfers_below(fault);
    let (first, to) = (blocks.first(), fault.down(1));
    if good.last().is_some_and(|last| last.number == to) {
        return Ok(good);
    }
    let tip = fetcher.checked(Slice { from: to, to, detail }, wanted).await?;
    // The header comes from another answer than the blocks around it, so it may be of another
    // branch.
    let above = facts.header(fault);
    let fits = tip.transfers.is_empty() && tip.unreadable.is_empty();
    let is_parent =
        |above: &BlockRef, tip: &BlockRef| tip.is_parent_of(above) && tip.time <= above.time;
    if !fits || !above.zip(tip.last()).is_some_and(|(above, tip)| is_parent(above, tip)) {
        let detail = format!("block {to} was answered differently with the blocks around it");
        return Err(ChainError::transient("commit a slice", detail));
    }
    good.headers.extend(tip.headers);
    let filters = wanted.filters();
    let request = LogsRequest { from: first.number, to, filters: &filters, detail };
    request.verify_headers(&good.headers)?;
    Ok(good)
}
