//! Refresh tokens: each is used once, and gives the next (pure).

use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use pledge_core::primitives::hex;
use sha2::{Digest, Sha256};

use super::secret::Keys;
use crate::base::StoreTime;

/// A refresh token: 256 random bits in hexadecimal. It never displays them.
#[derive(Clone, PartialEq, Eq)]
pub struct RefreshToken(String);

/// What a store keeps of a token: its SHA-256. The token has 256 random bits, so no salt is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TokenHash(pub [u8; 32]);

impl TokenHash {
    /// That of a token's text, of 256 random bits: a refresh token, a ticket, an invitation's code or the key
    /// of a program.
    pub fn of(text: &str) -> Self {
        Self(Sha256::digest(text).into())
    }
}

/// A token as a store keeps it, one of the family that began with a sign-in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RefreshRecord {
    /// When it was given out.
    pub issued: StoreTime,
    /// When the user signed in.
    pub signed_in: StoreTime,
    /// When it was first used, and whether its successor has been used since.
    pub used: Option<Used>,
    /// Whether its family was revoked: by logout, by a ban, or after a reuse.
    pub is_revoked: bool,
}

/// The use of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Used {
    /// When it was first used.
    pub at: StoreTime,
    /// Whether its successor has been used since. Then its answer has arrived.
    pub is_successor_used: bool,
}

/// What follows when a token is presented.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presented {
    /// It gives its successor. The store marks it as used, and one caller alone does so.
    Rotates,
    /// It was used a moment ago and the answer may be lost: the same successor is given again.
    Repeats,
    /// It was used before: it is stolen, or its thief came first. The family is revoked.
    IsReused,
    /// It gives nothing: revoked, or older than it may be.
    IsOver,
}

/// How long tokens last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RefreshTimes {
    /// From giving out to the last use.
    pub idle: Duration,
    /// From the sign-in to the last use of any of the family.
    pub whole: Duration,
    /// The time in which a token that was used repeats its answer.
    pub grace: Duration,
}

impl RefreshTimes {
    /// Two weeks idle, 90 days in all, 10 seconds of grace.
    pub const USUAL: Self = Self {
        idle: Duration::from_secs(14 * 86_400),
        whole: Duration::from_secs(90 * 86_400),
        grace: Duration::from_secs(10),
    };

    /// What follows when a token is presented. Ends are exclusive.
    pub fn presented(&self, record: &RefreshRecord, now: StoreTime) -> Presented {
        let is_within = |start: StoreTime, length: Duration| {
            // A clock that was set back makes nothing older.
            start.checked_add(length).is_none_or(|end| now < end)
        };
        // Not so for the grace, which a clock that was ahead would prolong for a thief.
        let is_repeated = |at: StoreTime| {
            is_within(at, self.grace) && now.checked_add(self.grace).is_none_or(|later| at <= later)
        };
        let is_over = record.is_revoked
            || !is_within(record.signed_in, self.whole)
            || (record.used.is_none() && !is_within(record.issued, self.idle));
        match record.used {
            _ if is_over => Presented::IsOver,
            None => Presented::Rotates,
            Some(used) if !used.is_successor_used && is_repeated(used.at) => Presented::Repeats,
            Some(_) => Presented::IsReused,
        }
    }
}

impl RefreshToken {
    /// The first token of a family.
    pub fn of_random(random: [u8; 32]) -> Self {
        Self(hex::encode(random))
    }

    /// A text that a client presents, if it has the form of a token.
    pub fn parse(text: &str) -> Option<Self> {
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        (text.len() == 64 && text.bytes().all(is_digit)).then(|| Self(text.to_owned()))
    }

    /// The text to give to its client, once.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// What a store keeps of it.
    pub fn hash(&self) -> TokenHash {
        TokenHash::of(&self.0)
    }

    /// Its successor under each key of [`Purpose::RefreshToken`](super::Purpose::RefreshToken), the one
    /// to give out first.
    ///
    /// It follows from the token, so that the same one is given again though only hashes are kept. No
    /// one without the key can make it.
    pub fn successors(&self, keys: &Keys) -> impl Iterator<Item = Self> {
        let next = |key: &[u8; 32]| {
            let mac: Hmac<Sha256> = KeyInit::new_from_slice(key).expect("any length is a key");
            Self(hex::encode(mac.chain_update(&self.0).finalize().into_bytes()))
        };
        keys.all().map(next)
    }
}

impl std::fmt::Debug for RefreshToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RefreshToken(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::{Purpose, Secrets};

    const DAY: u64 = 86_400_000;

    fn at(millis: u64) -> StoreTime {
        StoreTime::new(1_777_636_800_000 + millis).unwrap()
    }

    const FRESH: fn() -> RefreshRecord =
        || RefreshRecord { issued: at(0), signed_in: at(0), used: None, is_revoked: false };

    fn presented(record: RefreshRecord, now: u64) -> Presented {
        RefreshTimes::USUAL.presented(&record, at(now))
    }

    #[test]
    fn a_token_that_was_not_used_gives_its_successor_until_it_was_idle_too_long() {
        assert_eq!(presented(FRESH(), 0), Presented::Rotates);
        assert_eq!(presented(FRESH(), 14 * DAY - 1), Presented::Rotates);
        assert_eq!(presented(FRESH(), 14 * DAY), Presented::IsOver);
    }

    #[test]
    fn no_token_of_a_family_outlives_it() {
        let late = RefreshRecord { issued: at(89 * DAY), ..FRESH() };
        assert_eq!(presented(late, 90 * DAY - 1), Presented::Rotates);
        assert_eq!(presented(late, 90 * DAY), Presented::IsOver);
    }

    #[test]
    fn a_lost_answer_is_given_again_for_ten_seconds() {
        let used = Used { at: at(DAY), is_successor_used: false };
        let used = RefreshRecord { used: Some(used), ..FRESH() };
        assert_eq!(presented(used, DAY), Presented::Repeats);
        assert_eq!(presented(used, DAY + 9_999), Presented::Repeats);
        assert_eq!(presented(used, DAY + 10_000), Presented::IsReused);
        assert_eq!(presented(used, 20 * DAY), Presented::IsReused);
    }

    #[test]
    fn a_token_whose_successor_was_used_is_stolen() {
        let used = Used { at: at(DAY), is_successor_used: true };
        let used = RefreshRecord { used: Some(used), ..FRESH() };
        assert_eq!(presented(used, DAY + 1), Presented::IsReused);
    }

    #[test]
    fn a_revoked_family_gives_nothing_and_is_not_revoked_again() {
        let used = Some(Used { at: at(0), is_successor_used: true });
        for used in [None, used] {
            let record = RefreshRecord { used, is_revoked: true, ..FRESH() };
            assert_eq!(presented(record, 1), Presented::IsOver);
        }
    }

    #[test]
    fn a_clock_that_is_set_back_ends_nothing() {
        let record = RefreshRecord { issued: at(DAY), signed_in: at(DAY), ..FRESH() };
        assert_eq!(presented(record, 0), Presented::Rotates);
    }

    #[test]
    fn a_clock_that_is_set_back_prolongs_no_grace() {
        let used = Used { at: at(DAY), is_successor_used: false };
        let used = RefreshRecord { used: Some(used), ..FRESH() };
        assert_eq!(presented(used, DAY - 10_000), Presented::Repeats);
        assert_eq!(presented(used, DAY - 10_001), Presented::IsReused);
    }

    #[test]
    fn a_successor_is_the_same_each_time_and_another_for_each_token_and_key() {
        let keys = |secrets: &[&str]| Secrets::new(secrets).unwrap().keys(Purpose::RefreshToken);
        let (first, second) =
            ("the first secret of thirty-two bytes", "the second secret of 32 bytes ..");
        let token = RefreshToken::of_random([1; 32]);
        let of = |token: &RefreshToken, secrets: &[&str]| {
            token
                .successors(&keys(secrets))
                .map(|next| next.expose().to_owned())
                .collect::<Vec<_>>()
        };
        let before = of(&token, &[first]);
        assert_eq!(before, of(&token, &[first]));
        // Behind a new key the answer of before can still be repeated.
        assert_eq!(of(&token, &[second, first])[1..], before[..]);
        assert_ne!(of(&token, &[second]), before);
        assert_ne!(of(&RefreshToken::of_random([2; 32]), &[first]), before);
        assert!(RefreshToken::parse(&before[0]).is_some());
    }

    #[test]
    fn a_token_is_never_shown_and_is_kept_as_its_hash() {
        let token = RefreshToken::of_random([0xab; 32]);
        assert_eq!(format!("{token:?}"), "RefreshToken(***)");
        assert_eq!(RefreshToken::parse(token.expose()), Some(token.clone()));
        assert_ne!(token.hash(), RefreshToken::of_random([0xac; 32]).hash());
        for text in ["", &"AB".repeat(32), &"ab".repeat(33), &"xy".repeat(32)] {
            assert_eq!(RefreshToken::parse(text), None, "{text}");
        }
    }
}
