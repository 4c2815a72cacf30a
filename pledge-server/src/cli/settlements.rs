//! `pledge settlements`: one line a window.

use std::fmt;

use clap::Args;
use pledge_core::ports::{ProgrammeState, Settlement, SettlementsQuery};
use pledge_core::types::{Scale, Timestamp};
use serde::Serialize;

use super::retry::SettlementId;
use super::{Context, Verdict};
use crate::stores::{self, Stores};

/// Settlements read at a time.
const PAGE: usize = 500;

#[derive(Debug, Args)]
pub(super) struct SettlementsArgs {
    /// Only those in which something failed
    #[arg(long)]
    failed: bool,
    /// At most so many of each programme
    #[arg(long, value_name = "N", default_value_t = 20)]
    limit: usize,
}

#[derive(Debug, Serialize)]
struct Listing {
    settlements: Vec<Row>,
}

#[derive(Debug, Serialize)]
struct Row {
    id: String,
    window_start: u64,
    window_end: u64,
    status: &'static str,
    accounts: u64,
    points: String,
    points_raw: String,
    failures: Vec<Failure>,
}

#[derive(Debug, Serialize)]
struct Failure {
    shard: u16,
    attempts: u32,
    reason: String,
}

pub(super) async fn execute(context: Context, args: SettlementsArgs) -> anyhow::Result<Verdict> {
    let stores = stores::open_existing(&context.config()?.storage).await?;
    let mut settlements = Vec::new();
    for chain in stores.balances.chains().await? {
        for token in stores.balances.tokens(chain.chain).await? {
            let scale = Scale::of(token.spec.metadata.decimals);
            for programme in stores.points.programmes(token.spec.id).await? {
                let found = list(&stores, &programme, &args).await?;
                settlements.extend(found.into_iter().map(|settlement| row(settlement, scale)));
            }
        }
    }
    stores.close().await;
    context.output.print(&Listing { settlements })?;
    Ok(Verdict::Fine)
}

/// The newest settlements; failures stand only in windows that not every shard has settled.
async fn list(
    stores: &Stores,
    state: &ProgrammeState,
    args: &SettlementsArgs,
) -> anyhow::Result<Vec<Settlement>> {
    let settled = state.settled().unwrap_or(Timestamp::ZERO);
    let mut found = Vec::new();
    let mut before = None;
    while found.len() < args.limit {
        let query = SettlementsQuery {
            programme: state.programme.id.clone(),
            before,
            limit: PAGE.min(args.limit.max(1)),
        };
        let page = stores.points.settlements(&query).await?;
        let Some(last) = page.last() else { break };
        before = Some(last.window.start);
        let below_failures = last.window.end <= settled;
        let wanted = |settlement: &Settlement| !args.failed || !settlement.failures.is_empty();
        found.extend(page.into_iter().filter(wanted));
        if args.failed && below_failures {
            break;
        }
    }
    found.truncate(args.limit);
    Ok(found)
}

fn row(settlement: Settlement, scale: Scale) -> Row {
    let status = match (settlement.failures.is_empty(), settlement.settled) {
        (false, _) => "failed",
        (true, true) => "settled",
        (true, false) => "running",
    };
    let failures = settlement.failures.into_iter().map(|failure| Failure {
        shard: failure.shard.get(),
        attempts: failure.attempts,
        reason: failure.reason,
    });
    let id =
        SettlementId { programme: settlement.programme, window_start: settlement.window.start };
    Row {
        id: id.to_string(),
        window_start: settlement.window.start.get(),
        window_end: settlement.window.end.get(),
        status,
        accounts: settlement.total.accounts,
        points: scale.points(settlement.total.raw),
        points_raw: settlement.total.raw.to_string(),
        failures: failures.collect(),
    }
}

impl fmt::Display for Listing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.settlements.is_empty() {
            return f.write_str("no settlements");
        }
        for row in &self.settlements {
            let Row { id, status, accounts, points, .. } = row;
            writeln!(f, "{id}  {status}  {accounts} accounts  {points} points")?;
            for Failure { shard, attempts, reason } in &row.failures {
                writeln!(f, "    shard {shard}, {attempts} attempts: {reason}")?;
            }
        }
        Ok(())
    }
}
