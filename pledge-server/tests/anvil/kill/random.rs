//! What a round is, chosen by a seed.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::ops::Range;

/// xorshift64*: enough to choose instants.
pub(super) struct Random(u64);

impl Random {
    /// By this seed, which is not zero.
    pub(super) const fn new(seed: u64) -> Self {
        assert!(seed != 0, "xorshift stays at zero");
        Self(seed)
    }

    pub(super) const fn below(&mut self, range: Range<u64>) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let number = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d);
        range.start + (number >> 33) % (range.end - range.start)
    }

    /// Whether an event of this probability happens.
    pub(super) const fn is(&mut self, percent: u64) -> bool {
        self.below(0..100) < percent
    }

    /// Another, for what may choose more or less often.
    pub(super) const fn fork(&mut self) -> Self {
        Self::new(self.below(1..u64::MAX))
    }
}

/// `PLEDGE_SEED`, else another one each time.
pub(super) fn seed() -> u64 {
    match std::env::var("PLEDGE_SEED") {
        Ok(text) => text.parse().expect("PLEDGE_SEED is a number"),
        Err(_) => RandomState::new().build_hasher().finish() | 1,
    }
}
