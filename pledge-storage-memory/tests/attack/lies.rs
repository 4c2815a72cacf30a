//! A source that lies in one field of an answer.

use super::*;

/// Polls once with one lie about the first log of the pool in the answer; returns what was kept.
async fn with_one_lie(
    lie: impl Fn(&mut Vec<Log>, usize, &[BlockRef]) + Send + 'static,
) -> (World, Arc<Bent>, ContractSpec, Poll) {
    let mut world = world().await;
    let pool = contract("pool", POOL, 1);
    follow(&world, &pool).await;
    mine_to(&world, 200);
    let source = Bent::new(&world.chain);
    source.bend(move |_, answer| {
        let mut answer = answer?;
        if let Some(at) = answer.logs.iter().position(|log| log.address == POOL) {
            lie(&mut answer.logs, at, &answer.headers);
        }
        Ok(answer)
    });
    world.read_through(source.clone());
    let poll = world.indexer.poll(NOW).await;
    (world, source, pool, poll)
}

async fn refused(lie: impl Fn(&mut Vec<Log>, usize, &[BlockRef]) + Send + 'static) {
    let (mut world, source, pool, poll) = with_one_lie(lie).await;
    let Poll::Retry(IndexerError::Chain(error)) = &poll else { panic!("{poll:?}") };
    assert_eq!(error.kind(), ChainErrorKind::Transient, "{error}");
    assert_eq!(state(&world, &pool).await.cursor, None, "the tokens go on, the contract does not");
    source.honest();
    world.index().await;
    assert_as_the_chain(&world, &[&pool]).await;
}

#[tokio::test]
async fn an_address_that_no_filter_has_is_refused() {
    refused(|logs, at, _| logs[at].address = Address::repeat_byte(0x99)).await;
}

#[tokio::test]
async fn a_block_hash_of_another_block_is_refused() {
    refused(|logs, at, _| logs[at].block_hash = B256::repeat_byte(9)).await;
}

#[tokio::test]
async fn a_block_number_of_another_block_is_refused() {
    refused(|logs, at, _| logs[at].block = logs[at].block.next()).await;
}

#[tokio::test]
async fn a_block_number_and_hash_of_a_block_above_the_answer_are_refused() {
    refused(|logs, at, headers| {
        logs[at].block = headers.last().unwrap().number.next();
        logs[at].block_hash = B256::repeat_byte(9);
    })
    .await;
}

#[tokio::test]
async fn one_log_given_twice_with_other_data_is_refused() {
    refused(|logs, at, _| {
        let again = Log { data: Bytes::new(), ..logs[at].clone() };
        logs.insert(at, again);
    })
    .await;
}

#[tokio::test]
async fn an_anonymous_log_of_a_token_that_a_transfer_filter_did_not_ask_for_is_refused() {
    refused(|logs, at, _| {
        logs[at].address = token().address;
        logs[at].topics = Topics::default();
    })
    .await;
}

#[tokio::test]
async fn an_anonymous_log_of_a_contract_that_keeps_all_is_kept_and_moves_no_token() {
    let (world, _, pool, _) = with_one_lie(|logs, at, _| logs[at].topics = Topics::default()).await;
    assert!(kept(&world, &pool).await.iter().any(|kept| kept.log.topics == Topics::default()));
    let token = world.fixture.balances.token(token()).await.unwrap().unwrap();
    assert_eq!(token.unreadable_logs, 0);
}

/// Near the head each block is read twice, and a transfer that only one answer has is noticed.
async fn lie_once_near_the_head(about: Address, lie: impl Fn(&mut Log) + Send + 'static) -> World {
    let mut world = world().await;
    let pool = contract("pool", POOL, 1);
    follow(&world, &pool).await;
    mine_to(&world, 30);
    world.index().await;
    let source = Bent::new(&world.chain);
    world.read_through(source.clone());
    mine_to(&world, 31);
    // Of the two answers that have block 25, the second is the one that is committed.
    let mut answers = 0;
    source.bend(move |request, answer| {
        let mut answer = answer?;
        let has_it = (request.from..=request.to).contains(&n(25));
        answers += usize::from(has_it);
        if has_it && answers == 2 {
            let at = answer.logs.iter().position(|log| log.address == about && log.block == n(25));
            lie(&mut answer.logs[at.unwrap()]);
        }
        Ok(answer)
    });
    world.index().await;
    world
}

#[tokio::test]
async fn a_transfer_that_one_of_two_answers_has_otherwise_is_not_committed() {
    let world = lie_once_near_the_head(token().address, |log| log.tx_hash = B256::ZERO).await;
    assert_as_the_chain(&world, &[&contract("pool", POOL, 1)]).await;
}

#[tokio::test]
async fn a_log_of_a_contract_that_one_of_two_answers_has_otherwise_is_not_committed() {
    let world = lie_once_near_the_head(POOL, |log| log.data = Bytes::new()).await;
    assert_as_the_chain(&world, &[&contract("pool", POOL, 1)]).await;
}

#[tokio::test]
async fn a_second_source_that_omits_logs_of_contracts_holds_up_the_commit() {
    let mut world = world().await;
    let pool = contract("pool", POOL, 1);
    follow(&world, &pool).await;
    mine_to(&world, 30);
    let second = Bent::new(&world.chain);
    second.bend(|_, answer| {
        let mut answer = answer?;
        answer.logs.retain(|log| log.address != POOL);
        Ok(answer)
    });
    let fixture = world.fixture.clone();
    let first = Arc::new(world.chain.clone());
    world.indexer = indexer(first, fixture.balances, Some(fixture.logs)).cross_checked_by(second);
    let poll = world.indexer.poll(NOW).await;
    assert!(matches!(poll, Poll::Retry(IndexerError::Chain(_))), "{poll:?}");
    assert_eq!(state(&world, &pool).await.cursor, None, "the tokens go on, the contract does not");
}

#[tokio::test]
async fn a_log_of_a_contract_with_another_index_and_hash_is_found_by_a_second_source() {
    let mut world = world().await;
    let pool = contract("pool", POOL, 1);
    follow(&world, &pool).await;
    mine_to(&world, 30);
    for (field, lie) in [
        ("index", (|log: &mut Log| log.log_index = LogIndex::new(77)) as fn(&mut Log)),
        ("hash", |log| log.tx_hash = B256::ZERO),
        ("data", |log| log.data = Bytes::new()),
        ("topics", |log| log.topics = Topics::default()),
    ] {
        let first = Bent::new(&world.chain);
        first.bend(move |_, answer| {
            let mut answer = answer?;
            answer.logs.iter_mut().filter(|log| log.address == POOL).take(1).for_each(lie);
            Ok(answer)
        });
        let fixture = world.fixture.clone();
        let second = Arc::new(world.chain.clone());
        world.indexer =
            indexer(first, fixture.balances, Some(fixture.logs)).cross_checked_by(second);
        let poll = world.indexer.poll(NOW).await;
        assert!(matches!(poll, Poll::Retry(IndexerError::Chain(_))), "{field}: {poll:?}");
        assert_eq!(state(&world, &pool).await.cursor, None, "{field}");
    }
}
