//! How far every chain is, on the terminal of `pledge run`.

use std::time::{Duration, SystemTime};

use pledge_core::query::{self, Queries};
use pledge_http::views::ChainView;
use tokio_util::sync::CancellationToken;

use crate::output::counted;
use crate::progress::Board;
use crate::views::{ago, figure};

/// Ages are in seconds, so redrawing more often would show nothing new.
const INTERVAL: Duration = Duration::from_secs(1);

/// Shows how far the chains are until `stop`. If the store cannot be read, the board stays as it is
/// and the log has the reason.
pub async fn show_board(
    board: Board,
    queries: Queries,
    url: String,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let mut due = tokio::time::interval(INTERVAL);
    due.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    while stop.run_until_cancelled(due.tick()).await.is_some() {
        if let Some(Ok(chains)) = stop.run_until_cancelled(chains(&queries)).await {
            board.show(|| text(&url, &chains), String::new);
        }
    }
    board.ends(String::new);
    Ok(())
}

async fn chains(queries: &Queries) -> anyhow::Result<Vec<ChainView>> {
    let (chains, now) = (query::ChainView::all(queries).await?, SystemTime::now());
    Ok(chains.into_iter().map(|chain| ChainView::of(chain, now)).collect())
}

/// Lines stay below 80 columns: a wrapped line would not be cleared when the terminal is resized.
fn text(url: &str, chains: &[ChainView]) -> String {
    let mut lines = vec![url.to_owned()];
    for chain in chains {
        let lag = chain.lag.map_or("-".to_owned(), |lag| counted(lag, "block"));
        let stopped = match chain.halted_tokens.len() {
            0 => String::new(),
            stopped => format!(", {} stopped", counted(stopped as u64, "token")),
        };
        lines.push(format!("{:.20} ({}) {}{stopped}", chain.name, chain.chain_id, chain.status));
        lines.push(format!(
            "  confirmed {}, {lag} behind, head {}",
            figure(chain.last_confirmed_block),
            figure(chain.head_age_seconds.map(ago))
        ));
        lines.push(format!("  settled to {}", figure(chain.last_calculated_time)));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use pledge_storage_memory::MemoryStore;

    use super::*;
    use crate::stores::Stores;
    use crate::test_chain::{TestChain, account};

    #[tokio::test]
    async fn a_board_shows_how_far_each_chain_is_in_lines_that_are_not_broken() {
        let stores = Stores::of(MemoryStore::new());
        let mut test = TestChain::open(&stores).await;
        test.mine(600, Some((account(1), 10))).await;
        let chains = chains(&stores.queries()).await.unwrap();
        let text = text("http://127.0.0.1:8080/api/v1", &chains);
        for part in
            ["127.0.0.1:8080", "test (1) live", "confirmed 1, 0 blocks behind", "settled to -"]
        {
            assert!(text.contains(part), "{part} in:\n{text}");
        }
        assert!(text.lines().all(|line| line.chars().count() < 80), "{text}");
    }
}
