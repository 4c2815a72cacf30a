//! The way back to a node of higher preference, and on to one that is further.

use std::time::Duration;

use pledge_chain_evm::NodeState;
use pledge_core::ports::ChainSource;
use pledge_core::types::BlockSpan;

use crate::node::{Node, chain, fork, head, mine};
use crate::{group, nodes_of, number, pass, state_of};

const SECOND: Duration = Duration::from_secs(1);

/// Two nodes, of which the first failed a while ago and answers again.
async fn after_an_outage(
    chain: &pledge_testing::HostileChain,
) -> (Vec<Node>, pledge_chain_evm::EvmNodes) {
    let nodes = nodes_of(chain, 2).await;
    let group = group(&nodes);
    group.head().await.unwrap();
    nodes[0].is_away();
    group.head().await.unwrap();
    nodes[0].is_well();
    pass(10 * SECOND).await;
    (nodes, group)
}

#[tokio::test]
async fn a_preferred_node_is_used_again_once_it_has_proved_itself() {
    let chain = chain(100);
    let (nodes, group) = after_an_outage(&chain).await;
    let mut endpoints = Vec::new();
    for _ in 0..4 {
        group.head().await.unwrap();
        endpoints.push(group.endpoint().to_owned());
        pass(10 * SECOND).await;
    }
    let (first, second) = (nodes[0].endpoint(), nodes[1].endpoint());
    assert_eq!(endpoints, [second.clone(), second.clone(), second, first]);
}

#[tokio::test]
async fn a_failure_meanwhile_restarts_the_proof() {
    let chain = chain(100);
    let (nodes, group) = after_an_outage(&chain).await;
    for round in 0..12 {
        nodes[0].is_well();
        if round % 3 == 2 {
            nodes[0].is_away();
        }
        group.head().await.unwrap();
        assert_eq!(group.endpoint(), nodes[1].endpoint(), "round {round}");
        pass(15 * SECOND).await;
    }
}

#[tokio::test]
async fn a_preferred_node_that_lags_is_not_used_again() {
    let chain = chain(100);
    let (nodes, group) = after_an_outage(&chain).await;
    nodes[0].lags(2);
    for _ in 0..10 {
        mine(&chain, 1);
        group.head().await.unwrap();
        pass(10 * SECOND).await;
    }
    assert_eq!(group.endpoint(), nodes[1].endpoint());
}

#[tokio::test]
async fn a_preferred_node_on_a_fork_is_not_used_again_while_its_fork_is_in_dispute() {
    let chain = chain(100);
    let (nodes, group) = after_an_outage(&chain).await;
    nodes[0].is_on(&fork(&chain, 95, 20));
    for _ in 0..5 {
        assert_eq!(group.head().await.unwrap().id(), head(&chain));
        pass(10 * SECOND).await;
    }
    assert_eq!(group.endpoint(), nodes[1].endpoint());
}

#[tokio::test]
async fn a_current_node_that_the_others_outvote_makes_way() {
    let chain = chain(100);
    let nodes = nodes_of(&chain, 3).await;
    let group = group(&nodes);
    group.head().await.unwrap();
    let old = chain.branch();
    chain.roll_back_to(95);
    mine(&chain, 20);
    // It stays where it was, and shows nothing that was not shown before.
    nodes[0].is_on(&old);
    assert_eq!(group.head().await.unwrap().number.get(), 100);
    pass(60 * SECOND).await;
    group.head().await.unwrap();
    assert_eq!(group.head().await.unwrap().id(), head(&chain));
    assert_eq!(group.endpoint(), nodes[1].endpoint());
}

#[tokio::test]
async fn a_current_node_that_falls_behind_makes_way_for_one_that_is_further() {
    let chain = chain(100);
    let nodes = nodes_of(&chain, 2).await;
    let group = group(&nodes);
    group.head().await.unwrap();
    nodes[0].lags(5);
    let mut heads = Vec::new();
    for _ in 0..4 {
        heads.push(group.head().await.unwrap().number.get());
    }
    assert_eq!(heads, [95, 95, 95, 100]);
    assert_eq!(group.endpoint(), nodes[1].endpoint());
}

#[tokio::test]
async fn a_current_node_that_stopped_makes_way_for_one_that_goes_on() {
    let chain = chain(100);
    let nodes = nodes_of(&chain, 2).await;
    let group = group(&nodes);
    group.head().await.unwrap();
    mine(&chain, 5);
    nodes[0].lags(5);
    pass(60 * SECOND).await;
    assert_eq!(group.head().await.unwrap().number.get(), 100);
    assert_eq!(group.head().await.unwrap().number.get(), 105);
}

#[tokio::test]
async fn a_chain_that_stalls_on_all_nodes_keeps_its_node() {
    let chain = chain(100);
    let nodes = nodes_of(&chain, 2).await;
    let group = group(&nodes);
    for _ in 0..5 {
        assert_eq!(group.head().await.unwrap().number.get(), 100);
        pass(60 * SECOND).await;
    }
    assert_eq!(group.endpoint(), nodes[0].endpoint());
}

#[tokio::test]
async fn a_node_that_took_over_far_behind_makes_way_again_though_it_moves() {
    let chain = chain(100);
    let nodes = nodes_of(&chain, 2).await;
    let group = group(&nodes);
    group.headers(BlockSpan::new(number(40), number(100))).await.unwrap();
    nodes[1].lags(50);
    nodes[0].is_away();
    group.head().await.unwrap_err();
    nodes[0].is_well();
    assert_eq!(group.head().await.unwrap().number.get(), 50);
    let mut heads = Vec::new();
    for _ in 0..3 {
        pass(2 * SECOND).await;
        mine(&chain, 1);
        heads.push(group.head().await.unwrap().number.get());
    }
    assert_eq!(heads, [51, 52, 103]);
}

#[tokio::test]
async fn a_current_node_a_minute_behind_makes_way_though_it_moves() {
    let chain = chain(200);
    let nodes = nodes_of(&chain, 2).await;
    let group = group(&nodes);
    // A block is a second.
    nodes[0].lags(61);
    assert_eq!(group.head().await.unwrap().number.get(), 139);
    pass(60 * SECOND).await;
    mine(&chain, 1);
    group.head().await.unwrap();
    assert_eq!(group.head().await.unwrap().number.get(), 201);
    assert_eq!(group.endpoint(), nodes[1].endpoint());
}

#[tokio::test]
async fn a_current_node_a_few_blocks_behind_that_moves_keeps_its_place() {
    let chain = chain(200);
    let nodes = nodes_of(&chain, 2).await;
    let group = group(&nodes);
    nodes[0].lags(30);
    for _ in 0..5 {
        group.head().await.unwrap();
        pass(60 * SECOND).await;
        mine(&chain, 1);
    }
    assert_eq!(group.endpoint(), nodes[0].endpoint());
}

#[tokio::test]
async fn a_standby_that_recovered_is_ready_again_and_stays_a_standby() {
    let chain = chain(100);
    let nodes = nodes_of(&chain, 2).await;
    let group = group(&nodes);
    nodes[1].is_away();
    group.connect(5 * SECOND).await;
    nodes[1].is_well();
    for _ in 0..6 {
        pass(10 * SECOND).await;
        group.head().await.unwrap();
    }
    assert_eq!([0, 1].map(|node| state_of(&group, node)), [NodeState::Current, NodeState::Ready]);
}

#[tokio::test]
async fn a_first_block_is_asked_for_once_and_again_after_a_failure() {
    let chain = chain(100);
    let (nodes, group) = after_an_outage(&chain).await;
    let mut asked = Vec::new();
    for round in 0..5 {
        if round == 3 {
            nodes[0].is_away();
            group.head().await.unwrap();
            nodes[0].is_well();
        }
        group.head().await.unwrap();
        asked.push([0, 1].map(|node: usize| nodes[node].calls_for_genesis()));
        pass(10 * SECOND).await;
    }
    assert_eq!(asked, [[2, 1], [2, 1], [2, 1], [2, 1], [3, 1]]);
}
