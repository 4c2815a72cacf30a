//! What keeps sign-ins from being guessed or repeated.

use std::net::IpAddr;
use std::time::Duration;

use sha2::{Digest, Sha256};

use super::{ApiKeyId, SessionId};

/// The account and the part of the network that failed sign-ins are counted for, as a hash: a person may type a
/// password where its name belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FailureKey([u8; 32]);

impl FailureKey {
    /// That of an account, by the text that was given as its name, and of the /24 of an IPv4 address or the /64 of
    /// an IPv6 address.
    pub fn new(account: &str, address: IpAddr) -> Self {
        let (version, network) = match address.to_canonical() {
            IpAddr::V4(v4) => (4, u128::from(v4.to_bits() >> 8)),
            IpAddr::V6(v6) => (6, v6.to_bits() >> 64),
        };
        let digest = Sha256::new().chain_update([version]).chain_update(network.to_be_bytes());
        Self(digest.chain_update(account).finalize().into())
    }

    /// Wraps the bytes of one.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes of it.
    pub const fn to_bytes(self) -> [u8; 32] {
        self.0
    }
}

/// Whether a sign-in may be attempted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attempted {
    /// It may, and counts as failed until it succeeds.
    May,
    /// It may not before this time has passed, and counts for nothing.
    Wait(Duration),
}

/// Whose right a ticket carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TicketHolder {
    /// That of a sign-in.
    Session(SessionId),
    /// That of a key.
    ApiKey(ApiKeyId),
}

/// How long a ticket may be used.
pub const TICKET_LASTS: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use super::*;

    fn key(account: &str, address: &str) -> FailureKey {
        FailureKey::new(account, address.parse().unwrap())
    }

    #[test]
    fn failures_are_counted_for_an_account_and_a_network() {
        let one = key("root", "198.51.100.7");
        assert_eq!(one, key("root", "198.51.100.200"));
        assert_eq!(one, key("root", "::ffff:198.51.100.7"));
        assert_ne!(one, key("root", "198.51.101.7"));
        assert_ne!(one, key("boot", "198.51.100.7"));
        let six = key("root", "2001:db8:0:1::1");
        assert_eq!(six, key("root", "2001:db8:0:1:ffff::1"));
        assert_ne!(six, key("root", "2001:db8:0:2::1"));
    }
}
