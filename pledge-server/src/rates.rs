//! How often a client may ask, counted by several instances together.

use std::fmt::Debug;
use std::net::IpAddr;
use std::time::Duration;

use async_trait::async_trait;
use pledge_core::error::StoreError;

use crate::config::RateConfig;

/// What a client may do now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// Whether this request is within the rate.
    pub is_allowed: bool,
    /// The requests that it may send at once after this one.
    pub remaining: u32,
    /// When it may send a whole burst again.
    pub full_in: Duration,
    /// When a request that is refused would be allowed.
    pub allowed_in: Duration,
}

/// Counts the requests of clients for all instances that share a store.
#[async_trait]
pub trait SharedRates: Debug + Send + Sync {
    /// Takes one request of a client. An error while there is none to ask.
    async fn take(&self, client: IpAddr, rate: RateConfig) -> Result<Verdict, StoreError>;
}
