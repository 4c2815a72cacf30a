//! Keys of programs, as they are kept.

use pledge_core::types::OutOfRange;

use super::{ApiKeyId, Caller, GivenGrants, KeyName, TokenHash, UserId};
use crate::base::StoreTime;

/// The part of a key by which it is found and known again: 8 characters of `a-z` and `0-9`. It is no secret.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyPrefix(String);

impl KeyPrefix {
    /// How many characters it has.
    pub const CHARS: usize = 8;

    /// A prefix. An error for any other text.
    pub fn new(text: &str) -> Result<Self, OutOfRange> {
        let is_allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        if text.len() == Self::CHARS && text.bytes().all(is_allowed) {
            Ok(Self(text.to_owned()))
        } else {
            let bound = "8 characters of a-z and 0-9";
            Err(OutOfRange::new("prefix of an API key", format!("{text:?}"), bound))
        }
    }

    /// The prefix, as it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A key that is to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewApiKey {
    /// Random bytes, which no other key has.
    pub id: ApiKeyId,
    /// Its prefix, which no other key has.
    pub prefix: KeyPrefix,
    /// The hash of the whole text.
    pub hash: TokenHash,
    /// Its name, of which the owner has one key.
    pub name: KeyName,
    /// Whose it is.
    pub owner: UserId,
    /// What it may do, where its owner may too.
    pub grants: GivenGrants,
    /// When it is over, if ever; exclusive.
    pub until: Option<StoreTime>,
}

/// A key of a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// The id, which its audit records have.
    pub id: ApiKeyId,
    /// The part by which people know it again.
    pub prefix: KeyPrefix,
    /// What its owner calls it.
    pub name: KeyName,
    /// Whose it is.
    pub owner: UserId,
    /// What it may do, where its owner may too.
    pub grants: GivenGrants,
    /// When it was made.
    pub created: StoreTime,
    /// When it is over, if ever; exclusive.
    pub until: Option<StoreTime>,
    /// When it was last used, within [`ApiKey::USE_NOTED_EACH`].
    pub last_used: Option<StoreTime>,
    /// When it was revoked.
    pub revoked: Option<StoreTime>,
}

impl ApiKey {
    /// The most keys of a user that are in force.
    pub const OF_USER_MAX: usize = 32;
    /// How old a noted use is before the next is noted.
    pub const USE_NOTED_EACH: std::time::Duration = std::time::Duration::from_secs(60);

    /// Whether it lets in, if its owner may sign in.
    pub fn is_in_force(&self, now: StoreTime) -> bool {
        self.revoked.is_none() && self.until.is_none_or(|until| now < until)
    }

    /// Whether a use `now` is to be noted: the last one is old, or of a clock that was ahead.
    pub fn notes_use(last_used: Option<StoreTime>, now: StoreTime) -> bool {
        last_used.is_none_or(|last| {
            let next = last.checked_add(Self::USE_NOTED_EACH);
            last > now || next.is_some_and(|next| next <= now)
        })
    }
}

/// The program that shows a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyCaller {
    /// Who it is, with what both the key and its owner may do. Its name is `OWNER/KEY`.
    pub caller: Caller,
    /// Whether its use is to be noted now.
    pub notes_use: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_use_is_noted_once_a_minute() {
        let at = |millis: u64| StoreTime::new(1_777_636_800_000 + millis).unwrap();
        let noted = |last, now| ApiKey::notes_use(Some(at(last)), at(now));
        assert_eq!([noted(0, 0), noted(0, 59_999), noted(0, 60_000)], [false, false, true]);
        assert!(ApiKey::notes_use(None, at(0)) && noted(5, 0));
    }

    #[test]
    fn a_prefix_is_a_short_plain_text() {
        assert!(KeyPrefix::new("a1b2c3d4").is_ok());
        for wrong in ["", "a1b2c3d", "a1b2c3d45", "A1b2c3d4", "a1b2_3d4", "ä1b2c3d"] {
            assert!(KeyPrefix::new(wrong).is_err(), "{wrong}");
        }
    }
}
