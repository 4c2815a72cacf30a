//! A node that never has the needed blocks, although each of its answers is valid.

use std::time::{Duration, Instant};

use pledge_core::primitives::{Address, U256};
use pledge_testing::hostile_node::{Lie, Switch, transfer};
use pledge_testing::{HostileChain, HostileNode};
use tokio::runtime::Runtime;

use crate::node::{CHAIN, token};
use crate::process::Folder;

/// A node that never had the blocks below 100 of a chain whose token begins at 1.
fn without_beginning(runtime: &Runtime) -> (HostileNode, Folder) {
    let chain = HostileChain::new(CHAIN, 0);
    chain.deploy(token(), "PLG", 18);
    for height in 1..=200_u64 {
        let minted = transfer(token(), Address::ZERO, Address::repeat_byte(1), U256::from(height));
        chain.mine(12 * height, &[minted]);
    }
    let node = runtime.block_on(HostileNode::of(&chain));
    node.on(Switch::of(Lie::NULL).only(&["eth_getBlockByNumber"]).at(0..=99));
    let folder = Folder::with_config(&format!(
        "[chains.local]\nchain_id = {CHAIN}\nrpc_urls = [\"{}\"]\n\
         [chains.local.tokens.plg]\naddress = \"{}\"\nstart_block = 1\n",
        node.url(),
        token()
    ));
    (node, folder)
}

#[test]
fn an_index_that_waits_for_blocks_reports_it_within_seconds() {
    let runtime = Runtime::new().unwrap();
    let (_node, folder) = without_beginning(&runtime);
    let begun = Instant::now();
    let indexing = folder.begin(&["index", "--until-head"]);
    indexing.wait_for("WARN", |line| line.contains("local") && line.contains("block 1 "));
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
}

#[test]
fn a_check_names_a_node_that_has_not_the_first_block() {
    let runtime = Runtime::new().unwrap();
    let (_node, folder) = without_beginning(&runtime);
    let checked = folder.run(&["config", "check"]);
    assert_eq!(checked.code, Some(1), "{}{}", checked.stdout, checked.stderr);
    let line = checked.stdout.lines().find(|line| line.contains("plg.start_block"));
    let line = line.unwrap_or_else(|| panic!("{}", checked.stdout));
    assert!(line.starts_with("FAILED") && line.contains("from 1 on"), "{line}");
}
