//! A node with blocks and logs, for the tests of readers.

use alloy::primitives::{Address, U256};
use pledge_core::types::ChainId;
use pledge_testing::hostile_node::transfer;
use pledge_testing::{HostileChain, HostileNode};

use crate::config::EvmConfig;

pub(super) const TOKEN: Address = Address::repeat_byte(0x70);

/// Twenty blocks, every other one with three transfers.
pub(super) async fn node() -> (HostileNode, EvmConfig) {
    let chain = HostileChain::new(31_337, 0);
    for height in 1..=20 {
        let [from, to] = [0xa1, 0xb0].map(Address::repeat_byte);
        let log = transfer(TOKEN, from, to, U256::from(height));
        chain.mine(12 * height, &vec![log; 3 * usize::from(height % 2 == 0)]);
    }
    let node = HostileNode::of(&chain).await;
    let config = EvmConfig::new(ChainId::new(31_337), node.url().parse().unwrap());
    (node, config)
}
