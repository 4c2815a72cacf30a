//! A contradiction: a reorg if the majority has it, else a node that lags or is on a fork.

use std::time::Duration;

use pledge_chain_evm::NodeState;
use pledge_core::error::ChainErrorKind;
use pledge_core::ports::ChainSource;
use pledge_core::types::BlockSpan;

use crate::node::{Node, chain, fork, head, mine, tip};
use crate::{group, nodes_of, number, pass, state_of};

const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn a_second_node_that_lags_is_no_reorg() {
    let chain = chain(100);
    let nodes = nodes_of(&chain, 2).await;
    nodes[1].lags(4);
    let group = group(&nodes);
    let first = group.headers(BlockSpan::new(number(90), number(100))).await.unwrap();
    nodes[0].is_away();
    group.head().await.unwrap_err();
    let lagging = group.head().await.unwrap();
    assert!(first.contains(&lagging), "it shows a block that was shown before");
}

#[tokio::test]
async fn a_reorg_that_all_nodes_have_is_passed_on_at_once() {
    for count in [1, 2, 3] {
        let chain = chain(100);
        let nodes = nodes_of(&chain, count).await;
        let group = group(&nodes);
        group.head().await.unwrap();
        chain.roll_back_to(95);
        mine(&chain, 6);
        assert_eq!(group.head().await.unwrap().id(), head(&chain), "{count} nodes");
    }
}

#[tokio::test]
async fn a_reorg_at_the_same_height_is_passed_on() {
    let chain = chain(100);
    let nodes = nodes_of(&chain, 3).await;
    let group = group(&nodes);
    let before = group.head().await.unwrap();
    chain.roll_back_to(99);
    mine(&chain, 1);
    let after = group.head().await.unwrap();
    assert_eq!(after.number, before.number);
    assert_eq!(after.id(), head(&chain));
}

#[tokio::test]
async fn a_reorg_that_one_of_two_has_waits_for_the_other() {
    let chain = chain(100);
    let nodes = nodes_of(&chain, 2).await;
    let group = group(&nodes);
    group.head().await.unwrap();
    let reorged = fork(&chain, 95, 8);
    nodes[0].is_on(&reorged);
    let error = group.head().await.unwrap_err();
    assert_eq!(error.kind(), ChainErrorKind::Transient);
    let text = error.to_string();
    for part in ["the nodes disagree about block 99", &nodes[0].endpoint(), "within 60 s"] {
        assert!(text.contains(part), "{text}");
    }
    nodes[1].is_on(&reorged);
    assert_eq!(group.head().await.unwrap().id(), tip(&reorged));
}

#[tokio::test]
async fn when_two_nodes_go_on_disagreeing_the_first_is_followed() {
    let chain = chain(100);
    let nodes = nodes_of(&chain, 2).await;
    let group = group(&nodes);
    group.head().await.unwrap();
    let reorged = fork(&chain, 95, 8);
    nodes[0].is_on(&reorged);
    group.head().await.unwrap_err();
    pass(PATIENCE - Duration::from_secs(1)).await;
    group.head().await.unwrap_err();
    pass(Duration::from_secs(1)).await;
    assert_eq!(group.head().await.unwrap().id(), tip(&reorged));
}

#[tokio::test]
async fn a_node_on_a_fork_makes_way_when_the_majority_is_against_it() {
    let chain = chain(100);
    let nodes = nodes_of(&chain, 3).await;
    let group = group(&nodes);
    group.head().await.unwrap();
    nodes[0].is_on(&fork(&chain, 95, 20));
    assert_eq!(group.head().await.unwrap().id(), head(&chain));
    assert_eq!(group.endpoint(), nodes[1].endpoint());
    let NodeState::OutOfUse { reason, .. } = state_of(&group, 0) else {
        panic!("{:?}", group.report());
    };
    assert!(reason.contains("its block 99"), "{reason}");
}

#[tokio::test]
async fn headers_of_a_fork_are_not_passed_on_either() {
    let chain = chain(100);
    let nodes = nodes_of(&chain, 3).await;
    let group = group(&nodes);
    let before = group.headers(BlockSpan::new(number(90), number(100))).await.unwrap();
    nodes[0].is_on(&fork(&chain, 95, 20));
    assert_eq!(group.headers(BlockSpan::new(number(90), number(100))).await.unwrap(), before);
}

#[tokio::test]
async fn a_fork_on_the_second_node_is_not_followed_while_the_first_is_down() {
    let chain = chain(100);
    let nodes = nodes_of(&chain, 2).await;
    let group = group(&nodes);
    group.head().await.unwrap();
    nodes[0].is_away();
    nodes[1].is_on(&fork(&chain, 95, 20));
    for _ in 0..3 {
        assert_eq!(group.head().await.unwrap_err().kind(), ChainErrorKind::Transient);
        pass(Duration::from_secs(9)).await;
    }
    nodes[0].is_well();
    pass(Duration::from_secs(20)).await;
    assert_eq!(group.head().await.unwrap().id(), head(&chain));
    assert_eq!(group.endpoint(), nodes[0].endpoint());
}

#[tokio::test]
async fn with_three_nodes_a_fork_on_the_second_is_passed_over_while_the_first_is_down() {
    let chain = chain(100);
    let nodes = nodes_of(&chain, 3).await;
    let group = group(&nodes);
    group.head().await.unwrap();
    nodes[0].is_away();
    nodes[1].is_on(&fork(&chain, 95, 20));
    assert_eq!(group.head().await.unwrap().id(), head(&chain));
    assert_eq!(group.endpoint(), nodes[2].endpoint());
}

#[tokio::test]
async fn nodes_without_the_block_abstain() {
    let chain = chain(100);
    let nodes = nodes_of(&chain, 3).await;
    let group = group(&nodes);
    group.head().await.unwrap();
    nodes[1].lags(10);
    nodes[2].lags(10);
    let reorged = fork(&chain, 95, 8);
    nodes[0].is_on(&reorged);
    assert_eq!(group.head().await.unwrap().id(), tip(&reorged));
}

#[tokio::test]
async fn a_minute_of_disagreement_ends_it_however_deep_the_branches_part() {
    let chain = chain(100);
    let nodes = nodes_of(&chain, 2).await;
    let group = group(&nodes);
    let read = async || {
        let head = group.head().await?;
        group.headers(BlockSpan::new(number(94), head.number)).await
    };
    read().await.unwrap();
    let reorged = fork(&chain, 95, 8);
    nodes[0].is_on(&reorged);
    let mut outcomes = Vec::new();
    for _ in 0..20 {
        outcomes.push(read().await.is_ok());
        pass(PATIENCE / 10).await;
    }
    let expected: Vec<bool> = (0..20).map(|poll| poll >= 10).collect();
    assert_eq!(outcomes, expected);
    assert_eq!(read().await.unwrap().last().unwrap().id(), tip(&reorged));
}

#[tokio::test]
async fn a_head_that_nobody_disputes_does_not_prolong_a_dispute_below_it() {
    let chain = chain(100);
    let nodes = nodes_of(&chain, 2).await;
    let group = group(&nodes);
    group.headers(BlockSpan::new(number(94), number(100))).await.unwrap();
    let other = fork(&chain, 93, 20);
    let mut outcomes = Vec::new();
    for _ in 0..11 {
        nodes[0].is_on(&other);
        outcomes.push(group.headers(BlockSpan::new(number(94), number(96))).await.is_ok());
        nodes[0].is_well();
        group.head().await.unwrap();
        pass(PATIENCE / 10).await;
    }
    let expected: Vec<bool> = (0..11).map(|poll| poll == 10).collect();
    assert_eq!(outcomes, expected);
}

#[tokio::test]
async fn a_head_far_above_all_blocks_of_its_node_is_not_shown() {
    // It is met as the current node, or as one that takes its place.
    for liar in [0, 1] {
        let chain = chain(100);
        let nodes = nodes_of(&chain, 3).await;
        let group = group(&nodes);
        group.head().await.unwrap();
        mine(&chain, 1);
        nodes[..liar].iter().for_each(Node::is_away);
        nodes[liar].names_head(1_000_000);
        nodes[liar].lacks(100..=100);
        assert_eq!(group.head().await.unwrap().id(), head(&chain));
        assert_eq!(group.endpoint(), nodes[liar + 1].endpoint());
    }
}
