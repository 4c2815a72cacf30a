//! Argon2id, a few hashes at a time.

use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;

use argon2::password_hash::phc::PasswordHash as Phc;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use async_trait::async_trait;
use pledge_office::access::{Password, PasswordHash, Passwords, PasswordsError};
use pledge_office::base::{Random, random_bytes};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The smallest parameters that OWASP's Password Storage Cheat Sheet recommends for Argon2id (2026-11): 19 MiB,
/// two passes, one lane. A hash names its own, so that those of before are read after a change.
const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// How many passwords are hashed, each on a thread and in 19 MiB of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PasswordBounds {
    /// At once.
    pub at_once: NonZeroUsize,
    /// How many wait besides. One more is refused.
    pub waiting: usize,
}

impl PasswordBounds {
    /// Half of the processors, so that requests without a password are served meanwhile, and 32 that wait.
    pub fn of_machine() -> Self {
        let processors = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        let at_once = NonZeroUsize::new(processors / 2).unwrap_or(NonZeroUsize::MIN);
        Self { at_once, waiting: 32 }
    }
}

/// Hashes passwords with Argon2id, on the threads of Tokio for work that blocks.
#[derive(Clone)]
pub struct Argon2Passwords {
    random: Arc<dyn Random>,
    /// What is compared with where there is no hash.
    decoy: PasswordHash,
    /// A place for each that is hashed or waits.
    places: Arc<Semaphore>,
    /// A place for each that is hashed.
    at_once: Arc<Semaphore>,
}

impl Argon2Passwords {
    /// With these bounds. It makes a hash, which takes as long as any.
    pub fn new(bounds: PasswordBounds, random: Arc<dyn Random>) -> Self {
        let at_once = bounds.at_once.get();
        let places = at_once.saturating_add(bounds.waiting).min(Semaphore::MAX_PERMITS);
        // No one types 32 random bytes, and if someone did, there still is no user.
        let decoy = hash(&random_bytes::<32>(&random), &random_bytes(&random));
        Self {
            decoy,
            random,
            places: Arc::new(Semaphore::new(places)),
            at_once: Arc::new(Semaphore::new(at_once)),
        }
    }

    /// Runs the work when it is its turn. The places are given back when the work ends, not when its caller stops
    /// waiting: who hangs up gets no second one.
    async fn in_turn<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, PasswordsError> {
        let place = self.places.clone().try_acquire_owned().map_err(|_| PasswordsError::Busy)?;
        let turn = self.at_once.clone().acquire_owned().await.expect("it is never closed");
        let work = move || {
            let _held: (OwnedSemaphorePermit, OwnedSemaphorePermit) = (place, turn);
            work()
        };
        Ok(tokio::task::spawn_blocking(work).await.expect("hashing does not panic"))
    }
}

impl fmt::Debug for Argon2Passwords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Argon2Passwords").finish_non_exhaustive()
    }
}

#[async_trait]
impl Passwords for Argon2Passwords {
    async fn hash(&self, password: &Password) -> Result<PasswordHash, PasswordsError> {
        let (password, salt) = (password.clone(), random_bytes(&self.random));
        self.in_turn(move || hash(password.expose().as_bytes(), &salt)).await
    }

    async fn verify(
        &self,
        password: &Password,
        known: Option<&PasswordHash>,
    ) -> Result<bool, PasswordsError> {
        let is_known = known.is_some();
        let (password, with) = (password.clone(), known.unwrap_or(&self.decoy).clone());
        let verified = self.in_turn(move || verify(password.expose().as_bytes(), &with)).await??;
        Ok(verified && is_known)
    }

    /// Each parameter counts for itself: a hash with more memory and fewer passes is outdated too.
    fn is_outdated(&self, hash: &PasswordHash) -> bool {
        let params = Phc::new(hash.expose()).ok().and_then(|hash| Params::try_from(&hash).ok());
        params.is_some_and(|params| params.m_cost() < MEMORY_KIB || params.t_cost() < PASSES)
    }
}

fn argon2() -> Argon2<'static> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params.expect("they are within its bounds"))
}

fn hash(password: &[u8], salt: &[u8; 16]) -> PasswordHash {
    let hash: Phc = argon2()
        .hash_password_with_salt(password, salt)
        .expect("the salt has 16 bytes and the password fewer than 2^32");
    PasswordHash::new(&hash.to_string()).expect("a PHC text is short and printable")
}

/// By the parameters that the hash names.
fn verify(password: &[u8], hash: &PasswordHash) -> Result<bool, PasswordsError> {
    let hash = Phc::new(hash.expose()).map_err(|_| PasswordsError::Unreadable)?;
    match Argon2::default().verify_password(password, &hash) {
        Ok(()) => Ok(true),
        Err(argon2::password_hash::Error::PasswordInvalid) => Ok(false),
        Err(_) => Err(PasswordsError::Unreadable),
    }
}

#[cfg(test)]
#[path = "passwords_tests.rs"]
mod tests;
