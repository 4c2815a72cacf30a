use pledge_core::ports::{LedgerCommit, NewBlocks, TokenCommit};
use pledge_core::primitives::Address;
use pledge_core::types::{BlockNumber, WindowLength};

use super::*;
use crate::demo;
use crate::output::Output;
use crate::tasks;

fn silent() -> Progress {
    Progress::new(Output::Json)
}

async fn born(seed: u64, speed: &str) -> (Stores, Life) {
    let stores = Stores::in_memory();
    let (market, _) = demo::play(&stores, &silent(), seed).await.unwrap();
    (stores, Life::new(market, speed.parse().unwrap()))
}

async fn lived(seed: u64, hours: u64) -> (Stores, Life) {
    let (stores, mut life) = born(seed, "600").await;
    for _ in 0..hours * BLOCKS_PER_HOUR {
        life.step().await.unwrap();
    }
    (stores, life)
}

#[tokio::test]
async fn after_a_day_with_forks_the_ledger_equals_the_contract() {
    let (_, life) = lived(7, 24).await;
    assert!(life.market.tally.reorgs > 3, "{:?}", life.market.tally);
    let report = life.market.player.verify().await.unwrap();
    assert_eq!(report.verdict, Verdict::Ok, "{report}");
    assert!(report.accounts > 250, "{report}");
}

#[tokio::test]
async fn after_a_day_with_forks_every_closed_window_is_settled() {
    let (stores, life) = lived(8, 24).await;
    let token = life.market.player.token;
    assert!(tasks::is_settled(&stores, token.chain).await.unwrap());
    let cursor = stores.balances.token(token).await.unwrap().unwrap().cursor.unwrap();
    let settled = life.snapshot().await.unwrap().settled;
    assert_eq!(settled, Some(WindowLength::HOUR.floor(cursor.time)));
}

#[tokio::test]
async fn the_changes_shown_are_those_in_the_ledger() {
    let (_, life) = lived(9, 12).await;
    let seen = life.snapshot().await.unwrap();
    let confirmed = life.market.player.chain.transfers().into_iter();
    let confirmed = confirmed.filter(|(block, _)| block.number.get() <= seen.confirmed);
    let legs = |party: Address| u64::from(!party.is_zero());
    let changes: u64 = confirmed.map(|(_, t)| legs(t.from) + legs(t.to)).sum();
    assert_eq!(seen.changes, changes);
}

#[tokio::test]
async fn a_deep_fork_takes_back_statements_and_is_verified() {
    let (_, life) = lived(10, 12).await;
    let seen = life.snapshot().await.unwrap();
    let reorg = seen.reorg.unwrap();
    assert!(reorg.ledger.changes_removed > 0 && reorg.ledger.statements_reversed > 0, "{reorg}");
    assert!(seen.audit.is_some());
}

#[tokio::test]
async fn a_verification_that_finds_a_fault_is_an_error() {
    let (stores, mut life) = lived(15, 1).await;
    let token = life.market.player.token;
    let state = stores.balances.token(token).await.unwrap().unwrap();
    let cursor = state.cursor.unwrap();
    let block = life.market.player.chain.block(cursor.number.next().get()).unwrap();
    let without_its_transfers = LedgerCommit {
        blocks: NewBlocks {
            chain: token.chain,
            base: Some(cursor.id()),
            confirmed_by: None,
            first: block,
            tip: block,
            headers: vec![block],
            retain_from: BlockNumber::new(0),
        },
        tokens: vec![TokenCommit {
            token,
            changes: Vec::new(),
            unreadable_logs: Vec::new(),
            totals: state.totals,
        }],
    };
    stores.balances.commit(&without_its_transfers).await.unwrap();
    let error = life.verify().await.unwrap_err().to_string();
    assert!(error.starts_with("verification found a fault in the ledger"), "{error}");
}

#[tokio::test]
async fn a_shallow_fork_leaves_the_ledger_alone() {
    let (_, mut life) = born(11, "600").await;
    while life.fork.is_none() {
        life.step().await.unwrap();
    }
    assert_eq!((life.market.tally.reorgs, life.reorg), (1, None), "only the story's own");
}

#[tokio::test(start_paused = true)]
async fn half_a_minute_at_speed_600_is_five_hours_settled() {
    let (stores, life) = born(12, "600").await;
    let (token, start) = (life.market.player.token, life.market.height());
    let chain = life.market.player.chain.clone();
    let before = life.snapshot().await.unwrap().settled.unwrap();
    let stop = CancellationToken::new();
    let living = tokio::spawn(life.live(silent(), stop.clone()));
    tokio::time::sleep(Duration::from_secs(30)).await;
    stop.cancel();
    living.await.unwrap().unwrap();
    let mined = chain.head().number.get() - start;
    assert!((59..=61).contains(&mined), "{mined} blocks");
    let settled = stores.points.programmes(token).await.unwrap()[0].settled().unwrap();
    let hours = settled.seconds_since(before).unwrap() / 3_600;
    assert!((4..=6).contains(&hours), "{hours} hours");
}

#[tokio::test]
async fn the_blocks_of_half_a_minute_at_speed_600_bring_a_fork() {
    let (_, life) = lived(14, 5).await;
    assert!(life.fork.is_some());
}

#[tokio::test(start_paused = true)]
async fn a_life_ends_when_it_is_as_old_as_it_may_be() {
    let (_, mut life) = born(13, "86400").await;
    life.height_max = life.market.height() + 20;
    let (chain, height_max) = (life.market.player.chain.clone(), life.height_max);
    let stop = CancellationToken::new();
    life.live(silent(), stop.clone()).await.unwrap();
    assert!(stop.is_cancelled());
    assert_eq!(chain.head().number.get(), height_max);
}
