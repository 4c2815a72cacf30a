//! What the dearest request of each route asks of a database.

use std::cmp::Reverse;
use std::sync::Arc;

use pledge_core::ledger::{AccountStates, Transfer, fold};
use pledge_core::points::{Programme, Settler, SettlerConfig};
use pledge_core::ports::{
    LedgerCommit, LedgerWrites, NewBlocks, PointsStore, Registry, TokenCommit,
};
use pledge_core::primitives::{Address, B256};
use pledge_core::query::{
    Bounds, ChainView, IntervalsAsked, Leaderboard, LeaderboardQuery, NamedAccount, Page,
    PageQuery, PointsHistory, Portfolio, ProgrammeChoice, Queries, SettlementFilter, SettlementId,
    SettlementStatus, SettlementView, StatementList, TokenView,
};
use pledge_core::stop::Stop;
use pledge_core::types::{
    BlockNumber, BlockRef, LogIndex, RateSchedule, ShardCount, Step, TokenId, WindowLength,
};
use pledge_storage_memory::MemoryPending;
use pledge_testing::world::{CHAIN, account, at, operator, spec, tokens};
use tempfile::TempDir;

use crate::counted::{Cost, Counter, counted};

const HOUR: u64 = 3_600;
const ACCOUNTS: u64 = 1_200;
const LIMIT: usize = 1_000;
const MAIN: ProgrammeChoice<'static> = ProgrammeChoice::Main;

/// What there is to read.
#[derive(Debug, Clone, Copy)]
struct Shape {
    tokens: u8,
    /// Those of them that are settled; of the others one batch is.
    settled: u8,
    /// How often the rate of each changes.
    steps: u64,
    blocks: u64,
}

const ONE: Shape = Shape { tokens: 1, settled: 1, steps: 0, blocks: 1_200 };

/// A chain, a block an hour, in which an account gets something of each token in every block, and
/// others in turn.
struct Stage {
    _folder: TempDir,
    counter: Counter,
    queries: Queries,
}

fn token_of(number: u8) -> TokenId {
    TokenId { chain: CHAIN, address: Address::repeat_byte(0x70 + number) }
}

fn block(number: u64) -> BlockRef {
    let hash = |number: u64| B256::left_padding_from(&number.to_be_bytes());
    BlockRef {
        number: BlockNumber::new(number),
        hash: hash(number),
        parent_hash: hash(number - 1),
        time: at(number * HOUR),
    }
}

fn mint(token: TokenId, number: u64, to: u64, log_index: u64) -> Transfer {
    Transfer {
        token: token.address,
        block: BlockNumber::new(number),
        log_index: LogIndex::new(log_index),
        tx_hash: B256::ZERO,
        from: Address::ZERO,
        to: account(to).address(),
        amount: tokens(1),
    }
}

/// A programme whose rate changes this many times, the last time before the chain's end.
fn programme(token: TokenId, steps: u64) -> Programme {
    let rate = |text: &str| text.parse().unwrap();
    let step = |number: u64| Step {
        from: at(number * HOUR + 1_800),
        value: if number.is_multiple_of(2) { rate("0.05") } else { rate("0.1") },
    };
    let rates = RateSchedule::new(rate("0.05"), (1..=steps).map(step).collect()).unwrap();
    let shards = ShardCount::default();
    Programme { rates, window: WindowLength::HOUR, shards, ..Programme::main(token, rate("1")) }
}

impl Stage {
    async fn new(Shape { tokens, settled, steps, blocks }: Shape) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (store, counter) = counted(&folder).await;
        store.register_chain(CHAIN, "test").await.unwrap();
        let mut commits = Vec::new();
        for token in (0..tokens).map(token_of) {
            let state = store.register_token(&spec(token)).await.unwrap();
            store.put_programme(&programme(token, steps), &operator()).await.unwrap();
            let mints = (1..=blocks).flat_map(|number| {
                [mint(token, number, 1, 0), mint(token, number, 1 + number % ACCOUNTS, 1)]
            });
            let mints: Vec<_> = mints.collect();
            let time_of = |transfer: &Transfer| block(transfer.block.get()).time;
            let folded = fold(state.totals, &mut AccountStates::default(), &mints, time_of);
            let folded = folded.unwrap();
            commits.push(TokenCommit {
                token,
                changes: folded.changes,
                unreadable_logs: Vec::new(),
                totals: folded.totals,
            });
        }
        let (first, tip) = (block(1), block(blocks));
        let blocks = NewBlocks {
            chain: CHAIN,
            base: None,
            confirmed_by: None,
            first,
            tip,
            headers: vec![first, tip],
            retain_from: tip.number,
        };
        store.commit(&LedgerCommit { blocks, tokens: commits }).await.unwrap();
        let store = Arc::new(store);
        let settler = Settler::new(store.clone(), store.clone(), SettlerConfig::default());
        for token in (0..settled).map(token_of) {
            settler.run(token, &Stop::never(), |_| {}).await.unwrap();
        }
        for token in (settled..tokens).map(token_of) {
            let stop = Stop::never();
            settler.run(token, &stop, |_| stop.request()).await.unwrap();
        }
        let pending = Arc::new(MemoryPending::default());
        let queries = Queries::new(store.clone(), store.clone(), store.clone(), pending);
        Self { _folder: folder, counter, queries }
    }

    /// What a request asks; it has an answer.
    async fn cost<T, E: std::fmt::Debug>(
        &self,
        request: impl Future<Output = Result<T, E>>,
    ) -> Cost {
        self.counter.take();
        request.await.unwrap();
        self.counter.take()
    }

    async fn costs(&self) -> Vec<(&'static str, Cost)> {
        let (queries, token, account) = (&self.queries, token_of(0), account(1));
        fn page<P>() -> PageQuery<P> {
            PageQuery { after: None, limit: LIMIT }
        }
        let board = || LeaderboardQuery { token, programme: MAIN, page: page() };
        let by_balance = LeaderboardQuery { token, programme: MAIN, page: page() };
        let hours = Bounds { from: Some(at(HOUR)), to: None, bucket: HOUR };
        let hours = IntervalsAsked::Bounds(hours);
        let programme = programme(token, 0).id;
        let settlement = SettlementId { programme, window_start: at(HOUR) };
        vec![
            ("chains", self.cost(ChainView::list(queries, page())).await),
            ("chain", self.cost(ChainView::read(queries, CHAIN)).await),
            ("tokens", self.cost(TokenView::list(queries, CHAIN, MAIN, page())).await),
            ("token", self.cost(TokenView::read(queries, token, MAIN)).await),
            ("by points", self.cost(Leaderboard::by_points(queries, &board())).await),
            ("by balance", self.cost(Leaderboard::by_balance(queries, &by_balance)).await),
            ("account", self.cost(NamedAccount::read(queries, token, account, MAIN, None)).await),
            (
                "account at",
                self.cost(NamedAccount::read(
                    queries,
                    token,
                    account,
                    MAIN,
                    Some(at(1_000 * HOUR)),
                ))
                .await,
            ),
            ("changes", self.cost(Page::read(queries, token, account, page())).await),
            (
                "points",
                self.cost(PointsHistory::read(queries, token, account, MAIN, hours, LIMIT)).await,
            ),
            (
                "statements",
                self.cost(StatementList::read(queries, token, account, MAIN, page())).await,
            ),
            ("portfolio", self.cost(Portfolio::read(queries, account, MAIN)).await),
            (
                "settlements",
                self.cost(SettlementView::list(queries, &SettlementFilter::default(), &page()))
                    .await,
            ),
            ("settlement", self.cost(SettlementView::read(queries, &settlement)).await),
        ]
    }
}

/// Statements and rows of each route, by the limits and bounds that ask most: with one token, with
/// three, and with one whose rate has changed a thousand times.
const MOST: [(&str, [(usize, usize); 3]); 14] = [
    ("chains", [(10, 22), (18, 62), (10, 22)]),
    ("chain", [(10, 22), (18, 62), (10, 22)]),
    ("tokens", [(7, 21), (17, 61), (7, 21)]),
    ("token", [(5, 19), (5, 19), (5, 19)]),
    ("by points", [(18, 2_039), (18, 2_039), (18, 2_039)]),
    ("by balance", [(18, 2_039), (18, 2_039), (18, 2_039)]),
    ("account", [(21, 62), (21, 62), (52, 2_109)]),
    ("account at", [(22, 64), (22, 64), (52, 2_109)]),
    ("changes", [(3, 1_003), (3, 1_003), (3, 1_003)]),
    ("points", [(41, 2_071), (41, 2_071), (73, 3_047)]),
    ("statements", [(21, 1_076), (21, 1_076), (21, 1_076)]),
    ("portfolio", [(24, 65), (68, 193), (55, 2_112)]),
    ("settlements", [(21, 1_995), (45, 2_782), (21, 1_995)]),
    ("settlement", [(15, 42), (15, 42), (15, 42)]),
];

#[tokio::test]
async fn no_route_asks_more_than_is_known_of_it() {
    let shapes = [ONE, Shape { tokens: 3, settled: 3, ..ONE }, Shape { steps: 1_000, ..ONE }];
    for (case, shape) in shapes.into_iter().enumerate() {
        let stage = Stage::new(shape).await;
        let costs = stage.costs().await;
        for ((route, Cost { statements, rows }), (name, most)) in costs.into_iter().zip(MOST) {
            let (statements_max, rows_max) = most[case];
            assert!(
                route == name && statements <= statements_max && rows <= rows_max,
                "{route}: {statements} statements, {rows} rows; {name}: {:?}",
                most[case]
            );
        }
    }
}

#[tokio::test]
async fn a_chain_that_is_twice_as_long_costs_no_route_more() {
    let (short, long) = (Stage::new(ONE).await, Stage::new(Shape { blocks: 2_400, ..ONE }).await);
    assert_eq!(short.costs().await, long.costs().await);
}

async fn settlements(
    queries: &Queries,
    filter: &SettlementFilter<'_>,
    limit: usize,
) -> Vec<SettlementView> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let query = PageQuery { after, limit };
        let page = SettlementView::list(queries, filter, &query).await.unwrap();
        all.extend(page.items);
        after = page.next;
        if after.is_none() {
            return all;
        }
    }
}

#[tokio::test]
async fn a_list_of_settlements_is_that_of_each_programme_merged_whatever_its_pages() {
    let stage = Stage::new(Shape { tokens: 3, settled: 2, ..ONE }).await;
    let statuses = [None, Some(SettlementStatus::Settled), Some(SettlementStatus::Pending)];
    for status in statuses {
        let mut merged = Vec::new();
        for token in (0..3).map(token_of) {
            let filter =
                SettlementFilter { token: Some(token.address), status, ..Default::default() };
            merged.extend(settlements(&stage.queries, &filter, 10_000).await);
        }
        let place = |view: &SettlementView| {
            let id = SettlementId::of(&view.settlement);
            (Reverse(id.window_start), id.programme)
        };
        merged.sort_by_key(place);
        assert!(!merged.is_empty(), "none is {status:?}");
        let filter = SettlementFilter { status, ..Default::default() };
        for limit in [97, 1_000, 10_000] {
            assert_eq!(settlements(&stage.queries, &filter, limit).await, merged, "by {limit}");
        }
    }
}
