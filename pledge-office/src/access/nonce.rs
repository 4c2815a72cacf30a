//! Nonces that need no row until they are used.

use hmac::{Hmac, KeyInit, Mac};
use pledge_core::primitives::hex;
use pledge_core::types::Timestamp;
use sha2::Sha256;

use super::secret::Keys;

/// Makes nonces and knows its own again: a time, random bytes, and their HMAC-SHA256, in hexadecimal.
///
/// Nothing is stored when one is made, so that asking for nonces costs the server nothing. The
/// caller that accepts one stores its [`NonceId`] under a unique key, so that it is accepted once.
#[derive(Debug, Clone)]
pub struct Nonces(Keys);

/// What a nonce is stored by once it was used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NonceId {
    /// Its random bytes.
    pub random: [u8; 16],
    /// From this second on every instance refuses the nonce for its age, however its clock differs, so that
    /// its row may go.
    pub over_at: Timestamp,
}

/// Why a nonce is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadNonce {
    /// This server has not made it.
    #[error("the nonce is none of this server: ask for a new one")]
    Foreign,
    /// It is older than a nonce may be.
    #[error("the nonce is too old: ask for a new one")]
    Old,
}

impl Nonces {
    /// How long a nonce may be used, in seconds.
    pub const SECONDS: u64 = 600;
    /// How far the clocks of two instances may be apart, in seconds.
    const AHEAD_MAX: u64 = 60;

    /// With the keys of [`Purpose::Nonce`](super::Purpose::Nonce).
    pub const fn new(keys: Keys) -> Self {
        Self(keys)
    }

    /// A nonce, from random bytes that no other one has.
    pub fn make(&self, now: Timestamp, random: [u8; 16]) -> String {
        let body = [&now.get().to_be_bytes()[..], &random].concat();
        let tag = mac(self.0.first(), &body).finalize().into_bytes();
        hex::encode([&body[..], &tag].concat())
    }

    /// Whether a nonce is one that this server, or another instance of it, made not long ago.
    pub fn check(&self, nonce: &str, now: Timestamp) -> Result<NonceId, BadNonce> {
        let bytes = hex::decode(nonce).map_err(|_| BadNonce::Foreign)?;
        // A text that decodes to the same bytes is another text: it would be used a second time.
        if nonce != hex::encode(&bytes) {
            return Err(BadNonce::Foreign);
        }
        let (body, tag) = bytes.split_at_checked(24).ok_or(BadNonce::Foreign)?;
        // In constant time, so that no tag is found out byte by byte.
        let is_own = |key| mac(key, body).verify_slice(tag).is_ok();
        if !self.0.all().any(is_own) {
            return Err(BadNonce::Foreign);
        }
        let (made, random) = body.split_at(8);
        let made = u64::from_be_bytes(made.try_into().expect("8 bytes"));
        let random = random.try_into().expect("16 bytes");
        let over_at = made + Self::SECONDS + Self::AHEAD_MAX;
        let over_at = Timestamp::new(over_at).map_err(|_| BadNonce::Old)?;
        let usable = made.saturating_sub(Self::AHEAD_MAX)..made + Self::SECONDS;
        let is_of_now = usable.contains(&now.get());
        is_of_now.then_some(NonceId { random, over_at }).ok_or(BadNonce::Old)
    }
}

fn mac(key: &[u8; 32], body: &[u8]) -> Hmac<Sha256> {
    let mac: Hmac<Sha256> = KeyInit::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.chain_update(body)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::{Purpose, Secrets};

    const RANDOM: [u8; 16] = [7; 16];

    fn nonces(secrets: &[&str]) -> Nonces {
        Nonces::new(Secrets::new(secrets).unwrap().keys(Purpose::Nonce))
    }

    fn at(seconds: u64) -> Timestamp {
        Timestamp::new(1_777_636_800 + seconds).unwrap()
    }

    const FIRST: &str = "the first secret of thirty-two bytes";
    const SECOND: &str = "the second secret of thirty-two bytes";

    #[test]
    fn a_nonce_is_known_again_within_its_time() {
        let nonces = nonces(&[FIRST]);
        let nonce = nonces.make(at(100), RANDOM);
        let right = Ok(NonceId { random: RANDOM, over_at: at(760) });
        for now in [40, 100, 699] {
            assert_eq!(nonces.check(&nonce, at(now)), right, "{now}");
        }
        for now in [39, 700, 100_000] {
            assert_eq!(nonces.check(&nonce, at(now)), Err(BadNonce::Old), "{now}");
        }
    }

    #[test]
    fn a_nonce_has_letters_and_digits_alone() {
        let nonce = nonces(&[FIRST]).make(at(0), RANDOM);
        assert!(nonce.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        assert_eq!(nonce.len(), 112);
    }

    #[test]
    fn a_nonce_with_any_byte_changed_or_lost_is_refused() {
        let nonces = nonces(&[FIRST]);
        let nonce = nonces.make(at(0), RANDOM);
        for place in 0..nonce.len() {
            let mut other = nonce.clone().into_bytes();
            other[place] = if other[place] == b'0' { b'1' } else { b'0' };
            let other = String::from_utf8(other).unwrap();
            assert_eq!(nonces.check(&other, at(0)), Err(BadNonce::Foreign), "{place}");
            assert_eq!(nonces.check(&nonce[..place], at(0)), Err(BadNonce::Foreign), "{place}");
        }
        for other in [format!("{nonce}00"), format!("0x{nonce}"), nonce.to_uppercase()] {
            assert_eq!(nonces.check(&other, at(0)), Err(BadNonce::Foreign), "{other}");
        }
    }

    #[test]
    fn a_nonce_of_a_secret_that_was_replaced_is_known_until_that_is_removed() {
        let nonce = nonces(&[FIRST]).make(at(0), RANDOM);
        assert!(nonces(&[SECOND, FIRST]).check(&nonce, at(1)).is_ok());
        assert_eq!(nonces(&[SECOND]).check(&nonce, at(1)), Err(BadNonce::Foreign));
    }
}
