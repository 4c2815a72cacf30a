//! Rates, and points as exact rationals `raw / scale`.

use std::fmt;
use std::str::FromStr;

use alloy_primitives::aliases::U192;
use alloy_primitives::{U256, U512, Uint};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::schedule::Schedule;
use super::text::decimal_text;
use super::{Amount, BalanceSeconds, OutOfRange, Overflow, Timestamp, WeightBp, WeightedBalance};

/// The most decimals that a rate may have.
pub const RATE_DECIMALS_MAX: u32 = 18;

const SECONDS_PER_HOUR: u64 = 3_600;

/// A token's `decimals()`. At most 77, so that one whole token is still a `uint256`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct Decimals(u8);

impl Decimals {
    /// 0 to 77.
    pub fn new(decimals: u8) -> Result<Self, OutOfRange> {
        if decimals <= 77 {
            Ok(Self(decimals))
        } else {
            Err(OutOfRange::new("decimals", decimals, "0 to 77"))
        }
    }

    /// The number of decimals.
    pub const fn get(self) -> u8 {
        self.0
    }
}

impl TryFrom<u8> for Decimals {
    type Error = OutOfRange;

    fn try_from(decimals: u8) -> Result<Self, OutOfRange> {
        Self::new(decimals)
    }
}

impl From<Decimals> for u8 {
    fn from(decimals: Decimals) -> Self {
        decimals.0
    }
}

/// Why a text is no rate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RateError {
    /// Not a plain decimal number.
    #[error("rate `{0}` is not a decimal number such as 0.05")]
    NotDecimal(String),
    /// Below zero: an account cannot lose points over time.
    #[error("rate `{0}` is negative: an account cannot earn less than nothing")]
    Negative(String),
    /// Finer than 10^-18.
    #[error("rate `{0}` has more than 18 decimals")]
    TooFine(String),
    /// At or above 2^96 * 10^-18.
    #[error("rate `{0}` is too large: it must be below 79228162514.264337593543950336")]
    TooLarge(String),
}

/// Points per whole token per hour, an integer number of 10^-18 below 2^96.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rate(u128);

impl Rate {
    /// The rate that earns nothing.
    pub const ZERO: Self = Self(0);

    /// A rate from its number of 10^-18.
    pub fn from_e18(rate_e18: u128) -> Result<Self, RateError> {
        if rate_e18 >> 96 == 0 {
            Ok(Self(rate_e18))
        } else {
            Err(RateError::TooLarge(Self(rate_e18).to_string()))
        }
    }

    /// The rate as a number of 10^-18.
    pub const fn e18(self) -> u128 {
        self.0
    }

    /// `rate_e18 * weight_bp`: what one base unit earns in a second, in raw points below 2^120.
    #[inline]
    pub fn weighted(self, weight: WeightBp) -> U192 {
        U192::from(self.0 * u128::from(weight.get()))
    }
}

impl FromStr for Rate {
    type Err = RateError;

    fn from_str(text: &str) -> Result<Self, RateError> {
        let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
        if ![whole, fraction].into_iter().all(is_digits) {
            return Err(RateError::NotDecimal(text.to_owned()));
        }
        if fraction.len() > RATE_DECIMALS_MAX as usize {
            return Err(RateError::TooFine(text.to_owned()));
        }
        let decimal =
            Decimal::from_str_exact(text).map_err(|_| RateError::TooLarge(text.to_owned()))?;
        if decimal.is_sign_negative() && !decimal.is_zero() {
            return Err(RateError::Negative(text.to_owned()));
        }
        let unit = 10_u128.pow(RATE_DECIMALS_MAX - decimal.scale());
        let rate_e18 = decimal.mantissa().unsigned_abs().checked_mul(unit);
        rate_e18
            .filter(|rate| rate >> 96 == 0)
            .map(Self)
            .ok_or_else(|| RateError::TooLarge(text.to_owned()))
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&fixed_point(U512::from(self.0), RATE_DECIMALS_MAX as usize))
    }
}

impl Serialize for Rate {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Rate {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// The rate over time.
pub type RateSchedule = Schedule<Rate>;

impl RateSchedule {
    /// `sum(rate_e18 * seconds)` over `[from, to)`, below 2^136.
    pub fn rate_seconds(&self, from: Timestamp, to: Timestamp) -> U192 {
        self.pieces(from, to).fold(U192::ZERO, |sum, piece| {
            let seconds = piece.to.get() - piece.from.get();
            sum + U192::from(piece.value.0) * U192::from(seconds)
        })
    }
}

/// Points before the one division: `sum(balance * seconds * rate_e18 * weight_bp)`, exact.
///
/// At most 256 + 40 + 96 + 24 bits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RawPoints(U512);

decimal_text!(RawPoints, U512);

impl RawPoints {
    /// No points earned.
    pub const ZERO: Self = Self(U512::ZERO);

    /// What `balance` earns while the factor `sum(rate_e18 * weight_bp * seconds)` adds up.
    #[inline]
    pub const fn of_constant(balance: Amount, factor: U256) -> Self {
        Self(balance.get().widening_mul(factor))
    }

    /// What a difference of balance-seconds earns at one rate and weight.
    #[inline]
    pub fn of_area(area: BalanceSeconds, rate: Rate, weight: WeightBp) -> Self {
        Self(area.get().widening_mul(rate.weighted(weight)))
    }

    /// What weighted balances earn while `sum(rate_e18 * seconds)` adds up.
    #[inline]
    pub fn of_weighted(balances: WeightedBalance, rate_seconds: U192) -> Self {
        Self(balances.get().widening_mul(rate_seconds))
    }

    /// The sum; an error above 512 bits.
    #[inline]
    pub fn try_add(self, other: Self) -> Result<Self, Overflow> {
        self.0.checked_add(other.0).map(Self).ok_or(Overflow("raw points"))
    }

    /// The difference; an error below zero.
    pub fn try_sub(self, other: Self) -> Result<Self, Overflow> {
        self.0.checked_sub(other.0).map(Self).ok_or(Overflow("raw points"))
    }

    /// The undivided points, as an integer.
    pub const fn get(self) -> U512 {
        self.0
    }

    /// The 64 big-endian bytes in which stores keep it: they sort as the points do.
    pub fn to_be_bytes(self) -> [u8; 64] {
        self.0.to_be_bytes()
    }

    /// From 64 big-endian bytes.
    pub fn from_be_bytes(bytes: [u8; 64]) -> Self {
        Self(U512::from_be_bytes(bytes))
    }
}

/// The divisor of raw points: `10^decimals * 3600 * 10^18 * 10^4`, constant for a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Scale(U512);

decimal_text!(Scale, U512);

impl Scale {
    /// Decimal places of points as text.
    pub const PLACES: usize = 18;

    /// The scale of a token with these decimals.
    pub fn of(decimals: Decimals) -> Self {
        let ten = U512::from(10);
        let whole_token = ten.pow(U512::from(decimals.0));
        let rate_unit = ten.pow(U512::from(RATE_DECIMALS_MAX));
        let weight_unit = U512::from(WeightBp::ONE.get());
        Self(whole_token * U512::from(SECONDS_PER_HOUR) * rate_unit * weight_unit)
    }

    /// The divisor itself.
    pub const fn get(self) -> U512 {
        self.0
    }

    /// Points as decimal text: divided once, floored at [`Scale::PLACES`] places, no trailing
    /// zeros.
    pub fn points(self, raw: RawPoints) -> String {
        self.points_of_sum(raw.0)
    }

    /// The same text of a sum that may need more bits than [`RawPoints`]; at least 512 of them.
    pub fn points_of_sum<const BITS: usize, const LIMBS: usize>(
        self,
        sum: Uint<BITS, LIMBS>,
    ) -> String {
        const { assert!(BITS >= 512, "the scale times 10^18 must fit") };
        let scale = Uint::<BITS, LIMBS>::from(self.0);
        let unit = Uint::<BITS, LIMBS>::from(10).pow(Uint::from(Self::PLACES));
        let (whole, rest) = sum.div_rem(scale);
        // `rest` is below the scale, which has at most 342 bits, so the product fits.
        let fraction = rest * unit / scale;
        format!("{whole}{}", fraction_text(fraction, Self::PLACES))
    }
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn fixed_point(value: U512, places: usize) -> String {
    let (whole, fraction) = value.div_rem(U512::from(10).pow(U512::from(places)));
    format!("{whole}{}", fraction_text(fraction, places))
}

/// A fraction with its point, without trailing zeros; empty if it is zero.
pub(super) fn fraction_text(fraction: impl fmt::Display, places: usize) -> String {
    let digits = format!("{fraction:0>places$}");
    match digits.trim_end_matches('0') {
        "" => String::new(),
        digits => format!(".{digits}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_an_exact_number_of_e18() {
        assert_eq!("0.05".parse(), Ok(Rate(50_000_000_000_000_000)));
        assert_eq!("0.000000000000000001".parse(), Ok(Rate(1)));
        assert_eq!("0.05".parse::<Rate>().unwrap().to_string(), "0.05");
        assert_eq!("12".parse::<Rate>().unwrap().to_string(), "12");
    }

    #[test]
    fn a_rate_outside_its_bounds_names_the_bound() {
        let parse = |text: &str| text.parse::<Rate>().unwrap_err();
        assert!(matches!(parse("-0.05"), RateError::Negative(_)));
        assert!(matches!(parse("0.0000000000000000001"), RateError::TooFine(_)));
        assert!(matches!(parse("79228162515"), RateError::TooLarge(_)));
        assert!(matches!(parse("99999999999999999999999999999999"), RateError::TooLarge(_)));
        for text in ["", ".", "five", "1e3", "0x5", "1_000", "1 "] {
            assert!(matches!(parse(text), RateError::NotDecimal(_)), "{text}");
        }
    }

    #[test]
    fn points_are_divided_once_and_floored_at_18_places() {
        let scale = Scale::of(Decimals(0));
        let third = RawPoints(scale.0 / U512::from(3));
        assert_eq!(scale.points(third), "0.333333333333333333");
        assert_eq!(scale.points(RawPoints(scale.0 * U512::from(10))), "10");
        assert_eq!(scale.points(RawPoints(U512::from(1))), "0");
    }

    #[test]
    fn the_largest_raw_points_of_the_widest_token_still_show() {
        let raw = RawPoints((U512::from(1) << 416) - U512::from(1));
        assert!(Scale::of(Decimals(77)).points(raw).contains('.'));
        assert!(!Scale::of(Decimals(0)).points(raw).is_empty());
    }
}
