//! `pledge settlements`: one line per window.

use std::fmt;

use clap::Args;
use clap::builder::RangedU64ValueParser;
use pledge_core::query::{self, PageQuery, SettlementFilter, SettlementStatus};
use pledge_http::views::{FailureView, SettlementView};
use serde::Serialize;

use super::{Context, Verdict};
use crate::output::counted;
use crate::wire;

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
    let stores = wire::open_to_read(&context.config()?.storage).await?;
    let status = args.failed.then_some(SettlementStatus::Failed);
    let filter = SettlementFilter { status, ..SettlementFilter::default() };
    let newest = PageQuery { after: None, limit: args.limit };
    let page = query::SettlementView::list(&stores.queries(), &filter, &newest).await?;
    stores.close().await;
    let settlements = page.items.into_iter().map(SettlementView::of).collect();
    context.output.print(&Listing { settlements })?;
    Ok(Verdict::Fine)
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
