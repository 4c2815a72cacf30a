//! Each instance's part of the work.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;

use super::{InstanceId, Lease};
use crate::types::{ChainId, ShardId};

/// One instance's shards, out of those of every programme of a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShardAssignment {
    index: u32,
    of: NonZeroU32,
}

impl ShardAssignment {
    /// All shards, for an instance that settles a chain alone.
    pub const ALL: Self = Self { index: 0, of: NonZeroU32::MIN };

    /// Whether a shard is one of them.
    pub fn owns(self, shard: ShardId) -> bool {
        u32::from(shard.get()) % self.of == self.index
    }
}

/// The work of one instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignment {
    follows: BTreeSet<ChainId>,
    settles: BTreeMap<ChainId, ShardAssignment>,
    delivers: bool,
}

impl Assignment {
    /// Everything that an instance is configured for, while it knows of no other.
    pub fn whole(whole: &Lease) -> Self {
        Self {
            follows: whole.follows.clone(),
            settles: whole.settles.iter().map(|chain| (*chain, ShardAssignment::ALL)).collect(),
            delivers: whole.delivers,
        }
    }

    /// The part of an instance that is configured for `whole`, given all leases that are held, its
    /// own included.
    ///
    /// A chain goes to the instance that follows the fewest chains so far, among those that offer
    /// it. The shards of its programmes are dealt out in turn to all that offer to settle it.
    /// Events are delivered by the first that offers to. Ties go to the lower instance. Work that
    /// no instance offers goes to all.
    pub fn of(whole: &Lease, held: &[Lease]) -> Self {
        let leases: BTreeMap<InstanceId, &Lease> =
            held.iter().map(|lease| (lease.instance, lease)).collect();
        let offering = |offers: &dyn Fn(&Lease) -> bool| -> Vec<InstanceId> {
            leases.values().filter(|lease| offers(lease)).map(|lease| lease.instance).collect()
        };
        let followers = followers(&leases);
        let is_own = |chain: &&ChainId| {
            followers.get(*chain).is_none_or(|follower| *follower == whole.instance)
        };
        let settled = |chain: &ChainId| {
            let offering = offering(&|lease| lease.settles.contains(chain));
            dealt(&offering, whole.instance).map(|share| (*chain, share))
        };
        let delivering = offering(&|lease| lease.delivers);
        Self {
            follows: whole.follows.iter().filter(is_own).copied().collect(),
            settles: whole.settles.iter().filter_map(settled).collect(),
            delivers: delivering.first().is_none_or(|first| *first == whole.instance),
        }
    }

    /// Whether this instance follows the chain.
    pub fn follows(&self, chain: ChainId) -> bool {
        self.follows.contains(&chain)
    }

    /// The chains that this instance follows.
    pub const fn chains(&self) -> &BTreeSet<ChainId> {
        &self.follows
    }

    /// The shards that this instance settles; `None` if all belong to others.
    pub fn settles(&self, chain: ChainId) -> Option<ShardAssignment> {
        self.settles.get(&chain).copied()
    }

    /// Whether this instance delivers events.
    pub const fn delivers(&self) -> bool {
        self.delivers
    }
}

/// The follower of each chain that some instance offers to follow.
fn followers(leases: &BTreeMap<InstanceId, &Lease>) -> BTreeMap<ChainId, InstanceId> {
    let mut load: BTreeMap<InstanceId, usize> = leases.keys().map(|id| (*id, 0)).collect();
    // In ascending order, so that every instance counts the same loads.
    let offered: BTreeSet<ChainId> =
        leases.values().flat_map(|lease| lease.follows.iter().copied()).collect();
    let follower = |chain: ChainId| {
        let offering = leases.values().filter(|lease| lease.follows.contains(&chain));
        let least = offering.map(|lease| lease.instance).min_by_key(|id| (load[id], *id))?;
        load.entry(least).and_modify(|chains| *chains += 1);
        Some((chain, least))
    };
    offered.into_iter().filter_map(follower).collect()
}

/// The shards of one instance; all of them if no instance offers.
fn dealt(offering: &[InstanceId], own: InstanceId) -> Option<ShardAssignment> {
    let Some(of) = u32::try_from(offering.len()).ok().and_then(NonZeroU32::new) else {
        return Some(ShardAssignment::ALL);
    };
    let index = offering.iter().position(|instance| *instance == own)?;
    Some(ShardAssignment { index: u32::try_from(index).ok()?, of })
}

#[cfg(test)]
mod tests {
    use proptest::collection::{btree_map, btree_set};
    use proptest::prelude::*;

    use super::*;
    use crate::types::ShardCount;

    fn chains() -> impl Strategy<Value = BTreeSet<ChainId>> {
        btree_set((1..8_u64).prop_map(ChainId::new), 0..8)
    }

    /// What some instances are configured for, and what each of them offers now.
    fn instances() -> impl Strategy<Value = Vec<(Lease, Lease)>> {
        let offer = (chains(), chains(), chains(), any::<bool>());
        btree_map(any::<u128>(), offer, 1..6).prop_map(|instances| {
            let instance = |(id, (all, follows, settles, delivers))| {
                let whole = Lease::whole(InstanceId::new(id), all);
                let own = |some: &BTreeSet<ChainId>| some & &whole.follows;
                let (follows, settles) = (own(&follows), own(&settles));
                let offer = Lease { instance: whole.instance, follows, settles, delivers };
                (whole, offer)
            };
            instances.into_iter().map(instance).collect()
        })
    }

    fn offers(instances: &[(Lease, Lease)]) -> Vec<Lease> {
        instances.iter().map(|(_, offer)| offer.clone()).collect()
    }

    proptest! {
        #[test]
        fn what_is_offered_is_done_by_exactly_one_instance_that_offers_it(instances in instances()) {
            let held = offers(&instances);
            let shares: Vec<_> =
                instances.iter().map(|(whole, offer)| (offer, Assignment::of(whole, &held))).collect();
            let does = |done: &dyn Fn(&Assignment) -> bool, offered: &dyn Fn(&Lease) -> bool| {
                let doing: Vec<_> = shares.iter().filter(|(_, share)| done(share)).collect();
                doing.len() == 1 && doing.iter().all(|(offer, _)| offered(offer))
            };
            for chain in held.iter().flat_map(|lease| &lease.follows) {
                prop_assert!(does(&|share| share.follows(*chain), &|o| o.follows.contains(chain)));
            }
            for chain in held.iter().flat_map(|lease| &lease.settles) {
                for shard in ShardCount::default().shards() {
                    let settles =
                        |share: &Assignment| share.settles(*chain).is_some_and(|part| part.owns(shard));
                    prop_assert!(does(&settles, &|offer| offer.settles.contains(chain)));
                }
            }
            if held.iter().any(|lease| lease.delivers) {
                prop_assert!(does(&Assignment::delivers, &|offer| offer.delivers));
            }
        }

        #[test]
        fn what_nobody_offers_is_done_by_all_that_are_configured_for_it(instances in instances()) {
            let held = offers(&instances);
            for (whole, _) in &instances {
                let share = Assignment::of(whole, &held);
                for chain in &whole.follows {
                    if held.iter().all(|lease| !lease.follows.contains(chain)) {
                        prop_assert!(share.follows(*chain));
                    }
                    if held.iter().all(|lease| !lease.settles.contains(chain)) {
                        prop_assert_eq!(share.settles(*chain), Some(ShardAssignment::ALL));
                    }
                }
                prop_assert!(share.delivers() || held.iter().any(|lease| lease.delivers));
            }
        }

        #[test]
        fn nobody_gets_what_it_is_not_configured_for(instances in instances()) {
            let held = offers(&instances);
            for (whole, _) in &instances {
                let share = Assignment::of(whole, &held);
                prop_assert!(share.follows.is_subset(&whole.follows));
                prop_assert!(share.settles.keys().all(|chain| whole.settles.contains(chain)));
            }
        }

        #[test]
        fn the_order_of_the_leases_does_not_matter(instances in instances()) {
            let held = offers(&instances);
            let mut reversed = held.clone();
            reversed.reverse();
            for (whole, _) in &instances {
                prop_assert_eq!(Assignment::of(whole, &held), Assignment::of(whole, &reversed));
            }
        }

        #[test]
        fn those_that_offer_the_same_follow_the_same_number(count in 1..6_u128, chains in 0..20_u64) {
            let lease = |id| Lease::whole(InstanceId::new(id), (0..chains).map(ChainId::new));
            let leases: Vec<_> = (0..count).map(lease).collect();
            let follows = leases.iter().map(|own| Assignment::of(own, &leases).follows.len());
            let (least, most) = follows.fold((usize::MAX, 0), |(least, most), one| {
                (least.min(one), most.max(one))
            });
            prop_assert!(most - least <= 1);
        }
    }

    #[test]
    fn an_instance_alone_does_everything_that_it_is_configured_for() {
        let whole = Lease::whole(InstanceId::new(7), [1, 5].map(ChainId::new));
        let nothing = Lease {
            instance: whole.instance,
            follows: BTreeSet::new(),
            settles: BTreeSet::new(),
            delivers: false,
        };
        for held in [&[][..], std::slice::from_ref(&whole), &[nothing]] {
            assert_eq!(Assignment::of(&whole, held), Assignment::whole(&whole));
        }
    }
}
