//! `pledge settle`: the points alone.

use std::fmt;
use std::time::Duration;

use clap::Args;
use pledge_core::error::StoreError;
use pledge_core::points::SettleReport;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::{Context, Verdict};
use crate::backoff::Backoff;
use crate::stores::{self, Stores};
use crate::tasks;

#[derive(Debug, Args)]
pub(super) struct SettleArgs {
    /// Go on until every closed window is settled, also when the ledger moves meanwhile
    #[arg(long)]
    until_settled: bool,
    /// Stop after this long, such as 30s; what is done stays, and the next run goes on from there
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    deadline: Option<Duration>,
}

/// What was done, and whether anything is left.
#[derive(Debug, Default, Serialize)]
pub(super) struct Settled {
    batches: u64,
    accounts: u64,
    statements: u64,
    /// Batches that failed and wait, those of earlier runs included.
    failed: u64,
    /// Whether everything closed is settled.
    complete: bool,
}

pub(super) async fn execute(context: Context, args: SettleArgs) -> anyhow::Result<Verdict> {
    let config = context.config()?;
    let stores = stores::open_existing(&config.storage).await?;
    let stop = context.stop.child_token();
    let work = settle(&context, &stores, args.until_settled, &stop);
    tokio::pin!(work);
    let deadline = args.deadline.unwrap_or(Duration::MAX);
    let settled = tokio::select! {
        settled = &mut work => settled,
        () = tokio::time::sleep(deadline) => {
            stop.cancel();
            work.await
        }
    }?;
    stores.close().await;
    context.output.print(&settled)?;
    Ok(Verdict::fine_if(settled.complete))
}

async fn settle(
    context: &Context,
    stores: &Stores,
    until_settled: bool,
    stop: &CancellationToken,
) -> anyhow::Result<Settled> {
    let mut progress = context.progress.work("settling");
    let mut backoff = Backoff::default();
    let mut sum = Settled::default();
    let mut stopped = false;
    for chain in stores.balances.chains().await? {
        loop {
            let report = tasks::settle_chain(stores, chain.chain, stop, |report| {
                let (batches, accounts) = (report.batches, report.accounts);
                progress.says(|| format!("{batches} batches, {accounts} accounts"));
            });
            match report.await {
                Ok(report) => {
                    sum.add(&report);
                    stopped |= report.stopped;
                    break;
                }
                Err(error) if until_settled && tasks::is_conflict(&error) => {
                    let wait = tokio::time::sleep(backoff.delay());
                    if stop.run_until_cancelled(wait).await.is_none() {
                        return Ok(sum);
                    }
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
    sum.failed = failed_batches(stores).await?;
    sum.complete = sum.failed == 0 && !stopped;
    Ok(sum)
}

/// A batch that was tried too often is left alone by the settler, so the store is asked.
async fn failed_batches(stores: &Stores) -> Result<u64, StoreError> {
    let mut failed = 0;
    for chain in stores.balances.chains().await? {
        for token in stores.balances.tokens(chain.chain).await? {
            let programmes = stores.points.programmes(token.spec.id).await?;
            let shards = programmes.iter().flat_map(|programme| &programme.shards);
            let runs = shards.filter_map(|shard| shard.run.as_ref());
            failed += runs.map(|run| run.failures.len() as u64).sum::<u64>();
        }
    }
    Ok(failed)
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
        let (batches, accounts) = (self.batches, self.accounts);
        let statements = self.statements;
        writeln!(f, "{batches} batches, {accounts} accounts, {statements} statements")?;
        if self.failed > 0 {
            let failed = self.failed;
            writeln!(f, "{failed} batches failed: see `pledge settlements --failed`")
        } else if self.complete {
            writeln!(f, "every closed window is settled")
        } else {
            writeln!(f, "stopped before everything was settled: run it again to go on")
        }
    }
}
