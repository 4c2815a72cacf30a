//! The verification: compares every balance with the contract, and recomputes every change,
//! integral and point.
//!
//! A token is verified at one block: the cursor of its ledger at the start. The ledger may grow
//! meanwhile. The part up to that block changes only by a rewind, and then the verification of the
//! token starts again.

mod account;
mod report;

use anyhow::{Context, anyhow};
use pledge_core::error::{ChainError, ChainErrorKind};
use pledge_core::ledger::{Checkpoint, TokenState};
use pledge_core::ports::{ChainSource, ChainSourceExt};
use pledge_core::primitives::Address;
use pledge_core::query::{Attempt, Queries, QueryError, TokenReading, while_ledger_moves};
use pledge_core::types::{Account, Amount, BlockRef, TokenId};

pub use report::{
    Mismatch, Subject, SupplyReport, TokenReport, UnverifiedChain, Verdict, VerifyReport,
};

use self::report::UNREADABLE_LISTED_MAX;
use crate::output::counted;
use crate::progress::{Step, WorkProgress};
use crate::stores::Stores;

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
    // What is cached is not what is verified.
    let queries = stores.uncached_queries();
    let pass = TokenPass { source, queries: &queries, token, progress };
    let has_moved = |error: &anyhow::Error| error.is::<Moved>();
    let verified = while_ledger_moves(ATTEMPTS_MAX, has_moved, pass).await;
    verified.map_err(|error| match error.downcast::<Moved>() {
        Ok(why) => anyhow!(
            "token {token} could not be read at one state in {ATTEMPTS_MAX} attempts: {why}"
        ),
        Err(error) => error,
    })
}

/// A pass over a token.
struct TokenPass<'a> {
    source: &'a dyn ChainSource,
    queries: &'a Queries,
    token: TokenId,
    progress: &'a mut WorkProgress,
}

impl Attempt for TokenPass<'_> {
    type Output = TokenReport;
    type Error = anyhow::Error;

    async fn attempt(&mut self) -> anyhow::Result<TokenReport> {
        let state = self.queries.token(self.token).await?;
        let reading = TokenReading::of(self.queries, state);
        let mut verification = Verification::new(self.source, reading);
        verification.run(self.progress).await?;
        Ok(verification.report)
    }
}

/// Why the ledger or the chain changed since the start.
#[derive(Debug, thiserror::Error)]
enum Moved {
    #[error(
        "its ledger was rewound or a rate was changed during every attempt, so verify when the chain \
         is calm"
    )]
    Rewound,
    /// The node does not have the ledger's block.
    #[error(
        "{0}; bring its ledger up to date with `pledge index --until-head`, or name a node that has \
         the block, then verify again"
    )]
    BlockGone(ChainError),
}

/// What the ledger holds; that it was rewound is one of the reasons to start again.
fn held<T>(read: Result<T, QueryError>) -> anyhow::Result<T> {
    read.map_err(|error| if error.has_moved() { Moved::Rewound.into() } else { error.into() })
}

/// What the chain returns; a block that the node does not have is one of the reasons to start again.
fn on_chain<T>(read: Result<T, ChainError>) -> anyhow::Result<T> {
    read.map_err(|error| match error.kind() {
        ChainErrorKind::BlockGone => Moved::BlockGone(error).into(),
        _ => error.into(),
    })
}

/// The verification of one token at one block.
struct Verification<'a> {
    source: &'a dyn ChainSource,
    reading: TokenReading<'a>,
    report: TokenReport,
    sum: Amount,
}

impl<'a> Verification<'a> {
    fn new(source: &'a dyn ChainSource, reading: TokenReading<'a>) -> Self {
        let report = TokenReport::begin(reading.state());
        Self { source, reading, report, sum: Amount::ZERO }
    }

    async fn run(&mut self, progress: &mut WorkProgress) -> anyhow::Result<()> {
        if let Some(reason) = self.reading.state().status.halt_reason() {
            self.report.halted(reason);
            return Ok(());
        }
        let Some(cursor) = self.reading.state().cursor else {
            return Ok(());
        };
        let mut next = Some(Address::ZERO);
        progress.begin();
        while let Some(first) = next {
            let page = held(self.reading.accounts(&cursor, first).await)?;
            next = page.next;
            self.check_page(&cursor, &page.accounts).await?;
            progress.moved(&self.step(next));
        }
        self.list_unreadable().await?;
        self.check_supply(&cursor).await
    }

    /// Lists unreadable logs, which may explain a difference between ledger and contract.
    async fn list_unreadable(&mut self) -> anyhow::Result<()> {
        if self.reading.state().unreadable_logs > 0 {
            let listed = self.reading.unreadable_logs(UNREADABLE_LISTED_MAX).await;
            self.report.unreadable = held(listed)?;
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

    async fn check_page(
        &mut self,
        cursor: &BlockRef,
        page: &[(Account, Checkpoint)],
    ) -> anyhow::Result<()> {
        let accounts: Vec<Account> = page.iter().map(|(account, _)| *account).collect();
        let token = self.reading.state().spec.id.address;
        let balances = on_chain(self.source.balances(token, &accounts, cursor.id()).await)?;
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
    async fn check_supply(&mut self, cursor: &BlockRef) -> anyhow::Result<()> {
        let TokenState { spec, totals, .. } = self.reading.state();
        let contract = on_chain(self.source.total_supply(spec.id.address, cursor.id()).await)?;
        let ledger = totals.supply;
        self.report.conclude(SupplyReport { accounts: self.sum, ledger, contract });
        held(self.reading.still(&[]).await)
    }
}

#[cfg(test)]
#[path = "verify/verification_tests.rs"]
mod tests;
