//! The secret of the configuration, and the keys that follow from it.

use std::fmt;

use hkdf::Hkdf;
use sha2::Sha256;

/// What a key is for. No two purposes share a key, so what one of them shows helps nobody with another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Marks nonces as made here.
    Nonce,
    /// Signs access tokens.
    AccessToken,
    /// Derives the successor of a refresh token.
    RefreshToken,
    /// Encrypts what must be read again, such as the password of a mail server.
    Encryption,
}

impl Purpose {
    /// The label of HKDF. A changed label is another key, so a released one stays.
    const fn label(self) -> &'static [u8] {
        match self {
            Self::Nonce => b"pledge/1/nonce",
            Self::AccessToken => b"pledge/1/access-token",
            Self::RefreshToken => b"pledge/1/refresh-token",
            Self::Encryption => b"pledge/1/encryption",
        }
    }
}

/// The secrets of a server: the first one signs and encrypts, all of them verify and decrypt. So a
/// secret is replaced by putting another before it, and removed once nothing of it is left.
///
/// It never displays them.
#[derive(Clone)]
pub struct Secrets(Vec<Hkdf<Sha256>>);

/// A secret that could be guessed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WeakSecret {
    /// There is none.
    #[error("no secret: write 32 random bytes or more, for instance of `openssl rand -hex 32`")]
    None,
    /// One is short. Its number counts from 1.
    #[error(
        "secret {0} has fewer than 32 bytes: write random ones, for instance of `openssl rand -hex 32`"
    )]
    Short(usize),
    /// One is the same character again and again.
    #[error(
        "secret {0} repeats one character: write random ones, for instance of `openssl rand -hex 32`"
    )]
    Repeated(usize),
}

impl Secrets {
    /// The fewest bytes of a secret.
    pub const BYTES_MIN: usize = 32;

    /// Takes the secrets as they are configured, as bytes of their texts.
    pub fn new<T: AsRef<[u8]>>(secrets: &[T]) -> Result<Self, WeakSecret> {
        if secrets.is_empty() {
            return Err(WeakSecret::None);
        }
        for (number, secret) in (1..).zip(secrets) {
            let secret = secret.as_ref();
            if secret.len() < Self::BYTES_MIN {
                return Err(WeakSecret::Short(number));
            }
            if secret.iter().all(|byte| *byte == secret[0]) {
                return Err(WeakSecret::Repeated(number));
            }
        }
        Ok(Self(secrets.iter().map(|secret| Hkdf::new(None, secret.as_ref())).collect()))
    }

    /// The keys of a purpose (HKDF-SHA256, RFC 5869): the one that signs first.
    pub fn keys(&self, purpose: Purpose) -> Keys {
        Keys(self.0.iter().map(|secret| expand(secret, purpose.label())).collect())
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secrets({} of them)", self.0.len())
    }
}

/// The keys of one purpose, never empty. It never displays them.
#[derive(Clone)]
pub struct Keys(Vec<[u8; 32]>);

impl Keys {
    /// The key that signs and encrypts.
    pub fn first(&self) -> &[u8; 32] {
        &self.0[0]
    }

    /// Every key that may have signed.
    pub fn all(&self) -> impl Iterator<Item = &[u8; 32]> {
        self.0.iter()
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keys({} of them)", self.0.len())
    }
}

fn expand(secret: &Hkdf<Sha256>, label: &[u8]) -> [u8; 32] {
    let mut key = [0; 32];
    secret.expand(label, &mut key).expect("32 bytes are fewer than HKDF gives at most");
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "a secret of thirty-two bytes: 123456";

    #[test]
    fn each_purpose_and_each_secret_has_a_key_of_its_own() {
        let purposes =
            [Purpose::Nonce, Purpose::AccessToken, Purpose::RefreshToken, Purpose::Encryption];
        let secrets = Secrets::new(&[SECRET, "another secret of thirty-two bytes: 1"]).unwrap();
        let mut keys: Vec<_> = purposes
            .into_iter()
            .flat_map(|purpose| secrets.keys(purpose).all().copied().collect::<Vec<_>>())
            .collect();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), 8);
    }

    #[test]
    fn a_key_follows_from_its_secret_wherever_the_secret_stands() {
        let alone = Secrets::new(&[SECRET]).unwrap().keys(Purpose::Nonce);
        let second = Secrets::new(&["another secret of thirty-two bytes: 1", SECRET]).unwrap();
        assert_eq!(second.keys(Purpose::Nonce).all().nth(1), Some(alone.first()));
    }

    #[test]
    fn a_secret_that_could_be_guessed_is_refused() {
        let refused = |secrets: &[&str]| Secrets::new(secrets).map(drop).unwrap_err();
        assert_eq!(refused(&[]), WeakSecret::None);
        assert_eq!(refused(&[SECRET, "short"]), WeakSecret::Short(2));
        assert_eq!(refused(&[&"x".repeat(64)]), WeakSecret::Repeated(1));
    }

    #[test]
    fn nothing_of_a_secret_is_shown() {
        let secrets = Secrets::new(&[SECRET]).unwrap();
        let shown = format!("{secrets:?} {:?}", secrets.keys(Purpose::Nonce));
        assert_eq!(shown, "Secrets(1 of them) Keys(1 of them)");
    }
}
