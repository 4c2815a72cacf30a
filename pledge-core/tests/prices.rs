//! Fixed prices: the laws of a price source, and values that are no price.

use std::collections::BTreeMap;
use std::sync::Arc;

use pledge_core::ports::{PriceErrorKind, PriceSource};
use pledge_core::prices::StaticPrices;
use pledge_core::primitives::Address;
use pledge_core::types::TokenId;
use pledge_testing::conformance::price_source::PriceFixture;
use pledge_testing::world::{CHAIN, at};
use rust_decimal::Decimal;

fn token(byte: u8) -> TokenId {
    TokenId { chain: CHAIN, address: Address::repeat_byte(byte) }
}

fn decimal(text: &str) -> Decimal {
    text.parse().expect("a number of a test")
}

async fn fixture() -> PriceFixture {
    // A price of 28 digits, the longest there is, and a large one.
    let known = [(token(1), "0.0000000000000000000000000001"), (token(2), "67890.12")];
    let prices = known.map(|(token, text)| (token, decimal(text)));
    let source = StaticPrices::new(&BTreeMap::from(prices), at(0)).expect("all above zero");
    let known = vec![token(1), token(2)];
    PriceFixture::new(Arc::new(source), known, token(3), at(0)..=at(0), ())
}

pledge_testing::price_source_conformance!(fixture());

#[tokio::test]
async fn a_fixed_price_is_answered_to_the_last_digit() {
    let prices = BTreeMap::from([(token(1), decimal("0.99980"))]);
    let source = StaticPrices::new(&prices, at(5)).expect("above zero");
    let price = source.price(token(1)).await.expect("known");
    assert_eq!((price.value().to_string().as_str(), price.at), ("0.99980", at(5)));
}

#[test]
fn a_price_that_is_not_above_zero_is_refused_and_named() {
    for text in ["0", "-0", "0.000", "-1.5"] {
        let prices = BTreeMap::from([(token(1), decimal("1")), (token(2), decimal(text))]);
        let error = StaticPrices::new(&prices, at(0)).expect_err(text);
        assert_eq!(error.kind(), PriceErrorKind::Invalid);
        let message = error.to_string();
        let names = message.contains(&token(2).to_string()) && message.contains("above zero");
        assert!(names, "{message}");
    }
}
