//! What was learned on a branch and is not true of the next one.

use super::*;

const FINALIZED: IndexerConfig = IndexerConfig { finality: Finality::Finalized, ..CONFIG };

/// Reads the chain through the source alone, or with a second one that cross-checks it.
fn finalizing(
    world: &mut World,
    source: Arc<dyn ChainSource>,
    second: Option<&ScriptedChain>,
    config: IndexerConfig,
) {
    let (store, pending) = (world.fixture.balances.clone(), Arc::new(MemoryPending::default()));
    let indexer = Indexer::new(CHAIN, source, store, pending, config);
    world.indexer = match second {
        Some(second) => indexer.cross_checked_by(Arc::new(second.clone())),
        None => indexer,
    };
}

async fn poll_ten_times(world: &mut World) {
    for _ in 0..10 {
        let _ = world.indexer.poll(NOW).await;
    }
}

async fn height(world: &World) -> Option<BlockNumber> {
    world.cursor().await.map(|cursor| cursor.number)
}

/// The other instance goes back, further than the fork seen here would lead, and comes to the same
/// cursor again. Only the epoch shows it.
#[tokio::test]
async fn a_cursor_that_another_instance_left_and_reached_again_is_no_reason_to_halt() {
    let mut acted = 0;
    for question in 0..20 {
        let mut world = world().await;
        mine_to(&world, 100);
        world.index().await;
        let (chain, ours) = (world.chain.clone(), world.chain.branch());
        chain.fork_at(10);
        mine_to(&world, 100);
        let theirs = chain.branch();
        let mut other = indexer(Arc::new(chain.clone()), world.fixture.balances.clone(), None);
        let source = Bent::new(&world.chain);
        let act = move || {
            chain.return_to(&ours);
            ready(other.rewind_to(n(50), &operator())).unwrap();
            ready(index_until_rest(&mut other)).unwrap();
            chain.return_to(&theirs);
        };
        *source.hook.lock().unwrap() = Some((question, Box::new(act)));
        world.read_through(source.clone());
        let poll = world.indexer.poll(NOW).await;
        if source.hook.lock().unwrap().is_some() {
            break;
        }
        assert!(matches!(poll, Poll::Retry(_)), "question {question}: {poll:?}");
        acted += 1;
    }
    assert!(acted > 3, "a deep fork takes more than {acted} questions");
}

#[tokio::test]
async fn what_was_final_for_the_second_source_is_proven_again_after_a_fork() {
    let mut world = world().await;
    mine_to(&world, 30);
    let second = world.chain.copy();
    let source = Arc::new(world.chain.clone());
    finalizing(&mut world, source, Some(&second), FINALIZED);
    world.chain.set_finalized(Some(20));
    second.set_finalized(Some(20));
    world.index().await;
    assert_eq!(height(&world).await, Some(n(20)));
    world.chain.fork_at(15);
    mine_to(&world, 30);
    second.return_to(&world.chain.branch());
    second.set_finalized(Some(15));
    poll_ten_times(&mut world).await;
    assert_eq!(height(&world).await, Some(n(15)), "final is what the second source has as final");
    second.set_finalized(Some(20));
    poll_ten_times(&mut world).await;
    assert_eq!(height(&world).await, Some(n(20)));
}

#[tokio::test]
async fn a_finalized_block_is_shown_again_after_a_fork() {
    let mut world = world().await;
    mine_to(&world, 200);
    world.chain.set_finalized(Some(50));
    let source = Bent::new(&world.chain);
    let config = IndexerConfig { retained_headers: 16, ..FINALIZED };
    finalizing(&mut world, source.clone(), None, config);
    world.index().await;
    assert_eq!(height(&world).await, Some(n(50)));
    world.chain.fork_at(40);
    mine_to(&world, 200);
    world.chain.set_finalized(Some(60));
    let lost = world.chain.block(60).unwrap();
    let poll = world.indexer.poll(NOW).await;
    assert!(matches!(&poll, Poll::Rewound(record) if record.to.number == n(40)), "{poll:?}");
    world.chain.fork_at(45);
    mine_to(&world, 200);
    *source.finalized.lock().unwrap() = Some(lost);
    poll_ten_times(&mut world).await;
    assert_eq!(height(&world).await, Some(n(40)), "block 60 of the lost branch confirms nothing");
    source.honest();
    world.index().await;
    assert_eq!(height(&world).await, Some(n(60)));
}
