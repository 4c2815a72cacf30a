//! What operators asked for over HTTP and what goes on when their requests end.

use std::time::Duration;

use pledge_http::access::BackgroundActs;
use tokio_util::sync::CancellationToken;

/// Lets what is under way at a stop end, within the bound. What does not has written nothing: each act is one write.
pub async fn keep_background(
    acts: BackgroundActs,
    drain: Duration,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    stop.cancelled().await;
    if tokio::time::timeout(drain, acts.ended()).await.is_err() {
        let count = acts.count();
        tracing::warn!(
            "{count} acts of operators were still under way at the end, and are not done"
        );
    }
    Ok(())
}
