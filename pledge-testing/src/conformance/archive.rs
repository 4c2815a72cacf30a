//! Laws of [`Archive`](pledge_core::ports::Archive): what moves from one store to another.

use std::collections::BTreeSet;
use std::sync::Arc;

use alloy_primitives::B256;
use async_trait::async_trait;
use pledge_core::archive::{ArchiveKey, ArchiveRecord, RecordKind, Summary, Tally};
use pledge_core::audit::{Action, AuditObject, AuditRecord};
use pledge_core::error::{StoreError, StoreErrorKind};
use pledge_core::event::{EventSeq, SequencedEvent};
use pledge_core::indexer::ChainStatus;
use pledge_core::ledger::{SupplyAnswer, TokenStatus, UnreadableLog};
use pledge_core::notify::Dispatcher;
use pledge_core::points::{Decision, Measure, Programme, Scope, Settler, SettlerConfig};
use pledge_core::ports::{
    AuditQuery, BalanceStore, ChainReport, LedgerCommit, NewBlocks, RecordSink, StatementKind,
    TokenCommit,
};
use pledge_core::stop::Stop;
use pledge_core::types::{
    Amount, BlockNumber, BlockRef, ChainId, LogIndex, ProgrammeId, TokenId, WeightBp,
};

use super::contracts::{Contracts, vault};
use super::engine::{mint_other, other};
use super::event_store::consumer;
use super::ledger::Ledger;
use super::notifier::one_of_each;
use crate::digest::statement_rows;
use crate::world::{CHAIN, World, account, at, operator, operator_because, spec, token, tokens};
use crate::{ArchiveFixture, FailingPoints, Fixture, Receiver, Records};

laws! {
    __archive of archive(Move):
    an_empty_store_is_an_empty_archive
    an_export_has_everything_in_the_order_of_the_keys
    an_export_of_equal_stores_is_equal
    the_logs_of_contracts_are_left_out
    an_export_sees_one_snapshot
    an_import_gives_the_same_export
    pages_of_an_archive_are_complete
    the_largest_figures_are_moved
    reversed_statements_survive
    a_settlement_under_way_and_its_failures_survive
    events_of_any_domain_are_moved_to_the_byte
    event_numbers_go_on
    what_persons_did_is_moved_and_its_numbers_go_on
    decisions_are_moved_and_their_numbers_go_on
    an_import_leaves_who_took_over_which_archive
    what_persons_stopped_stays_stopped
    an_imported_ledger_goes_on_as_the_original_would
}

const HOUR: u64 = 3_600;

/// Two stores, both empty: the contents of the first are moved to the second.
#[derive(Debug)]
pub struct Move {
    /// The store to export.
    pub from: ArchiveFixture,
    /// The store to import into.
    pub to: ArchiveFixture,
}

impl Move {
    /// Moves everything. The first store stays as it is.
    pub async fn run(&self) {
        self.to.import(self.from.export().await).await.expect("an empty store takes an archive");
    }
}

/// A store with something of each kind in it: four chains, one of them halted, one paused and one both; two
/// tokens, one halted, then paused (so both); two programmes; logs that cannot be read, and a supply that differs from the contract's;
/// a reorg that reversed settled windows; a settlement under way with a failed batch; a consumer
/// that has received some of the events.
pub async fn eventful(fixture: Fixture) -> World {
    let mut world = World::new(fixture).await;
    let Fixture { balances, points, events, .. } = &world.fixture;
    balances.register_chain(ChainId::new(5), "five").await.expect("register");
    let status = ChainStatus::Halted("a test".to_owned());
    let (head, processed) = (Some(BlockNumber::new(7)), None);
    let head_time = Some(at(7));
    let report = ChainReport { chain: ChainId::new(5), status, head, head_time, processed };
    balances.report_chain(&report).await.expect("report");
    for (chain, name) in [(6, "six"), (7, "seven")] {
        balances.register_chain(ChainId::new(chain), name).await.expect("register");
        balances.pause_chain(ChainId::new(chain), &operator()).await.expect("pause");
    }
    balances.report_chain(&ChainReport { chain: ChainId::new(7), ..report }).await.expect("report");
    balances.register_token(&spec(other())).await.expect("register");
    let late = ProgrammeId::new(token(), "late").expect("a name");
    let late = Programme { id: late, ..world.programme().clone() };
    points.put_programme(&late, &operator()).await.expect("put");
    let (events, balances) = (events.clone(), balances.clone());
    for decision in decisions(world.programme()) {
        world.decide(decision).await.expect("nothing is settled");
    }

    let mints: Vec<_> = (1..=20).map(|n| (None, Some(n), tokens(100 * n))).collect();
    world.mine(0, &mints);
    mint_other(&world, 60, None, 3);
    world.mine(1_800, &[(Some(1), Some(21), tokens(40)), (Some(4), Some(4), tokens(1))]);
    world.confirm(2 * HOUR);
    world.run().await;
    world.chain.fork_at(2);
    let netted = (Some(4), Some(4), tokens(5_000));
    world.mine(1_900, &[(Some(2), None, tokens(70)), (Some(21), Some(5), Amount::ZERO), netted]);
    world.confirm(4 * HOUR);
    world.index().await;
    settle_and_fail(&world, 4).await;
    let of_other = balances.token(other()).await.expect("read").expect("registered");
    let cursor = of_other.cursor.map(|cursor| cursor.id());
    balances.halt_token(other(), cursor, "a test").await.expect("halt");
    balances.pause_token(other(), &operator_because("a test")).await.expect("pause");
    mark(&*balances, token()).await;
    let delivered = events.events(EventSeq::START, 3).await.expect("read")[2].sequence;
    let (start, mail) = (EventSeq::START, consumer("mail"));
    events.record_delivered(&mail, start, delivered).await.expect("record");
    world
}

/// A decision of each kind, two of them wide.
fn decisions(programme: &Programme) -> Vec<Decision> {
    let own = || Scope::Programme(programme.id.clone());
    let rows = |numbers: &[u64], basis_points| {
        let value = WeightBp::new(basis_points).expect("below 2^24");
        numbers.iter().map(|number| (account(*number), value)).collect::<Vec<_>>()
    };
    let set = || "early".parse().expect("a name");
    let until = Some(at(HOUR + 7));
    let of_token = || Scope::Token(token());
    let decided = [
        (own(), Some(600), Measure::Weights { rows: rows(&[1, 2], 25_001), until }),
        (own(), Some(0), Measure::BonusSet { set: set(), rows: rows(&[2, 3, 4], 333) }),
        (own(), Some(1_000), Measure::BonusSet { set: set(), rows: rows(&[4], 10) }),
        (Scope::All, Some(900), Measure::Suspend(vec![account(5), account(7)])),
        (Scope::Chain(CHAIN), Some(900), Measure::Suspend(vec![account(5)])),
        (Scope::All, Some(HOUR), Measure::Reinstate(vec![account(7)])),
        (of_token(), None, Measure::Exclude(vec![account(6), account(8)])),
        (of_token(), None, Measure::Include(vec![account(8)])),
    ];
    let decision = |(scope, from, measure): (_, Option<u64>, _)| Decision {
        scope,
        from: from.map(at),
        measure,
    };
    decided.into_iter().map(decision).collect()
}

/// An empty block with logs that cannot be read, and a supply that differs from the contract's.
async fn mark(store: &dyn BalanceStore, token: TokenId) {
    let state = store.token(token).await.expect("read").expect("registered");
    let parent = state.cursor.expect("it has blocks");
    let number = parent.number.next();
    let block =
        BlockRef { number, hash: B256::repeat_byte(0xee), parent_hash: parent.hash, ..parent };
    let log = |index| UnreadableLog {
        token: token.address,
        block: number,
        log_index: LogIndex::new(index),
        tx_hash: B256::repeat_byte(0xdd),
    };
    let part = TokenCommit {
        token,
        changes: Vec::new(),
        unreadable_logs: vec![log(3), log(7)],
        totals: state.totals,
    };
    let commit = LedgerCommit {
        blocks: NewBlocks {
            chain: token.chain,
            base: Some(parent.id()),
            confirmed_by: None,
            first: block,
            tip: block,
            headers: vec![block],
            retain_from: BlockNumber::new(0),
        },
        tokens: vec![part],
    };
    store.commit(&commit).await.expect("commit");
    for answer in [SupplyAnswer::Total(Amount::MAX), SupplyAnswer::Missing("why".to_owned())] {
        store.record_supply(token, block.id(), &answer).await.expect("record");
    }
}

/// A pass in which the batch of one account fails.
async fn settle_and_fail(world: &World, number: u64) {
    let (points, kind) = (world.fixture.points.clone(), StoreErrorKind::Corrupt);
    let points = Arc::new(FailingPoints::new(points, account(number), kind, u32::MAX));
    let config = SettlerConfig {
        batch_accounts_max: 1,
        batch_changes_max: 1,
        windows_max: 2,
        attempts_max: 3,
    };
    let settler = Settler::new(world.fixture.balances.clone(), points, config);
    let report = settler.run(token(), &Stop::never(), |_| {}).await.expect("the rest settles");
    assert!(report.failed > 0);
}

/// Another settler completes an account whose batch failed.
async fn settle_again(world: &World) {
    for _ in 0..2 {
        world.settle().await.expect("a calm store settles");
    }
}

/// An empty store exports nothing, and nothing is a complete archive.
async fn an_empty_store_is_an_empty_archive(stores: Move) {
    assert!(stores.from.export().await.0.is_empty());
    stores.run().await;
    assert!(stores.to.export().await.0.is_empty(), "nothing was done, so there is no record of it");
}

/// An export has every record of a store once, in the order of the keys.
async fn an_export_has_everything_in_the_order_of_the_keys(stores: Move) {
    eventful(stores.from.fixture.clone()).await;
    let records = stores.from.export().await.0;
    let keys: Vec<ArchiveKey> = records.iter().map(ArchiveRecord::key).collect();
    assert!(keys.is_sorted_by(|lower, upper| lower < upper));
    let kinds: BTreeSet<RecordKind> = records.iter().map(ArchiveRecord::kind).collect();
    assert_eq!(kinds.len(), 16, "{kinds:?}");
}

/// The same history gives the same records in both stores.
async fn an_export_of_equal_stores_is_equal(stores: Move) {
    eventful(stores.from.fixture.clone()).await;
    eventful(stores.to.fixture.clone()).await;
    assert_eq!(stores.from.export().await, stores.to.export().await);
}

/// The chain gives them back. What they share with the ledger is moved all the same.
async fn the_logs_of_contracts_are_left_out(stores: Move) {
    let (from, to) = (&stores.from, &stores.to);
    let contracts = Contracts::behind_blocks(from.fixture.clone(), &[]).await;
    let before = from.export().await;
    contracts.store().register_contract(&vault("vault")).await.expect("register");
    let message = contracts.message(&[("vault", contracts.some_of(4))], 5).await;
    contracts.store().commit_logs(&message).await.expect("commit");
    assert_eq!(from.export().await, before);
    stores.run().await;
    assert_eq!(to.fixture.logs.contracts(CHAIN).await.expect("read"), []);
    let state = to.fixture.logs.register_contract(&vault("vault")).await.expect("register");
    assert_eq!(state.cursor, None);
}

/// The digest of records.
async fn summary(records: &Records) -> Summary {
    let mut tally = Tally::default();
    for record in &records.0 {
        tally.put(record.clone()).await.expect("it has a line");
    }
    tally.summary()
}

/// Imported records are exported again, identical to the last byte.
async fn an_import_gives_the_same_export(stores: Move) {
    eventful(stores.from.fixture.clone()).await;
    stores.run().await;
    let (before, after) = (stores.from.export().await, stores.to.export().await.without_imports());
    assert_eq!(summary(&before).await, summary(&after).await);
    assert_eq!(before, after);
}

/// A sink that writes to the store that is being exported.
struct Meddler<'a> {
    records: Records,
    store: &'a Fixture,
}

#[async_trait]
impl RecordSink for Meddler<'_> {
    async fn put(&mut self, record: ArchiveRecord) -> Result<(), StoreError> {
        if self.records.0.is_empty() {
            let (chain, status) = (ChainId::new(77), ChainStatus::Halted("a test".to_owned()));
            self.store.balances.register_chain(chain, "late").await?;
            let report =
                ChainReport { chain, status, head: None, head_time: None, processed: None };
            self.store.balances.report_chain(&report).await?;
        }
        self.records.put(record).await
    }
}

/// An export does not include what is written while it runs, and does not block the write.
async fn an_export_sees_one_snapshot(stores: Move) {
    eventful(stores.from.fixture.clone()).await;
    let before = stores.from.export().await;
    let mut sink = Meddler { records: Records::default(), store: &stores.from.fixture };
    stores.from.archive.export(&mut sink).await.expect("export");
    assert_eq!(sink.records, before);
    assert_eq!(stores.from.export().await.0.len(), before.0.len() + 2, "a chain and an event");
}

/// There is more of everything than a page holds: accounts, changes, headers, statements, entries.
async fn pages_of_an_archive_are_complete(stores: Move) {
    let ledger = Ledger::open(stores.from.fixture.clone()).await;
    let mut transfers: Vec<_> = (1..=1_200).map(|number| (0, number, 9)).collect();
    ledger.mine(0, &transfers);
    transfers = (0..1_500).map(|_| (700, 700, 1)).collect();
    ledger.mine(10, &transfers);
    ledger.commit_to(2).await.expect("commit");
    let all = (1..=1_100).map(account).collect();
    let suspend = Decision { scope: Scope::All, from: None, measure: Measure::Suspend(all) };
    ledger.fixture.points.decide(&suspend, &operator()).await.expect("a valid decision");
    stores.run().await;
    let counts = summary(&stores.to.export().await).await.counts;
    let of_kind = |kind| counts.get(&kind).copied().unwrap_or_default();
    assert_eq!((of_kind(RecordKind::Change), of_kind(RecordKind::Balance)), (4_200, 1_200));
    assert_eq!((of_kind(RecordKind::Decision), of_kind(RecordKind::Entry)), (1, 1_100));
    assert_eq!(stores.from.export().await, stores.to.export().await.without_imports());
}

/// The largest figures that exist.
async fn the_largest_figures_are_moved(stores: Move) {
    let ledger = Ledger::open(stores.from.fixture.clone()).await;
    ledger.mine_amounts(0, token(), &[(0, 1, Amount::MAX)]);
    ledger.mine_amounts(1 << 32, token(), &[(1, 2, Amount::MAX)]);
    ledger.commit_to(2).await.expect("commit");
    let before = ledger.digest().await;
    stores.run().await;
    let moved = Ledger { fixture: stores.to.fixture.clone(), chain: ledger.chain };
    assert_eq!(moved.digest().await, before);
}

/// Reversed rows, and the rows that reverse them.
async fn reversed_statements_survive(stores: Move) {
    let world = eventful(stores.from.fixture.clone()).await;
    stores.run().await;
    let id = &world.programme().id;
    let mut reversed = 0;
    for number in 1..=21 {
        let [before, after] = [&stores.from, &stores.to].map(|store| &store.fixture.points);
        let rows = statement_rows(before, id, account(number)).await.expect("read");
        assert_eq!(statement_rows(after, id, account(number)).await.expect("read"), rows);
        reversed += rows.iter().filter(|row| row.kind == StatementKind::Reversed).count();
    }
    assert!(reversed > 0);
}

/// The failed batch is tried again in the new store, which completes the settlement.
async fn a_settlement_under_way_and_its_failures_survive(stores: Move) {
    let world = eventful(stores.from.fixture.clone()).await;
    stores.run().await;
    let before = stores.from.fixture.points.programmes(token()).await.expect("read");
    let failures = |programme: &pledge_core::ports::ProgrammeState| {
        let runs = programme.shards.iter().filter_map(|shard| shard.run.as_ref());
        runs.map(|run| run.failures.len()).sum::<usize>()
    };
    assert!(before.iter().any(|programme| failures(programme) > 0));
    let moved = world.moved(stores.to.fixture.clone());
    assert_eq!(moved.fixture.points.programmes(token()).await.expect("read"), before);
    settle_again(&moved).await;
    settle_again(&world).await;
    let settled = moved.fixture.points.programmes(token()).await.expect("read");
    assert!(settled.iter().all(|programme| programme.settled() == Some(at(4 * HOUR))));
    assert_eq!(stores.from.export().await, stores.to.export().await.without_imports());
}

/// An event of a domain that no release has is in the store, its archive and at a receiver as it was.
async fn events_of_any_domain_are_moved_to_the_byte(stores: Move) {
    let mut events = one_of_each();
    for (event, below) in events.iter_mut().rev().zip(0..) {
        event.sequence = EventSeq::new(EventSeq::ARCHIVED_MAX.get() - below);
    }
    let records = Records(events.iter().cloned().map(ArchiveRecord::Event).collect());
    stores.from.import(records.clone()).await.expect("an empty store takes an archive");
    assert_eq!(stores.from.export().await.without_imports(), records);
    stores.run().await;
    assert_eq!(stores.to.export().await.without_imports(), records);
    let (store, receiver) = (&stores.to.fixture.events, Arc::new(Receiver::new(&[])));
    let dispatcher = Dispatcher::new(store.clone(), receiver.clone(), consumer("mail"));
    dispatcher.drain(&Stop::never()).await.expect("drain");
    assert_eq!(receiver.arrived(), events);
    let texts = |events: &[SequencedEvent]| -> Vec<_> {
        events.iter().map(|event| event.event.to_json()).collect()
    };
    assert_eq!(texts(&receiver.arrived()), texts(&events));
}

/// The next event follows the imported ones, and positions are unchanged.
async fn event_numbers_go_on(stores: Move) {
    eventful(stores.from.fixture.clone()).await;
    stores.run().await;
    let Fixture { balances, events, .. } = &stores.to.fixture;
    let newest = stores.to.fixture.all_events().await.expect("read").pop().expect("some");
    let status = ChainStatus::Halted("another".to_owned());
    let report = ChainReport { chain: CHAIN, status, head: None, head_time: None, processed: None };
    balances.report_chain(&report).await.expect("report");
    let next = events.events(newest.sequence, 10).await.expect("read");
    assert_eq!(
        next.iter().map(|event| event.sequence).collect::<Vec<_>>(),
        [newest.sequence.next()]
    );
    let [before, after] = [&stores.from, &stores.to].map(|store| store.fixture.events.clone());
    let delivered = before.delivered(&consumer("mail")).await.expect("read");
    assert!(delivered > EventSeq::START);
    assert_eq!(after.delivered(&consumer("mail")).await.expect("read"), delivered);
}

async fn what_persons_did_is_moved_and_its_numbers_go_on(stores: Move) {
    eventful(stores.from.fixture.clone()).await;
    stores.run().await;
    let before = stores.from.fixture.all_acts().await.expect("read");
    assert!(before.len() >= 4, "{before:?}");
    stores.to.fixture.balances.pause_chain(CHAIN, &operator()).await.expect("pause");
    let mut after = stores.to.fixture.all_acts().await.expect("read");
    let last = after.split_off(before.len());
    let actions: Vec<_> = last.iter().map(|record| record.act.action.clone()).collect();
    assert_eq!((after, actions), (before, vec![Action::IMPORT_ARCHIVE, Action::PAUSE_CHAIN]));
    let all = stores.to.fixture.all_acts().await.expect("read");
    assert!(all.is_sorted_by(|lower, upper| lower.number < upper.number), "{all:?}");
}

/// With all that reaches a programme, also from a wider scope.
async fn decisions_are_moved_and_their_numbers_go_on(stores: Move) {
    let world = eventful(stores.from.fixture.clone()).await;
    stores.run().await;
    let accounts: Vec<_> = (1..=9).map(account).collect();
    let late = ProgrammeId::new(token(), "late").expect("a name");
    for id in [&world.programme().id, &late] {
        let mut seen = Vec::new();
        for store in [&stores.from, &stores.to] {
            let points = &store.fixture.points;
            let entries = points.entries(id, &accounts).await.expect("read");
            assert!(!entries.is_empty());
            let decisions = points.decisions(id, None, 99).await.expect("read");
            let states = points.programmes(token()).await.expect("read");
            seen.push((entries, decisions, states));
        }
        assert_eq!(seen[0], seen[1], "{id}");
    }
    let (scope, from) = (Scope::All, Some(at(99 * HOUR)));
    let later = Decision { scope, from, measure: Measure::Suspend(vec![account(9)]) };
    let [one, other] = [&stores.from, &stores.to].map(|store| store.fixture.points.clone());
    let one = one.decide(&later, &operator()).await.expect("a valid decision");
    let other = other.decide(&later, &operator()).await.expect("a valid decision");
    assert_eq!(one, other);
}

/// Its digest names the archive, and finds the file again.
async fn an_import_leaves_who_took_over_which_archive(stores: Move) {
    eventful(stores.from.fixture.clone()).await;
    let archive = stores.from.export().await;
    let (by, expected) = (operator_because("a new server"), summary(&archive).await);
    stores.to.archive.import(&mut archive.clone(), &by).await.expect("import");
    let object = AuditObject::archive(expected.digest);
    let query = AuditQuery { object: Some(object), ..AuditQuery::newest(9) };
    let found = stores.to.fixture.audit.audit(&query).await.expect("read");
    let [AuditRecord { by: found_by, act, .. }] = &found[..] else { panic!("{found:?}") };
    assert_eq!((found_by, &act.action, &act.before), (&by, &Action::IMPORT_ARCHIVE, &None));
    let after = serde_json::to_value(&act.after).expect("it has a text");
    assert_eq!(after, serde_json::to_value(&expected).expect("it has a text"));
}

async fn what_persons_stopped_stays_stopped(stores: Move) {
    eventful(stores.from.fixture.clone()).await;
    stores.run().await;
    let balances = &stores.to.fixture.balances;
    let chain = balances.chain(ChainId::new(6)).await.expect("read").expect("it was moved");
    assert_eq!(chain.status, ChainStatus::Paused(None));
    let token = balances.token(other()).await.expect("read").expect("it was moved");
    let why = || "a test".to_owned();
    let both = TokenStatus::PausedAndHalted { pause: Some(why()), halt: why() };
    assert_eq!(token.status, both);
    let chain = balances.chain(ChainId::new(7)).await.expect("read").expect("it was moved");
    assert_eq!(chain.status, ChainStatus::PausedAndHalted { pause: None, halt: why() });
}

/// After a reorg below what was settled, more blocks and settlements, both stores are equal.
async fn an_imported_ledger_goes_on_as_the_original_would(stores: Move) {
    let mut world = eventful(stores.from.fixture.clone()).await;
    stores.run().await;
    let mut moved = world.moved(stores.to.fixture.clone());
    world.chain.fork_at(3);
    world.mine(2_000, &[(Some(6), Some(22), tokens(10)), (Some(1), Some(2), tokens(3))]);
    world.confirm(5 * HOUR);
    for world in [&mut world, &mut moved] {
        world.run().await;
        settle_again(world).await;
    }
    assert!(world.reorgs().await.expect("read") > 1);
    let of_original = stores.from.export().await;
    let of_copy = stores.to.export().await.without_imports();
    assert_eq!(of_original, of_copy);
    assert_eq!(moved.digest().await.totals, world.oracle().totals);
}
