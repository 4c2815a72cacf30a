//! A user, as it is kept.

use std::fmt;

use pledge_core::primitives::Address;
use pledge_core::types::{ChainId, OutOfRange};

use super::{DisplayName, GivenGrants, LanguageTag, TimeZoneName, UserId, UserName};
use crate::base::StoreTime;

/// What a user writes about itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Profile {
    /// The name by which it signs in with a password; none for one that signs in by wallets alone.
    pub name: Option<UserName>,
    /// What other people read for it.
    pub display_name: Option<DisplayName>,
    /// Its language; none is that of its requests.
    pub language: Option<LanguageTag>,
    /// The time zone in which it reads times; none is UTC.
    pub time_zone: Option<TimeZoneName>,
}

/// What changes of a profile. What is not named (`None`) stays as it is; `Some(None)` removes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProfileChange {
    /// The name by which the user signs in.
    pub name: Option<Option<UserName>>,
    /// What other people read for it.
    pub display_name: Option<Option<DisplayName>>,
    /// Its language.
    pub language: Option<Option<LanguageTag>>,
    /// The time zone in which it reads times.
    pub time_zone: Option<Option<TimeZoneName>>,
}

impl ProfileChange {
    /// A profile after the change.
    pub fn of(&self, before: &Profile) -> Profile {
        fn after<T: Clone>(named: &Option<Option<T>>, before: &Option<T>) -> Option<T> {
            named.as_ref().unwrap_or(before).clone()
        }
        Profile {
            name: after(&self.name, &before.name),
            display_name: after(&self.display_name, &before.display_name),
            language: after(&self.language, &before.language),
            time_zone: after(&self.time_zone, &before.time_zone),
        }
    }
}

/// The change that names every field: of the profile nothing stays.
impl From<Profile> for ProfileChange {
    fn from(Profile { name, display_name, language, time_zone }: Profile) -> Self {
        Self {
            name: Some(name),
            display_name: Some(display_name),
            language: Some(language),
            time_zone: Some(time_zone),
        }
    }
}

/// How a wallet signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Signs {
    /// By the key that the address follows from: the same on every chain.
    ByKey,
    /// By a contract on one chain. At the same address of another chain may be one of another owner.
    ByContract(ChainId),
}

/// What signs for a user. Of all users that were not removed one has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Wallet {
    /// The address that signs.
    pub address: Address,
    /// How it signs.
    pub signs: Signs,
}

/// `0x…` for a key, `CHAIN:0x…` for a contract.
impl fmt::Display for Wallet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.signs {
            Signs::ByKey => self.address.fmt(f),
            Signs::ByContract(chain) => write!(f, "{chain}:{}", self.address),
        }
    }
}

/// A password's hash as a PHC text (`$argon2id$…`). It never displays it.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

impl PasswordHash {
    /// The longest text, in bytes.
    pub const BYTES_MAX: usize = 255;

    /// A text that begins as a PHC text does. An error does not show it.
    pub fn new(text: &str) -> Result<Self, OutOfRange> {
        let is_plain = text.starts_with('$') && text.bytes().all(|byte| byte.is_ascii_graphic());
        if is_plain && text.len() <= Self::BYTES_MAX {
            return Ok(Self(text.to_owned()));
        }
        let bound = "a PHC text of at most 255 printable characters of ASCII";
        Err(OutOfRange::new("hash of a password", "(not shown)", bound))
    }

    /// The text, to verify a password by.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(***)")
    }
}

/// A user that is to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewUser {
    /// Random bytes, which no other user has.
    pub id: UserId,
    /// What it writes about itself.
    pub profile: Profile,
    /// Its password, for which it needs a name.
    pub password: Option<PasswordHash>,
    /// Its wallets, at most [`User::WALLETS_MAX`].
    pub wallets: Vec<Wallet>,
}

/// A user as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Its id, which stays.
    pub id: UserId,
    /// What it writes about itself; nothing once it was removed.
    pub profile: Profile,
    /// When it was made.
    pub created: StoreTime,
    /// Whether it has a password.
    pub has_password: bool,
    /// Its wallets, ascending; none once it was removed.
    pub wallets: Vec<Wallet>,
    /// Its roles; none once it was removed.
    pub grants: GivenGrants,
    /// Since when it is banned, and why, in the words of the one who did it.
    pub banned: Option<Ban>,
    /// Since when it is removed.
    pub removed: Option<StoreTime>,
}

/// A user may not sign in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ban {
    /// Since when it may not.
    pub since: StoreTime,
    /// Why, if a reason was given.
    pub why: Option<String>,
}

impl User {
    /// The most wallets of a user.
    pub const WALLETS_MAX: usize = 16;

    /// Whether it may sign in: neither banned nor removed.
    pub const fn is_active(&self) -> bool {
        self.banned.is_none() && self.removed.is_none()
    }

    /// What the audit log and other people call it.
    pub fn called(&self) -> String {
        called(self.id, self.profile.name.as_ref(), self.wallets.first())
    }
}

/// What a user is called: its name, else its first wallet, else `id:` and its id. No two users that were not
/// removed are called the same.
pub fn called(id: UserId, name: Option<&UserName>, wallet: Option<&Wallet>) -> String {
    match (name, wallet) {
        (Some(name), _) => name.to_string(),
        (None, Some(wallet)) => wallet.to_string(),
        (None, None) => format!("id:{id}"),
    }
}

/// What a sign-in with a password is decided by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PasswordSignIn {
    /// The user of the name.
    pub user: UserId,
    /// Its password, if it has one.
    pub password: Option<PasswordHash>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_of_a_password_is_never_shown() {
        let hash = PasswordHash::new("$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA").unwrap();
        assert_eq!(format!("{hash:?}"), "PasswordHash(***)");
        let user = PasswordSignIn { user: UserId::from_bytes([1; 16]), password: Some(hash) };
        assert!(!format!("{user:?}").contains("argon2id"));
        let refused = PasswordHash::new("hunter2").unwrap_err().to_string();
        assert!(!refused.contains("hunter2"), "{refused}");
    }

    #[test]
    fn a_user_is_called_by_what_no_other_has() {
        let id = UserId::from_bytes([0xab; 16]);
        let name = UserName::new("anna").unwrap();
        let address = Address::repeat_byte(0x11);
        let key = Wallet { address, signs: Signs::ByKey };
        let contract = Wallet { address, signs: Signs::ByContract(ChainId::new(56)) };
        assert_eq!(called(id, Some(&name), Some(&key)), "anna");
        assert_eq!(called(id, None, Some(&key)), format!("0x{}", "11".repeat(20)));
        assert_eq!(called(id, None, Some(&contract)), format!("56:0x{}", "11".repeat(20)));
        assert_eq!(called(id, None, None), format!("id:{}", "ab".repeat(16)));
    }
}
