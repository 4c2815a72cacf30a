//! One process, from its start to its end.

use std::fmt;
use std::ops::{AddAssign, Range};
use std::time::Duration;

use super::super::chains::Setup;
use super::backend::{Backend, Look};
use super::pace::Pace;
use super::random::Random;
use super::victim::Victim;

/// Rounds that aim at a write; the others end at any instant.
const AIMED_PERCENT: u64 = 80;
const LIFE_MS: Range<u64> = 0..250;
/// How long a process works before the test aims at a write.
const WORK_MS: Range<u64> = 0..40;
const LONG_WORK_MS: Range<u64> = 50..200;
const LONG_PERCENT: u64 = 30;
/// The most looks at a stopped process before it is killed anyway.
const LOOKS_MAX: u32 = 32;
/// The pause before each of the first looks. It doubles after a number of looks, since a process
/// that is stopped too often makes no progress.
const PAUSE_US: Range<u64> = 0..3_000;
const LOOKS_PER_PAUSE: u32 = 8;
const FORKS_BEFORE_PERCENT: u64 = 15;

/// What the kills hit.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Tally {
    pub(super) kills: u32,
    /// An open write transaction.
    pub(super) writes: u32,
    /// One, while closed windows waited for their settlement.
    pub(super) settling: u32,
    looks: u32,
}

/// How a process is to end.
pub(super) struct Round {
    /// Whether the chain forks while no process lives.
    pub(super) forks_before: bool,
    aims: bool,
    works: Duration,
    random: Random,
}

impl Round {
    pub(super) fn choose(random: &mut Random) -> Self {
        let (forks_before, aims) = (random.is(FORKS_BEFORE_PERCENT), random.is(AIMED_PERCENT));
        let works = match (aims, random.is(LONG_PERCENT)) {
            (false, _) => LIFE_MS,
            (true, false) => WORK_MS,
            (true, true) => LONG_WORK_MS,
        };
        let works = Duration::from_millis(random.below(works));
        Self { forks_before, aims, works, random: random.fork() }
    }

    pub(super) async fn play(
        mut self,
        setup: &Setup,
        backend: &mut impl Backend,
        pace: &Pace,
        tally: &mut Tally,
    ) {
        let mut victim = Victim::start(setup);
        if self.aims {
            victim.serves().await;
            tokio::time::sleep(pace.time_for(self.works + pace.catching_up())).await;
            self.wait_for_a_write(&victim, backend, pace, tally).await;
        } else {
            tokio::time::sleep(pace.time_for(self.works)).await;
        }
        victim.kill();
        pace.is_over.set(true);
        tally.kills += 1;
    }

    /// Stops the process and looks whether it is writing, again and again. If it is, it stays
    /// stopped.
    async fn wait_for_a_write(
        &mut self,
        victim: &Victim,
        backend: &mut impl Backend,
        pace: &Pace,
        tally: &mut Tally,
    ) {
        for look in 0..LOOKS_MAX {
            let pause = self.random.below(PAUSE_US) << (look / LOOKS_PER_PAUSE);
            tokio::time::sleep(Duration::from_micros(pause)).await;
            victim.stop();
            let Look { is_writing, progress } = backend.look().await;
            pace.confirmed.set(progress.confirmed);
            tally.looks += 1;
            if is_writing {
                tally.writes += 1;
                tally.settling += u32::from(progress.has_to_settle());
                return;
            }
            victim.resume();
        }
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.kills += other.kills;
        self.writes += other.writes;
        self.settling += other.settling;
        self.looks += other.looks;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kills, writes, settling, looks } = self;
        write!(
            f,
            "{kills} kills, {writes} of them in an open write, {settling} of these while windows \
             waited to be settled; {looks} looks"
        )
    }
}
