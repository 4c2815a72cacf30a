//! Fixed prices, set by an operator.

use std::collections::BTreeMap;

use async_trait::async_trait;
use rust_decimal::Decimal;

use crate::ports::{Price, PriceError, PriceSource};
use crate::types::{Timestamp, TokenId};

/// Fixed prices: a peg, a price agreed on, a test.
///
/// ```
/// use std::collections::BTreeMap;
///
/// use pledge_core::ports::PriceSource;
/// use pledge_core::prices::StaticPrices;
/// use pledge_core::primitives::Address;
/// use pledge_core::types::{ChainId, Timestamp, TokenId};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let token = TokenId { chain: ChainId::new(1), address: Address::repeat_byte(0x70) };
/// let observed = Timestamp::new(1_767_279_600)?;
/// let prices = StaticPrices::new(&BTreeMap::from([(token, "1.00".parse()?)]), observed)?;
/// assert_eq!(prices.price(token).await?.value(), "1.00".parse()?);
///
/// let zero = BTreeMap::from([(token, "0".parse()?)]);
/// assert!(StaticPrices::new(&zero, observed).is_err());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StaticPrices {
    prices: BTreeMap<TokenId, Price>,
}

impl StaticPrices {
    /// Prices of one whole token each, and when they were observed. A price that is not above zero
    /// is `Invalid`, and the error names it.
    pub fn new(
        prices: &BTreeMap<TokenId, Decimal>,
        observed: Timestamp,
    ) -> Result<Self, PriceError> {
        let price =
            |(token, value): (&TokenId, &Decimal)| match Price::new(*token, *value, observed) {
                Ok(price) => Ok((*token, price)),
                Err(error) => {
                    Err(PriceError::invalid("fix a price", format!("of {token}: {error}")))
                }
            };
        Ok(Self { prices: prices.iter().map(price).collect::<Result<_, _>>()? })
    }
}

#[async_trait]
impl PriceSource for StaticPrices {
    async fn price(&self, token: TokenId) -> Result<Price, PriceError> {
        let known = self.prices.get(&token).copied();
        known.ok_or_else(|| PriceError::unknown("look up a fixed price", token))
    }
}
