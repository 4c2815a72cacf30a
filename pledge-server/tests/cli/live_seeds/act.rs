//! What may happen, by chance.

use std::time::Duration;

/// Something that happens to the chain, the servers, Redis or a reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Act {
    /// A transfer, confirmed or not yet.
    Mint { after: u64, amount: u64, confirmations: u64 },
    /// Another branch takes the place of the newest blocks.
    Reorg { depth: u64, amount: u64 },
    /// A window of points closes.
    Hour,
    /// A server is asked to stop.
    Terminate(usize),
    /// A server ends at once.
    Kill(usize),
    /// A server that is down comes back; if none is, nothing happens.
    Start(usize),
    /// Redis forgets everything.
    FlushRedis,
    /// Redis is killed, and comes back empty after a while.
    RestartRedis { away: Duration },
    /// A reader connects again.
    Move(usize),
}

impl Act {
    pub(super) fn draw(random: &mut fastrand::Rng, readers: usize) -> Self {
        let amount = random.u64(1..9);
        match random.u8(..20) {
            0..6 => {
                let (after, confirmations) = (random.u64(..900), random.u64(..5));
                Self::Mint { after, amount, confirmations }
            }
            6..9 => Self::Reorg { depth: random.u64(1..12), amount },
            9..11 => Self::Hour,
            11 => Self::Terminate(random.usize(..2)),
            12 => Self::Kill(random.usize(..2)),
            13..16 => Self::Start(random.usize(..2)),
            16 => Self::FlushRedis,
            17 => Self::RestartRedis { away: Duration::from_millis(random.u64(..1_500)) },
            _ => Self::Move(random.usize(..readers)),
        }
    }
}
