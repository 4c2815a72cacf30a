//! Token amounts and their integral over time.

use alloy_primitives::aliases::{U64, U320};
use alloy_primitives::{U256, U512};

use super::points::fraction_text;
use super::text::decimal_text;
use super::{Decimals, Overflow, Timestamp};

/// An amount of a token in base units: the full range of a Solidity `uint256`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Amount(U256);

decimal_text!(Amount, U256);

impl Amount {
    /// No base units.
    pub const ZERO: Self = Self(U256::ZERO);
    /// The largest amount a contract can name, 2^256 - 1.
    pub const MAX: Self = Self(U256::MAX);

    /// Wraps base units.
    pub const fn new(base_units: U256) -> Self {
        Self(base_units)
    }

    /// The base units.
    pub const fn get(self) -> U256 {
        self.0
    }

    /// Whether the amount is zero.
    #[inline]
    pub fn is_zero(self) -> bool {
        self.0.is_zero()
    }

    /// The sum, or `None` beyond 2^256 - 1.
    #[inline]
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    /// The difference, or `None` below zero.
    #[inline]
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Self)
    }

    /// The amount in whole tokens: exact decimal text without trailing zeros, such as `99.5`.
    pub fn in_tokens(self, decimals: Decimals) -> String {
        let places = usize::from(decimals.get());
        let (whole, fraction) = self.0.div_rem(U256::from(10).pow(U256::from(places)));
        format!("{whole}{}", fraction_text(fraction, places))
    }

    /// The 32 big-endian bytes in which stores keep an amount: they sort as the amounts do.
    pub fn to_be_bytes(self) -> [u8; 32] {
        self.0.to_be_bytes()
    }

    /// The amount of 32 big-endian bytes.
    pub fn from_be_bytes(bytes: [u8; 32]) -> Self {
        Self(U256::from_be_bytes(bytes))
    }
}

impl From<u64> for Amount {
    fn from(base_units: u64) -> Self {
        Self(U256::from(base_units))
    }
}

/// Everything ever minted or burned: may exceed 2^256 - 1 over a token's life, so it has 512 bits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CumulativeAmount(U512);

decimal_text!(CumulativeAmount, U512);

impl From<Amount> for CumulativeAmount {
    fn from(amount: Amount) -> Self {
        Self(U512::from(amount.0))
    }
}

impl CumulativeAmount {
    /// Nothing minted or burned yet.
    pub const ZERO: Self = Self(U512::ZERO);

    /// The sum with one more amount.
    pub fn try_add(self, amount: impl Into<Self>) -> Result<Self, Overflow> {
        let sum = self.0.checked_add(amount.into().0);
        sum.map(Self).ok_or(Overflow("cumulative amount"))
    }

    /// The sum without an amount counted before.
    pub fn try_sub(self, amount: impl Into<Self>) -> Result<Self, Overflow> {
        let rest = self.0.checked_sub(amount.into().0);
        rest.map(Self).ok_or(Overflow("cumulative amount"))
    }

    /// The value as an amount; `None` above 2^256 - 1.
    pub fn narrow(self) -> Option<Amount> {
        U256::checked_from_limbs_slice(self.0.as_limbs()).map(Amount)
    }

    /// The value in base units.
    pub const fn get(self) -> U512 {
        self.0
    }

    /// The 64 big-endian bytes in which stores keep it.
    pub fn to_be_bytes(self) -> [u8; 64] {
        self.0.to_be_bytes()
    }

    /// From 64 big-endian bytes.
    pub fn from_be_bytes(bytes: [u8; 64]) -> Self {
        Self(U512::from_be_bytes(bytes))
    }
}

/// The integral of a balance over time, in base units times seconds. At most 256 + 40 bits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BalanceSeconds(U320);

decimal_text!(BalanceSeconds, U320);

impl BalanceSeconds {
    /// Nothing held yet.
    pub const ZERO: Self = Self(U320::ZERO);
    const BITS_MAX: usize = 296;

    /// This integral plus `balance` held from `since` to `until`.
    ///
    /// An interval that ends before it begins is an error, as is a result above 296 bits, which no
    /// chain can reach: times end below 2^40.
    #[inline]
    pub fn plus(
        self,
        balance: Amount,
        since: Timestamp,
        until: Timestamp,
    ) -> Result<Self, Overflow> {
        let seconds = until.seconds_since(since).ok_or(Overflow("time going backwards"))?;
        let area = balance.0.widening_mul(U64::from(seconds));
        let sum = self.0.checked_add(area).filter(|sum| sum.bit_len() <= Self::BITS_MAX);
        sum.map(Self).ok_or(Overflow("balance-seconds"))
    }

    /// The difference with an earlier integral of the same account.
    #[inline]
    pub fn checked_sub(self, earlier: Self) -> Option<Self> {
        self.0.checked_sub(earlier.0).map(Self)
    }

    /// Base units times seconds.
    pub const fn get(self) -> U320 {
        self.0
    }

    /// The 40 big-endian bytes in which stores keep it.
    pub fn to_be_bytes(self) -> [u8; 40] {
        self.0.to_be_bytes()
    }

    /// From 40 big-endian bytes.
    pub fn from_be_bytes(bytes: [u8; 40]) -> Self {
        Self(U320::from_be_bytes(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_in_tokens_is_exact_at_any_number_of_decimals() {
        let shown = |amount: Amount, decimals| amount.in_tokens(Decimals::new(decimals).unwrap());
        assert_eq!(shown(Amount::from(99_500), 3), "99.5");
        assert_eq!(shown(Amount::from(7), 18), "0.000000000000000007");
        assert_eq!(shown(Amount::from(1_000), 0), "1000");
        assert_eq!(shown(Amount::from(1_000), 3), "1");
        assert_eq!(shown(Amount::ZERO, 18), "0");
        let most = Amount::MAX.to_string();
        assert_eq!(shown(Amount::MAX, 77), format!("{}.{}", &most[..1], &most[1..]));
    }

    #[test]
    fn an_amount_is_read_from_digits_alone() {
        assert_eq!("120".parse(), Ok(Amount::from(120)));
        for text in ["", "_", "1_000", "+1", "-1", "0x1", "1.0", " 1"] {
            assert!(text.parse::<Amount>().is_err(), "{text:?}");
        }
    }
}
