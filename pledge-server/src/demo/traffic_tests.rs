use proptest::prelude::*;

use super::*;

const TICKS: usize = 120;

/// The chain that some ticks leave: its blocks, ascending.
fn play(traffic: &mut Traffic, ticks: usize) -> Vec<Vec<Move>> {
    let mut chain: Vec<Vec<Move>> = Vec::new();
    for _ in 0..ticks {
        let tick = traffic.tick();
        chain.truncate(chain.len() - usize::try_from(tick.dropped).unwrap());
        chain.extend(tick.blocks);
    }
    chain
}

/// What the blocks leave to each account; `None` if one of them spends what it does not hold.
fn fold(chain: &[Vec<Move>]) -> Option<BTreeMap<Account, u64>> {
    let mut balances: BTreeMap<Account, u64> = BTreeMap::new();
    for Move { from, to, cents } in chain.iter().flatten() {
        if let Some(from) = from {
            let held = balances.entry(*from).or_default();
            *held = held.checked_sub(*cents)?;
        }
        if let Some(to) = to {
            *balances.entry(*to).or_default() += cents;
        }
    }
    Some(balances)
}

fn held(mut balances: BTreeMap<Account, u64>) -> BTreeMap<Account, u64> {
    balances.retain(|_, cents| *cents > 0);
    balances
}

fn market(seed: u64) -> Traffic {
    Traffic::new(seed, 20, 4..=12)
}

fn config() -> ProptestConfig {
    ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn nobody_spends_what_they_do_not_hold_on_any_branch(seed: u64) {
        let mut traffic = market(seed);
        let chain = play(&mut traffic, TICKS);
        let balances = fold(&chain);
        prop_assert!(balances.is_some());
        prop_assert_eq!(balances.map(held), Some(held(traffic.balances)));
    }

    #[test]
    fn the_same_seed_plays_the_same_chain(seed: u64) {
        prop_assert_eq!(play(&mut market(seed), TICKS), play(&mut market(seed), TICKS));
    }

    #[test]
    fn every_tick_ends_one_block_higher(seed: u64) {
        let mut traffic = market(seed);
        for _ in 0..TICKS {
            let tick = traffic.tick();
            prop_assert_eq!(tick.blocks.len() as u64, tick.dropped + 1);
        }
    }

    #[test]
    fn shallow_and_deep_forks_come_and_no_other(seed: u64) {
        let mut traffic = market(seed);
        play(&mut traffic, 50);
        let depths = (0..TICKS).map(|_| traffic.tick().dropped).filter(|dropped| *dropped > 0);
        let (shallow, deep): (Vec<u64>, Vec<u64>) = depths.partition(|d| SHALLOW.contains(d));
        prop_assert!(!shallow.is_empty() && !deep.is_empty());
        prop_assert!(deep.iter().all(|depth| DEEP.contains(depth)), "{deep:?}");
    }

    #[test]
    fn a_branch_that_was_undone_left_nothing(seed: u64, blocks in 0..=UNDO_BLOCKS_MAX) {
        let mut traffic = market(seed);
        play(&mut traffic, 50);
        let before = held(traffic.balances.clone());
        for _ in 0..blocks {
            traffic.block();
        }
        prop_assert_eq!(traffic.undo(blocks), blocks);
        prop_assert_eq!(held(traffic.balances), before);
    }
}

#[test]
fn another_seed_plays_another_chain() {
    assert_ne!(play(&mut market(1), 5), play(&mut market(2), 5));
}

#[test]
fn a_fork_that_drops_more_than_is_kept_drops_what_is_kept() {
    let mut traffic = market(1);
    play(&mut traffic, 3);
    assert_eq!(traffic.undo(10), 3);
}
