//! `pledge demo`: two scripted chains, played from their first block to their last.
//!
//! The first is the worked case, to be checked by hand: one account, one hour, 20/3 points. The second is two days of a busy token, with a fork below its confirmed block.
//! Nothing is precomputed: indexer, settler and audit are those of `pledge run`.

mod hour;
mod market;
mod player;
mod story;

use pledge_core::types::Timestamp;
use pledge_storage_memory::MemoryStore;

pub use story::{Earned, ForkStory, HourStory, Leader, MarketStory, Story, Told};

use crate::progress::Progress;
use crate::stores::Stores;

/// 2026-01-01T00:00:00Z.
const NEW_YEAR: u64 = 1_767_225_600;

/// Plays both chains over stores in memory.
pub async fn play(progress: &Progress) -> anyhow::Result<(Stores, Story)> {
    let stores = Stores::of(MemoryStore::new());
    let hour = hour::play(&stores, progress).await?;
    let market = market::play(&stores, progress).await?;
    Ok((stores, Story { hour, market }))
}

/// An instant of the story, counted from the start of 2026.
fn at(hours: u64, minutes: u64, seconds: u64) -> Timestamp {
    let seconds = NEW_YEAR + hours * 3_600 + minutes * 60 + seconds;
    Timestamp::new(seconds).expect("a few days after 2026 began")
}
