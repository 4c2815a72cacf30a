//! Several nodes of one chain, each with faults of its own.

#![expect(clippy::unwrap_used, reason = "tests panic")]
#![expect(clippy::print_stdout, reason = "tests print their seed")]

mod budget;
mod doubts;
mod failover;
mod flapping;
mod node;
mod returning;
mod votes;

use std::time::Duration;

use futures::future::join_all;
use pledge_chain_evm::{EvmNodes, NodeState, NodesConfig};
use pledge_core::types::BlockNumber;
use pledge_testing::HostileChain;

use node::Node;

/// Nodes that all show one chain.
async fn nodes_of(chain: &HostileChain, count: usize) -> Vec<Node> {
    join_all((0..count).map(|_| Node::start(chain))).await
}

/// A group with waits that suit a test.
fn group(nodes: &[Node]) -> EvmNodes {
    group_with(nodes, |_| {})
}

fn group_with(nodes: &[Node], change: impl FnOnce(&mut NodesConfig)) -> EvmNodes {
    let mut config = NodesConfig::new(nodes.iter().map(Node::config).collect());
    config.look_timeout = Duration::from_secs(10);
    change(&mut config);
    EvmNodes::new(config).unwrap()
}

fn state_of(group: &EvmNodes, node: usize) -> NodeState {
    group.report().swap_remove(node).state
}

/// Lets time pass at once. No request may be under way.
async fn pass(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}

fn number(height: u64) -> BlockNumber {
    BlockNumber::new(height)
}
