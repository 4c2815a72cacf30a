//! Another node takes the place of one that fails.

use std::time::Duration;

use alloy::primitives::{Address, B256, Bytes};
use pledge_chain_evm::{NodeState, WrongChain};
use pledge_core::error::{ChainError, ChainErrorKind};
use pledge_core::ledger::erc20::transfers_of;
use pledge_core::ports::{ChainSource, ChainSourceExt, HeaderDetail, LogsAnswer, LogsRequest};
use pledge_core::types::{Amount, BlockSpan, Call};

use crate::node::{Node, TOKEN, chain, mine};
use crate::{group, group_with, nodes_of, number, pass, state_of};

pub(crate) async fn range(
    source: &impl ChainSource,
    from: u64,
    to: u64,
) -> Result<LogsAnswer, ChainError> {
    let (from, to, detail) = (number(from), number(to), HeaderDetail::Sparse);
    source.logs(LogsRequest { from, to, filters: &[transfers_of(&[TOKEN])], detail }).await
}

#[tokio::test]
async fn the_next_node_answers_when_the_first_fails() {
    let chain = chain(100);
    let nodes = nodes_of(&chain, 3).await;
    let group = group(&nodes);
    assert_eq!(group.head().await.unwrap().number, number(100));
    assert_eq!(nodes[1].requests() + nodes[2].requests(), 0, "only one node is asked");
    nodes[0].is_away();
    assert_eq!(group.head().await.unwrap().number, number(100));
    assert_eq!(group.endpoint(), nodes[1].endpoint());
    assert!(matches!(state_of(&group, 0), NodeState::Waits { .. }));
    assert_eq!(nodes[2].requests(), 0);
}

#[tokio::test]
async fn a_node_that_is_away_at_the_start_joins_when_it_answers() {
    let chain = chain(100);
    let nodes = nodes_of(&chain, 2).await;
    nodes[0].is_away();
    let group = group(&nodes);
    let connected = group.connect(Duration::from_secs(5)).await;
    assert!(connected[0].is_err() && connected[1].is_ok());
    assert_eq!(group.head().await.unwrap().number, number(100));
    nodes[0].is_well();
    nodes[1].is_away();
    pass(Duration::from_secs(5)).await;
    assert_eq!(group.head().await.unwrap().number, number(100));
    assert_eq!(group.endpoint(), nodes[0].endpoint());
}

#[tokio::test]
async fn a_question_is_not_repeated_on_a_node_without_the_newest_block() {
    let chain = chain(100);
    let nodes = nodes_of(&chain, 2).await;
    let group = group(&nodes);
    group.headers(BlockSpan::new(number(90), number(100))).await.unwrap();
    nodes[0].is_away();
    nodes[1].lags(3);
    assert_eq!(group.head().await.unwrap_err().kind(), ChainErrorKind::Transient);
    assert_eq!(group.head().await.unwrap().number, number(97), "the next question is its own");
}

#[tokio::test]
async fn a_node_too_far_behind_to_be_compared_is_not_used() {
    let chain = chain(100);
    let nodes = nodes_of(&chain, 2).await;
    let group = group(&nodes);
    group.head().await.unwrap();
    nodes[0].is_away();
    nodes[1].lags(50);
    for _ in 0..3 {
        assert_eq!(group.head().await.unwrap_err().kind(), ChainErrorKind::Transient);
    }
    assert_eq!(group.endpoint(), nodes[0].endpoint());
}

#[tokio::test]
async fn a_node_that_asked_for_rest_is_left_alone_until_it_is_over() {
    let chain = chain(100);
    let nodes = nodes_of(&chain, 2).await;
    let group = group(&nodes);
    group.head().await.unwrap();
    nodes[0].is_busy_for(120);
    group.head().await.unwrap();
    nodes[0].is_well();
    nodes[0].requests();
    for _ in 0..11 {
        pass(Duration::from_secs(10)).await;
        group.head().await.unwrap();
    }
    assert_eq!(nodes[0].requests(), 0, "110 s are not 120 s");
    pass(Duration::from_secs(11)).await;
    group.head().await.unwrap();
    assert!(nodes[0].requests() > 0);
}

#[tokio::test]
async fn the_last_node_too_is_left_alone_for_as_long_as_it_asks() {
    let chain = chain(100);
    let nodes = nodes_of(&chain, 1).await;
    let group = group(&nodes);
    nodes[0].is_busy_for(120);
    group.head().await.unwrap_err();
    nodes[0].requests();
    let error = group.head().await.unwrap_err();
    assert_eq!(nodes[0].requests(), 0);
    let text = error.to_string();
    for part in
        ["no node can be asked now", &nodes[0].endpoint(), "asks to be left alone for 120 s", "429"]
    {
        assert!(text.contains(part), "{text}");
    }
}

#[tokio::test]
async fn a_node_that_hangs_does_not_hold_up_the_next_questions() {
    let chain = chain(100);
    let nodes = nodes_of(&chain, 2).await;
    let group = group_with(&nodes, |config| {
        config.wait_min = Duration::from_secs(600);
        config.nodes[0].request_timeout = Duration::from_millis(500);
    });
    nodes[0].hangs();
    group.head().await.unwrap();
    nodes[0].requests();
    for _ in 0..20 {
        group.head().await.unwrap();
        range(&group, 1, 50).await.unwrap();
    }
    assert_eq!(nodes[0].requests(), 0);
}

#[tokio::test]
async fn a_range_is_of_one_node_even_if_the_first_dies_in_the_middle() {
    let chain = chain(100);
    let nodes = nodes_of(&chain, 2).await;
    let group = group(&nodes);
    group.head().await.unwrap();
    // The ends and logs come, the headers of the logs' blocks do not.
    nodes[0].fails_at("eth_getBlockByNumber", 50);
    let answer = range(&group, 1, 90).await.unwrap();
    assert_eq!(answer.last().unwrap().number, number(49), "what the first has is proven and kept");
    assert_eq!((answer.logs.len(), nodes[1].calls_of("eth_getLogs")), (4, 0));
    let answer = range(&group, 50, 90).await.unwrap();
    let [first, second] = [0, 1].map(|node: usize| nodes[node].calls_of("eth_getLogs"));
    assert!(first > 0 && second > 0, "both were asked for logs: {first} and {second}");
    assert_eq!(answer.logs.len(), 5);
    assert_eq!(group.endpoint(), nodes[1].endpoint());
}

#[tokio::test]
async fn a_node_that_turns_to_another_chain_is_out_of_use() {
    let chain = chain(100);
    let nodes = nodes_of(&chain, 2).await;
    let group = group(&nodes);
    group.head().await.unwrap();
    nodes[0].reports_chain("0x5");
    pass(Duration::from_secs(301)).await;
    assert_eq!(group.head().await.unwrap().number, number(100));
    assert_eq!(group.endpoint(), nodes[1].endpoint());
    let NodeState::OutOfUse { reason, .. } = state_of(&group, 0) else {
        panic!("{:?}", group.report());
    };
    assert!(reason.contains("chain 5"), "{reason}");
}

#[tokio::test]
async fn a_node_of_another_chain_is_reported_when_it_is_connected_to() {
    let chain = chain(10);
    let nodes = nodes_of(&chain, 2).await;
    nodes[1].reports_chain("0x5");
    let connected = group(&nodes).connect(Duration::from_secs(5)).await;
    assert!(connected[0].is_ok());
    let error = connected[1].as_ref().unwrap_err();
    assert!(std::error::Error::source(error).is_some_and(|source| source.is::<WrongChain>()));
}

#[tokio::test]
async fn a_node_with_another_first_block_is_out_of_use() {
    let chain = chain(100);
    let nodes = nodes_of(&chain, 3).await;
    nodes[1].has_genesis(B256::repeat_byte(9));
    let group = group(&nodes);
    group.head().await.unwrap();
    nodes[0].is_away();
    group.head().await.unwrap();
    assert_eq!(group.endpoint(), nodes[2].endpoint());
    let NodeState::OutOfUse { reason, .. } = state_of(&group, 1) else {
        panic!("{:?}", group.report());
    };
    assert!(reason.contains("block 0"), "{reason}");
}

#[tokio::test]
async fn a_refused_key_makes_way_for_the_next_node() {
    let chain = chain(100);
    let nodes = nodes_of(&chain, 2).await;
    nodes[0].fails(401);
    assert_eq!(group(&nodes).head().await.unwrap().number, number(100));
}

#[tokio::test]
async fn when_all_nodes_come_back_so_does_the_group_whatever_their_waits() {
    let chain = chain(100);
    let nodes = nodes_of(&chain, 3).await;
    let group = group_with(&nodes, |config| config.wait_min = Duration::from_secs(600));
    group.head().await.unwrap();
    nodes.iter().for_each(|node| node.is_away());
    for _ in 0..5 {
        assert_eq!(group.head().await.unwrap_err().kind(), ChainErrorKind::Transient);
    }
    mine(&chain, 5);
    nodes.iter().for_each(|node| node.is_well());
    assert_eq!(group.head().await.unwrap().number, number(105));
}

#[tokio::test]
async fn an_answer_that_takes_too_long_is_asked_of_another() {
    let chain = chain(100);
    let nodes = nodes_of(&chain, 2).await;
    let group = group_with(&nodes, |config| config.answer_timeout = Duration::from_secs(1));
    group.head().await.unwrap();
    nodes[0].hangs();
    assert_eq!(range(&group, 1, 50).await.unwrap().logs.len(), 5);
    assert_eq!(group.endpoint(), nodes[1].endpoint());
}

#[tokio::test]
async fn a_call_that_returns_nothing_on_one_node_is_asked_of_another() {
    let chain = chain(100);
    let nodes = nodes_of(&chain, 2).await;
    let ways: [fn(&Node); 2] = [|node| node.refuses("eth_call", 3), |node| node.runs_nothing()];
    for returns_nothing in ways {
        let group = group(&nodes);
        let at = group.head().await.unwrap().id();
        returns_nothing(&nodes[0]);
        assert_eq!(group.total_supply(TOKEN, at).await.unwrap(), Amount::from(10));
        returns_nothing(&nodes[1]);
        let error = group.total_supply(TOKEN, at).await.unwrap_err();
        assert_eq!(error.kind(), ChainErrorKind::Persistent);
        assert!(error.to_string().contains("totalSupply()"), "{error}");
        let code = [Call::Code(TOKEN), Call::Code(Address::ZERO)];
        let outcomes = ChainSource::calls(&group, &code, at).await.unwrap();
        assert_eq!(outcomes[1], Ok(Bytes::new()), "no node has code there");
        assert!(outcomes[0].as_ref().is_ok_and(|code| !code.is_empty()));
        nodes.iter().for_each(|node| node.is_well());
    }
}

#[tokio::test]
async fn what_one_node_refuses_for_good_another_answers() {
    let chain = chain(100);
    let nodes = nodes_of(&chain, 2).await;
    let group = group(&nodes);
    group.head().await.unwrap();
    nodes[0].refuses("eth_getLogs", -32601);
    assert_eq!(range(&group, 1, 50).await.unwrap().logs.len(), 5);
    assert_eq!(group.endpoint(), nodes[1].endpoint());
    assert!(matches!(state_of(&group, 0), NodeState::Waits { .. }));
}

#[tokio::test]
async fn what_all_nodes_refuse_for_good_is_the_fault_of_none() {
    let chain = chain(100);
    let nodes = nodes_of(&chain, 2).await;
    let group = group(&nodes);
    group.head().await.unwrap();
    nodes.iter().for_each(|node| node.refuses("eth_getLogs", -32601));
    let error = range(&group, 1, 50).await.unwrap_err();
    assert_eq!(error.kind(), ChainErrorKind::Persistent);
    assert!(error.to_string().contains(&nodes[0].endpoint()), "{error}");
    assert_eq!(group.endpoint(), nodes[0].endpoint());
    assert_eq!([0, 1].map(|node| state_of(&group, node)), [NodeState::Current, NodeState::Ready]);
}

#[tokio::test]
async fn blocks_that_a_node_lacks_for_long_are_asked_of_another() {
    let chain = chain(100);
    let nodes = nodes_of(&chain, 2).await;
    let group = group(&nodes);
    nodes[0].lacks(1..=50);
    for _ in 0..2 {
        group.head().await.unwrap();
        let error = range(&group, 1, 50).await.unwrap_err();
        assert_eq!(error.kind(), ChainErrorKind::BlockGone);
    }
    group.head().await.unwrap();
    assert_eq!(range(&group, 1, 50).await.unwrap().logs.len(), 5);
    assert_eq!(group.endpoint(), nodes[1].endpoint());
}

#[tokio::test]
async fn blocks_that_no_node_has_are_the_fault_of_none() {
    let chain = chain(100);
    let nodes = nodes_of(&chain, 2).await;
    let group = group(&nodes);
    nodes.iter().for_each(|node| node.lacks(1..=50));
    for _ in 0..5 {
        group.head().await.unwrap();
        let error = range(&group, 1, 50).await.unwrap_err();
        assert_eq!(error.kind(), ChainErrorKind::BlockGone);
    }
    assert_eq!([0, 1].map(|node| state_of(&group, node)), [NodeState::Current, NodeState::Ready]);
}

#[tokio::test]
async fn a_node_that_knows_of_no_finalized_block_is_no_proof_that_there_is_none() {
    let chain = chain(100);
    let nodes = nodes_of(&chain, 2).await;
    let group = group(&nodes);
    assert_eq!(group.finalized().await.unwrap(), None);
    chain.finalize(Some(80));
    assert_eq!(group.finalized().await.unwrap().unwrap().number, number(80));
    nodes[0].refuses("finalized", -32602);
    assert_eq!(group.finalized().await.unwrap().unwrap().number, number(80));
    assert_eq!(group.endpoint(), nodes[1].endpoint());
}

#[tokio::test]
async fn a_node_whose_times_go_back_makes_way_for_the_next() {
    let chain = chain(100);
    let nodes = nodes_of(&chain, 2).await;
    nodes[0].turns_time_back_at(50);
    for detail in [HeaderDetail::All, HeaderDetail::Sparse] {
        let group = group(&nodes);
        group.head().await.unwrap();
        assert_eq!(group.endpoint(), nodes[0].endpoint());
        let (from, to) = (number(41), number(60));
        let answer = group
            .logs(LogsRequest { from, to, filters: &[transfers_of(&[TOKEN])], detail })
            .await
            .unwrap();
        assert_eq!(answer.last().unwrap().number, to);
        assert!(answer.headers.windows(2).all(|pair| pair[0].time < pair[1].time), "{detail:?}");
        assert_eq!(group.endpoint(), nodes[1].endpoint(), "{detail:?}");
    }
    let group = group(&nodes);
    let headers = group.headers(BlockSpan::new(number(41), number(60))).await.unwrap();
    assert!(headers.windows(2).all(|pair| pair[0].time < pair[1].time));
}
