//! `pledge retry`: tries the failed batches of a settlement again.

use std::fmt;

use clap::Args;
use pledge_core::audit::Reason;
use pledge_core::operate;
use pledge_core::query::SettlementId;
use pledge_core::stop::Stop;
use serde::Serialize;

use super::acting::{attribution, in_words};
use super::{Context, Verdict};
use crate::output::counted;
use crate::wire;

#[derive(Debug, Args)]
pub(super) struct RetryArgs {
    /// The settlement, as `pledge settlements` names it: `CHAIN_ID:0xTOKEN:PROGRAMME:WINDOW_START`
    id: SettlementId,
    /// The reason, kept with who did it
    #[arg(long, value_name = "TEXT")]
    reason: Option<Reason>,
}

#[derive(Debug, Serialize)]
struct Retried {
    id: String,
    /// Failed batches that were tried again.
    batches: usize,
    /// Batches of this settlement that are still open: they failed again or were not reached.
    failed: usize,
}

pub(super) async fn execute(context: Context, args: RetryArgs) -> anyhow::Result<Verdict> {
    let config = context.config()?;
    let mut stores = wire::open_existing(&config.storage).await?;
    stores.settling = config.settlement.settler;
    let by = attribution(args.reason.as_ref())?;
    let batches = operate::retry_settlement(&*stores.points, &args.id, &by).await;
    let batches = batches.map_err(in_words)?;
    let stop = Stop::when(context.stop.clone());
    stores.settler().settle_token(args.id.programme.token, &stop, |_| {}).await?;
    let settlement = args.id.find(&stores.queries()).await?;
    let failed = settlement.map_or(0, |settlement| settlement.failures.len());
    stores.close().await;
    context.output.print(&Retried { id: args.id.to_string(), batches, failed })?;
    Ok(Verdict::fine_if(failed == 0))
}

impl fmt::Display for Retried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, batches, failed } = self;
        let batches = counted(*batches as u64, "batch");
        write!(f, "{id}: {batches} tried again, {failed} still open")
    }
}
