//! How the instances that share one store divide the work.
//!
//! Every instance computes the same from the same leases, so nothing is negotiated. While their
//! views differ, two may do the same work, or none notices yet that a lease has ended. That only
//! costs time: a store refuses a write that builds on another state.
//!
//! An instance offers only the work that it makes progress with ([`Ability`]). Work that no
//! instance offers is done by every one that is configured for it, and so is work that makes no
//! progress although a lease is held for it ([`Stillness`]). So no lease, however long it lasts,
//! keeps work from being done.

mod ability;
mod assignment;
mod stillness;

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use ability::Ability;
pub use assignment::{Assignment, ShardAssignment};
pub use stillness::Stillness;

use crate::types::{ChainId, OutOfRange};

/// The longest time that a lease may be requested for.
pub const LEASE_LASTS_MAX: Duration = Duration::from_secs(3_600);

/// After this many leases without progress the work counts as not done, even if a lease is held for
/// it.
const STILL_LEASES: u32 = 3;

/// One process among those that share a store; a number chosen at random when it starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct InstanceId(u128);

impl InstanceId {
    /// Wraps a number.
    pub const fn new(number: u128) -> Self {
        Self(number)
    }

    /// The number that identifies the instance.
    pub const fn get(self) -> u128 {
        self.0
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

/// What one instance offers to do while its lease lasts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// The instance that holds the lease.
    pub instance: InstanceId,
    /// The chains that it can follow now.
    pub follows: BTreeSet<ChainId>,
    /// The chains whose points it can settle now.
    pub settles: BTreeSet<ChainId>,
    /// Whether it can deliver events now.
    pub delivers: bool,
}

impl Lease {
    /// A lease for everything that an instance is configured for.
    pub fn whole(instance: InstanceId, chains: impl IntoIterator<Item = ChainId>) -> Self {
        let follows: BTreeSet<ChainId> = chains.into_iter().collect();
        Self { instance, settles: follows.clone(), follows, delivers: true }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instance_is_the_same_after_it_was_written_and_read() {
        let instance = InstanceId::new(u128::MAX - 1);
        assert_eq!(instance.to_string().parse(), Ok(instance));
        assert!("0x1".parse::<InstanceId>().is_err());
        assert!(format!("+{:031x}", 1).parse::<InstanceId>().is_err());
    }
}
