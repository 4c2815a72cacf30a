//! Logs that no receipts root and no bloom covers.
//!
//! On Polygon and its kin, blocks before the Madhugiri fork carry the logs of messages from
//! Ethereum outside their receipts. The transaction that they name exists nowhere: its hash is made
//! of the block.

use alloy::primitives::{B256, keccak256};
use pledge_core::types::{BlockId, ChainId};

/// Chains that had such blocks: Polygon, its test network, and that of `BitTorrent`.
const CHAINS: [u64; 3] = [137, 80_002, 199];

/// Whether a chain has logs that receipts do not have.
pub(crate) fn has_state_sync(chain: ChainId) -> bool {
    CHAINS.contains(&chain.get())
}

/// The hash of the transaction that a block's state-sync logs name, where the chain has such logs.
pub(crate) fn state_sync_tx(chain: ChainId, block: BlockId) -> Option<B256> {
    let number = block.number.get().to_be_bytes();
    let name = || [b"matic-bor-receipt-", &number[..], block.hash.as_slice()].concat();
    has_state_sync(chain).then(|| keccak256(name()))
}

#[cfg(test)]
mod tests {
    use alloy::primitives::b256;
    use pledge_core::types::BlockNumber;

    use super::*;

    #[test]
    fn a_state_sync_of_polygon_is_known_by_its_hash() {
        let block = BlockId {
            number: BlockNumber::new(54_529_760),
            hash: b256!("0x6e49a6de48a0c9c5d973802b7a061067fdd128573b5d482ab46723b6d1eb5860"),
        };
        let tx = b256!("0x9825781be0f282df3b4384c3f8973dd52e827b71a4dbc80d995d8728ad35cb25");
        assert_eq!(state_sync_tx(ChainId::new(137), block), Some(tx));
        assert_eq!(state_sync_tx(ChainId::new(1), block), None);
    }
}
