//! The names of all that is kept on the server.
//!
//! Keys that one script uses share the part in braces, so that a cluster holds them in one place.

use pledge_core::primitives::B256;
use pledge_core::types::{ChainId, TokenId};

/// Names below one prefix.
#[derive(Debug)]
pub(crate) struct Keys {
    prefix: String,
}

impl Keys {
    /// `None` if the prefix has no characters, or some that mean something in keys.
    pub(crate) fn new(prefix: &str) -> Option<Self> {
        // A brace in the prefix would be the tag by which a cluster places a key, and the keys of
        // one script would be apart.
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte);
        let is_prefix = !prefix.is_empty() && prefix.bytes().all(is_plain);
        is_prefix.then(|| Self { prefix: prefix.to_owned() })
    }

    pub(crate) fn prefix(&self) -> &str {
        &self.prefix
    }

    pub(crate) fn probe(&self) -> String {
        format!("{}:probe", self.prefix)
    }

    pub(crate) fn pending(&self, chain: ChainId) -> String {
        format!("{}:{{{chain}}}:pending", self.prefix)
    }

    /// The channel of hints. Its name is that of the first kind, so that instances of two releases share it.
    pub(crate) fn hints(&self) -> String {
        format!("{}:events", self.prefix)
    }

    /// When each lease ends, by instance.
    pub(crate) fn lease_ends(&self) -> String {
        format!("{}:{{leases}}:ends", self.prefix)
    }

    /// What each instance offers.
    pub(crate) fn lease_offers(&self) -> String {
        format!("{}:{{leases}}:offers", self.prefix)
    }

    /// When the next request of a client is due.
    pub(crate) fn rate(&self, client: &str) -> String {
        format!("{}:{{{client}}}:rate", self.prefix)
    }

    /// The answer to a question about one state of a token.
    pub(crate) fn answer(&self, token: TokenId, digest: B256) -> String {
        format!("{}:{{{token}}}:answer:{digest:x}", self.prefix)
    }
}
