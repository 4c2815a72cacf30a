//! Secrets that are given out once and known again by their hashes.

use std::fmt;

use pledge_core::primitives::hex;

use super::{KeyPrefix, TokenHash};
use crate::base::{Random, random_bytes};

/// A secret of 256 random bits in hexadecimal: a ticket, or the code of an invitation. It never displays it.
#[derive(Clone, PartialEq, Eq)]
pub struct OneUse(String);

impl OneUse {
    /// A new one.
    pub fn random(random: &dyn Random) -> Self {
        Self(hex::encode(random_bytes::<32>(random)))
    }

    /// A text that a client shows, if it has the form of one.
    pub fn parse(text: &str) -> Option<Self> {
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        (text.len() == 64 && text.bytes().all(is_digit)).then(|| Self(text.to_owned()))
    }

    /// The text to give out, once.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// What a store keeps of it.
    pub fn hash(&self) -> TokenHash {
        TokenHash::of(&self.0)
    }
}

impl fmt::Debug for OneUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OneUse(***)")
    }
}

/// The key of a program, `pledge_PREFIX_SECRET`: the prefix has 40 random bits in base 32, the secret 256 in
/// hexadecimal. It displays its prefix alone.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKeyText {
    prefix: KeyPrefix,
    text: String,
}

impl ApiKeyText {
    /// How every key begins, and no access token.
    pub const MARK: &'static str = "pledge_";
    /// The digits of base 32 (RFC 4648), in lower case.
    const DIGITS: &'static [u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

    /// A new one.
    pub fn random(random: &dyn Random) -> Self {
        let bits = random_bytes::<{ KeyPrefix::CHARS }>(random).map(|byte| usize::from(byte % 32));
        let prefix: String = bits.iter().map(|digit| char::from(Self::DIGITS[*digit])).collect();
        let text = format!("{}{prefix}_{}", Self::MARK, OneUse::random(random).expose());
        Self { prefix: KeyPrefix::new(&prefix).expect("digits of base 32"), text }
    }

    /// A text that a program shows, if it has the form of a key.
    pub fn parse(text: &str) -> Option<Self> {
        let (prefix, secret) = text.strip_prefix(Self::MARK)?.split_once('_')?;
        OneUse::parse(secret)?;
        Some(Self { prefix: KeyPrefix::new(prefix).ok()?, text: text.to_owned() })
    }

    /// The part by which it is found. It is no secret.
    pub const fn prefix(&self) -> &KeyPrefix {
        &self.prefix
    }

    /// The text to give to its owner, once.
    pub fn expose(&self) -> &str {
        &self.text
    }

    /// What a store keeps of it.
    pub fn hash(&self) -> TokenHash {
        TokenHash::of(&self.text)
    }
}

impl fmt::Debug for ApiKeyText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ApiKeyText({}***)", self.prefix.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes that count up.
    #[derive(Debug)]
    struct Counting;

    impl Random for Counting {
        fn fill(&self, bytes: &mut [u8]) {
            (0..).zip(bytes).for_each(|(number, byte)| *byte = number);
        }
    }

    #[test]
    fn a_secret_is_read_as_it_is_given_out_and_in_no_other_way() {
        let one = OneUse::random(&Counting);
        assert_eq!(OneUse::parse(one.expose()), Some(one.clone()));
        assert_eq!(one.hash(), TokenHash::of(one.expose()));
        for wrong in ["", &"ab".repeat(31), &"AB".repeat(32), &format!("{} ", "ab".repeat(32))] {
            assert_eq!(OneUse::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_key_is_read_as_it_is_given_out_and_in_no_other_way() {
        let key = ApiKeyText::random(&Counting);
        assert!(key.expose().starts_with("pledge_abcdefgh_000102"), "{}", key.expose());
        assert_eq!(ApiKeyText::parse(key.expose()), Some(key.clone()));
        assert_eq!(key.prefix().as_str(), "abcdefgh");
        let secret = "ab".repeat(32);
        for wrong in [
            secret.clone(),
            format!("pledge_{secret}"),
            format!("pledge__{secret}"),
            format!("pledge_abcdefg_{secret}"),
            format!("Pledge_abcdefgh_{secret}"),
            format!("pledge_abcdefgh_{secret}_"),
            format!("pledge_abcdefgh_{}", &secret[1..]),
        ] {
            assert_eq!(ApiKeyText::parse(&wrong), None, "{wrong}");
        }
    }

    #[test]
    fn no_secret_is_shown() {
        let shown = format!("{:?} {:?}", OneUse::random(&Counting), ApiKeyText::random(&Counting));
        assert_eq!(shown, "OneUse(***) ApiKeyText(abcdefgh***)");
    }
}
