//! Data for the benchmarks: transfers among many accounts, deterministic.

use pledge_core::ledger::Transfer;
use pledge_core::primitives::{Address, B256, U256};
use pledge_core::types::{Amount, BlockNumber, LogIndex, Timestamp};

/// The token of every benchmark.
pub const TOKEN: Address = Address::repeat_byte(0x70);
/// A time on a window edge.
pub const START: u64 = 1_767_279_600;

/// The address of an account by number: spread over the shards as hashes are.
pub fn address(number: u64) -> Address {
    let mut bytes = [0x11; 20];
    bytes[..8].copy_from_slice(&number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
    bytes[12..].copy_from_slice(&(number + 1).to_be_bytes());
    Address::from(bytes)
}

/// One mint for each account, ten a block.
pub fn mints(accounts: u64) -> Vec<Transfer> {
    (0..accounts).map(|n| transfer(n, Address::ZERO, address(n), 1_000_000_000)).collect()
}

/// Transfers of small amounts between accounts in a fixed pseudo-random order, ten a block.
pub fn transfers(accounts: u64, count: u64, first: u64) -> Vec<Transfer> {
    let pick = |n: u64| (n.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16) % accounts;
    let numbers = first..first + count;
    numbers.map(|n| transfer(n, address(pick(2 * n)), address(pick(2 * n + 1)), 1)).collect()
}

/// The time of a transfer's block: 12 seconds a block.
pub fn time_of(transfer: &Transfer) -> Timestamp {
    Timestamp::new(START + transfer.block.get() * 12).expect("a small number of blocks")
}

fn transfer(number: u64, from: Address, to: Address, amount: u64) -> Transfer {
    Transfer {
        token: TOKEN,
        block: BlockNumber::new(1 + number / 10),
        log_index: LogIndex::new(number % 10),
        tx_hash: B256::from(U256::from(number)),
        from,
        to,
        amount: Amount::from(amount),
    }
}
