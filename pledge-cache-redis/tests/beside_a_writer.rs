//! A reader through the cache sees only states that were, while another writes.

mod support;

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use pledge_cache_redis::Cached;
use pledge_core::ledger::Checkpoint;
use pledge_core::ports::{BalanceStore, PointsStore, Seen, Settlement, SettlementsQuery, Standing};
use pledge_core::types::{Account, ProgrammeId};
use pledge_storage_memory::MemoryStore;
use pledge_testing::Fixture;
use pledge_testing::world::{NOW, World, account, token, tokens};
use support::healthy;
use tokio::task::yield_now;

const STEPS: u64 = 120;
const ACCOUNTS: u64 = 5;

/// Everything that is asked, at one instant.
#[derive(Debug, Clone, PartialEq)]
struct Answers {
    holders: Seen<Vec<(Account, Checkpoint)>>,
    totals: Seen<Vec<Option<Standing>>>,
    settlements: Vec<Settlement>,
}

async fn ask(store: &(impl BalanceStore + PointsStore)) -> Answers {
    let programme = ProgrammeId::main(token());
    let accounts: Vec<_> = (1..=ACCOUNTS).map(account).collect();
    let query = SettlementsQuery { programme: programme.clone(), before: None, limit: 1_000 };
    Answers {
        holders: store.holders(token(), None, 1_000).await.expect("read"),
        totals: store.totals(&programme, &accounts).await.expect("read"),
        settlements: store.settlements(&query).await.expect("read"),
    }
}

#[tokio::test]
async fn an_answer_is_one_that_the_store_gave_during_the_call() {
    let store = Arc::new(MemoryStore::new());
    let cached = Cached::new(store.clone(), healthy().await).from_rows(0);
    let mut world = World::new(Fixture::new(store.clone(), ())).await;
    let truths = RefCell::new(vec![ask(&store).await]);
    let (asked, is_over) = (Cell::new(0), Cell::new(false));
    let write = async {
        for step in 0..STEPS {
            if step % 7 == 6 {
                world.fork(3 + step % 5);
            }
            let to = 1 + step % ACCOUNTS;
            world.mine(step * 1_000, &[(None, Some(to), tokens(step + 1))]);
            world.indexer.poll(NOW).await;
            let truth = ask(&store).await;
            truths.borrow_mut().push(truth);
            yield_now().await;
            world.settle().await.expect("a calm store settles");
            let truth = ask(&store).await;
            truths.borrow_mut().push(truth);
            // The reader asks in the middle of some steps, and again after others.
            let until = asked.get() + step % 4;
            while asked.get() < until {
                yield_now().await;
            }
        }
        is_over.set(true);
    };
    let read = async {
        while !is_over.get() {
            let before = truths.borrow().len() - 1;
            let seen = ask(&cached).await;
            asked.set(asked.get() + 1);
            let truths = &truths.borrow()[before..];
            assert!(truths.iter().any(|truth| truth.holders == seen.holders));
            assert!(truths.iter().any(|truth| truth.totals == seen.totals));
            assert!(truths.iter().any(|truth| truth.settlements == seen.settlements));
        }
    };
    tokio::join!(write, read);
    let counts = cached.counts();
    assert!(counts.hits > 20 && counts.misses > 20, "{counts:?}");
}
