//! `pledge demo`: two scripted chains, played from their first block on.
//!
//! The first is the worked case, to be checked by hand: one account, one hour, 20/3 points. The
//! second is two days of a busy token, with a fork below its confirmed block. It continues for two
//! weeks of chain time, and starts again with the next seed. Nothing is precomputed: the indexer
//! and the settler are those of `pledge run`, the verification is that of `pledge verify`.

mod blocks;
mod hour;
mod life;
mod market;
mod player;
mod speed;
mod story;
mod summary;
mod tally;
mod traffic;

use pledge_core::types::Timestamp;

pub use life::Life;
pub use market::Market;
pub use speed::{Speed, SpeedError};
pub use story::{Earned, FinishedStory, ForkStory, HourStory, Leader, MarketStory, Story};

use crate::progress::Progress;
use crate::stores::Stores;

// 2026-01-01T00:00:00Z in unix seconds.
const NEW_YEAR: u64 = 1_767_225_600;

/// Plays both chains over empty stores. The same seed plays the same market.
pub async fn play(
    stores: &Stores,
    progress: &Progress,
    seed: u64,
) -> anyhow::Result<(Market, Story)> {
    let hour = hour::play(stores, progress).await?;
    let (market, story) = market::play(stores, progress, seed).await?;
    Ok((market, Story { hour, market: story }))
}

/// An instant of the story, counted from the start of 2026.
fn at(hours: u64, minutes: u64, seconds: u64) -> Timestamp {
    let seconds = NEW_YEAR + hours * 3_600 + minutes * 60 + seconds;
    Timestamp::new(seconds).expect("some weeks after 2026 began")
}
