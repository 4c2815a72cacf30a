//! Writing fetched blocks to the ledger: fold each token, then write all of them at once.

use alloy_primitives::Address;

use super::Slice;
use super::facts::RangeFacts;
use super::poll::{Group, Indexer, IndexerError, Progress};
use super::slice::addresses;
use crate::error::{ChainError, StoreError};
use crate::ledger::{AccountStates, FoldError, TokenState, Transfer, erc20, fold};
use crate::ports::{HeaderDetail, LedgerCommit, LogsRequest, NewBlocks, TokenCommit};
use crate::types::{Account, BlockNumber, BlockRef, TokenId};

/// Blocks that were committed.
#[derive(Debug)]
pub(super) struct Committed {
    first: BlockNumber,
    pub(super) tip: BlockRef,
    /// The tokens that took them; the others were halted.
    pub(super) tokens: Vec<TokenId>,
    transfers: u64,
    unreadable: u64,
}

impl Committed {
    pub(super) const fn progress(&self, target: BlockNumber) -> Progress {
        Progress {
            from: self.first,
            to: self.tip.number,
            time: self.tip.time,
            target,
            transfers: self.transfers,
            unreadable: self.unreadable,
        }
    }
}

/// What the blocks do to a group of tokens.
#[derive(Debug, Default)]
pub(super) struct FoldedGroup {
    tokens: Vec<TokenCommit>,
    failed: Vec<(TokenId, FoldError)>,
}

impl FoldedGroup {
    /// Whether the token can take the blocks.
    pub(super) fn takes(&self, token: TokenId) -> bool {
        self.tokens.iter().any(|commit| commit.token == token)
    }

    /// The first block that some token cannot take, if there are good ones before it.
    fn fails_at(&self, first: BlockNumber) -> Option<BlockNumber> {
        let blocks = self.failed.iter().filter_map(|(_, error)| error.block());
        blocks.min().filter(|block| *block > first)
    }
}

impl Indexer {
    /// Commits the blocks for every token of the group that can take them.
    ///
    /// A token that cannot go on is halted at the block before its fault, wherever the slice began.
    /// So the good blocks are committed for all tokens first, and the faulty block then begins a
    /// slice.
    pub(super) async fn commit(
        &self,
        group: &Group,
        facts: &RangeFacts,
        detail: HeaderDetail,
    ) -> Result<Committed, IndexerError> {
        let folded = self.fold_group(group, facts).await?;
        let first = *facts.headers.first().expect("a verified answer has headers");
        let Some(fault) = folded.fails_at(first.number) else {
            return self.write(group, facts, folded).await;
        };
        let good = self.below(fault, facts, detail, &addresses(group)).await?;
        let folded = self.fold_group(group, &good).await?;
        self.write(group, &good, folded).await
    }

    /// The facts below a block with logs, which is not the first of them. If they lack the header
    /// of the new last block, that header is fetched. It must fit between its neighbours, of which
    /// the upper one names its hash.
    async fn below(
        &self,
        fault: BlockNumber,
        facts: &RangeFacts,
        detail: HeaderDetail,
        tokens: &[Address],
    ) -> Result<RangeFacts, ChainError> {
        let mut good = facts.below(fault);
        let (first, to) = (good.headers[0], fault.down(1));
        if good.last().is_some_and(|last| last.number == to) {
            return Ok(good);
        }
        let tip = self.fetch_checked(Slice { from: to, to, detail }, tokens).await?;
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
        let filters = [erc20::transfers_of(tokens)];
        let request = LogsRequest { from: first.number, to, filters: &filters, detail };
        request.verify_headers(&good.headers)?;
        Ok(good)
    }

    async fn write(
        &self,
        group: &Group,
        facts: &RangeFacts,
        folded: FoldedGroup,
    ) -> Result<Committed, IndexerError> {
        let base = group.cursor.map(|cursor| cursor.id());
        for (token, error) in folded.failed {
            tracing::debug!(%token, %error, "token halted");
            self.store.halt_token(token, base, &error.to_string()).await?;
        }
        let first = *facts.headers.first().expect("a verified answer has headers");
        let tip = *facts.last().expect("a verified answer has headers");
        // Counted from the committed blocks, not from a head that was only claimed.
        let first_retained = self.config.first_retained(tip.number);
        let held = facts.headers.iter().filter(|header| header.number >= first_retained);
        let commit = LedgerCommit {
            blocks: NewBlocks {
                chain: self.chain,
                base,
                first,
                tip,
                headers: held.copied().collect(),
                retain_from: first_retained,
            },
            tokens: folded.tokens,
        };
        let tokens = commit.tokens.iter().map(|commit| commit.token).collect::<Vec<_>>();
        if !tokens.is_empty() {
            self.store.commit(&commit).await?;
        }
        if let Some(log) = facts.unreadable.first() {
            let (chain, logs) = (self.chain, facts.unreadable.len());
            tracing::warn!(%chain, from = %first.number, to = %tip.number, logs, first = %log, "logs that look like transfers cannot be read");
        }
        Ok(Committed {
            first: first.number,
            tip,
            tokens,
            transfers: facts.transfers.len() as u64,
            unreadable: facts.unreadable.len() as u64,
        })
    }

    pub(super) async fn fold_group(
        &self,
        group: &Group,
        facts: &RangeFacts,
    ) -> Result<FoldedGroup, IndexerError> {
        let mut folded = FoldedGroup::default();
        for token in &group.tokens {
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
