//! The worked cases through HTTP, over both stores: raw points and scale equal the fraction.

use std::sync::Arc;

use pledge_core::points::Programme;
use pledge_core::primitives::U512;
use pledge_core::simulation::ScriptedChain;
use pledge_core::types::{Amount, Rate, RateSchedule, Step, TokenId};
use pledge_storage_memory::MemoryPending;
use pledge_storage_sqlite::SqliteStore;
use serde_json::Value;

use crate::support::{
    ALICE, BOB, CONFIRMATIONS, Stores, World, account_path, mint, time, token_path, transfer, whole,
};
use crate::worlds::{HOUR, MINUTE, OTHER_TOKEN, THREE_PM, TOKEN};

/// One chain with one token at 0.05 an hour, over either store.
struct Case {
    world: World,
    chain: ScriptedChain,
    token: TokenId,
    _folder: tempfile::TempDir,
}

impl Case {
    async fn new(backend: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let stores = match backend {
            "memory" => Stores::in_memory(),
            _ => {
                let url = format!("sqlite:{}", folder.path().join("case.db").display());
                let store = Arc::new(SqliteStore::open(&url).await.expect("a fresh database"));
                let pending = Arc::new(MemoryPending::default());
                Stores::of(store, pending)
            }
        };
        let mut world = World::over(stores);
        let chain = world.chain(1, THREE_PM).await;
        let token = world.earning(1, TOKEN, 18, "0.05").await;
        Self { world, chain, token, _folder: folder }
    }

    /// Mines a block that mints to Alice, `seconds` after 15:00.
    fn gives(&self, seconds: u64, amount: Amount) {
        self.chain.mine(time(THREE_PM + seconds), &[mint(self.token, ALICE, amount)]);
    }

    /// Mines a block that burns from Alice, `seconds` after 15:00.
    fn takes(&self, seconds: u64, amount: Amount) {
        let burn = transfer(self.token, ALICE, Default::default(), amount);
        self.chain.mine(time(THREE_PM + seconds), &[burn]);
    }

    /// 100 at 15:10, 200 at 15:30.
    fn seed(&self, hour: u64) {
        self.gives(hour + 10 * MINUTE, whole(100));
        self.gives(hour + 30 * MINUTE, whole(100));
    }

    /// Settles up to `seconds` after 15:00 and returns Alice's account.
    async fn alice_at(&mut self, seconds: u64) -> Value {
        self.chain.mine(time(THREE_PM + seconds), &[]);
        self.world.confirm().await;
        self.world.settle(self.token).await;
        self.world.ok(&account_path(self.token, ALICE)).await
    }
}

fn number(value: &Value) -> U512 {
    value.as_str().and_then(|text| text.parse().ok()).expect("a decimal string")
}

/// The account's points are the fraction, to the last digit, and all of them are settled.
fn assert_points(account: &Value, numerator: u64, denominator: u64) {
    let (raw, scale) = (number(&account["points_raw"]), number(&account["points_scale"]));
    assert_eq!(raw * U512::from(denominator), scale * U512::from(numerator), "{account}");
    assert_eq!(account["points"], account["settled_points"]);
}

/// One test for each case and store.
macro_rules! cases {
    ($($name:ident)+) => {
        $(
            mod $name {
                #[tokio::test]
                async fn in_memory() {
                    super::plays::$name(super::Case::new("memory").await).await;
                }

                #[tokio::test]
                async fn in_sqlite() {
                    super::plays::$name(super::Case::new("sqlite").await).await;
                }
            }
        )+
    };
}

cases! {
    case_1_the_seed
    case_2_the_seed_cut_at_15_20_and_15_45
    case_3_all_sold_at_the_edge
    case_4_received_at_the_edge
    case_5_in_and_out_in_one_block
    case_6_another_rate_from_15_45
    case_8_three_days_of_outage
    case_9_a_reorg_of_the_15_30_block
    case_13_three_hours
    case_14_one_base_unit_for_a_year
    case_15_two_chains_with_different_decimals
    case_16_the_largest_balance
    case_17_more_sent_than_held
}

mod plays {
    use super::*;

    pub(super) async fn case_1_the_seed(mut case: Case) {
        case.seed(0);
        let alice = case.alice_at(HOUR).await;
        assert_points(&alice, 20, 3);
        assert_eq!(alice["points"], "6.666666666666666666");
    }

    pub(super) async fn case_2_the_seed_cut_at_15_20_and_15_45(mut case: Case) {
        case.gives(10 * MINUTE, whole(100));
        case.gives(20 * MINUTE, Amount::ZERO);
        case.gives(30 * MINUTE, whole(100));
        case.gives(45 * MINUTE, Amount::ZERO);
        assert_points(&case.alice_at(HOUR).await, 20, 3);
    }

    pub(super) async fn case_3_all_sold_at_the_edge(mut case: Case) {
        case.seed(0);
        case.takes(HOUR, whole(200));
        assert_points(&case.alice_at(2 * HOUR).await, 20, 3);
    }

    pub(super) async fn case_4_received_at_the_edge(mut case: Case) {
        case.gives(0, whole(200));
        assert_points(&case.alice_at(HOUR).await, 10, 1);
    }

    pub(super) async fn case_5_in_and_out_in_one_block(mut case: Case) {
        case.seed(0);
        let (million, at) = (whole(1_000_000), time(THREE_PM + 40 * MINUTE));
        let back = transfer(case.token, ALICE, BOB, million);
        case.chain.mine(at, &[mint(case.token, ALICE, million), back]);
        assert_points(&case.alice_at(HOUR).await, 20, 3);
    }

    pub(super) async fn case_6_another_rate_from_15_45(mut case: Case) {
        let rate = |text: &str| text.parse::<Rate>().expect("a rate");
        let step = Step { from: time(THREE_PM + 45 * MINUTE), value: rate("0.1") };
        let rates = RateSchedule::new(rate("0.05"), vec![step]).expect("one step");
        let programme = Programme { rates, ..Programme::main(case.token, rate("0.05")) };
        case.world.programme(&programme).await;
        case.seed(0);
        assert_points(&case.alice_at(HOUR).await, 55, 6);
    }

    pub(super) async fn case_8_three_days_of_outage(mut case: Case) {
        case.gives(0, whole(200));
        assert_points(&case.alice_at(72 * HOUR).await, 720, 1);
        let path = format!("/api/v1/settlements?token={}&chain_id=1", case.token.address);
        let settlements = case.world.walk(&path, 50).await;
        assert_eq!(settlements.len(), 72);
        assert!(settlements.iter().all(|one| one["points"] == "10" && one["status"] == "settled"));
    }

    pub(super) async fn case_9_a_reorg_of_the_15_30_block(mut case: Case) {
        case.seed(0);
        assert_points(&case.alice_at(HOUR).await, 20, 3);
        case.chain.fork_at(1);
        case.gives(30 * MINUTE, whole(50));
        for _ in 0..=CONFIRMATIONS {
            case.chain.mine(time(THREE_PM + HOUR), &[]);
        }
        assert_points(&case.alice_at(HOUR).await, 65, 12);
    }

    pub(super) async fn case_13_three_hours(mut case: Case) {
        for hour in [0, HOUR, 2 * HOUR] {
            case.seed(hour);
            case.takes(hour + HOUR, whole(200));
        }
        let alice = case.alice_at(3 * HOUR).await;
        assert_points(&alice, 20, 1);
        assert_eq!(alice["points"], "20");
    }

    pub(super) async fn case_14_one_base_unit_for_a_year(mut case: Case) {
        case.gives(0, Amount::from(1));
        let alice = case.alice_at(365 * 24 * HOUR).await;
        assert_points(&alice, 219, 500_000_000_000_000_000);
        assert_eq!(alice["points"], "0.000000000000000438");
    }

    /// 1000 of a token with 6 decimals for 30 minutes, 2 of one with 18 for 45 minutes elsewhere.
    pub(super) async fn case_15_two_chains_with_different_decimals(mut case: Case) {
        let other = case.world.chain(2, THREE_PM).await;
        let six = case.world.earning(2, OTHER_TOKEN, 6, "0.05").await;
        let thousand = Amount::from(1_000_000_000);
        other.mine(time(THREE_PM + 30 * MINUTE), &[mint(six, ALICE, thousand)]);
        other.mine(time(THREE_PM + HOUR), &[]);
        case.gives(15 * MINUTE, whole(2));
        case.alice_at(HOUR).await;
        let everywhere = case.world.ok(&format!("/api/v1/accounts/{ALICE}")).await;
        assert_eq!(everywhere["total_points"], "25.075", "1003/40: {everywhere}");
    }

    pub(super) async fn case_16_the_largest_balance(mut case: Case) {
        case.gives(0, Amount::MAX);
        let alice = case.alice_at(HOUR).await;
        let digits =
            "5789604461865809771178549250434395392663499233282028201972.879200395656481996";
        assert_eq!(alice["points"], digits);
        assert_eq!(alice["balance"], Amount::MAX.to_string());
    }

    pub(super) async fn case_17_more_sent_than_held(mut case: Case) {
        case.gives(0, whole(200));
        case.alice_at(MINUTE).await;
        let mut before = case.world.ok(&account_path(case.token, ALICE)).await;
        // Blocks above a halted token are not read.
        before["pending_balance"] = Value::Null;
        case.takes(2 * MINUTE, whole(201));
        let after = case.alice_at(HOUR).await;
        assert_eq!(after, before, "nothing was written");
        let token = case.world.ok(&token_path(case.token)).await;
        assert_eq!(token["status"], "halted");
        assert!(token["reason"].as_str().is_some_and(|why| why.contains("below zero")), "{token}");
    }
}
