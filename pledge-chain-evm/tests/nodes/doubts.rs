//! Where one node's word is not enough, others are asked; and none is believed against all.

use std::sync::Arc;
use std::time::Duration;

use pledge_chain_evm::NodeState;
use pledge_core::error::ChainErrorKind;
use pledge_core::ports::ChainSource;
use pledge_core::types::BlockSpan;

use crate::failover::range;
use crate::node::{chain, mine_lookalike};
use crate::{group, group_with, nodes_of, number, pass, state_of};

#[tokio::test]
async fn logs_that_the_reader_omits_are_missed_by_two_other_nodes() {
    let chain = chain(100);
    let nodes = nodes_of(&chain, 3).await;
    let group = group(&nodes);
    group.head().await.unwrap();
    nodes[0].omits_logs_of(50);
    let error = range(&group, 41, 50).await.unwrap_err();
    assert_eq!(error.kind(), ChainErrorKind::Transient);
    let text = format!("{} omits logs of block", nodes[0].endpoint());
    assert!(error.to_string().contains(&text), "{error}");
    assert_eq!(range(&group, 41, 50).await.unwrap().logs.len(), 1);
    assert_eq!(group.endpoint(), nodes[1].endpoint());
}

#[tokio::test]
async fn a_reader_that_contradicts_itself_is_passed_over() {
    let chain = chain(100);
    let nodes = nodes_of(&chain, 2).await;
    let group = group(&nodes);
    group.head().await.unwrap();
    nodes[0].omits_logs_once(50);
    let error = range(&group, 41, 50).await.unwrap_err();
    let text = format!("{} omits logs of block", nodes[0].endpoint());
    assert!(error.to_string().contains(&text), "{error}");
    assert_eq!(range(&group, 41, 50).await.unwrap().logs.len(), 1);
    assert_eq!(group.endpoint(), nodes[1].endpoint());
}

#[tokio::test]
async fn of_two_nodes_neither_is_believed_against_the_other() {
    let chain = chain(100);
    let block = mine_lookalike(&chain);
    let nodes = nodes_of(&chain, 2).await;
    let group = group(&nodes);
    group.head().await.unwrap();
    nodes[1].invents_log(&block);
    for _ in 0..2 {
        let error = range(&group, 95, 101).await.unwrap_err();
        assert_eq!(error.kind(), ChainErrorKind::Transient);
        let text = error.to_string();
        for part in [nodes[0].endpoint(), nodes[1].endpoint(), "name a third node".to_owned()] {
            assert!(text.contains(&part), "{text}");
        }
    }
    assert_eq!([0, 1].map(|node| state_of(&group, node)), [NodeState::Current, NodeState::Ready]);
}

#[tokio::test]
async fn a_log_that_only_one_of_three_nodes_has_is_that_nodes_invention() {
    let chain = chain(100);
    let block = mine_lookalike(&chain);
    let nodes = nodes_of(&chain, 3).await;
    let group = group(&nodes);
    group.head().await.unwrap();
    nodes[1].invents_log(&block);
    assert_eq!(range(&group, 95, 101).await.unwrap().logs.len(), 1);
    assert!(matches!(state_of(&group, 1), NodeState::Waits { .. }));
    assert_eq!(group.endpoint(), nodes[0].endpoint());
}

#[tokio::test]
async fn logs_that_their_block_excludes_settle_no_doubt() {
    let chain = chain(100);
    let block = mine_lookalike(&chain);
    let nodes = nodes_of(&chain, 2).await;
    let group = group(&nodes);
    group.head().await.unwrap();
    nodes[1].invents_absurd_log(&block);
    assert_eq!(range(&group, 95, 101).await.unwrap().logs.len(), 1);
    assert!(matches!(state_of(&group, 1), NodeState::Waits { .. }));
}

#[tokio::test]
async fn a_lone_node_settles_its_own_doubts() {
    let chain = chain(100);
    let nodes = nodes_of(&chain, 1).await;
    nodes[0].omits_logs_of(50);
    let group = group(&nodes);
    assert_eq!(range(&group, 41, 50).await.unwrap().logs.len(), 0, "it omits them twice");
}

#[tokio::test]
async fn a_standby_that_hangs_holds_up_neither_a_doubt_nor_a_cross_check_for_long() {
    let chain = chain(100);
    let nodes = nodes_of(&chain, 3).await;
    let group = group_with(&nodes, |config| config.answer_timeout = Duration::from_secs(1));
    let group = Arc::new(group);
    group.head().await.unwrap();
    nodes[1].hangs();
    nodes[0].omits_logs_of(50);
    let limit = Duration::from_secs(9);
    let range = tokio::time::timeout(limit, range(&*group, 41, 50));
    range.await.expect("the third node is asked").unwrap_err();
    pass(Duration::from_secs(10)).await;
    let standby = group.standby();
    let cross_check =
        tokio::time::timeout(limit, standby.headers(BlockSpan::new(number(1), number(9))));
    assert_eq!(cross_check.await.expect("another node is asked").unwrap().len(), 9);
}
