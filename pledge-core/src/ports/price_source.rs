//! What a token is worth.

use std::fmt::Debug;

use async_trait::async_trait;
use rust_decimal::Decimal;

use crate::error::{ErrorKind, PortError};
use crate::types::{OutOfRange, Timestamp, TokenId};

/// The price of one whole token at an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Price {
    /// The token that it is the price of.
    pub token: TokenId,
    /// When the source observed it, not when it was requested. The caller judges its age.
    pub at: Timestamp,
    value: Decimal,
}

impl Price {
    /// A price in units of the source's quote currency for one whole token; above zero.
    pub fn new(token: TokenId, value: Decimal, at: Timestamp) -> Result<Self, OutOfRange> {
        if value > Decimal::ZERO {
            return Ok(Self { token, at, value });
        }
        Err(OutOfRange::new("price", value, "above zero"))
    }

    /// Units of the source's quote currency for one whole token.
    pub const fn value(&self) -> Decimal {
        self.value
    }
}

/// What the caller of a price source should do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PriceErrorKind {
    /// The source does not know the token: ask another source, or go without a price.
    Unknown,
    /// The source cannot be reached now. Retry with backoff.
    Unavailable,
    /// The source's answer is not a price: a bug or a wrong configuration. Retrying is pointless.
    Invalid,
}

impl ErrorKind for PriceErrorKind {}

/// Why there is no price.
pub type PriceError = PortError<PriceErrorKind>;

impl PriceError {
    /// The source does not know the token.
    pub fn unknown(operation: &'static str, token: TokenId) -> Self {
        Self::new(PriceErrorKind::Unknown, operation, format!("no price for {token}"))
    }

    /// Retry with backoff.
    pub fn unavailable(operation: &'static str, detail: impl Into<String>) -> Self {
        Self::new(PriceErrorKind::Unavailable, operation, detail)
    }

    /// The source's answer is not a price.
    pub fn invalid(operation: &'static str, detail: impl Into<String>) -> Self {
        Self::new(PriceErrorKind::Invalid, operation, detail)
    }
}

/// Observed prices. A price never decides an amount of points.
///
/// # Contract
/// - A price is of the token asked for, and above zero.
/// - A price has the time of its observation. The same observation is the same price, however often
///   it is requested; a later answer is never an older observation.
/// - An unknown token is `Unknown`, never a price of zero, and does not affect other tokens.
///
/// ```
/// use async_trait::async_trait;
/// use pledge_core::ports::{Price, PriceError, PriceErrorKind, PriceSource};
/// use pledge_core::primitives::Address;
/// use pledge_core::types::{ChainId, Timestamp, TokenId};
/// use tokio::sync::watch;
///
/// /// The newest price of one token, as last received from a feed.
/// #[derive(Debug)]
/// struct Feed(watch::Receiver<Price>);
///
/// #[async_trait]
/// impl PriceSource for Feed {
///     async fn price(&self, token: TokenId) -> Result<Price, PriceError> {
///         let newest = *self.0.borrow();
///         let known = newest.token == token;
///         known.then_some(newest).ok_or_else(|| PriceError::unknown("read the feed", token))
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let token = TokenId { chain: ChainId::new(1), address: Address::repeat_byte(0x70) };
/// let observed = Timestamp::new(1_767_279_600)?;
/// let (_feed, newest) = watch::channel(Price::new(token, "0.9998".parse()?, observed)?);
/// let feed = Feed(newest);
/// let price = feed.price(token).await?;
/// assert_eq!((price.value(), price.at), ("0.9998".parse()?, observed));
///
/// let other = TokenId { chain: ChainId::new(2), ..token };
/// let error = feed.price(other).await.expect_err("the feed has one token");
/// assert_eq!(error.kind(), PriceErrorKind::Unknown);
/// # Ok(())
/// # }
/// ```
#[async_trait]
#[auto_impl::auto_impl(Arc, Box)]
pub trait PriceSource: Debug + Send + Sync + 'static {
    /// The newest price of a token.
    async fn price(&self, token: TokenId) -> Result<Price, PriceError>;
}
