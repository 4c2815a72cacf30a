//! What ERC-20 contracts log and return, to transfers, amounts and metadata.

use alloy_primitives::{Address, B256, b256};

use super::{Transfer, UnreadableLog};
use crate::types::{Amount, Log, LogFilter, Topics};

mod metadata;
mod symbol;
mod view;

pub(crate) use metadata::OPERATION as METADATA_OPERATION;
pub use metadata::{METADATA_CALLS, metadata, metadata_calls, no_code};
pub use view::{View, encode_number, encode_text};

/// The first topic of a transfer: `keccak256("Transfer(address,address,uint256)")`.
pub const TRANSFER_TOPIC: B256 =
    b256!("0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef");

/// The logs of transfers of these tokens, which ascend by address.
pub const fn transfers_of(tokens: &[Address]) -> LogFilter<'_> {
    LogFilter { addresses: tokens, topic0s: Some(&[TRANSFER_TOPIC]) }
}

/// The log of a transfer in a block with this hash, as the standard has it: both addresses are
/// topics, the amount is the data.
pub fn encode(transfer: &Transfer, block_hash: B256) -> Log {
    let Transfer { token: address, block, log_index, tx_hash, from, to, amount } = *transfer;
    let topics = [TRANSFER_TOPIC, from.into_word(), to.into_word()];
    let topics = Topics::new(&topics).expect("three are not too many");
    let data = encode_number(amount.get());
    Log { block, block_hash, log_index, tx_hash, address, topics, data }
}

/// The transfer that a log is.
///
/// Parameters that are not indexed are in the data, in the order of the signature; of two topics the
/// second is the sender. `None` for another event, and for a transfer whose data is empty: it names
/// no amount, and moves none. The error is a log that shares the topic of transfers and not their
/// form: an ERC-721 transfer has four topics.
pub fn decode(log: &Log) -> Result<Option<Transfer>, UnreadableLog> {
    let Some((&TRANSFER_TOPIC, indexed)) = log.topics.as_slice().split_first() else {
        return Ok(None);
    };
    if indexed.len() == 2 && log.data.is_empty() {
        return Ok(None);
    }
    let Log { address: token, block, log_index, tx_hash, .. } = *log;
    match parameters(indexed, &log.data) {
        Some((from, to, amount)) => {
            Ok(Some(Transfer { token, block, log_index, tx_hash, from, to, amount }))
        }
        None => Err(UnreadableLog { token, block, log_index, tx_hash }),
    }
}

/// Sender, receiver and amount; `None` unless they are three words, the amount is no topic, and the
/// addresses have 20 bytes.
fn parameters(indexed: &[B256], data: &[u8]) -> Option<(Address, Address, Amount)> {
    let (words, rest) = data.as_chunks::<32>();
    if words.is_empty() || !rest.is_empty() {
        return None;
    }
    let mut all = indexed.iter().copied().chain(words.iter().map(B256::from));
    let (from, to, amount) = (all.next()?, all.next()?, all.next()?);
    let is_whole = all.next().is_none();
    let amount = Amount::from_be_bytes(amount.0);
    is_whole.then_some((address(from)?, address(to)?, amount))
}

/// The address in a word, `None` if the word holds more than an address.
fn address(word: B256) -> Option<Address> {
    let (padding, address) = word.split_at(12);
    padding.iter().all(|byte| *byte == 0).then(|| Address::from_slice(address))
}

#[cfg(test)]
mod tests {
    use alloy_primitives::{Bytes, U256, keccak256};

    use super::*;
    use crate::types::{BlockNumber, LogIndex};

    type Decoded = Result<Option<Transfer>, UnreadableLog>;

    const FROM: Address = Address::repeat_byte(0x11);
    const TO: Address = Address::repeat_byte(0x22);

    fn log(topics: Vec<B256>, data: Vec<u8>) -> Log {
        Log {
            block: BlockNumber::new(7),
            log_index: LogIndex::new(3),
            block_hash: B256::repeat_byte(1),
            tx_hash: B256::repeat_byte(2),
            address: Address::repeat_byte(0x33),
            topics: Topics::new(&topics).unwrap(),
            data: Bytes::from(data),
        }
    }

    fn word(amount: U256) -> Vec<u8> {
        amount.to_be_bytes_vec()
    }

    #[test]
    fn the_topic_is_the_hash_of_the_signature() {
        assert_eq!(TRANSFER_TOPIC, keccak256("Transfer(address,address,uint256)"));
    }

    fn transfer(from: Address, to: Address, amount: Amount) -> Decoded {
        let (block, log_index) = (BlockNumber::new(7), LogIndex::new(3));
        let (token, tx_hash) = (Address::repeat_byte(0x33), B256::repeat_byte(2));
        Ok(Some(Transfer { token, block, log_index, tx_hash, from, to, amount }))
    }

    #[test]
    fn a_transfer_keeps_its_place_and_every_bit_of_its_amount() {
        let topics = vec![TRANSFER_TOPIC, FROM.into_word(), TO.into_word()];
        assert_eq!(decode(&log(topics, word(U256::MAX))), transfer(FROM, TO, Amount::MAX));
    }

    #[test]
    fn a_transfer_is_read_back_from_its_log() {
        for amount in [Amount::ZERO, Amount::from(1), Amount::MAX] {
            let Ok(Some(made)) = transfer(FROM, TO, amount) else { unreachable!() };
            let log = encode(&made, B256::repeat_byte(1));
            assert_eq!(log.block_hash, B256::repeat_byte(1));
            assert!(transfers_of(&[made.token]).matches(&log));
            assert_eq!(decode(&log), Ok(Some(made)));
        }
    }

    #[test]
    fn mints_burns_and_zero_amounts_are_transfers() {
        for (from, to) in [(Address::ZERO, TO), (FROM, Address::ZERO), (FROM, FROM)] {
            let topics = vec![TRANSFER_TOPIC, from.into_word(), to.into_word()];
            let read = decode(&log(topics, word(U256::ZERO)));
            assert_eq!(read, transfer(from, to, Amount::ZERO));
        }
    }

    #[test]
    fn a_transfer_whose_addresses_are_not_indexed_is_read_from_its_data() {
        let (from, to, amount) = (FROM.into_word(), TO.into_word(), U256::MAX - U256::from(1));
        let all: Vec<u8> = [from.to_vec(), to.to_vec(), word(amount)].concat();
        let expected = transfer(FROM, TO, Amount::new(amount));
        for indexed in 0..=2 {
            let topics = [TRANSFER_TOPIC, from, to][..=indexed].to_vec();
            let read = decode(&log(topics, all[indexed * 32..].to_vec()));
            assert_eq!(read, expected, "{indexed} indexed");
        }
    }

    #[test]
    fn what_cannot_be_read_keeps_its_place() {
        let (from, to) = (FROM.into_word(), TO.into_word());
        let dirty = B256::repeat_byte(0x11);
        let one = || word(U256::from(1));
        let words = |words: &[B256]| words.concat();
        let cases: [(&str, Vec<B256>, Vec<u8>); 14] = [
            ("nothing indexed, no data", vec![TRANSFER_TOPIC], vec![]),
            ("nothing indexed, short", vec![TRANSFER_TOPIC], vec![0; 95]),
            ("nothing indexed, long", vec![TRANSFER_TOPIC], vec![0; 128]),
            ("nothing indexed, dirty", vec![TRANSFER_TOPIC], words(&[from, dirty, to])),
            ("one indexed, short", vec![TRANSFER_TOPIC, from], one()),
            ("one indexed, long", vec![TRANSFER_TOPIC, from], vec![0; 96]),
            ("one indexed, dirty", vec![TRANSFER_TOPIC, from], words(&[dirty, to])),
            ("ERC-721", vec![TRANSFER_TOPIC, from, to, to], vec![]),
            ("four topics and data", vec![TRANSFER_TOPIC, from, to, to], one()),
            ("short data", vec![TRANSFER_TOPIC, from, to], vec![0; 31]),
            ("long data", vec![TRANSFER_TOPIC, from, to], vec![0; 33]),
            ("a word too much", vec![TRANSFER_TOPIC, from, to], vec![0; 64]),
            ("dirty sender", vec![TRANSFER_TOPIC, dirty, to], one()),
            ("dirty receiver", vec![TRANSFER_TOPIC, from, dirty], one()),
        ];
        let (block, log_index) = (BlockNumber::new(7), LogIndex::new(3));
        let (token, tx_hash) = (Address::repeat_byte(0x33), B256::repeat_byte(2));
        let expected = UnreadableLog { token, block, log_index, tx_hash };
        for (name, topics, data) in cases {
            assert_eq!(decode(&log(topics, data)), Err(expected), "{name}");
        }
    }

    #[test]
    fn a_transfer_without_data_and_other_events_are_nothing() {
        let (from, to) = (FROM.into_word(), TO.into_word());
        let cases: [(&str, Vec<B256>, Vec<u8>); 3] = [
            ("no data", vec![TRANSFER_TOPIC, from, to], vec![]),
            ("no topics", vec![], word(U256::from(1))),
            ("another event", vec![B256::ZERO, from, to], word(U256::from(1))),
        ];
        for (name, topics, data) in cases {
            assert_eq!(decode(&log(topics, data)), Ok(None), "{name}");
        }
    }
}
