//! `pledge settle`: the points alone.

use std::fmt;
use std::time::Duration;

use clap::Args;
use pledge_core::points::{SettleReport, SettlerError};
use pledge_core::query::{Attempt, while_ledger_moves};
use pledge_core::types::ChainId;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::{Context, Verdict};
use crate::backoff::Backoff;
use crate::output::counted;
use crate::progress::WorkProgress;
use crate::stores::Stores;
use crate::tasks::{self, ShownSettlement};
use crate::wire;

/// Attempts after which `--until-settled` gives up: about a minute and a half of waiting.
const ATTEMPTS_MAX: usize = 11;

#[derive(Debug, Args)]
pub(super) struct SettleArgs {
    /// Go on until every closed window is settled, also when the ledger moves meanwhile
    #[arg(long)]
    until_settled: bool,
    /// Stop after this long, such as 30s; what is done stays, and the next run continues from there
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    deadline: Option<Duration>,
}

/// What was done, and whether anything is left.
#[derive(Debug, Default, Serialize)]
pub(super) struct Settled {
    batches: u64,
    accounts: u64,
    statements: u64,
    /// Failed batches that wait for another attempt, including those of earlier runs.
    failed: u64,
    /// Whether every closed window in the store is settled.
    complete: bool,
}

pub(super) async fn execute(context: Context, args: SettleArgs) -> anyhow::Result<Verdict> {
    let config = context.config()?;
    let mut stores = wire::open_existing(&config.storage).await?;
    stores.settling = config.settlement.settler;
    let stop = context.stop.child_token();
    let work = settle(&context, &stores, args.until_settled, &stop);
    tokio::pin!(work);
    let deadline = args.deadline.unwrap_or(Duration::MAX);
    let settled = tokio::select! {
        settled = &mut work => settled,
        () = tokio::time::sleep(deadline) => {
            // Stopped, not dropped: the batch under way is finished and counted.
            stop.cancel();
            work.await
        }
    }?;
    stores.close().await;
    context.output.print(&settled)?;
    Ok(Verdict::fine_if(settled.complete))
}

/// Makes one pass over every chain, or passes until one of them settles nothing.
async fn settle(
    context: &Context,
    stores: &Stores,
    until_settled: bool,
    stop: &CancellationToken,
) -> anyhow::Result<Settled> {
    let mut sum = Settled::default();
    loop {
        let before = sum.batches;
        for chain in stores.balances.chains().await? {
            let mut progress = context.progress.work(&format!("settle {}", chain.name));
            let report = settle_patiently(stores, chain.chain, until_settled, stop, &mut progress);
            if let Some(report) = report.await? {
                sum.add(&report);
            }
        }
        if !until_settled || sum.batches == before || stop.is_cancelled() {
            break;
        }
    }
    // Asked of the store: a pass does not see what earlier runs left, or what another process did.
    sum.complete = true;
    for chain in stores.balances.chains().await? {
        sum.failed += tasks::failed_batches(stores, chain.chain).await?;
        sum.complete &= tasks::is_settled(stores, chain.chain).await?;
    }
    Ok(sum)
}

/// Makes one pass over a chain. If `until_settled`, it starts again while the ledger moves. `None`
/// if it was stopped meanwhile.
async fn settle_patiently(
    stores: &Stores,
    chain: ChainId,
    patient: bool,
    stop: &CancellationToken,
    progress: &mut WorkProgress,
) -> anyhow::Result<Option<SettleReport>> {
    let attempts_max = if patient { ATTEMPTS_MAX } else { 1 };
    let backoff = Backoff::default();
    let pass = ChainPass { stores, chain, stop, progress, backoff, attempts: 0 };
    let settled = while_ledger_moves(attempts_max, SettlerError::is_conflict, pass).await;
    Ok(settled?)
}

/// A pass over a chain, which waits before every attempt but the first.
struct ChainPass<'a> {
    stores: &'a Stores,
    chain: ChainId,
    stop: &'a CancellationToken,
    progress: &'a mut WorkProgress,
    backoff: Backoff,
    attempts: usize,
}

impl Attempt for ChainPass<'_> {
    /// `None` if it was stopped meanwhile.
    type Output = Option<SettleReport>;
    type Error = SettlerError;

    async fn attempt(&mut self) -> Result<Option<SettleReport>, SettlerError> {
        self.attempts += 1;
        if self.attempts > 1 {
            let wait = tokio::time::sleep(self.backoff.delay());
            if self.stop.run_until_cancelled(wait).await.is_none() {
                return Ok(None);
            }
        }
        let Self { stores, chain, stop, progress, .. } = self;
        let (settler, chain) = (stores.settler(), *chain);
        let settlement = ShownSettlement { stores, settler, chain, stop, progress };
        Ok(Some(settlement.run(|| {}).await?))
    }
}

impl Settled {
    fn add(&mut self, report: &SettleReport) {
        self.batches += report.batches;
        self.accounts += report.accounts;
        self.statements += report.statements;
    }
}

impl fmt::Display for Settled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let batches = counted(self.batches, "batch");
        let accounts = counted(self.accounts, "account");
        let statements = counted(self.statements, "statement");
        writeln!(f, "{batches}, {accounts}, {statements}")?;
        if self.failed > 0 {
            let failed = counted(self.failed, "batch");
            writeln!(f, "{failed} failed: see `pledge settlements --failed`")
        } else if self.complete {
            writeln!(f, "every closed window is settled")
        } else {
            writeln!(f, "not every closed window is settled yet: run it again")
        }
    }
}
