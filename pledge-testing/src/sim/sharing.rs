//! Instances that share chains by leases, second by second: after any faults, a chain is followed
//! if one of the instances can follow it.

use std::time::Duration;

use pledge_core::sharing::{Ability, Assignment, InstanceId, Lease, Stillness};
use pledge_core::types::ChainId;

use super::check::Verdict;
use super::counters::Counters;
use super::dice::Dice;

const CHAINS: [ChainId; 2] = [ChainId::new(1), ChainId::new(2)];
const LASTS: u64 = 9;
const LEASE: Duration = Duration::from_secs(LASTS);
const RENEW: u64 = 3;
const TIMEOUT: u64 = 30;
const STORM: u64 = 200;
/// Time to notice the effects of the storm: three leases of silence, one that ends, one probe.
const SETTLES: u64 = 90;
const END: u64 = STORM + SETTLES + 40;

/// The fate of a request to a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Open,
    Cut,
    Silent,
}

#[derive(Debug)]
struct Member {
    whole: Lease,
    is_alive: bool,
    ways: [Way; 2],
    share: Assignment,
    renewed: u64,
    abilities: [Ability; 2],
    stillness: [Stillness<u64>; 2],
    probed: [u64; 2],
    /// The time until which an unanswered request is waited for, whichever instance holds the
    /// chain.
    asks_until: [Option<u64>; 2],
}

/// The store of the leases, with a clock of its own.
#[derive(Debug, Default)]
struct Table {
    held: Vec<(Lease, u64)>,
    clock: u64,
    is_away: bool,
}

impl Table {
    fn renew(&mut self, lease: &Lease) -> Option<Vec<Lease>> {
        if self.is_away {
            return None;
        }
        let now = self.clock;
        self.held.retain(|(held, end)| *end > now && held.instance != lease.instance);
        self.held.push((lease.clone(), now + LASTS));
        Some(self.held.iter().map(|(lease, _)| lease.clone()).collect())
    }
}

impl Member {
    fn new(number: u128) -> Self {
        let whole = Lease::whole(InstanceId::new(number), CHAINS);
        Self {
            share: Assignment::whole(&whole),
            whole,
            is_alive: true,
            ways: [Way::Open; 2],
            renewed: 0,
            abilities: Default::default(),
            stillness: Default::default(),
            probed: [0; 2],
            asks_until: [None; 2],
        }
    }

    fn renew(&mut self, table: &mut Table, now: u64) {
        let is_able = |at: usize| self.abilities[at].is_able(Duration::from_secs(now), LEASE);
        let able = (0..CHAINS.len()).filter(|at| is_able(*at)).map(|at| CHAINS[at]);
        let offer = Lease::whole(self.whole.instance, able);
        match table.renew(&offer) {
            Some(held) => {
                self.renewed = now;
                self.share = Assignment::of(&self.whole, &held);
            }
            None if now >= self.renewed + LASTS => self.share = Assignment::whole(&self.whole),
            None => {}
        }
    }

    /// One second of work on a chain whose ledger is at a height. Returns whether it moved.
    fn works(&mut self, at: usize, height: u64, now: u64) -> bool {
        let clock = Duration::from_secs(now);
        if let Some(end) = self.asks_until[at] {
            if now >= end {
                self.abilities[at].failed(clock);
                self.asks_until[at] = None;
            }
            return false;
        }
        if !self.share.follows(CHAINS[at]) {
            self.abilities[at].left();
            let is_able = self.abilities[at].is_able(clock, LEASE);
            if !is_able {
                if now >= self.probed[at] + LASTS {
                    self.probed[at] = now;
                    if self.ways[at] == Way::Open {
                        self.abilities[at].succeeded();
                    }
                }
                return false;
            }
            if !self.stillness[at].lasts(clock, height, LEASE) {
                return false;
            }
        }
        self.abilities[at].begins(clock);
        match self.ways[at] {
            Way::Open => self.abilities[at].succeeded(),
            Way::Cut => self.abilities[at].failed(clock),
            Way::Silent => self.asks_until[at] = Some(now + TIMEOUT),
        }
        self.ways[at] == Way::Open
    }
}

/// Plays a seed.
pub(super) fn play(seed: u64, counters: &mut Counters) -> Verdict {
    let mut dice = Dice::new(seed ^ 0x1ea5e);
    let count = dice.between(2, 4);
    let mut members: Vec<_> = (0..count).map(|number| Member::new(number.into())).collect();
    let mut table = Table { clock: 1_000_000, ..Table::default() };
    let sets_back = dice.chance(300);
    let mut heights = [0_u64; 2];
    for now in 0..END {
        table.clock += 1;
        if now < STORM {
            strike(&mut dice, &mut members, &mut table, sets_back);
        } else if now == STORM {
            table.is_away = false;
            spare(&mut dice, &mut members);
        }
        let renews = |number: usize| (now + number as u64).is_multiple_of(RENEW);
        for (number, member) in members.iter_mut().enumerate().filter(|(_, one)| one.is_alive) {
            if renews(number) {
                member.renew(&mut table, now);
            }
            for (at, height) in heights.iter_mut().enumerate() {
                if member.works(at, *height, now) {
                    *height = now;
                }
            }
        }
        // Other instances take over a lease that seems never to end once they see no progress.
        let patience = if sets_back { 4 * LASTS } else { LASTS };
        let stalled = heights.iter().find(|height| now.saturating_sub(**height) > patience);
        if let Some(height) = stalled.filter(|_| now >= STORM + SETTLES) {
            return Err(format!(
                "a chain is still at {height} in second {now}: {members:?} {table:?}"
            ));
        }
    }
    counters.shared_chains += u64::try_from(CHAINS.len()).expect("few");
    Ok(())
}

/// Now and then a fault affects an instance or the store of the leases.
fn strike(dice: &mut Dice, members: &mut [Member], table: &mut Table, sets_back: bool) {
    let count = u64::try_from(members.len()).expect("few");
    let number = usize::try_from(dice.below(count)).expect("few");
    let at = usize::try_from(dice.below(2)).expect("few");
    match dice.below(60) {
        0..3 => {
            members[number].ways[at] =
                dice.pick(&[(2, Way::Open), (2, Way::Cut), (1, Way::Silent)]);
        }
        3 => members[number].is_alive = !members[number].is_alive,
        4 => table.is_away = !table.is_away,
        5 if sets_back => table.clock -= dice.between(10, 100_000),
        _ => {}
    }
}

/// One instance can follow every chain; the others stay as the storm left them.
fn spare(dice: &mut Dice, members: &mut [Member]) {
    let count = u64::try_from(members.len()).expect("few");
    let spared = &mut members[usize::try_from(dice.below(count)).expect("few")];
    spared.is_alive = true;
    spared.ways = [Way::Open; 2];
    spared.asks_until = [None; 2];
}
