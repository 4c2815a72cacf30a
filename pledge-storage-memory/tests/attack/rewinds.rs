//! An operator's rewind, and sources that answer it falsely.

use super::*;

#[tokio::test]
async fn a_rewind_to_a_block_that_was_not_asked_for_is_refused() {
    for lie in [5_u64, 11] {
        let mut world = world().await;
        let pool = contract("pool", POOL, 1);
        follow(&world, &pool).await;
        mine_to(&world, 30);
        world.index().await;
        let source = Bent::new(&world.chain);
        world.read_through(source.clone());
        let other = world.chain.block(lie).unwrap();
        *source.headers.lock().unwrap() = Some(Box::new(move |from, answer| match from {
            from if from == n(8) => Ok(vec![other]),
            _ => answer,
        }));
        let rewound = world.indexer.rewind_to(n(8), &operator()).await;
        assert!(rewound.is_err(), "asked for block 8, went back to {}", rewound.unwrap().to);
    }
}

#[tokio::test]
async fn a_rewind_below_the_start_of_a_contract_leaves_it_to_begin_again() {
    let mut world = world().await;
    let (early, late) = (contract("early", POOL, 1), contract("late", POOL, 15));
    follow(&world, &early).await;
    follow(&world, &late).await;
    mine_to(&world, 30);
    world.index().await;
    let record = world.indexer.rewind_to(n(8), &operator()).await.unwrap();
    assert_eq!(record.contracts.len(), 2);
    assert_eq!(state(&world, &late).await.cursor, None);
    world.index().await;
    assert_as_the_chain(&world, &[&early, &late]).await;
}
