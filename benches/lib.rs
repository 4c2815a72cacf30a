//! Data for the benchmarks, the same in every run: a token, transfers among many accounts, their
//! ledger.

use std::ops::Range;

use pledge_core::ledger::{AccountStates, TokenMetadata, TokenSpec, TokenState, Transfer, fold};
use pledge_core::points::Programme;
use pledge_core::ports::{BalanceStore, LedgerCommit, NewBlocks, TokenCommit};
use pledge_core::primitives::{Address, B256, U256};
use pledge_core::types::{
    Account, Amount, BlockNumber, BlockRef, ChainId, Decimals, LogIndex, Timestamp, TokenId,
};

/// The token of every benchmark.
pub const TOKEN: TokenId = TokenId { chain: ChainId::new(1), address: Address::repeat_byte(0x70) };
const START: u64 = 1_767_279_600;
/// Transfers in each block.
const BLOCK_TRANSFERS: u64 = 10;

/// Seconds after the start of the chain, which is a window edge.
pub fn at(seconds: u64) -> Timestamp {
    Timestamp::new(START + seconds).expect("a small number of seconds")
}

/// An account by number: spread over the shards as hashes are.
pub fn account(number: u64) -> Account {
    let mut bytes = [0x11; 20];
    bytes[..8].copy_from_slice(&number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
    bytes[12..].copy_from_slice(&(number + 1).to_be_bytes());
    Account::new(bytes.into()).expect("not zero")
}

/// A number below `bound` that looks random, the same for the same `n`.
pub fn pick(n: u64, bound: u64) -> u64 {
    (n.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16) % bound
}

/// 0.05 points a token an hour, in windows of an hour.
pub fn programme() -> Programme {
    Programme::main(TOKEN, "0.05".parse().expect("a rate"))
}

/// One mint for each account of some numbers.
pub fn mints(accounts: Range<u64>) -> Vec<Transfer> {
    let mint = |n| transfer(n, Address::ZERO, account(n).address(), 1_000_000_000);
    accounts.map(mint).collect()
}

/// Transfers of one base unit between accounts picked at random; `first` counts those before.
pub fn transfers(accounts: u64, count: u64, first: u64) -> Vec<Transfer> {
    let side = |n| account(pick(n, accounts)).address();
    let numbers = first..first + count;
    numbers.map(|n| transfer(n, side(2 * n), side(2 * n + 1), 1)).collect()
}

/// Transfers of one base unit from one account to accounts picked at random.
pub fn transfers_from(sender: Account, accounts: u64, count: u64, first: u64) -> Vec<Transfer> {
    let receiver = |n| account(pick(n, accounts)).address();
    let numbers = first..first + count;
    numbers.map(|n| transfer(n, sender.address(), receiver(n), 1)).collect()
}

/// The time of a transfer's block: 12 seconds a block.
pub fn time_of(transfer: &Transfer) -> Timestamp {
    at(transfer.block.get() * 12)
}

fn transfer(number: u64, from: Address, to: Address, amount: u64) -> Transfer {
    Transfer {
        token: TOKEN.address,
        block: BlockNumber::new(1 + number / BLOCK_TRANSFERS),
        log_index: LogIndex::new(number % BLOCK_TRANSFERS),
        tx_hash: B256::from(U256::from(number)),
        from,
        to,
        amount: Amount::from(amount),
    }
}

/// Registers the chain and the token.
pub async fn register(store: &dyn BalanceStore) {
    store.register_chain(TOKEN.chain, "bench").await.expect("register");
    let decimals = Decimals::new(18).expect("in range");
    let metadata = TokenMetadata { symbol: "BENCH".to_owned(), decimals };
    let spec = TokenSpec { id: TOKEN, metadata, start_block: BlockNumber::new(1) };
    store.register_token(&spec).await.expect("register");
}

/// The token's state.
pub async fn token(store: &dyn BalanceStore) -> TokenState {
    store.token(TOKEN).await.expect("read").expect("registered")
}

/// Reads balances, folds and commits, as the indexer does with each slice. Whole blocks only.
pub async fn commit(store: &dyn BalanceStore, transfers: &[Transfer]) {
    let message = fold_next(store, transfers).await;
    store.commit(&message).await.expect("commit");
}

/// Reads balances and folds: what is to be committed next. Whole blocks only.
pub async fn fold_next(store: &dyn BalanceStore, transfers: &[Transfer]) -> LedgerCommit {
    let state = token(store).await;
    let mut accounts: Vec<_> =
        transfers.iter().flat_map(|t| [t.from, t.to]).filter_map(Account::new).collect();
    accounts.sort_unstable();
    accounts.dedup();
    let seen = store.states(TOKEN, &accounts).await.expect("read").value;
    let known = accounts.into_iter().zip(seen);
    let mut states: AccountStates = known.filter_map(|(a, state)| Some((a, state?))).collect();
    let folded = fold(state.totals, &mut states, transfers, time_of).expect("valid transfers");
    let tip = block(&transfers[transfers.len() - 1]);
    LedgerCommit {
        blocks: NewBlocks {
            chain: TOKEN.chain,
            base: state.cursor.map(|cursor| cursor.id()),
            confirmed_by: None,
            first: block(&transfers[0]),
            tip,
            headers: vec![tip],
            retain_from: BlockNumber::new(0),
        },
        tokens: vec![TokenCommit {
            token: TOKEN,
            changes: folded.changes,
            unreadable_logs: Vec::new(),
            totals: folded.totals,
        }],
    }
}

/// The block of a transfer.
fn block(of: &Transfer) -> BlockRef {
    let number = of.block.get();
    let hash = |number: u64| B256::from(U256::from(number));
    BlockRef {
        number: of.block,
        hash: hash(number),
        parent_hash: hash(number - 1),
        time: time_of(of),
    }
}
