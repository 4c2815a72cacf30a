//! A store of 30 November 2026, which each backend keeps as its own database had it. A later release
//! opens that and answers as it did then.
//!
//! It holds what [`eventful`](crate::conformance::archive::eventful) made, a contract with logs, one
//! without, and a block before an instant.

use pledge_core::archive::{LineReader, LineWriter};
use pledge_core::ledger::BlockEdge;
use pledge_core::logs::ConfirmedLog;
use pledge_core::types::{BlockNumber, ChainId, TokenId};

use crate::conformance::contracts::{Everything, event, log_with, named};
use crate::world::{CHAIN, at, operator, spec, token};
use crate::{ArchiveFixture, Records};

/// Its archive, line by line.
pub const ARCHIVE: &str = include_str!("kept/archive.jsonl");

/// The last block with logs of the contract.
const LOGS_END: u64 = 4;

/// Exports it, to the byte and so to the digest; only the number of the format is that of the release.
pub async fn exports_what_it_did(kept: &ArchiveFixture) {
    let mut file = Vec::new();
    let mut lines = LineWriter::new(&mut file).expect("a first line");
    kept.archive.export(&mut lines).await.expect("the store can be read");
    lines.finish().expect("a last line");
    let file = String::from_utf8(file).expect("lines of text");
    for (line, expected) in file.lines().zip(ARCHIVE.lines()).skip(1) {
        assert_eq!(line, expected);
    }
    assert_eq!(file.lines().count(), ARCHIVE.lines().count());
}

/// Sends every query of the ledger and the points to it, and to an empty store that takes its archive.
pub async fn answers_as_its_archive_does(kept: &ArchiveFixture, empty: &ArchiveFixture) {
    import(empty).await;
    let expected = Everything::of(&empty.fixture).await;
    assert!(!expected.ledger.programmes.is_empty() && !expected.events.is_empty());
    // An archive has no logs of contracts.
    let found = Everything { contracts: Vec::new(), ..Everything::of(&kept.fixture).await };
    assert_eq!(found, expected);
}

/// Reads what no archive has: the logs of contracts, and blocks before instants.
pub async fn has_what_the_chain_gives_back(kept: &ArchiveFixture) {
    let balances = &kept.fixture.balances;
    let mut headers = balances.headers(CHAIN, BlockNumber::new(LOGS_END), 9).await.expect("read");
    headers.reverse();
    let topics = [1, 2, 3, 4].map(event);
    let logs_of = |block| (0..=4_u8).map(move |count| (block, count));
    let logs = headers.iter().flat_map(logs_of).map(|(block, count)| {
        let length = usize::from(count);
        log_with(block, count.into(), &topics[..length], &vec![7; length * 40])
    });
    let logs: Vec<ConfirmedLog> = logs.collect();
    let contracts = Everything::of(&kept.fixture).await.contracts;
    let [(empty, none), (vault, found)] = &contracts[..] else { panic!("{contracts:?}") };
    assert_eq!((&empty.spec.id, empty.cursor, none.len()), (&named("empty"), None, 0));
    assert_eq!((&vault.spec.id, vault.cursor), (&named("vault"), headers.last().copied()));
    assert_eq!((vault.logs, found), (20, &logs));
    let edges = balances.edges(CHAIN, &[at(3_600)]).await.expect("read");
    let last = Some(BlockNumber::new(3));
    assert_eq!(edges, [Some(BlockEdge { instant: at(3_600), last })]);
}

/// Writes to it, and finds keys and numbers of events behind those that it had.
pub async fn goes_on(kept: &ArchiveFixture, empty: &ArchiveFixture) {
    import(empty).await;
    let mut exports: Vec<Records> = Vec::new();
    for store in [kept, empty] {
        let balances = &store.fixture.balances;
        let late = TokenId { chain: ChainId::new(99), ..token() };
        balances.register_chain(late.chain, "late").await.expect("register");
        balances.register_token(&spec(late)).await.expect("register");
        balances.halt_token(late, None, "a test").await.expect("halt");
        exports.push(store.export().await.without_imports());
    }
    assert_eq!(exports[0], exports[1]);
}

async fn import(empty: &ArchiveFixture) {
    let mut lines = LineReader::new(ARCHIVE.as_bytes()).expect("a first line");
    empty.archive.import(&mut lines, &operator()).await.expect("an empty store takes an archive");
}
