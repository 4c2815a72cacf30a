//! What is checked in an answer for a range before it is trusted.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use pledge_core::error::ChainErrorKind;
use pledge_core::ledger::{Transfer, UnreadableLog};
use pledge_core::ports::{HeaderDetail, RangeFacts, RangeRequest};
use pledge_core::primitives::{Address, B256};
use pledge_core::types::{Amount, BlockNumber, BlockRef, LogIndex, Timestamp};

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

fn transfer(block: u64, index: u64) -> Transfer {
    let (block, log_index) = (BlockNumber::new(block), LogIndex::new(index));
    let (from, to, amount) = (Address::ZERO, Address::repeat_byte(1), Amount::from(1));
    Transfer { token: TOKEN, block, log_index, tx_hash: B256::ZERO, from, to, amount }
}

fn unreadable(block: u64, index: u64) -> UnreadableLog {
    let (block, log_index) = (BlockNumber::new(block), LogIndex::new(index));
    UnreadableLog { token: TOKEN, block, log_index, tx_hash: B256::ZERO }
}

/// Blocks 1 to 9, of which 4 and 6 have two logs of each kind.
fn good() -> RangeFacts {
    RangeFacts {
        headers: [1, 4, 6, 9].map(header).to_vec(),
        transfers: vec![transfer(4, 0), transfer(4, 2), transfer(6, 0), transfer(6, 1)],
        unreadable: vec![unreadable(4, 1), unreadable(4, 3), unreadable(6, 2), unreadable(6, 3)],
    }
}

fn verify(facts: &RangeFacts) -> Result<(), (ChainErrorKind, String)> {
    let (from, to) = (BlockNumber::new(1), BlockNumber::new(9));
    let request = RangeRequest { from, to, tokens: &[TOKEN], detail: HeaderDetail::Sparse };
    facts.verify(&request).map_err(|error| (error.kind(), error.to_string()))
}

#[test]
fn logs_of_both_kinds_in_order_with_their_headers_pass() {
    assert_eq!(verify(&good()), Ok(()));
}

#[test]
fn a_log_out_of_order_twice_without_header_or_not_asked_for_is_a_breach() {
    type Breach = fn(&mut RangeFacts);
    let breaches: [(&str, Breach); 8] = [
        ("transfer of block 4 is out of order", |facts| facts.transfers.swap(0, 1)),
        ("unreadable log of block 4 is out of order", |facts| facts.unreadable.swap(0, 1)),
        ("transfer of block 6 is out of order", |facts| facts.transfers.push(transfer(6, 1))),
        ("log of block 6 is out of order", |facts| facts.unreadable.push(unreadable(6, 3))),
        ("transfer of block 7 has no header", |facts| facts.transfers.push(transfer(7, 0))),
        ("unreadable log of block 7 has no header", |facts| {
            facts.unreadable.push(unreadable(7, 0));
        }),
        ("was not asked for", |facts| facts.transfers[2].token = Address::ZERO),
        ("was not asked for", |facts| facts.unreadable[2].token = Address::ZERO),
    ];
    for (expected, breach) in breaches {
        let mut facts = good();
        breach(&mut facts);
        let (kind, text) = verify(&facts).unwrap_err();
        assert_eq!(kind, ChainErrorKind::Transient, "{expected}");
        assert!(text.contains(expected), "{expected}: {text}");
    }
}
