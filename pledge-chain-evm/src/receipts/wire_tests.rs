use alloy::consensus::{Eip658Value, Receipt, ReceiptEnvelope, TxType};
use alloy::eips::eip2718::Encodable2718;
use alloy::primitives::{Address, b256, hex};
use pledge_core::types::BlockNumber;
use serde_json::{Value, json};

use super::*;

const BLOCK: BlockId = BlockId { number: BlockNumber::new(7), hash: B256::repeat_byte(0xbb) };

fn tx(receipt: u64) -> B256 {
    B256::from(alloy::primitives::U256::from(0x1000 + receipt))
}

fn log(receipt: u64, index: u64) -> Value {
    json!({
        "address": Address::repeat_byte(0x33),
        "topics": [B256::repeat_byte(1), B256::repeat_byte(2)],
        "data": "0x0102",
        "blockNumber": "0x7",
        "blockHash": BLOCK.hash,
        "transactionHash": tx(receipt),
        "logIndex": format!("{index:#x}"),
    })
}

/// The receipt at a place in the block.
fn receipt(place: u64, fields: Value) -> Value {
    let mut receipt = json!({
        "transactionHash": tx(place),
        "transactionIndex": format!("{place:#x}"),
        "blockHash": BLOCK.hash,
        "blockNumber": "0x7",
        "status": "0x1",
        "cumulativeGasUsed": "0xb741",
        "logs": [],
    });
    receipt.as_object_mut().unwrap().append(&mut fields.as_object().unwrap().clone());
    receipt
}

fn parse(receipts: impl IntoIterator<Item = Value>) -> Vec<WireReceipt> {
    receipts.into_iter().map(|receipt| serde_json::from_value(receipt).unwrap()).collect()
}

fn encoded(fields: Value) -> Option<Vec<u8>> {
    parse([receipt(0, fields)])[0].encoded()
}

#[test]
fn every_type_of_ethereum_is_hashed_as_ethereum_does() {
    let raw = raw(&serde_json::from_value(log(0, 0)).unwrap());
    let kinds =
        [TxType::Legacy, TxType::Eip2930, TxType::Eip1559, TxType::Eip4844, TxType::Eip7702];
    for (kind, status) in kinds.into_iter().flat_map(|kind| [(kind, true), (kind, false)]) {
        let receipt = Receipt {
            status: Eip658Value::Eip658(status),
            cumulative_gas_used: 0xb741,
            logs: vec![raw.clone()],
        };
        let expected = ReceiptEnvelope::from_typed(kind, receipt).encoded_2718();
        let kind = format!("{:#x}", u8::from(kind));
        let status = format!("{:#x}", u8::from(status));
        let fields = json!({ "type": kind, "status": status, "logs": [log(0, 0)] });
        assert_eq!(encoded(fields), Some(expected), "type {kind}, status {status}");
    }
}

#[test]
fn a_receipt_without_a_type_is_a_legacy_one() {
    assert_eq!(encoded(json!({})), encoded(json!({ "type": "0x0" })));
}

#[test]
fn the_first_receipt_of_ethereum_has_the_root_of_its_block() {
    let root = b256!("0x96a8e009d2b88b1483e6941e6812e32263b05683fac202abc622a3e31aed1957");
    let fields = json!({ "status": null, "root": root, "cumulativeGasUsed": "0x5208" });
    let found = receipts_root(&parse([receipt(0, fields)]));
    let expected = b256!("0xfe2bf2a941abf41d72637e5b91750332a30283efd40c424dc522b77e6f0ed8c4");
    assert_eq!(found, Some(expected), "of block 46147");
}

#[test]
fn a_deposit_of_after_canyon_is_hashed_with_its_nonce_and_version() {
    let fields = json!({
        "type": "0x7e",
        "depositNonce": "0x3d3bbf",
        "depositReceiptVersion": "0x1",
    });
    let bloom = "00".repeat(256);
    let expected = hex::decode(format!("7ef9010d0182b741b90100{bloom}c0833d3bbf01")).unwrap();
    assert_eq!(encoded(fields), Some(expected));
}

#[test]
fn a_deposit_of_before_canyon_is_hashed_without_its_nonce() {
    let fields = json!({ "type": "0x7e", "depositNonce": "0x3d3bbf" });
    let bloom = "00".repeat(256);
    let expected = hex::decode(format!("7ef901080182b741b90100{bloom}c0")).unwrap();
    assert_eq!(encoded(fields), Some(expected));
}

#[test]
fn a_receipt_of_an_unknown_form_has_no_root() {
    for fields in [
        json!({ "status": null }),
        json!({ "status": "0x2" }),
        json!({ "status": null, "root": "0x01" }),
        json!({ "type": "0x100" }),
        json!({ "type": "0x7e", "depositReceiptVersion": "0x1" }),
    ] {
        assert_eq!(receipts_root(&parse([receipt(0, fields.clone())])), None, "{fields}");
    }
}

#[test]
fn a_block_without_receipts_has_the_empty_root_and_bloom() {
    assert_eq!(receipts_root(&[]), Some(alloy::consensus::EMPTY_ROOT_HASH));
    assert_eq!(bloom_of(&[]), Bloom::ZERO);
}

#[test]
fn logs_are_counted_through_the_block() {
    let receipts = parse([
        receipt(0, json!({ "logs": [log(0, 0), log(0, 1)] })),
        receipt(1, json!({})),
        receipt(2, json!({ "logs": [log(2, 2)] })),
    ]);
    let logs = logs_of(BLOCK, receipts).unwrap();
    let places: Vec<_> = logs.iter().map(|log| (log.log_index.get(), log.tx_hash)).collect();
    assert_eq!(places, [(0, tx(0)), (1, tx(0)), (2, tx(2))]);
}

#[test]
fn a_claim_of_another_place_is_refused() {
    let other = B256::repeat_byte(9);
    for fields in [
        json!({ "blockHash": other }),
        json!({ "blockNumber": "0x8" }),
        json!({ "transactionIndex": "0x1" }),
        json!({ "transactionHash": other, "logs": [log(0, 0)] }),
        json!({ "logs": [log(0, 1)] }),
        json!({ "logs": [log(0, 0), log(0, 0)] }),
        json!({ "logs": [log(1, 0)] }),
    ] {
        let found = logs_of(BLOCK, parse([receipt(0, fields.clone())]));
        assert!(found.is_err_and(|claim| claim.contains("claims another place")), "{fields}");
    }
}
