//! Many kills over one database, and what is left of it.

use std::time::Instant;

use pledge_core::event::EventSeq;
use pledge_server::stores::Stores;
use pledge_server::verify::Verdict;
use pledge_server::wire;

use super::super::chains::{Engine, Setup};
use super::backend::Backend;
use super::market::Market;
use super::pace::Pace;
use super::random::Random;
use super::round::{Round, Tally};
use super::sums::assert_adds_up;

/// Kills after which another program opens the database and adds it up.
const KILLS_PER_CHECK: u32 = 20;

/// One chain, one database, and process after process between them.
pub(super) struct Campaign<B> {
    backend: B,
    market: Market,
    setup: Setup,
    random: Random,
    pace: Pace,
    tally: Tally,
    /// Settlements that were finished at the last check.
    settled: usize,
}

impl<B: Backend> Campaign<B> {
    pub(super) async fn begin(backend: B, seed: u64) -> Self {
        println!("seed {seed}: PLEDGE_SEED={seed} chooses the same rounds");
        let mut random = Random::new(seed);
        let market = Market::open(&mut random).await;
        let setup = Setup::over(&backend.url(), &[&market.chain]).keeping_logs_of(&market.chain);
        let (pace, tally) = Default::default();
        Self { backend, market, setup, random, pace, tally, settled: 0 }
    }

    /// Panics if a kill left anything that a clean pass would not give.
    pub(super) async fn run(mut self, kills: u32) -> Tally {
        let begun = Instant::now();
        while self.tally.kills < kills {
            self.round().await;
            if self.tally.kills.is_multiple_of(KILLS_PER_CHECK) {
                self.check().await;
            }
        }
        println!("{} in {:.1?}", self.tally, begun.elapsed());
        self.assert_exact().await;
        println!("exact, after {:.1?} in all", begun.elapsed());
        self.tally
    }

    async fn round(&mut self) {
        let round = Round::choose(&mut self.random);
        if round.forks_before {
            self.market.reorg().await;
        }
        self.pace.is_over.set(false);
        let life = round.play(&self.setup, &mut self.backend, &self.pace, &mut self.tally);
        tokio::join!(life, self.market.grow(&self.pace));
    }

    /// Checks what must hold at any instant. Processes that settled nothing since the last check were killed too
    /// early: on a busy machine they need longer for the same work.
    async fn check(&mut self) {
        let stores = self.open().await;
        assert_adds_up(&stores, self.market.chain.id).await;
        let settled = Written::of(&stores).await.settlements;
        stores.close().await;
        if std::mem::replace(&mut self.settled, settled) == settled {
            self.pace.slow_down();
        }
    }

    /// Lets a process run to the end and compares the state with the oracle and with the contract.
    async fn assert_exact(&mut self) {
        let stores = self.open().await;
        let Written { commits, rewinds, settlements } = Written::of(&stores).await;
        stores.close().await;
        let reorgs = self.market.reorgs;
        println!(
            "{commits} commits, {rewinds} rewinds, {settlements} settlements; {reorgs} reorgs on the chain"
        );
        assert!(
            commits > 0 && settlements > 0,
            "the processes were killed too early to have worked"
        );
        self.setup.run(&["index", "--until-head"]);
        self.setup.run(&["settle", "--until-settled"]);
        let engine = Engine::new(&self.setup.config(), self.open().await).await;
        let token = self.market.chain.id;
        let [every] = &engine.stores.logs.contracts(token.chain).await.unwrap()[..] else {
            panic!("one contract is followed");
        };
        let ledger = engine.stores.balances.token(token).await.unwrap().unwrap();
        assert_eq!(every.cursor, ledger.cursor, "the contract is as far as the ledger");
        assert_adds_up(&engine.stores, token).await;
        let (found, expected) = (engine.digest(token).await, engine.oracle(token).await);
        assert!(found == expected, "the state differs from the oracle's");
        assert_eq!(engine.verify().await[0].verdict, Verdict::Ok);
        engine.stores.close().await;
    }

    async fn open(&mut self) -> Stores {
        self.backend.has_forgotten_the_dead().await;
        wire::open(&self.setup.config().storage).await.unwrap()
    }
}

/// How often the killed processes wrote to the ledger, took it back and finished a settlement.
struct Written {
    commits: usize,
    rewinds: usize,
    settlements: usize,
}

impl Written {
    async fn of(stores: &Stores) -> Self {
        let events = stores.events.events(EventSeq::START, 1_000_000).await.unwrap();
        let count = |kind: &str| events.iter().filter(|event| event.event.kind() == kind).count();
        Self {
            commits: count("confirmed"),
            rewinds: count("reorged"),
            settlements: count("settled"),
        }
    }
}
