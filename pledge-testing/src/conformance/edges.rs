//! Laws of stores about extreme values.

use alloy_primitives::{Address, B256};
use pledge_core::error::StoreErrorKind;
use pledge_core::event::RewindCause;
use pledge_core::indexer::ChainStatus;
use pledge_core::ledger::{TokenMetadata, TokenSpec, TokenStatus, TokenTotals, Transfer, fold};
use pledge_core::ports::{ChainReport, ChangesQuery, LedgerCommit, NewBlocks, Rewind, TokenCommit};
use pledge_core::simulation::{ScriptedChain, ScriptedTransfer};
use pledge_core::types::{Amount, BlockNumber, BlockRef, ChainId, LogIndex, Timestamp, TokenId};

use super::ledger::Ledger;
use crate::Fixture;
use crate::digest::digest;
use crate::oracle::oracle;
use crate::world::{CHAIN, account, spec, token};

laws! {
    __edges of edges(Fixture):
    every_text_comes_back_as_it_was
    texts_that_look_the_same_are_kept_apart
    the_largest_integrals_and_times_round_trip
    the_last_blocks_and_logs_round_trip
}

/// The largest number of a signed 64-bit column.
const LAST: u64 = (1 << 63) - 1;

fn time(seconds: u64) -> Timestamp {
    Timestamp::new(seconds).expect("in range")
}

/// Names that contracts use, and worse.
fn texts() -> Vec<String> {
    let plain = [
        "",
        "USD",
        "USD ",
        " USD",
        "usd",
        "USD\u{200b}",
        "\u{feff}USD",
        "\u{c5}",
        "A\u{30a}",
        "😀🏳\u{fe0f}\u{200d}🌈\u{10ffff}",
        "A\0B\0\0C",
        "\r\n\t\u{1a}\u{7f}",
        "'; DROP TABLE token; -- \"`\\%_",
    ];
    let mut texts = plain.map(str::to_owned).to_vec();
    texts.extend(["\0".repeat(32), "é😀\0".repeat(1_500)]);
    texts
}

fn token_of(symbol: &str, index: usize) -> TokenSpec {
    let byte = u8::try_from(index + 1).expect("a short list");
    let id = TokenId { chain: CHAIN, address: Address::repeat_byte(byte) };
    let metadata = TokenMetadata { symbol: symbol.to_owned(), ..spec(id).metadata };
    TokenSpec { metadata, ..spec(id) }
}

/// Byte for byte: symbols, names of chains, reasons.
async fn every_text_comes_back_as_it_was(fixture: Fixture) {
    let store = &fixture.balances;
    store.register_chain(CHAIN, "test").await.expect("register");
    for (index, text) in texts().iter().enumerate() {
        let spec = token_of(text, index);
        store.register_token(&spec).await.expect("register");
        store.halt_token(spec.id, None, text).await.expect("halt");
        let known = store.token(spec.id).await.expect("read").expect("registered");
        assert_eq!((&known.spec, &known.status), (&spec, &TokenStatus::Halted(text.clone())));
        assert_eq!(store.register_token(&spec).await.expect("the same again"), known);

        let chain = ChainId::new(CHAIN.get() + 1 + index as u64);
        store.register_chain(chain, text).await.expect("register");
        let status = ChainStatus::Halted(text.clone());
        let report = ChainReport {
            chain,
            status: status.clone(),
            head: None,
            head_time: None,
            processed: None,
        };
        store.report_chain(&report).await.expect("report");
        let chains = store.chains().await.expect("read");
        let known = chains.iter().find(|known| known.chain == chain).expect("registered");
        assert_eq!((&known.name, &known.status), (text, &status));
    }
    let symbols = store.tokens(CHAIN).await.expect("read");
    let symbols: Vec<_> = symbols.into_iter().map(|token| token.spec.metadata.symbol).collect();
    assert_eq!(symbols, texts());
}

/// A space, a case, a zero or a zero-width character makes another text, whatever the database's
/// collation.
async fn texts_that_look_the_same_are_kept_apart(fixture: Fixture) {
    let store = &fixture.balances;
    store.register_chain(CHAIN, "test").await.expect("register");
    let texts = texts();
    for (index, text) in texts.iter().enumerate() {
        store.register_token(&token_of(text, index)).await.expect("register");
        for other in texts.iter().filter(|other| *other != text) {
            let refused = store.register_token(&token_of(other, index)).await;
            let error = refused.expect_err("another symbol is another token");
            assert_eq!(error.kind(), StoreErrorKind::Invalid, "{text:?} and {other:?}");
        }
    }
}

/// A chain whose token was minted, all of it, in 1970, and sent on in 2038, in 2106 and at the last
/// possible instant.
pub(super) async fn since_the_first_instant(fixture: Fixture) -> Ledger {
    fixture.balances.register_chain(CHAIN, "test").await.expect("register");
    fixture.balances.register_token(&spec(token())).await.expect("register");
    let ledger = Ledger { fixture, chain: ScriptedChain::new(CHAIN, Timestamp::ZERO) };
    let address = |number| account(number).address();
    let moves = [
        (Timestamp::ZERO, Address::ZERO, address(1)),
        (time((1 << 31) - 1), address(1), address(1)),
        (time(1 << 31), address(1), address(1)),
        (time(1 << 32), address(1), address(1)),
        (Timestamp::MAX, address(1), address(2)),
    ];
    for (time, from, to) in moves {
        let token = token().address;
        ledger.chain.mine(time, &[ScriptedTransfer { token, from, to, amount: Amount::MAX }]);
    }
    ledger
}

/// From the first instant to the last, the largest balance, and none at the end.
async fn the_largest_integrals_and_times_round_trip(fixture: Fixture) {
    let ledger = since_the_first_instant(fixture).await;
    for height in 1..=5 {
        ledger.commit_to(height).await.expect("commit");
    }
    let (start, cursor) = ledger.chain.block(1).zip(ledger.chain.block(5)).expect("mined");
    let expected = oracle(token(), &start, &cursor, &ledger.chain.transfers(), &[]);
    assert_eq!(ledger.digest().await, expected);
    assert_eq!(expected.balances[&account(1)].balance, Amount::ZERO);

    let instants = [0, (1 << 31) - 1, 1 << 31, (1 << 32) - 1, 1 << 32].map(time);
    let seen = ledger.store().history(token(), account(1), &instants).await.expect("read");
    let last = seen.value.into_iter().map(|state| state.expect("it held then").time.get());
    assert_eq!(last.collect::<Vec<_>>(), [0, (1 << 31) - 1, 1 << 31, 1 << 31, 1 << 32]);

    let before = ledger.chain.block(4).expect("mined");
    ledger.rewind_to(before).await.expect("rewind");
    let expected = oracle(token(), &start, &before, &ledger.chain.transfers(), &[]);
    assert_eq!(ledger.digest().await, expected);
}

/// The last heights and log indexes that a database can store.
async fn the_last_blocks_and_logs_round_trip(fixture: Fixture) {
    let store = &fixture.balances;
    store.register_chain(CHAIN, "test").await.expect("register");
    let start_block = BlockNumber::new(LAST - 1);
    let late = TokenSpec { start_block, ..spec(token()) };
    store.register_token(&late).await.expect("register");
    let block = |number, byte: u8, seconds| BlockRef {
        number: BlockNumber::new(number),
        hash: B256::repeat_byte(byte),
        parent_hash: B256::repeat_byte(byte - 1),
        time: time(seconds),
    };
    let (first, tip) = (block(LAST - 1, 7, 1_000), block(LAST, 8, 2_000));
    let transfers = last_transfers(&first, &tip);
    let plain: Vec<_> = transfers.iter().map(|(_, transfer)| transfer.clone()).collect();
    let time_of =
        |transfer: &Transfer| if transfer.block == tip.number { tip.time } else { first.time };
    let folded = fold(TokenTotals::default(), &mut Default::default(), &plain, time_of);
    let folded = folded.expect("nobody is overdrawn");
    let part = TokenCommit {
        token: token(),
        changes: folded.changes,
        unreadable_logs: Vec::new(),
        totals: folded.totals,
    };
    let commit = LedgerCommit {
        blocks: NewBlocks {
            chain: CHAIN,
            base: None,
            confirmed_by: None,
            first,
            tip,
            headers: vec![first, tip],
            retain_from: first.number,
        },
        tokens: vec![part],
    };
    store.commit(&commit).await.expect("commit");
    let read = digest(store, &fixture.points, token()).await.expect("read");
    assert_eq!(read, oracle(token(), &first, &tip, &transfers, &[]));
    assert_eq!(store.token(token()).await.expect("read").expect("known").spec, late);
    assert_eq!(store.headers(CHAIN, tip.number, 9).await.expect("read"), [tip, first]);
    let newest = store.last_change_block(token(), tip.time).await.expect("read").value;
    assert_eq!(newest, Some(tip.number));
    let query = ChangesQuery { token: token(), account: account(2), before: None, limit: 1 };
    let page = store.changes(&query).await.expect("read").value;
    assert_eq!(page[0].log_index, LogIndex::new(LAST));
    let query = ChangesQuery { before: Some(page[0].place()), ..query };
    assert_eq!(store.changes(&query).await.expect("read").value.len(), 1, "the mint is left");

    let rewind = Rewind {
        chain: CHAIN,
        to: first,
        tokens: vec![(token(), tip.id())],
        contracts: Vec::new(),
        cause: RewindCause::Reorg,
    };
    store.rewind(&rewind).await.expect("rewind");
    let read = digest(store, &fixture.points, token()).await.expect("read");
    assert_eq!(read, oracle(token(), &first, &first, &transfers, &[]));
}

fn last_transfers(first: &BlockRef, tip: &BlockRef) -> Vec<(BlockRef, Transfer)> {
    let address = |number: u64| account(number).address();
    let moves = [
        (first, LAST - 1, Address::ZERO, address(1)),
        (first, LAST, Address::ZERO, address(2)),
        (tip, LAST, address(1), address(2)),
    ];
    let transfer = |(block, log_index, from, to): (&BlockRef, u64, Address, Address)| {
        let transfer = Transfer {
            token: token().address,
            block: block.number,
            log_index: LogIndex::new(log_index),
            tx_hash: B256::repeat_byte(9),
            from,
            to,
            amount: Amount::from(5),
        };
        (*block, transfer)
    };
    moves.map(transfer).to_vec()
}
