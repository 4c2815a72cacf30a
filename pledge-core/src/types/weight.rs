//! Weights of accounts, and balances added up with them.

use alloy_primitives::U256;
use alloy_primitives::aliases::{U64, U320};
use serde::{Deserialize, Serialize};

use super::schedule::Schedule;
use super::text::decimal_text;
use super::{Amount, OutOfRange};

/// A factor on what an account earns, in basis points below 2^24: 10000 is 1x, 0 earns nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct WeightBp(u32);

impl WeightBp {
    /// 1x, neither more nor less than the balance earns.
    pub const ONE: Self = Self(10_000);
    /// 0x, earns nothing.
    pub const ZERO: Self = Self(0);

    /// Basis points below 2^24.
    pub fn new(basis_points: u32) -> Result<Self, OutOfRange> {
        if basis_points >> 24 == 0 {
            Ok(Self(basis_points))
        } else {
            Err(OutOfRange::new("weight", basis_points, "basis points below 2^24"))
        }
    }

    /// The weight in basis points.
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl TryFrom<u32> for WeightBp {
    type Error = OutOfRange;

    fn try_from(basis_points: u32) -> Result<Self, OutOfRange> {
        Self::new(basis_points)
    }
}

impl From<WeightBp> for u32 {
    fn from(weight: WeightBp) -> Self {
        weight.0
    }
}

/// An account's weight over time.
pub type WeightSchedule = Schedule<WeightBp>;

/// The sum of some accounts' earning balances, each times its weight: base units times basis
/// points, below 2^320.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct WeightedBalance(U320);

decimal_text!(WeightedBalance, U320);

impl WeightedBalance {
    /// The sum of no balances.
    pub const ZERO: Self = Self(U320::ZERO);

    /// One account's share.
    #[inline]
    pub fn of(balance: Amount, weight: WeightBp) -> Self {
        Self(balance.get().widening_mul(U64::from(weight.0)))
    }

    /// The sum; `None` above 320 bits.
    #[inline]
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    /// The difference; `None` below zero.
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Self)
    }

    /// The balance that weighs as much at one weight alone; `None` if it is no whole number of base
    /// units below 2^256.
    pub fn at_weight(self, weight: WeightBp) -> Option<Amount> {
        let weight = U320::from(weight.0);
        let balance = self.0.checked_div(weight)?;
        let is_whole = balance * weight == self.0;
        let balance = U256::checked_from_limbs_slice(balance.as_limbs()).map(Amount::new);
        balance.filter(|_| is_whole)
    }

    /// The 40 big-endian bytes in which stores keep it.
    pub fn to_be_bytes(self) -> [u8; 40] {
        self.0.to_be_bytes()
    }

    /// From 40 big-endian bytes.
    pub fn from_be_bytes(bytes: [u8; 40]) -> Self {
        Self(U320::from_be_bytes(bytes))
    }

    /// Base units times basis points.
    pub const fn get(self) -> U320 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weight(basis_points: u32) -> WeightBp {
        WeightBp::new(basis_points).unwrap()
    }

    #[test]
    fn a_weighted_balance_is_read_back_at_its_weight() {
        let weighted = WeightedBalance::of(Amount::MAX, weight(12_345));
        assert_eq!(weighted.at_weight(weight(12_345)), Some(Amount::MAX));
    }

    #[test]
    fn a_weighted_balance_that_is_not_whole_at_a_weight_is_none() {
        let weighted = WeightedBalance::of(Amount::from(1), weight(15_000));
        assert_eq!(weighted.at_weight(WeightBp::ONE), None);
        assert_eq!(weighted.at_weight(weight(5_000)), Some(Amount::from(3)));
    }

    #[test]
    fn a_weighted_balance_above_256_bits_at_a_weight_is_none() {
        let weighted = WeightedBalance::of(Amount::MAX, weight(20_000));
        assert_eq!(weighted.at_weight(WeightBp::ONE), None);
    }

    #[test]
    fn nothing_is_read_back_at_a_weight_of_zero() {
        let weighted = WeightedBalance::of(Amount::from(1), WeightBp::ZERO);
        assert_eq!(weighted, WeightedBalance::ZERO);
        assert_eq!(weighted.at_weight(WeightBp::ZERO), None);
    }
}
