//! Which faults a seed has, and how often.

use std::time::Duration;

use pledge_core::indexer::{Finality, IndexerConfig};
use pledge_core::points::SettlerConfig;
use pledge_core::types::{ShardCount, WindowLength};

use super::dice::Dice;

/// Faults in a thousand calls, or in a thousand ticks. A class that is off is 0.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Faults {
    pub(super) crash: u64,
    pub(super) lost_write: u64,
    pub(super) unknown_write: u64,
    pub(super) failed_read: u64,
    pub(super) failed_batch: u64,
    pub(super) forget_pending: u64,
    pub(super) stale_pending: u64,
    pub(super) failed_call: u64,
    pub(super) breach: u64,
    pub(super) short_range: u64,
    pub(super) lagging_head: u64,
    pub(super) false_head: u64,
    pub(super) false_time: u64,
    /// False times that only the next block disproves. Where they are drawn the chain has no forks,
    /// which could replace that block.
    pub(super) late_time: u64,
    pub(super) refused_telling: u64,
    /// Another instance takes back what is ahead before what is behind is added.
    pub(super) taken_back: u64,
    pub(super) world: u64,
}

impl Faults {
    /// Whether every report reaches the store.
    pub(super) const fn is_store_well(&self) -> bool {
        self.lost_write == 0 && self.unknown_write == 0 && self.failed_read == 0
    }
}

/// Weights of the events outside of the processes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Weather {
    pub(super) mine: u64,
    pub(super) fork: u64,
    pub(super) deep_fork: u64,
    pub(super) retime: u64,
    pub(super) rebirth: u64,
    pub(super) shrink: u64,
    pub(super) show_head: u64,
    pub(super) finality: u64,
    pub(super) people: u64,
    pub(super) clock: u64,
    /// A process's connection to its node is cut, or restored.
    pub(super) cut: u64,
    /// A process's node stops following the chain, or follows it again.
    pub(super) view: u64,
    /// A process's node gives its old blocks of another branch, or its own again.
    pub(super) old: u64,
    /// A fork deeper than headers are held, on which one of the machines behind a process's node stays
    /// behind, or catches up.
    pub(super) torn: u64,
    pub(super) overdraft: u64,
    /// The block that halts a token is replaced.
    pub(super) undo: u64,
}

impl Weather {
    /// Whether a node may answer with blocks of two branches.
    pub(super) const fn mixes_branches(&self) -> bool {
        self.old > 0 || self.torn > 0
    }
}

/// All that a seed decides before the first tick.
#[derive(Debug, Clone, Copy)]
pub(super) struct Swarm {
    pub(super) faults: Faults,
    pub(super) weather: Weather,
    pub(super) ticks: u64,
    pub(super) instances: usize,
    pub(super) shared_pending: bool,
    pub(super) indexer: IndexerConfig,
    /// The configuration of the second process, which may hold more headers and wait for more
    /// confirmations.
    pub(super) second: IndexerConfig,
    pub(super) settler: SettlerConfig,
    pub(super) shards: ShardCount,
    pub(super) window: WindowLength,
    pub(super) tell_at_once: usize,
    /// Whether the logs of contracts are kept too.
    pub(super) keeps_logs: bool,
}

/// How far a block's time may be ahead of a process's clock.
pub(super) const CLOCK_SLACK: Duration = Duration::from_secs(900);

/// Another configuration over the same store. It keeps what the first promises: it confirms nothing
/// earlier.
fn second(dice: &mut Dice, first: &IndexerConfig) -> IndexerConfig {
    let more = dice.below(4);
    let finality = match first.finality {
        Finality::Depth(depth) => Finality::Depth(depth + more),
        Finality::Finalized => Finality::Finalized,
    };
    let retained_headers = first.retained_headers + more;
    IndexerConfig { finality, retained_headers, slice_blocks_max: dice.between(1, 9), ..*first }
}

impl Swarm {
    pub(super) fn draw(dice: &mut Dice) -> Self {
        let rarely = dice.chance(100);
        let mut class = |most: u64| if dice.chance(500) { dice.between(1, most + 1) } else { 0 };
        let faults = Faults {
            crash: class(60),
            lost_write: class(150),
            unknown_write: class(200),
            failed_read: class(60),
            failed_batch: class(200),
            forget_pending: class(300),
            stale_pending: class(300),
            failed_call: class(100) * if rarely { 6 } else { 1 },
            breach: class(60),
            short_range: class(400),
            lagging_head: class(250),
            false_head: class(150),
            false_time: class(100),
            late_time: 0,
            refused_telling: class(300),
            taken_back: 0,
            world: 40 + class(200),
        };
        let weather = Weather {
            mine: 30,
            fork: class(12),
            deep_fork: class(4) / 2,
            retime: class(8),
            rebirth: class(12),
            shrink: class(4),
            show_head: class(8),
            finality: 4 + class(10),
            people: 2 + class(5),
            clock: 2 + class(10),
            cut: class(6),
            view: class(6),
            old: 0,
            torn: 0,
            overdraft: class(150),
            undo: class(8),
        };
        if dice.chance(100) {
            return Self::of_late_times(faults, weather, dice);
        }
        Self { faults, weather, ..Self::bounds(dice) }
    }

    /// What came later draws by dice of its own, so that a seed without it plays what it played before.
    pub(super) fn draw_more(&mut self, dice: &mut Dice) {
        if self.faults.late_time > 0 {
            return;
        }
        self.weather.old = if dice.chance(400) { dice.between(2, 12) } else { 0 };
        self.faults.taken_back = if dice.chance(300) { dice.between(20, 300) } else { 0 };
        if dice.chance(300) {
            self.weather.torn = dice.between(2, 12);
            // Only what is registered late is far behind, where two branches can meet.
            self.weather.people += 6;
        }
    }

    /// Blocks are committed with times later than their own, which only their successors disprove.
    fn of_late_times(faults: Faults, weather: Weather, dice: &mut Dice) -> Self {
        let faults = Faults { false_time: 0, late_time: dice.between(10, 300), ..faults };
        let (fork, deep_fork, retime) = (0, 0, 0);
        let (rebirth, shrink, view, undo) = (0, 0, 0, 0);
        let weather = Weather { fork, deep_fork, retime, rebirth, shrink, view, undo, ..weather };
        let mut swarm = Self { faults, weather, ..Self::bounds(dice) };
        // Every header is read: a time in the middle of a range with gaps has no successor.
        swarm.indexer.retained_headers = 1_000;
        // The fewer blocks are pending, the fewer are read twice.
        swarm.indexer.finality = Finality::Depth(dice.below(2));
        swarm.second.finality = swarm.indexer.finality;
        swarm.second.retained_headers = 1_000;
        swarm
    }

    fn bounds(dice: &mut Dice) -> Self {
        let depth = dice.below(5);
        let finality = if dice.chance(250) { Finality::Finalized } else { Finality::Depth(depth) };
        let retained_headers = depth + dice.pick(&[(1, 2), (1, 5), (1, 10), (1, 24)]);
        let slice_blocks_max = dice.between(1, 9);
        let clock_slack = Some(CLOCK_SLACK);
        let indexer = IndexerConfig { finality, retained_headers, slice_blocks_max, clock_slack };
        let second = if dice.chance(500) { indexer } else { second(dice, &indexer) };
        let shards = ShardCount::new(
            [1, 2, 4, 16][usize::from(dice.chance(700)) + usize::from(dice.chance(300))],
        );
        let window = WindowLength::new(dice.pick(&[(2, 3_600), (1, 600), (1, 7_200)]));
        Self {
            faults: Faults::default(),
            weather: Weather::calm(),
            ticks: dice.between(150, 900),
            instances: dice.pick(&[(1, 1), (1, 2)]),
            shared_pending: dice.chance(500),
            indexer,
            second,
            settler: SettlerConfig {
                batch_accounts_max: dice.pick(&[(1, 1), (2, 2), (1, 5)]),
                batch_changes_max: dice.pick(&[(1, 1), (1, 2), (2, 7), (1, 1_000)]),
                windows_max: dice.pick(&[(1, 1), (2, 3), (1, 100)]),
                attempts_max: 2,
            },
            shards: shards.expect("powers of two"),
            window: window.expect("within a year"),
            tell_at_once: dice.pick(&[(1, 1), (2, 3), (1, 100)]),
            keeps_logs: dice.chance(700),
        }
    }
}

impl Swarm {
    /// No faults, one process: for a scenario that is played step by step.
    pub(super) fn quiet() -> Self {
        let indexer = IndexerConfig {
            finality: Finality::Depth(3),
            retained_headers: 16,
            slice_blocks_max: 5,
            clock_slack: Some(CLOCK_SLACK),
        };
        let settler = SettlerConfig {
            batch_accounts_max: 2,
            batch_changes_max: 5,
            windows_max: 3,
            attempts_max: 2,
        };
        let shards = ShardCount::new(2).expect("a power of two");
        let bounds = Self::bounds(&mut Dice::new(0));
        let keeps_logs = true;
        Self { instances: 1, indexer, second: indexer, settler, shards, keeps_logs, ..bounds }
    }
}

impl Weather {
    const fn calm() -> Self {
        Self {
            mine: 1,
            fork: 0,
            deep_fork: 0,
            retime: 0,
            rebirth: 0,
            shrink: 0,
            show_head: 0,
            finality: 0,
            people: 0,
            clock: 0,
            cut: 0,
            view: 0,
            old: 0,
            torn: 0,
            overdraft: 0,
            undo: 0,
        }
    }
}
