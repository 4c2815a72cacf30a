//! Laws of [`PriceSource`].

use std::any::Any;
use std::fmt;
use std::ops::RangeInclusive;
use std::sync::Arc;

use pledge_core::ports::{Price, PriceErrorKind, PriceSource};
use pledge_core::rust_decimal::Decimal;
use pledge_core::types::{Timestamp, TokenId};

laws! {
    __price_source of price_source(PriceFixture):
    a_price_is_of_the_token_asked_for_and_above_zero
    a_price_has_the_time_of_its_observation
    one_observation_is_one_price
    an_unknown_token_is_unknown_and_harms_no_other
}

/// A source whose prices and tokens are known.
pub struct PriceFixture {
    source: Arc<dyn PriceSource>,
    known: Vec<TokenId>,
    unknown: TokenId,
    observed: RangeInclusive<Timestamp>,
    _guard: Box<dyn Any + Send + Sync>,
}

impl PriceFixture {
    /// A source, two or more tokens that it has a price for, one that it has none for, and between
    /// which instants it observed its prices. `guard` is dropped with it.
    pub fn new(
        source: Arc<dyn PriceSource>,
        known: Vec<TokenId>,
        unknown: TokenId,
        observed: RangeInclusive<Timestamp>,
        guard: impl Any + Send + Sync,
    ) -> Self {
        assert!(known.len() > 1, "the laws need two tokens that the source knows");
        Self { source, known, unknown, observed, _guard: Box::new(guard) }
    }

    async fn prices(&self) -> Vec<Price> {
        let mut prices = Vec::with_capacity(self.known.len());
        for token in &self.known {
            prices.push(self.source.price(*token).await.expect("the source knows it"));
        }
        prices
    }
}

impl fmt::Debug for PriceFixture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PriceFixture").field("source", &self.source).finish_non_exhaustive()
    }
}

/// Each token has a price of its own.
async fn a_price_is_of_the_token_asked_for_and_above_zero(fixture: PriceFixture) {
    let prices = fixture.prices().await;
    let tokens: Vec<_> = prices.iter().map(|price| price.token).collect();
    assert_eq!(tokens, fixture.known);
    assert!(prices.iter().all(|price| price.value() > Decimal::ZERO), "{prices:?}");
}

/// The time of a price is that of its observation, not of the call.
async fn a_price_has_the_time_of_its_observation(fixture: PriceFixture) {
    for price in fixture.prices().await {
        assert!(fixture.observed.contains(&price.at), "{price:?}: not in {:?}", fixture.observed);
    }
}

/// Two answers agree, or the second is a later observation.
async fn one_observation_is_one_price(fixture: PriceFixture) {
    let (first, second) = (fixture.prices().await, fixture.prices().await);
    for (first, second) in first.iter().zip(&second) {
        assert!(second.at > first.at || second == first, "{first:?}, then {second:?}");
    }
}

/// The error has its own kind; known tokens keep their prices.
async fn an_unknown_token_is_unknown_and_harms_no_other(fixture: PriceFixture) {
    let error = fixture.source.price(fixture.unknown).await.expect_err("it has no price");
    assert_eq!(error.kind(), PriceErrorKind::Unknown, "{error}");
    assert_eq!(fixture.prices().await.len(), fixture.known.len());
}
