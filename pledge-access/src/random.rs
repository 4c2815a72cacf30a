//! The random bytes of the operating system.

use pledge_office::base::Random;

/// The operating system's source of random bytes.
#[derive(Debug, Clone, Copy, Default)]
pub struct OsRandom;

impl Random for OsRandom {
    fn fill(&self, bytes: &mut [u8]) {
        getrandom::fill(bytes).expect("the operating system has random bytes");
    }
}

#[cfg(test)]
mod tests {
    use pledge_office::base::random_bytes;

    use super::*;

    #[test]
    fn bytes_are_others_each_time() {
        let one: [u8; 32] = random_bytes(&OsRandom);
        assert_ne!(one, random_bytes(&OsRandom));
    }
}
