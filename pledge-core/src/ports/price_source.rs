//! What a token is worth.

use std::error::Error as StdError;
use std::fmt::Debug;

use async_trait::async_trait;
use rust_decimal::Decimal;

use crate::types::{Timestamp, TokenId};

/// The price of one whole token at an instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Price {
    /// Which token.
    pub token: TokenId,
    /// Units of the source's quote currency for one whole token; above zero.
    pub value: Decimal,
    /// When the source observed it.
    pub at: Timestamp,
}

/// Why there is no price.
#[derive(Debug, thiserror::Error)]
pub enum PriceError {
    /// The source does not know the token.
    #[error("no price for {0}")]
    Unknown(TokenId),
    /// The source cannot be reached now. Retry with backoff.
    #[error("price source unavailable: {detail}")]
    Unavailable {
        /// What happened.
        detail: String,
        /// The error below.
        #[source]
        source: Option<Box<dyn StdError + Send + Sync>>,
    },
}

/// Observed prices. A price never decides an amount of points.
///
/// # Contract
/// - A price is above zero and says when it was observed; the caller judges its age.
/// - An unknown token is `Unknown`, never a price of zero.
#[async_trait]
#[auto_impl::auto_impl(Arc, Box)]
#[cfg_attr(feature = "testing", mockall::automock)]
pub trait PriceSource: Debug + Send + Sync + 'static {
    /// The newest price of a token.
    async fn price(&self, token: TokenId) -> Result<Price, PriceError>;
}
