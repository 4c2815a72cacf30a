//! What a node may know of its chain: less than the others, or something else.

use std::error::Error as _;

use pledge_chain_evm::WrongChain;
use pledge_core::error::ChainErrorKind;
use pledge_core::ports::{ChainSource, ChainSourceExt};
use pledge_core::types::{Account, BlockId, BlockNumber, BlockSpan};
use pledge_testing::HostileChain;
use pledge_testing::hostile_node::{Lie, Outlook, Refusal, Switch, Wire};
use pledge_testing::world::CHAIN;
use serde_json::json;

use crate::stage::{FULL, HEAD, Stage, TOKEN, connect, mine, within};

const BLOCKS: &[&str] = &["eth_getBlockByNumber"];
const LOGS: &[&str] = &["eth_getLogs"];

/// Blocks above twenty of another branch, as long as the first and with as many transfers.
fn other_branch(stage: &Stage) -> Outlook {
    let first = stage.chain.branch();
    stage.chain.roll_back_to(20);
    for height in 21..=HEAD {
        mine(&stage.chain, height, 1);
    }
    let other = stage.chain.branch();
    stage.chain.return_to(&first);
    Outlook::Fork(other)
}

#[tokio::test]
async fn the_head_is_the_one_that_is_shown() {
    let stage = Stage::new().await;
    for lag in [0, 1, 5] {
        stage.node.calm();
        stage.node.on(Outlook::Behind(lag));
        let head = within(stage.evm.head()).await.unwrap();
        assert_eq!(head.hash, stage.chain.block(HEAD - lag).hash);
    }
}

#[tokio::test]
async fn blocks_that_the_node_does_not_have_yet_are_gone_and_not_empty() {
    let stage = Stage::new().await;
    stage.node.on(Outlook::Behind(3));
    stage.expect_error(ChainErrorKind::BlockGone, 1, HEAD).await;
    stage.expect_truth(1, HEAD - 3).await;
}

#[tokio::test]
async fn a_block_that_is_null_is_gone() {
    for height in [1, 7, HEAD] {
        let stage = Stage::new().await;
        let null = Switch::of(Lie::NULL).only(BLOCKS).at(height..=height);
        let null = stage.node.on(null);
        stage.expect_error(ChainErrorKind::BlockGone, 1, HEAD).await;
        assert!(stage.node.met(null) > 0);
        stage.node.calm();
        stage.expect_truth(1, HEAD).await;
    }
}

/// A block whose logs are doubted is asked for by its hash.
#[tokio::test]
async fn a_block_that_is_null_by_its_hash_is_gone() {
    let stage = Stage::new().await;
    stage.node.on(Switch::of(Lie::NoLogs).only(LOGS).at(FULL..=FULL).times(1));
    let null = stage.node.on(Switch::of(Lie::NULL).only(&["eth_getBlockByHash"]));
    stage.expect_error(ChainErrorKind::BlockGone, 1, HEAD).await;
    assert!(stage.node.met(null) > 0);
    stage.node.calm();
    stage.expect_truth(1, HEAD).await;
}

/// The node that has the logs does not know the block whose header another one sent.
#[tokio::test]
async fn logs_of_a_block_that_is_unknown_are_gone() {
    let stage = Stage::new().await;
    stage.node.on(Switch::of(Refusal::error(-32_000, "unknown block")).only(LOGS));
    stage.expect_error(ChainErrorKind::BlockGone, 1, HEAD).await;
}

/// Headers of one branch, logs of the other, in either order and for any number of calls.
#[tokio::test]
async fn a_range_is_of_one_branch_however_long_another_one_is_shown() {
    for names in [BLOCKS, LOGS, &[]] {
        for times in 1..=8 {
            let stage = Stage::new().await;
            let other = Switch::of(other_branch(&stage)).only(names).times(times);
            stage.node.on(other);
            match stage.range(15, HEAD).await {
                Ok(answer) => {
                    let tip = answer.last().unwrap().hash;
                    assert_eq!(tip, stage.chain.head().hash, "{names:?} {times} times");
                    stage.expect_truth(15, HEAD).await;
                }
                Err(error) => assert_eq!(error.kind(), ChainErrorKind::BlockGone, "{error}"),
            }
            stage.node.calm();
            stage.expect_truth(15, HEAD).await;
        }
    }
}

/// As long as it is one branch, the chain is what the node shows.
#[tokio::test]
async fn a_node_that_stays_on_another_branch_gives_that_branch() {
    let stage = Stage::new().await;
    let (first, fork) = (stage.chain.branch(), other_branch(&stage));
    let Outlook::Fork(branch) = &fork else { unreachable!("it is a fork") };
    stage.chain.return_to(branch);
    stage.node.on(fork.clone());
    stage.expect_truth(1, HEAD).await;
    stage.chain.return_to(&first);
    stage.node.calm();
    stage.expect_truth(1, HEAD).await;
}

#[tokio::test]
async fn another_chain_id_is_refused_at_once_and_after_an_outage() {
    let stage = Stage::new().await;
    let other = Switch::of(Lie::Answers(json!("0x1"))).only(&["eth_chainId"]);
    stage.node.on(other.clone());
    let refused = within(connect(&stage.node, |_| {})).await.unwrap_err();
    assert_eq!(refused.kind(), ChainErrorKind::Persistent);
    assert!(refused.source().is_some_and(|source| source.is::<WrongChain>()));
    stage.node.on(Switch::of(Wire::status(502, "")).times(1));
    let refused = stage.range(1, HEAD).await.unwrap_err();
    assert!(refused.source().is_some_and(|source| source.is::<WrongChain>()), "{refused}");
    stage.node.calm();
    stage.expect_truth(1, HEAD).await;
}

#[tokio::test]
async fn the_finalized_block_is_the_one_that_is_shown_wherever_it_is() {
    let stage = Stage::new().await;
    assert_eq!(within(stage.evm.finalized()).await.unwrap(), None);
    for height in [30, 30, 10, HEAD] {
        stage.chain.finalize(Some(height));
        let finalized = within(stage.evm.finalized()).await.unwrap().unwrap();
        assert_eq!(finalized.hash, stage.chain.block(height).hash);
    }
}

#[tokio::test]
async fn a_node_without_finality_has_no_finalized_block() {
    for (code, text) in
        [(-39_001, "Unknown block"), (-32_602, "invalid block tag"), (-32_000, "block not found")]
    {
        let stage = Stage::new().await;
        stage.node.on(Switch::of(Refusal::error(code, text)).only(&["finalized"]));
        assert_eq!(within(stage.evm.finalized()).await.unwrap(), None, "{text}");
    }
}

/// Pruned state and pruned history, in the words of several nodes: an error, never a zero or a gap.
#[tokio::test]
async fn what_was_pruned_is_an_error_and_no_answer() {
    for (code, text, kind) in [
        (-32_000, "missing trie node 5f3a (path ) <nil>", ChainErrorKind::Transient),
        (4_444, "pruned history unavailable", ChainErrorKind::Transient),
        (-32_000, "history has been pruned for this block", ChainErrorKind::Transient),
        (-32_000, "header not found", ChainErrorKind::BlockGone),
        (-32_000, "block not found: 0x5", ChainErrorKind::BlockGone),
    ] {
        let stage = Stage::new().await;
        let old = Switch::of(Refusal::error(code, text)).at(0..=FULL);
        stage.node.on(old.only(&["eth_getLogs", "eth_getBlockReceipts", "eth_call"]));
        let of_transactions = Switch::of(Refusal::error(code, text));
        stage.node.on(of_transactions.only(&["eth_getTransactionReceipt"]));
        stage.expect_error(kind, 1, HEAD).await;
        stage.expect_truth(FULL + 1, HEAD).await;
        let at = BlockId { number: BlockNumber::new(FULL), hash: stage.chain.block(FULL).hash };
        let account = Account::new(TOKEN).unwrap();
        let balances = within(stage.evm.balances(TOKEN, &[account], at)).await;
        assert_eq!(balances.unwrap_err().kind(), kind, "{text}");
    }
}

/// The same blocks again under another genesis: no block of one is a block of the other.
#[tokio::test]
async fn a_chain_that_started_over_shares_no_block_with_the_old_one() {
    let stage = Stage::new().await;
    let old =
        within(stage.evm.headers(BlockSpan::new(BlockNumber::new(0), BlockNumber::new(HEAD))))
            .await
            .unwrap();
    let fresh = HostileChain::new(CHAIN.get(), 1);
    for height in 1..=HEAD {
        mine(&fresh, height, 1);
    }
    stage.chain.return_to(&fresh.branch());
    let new =
        within(stage.evm.headers(BlockSpan::new(BlockNumber::new(0), BlockNumber::new(HEAD))))
            .await
            .unwrap();
    assert!(old.iter().zip(&new).all(|(old, new)| old.hash != new.hash));
}
