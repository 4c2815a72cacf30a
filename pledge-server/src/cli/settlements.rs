//! `pledge settlements`: one line per window.

use std::fmt;

use clap::Args;
use clap::builder::RangedU64ValueParser;
use pledge_core::types::Scale;
use serde::Serialize;

use super::{Context, Verdict};
use crate::output::counted;
use crate::stores::{self, Stores};
use crate::views::{FailureView, SettlementStatus, SettlementView, by_window, newest};

#[derive(Debug, Args)]
pub(super) struct SettlementsArgs {
    /// Only those in which something failed
    #[arg(long)]
    failed: bool,
    /// Rows to list at most
    #[arg(
        long,
        value_name = "N",
        default_value_t = 20,
        value_parser = RangedU64ValueParser::<usize>::new().range(1..=1000)
    )]
    limit: usize,
}

#[derive(Debug, Serialize)]
struct Listing {
    settlements: Vec<SettlementView>,
}

pub(super) async fn execute(context: Context, args: SettlementsArgs) -> anyhow::Result<Verdict> {
    let stores = stores::open_to_read(&context.config()?.storage).await?;
    let settlements = list(&stores, &args).await?;
    stores.close().await;
    context.output.print(&Listing { settlements })?;
    Ok(Verdict::Fine)
}

/// The newest settlements over all programmes.
async fn list(stores: &Stores, args: &SettlementsArgs) -> anyhow::Result<Vec<SettlementView>> {
    let queries = stores.queries();
    let status = args.failed.then_some(SettlementStatus::Failed);
    let mut rows = Vec::new();
    for chain in stores.balances.chains().await? {
        for token in stores.balances.tokens(chain.chain).await? {
            let scale = Scale::of(token.spec.metadata.decimals);
            for programme in stores.points.programmes(token.spec.id).await? {
                let found = newest(&queries, &programme, None, status, args.limit).await?;
                rows.extend(found.into_iter().map(|row| (row, scale)));
            }
        }
    }
    rows.sort_by(|(a, _), (b, _)| by_window(a, b));
    rows.truncate(args.limit);
    Ok(SettlementView::read(&queries, rows).await?)
}

impl fmt::Display for Listing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.settlements.is_empty() {
            return f.write_str("no settlements");
        }
        for row in &self.settlements {
            let SettlementView { id, status, accounts, points, .. } = row;
            let accounts = counted(*accounts, "account");
            writeln!(f, "{id}  {status}  {accounts}  {points} points")?;
            for FailureView { shard, attempts, reason, .. } in &row.failures {
                let attempts = counted(u64::from(*attempts), "attempt");
                writeln!(f, "    shard {}, {attempts}: {reason}", shard.get())?;
            }
        }
        Ok(())
    }
}
