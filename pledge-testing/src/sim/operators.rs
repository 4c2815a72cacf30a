//! What operators do while the engine runs: rates, programmes, tokens, pauses, failed batches.

use pledge_core::ledger::TokenSpec;
use pledge_core::points::Programme;
use pledge_core::ports::{ChainState, ShardProgress};
use pledge_core::types::{BlockNumber, ProgrammeId, Rate, RateSchedule, Step, Timestamp, TokenId};

use serde_json::{Value, json};

use super::acts::{Act, Acts};
use super::contracts;
use super::control::{Control, now};
use super::dice::Dice;
use super::history::token;
use super::swarm::Swarm;
use crate::Fixture;
use crate::world::{CHAIN, spec};

/// The rules that the store accepted, by token.
#[derive(Debug, Default)]
pub(super) struct People {
    programmes: Vec<Programme>,
    /// Every rule that the first token's `main` had.
    pub(super) rules: Vec<Programme>,
    /// What the audit log must have.
    pub(super) acts: Acts,
}

fn rate(e15: u64) -> Rate {
    Rate::from_e18(u128::from(e15) * 1_000_000_000_000_000).expect("small")
}

impl People {
    /// The chain, the first token and its programme `main`.
    pub(super) fn set_up(&mut self, fixture: &Fixture, swarm: &Swarm) {
        now(fixture.balances.register_chain(CHAIN, "sim")).expect("a fresh store");
        self.add_token(fixture, 0);
        if swarm.keeps_logs {
            contracts::set_up(fixture);
        }
        self.put(fixture, self.rule(swarm, token(0), "main"));
    }

    fn rule(&self, swarm: &Swarm, token: TokenId, name: &str) -> Programme {
        let id = ProgrammeId::new(token, name).expect("a valid name");
        let rates = RateSchedule::constant(rate(50));
        Programme { id, rates, window: swarm.window, shards: swarm.shards }
    }

    fn add_token(&self, fixture: &Fixture, index: usize) {
        let start_block = BlockNumber::new(super::history::STARTS[index]);
        let spec = TokenSpec { start_block, ..spec(token(index)) };
        now(fixture.balances.register_token(&spec)).expect("the spec is always the same");
    }

    /// Puts a programme; the store may refuse it, since a shard has settled what it changes.
    fn put(&mut self, fixture: &Fixture, programme: Programme) -> bool {
        let known = self.programmes.iter().find(|known| known.id == programme.id);
        let before = known.map_or(Value::Null, rule_of);
        let action = if before.is_null() { "add_programme" } else { "change_programme" };
        let object = ("programme", programme.id.to_string());
        let act = Act { by: self.acts.by(), action, object, before };
        let put = || now(fixture.points.put_programme(&programme, &act.by));
        if self.acts.insist(put).is_err() {
            return false;
        }
        self.acts.made(act, rule_of(&programme));
        if programme.id == ProgrammeId::main(token(0)) {
            self.rules.push(programme.clone());
        }
        self.programmes.retain(|known| known.id != programme.id);
        self.programmes.push(programme);
        self.programmes.sort_by(|a, b| a.id.cmp(&b.id));
        true
    }

    /// The programmes of a token.
    pub(super) fn of(&self, token: TokenId) -> Vec<Programme> {
        self.programmes.iter().filter(|known| known.id.token == token).cloned().collect()
    }

    /// One random action of an operator.
    pub(super) fn act(
        &mut self,
        fixture: &Fixture,
        control: &Control,
        swarm: &Swarm,
        dice: &mut Dice,
    ) {
        let acted = match dice.below(10) {
            0..3 => self.change_rate(fixture, control, dice),
            3..5 => self.add_late(fixture, control, swarm),
            5 => self.pause(fixture, control),
            6..9 => {
                self.resume_tokens(fixture);
                self.resume(fixture)
            }
            _ => self.reset(fixture, control),
        };
        let mut state = control.lock();
        state.trace.word(acted);
        state.wrote = true;
    }

    fn change_rate(
        &mut self,
        fixture: &Fixture,
        control: &Control,
        dice: &mut Dice,
    ) -> &'static str {
        let count = u64::try_from(self.programmes.len()).expect("few");
        let at = usize::try_from(dice.below(count)).expect("few");
        let known = &self.programmes[at];
        let reached = reached(fixture, &known.id).unwrap_or(Timestamp::ZERO);
        let cursor = now(fixture.balances.token(known.id.token)).expect("read");
        let confirmed = cursor.and_then(|state| state.cursor).map(|cursor| cursor.time);
        let earliest = reached.max(confirmed.filter(|_| dice.chance(500)).unwrap_or_default());
        // Sometimes at once, so that a settlement under way has read the rates before.
        let later = if dice.chance(300) { 0 } else { dice.below(9_000) };
        let from = earliest.checked_add(later).expect("in range");
        let before = |time: Timestamp| known.rates.pieces(Timestamp::ZERO, time);
        let mut steps: Vec<_> = before(from)
            .filter(|piece| piece.from > Timestamp::ZERO)
            .map(|piece| Step { from: piece.from, value: piece.value })
            .collect();
        let value = rate(dice.pick(&[(3, 50), (1, 0), (2, 75), (1, 1_000)]));
        if from > Timestamp::ZERO {
            steps.push(Step { from, value });
        }
        let rates = RateSchedule::new(known.rates.at(Timestamp::ZERO), steps).expect("ascending");
        let changed = Programme { rates, ..known.clone() };
        let taken = self.put(fixture, changed);
        control.lock().counters.rates += u64::from(taken);
        if taken { "rate changed" } else { "rate refused" }
    }

    fn add_late(&mut self, fixture: &Fixture, control: &Control, swarm: &Swarm) -> &'static str {
        let known = now(fixture.balances.token(token(1))).expect("read").is_some();
        if !known {
            self.add_token(fixture, 1);
            control.lock().counters.late_tokens += 1;
            return "token added";
        }
        if swarm.keeps_logs && contracts::follow_late(fixture) {
            return "contract added";
        }
        let missing = [(1, "main"), (0, "boost")].into_iter().find(|(index, name)| {
            let id = ProgrammeId::new(token(*index), name).expect("a valid name");
            self.programmes.iter().all(|known| known.id != id)
        });
        let Some((index, name)) = missing else {
            return "nothing to add";
        };
        self.put(fixture, self.rule(swarm, token(index), name));
        control.lock().counters.late_programmes += 1;
        "programme added"
    }

    /// Pauses the chain, or only its second token.
    fn pause(&mut self, fixture: &Fixture, control: &Control) -> &'static str {
        let known = now(fixture.balances.token(token(1))).expect("read");
        if known.is_some() && self.acts.chance(500) {
            let object = ("token", token(1).to_string());
            let (action, before) = ("pause_token", token_status(fixture, 1));
            let act = Act { by: self.acts.by(), action, object, before };
            let pause = || now(fixture.balances.pause_token(token(1), &act.by));
            self.acts.insist(pause).expect("the token is known");
            self.acts.made(act, token_status(fixture, 1));
            control.lock().counters.paused_tokens += 1;
            return "token paused";
        }
        let act = self.on_chain(fixture, "pause_chain");
        // A halted chain is not paused: the store refuses that.
        if self.acts.insist(|| now(fixture.balances.pause_chain(CHAIN, &act.by))).is_err() {
            return "pause refused";
        }
        self.acts.made(act, chain_status(fixture));
        control.lock().counters.pauses += 1;
        "paused"
    }

    /// Resumes the chain, whatever stopped it.
    pub(super) fn resume(&mut self, fixture: &Fixture) -> &'static str {
        let act = self.on_chain(fixture, "resume_chain");
        let found = chain_of(fixture).status;
        let resume = || now(fixture.balances.resume_chain(CHAIN, &found, &act.by));
        self.acts.insist(resume).expect("the chain is known");
        self.acts.made(act, chain_status(fixture));
        "resumed"
    }

    fn on_chain(&mut self, fixture: &Fixture, action: &'static str) -> Act {
        let (object, before) = (("chain", CHAIN.to_string()), chain_status(fixture));
        Act { by: self.acts.by(), action, object, before }
    }

    /// Resumes the second token if it is paused.
    pub(super) fn resume_tokens(&mut self, fixture: &Fixture) {
        let known = now(fixture.balances.token(token(1))).expect("read");
        let Some(state) = known.filter(|state| state.status.is_paused()) else { return };
        let base = state.cursor.map(|cursor| cursor.id());
        let object = ("token", token(1).to_string());
        let (action, before) = ("resume_token", token_status(fixture, 1));
        let act = Act { by: self.acts.by(), action, object, before };
        let resume = || now(fixture.balances.resume_token(token(1), base, &state.status, &act.by));
        self.acts.insist(resume).expect("the token is at its cursor");
        self.acts.made(act, token_status(fixture, 1));
    }

    /// Gives failed batches new attempts.
    pub(super) fn reset(&mut self, fixture: &Fixture, control: &Control) -> &'static str {
        let programmes: Vec<_> = self.programmes.iter().map(|known| known.id.clone()).collect();
        for id in programmes {
            for shard in shards(fixture, &id) {
                for failure in shard.run.iter().flat_map(|run| &run.failures) {
                    let from = failure.from;
                    let object = ("settlement", format!("{id}:{}", from.get()));
                    let (action, before) = ("retry_settlement", attempts(fixture, &id, from));
                    let act = Act { by: self.acts.by(), action, object, before };
                    let reset = || now(fixture.points.reset_failures(&id, from, &act.by));
                    let count = self.acts.insist(reset).expect("the programme is known");
                    self.acts.made(act, attempts(fixture, &id, from));
                    control.lock().counters.reset_batches += u64::try_from(count).expect("few");
                }
            }
        }
        "reset"
    }
}

fn rule_of(programme: &Programme) -> Value {
    let Programme { rates, window, shards, .. } = programme;
    json!({ "rates": rates, "window": window, "shards": shards })
}

fn status(name: &str, reason: Option<&str>, halt_reason: Option<&str>) -> Value {
    let mut status = json!({ "status": name });
    for (field, text) in [("reason", reason), ("halt_reason", halt_reason)] {
        if let Some(text) = text {
            status[field] = text.into();
        }
    }
    status
}

fn chain_of(fixture: &Fixture) -> ChainState {
    now(fixture.balances.chain(CHAIN)).expect("read").expect("registered")
}

fn chain_status(fixture: &Fixture) -> Value {
    let chain = chain_of(fixture).status;
    status(chain.name(), chain.reason(), chain.halt_under_pause())
}

fn token_status(fixture: &Fixture, index: usize) -> Value {
    let state = now(fixture.balances.token(token(index))).expect("read").expect("registered");
    status(state.status.name(), state.status.reason(), state.status.halt_under_pause())
}

/// The failed batches of a settlement, and how often they were tried.
fn attempts(fixture: &Fixture, programme: &ProgrammeId, window_start: Timestamp) -> Value {
    let shards = shards(fixture, programme);
    let failures =
        shards.iter().filter_map(|shard| shard.run.as_ref()).flat_map(|run| &run.failures);
    let failed: Vec<_> = failures.filter(|failure| failure.covers(window_start)).collect();
    let attempts: u32 = failed.iter().map(|failure| failure.attempts).sum();
    json!({ "batches": failed.len(), "attempts": attempts })
}

fn shards(fixture: &Fixture, programme: &ProgrammeId) -> Vec<ShardProgress> {
    let states = now(fixture.points.programmes(programme.token)).expect("read");
    let own = states.into_iter().find(|state| state.programme.id == *programme);
    own.map(|state| state.shards).unwrap_or_default()
}

fn reached(fixture: &Fixture, programme: &ProgrammeId) -> Option<Timestamp> {
    shards(fixture, programme).iter().filter_map(ShardProgress::reached).max()
}
