//! Passwords, and the port that hashes them.

use std::fmt::{self, Debug};

use async_trait::async_trait;

use super::PasswordHash;

/// A password as a person typed it. It never displays it.
///
/// Its bytes count as they are: it is neither trimmed nor normalized, and case matters.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

/// Why a text is no password to choose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UnfitPassword {
    /// It is short.
    #[error("the password has fewer than {} characters: choose a longer one", Password::CHARS_MIN)]
    Short,
    /// It is long.
    #[error("the password has more than {} bytes: choose a shorter one", Password::BYTES_MAX)]
    Long,
    /// It is one character again and again.
    #[error("the password repeats one character: choose another one")]
    Repeated,
    /// It has the name of its user.
    #[error("the password contains the name: choose another one")]
    HasName,
}

impl Password {
    /// The fewest characters of a password that is chosen.
    pub const CHARS_MIN: usize = 12;
    /// The most bytes of any password.
    pub const BYTES_MAX: usize = 512;

    /// A password that a user chooses.
    pub fn chosen(text: &str, name: &str) -> Result<Self, UnfitPassword> {
        let typed = Self::typed(text)?;
        if text.chars().count() < Self::CHARS_MIN {
            return Err(UnfitPassword::Short);
        }
        let mut chars = text.chars();
        let first = chars.next();
        if chars.all(|char| Some(char) == first) {
            return Err(UnfitPassword::Repeated);
        }
        if !name.is_empty() && text.to_lowercase().contains(&name.to_lowercase()) {
            return Err(UnfitPassword::HasName);
        }
        Ok(typed)
    }

    /// A password that is shown to sign in. Only its length is checked.
    pub fn typed(text: &str) -> Result<Self, UnfitPassword> {
        if text.len() > Self::BYTES_MAX {
            return Err(UnfitPassword::Long);
        }
        Ok(Self(text.to_owned()))
    }

    /// Its text, to hash it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(***)")
    }
}

/// Why a password was not hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordsError {
    /// As many as may be are being hashed, and wait for it: try again shortly.
    #[error("as many passwords are being checked as may be: try again shortly")]
    Busy,
    /// The hash to compare with is none that can be read.
    #[error("the stored hash of a password cannot be read")]
    Unreadable,
}

/// Hashes passwords, slowly on purpose.
///
/// # Contract
/// - A password verifies by the hash that was made of it, and no other one does. Two hashes of one differ.
/// - Without a hash none verifies, and it takes the same time: what a caller measures does not depend on whether
///   there is a user of the name.
/// - A hash is outdated where one that is made now costs more to guess. One that was just made is not.
/// - How many are hashed at once is bounded, and how many wait; beyond that it is [`PasswordsError::Busy`], at once.
#[async_trait]
#[auto_impl::auto_impl(Arc, Box)]
pub trait Passwords: Debug + Send + Sync + 'static {
    /// Makes the hash of a password, with a salt of its own.
    async fn hash(&self, password: &Password) -> Result<PasswordHash, PasswordsError>;

    /// Whether a password is the one of a hash; never, if there is none.
    async fn verify(
        &self,
        password: &Password,
        hash: Option<&PasswordHash>,
    ) -> Result<bool, PasswordsError>;

    /// Whether the password of a hash should be hashed again.
    fn is_outdated(&self, hash: &PasswordHash) -> bool;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_chosen_long_and_without_the_name() {
        let chosen = |text: &str| Password::chosen(text, "olivia").map(drop);
        assert_eq!(chosen("correct horse"), Ok(()));
        assert_eq!(chosen(&"é".repeat(11)), Err(UnfitPassword::Short));
        assert_eq!(chosen("éèéèéèéèéèéè"), Ok(()));
        assert_eq!(chosen(&"x".repeat(12)), Err(UnfitPassword::Repeated));
        assert_eq!(chosen("i am OLIVIA, hello"), Err(UnfitPassword::HasName));
        assert_eq!(chosen(&"long".repeat(129)), Err(UnfitPassword::Long));
    }

    #[test]
    fn a_typed_password_may_be_any_short_text() {
        for text in ["", "short", " spaces "] {
            assert_eq!(Password::typed(text).unwrap().expose(), text);
        }
        assert_eq!(Password::typed(&"x".repeat(513)), Err(UnfitPassword::Long));
    }

    #[test]
    fn a_password_is_never_shown() {
        let password = Password::typed("s3cret").unwrap();
        assert_eq!(format!("{password:?}"), "Password(***)");
    }
}
