//! Every crash point: one scenario, and for each call of the store each fate in turn.

use super::check::Verdict;
use super::control::{Fate, OneFate};
use super::history::Fork;
use super::play::Play;
use super::swarm::Swarm;
use crate::Fixture;

/// What [`every_point_survives`] went through.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Survived {
    /// Calls of the store in the scenario.
    pub calls: u64,
    /// Runs: calls times fates.
    pub points: u64,
}

/// Gives the first call of the store each fate, then the second, and so on until the scenario
/// completes without one. The scenario indexes, meets a fork that reaches the ledger, settles and
/// delivers events; whatever the fate, it must end with the oracle's state.
pub fn every_point_survives(fixture: impl Fn() -> Fixture) -> Result<Survived, String> {
    let mut survived = Survived::default();
    let fates = [Fate::Lost, Fate::Unknown, Fate::CrashBefore, Fate::CrashAfter];
    for call in 1.. {
        let mut reached = false;
        for fate in fates {
            let fixture = fixture();
            let mut play = Play::scenario(&fixture, OneFate { call, fate });
            let outcome = play.scene().and_then(|()| play.calm());
            outcome.map_err(|reason| format!("{fate:?} at call {call}: {reason}"))?;
            reached |= play.around.control.lock().calls_in_storm >= call;
            survived.points += u64::from(reached);
        }
        if !reached {
            return Ok(survived);
        }
        survived.calls = call;
    }
    unreachable!("a scenario has an end")
}

impl<'a> Play<'a> {
    fn scenario(fixture: &'a Fixture, one: OneFate) -> Self {
        Self::with(7, fixture, Swarm::quiet(), Some(one), false)
    }

    /// Blocks, a settlement, a fork below what is settled, another settlement; then all events are
    /// delivered.
    fn scene(&mut self) -> Verdict {
        for _ in 0..2 {
            self.history.mine(&mut self.dice, 14);
            self.rounds()?;
            self.history.fork(&mut self.dice, Fork { depth: 9, blocks: 11 });
            self.rounds()?;
        }
        self.storm_is_over();
        Ok(())
    }

    fn rounds(&mut self) -> Verdict {
        for _ in 0..6 {
            self.index(0);
            self.finish_or_die()?;
        }
        let clock = self.around.clock.clone();
        self.instances[0].settle(&clock, None);
        self.finish_or_die()?;
        self.instances[0].deliver();
        self.finish_or_die()
    }

    fn finish_or_die(&mut self) -> Verdict {
        while !self.instances[0].is_idle() {
            self.go_on(0)?;
            self.check()?;
        }
        Ok(())
    }

    fn storm_is_over(&mut self) {
        let mut state = self.around.control.lock();
        state.calls_in_storm = state.calls;
    }
}
