//! Laws of [`PendingCache`].

use std::sync::Arc;

use pledge_core::ports::{PendingBlock, PendingCache, PendingSnapshot};
use pledge_core::simulation::ScriptedChain;
use pledge_core::types::ChainId;

use crate::world::{CHAIN, at, token};

laws! {
    __pending_cache of pending_cache(Arc<dyn PendingCache>):
    what_was_stored_last_is_loaded
    chains_do_not_see_each_others_pending_blocks
    a_fresh_cache_is_empty
}

fn snapshot(seconds: u64) -> PendingSnapshot {
    let chain = ScriptedChain::new(CHAIN, at(seconds));
    let base = chain.head().id();
    let header = chain.mine(at(seconds + 1), &[]);
    let blocks = vec![PendingBlock { header, transfers: Vec::new() }];
    PendingSnapshot { base, tokens: vec![token().address], blocks }
}

/// What was stored last is what is loaded.
async fn what_was_stored_last_is_loaded(cache: Arc<dyn PendingCache>) {
    for seconds in [1, 2] {
        cache.store(CHAIN, &snapshot(seconds)).await.expect("store a snapshot");
    }
    assert_eq!(cache.load(CHAIN).await.expect("load"), Some(snapshot(2)));
}

/// Chains do not see each other.
async fn chains_do_not_see_each_others_pending_blocks(cache: Arc<dyn PendingCache>) {
    let other = ChainId::new(84_532);
    cache.store(CHAIN, &snapshot(1)).await.expect("store a snapshot");
    assert_eq!(cache.load(other).await.expect("load"), None);
    cache.store(other, &snapshot(2)).await.expect("store a snapshot");
    assert_eq!(cache.load(CHAIN).await.expect("load"), Some(snapshot(1)));
}

/// Nothing was stored, so nothing is loaded.
async fn a_fresh_cache_is_empty(cache: Arc<dyn PendingCache>) {
    assert_eq!(cache.load(CHAIN).await.expect("load"), None);
}
