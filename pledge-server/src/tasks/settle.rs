//! The settlement of one chain's tokens.

use std::sync::Arc;
use std::time::Duration;

use pledge_core::error::StoreErrorKind;
use pledge_core::points::{SettleReport, SettlerError};
use pledge_core::stop::Stop;
use pledge_core::types::ChainId;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::follow::Trouble;
use crate::backoff::Backoff;
use crate::stores::Stores;

/// How often a pass begins again when the ledger moves under it, before it waits.
const CONFLICTS_MAX: usize = 5;

/// Settles whenever the ledger moved, and every `interval`, until `stop`.
pub async fn keep_settling(
    stores: Stores,
    chain: ChainId,
    name: String,
    interval: Duration,
    moved: Arc<Notify>,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let mut backoff = Backoff::default();
    let mut trouble = Trouble::new(&name);
    while !stop.is_cancelled() {
        let settled = settle_chain(&stores, chain, &stop, |_| {}).await;
        let failed = settled.is_err();
        match settled {
            Ok(_) => {
                trouble.over();
                backoff.reset();
            }
            Err(error) if is_conflict(&error) => {}
            Err(error) => trouble.says(&format!("settlement: {:#}", anyhow::Error::from(error))),
        }
        let wait = async {
            if failed {
                tokio::time::sleep(backoff.delay()).await;
            } else {
                // Either is a reason to look again.
                tokio::select! {
                    () = moved.notified() => {}
                    () = tokio::time::sleep(interval) => {}
                }
            }
        };
        stop.run_until_cancelled(wait).await;
    }
    Ok(())
}

/// Settles every closed window of a chain's tokens, once. A pass that the ledger moved under begins
/// again, a bounded number of times.
pub async fn settle_chain(
    stores: &Stores,
    chain: ChainId,
    stop: &CancellationToken,
    mut progress: impl FnMut(&SettleReport) + Send,
) -> Result<SettleReport, SettlerError> {
    let settler = stores.settler();
    let stop = Stop::when(stop.clone());
    let mut sum = SettleReport::default();
    for token in stores.balances.tokens(chain).await? {
        let mut conflicts = 0;
        let report = loop {
            match settler.run(token.spec.id, &stop, &mut progress).await {
                Err(error) if is_conflict(&error) && conflicts < CONFLICTS_MAX => conflicts += 1,
                ended => break ended?,
            }
        };
        sum.batches += report.batches;
        sum.accounts += report.accounts;
        sum.statements += report.statements;
        sum.failed += report.failed;
        sum.stopped |= report.stopped;
    }
    Ok(sum)
}

pub(crate) fn is_conflict(error: &SettlerError) -> bool {
    let SettlerError::Store(error) = error;
    error.kind() == StoreErrorKind::Conflict
}
