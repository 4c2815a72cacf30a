//! A ledger and a contract's logs in two databases: each follows the chain for itself.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::sync::Arc;

use pledge_core::indexer::{Finality, Indexer, IndexerConfig, Poll};
use pledge_core::logs::{ConfirmedLog, ContractSpec, Events};
use pledge_core::ports::{ContractLogsQuery, LogOrder, LogReads, LogStore, Registry};
use pledge_core::primitives::Address;
use pledge_core::simulation::{ScriptedChain, ScriptedTransfer};
use pledge_core::types::{BlockNumber, ContractId};
use pledge_storage_memory::MemoryPending;
use pledge_storage_sqlite::SqliteStore;
use pledge_testing::world::{CHAIN, NOW, account, at, spec, token, tokens};
use support::Place;

const CONFIG: IndexerConfig = IndexerConfig {
    finality: Finality::Depth(6),
    retained_headers: 64,
    slice_blocks_max: 100,
    clock_slack: None,
};

fn contract() -> ContractSpec {
    let id = ContractId::new(CHAIN, "every").unwrap();
    let start_block = BlockNumber::new(1);
    ContractSpec { id, address: token().address, events: Events::all(), start_block }
}

/// Mines a mint a block up to a height.
fn mine_to(chain: &ScriptedChain, height: u64) {
    while chain.head().number.get() < height {
        let next = chain.head().number.get() + 1;
        let (token, amount) = (token().address, tokens(next));
        let to = account(next % 5 + 1).address();
        chain.mine(at(next * 60), &[ScriptedTransfer { token, from: Address::ZERO, to, amount }]);
    }
}

fn indexer(chain: &ScriptedChain, store: &SqliteStore) -> Indexer {
    let (source, pending) = (Arc::new(chain.clone()), Arc::new(MemoryPending::default()));
    Indexer::new(CHAIN, source, Arc::new(store.clone()), pending, CONFIG)
        .keeping_logs(Arc::new(store.clone()))
}

/// Polls until there is nothing to do; returns what each poll did before.
async fn to_rest(indexer: &mut Indexer) -> Vec<Poll> {
    let mut polls = Vec::new();
    for _ in 0..100 {
        match indexer.poll(NOW).await {
            Poll::Idle => return polls,
            poll => polls.push(poll),
        }
    }
    panic!("the indexer does not come to rest: {polls:?}");
}

async fn kept(store: &SqliteStore) -> Vec<ConfirmedLog> {
    let (contract, order) = (contract().id, LogOrder::OldestFirst);
    let query = ContractLogsQuery { contract, order, after: None, limit: usize::MAX };
    store.contract_logs(&query).await.unwrap().value
}

/// The process that follows both rewinds the ledger and dies before it rewinds the logs, which stay
/// three blocks up on the branch that was left.
#[tokio::test]
async fn logs_in_a_database_of_their_own_heal_in_one_poll_after_a_kill_between_two_rewinds() {
    let (ledger_at, logs_at) = (Place::new(), Place::new());
    let chain =
        ScriptedChain::new(CHAIN, at(0)).with_token(token().address, spec(token()).metadata);
    mine_to(&chain, 20);
    {
        let ledger = ledger_at.open().await;
        let logs = logs_at.open().await;
        for store in [&ledger, &logs] {
            store.register_chain(CHAIN, "test").await.unwrap();
        }
        ledger.register_token(&spec(token())).await.unwrap();
        logs.register_contract(&contract()).await.unwrap();
        to_rest(&mut indexer(&chain, &ledger)).await;
        to_rest(&mut indexer(&chain, &logs)).await;
        chain.fork_at(11);
        mine_to(&chain, 24);
        let poll = indexer(&chain, &ledger).poll(NOW).await;
        assert!(matches!(poll, Poll::Rewound(_)), "{poll:?}");
    }
    let logs = logs_at.open().await;
    let stale = logs.contract(&contract().id).await.unwrap().unwrap().cursor.unwrap();
    assert_eq!(stale.number, BlockNumber::new(14));
    assert_ne!(Some(stale), chain.block(14), "it is on the branch that was left");

    let mut indexer = indexer(&chain, &logs);
    let poll = indexer.poll(NOW).await;
    let Poll::Rewound(record) = poll else { panic!("{poll:?}") };
    assert_eq!((Some(record.to), record.tokens), (chain.block(11), Vec::new()));
    assert_eq!(record.contracts[0].logs_removed, 3);
    for poll in to_rest(&mut indexer).await {
        let Poll::Advanced(progress) = poll else { panic!("{poll:?}") };
        assert!(progress.from > record.to.number, "fetched again from {}", progress.from);
    }
    let hashes = kept(&logs).await.into_iter().map(|kept| kept.log.block_hash);
    let canonical = (1..=18).map(|number| chain.block(number).unwrap().hash);
    assert!(hashes.eq(canonical), "one log a block, all of the branch of the head");
}
