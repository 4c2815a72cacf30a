//! The verification: compares every balance with the contract, and recomputes every change,
//! integral and point.
//!
//! A token is verified at one block: the cursor of its ledger at the start. The ledger may grow
//! meanwhile. The part up to that block changes only by a rewind, and then the verification of the
//! token starts again.

mod account;
mod report;

use anyhow::{Context, bail};
use pledge_core::error::{ChainError, ChainErrorKind, StoreError};
use pledge_core::ledger::{Change, Checkpoint, Leg, TokenState, TokenStatus};
use pledge_core::ports::{ChainSource, ChainSourceExt, ChangesQuery, HistoriesQuery, Seen};
use pledge_core::primitives::Address;
use pledge_core::types::{Account, Amount, BlockRef, LogIndex, TokenId};

pub use report::{
    Mismatch, Subject, SupplyReport, TokenReport, UnverifiedChain, Verdict, VerifyReport,
};

use self::report::UNREADABLE_LISTED_MAX;
use crate::output::counted;
use crate::progress::{Step, WorkProgress};
use crate::stores::Stores;

/// Accounts per page.
const PAGE_ACCOUNTS: usize = 500;
/// Parts of the address space, by the first two bytes.
const PARTS: u64 = 1 << 16;
/// Attempts per token; a rewind of its ledger ends an attempt.
const ATTEMPTS_MAX: usize = 5;

/// Verifies one token at its newest confirmed block.
pub async fn verify_token(
    source: &dyn ChainSource,
    stores: &Stores,
    token: TokenId,
    progress: &mut WorkProgress,
) -> anyhow::Result<TokenReport> {
    let mut last = None;
    for _ in 0..ATTEMPTS_MAX {
        let state = stores.balances.token(token).await?;
        let state = state.with_context(|| format!("token {token} is not followed"))?;
        let mut verification = Verification::new(source, stores, &state);
        match verification.run(progress).await? {
            Pass::Finished => return Ok(verification.report),
            Pass::Moved(why) => last = Some(why),
        }
    }
    let why = last.map_or(String::new(), |why| format!(": {why}"));
    bail!("token {token} could not be read at one state in {ATTEMPTS_MAX} attempts{why}")
}

/// How a pass over a token, or over a part of it, ended.
#[derive(Debug)]
enum Pass {
    Finished,
    Moved(Moved),
}

/// Why the ledger or the chain changed since the start.
#[derive(Debug, thiserror::Error)]
enum Moved {
    #[error("its ledger is rewound again and again, so verify when the chain is calm")]
    Rewound,
    /// The node does not have the ledger's block.
    #[error(
        "{0}; bring its ledger up to date with `pledge index --until-head`, or name a node that has \
         the block, then verify again"
    )]
    BlockGone(ChainError),
}

/// The verification of one token at one block.
struct Verification<'a> {
    source: &'a dyn ChainSource,
    stores: &'a Stores,
    state: &'a TokenState,
    report: TokenReport,
    sum: Amount,
}

impl<'a> Verification<'a> {
    fn new(source: &'a dyn ChainSource, stores: &'a Stores, state: &'a TokenState) -> Self {
        Self { source, stores, state, report: TokenReport::begin(state), sum: Amount::ZERO }
    }

    async fn run(&mut self, progress: &mut WorkProgress) -> anyhow::Result<Pass> {
        if let TokenStatus::Halted(reason) = &self.state.status {
            self.report.halted(reason);
            return Ok(Pass::Finished);
        }
        let Some(cursor) = self.state.cursor else {
            return Ok(Pass::Finished);
        };
        let mut next = Some(Address::ZERO);
        progress.begin();
        while let Some(first) = next {
            let Some(page) = self.page(&cursor, first).await? else {
                return Ok(Pass::Moved(Moved::Rewound));
            };
            next = page.next;
            if let moved @ Pass::Moved(_) = self.check_page(&cursor, &page.accounts).await? {
                return Ok(moved);
            }
            progress.moved(&self.step(next));
        }
        self.list_unreadable().await?;
        self.check_supply(&cursor).await
    }

    /// Lists unreadable logs, which may explain a difference between ledger and contract.
    async fn list_unreadable(&mut self) -> anyhow::Result<()> {
        if self.state.unreadable_logs > 0 {
            let (token, listed) = (self.state.spec.id, UNREADABLE_LISTED_MAX);
            self.report.unreadable =
                self.stores.balances.unreadable_logs(token, None, listed).await?.value;
        }
        Ok(())
    }

    /// The progress. The store does not count accounts without a balance, but addresses are spread
    /// evenly, so the next address gives the fraction that is done.
    fn step(&self, next: Option<Address>) -> Step {
        let part = |next: Address| u64::from(u16::from_be_bytes([next[0], next[1]]));
        let (done, accounts) = (next.map_or(PARTS, part), self.report.accounts);
        let counted = counted(accounts, "account");
        let text = format!("{counted} checked, {}%", done * 100 / PARTS);
        Step { done, total: PARTS, text, counted: accounts, unit: "accounts" }
    }

    /// A page of accounts from `first` on, with their states at the cursor. `None` if the ledger
    /// was rewound.
    async fn page(&self, cursor: &BlockRef, first: Address) -> anyhow::Result<Option<Page>> {
        // Read by time, since a growing ledger does not change the past. Only a later block in the
        // second of the cursor does: then the state at the cursor is read from the account's
        // changes.
        let after = cursor.time.checked_add(1).context("the cursor's time has no successor")?;
        let query = HistoriesQuery {
            token: self.state.spec.id,
            first,
            last: Address::repeat_byte(0xff),
            after: None,
            limit: PAGE_ACCOUNTS,
            changes_max: 1,
            from: after,
            to: after,
        };
        let seen = self.stores.balances.histories(&query).await?;
        if seen.epoch != self.state.epoch {
            return Ok(None);
        }
        let next = seen.value.next.map(|next| next.first);
        let mut accounts = Vec::with_capacity(seen.value.histories.len());
        for history in seen.value.histories {
            let state = match history.opening {
                Some(state) if state.block > cursor.number => {
                    let seen = self.last_change(cursor, history.account).await?;
                    if seen.epoch != self.state.epoch {
                        return Ok(None);
                    }
                    seen.value
                }
                state => state,
            };
            accounts.extend(state.map(|state| (history.account, state)));
        }
        Ok(Some(Page { accounts, next }))
    }

    /// An account's state after the last of its changes at or before the cursor.
    async fn last_change(
        &self,
        cursor: &BlockRef,
        account: Account,
    ) -> Result<Seen<Option<Checkpoint>>, StoreError> {
        let query = ChangesQuery {
            token: self.state.spec.id,
            account,
            before: Some((cursor.number.next(), LogIndex::new(0), Leg::Out)),
            limit: 1,
        };
        let seen = self.stores.balances.changes(&query).await?;
        let value = seen.value.first().map(Change::checkpoint);
        Ok(Seen { value, epoch: seen.epoch, cursor: seen.cursor })
    }

    async fn check_page(
        &mut self,
        cursor: &BlockRef,
        page: &[(Account, Checkpoint)],
    ) -> anyhow::Result<Pass> {
        let accounts: Vec<Account> = page.iter().map(|(account, _)| *account).collect();
        let token = self.state.spec.id;
        let read = self.source.balances(token.address, &accounts, cursor.id()).await;
        let balances = match read {
            Err(error) if error.kind() == ChainErrorKind::BlockGone => {
                return Ok(Pass::Moved(Moved::BlockGone(error)));
            }
            read => read?,
        };
        for ((account, state), actual) in page.iter().zip(balances) {
            self.report.accounts += 1;
            let sum = self.sum.checked_add(state.balance);
            self.sum = sum.context("the sum of all balances exceeds 2^256-1")?;
            if state.balance != actual {
                self.report.mismatch(Subject::Balance, *account, state.balance, actual);
            }
        }
        self.check_accounts(cursor, page).await
    }

    /// Compares the sums. Only `totalSupply` shows mints and burns that the contract did not log.
    async fn check_supply(&mut self, cursor: &BlockRef) -> anyhow::Result<Pass> {
        let token = self.state.spec.id;
        let contract = match self.source.total_supply(token.address, cursor.id()).await {
            Err(error) if error.kind() == ChainErrorKind::BlockGone => {
                return Ok(Pass::Moved(Moved::BlockGone(error)));
            }
            read => read?,
        };
        self.report.conclude(SupplyReport {
            accounts: self.sum,
            ledger: self.state.totals.supply,
            contract,
        });
        self.still(token).await
    }

    /// Checks that the ledger was not rewound since the start.
    async fn still(&self, token: TokenId) -> anyhow::Result<Pass> {
        let now = self.stores.balances.token(token).await?;
        let same = now.is_some_and(|now| now.epoch == self.state.epoch);
        Ok(if same { Pass::Finished } else { Pass::Moved(Moved::Rewound) })
    }
}

/// A page of accounts, ascending by address, and the first address of the next page.
struct Page {
    accounts: Vec<(Account, Checkpoint)>,
    next: Option<Address>,
}

#[cfg(test)]
#[path = "verify/verification_tests.rs"]
mod tests;
