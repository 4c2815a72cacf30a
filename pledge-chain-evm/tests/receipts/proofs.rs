//! What is proven, by what, and what is reported where it cannot be.

use alloy::primitives::{B256, Bloom, keccak256};
use pledge_chain_evm::LogProof;
use pledge_core::error::ChainErrorKind;
use pledge_core::ports::HeaderDetail;
use pledge_testing::hostile_node::{Lie, Refusal, Switch};
use serde_json::{Value, json};

use crate::stage::{HEAD, Stage, found};

const HEADERS: &[&str] = &["eth_getBlockByNumber"];
/// A block with transfers of both tokens.
const FULL: u64 = 5;
/// A block without transactions.
const EMPTY: u64 = 6;

#[tokio::test]
async fn receipts_give_what_the_chain_has() {
    let stage = Stage::new(LogProof::Receipts).await;
    let answer = stage.read(1, HEAD).await.unwrap();
    assert_eq!(found(&answer), stage.truth(1, HEAD));
    assert_eq!(answer.headers.len() as u64, HEAD);
    assert!(stage.node.asked("eth_getLogs").is_empty());
}

#[tokio::test]
async fn only_blocks_whose_bloom_may_hold_the_token_are_asked_for_receipts() {
    let stage = Stage::new(LogProof::Receipts).await;
    stage.read(1, HEAD).await.unwrap();
    let holding = (1..=HEAD).filter(|block| !stage.truth(*block, *block).is_empty()).count();
    assert_eq!(stage.node.asked("eth_getBlockReceipts").len(), holding);
}

#[tokio::test]
async fn a_sparse_range_brings_its_ends_and_the_blocks_with_transfers() {
    let stage = Stage::new(LogProof::Receipts).await;
    let answer = stage.read_with(5, 12, HeaderDetail::Sparse).await.unwrap();
    let numbers: Vec<u64> = answer.headers.iter().map(|header| header.number.get()).collect();
    assert_eq!(numbers, [5, 7, 8, 10, 11, 12]);
    assert_eq!(found(&answer), stage.truth(5, 12));
}

#[tokio::test]
async fn a_node_without_block_receipts_is_asked_for_each_transactions() {
    let stage = Stage::new(LogProof::Receipts).await;
    let unknown = Refusal::error(-32_601, "the method does not exist");
    let unknown = stage.node.on(Switch::of(unknown).only(&["eth_getBlockReceipts"]));
    let answer = stage.read(1, HEAD).await.unwrap();
    assert_eq!(found(&answer), stage.truth(1, HEAD));
    let met = stage.node.met(unknown);
    stage.read(1, HEAD).await.unwrap();
    assert_eq!(stage.node.met(unknown), met, "what it does not have it is not asked again");
}

#[tokio::test]
async fn a_log_left_out_of_a_transactions_receipt_is_noticed() {
    let stage = Stage::new(LogProof::Receipts).await;
    let unknown = Refusal::error(-32_601, "the method does not exist");
    stage.node.on(Switch::of(unknown).only(&["eth_getBlockReceipts"]));
    let lie = stage.node.on(Switch::of(Lie::OneLogLess).only(&["eth_getTransactionReceipt"]));
    let error = stage.read(FULL, FULL).await.unwrap_err();
    assert_eq!(error.kind(), ChainErrorKind::Transient);
    assert!(stage.node.met(lie) > 0);
}

/// What has receipts: of a block, or of one transaction where the node knows no other way.
const RECEIPTS: [&str; 2] = ["eth_getBlockReceipts", "eth_getTransactionReceipt"];

/// A node that answers null in place of receipts of one of these kinds.
async fn without(receipts: &'static str) -> Stage {
    let stage = Stage::new(LogProof::Receipts).await;
    if receipts == "eth_getTransactionReceipt" {
        let unknown = Refusal::error(-32_601, "the method does not exist");
        stage.node.on(Switch::of(unknown).only(&["eth_getBlockReceipts"]));
    }
    stage.node.on(Switch::of(Lie::NULL).only(&[receipts]));
    stage
}

#[tokio::test]
async fn a_node_that_keeps_no_receipts_of_a_block_that_it_has_is_transient_and_names_the_remedy() {
    for receipts in RECEIPTS {
        let error = without(receipts).await.read(FULL, FULL).await.unwrap_err();
        assert_eq!(error.kind(), ChainErrorKind::Transient, "{receipts}: {error}");
        for part in ["127.0.0.1", "block 5", "keeps no receipts", "use an archive node"] {
            assert!(error.to_string().contains(part), "{receipts}: {error}");
        }
    }
}

/// The header is read, and then the node has another block in its place.
#[tokio::test]
async fn a_replaced_block_without_receipts_is_block_gone() {
    for receipts in RECEIPTS {
        let stage = without(receipts).await;
        let old = stage.ask("eth_getBlockByNumber", json!([format!("{FULL:#x}"), false])).await;
        stage.chain.roll_back_to(FULL - 1);
        stage.chain.mine(12 * FULL, &[]);
        stage.node.on(Switch::of(Lie::Answers(old.clone())).only(HEADERS).times(1));
        stage.node.on(Switch::of(Lie::Answers(old)).only(&["eth_getBlockByHash"]));
        let error = stage.read(FULL, FULL).await.unwrap_err();
        assert_eq!(error.kind(), ChainErrorKind::BlockGone, "{receipts}: {error}");
    }
}

/// The block of a chain whose headers are hashed with an empty bloom, and its receipts.
async fn bloomless(stage: &Stage) -> (Value, Value) {
    let mut header = stage.chain.block(FULL).header.clone();
    header.logs_bloom = Bloom::ZERO;
    let hashes = [stage.chain.block(FULL).hash, header.hash_slow()].map(|hash| hash.to_string());
    let renamed = |value: Value| -> Value {
        serde_json::from_str(&value.to_string().replace(&hashes[0], &hashes[1])).unwrap()
    };
    let number = json!([format!("{FULL:#x}"), false]);
    let mut block = renamed(stage.ask("eth_getBlockByNumber", number).await);
    block["logsBloom"] = json!(Bloom::ZERO);
    (block, renamed(stage.receipts(FULL).await))
}

#[tokio::test]
async fn receipts_give_the_transfers_of_a_chain_without_blooms() {
    let stage = Stage::new(LogProof::Receipts).await;
    let (block, receipts) = bloomless(&stage).await;
    stage.node.on(Switch::of(Lie::Answers(block)).only(HEADERS));
    stage.node.on(Switch::of(Lie::Answers(receipts)).only(&["eth_getBlockReceipts"]));
    let answer = stage.read(FULL, FULL).await.unwrap();
    assert_eq!(found(&answer), stage.truth(FULL, FULL));
}

#[tokio::test]
async fn a_log_left_out_of_receipts_is_noticed_on_a_chain_without_blooms() {
    let stage = Stage::new(LogProof::Receipts).await;
    let (block, mut receipts) = bloomless(&stage).await;
    let last = receipts.as_array_mut().unwrap().last_mut().unwrap();
    last["logs"].as_array_mut().unwrap().pop().unwrap();
    stage.node.on(Switch::of(Lie::Answers(block)).only(HEADERS));
    stage.node.on(Switch::of(Lie::Answers(receipts)).only(&["eth_getBlockReceipts"]));
    let error = stage.read(FULL, FULL).await.unwrap_err();
    assert_eq!(error.kind(), ChainErrorKind::Transient, "{error}");
    assert!(error.to_string().contains("do not have the root"), "{error}");
}

/// A header's hash covers all that the header commits to of its logs.
#[tokio::test]
async fn a_header_that_does_not_give_its_hash_is_persistent_and_names_the_remedy() {
    let nothing = "0x".to_owned() + &"00".repeat(256);
    for (field, value) in [
        ("logsBloom", json!(nothing)),
        (
            "receiptsRoot",
            json!("0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421"),
        ),
        ("timestamp", json!("0x77")),
        ("mixHash", Value::Null),
        ("extraData", json!("0x01")),
    ] {
        let stage = Stage::new(LogProof::Receipts).await;
        let lie = Switch::of(Lie::Field(field, value)).only(HEADERS).at(FULL..=FULL);
        stage.node.on(lie);
        let error = stage.read(1, HEAD).await.unwrap_err();
        assert_eq!(error.kind(), ChainErrorKind::Persistent, "{field}: {error}");
        let text = error.to_string();
        for part in ["block 5", "127.0.0.1", "use another", "use log_proof = \"bloom\""] {
            assert!(text.contains(part), "{field}: {text}");
        }
    }
}

/// Only Polygon has a receipt outside the root.
#[tokio::test]
async fn a_receipt_outside_the_root_is_noticed() {
    let stage = Stage::new(LogProof::Receipts).await;
    let (mut receipts, block) = (stage.receipts(FULL).await, stage.chain.block(FULL));
    let tx = keccak256([b"matic-bor-receipt-", &FULL.to_be_bytes()[..], &block.hash[..]].concat());
    let list = receipts.as_array_mut().unwrap();
    let mut added = list.last().unwrap().clone();
    added["transactionHash"] = json!(tx);
    added["transactionIndex"] = json!(format!("{:#x}", list.len()));
    let index = block.transactions.iter().map(|transaction| transaction.logs.len()).sum::<usize>();
    let logs = added["logs"].as_array_mut().unwrap();
    for (log, index) in logs.iter_mut().zip(index..) {
        log["transactionHash"] = json!(tx);
        log["logIndex"] = json!(format!("{index:#x}"));
    }
    assert!(!logs.is_empty());
    list.push(added);
    stage.node.on(Switch::of(Lie::Answers(receipts)).only(&["eth_getBlockReceipts"]));
    let error = stage.read(FULL, FULL).await.unwrap_err();
    assert_eq!(error.kind(), ChainErrorKind::Transient, "{error}");
}

#[tokio::test]
async fn a_header_of_another_branch_is_block_gone() {
    for detail in [HeaderDetail::All, HeaderDetail::Sparse] {
        let stage = Stage::new(LogProof::Receipts).await;
        let old = stage.ask("eth_getBlockByNumber", json!([format!("{EMPTY:#x}"), false])).await;
        stage.chain.roll_back_to(EMPTY - 1);
        for height in EMPTY..=HEAD {
            stage.chain.mine(12 * height, &[]);
        }
        stage.node.on(Switch::of(Lie::Answers(old)).only(HEADERS).at(EMPTY..=EMPTY));
        let error = stage.read_with(1, HEAD, detail).await.unwrap_err();
        assert_eq!(error.kind(), ChainErrorKind::BlockGone, "{detail:?}");
    }
}

/// A block that is asked for again by its hash must be the one with that hash.
#[tokio::test]
async fn another_block_in_place_of_a_doubted_one_is_block_gone() {
    let stage = Stage::new(LogProof::Bloom).await;
    stage.node.on(Switch::of(Lie::NoLogs).only(&["eth_getLogs"]).at(FULL..=FULL));
    let other = Lie::Field("hash", json!(B256::repeat_byte(7)));
    stage.node.on(Switch::of(other).only(&["eth_getBlockByHash"]));
    let error = stage.read(1, HEAD).await.unwrap_err();
    assert_eq!(error.kind(), ChainErrorKind::BlockGone);
}

#[tokio::test]
async fn a_heavy_block_is_read_by_its_receipts_and_compared_with_their_root() {
    let stage = Stage::new(LogProof::Bloom).await;
    let refusal = Refusal::error(-32_005, "query returned more than 10000 results");
    let logs = Switch::of(refusal).only(&["eth_getLogs"]).at(FULL..=FULL);
    let refused = stage.node.on(logs);
    let answer = stage.read(FULL, FULL).await.unwrap();
    assert_eq!(found(&answer), stage.truth(FULL, FULL));
    assert_eq!(stage.node.met(refused), 1, "one block is not asked for twice");
    stage.node.on(Switch::of(Lie::OneLogLess).only(&["eth_getBlockReceipts"]));
    let error = stage.read(FULL, FULL).await.unwrap_err();
    assert_eq!(error.kind(), ChainErrorKind::Transient);
    for part in ["query returned more than 10000 results", "do not have the root"] {
        assert!(error.to_string().contains(part), "{error}");
    }
}

#[tokio::test]
async fn the_receipts_of_a_heavy_block_must_have_its_bloom_where_its_header_has_another_form() {
    let stage = Stage::new(LogProof::Bloom).await;
    let refusal = Refusal::error(-32_005, "query returned more than 10000 results");
    stage.node.on(Switch::of(refusal).only(&["eth_getLogs"]));
    stage.node.on(Switch::of(Lie::Field("mixHash", Value::Null)).only(HEADERS));
    let answer = stage.read(FULL, FULL).await.unwrap();
    assert_eq!(found(&answer), stage.truth(FULL, FULL));
    stage.node.on(Switch::of(Lie::NoLogs).only(&["eth_getBlockReceipts"]));
    let error = stage.read(FULL, FULL).await.unwrap_err();
    assert_eq!(error.kind(), ChainErrorKind::Transient);
    assert!(error.to_string().contains("do not have the bloom"), "{error}");
}
