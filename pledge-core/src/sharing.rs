//! Who does what, among the instances that work over one store.
//!
//! Every instance computes the same from the same leases, so nothing is negotiated. While their views
//! differ two may do the same work, or a lease that ended has not been noticed yet: that costs time
//! and nothing else, since a store refuses a write that assumed something else.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::types::{ChainId, OutOfRange, ShardId};

/// One process among those that work over a store; a number chosen at random when it starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct InstanceId(u128);

impl InstanceId {
    /// Wraps a number.
    pub const fn new(number: u128) -> Self {
        Self(number)
    }
}

impl fmt::Display for InstanceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl FromStr for InstanceId {
    type Err = OutOfRange;

    fn from_str(text: &str) -> Result<Self, OutOfRange> {
        let digits = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let number = digits.then(|| u128::from_str_radix(text, 16).ok()).flatten();
        number.map(Self).ok_or_else(|| OutOfRange::new("instance", text, "32 hex digits"))
    }
}

impl TryFrom<String> for InstanceId {
    type Error = OutOfRange;

    fn try_from(text: String) -> Result<Self, OutOfRange> {
        text.parse()
    }
}

impl From<InstanceId> for String {
    fn from(instance: InstanceId) -> Self {
        instance.to_string()
    }
}

/// What one instance offers to do for as long as its lease lasts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// Which instance.
    pub instance: InstanceId,
    /// The chains that it is configured to follow.
    pub chains: BTreeSet<ChainId>,
}

/// The shards that are one instance's among those of every programme of a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShardShare {
    index: u32,
    of: NonZeroU32,
}

impl ShardShare {
    /// Every shard.
    pub const ALL: Self = Self { index: 0, of: NonZeroU32::MIN };

    /// Whether a shard is among them.
    pub fn owns(self, shard: ShardId) -> bool {
        u32::from(shard.get()) % self.of == self.index
    }
}

/// What is one instance's to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Share {
    follows: BTreeSet<ChainId>,
    settles: BTreeMap<ChainId, ShardShare>,
    tells: bool,
}

impl Share {
    /// Everything that an instance offers: while it knows of no other.
    pub fn whole(lease: &Lease) -> Self {
        Self {
            follows: lease.chains.clone(),
            settles: lease.chains.iter().map(|chain| (*chain, ShardShare::ALL)).collect(),
            tells: true,
        }
    }

    /// Its part among the leases that are held, its own included.
    ///
    /// A chain goes to the instance that follows the fewest so far, among those that offer it; the
    /// shards of its programmes are dealt out to all of these in turn; the first instance tells what
    /// happened. Ties go to the lower instance.
    pub fn of(own: &Lease, held: &[Lease]) -> Self {
        let leases: BTreeMap<InstanceId, &BTreeSet<ChainId>> =
            held.iter().chain([own]).map(|lease| (lease.instance, &lease.chains)).collect();
        let mut load: BTreeMap<InstanceId, usize> = leases.keys().map(|id| (*id, 0)).collect();
        let mut share = Self {
            follows: BTreeSet::new(),
            settles: BTreeMap::new(),
            tells: leases.keys().next() == Some(&own.instance),
        };
        for chain in leases.values().flat_map(|chains| chains.iter()).collect::<BTreeSet<_>>() {
            let offering = leases.iter().filter(|(_, chains)| chains.contains(chain));
            let offering: Vec<InstanceId> = offering.map(|(instance, _)| *instance).collect();
            let least = offering.iter().min_by_key(|instance| (load[*instance], **instance));
            let follower = *least.expect("somebody offers the chain");
            load.entry(follower).and_modify(|chains| *chains += 1);
            if follower == own.instance {
                share.follows.insert(*chain);
            }
            if let Some(settles) = dealt(&offering, own.instance) {
                share.settles.insert(*chain, settles);
            }
        }
        share
    }

    /// Whether the chain is this instance's to follow.
    pub fn follows(&self, chain: ChainId) -> bool {
        self.follows.contains(&chain)
    }

    /// The chains that are this instance's to follow.
    pub const fn chains(&self) -> &BTreeSet<ChainId> {
        &self.follows
    }

    /// The shards that are this instance's to settle; `None` if the chain is not offered.
    pub fn settles(&self, chain: ChainId) -> Option<ShardShare> {
        self.settles.get(&chain).copied()
    }

    /// Whether this instance tells the receivers of events.
    pub const fn tells(&self) -> bool {
        self.tells
    }
}

fn dealt(offering: &[InstanceId], own: InstanceId) -> Option<ShardShare> {
    let index = offering.iter().position(|instance| *instance == own)?;
    let of = u32::try_from(offering.len()).ok().and_then(NonZeroU32::new)?;
    Some(ShardShare { index: u32::try_from(index).ok()?, of })
}

#[cfg(test)]
mod tests {
    use proptest::collection::{btree_map, btree_set};
    use proptest::prelude::*;

    use super::*;
    use crate::types::ShardCount;

    fn leases() -> impl Strategy<Value = Vec<Lease>> {
        let chains = btree_set((1..8_u64).prop_map(ChainId::new), 0..8);
        btree_map(any::<u128>(), chains, 1..6).prop_map(|offers| {
            let lease = |(id, chains)| Lease { instance: InstanceId::new(id), chains };
            offers.into_iter().map(lease).collect()
        })
    }

    proptest! {
        #[test]
        fn every_chain_shard_and_telling_is_of_exactly_one_instance(leases in leases()) {
            let shares: Vec<_> = leases.iter().map(|own| Share::of(own, &leases)).collect();
            let offered: BTreeSet<_> = leases.iter().flat_map(|lease| &lease.chains).collect();
            for chain in offered {
                prop_assert_eq!(shares.iter().filter(|share| share.follows(*chain)).count(), 1);
                for shard in ShardCount::default().shards() {
                    let settles = |share: &&Share| {
                        share.settles(*chain).is_some_and(|part| part.owns(shard))
                    };
                    prop_assert_eq!(shares.iter().filter(settles).count(), 1);
                }
            }
            prop_assert_eq!(shares.iter().filter(|share| share.tells()).count(), 1);
        }

        #[test]
        fn nobody_gets_what_it_does_not_offer(leases in leases()) {
            for own in &leases {
                let share = Share::of(own, &leases);
                prop_assert!(share.follows.is_subset(&own.chains));
                prop_assert!(share.settles.keys().eq(&own.chains));
            }
        }

        #[test]
        fn the_order_of_the_leases_does_not_matter(leases in leases()) {
            let mut reversed = leases.clone();
            reversed.reverse();
            for own in &leases {
                prop_assert_eq!(Share::of(own, &leases), Share::of(own, &reversed));
            }
        }

        #[test]
        fn those_that_offer_the_same_follow_the_same_number(count in 1..6_u128, chains in 0..20_u64) {
            let chains: BTreeSet<_> = (0..chains).map(ChainId::new).collect();
            let lease = |id| Lease { instance: InstanceId::new(id), chains: chains.clone() };
            let leases: Vec<_> = (0..count).map(lease).collect();
            let follows = leases.iter().map(|own| Share::of(own, &leases).follows.len());
            let (least, most) = follows.fold((usize::MAX, 0), |(least, most), one| {
                (least.min(one), most.max(one))
            });
            prop_assert!(most - least <= 1);
        }
    }

    #[test]
    fn an_instance_alone_does_everything_that_it_offers() {
        let chains = [1, 5].map(ChainId::new).into();
        let own = Lease { instance: InstanceId::new(7), chains };
        assert_eq!(Share::of(&own, &[]), Share::whole(&own));
    }

    #[test]
    fn an_instance_is_the_same_after_it_was_written_and_read() {
        let instance = InstanceId::new(u128::MAX - 1);
        assert_eq!(instance.to_string().parse(), Ok(instance));
        assert!("0x1".parse::<InstanceId>().is_err());
        assert!(format!("+{:031x}", 1).parse::<InstanceId>().is_err());
    }
}
