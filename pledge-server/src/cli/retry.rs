//! `pledge retry`: another attempt at what failed in a settlement.

use std::fmt;
use std::str::FromStr;

use anyhow::bail;
use clap::Args;
use pledge_core::stop::Stop;
use pledge_core::types::{ProgrammeId, Timestamp};
use serde::Serialize;

use super::{Context, Verdict};
use crate::stores;

#[derive(Debug, Args)]
pub(super) struct RetryArgs {
    /// The settlement, as `pledge settlements` names it: `CHAIN_ID:0xTOKEN:PROGRAMME:WINDOW_START`
    id: SettlementId,
}

/// A programme and one of its windows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SettlementId {
    pub(super) programme: ProgrammeId,
    pub(super) window_start: Timestamp,
}

#[derive(Debug, Serialize)]
struct Retried {
    id: String,
    /// Failed batches that were tried again.
    batches: usize,
    /// Batches that failed once more.
    failed: u64,
}

pub(super) async fn execute(context: Context, args: RetryArgs) -> anyhow::Result<Verdict> {
    let stores = stores::open_existing(&context.config()?.storage).await?;
    let SettlementId { programme, window_start } = &args.id;
    let batches = stores.points.reset_failures(programme, *window_start).await?;
    if batches == 0 {
        bail!("nothing has failed in settlement {}", args.id);
    }
    let settler = stores.settler();
    let report = settler.run(programme.token, &Stop::when(context.stop.clone()), |_| {}).await?;
    stores.close().await;
    let retried = Retried { id: args.id.to_string(), batches, failed: report.failed };
    context.output.print(&retried)?;
    Ok(Verdict::fine_if(retried.failed == 0 && !report.stopped))
}

impl fmt::Display for SettlementId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.programme, self.window_start)
    }
}

impl FromStr for SettlementId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let form = || "write CHAIN_ID:0xTOKEN:PROGRAMME:WINDOW_START".to_owned();
        let (programme, start) = text.rsplit_once(':').ok_or_else(form)?;
        let seconds = start.parse().map_err(|_| form())?;
        Ok(Self {
            programme: programme.parse().map_err(|_| form())?,
            window_start: Timestamp::new(seconds).map_err(|error| error.to_string())?,
        })
    }
}

impl fmt::Display for Retried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, batches, failed } = self;
        write!(f, "{id}: {batches} batches tried again, {failed} failed")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_settlement_id_reads_back_as_it_is_written() {
        let text = "1:0x00000000000000000000000000000000000000AA:main:1767279600";
        let id: SettlementId = text.parse().unwrap();
        assert_eq!(id.window_start.get(), 1_767_279_600);
        assert_eq!(id.to_string().to_lowercase(), text.to_lowercase());
        assert!("1:main:0".parse::<SettlementId>().is_err());
    }
}
