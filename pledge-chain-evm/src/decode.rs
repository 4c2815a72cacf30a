//! Logs to transfers.

use alloy::primitives::{Address, B256, b256};
use pledge_core::ledger::Transfer;
use pledge_core::types::Amount;

use crate::wire::Log;

/// `keccak256("Transfer(address,address,uint256)")`.
pub(crate) const TRANSFER_TOPIC: B256 =
    b256!("0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef");

/// The ERC-20 transfer of a log, `None` for a log that shares the topic but not the form: an ERC-721
/// transfer has four topics, some old contracts index nothing.
pub(crate) fn decode(log: &Log) -> Option<Transfer> {
    let [TRANSFER_TOPIC, from, to] = log.topics[..] else {
        return None;
    };
    let amount: [u8; 32] = log.data.as_ref().try_into().ok()?;
    Some(Transfer {
        token: log.address,
        block: log.block,
        log_index: log.index,
        tx_hash: log.tx_hash,
        from: address(from)?,
        to: address(to)?,
        amount: Amount::from_be_bytes(amount),
    })
}

/// The address in a topic, `None` if the topic holds more than an address.
fn address(topic: B256) -> Option<Address> {
    let (padding, address) = topic.split_at(12);
    padding.iter().all(|byte| *byte == 0).then(|| Address::from_slice(address))
}

#[cfg(test)]
mod tests {
    use alloy::primitives::{Bytes, U256, keccak256};
    use pledge_core::types::{BlockNumber, LogIndex};

    use super::*;

    const FROM: Address = Address::repeat_byte(0x11);
    const TO: Address = Address::repeat_byte(0x22);

    fn log(topics: Vec<B256>, data: Vec<u8>) -> Log {
        Log {
            block: BlockNumber::new(7),
            index: LogIndex::new(3),
            block_hash: B256::repeat_byte(1),
            tx_hash: B256::repeat_byte(2),
            address: Address::repeat_byte(0x33),
            topics,
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

    #[test]
    fn a_transfer_keeps_its_place_and_every_bit_of_its_amount() {
        let topics = vec![TRANSFER_TOPIC, FROM.into_word(), TO.into_word()];
        let transfer = decode(&log(topics, word(U256::MAX))).unwrap();
        let expected = Transfer {
            token: Address::repeat_byte(0x33),
            block: BlockNumber::new(7),
            log_index: LogIndex::new(3),
            tx_hash: B256::repeat_byte(2),
            from: FROM,
            to: TO,
            amount: Amount::MAX,
        };
        assert_eq!(transfer, expected);
    }

    #[test]
    fn mints_burns_and_zero_amounts_are_transfers() {
        for (from, to) in [(Address::ZERO, TO), (FROM, Address::ZERO), (FROM, FROM)] {
            let topics = vec![TRANSFER_TOPIC, from.into_word(), to.into_word()];
            let transfer = decode(&log(topics, word(U256::ZERO))).unwrap();
            assert_eq!((transfer.from, transfer.to), (from, to));
            assert!(transfer.amount.is_zero());
        }
    }

    #[test]
    fn other_forms_are_set_aside() {
        let (from, to) = (FROM.into_word(), TO.into_word());
        let dirty = B256::repeat_byte(0x11);
        let one = || word(U256::from(1));
        let cases: [(&str, Vec<B256>, Vec<u8>); 11] = [
            ("no topics", vec![], one()),
            ("nothing indexed", vec![TRANSFER_TOPIC], vec![0; 96]),
            ("one indexed", vec![TRANSFER_TOPIC, from], vec![0; 64]),
            ("ERC-721", vec![TRANSFER_TOPIC, from, to, to], vec![]),
            ("four topics and data", vec![TRANSFER_TOPIC, from, to, to], one()),
            ("no data", vec![TRANSFER_TOPIC, from, to], vec![]),
            ("short data", vec![TRANSFER_TOPIC, from, to], vec![0; 31]),
            ("long data", vec![TRANSFER_TOPIC, from, to], vec![0; 33]),
            ("dirty sender", vec![TRANSFER_TOPIC, dirty, to], one()),
            ("dirty receiver", vec![TRANSFER_TOPIC, from, dirty], one()),
            ("another event", vec![B256::ZERO, from, to], one()),
        ];
        for (name, topics, data) in cases {
            assert_eq!(decode(&log(topics, data)), None, "{name}");
        }
    }
}
