//! Messages that contradict themselves: every store refuses them as `Invalid` before any other
//! check.

use super::{LedgerCommit, Rewind, SettlementBatch, StatementKind, TokenCommit};
use crate::ledger::{BlockEdge, TokenState};
use crate::points::Programme;
use crate::types::{Account, BlockNumber, BlockRef, RawPoints};

impl LedgerCommit {
    /// Checks that blocks and changes are in chain order; otherwise the reason to refuse the
    /// commit.
    pub fn check(&self) -> Result<(), String> {
        if self.first.number > self.tip.number {
            return Err(format!("block {} is above the tip {}", self.first, self.tip));
        }
        if !self.headers.is_sorted_by(|lower, upper| lower.number < upper.number) {
            return Err("the headers do not ascend".to_owned());
        }
        self.tokens.iter().try_for_each(|part| self.check_token(part))
    }

    /// Checks that the blocks can follow a token's cursor: time must not decrease.
    pub fn check_follows(&self, cursor: Option<&BlockRef>) -> Result<(), String> {
        match cursor.filter(|cursor| self.first.time < cursor.time) {
            Some(cursor) => Err(format!("block {} is older than block {cursor}", self.first)),
            None => Ok(()),
        }
    }

    fn check_token(&self, part: &TokenCommit) -> Result<(), String> {
        let token = part.token;
        if token.chain != self.chain {
            return Err(format!("token {token} is not on chain {}", self.chain));
        }
        // A store keeps the last change of an account as its balance, so a change out of order
        // would leave a wrong balance.
        let ascending = part.changes.is_sorted_by(|earlier, later| {
            earlier.place() < later.place() && earlier.time <= later.time
        });
        let inside = part.changes.iter().all(|change| {
            (self.first.number..=self.tip.number).contains(&change.block)
                && (self.first.time..=self.tip.time).contains(&change.time)
        });
        let logs = &part.unreadable_logs;
        let logs_fit = logs.is_sorted_by(|earlier, later| earlier.place() < later.place())
            && logs.iter().all(|log| {
                log.token == token.address
                    && (self.first.number..=self.tip.number).contains(&log.block)
            });
        if ascending && inside && logs_fit {
            return Ok(());
        }
        let (first, last) = (self.first.number, self.tip.number);
        Err(format!(
            "changes or logs of {token} are out of order or outside blocks {first} to {last}"
        ))
    }
}

impl Rewind {
    /// Checks that each token is named once and that `to` can be an ancestor of its cursor;
    /// otherwise the reason to refuse the rewind.
    pub fn check(&self) -> Result<(), String> {
        for (at, (token, cursor)) in self.tokens.iter().enumerate() {
            if self.tokens[..at].iter().any(|(before, _)| before == token) {
                return Err(format!("token {token} is named twice"));
            }
            if token.chain != self.chain {
                return Err(format!("token {token} is not on chain {}", self.chain));
            }
            if cursor.number <= self.to.number && *cursor != self.to.id() {
                return Err(format!("block {} is no ancestor of {cursor}", self.to));
            }
        }
        Ok(())
    }

    /// Checks that no token of the chain, given in its current state, stays above the ancestor
    /// without being named: the headers above it are dropped for all tokens.
    pub fn check_left<'a>(
        &self,
        tokens: impl IntoIterator<Item = &'a TokenState>,
    ) -> Result<(), String> {
        let is_named = |state: &TokenState| self.tokens.iter().any(|(id, _)| *id == state.spec.id);
        for state in tokens {
            let above = state.cursor.filter(|cursor| cursor.number > self.to.number);
            if let Some(cursor) = above.filter(|_| !is_named(state)) {
                let (id, to) = (state.spec.id, self.to);
                return Err(format!("token {id} at block {cursor} would be left above block {to}"));
            }
        }
        Ok(())
    }

    /// Whether the token still has a ledger after the rewind. A token that begins above `to` keeps
    /// nothing, whatever the times of its blocks: they were of another branch.
    pub fn keeps_ledger(&self, token: &TokenState) -> bool {
        token.spec.start_block <= self.to.number
    }

    /// Whether an edge stays: the block after it is not above the ancestor. On one chain its instant
    /// and its block agree; for a block of another branch neither is enough alone.
    pub fn keeps_edge(&self, edge: &BlockEdge) -> bool {
        edge.instant <= self.to.time && edge.first_after() <= self.to.number
    }

    /// Checks that the time of `to` divides a token's changes as its height does, for a token that
    /// keeps its ledger. `earlier` is the block of the last change before that time, `later` the
    /// block of the first change after it.
    pub fn check_times(
        &self,
        earlier: Option<BlockNumber>,
        later: Option<BlockNumber>,
    ) -> Result<(), String> {
        let to = self.to.number;
        if earlier.is_some_and(|block| block > to) || later.is_some_and(|block| block <= to) {
            return Err(format!("the ledger's blocks have other times than block {}", self.to));
        }
        Ok(())
    }
}

impl SettlementBatch {
    /// Checks that the batch writes only inside its accounts, windows and epoch.
    pub fn check(&self, programme: &Programme) -> Result<(), String> {
        let shards = programme.shards;
        let owns = |account: Account| {
            shards.shard_of(account) == self.shard && self.span.contains(account)
        };
        // Shards and batches are settled independently, so a row outside the batch would be counted
        // twice or overwrite another batch's row.
        let on_edges = [self.from, self.to].iter().all(|at| programme.window.floor(*at) == *at);
        let windows = self.from..self.to;
        let earned =
            self.earned.iter().all(|(account, raw)| owns(*account) && *raw != RawPoints::ZERO);
        let statements = self.statements.iter().all(|row| {
            owns(row.account)
                && windows.contains(&row.window.start)
                && row.epoch == self.epoch
                && row.kind == StatementKind::Earned
        });
        let starts = self.windows.iter().map(|row| row.total.start);
        let totals = starts.clone().all(|start| windows.contains(&start))
            && self.windows.first().is_some_and(|row| row.total.start == self.from)
            && starts.is_sorted_by(|earlier, later| earlier < later);
        if on_edges && earned && statements && totals {
            return Ok(());
        }
        let (shard, from, to) = (self.shard.get(), self.from, self.to);
        Err(format!(
            "the batch of shard {shard} from {from} to {to} writes outside its accounts, windows or \
             epoch"
        ))
    }
}
