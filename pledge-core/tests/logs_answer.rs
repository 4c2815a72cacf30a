//! What is checked in an answer for a range before it is trusted.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use pledge_core::error::ChainErrorKind;
use pledge_core::ledger::erc20::{TRANSFER_TOPIC, transfers_of};
use pledge_core::ports::{HeaderDetail, LogsAnswer, LogsRequest};
use pledge_core::primitives::{Address, B256, Bytes};
use pledge_core::types::{BlockNumber, BlockRef, Log, LogIndex, Timestamp, Topics};

const TOKEN: Address = Address::repeat_byte(7);

fn header(number: u64) -> BlockRef {
    BlockRef {
        number: BlockNumber::new(number),
        hash: B256::from(word_of(number)),
        parent_hash: B256::from(word_of(number - 1)),
        time: Timestamp::new(1_000 + number).unwrap(),
    }
}

fn word_of(number: u64) -> [u8; 32] {
    let mut word = [0; 32];
    word[..8].copy_from_slice(&number.to_be_bytes());
    word
}

fn log(block: u64, index: u64) -> Log {
    Log {
        block: BlockNumber::new(block),
        block_hash: header(block).hash,
        log_index: LogIndex::new(index),
        tx_hash: B256::ZERO,
        address: TOKEN,
        topics: Topics::new(&[TRANSFER_TOPIC]).unwrap(),
        data: Bytes::new(),
    }
}

/// Blocks 1 to 9, of which 4 and 6 have two logs.
fn good() -> LogsAnswer {
    LogsAnswer {
        headers: [1, 4, 6, 9].map(header).to_vec(),
        logs: vec![log(4, 0), log(4, 2), log(6, 0), log(6, 1)],
    }
}

fn verify(answer: &LogsAnswer) -> Result<(), (ChainErrorKind, String)> {
    let (from, to) = (BlockNumber::new(1), BlockNumber::new(9));
    let (filters, detail) = ([transfers_of(&[TOKEN])], HeaderDetail::Sparse);
    let request = LogsRequest { from, to, filters: &filters, detail };
    answer.verify(&request).map_err(|error| (error.kind(), error.to_string()))
}

#[test]
fn logs_in_order_with_their_headers_pass() {
    assert_eq!(verify(&good()), Ok(()));
}

#[test]
fn a_log_out_of_order_twice_without_header_or_not_asked_for_is_a_breach() {
    type Breach = fn(&mut LogsAnswer);
    let breaches: [(&str, Breach); 6] = [
        ("log of block 4 is out of order", |answer| answer.logs.swap(0, 1)),
        ("log of block 6 is out of order", |answer| answer.logs.push(log(6, 1))),
        ("log of block 7 has no header", |answer| answer.logs.push(log(7, 0))),
        ("log of block 6 (0x", |answer| answer.logs[2].block_hash = B256::ZERO),
        ("was not asked for", |answer| answer.logs[2].address = Address::ZERO),
        ("was not asked for", |answer| answer.logs[2].topics = Topics::default()),
    ];
    for (expected, breach) in breaches {
        let mut answer = good();
        breach(&mut answer);
        let (kind, text) = verify(&answer).unwrap_err();
        assert_eq!(kind, ChainErrorKind::Transient, "{expected}");
        assert!(text.contains(expected), "{expected}: {text}");
    }
}
