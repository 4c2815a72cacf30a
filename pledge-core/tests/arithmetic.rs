//! The products behind the ledger and the points, against multiplication by shifts and sums alone.

use pledge_core::points::{AccountRule, Accrual};
use pledge_core::primitives::{U256, Uint};
use pledge_core::types::{
    Amount, BalanceSeconds, Overflow, Rate, RateSchedule, RawPoints, Step, Timestamp, WeightBp,
    WeightSchedule,
};
use proptest::prelude::*;

/// Wide enough for every sum and product here.
type Wide = Uint<1024, 16>;

fn times(number: Wide, factor: Wide) -> Wide {
    let bits = (0..factor.bit_len()).filter(|bit| factor.bit(*bit));
    bits.fold(Wide::ZERO, |sum, bit| sum.strict_add(number << bit))
}

fn wide(decimal: impl ToString) -> Wide {
    decimal.to_string().parse().expect("a decimal integer")
}

/// Any number of limbs, each as likely to be at an edge as anywhere.
fn limbs<const N: usize>() -> impl Strategy<Value = [u64; N]> {
    let limb = prop_oneof![Just(0), Just(1), Just(u64::MAX), any::<u64>()];
    proptest::collection::vec(limb, N).prop_map(|limbs| limbs.try_into().expect("N limbs"))
}

fn amount() -> impl Strategy<Value = Amount> {
    limbs::<4>().prop_map(|limbs| Amount::new(U256::from_limbs(limbs)))
}

/// Forty bytes as a store holds them, those beyond 296 bits included.
fn integral() -> impl Strategy<Value = BalanceSeconds> {
    let number = limbs::<5>().prop_map(Uint::<320, 5>::from_limbs);
    let bits = prop_oneof![Just(0_usize), Just(23), Just(24), 0..320_usize];
    (number, bits).prop_map(|(number, bits)| {
        BalanceSeconds::from_be_bytes((number >> bits).to_be_bytes::<40>())
    })
}

fn time() -> impl Strategy<Value = Timestamp> {
    let last = Timestamp::MAX.get();
    prop_oneof![Just(0), Just(last), 0..=last].prop_map(|t| Timestamp::new(t).expect("in range"))
}

fn rate() -> impl Strategy<Value = Rate> {
    let last = (1_u128 << 96) - 1;
    prop_oneof![Just(0), Just(last), 0..=last]
        .prop_map(|e18| Rate::from_e18(e18).expect("in range"))
}

fn weight() -> impl Strategy<Value = WeightBp> {
    let last = (1_u32 << 24) - 1;
    prop_oneof![Just(0), Just(last), 0..=last].prop_map(|bp| WeightBp::new(bp).expect("in range"))
}

proptest! {
    #[test]
    fn an_integral_grows_by_balance_times_seconds_or_overflows(
        before in integral(), balance in amount(), one in time(), other in time()
    ) {
        let (since, until) = (one.min(other), one.max(other));
        let area = times(wide(balance), wide(until.get() - since.get()));
        let sum = wide(before) + area;
        let expected = if sum.bit_len() <= 296 { Ok(sum) } else { Err(Overflow("balance-seconds")) };
        prop_assert_eq!(before.plus(balance, since, until).map(wide), expected);
    }

    #[test]
    fn forty_bytes_hold_an_integral(integral in integral()) {
        prop_assert_eq!(BalanceSeconds::from_be_bytes(integral.to_be_bytes()), integral);
        prop_assert_eq!(Wide::from_be_slice(&integral.to_be_bytes()), wide(integral));
    }

    #[test]
    fn a_constant_balance_earns_its_product_with_the_factor(
        balance in amount(), factor in limbs::<4>()
    ) {
        let factor = U256::from_limbs(factor);
        let expected = times(wide(balance), wide(factor));
        prop_assert_eq!(wide(RawPoints::of_constant(balance, factor)), expected);
    }

    #[test]
    fn an_area_earns_its_product_with_rate_and_weight(
        area in integral(), rate in rate(), weight in weight()
    ) {
        let expected = times(times(wide(area), wide(rate.e18())), wide(weight.get()));
        prop_assert_eq!(wide(RawPoints::of_area(area, rate, weight)), expected);
    }

    #[test]
    fn the_factor_of_an_interval_is_the_sum_over_its_pieces(
        rates in [rate(), rate()], weight in weight(), edges in [time(), time(), time()]
    ) {
        let mut edges = edges;
        edges.sort_unstable();
        let [from, step, to] = edges;
        let schedule = RateSchedule::new(rates[0], vec![Step { from: step, value: rates[1] }])
            .expect("one step ascends");
        let weights = WeightSchedule::constant(weight);
        let rule = AccountRule::of_weights(weights);
        let factor = Accrual::new(&schedule, &rule).factor(from, to);
        let piece = |rate: Rate, from: Timestamp, to: Timestamp| {
            let seconds = wide(to.get() - from.get());
            times(times(wide(rate.e18()), wide(weight.get())), seconds)
        };
        prop_assert_eq!(wide(factor), piece(rates[0], from, step) + piece(rates[1], step, to));
    }
}

#[test]
fn the_largest_balance_held_for_all_of_time_is_an_integral_and_two_seconds_more_are_not() {
    let all = BalanceSeconds::ZERO.plus(Amount::MAX, Timestamp::ZERO, Timestamp::MAX);
    let all = all.expect("2^256-1 held for 2^40-1 seconds fits 296 bits");
    assert_eq!(wide(all), times(wide(Amount::MAX), wide(Timestamp::MAX.get())));
    let second = Timestamp::new(1).expect("in range");
    let more = all.plus(Amount::MAX, Timestamp::ZERO, second);
    assert!(more.is_ok(), "2^40 seconds of 2^256-1 are just below 2^296");
    let beyond = more.and_then(|more| more.plus(Amount::MAX, Timestamp::ZERO, second));
    assert_eq!(beyond, Err(Overflow("balance-seconds")));
}
