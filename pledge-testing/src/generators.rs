//! Random histories of a chain and of the engine.

use std::collections::BTreeMap;

use pledge_core::points::{Decision, Measure, Scope};
use pledge_core::types::{Amount, WeightBp};
use proptest::collection::vec;
use proptest::prelude::*;

use super::world::{CHAIN, CONFIRMATIONS, World, account, at, token};

/// One step of a history.
#[derive(Debug, Clone)]
pub enum Step {
    /// A block some seconds after the last, with transfers.
    Mine(u64, Vec<Move>),
    /// A fork: this many of the newest blocks are dropped, as many are mined again empty, and one
    /// more.
    Fork(u64),
    /// The indexer runs until it rests.
    Index,
    /// The settler runs, for at most this many batches.
    Settle(u64),
    /// A person decides, which may be refused.
    Decide(Choice),
}

/// A decision by choice: what, about whom, how much, and from when on.
#[derive(Debug, Clone)]
pub struct Choice {
    kind: u8,
    accounts: Vec<u64>,
    basis_points: u32,
    scope: u8,
    from: Begins,
    /// Seconds that weights last.
    lasts: Option<u64>,
}

/// From when on a decision holds.
#[derive(Debug, Clone, Copy)]
enum Begins {
    /// The store decides.
    Earliest,
    /// Seconds after 15:00.
    At(u64),
    /// Seconds after the newest block.
    Ahead(u64),
}

/// A transfer by choice: sender, receiver, and which part of the sender's balance. It is valid on
/// any branch, since the amount is computed from the balance; a transfer to oneself may be of more.
#[derive(Debug, Clone, Copy)]
pub struct Move {
    kind: u8,
    from: u64,
    to: u64,
    part: u64,
    /// The rank of its log among those of its block.
    place: u8,
}

/// Accounts in a random history.
pub const ACCOUNTS: u64 = 9;

/// A transfer: 3 in 9 are mints, 1 in 9 a burn, 1 in 9 to oneself; zero amounts occur. Half of them
/// have their logs in another order than that in which they are valid one by one.
pub fn moves() -> impl Strategy<Value = Move> {
    let place = prop_oneof![Just(0_u8), any::<u8>()];
    (0_u8..9, 1..=ACCOUNTS, 1..=ACCOUNTS, 0_u64..=1_000, place)
        .prop_map(|(kind, from, to, part, place)| Move { kind, from, to, part, place })
}

/// A block: often in the same second, sometimes hours later.
pub fn mine() -> impl Strategy<Value = Step> {
    let later = prop_oneof![
        3 => Just(0_u64),
        6 => 1_u64..900,
        2 => 900_u64..4_000,
        1 => Just(3_600_u64),
        1 => 4_000_u64..40_000,
    ];
    (later, vec(moves(), 0..4)).prop_map(|(later, moves)| Step::Mine(later, moves))
}

/// A decision. Suspensions are begun more often than ended, and some accounts are left alone.
fn choices(from: impl Strategy<Value = Begins>) -> impl Strategy<Value = Choice> {
    let value = prop_oneof![Just(0_u32), Just(10_000), 1_u32..40_000];
    let accounts = proptest::collection::btree_set(1..ACCOUNTS, 1..4);
    let lasts = prop::option::weighted(0.3, 1_u64..30_000);
    (0_u8..12, accounts, value, 0_u8..3, from, lasts).prop_map(
        |(kind, accounts, basis_points, scope, from, lasts)| Choice {
            kind,
            accounts: accounts.into_iter().collect(),
            basis_points,
            scope,
            from,
            lasts,
        },
    )
}

/// Decisions before anything is settled, and blocks after them.
pub fn decided_blocks(max: usize) -> impl Strategy<Value = Vec<Step>> {
    let decide = choices((0_u64..60_000).prop_map(Begins::At)).prop_map(Step::Decide);
    (vec(decide, 0..8), blocks(max)).prop_map(|(decisions, blocks)| [decisions, blocks].concat())
}

/// Any step: forks reach well below the confirmed block.
pub fn steps(max: usize) -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        10 => mine(),
        1 => (1..CONFIRMATIONS + 12).prop_map(Step::Fork),
        3 => Just(Step::Index),
        2 => (0_u64..6).prop_map(Step::Settle),
        2 => choices(prop_oneof![
            2 => Just(Begins::Earliest),
            1 => (0_u64..60_000).prop_map(Begins::At),
            2 => (0_u64..20_000).prop_map(Begins::Ahead),
        ])
        .prop_map(Step::Decide),
    ];
    vec(step, 1..max)
}

/// A history without forks.
pub fn blocks(max: usize) -> impl Strategy<Value = Vec<Step>> {
    vec(mine(), 1..max)
}

impl World {
    /// Mines a random block on the current branch.
    pub fn mine_moves(&self, later: u64, moves: &[Move]) {
        let mut balances = self.branch_balances();
        let mut transfers: Vec<_> = moves
            .iter()
            .map(|choice| {
                let held = balances.get(&choice.from).copied().unwrap_or_default();
                let part = held / 1_000 * choice.part;
                let (from, to, amount) = match choice.kind {
                    0..3 => (None, Some(choice.to), choice.part),
                    3 => (Some(choice.from), None, part),
                    8 => (Some(choice.from), Some(choice.from), choice.part * 9),
                    _ => (Some(choice.from), Some(choice.to), part),
                };
                if from != to {
                    from.inspect(|from| *balances.entry(*from).or_default() -= amount);
                    to.inspect(|to| *balances.entry(*to).or_default() += amount);
                }
                (choice.place, (from, to, Amount::from(amount)))
            })
            .collect();
        transfers.sort_by_key(|(place, _)| *place);
        let transfers: Vec<_> = transfers.into_iter().map(|(_, transfer)| transfer).collect();
        let seconds = self.chain.head().time.get() + later;
        self.mine(seconds.saturating_sub(super::world::THREE_PM), &transfers);
    }

    /// What a person decides by choice.
    pub fn decision(&self, choice: &Choice) -> Decision {
        let from = match choice.from {
            Begins::Earliest => None,
            Begins::At(seconds) => Some(at(seconds)),
            Begins::Ahead(seconds) => self.chain.head().time.checked_add(seconds),
        };
        let accounts: Vec<_> = choice.accounts.iter().map(|number| account(*number)).collect();
        let value = WeightBp::new(choice.basis_points).expect("below 2^24");
        let rows = || accounts.iter().map(|account| (*account, value)).collect();
        let of_programme = Scope::Programme(self.programme().id.clone());
        let wide = match choice.scope {
            0 => Scope::Token(token()),
            1 => Scope::Chain(CHAIN),
            _ => Scope::All,
        };
        let (scope, measure) = match choice.kind {
            0..4 => {
                let until = from.zip(choice.lasts);
                let until = until.and_then(|(from, lasts)| from.checked_add(lasts));
                (of_programme, Measure::Weights { rows: rows(), until })
            }
            4..7 => {
                let name = if choice.scope == 0 { "early" } else { "loyal" };
                let set = name.parse().expect("a short name");
                (of_programme, Measure::BonusSet { set, rows: rows() })
            }
            7..9 => (wide, Measure::Suspend(accounts)),
            9 => (wide, Measure::Reinstate(accounts)),
            10 => (Scope::Token(token()), Measure::Exclude(accounts)),
            _ => (Scope::Token(token()), Measure::Include(accounts)),
        };
        let is_from_start = matches!(measure, Measure::Exclude(_) | Measure::Include(_));
        Decision { scope, from: from.filter(|_| !is_from_start), measure }
    }

    /// Replaces the newest blocks: a longer branch that is empty so far.
    pub fn fork(&self, depth: u64) {
        let head = self.chain.head();
        let ancestor = head.number.get().saturating_sub(depth);
        self.chain.fork_at(ancestor);
        while self.chain.head().number <= head.number {
            let later = self.chain.head().time.get() + 7;
            self.mine(later.saturating_sub(super::world::THREE_PM), &[]);
        }
    }

    fn branch_balances(&self) -> BTreeMap<u64, u64> {
        let mut balances = BTreeMap::<u64, i64>::new();
        for (_, transfer) in self.chain.transfers() {
            let amount = i64::try_from(transfer.amount.get()).expect("random amounts are small");
            for number in 1..=ACCOUNTS {
                let address = account(number).address();
                if transfer.from == address {
                    *balances.entry(number).or_default() -= amount;
                }
                if transfer.to == address {
                    *balances.entry(number).or_default() += amount;
                }
            }
        }
        let held = |balance| u64::try_from(balance).expect("above zero at the end of a block");
        balances.into_iter().map(|(number, balance)| (number, held(balance))).collect()
    }
}
