//! Messages that contradict themselves: every store refuses them as `Invalid` before any other
//! check.

use std::collections::BTreeSet;
use std::fmt;

use super::{
    ContractCommit, LedgerCommit, LogsCommit, NewBlocks, Rewind, SettlementBatch, StatementKind,
    TokenCommit,
};
use crate::ledger::{BlockEdge, TokenState};
use crate::logs::{ConfirmedLog, ContractSpec, ContractState};
use crate::points::Programme;
use crate::types::{Account, BlockId, BlockNumber, BlockRef, ChainId, RawPoints};

/// Checks that each name is given once.
fn check_once<N: Copy + Ord + fmt::Display>(
    what: &str,
    mut names: impl Iterator<Item = N>,
) -> Result<(), String> {
    let mut named = BTreeSet::new();
    match names.find(|name| !named.insert(*name)) {
        Some(name) => Err(format!("{what} {name} is named twice")),
        None => Ok(()),
    }
}

impl LedgerCommit {
    /// Checks that each token is named once, and that blocks and changes are in chain order;
    /// otherwise the reason to refuse the commit.
    pub fn check(&self) -> Result<(), String> {
        self.blocks.check()?;
        check_once("token", self.tokens.iter().map(|part| part.token))?;
        self.tokens.iter().try_for_each(|part| self.check_token(part))
    }

    fn check_token(&self, part: &TokenCommit) -> Result<(), String> {
        let token = part.token;
        let NewBlocks { chain, first, tip, .. } = &self.blocks;
        if token.chain != *chain {
            return Err(format!("token {token} is not on chain {chain}"));
        }
        // A store keeps the last change of an account as its balance, so a change out of order
        // would leave a wrong balance.
        let ascending = part.changes.is_sorted_by(|earlier, later| {
            earlier.place() < later.place() && earlier.time <= later.time
        });
        let inside = part.changes.iter().all(|change| {
            (first.number..=tip.number).contains(&change.block)
                && (first.time..=tip.time).contains(&change.time)
        });
        let logs = &part.unreadable_logs;
        let logs_fit = logs.is_sorted_by(|earlier, later| earlier.place() < later.place())
            && logs.iter().all(|log| {
                log.token == token.address && (first.number..=tip.number).contains(&log.block)
            });
        if ascending && inside && logs_fit {
            return Ok(());
        }
        let (first, last) = (first.number, tip.number);
        Err(format!(
            "changes or logs of {token} are out of order or outside blocks {first} to {last}"
        ))
    }
}

impl LogsCommit {
    /// Checks that each contract is named once, and that blocks and logs are in chain order;
    /// otherwise the reason to refuse the commit.
    pub fn check(&self) -> Result<(), String> {
        self.blocks.check()?;
        check_once("contract", self.contracts.iter().map(|part| &part.contract))?;
        self.contracts.iter().try_for_each(|part| self.check_contract(part))
    }

    fn check_contract(&self, part: &ContractCommit) -> Result<(), String> {
        let NewBlocks { chain, first, tip, .. } = &self.blocks;
        let contract = &part.contract;
        if contract.chain != *chain {
            return Err(format!("contract {contract} is not on chain {chain}"));
        }
        let ascending = part.logs.is_sorted_by(|earlier, later| {
            earlier.log.place() < later.log.place() && earlier.time <= later.time
        });
        let inside = part.logs.iter().all(|kept| {
            (first.number..=tip.number).contains(&kept.log.block)
                && (first.time..=tip.time).contains(&kept.time)
        });
        if ascending && inside {
            return Ok(());
        }
        let (first, last) = (first.number, tip.number);
        Err(format!("logs of {contract} are out of order or outside blocks {first} to {last}"))
    }
}

impl ContractCommit {
    /// Checks that the contract keeps each of the logs; otherwise the reason to refuse the commit.
    pub fn check_selected(&self, spec: &ContractSpec) -> Result<(), String> {
        match self.logs.iter().find(|kept| !spec.selects(&kept.log)) {
            Some(ConfirmedLog { log, .. }) => Err(format!(
                "a log of {} at {} of block {} is not one that contract {} keeps",
                log.address,
                log.log_index.get(),
                log.block,
                spec.id
            )),
            None => Ok(()),
        }
    }
}

impl Rewind {
    /// Checks that each token and each contract is named once and that `to` can be an ancestor of
    /// its cursor; otherwise the reason to refuse the rewind.
    pub fn check(&self) -> Result<(), String> {
        check_once("token", self.tokens.iter().map(|(token, _)| token))?;
        check_once("contract", self.contracts.iter().map(|(contract, _)| contract))?;
        for (token, cursor) in &self.tokens {
            self.check_named(format_args!("token {token}"), token.chain, cursor)?;
        }
        for (contract, cursor) in &self.contracts {
            self.check_named(format_args!("contract {contract}"), contract.chain, cursor)?;
        }
        Ok(())
    }

    fn check_named(
        &self,
        name: fmt::Arguments<'_>,
        chain: ChainId,
        cursor: &BlockId,
    ) -> Result<(), String> {
        if chain != self.chain {
            return Err(format!("{name} is not on chain {}", self.chain));
        }
        if cursor.number <= self.to.number && *cursor != self.to.id() {
            return Err(format!("block {} is no ancestor of {cursor}", self.to));
        }
        Ok(())
    }

    /// Checks that nothing of the chain, given in its current state, stays above the ancestor
    /// without being named: the headers above it are dropped for all.
    pub fn check_left<'a>(
        &self,
        tokens: impl IntoIterator<Item = &'a TokenState>,
        contracts: impl IntoIterator<Item = &'a ContractState>,
    ) -> Result<(), String> {
        let is_above = |cursor: &BlockRef| cursor.number > self.to.number;
        let left = |name: fmt::Arguments<'_>, cursor: BlockRef| {
            Err(format!("{name} at block {cursor} would be left above block {}", self.to))
        };
        for TokenState { spec, cursor, .. } in tokens {
            let is_named = self.tokens.iter().any(|(id, _)| *id == spec.id);
            if let Some(cursor) = cursor.filter(is_above).filter(|_| !is_named) {
                return left(format_args!("token {}", spec.id), cursor);
            }
        }
        for ContractState { spec, cursor, .. } in contracts {
            let is_named = self.contracts.iter().any(|(id, _)| *id == spec.id);
            if let Some(cursor) = cursor.filter(is_above).filter(|_| !is_named) {
                return left(format_args!("contract {}", spec.id), cursor);
            }
        }
        Ok(())
    }

    /// Whether a contract still has logs after the rewind.
    pub fn keeps_logs(&self, contract: &ContractState) -> bool {
        contract.spec.start_block <= self.to.number
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
