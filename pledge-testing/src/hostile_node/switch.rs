//! The table of active faults: which calls they affect, and how often.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::{Mutex, MutexGuard};

use fastrand::Rng;

use super::chain::View;
use super::envelope::Envelope;
use super::honest::Call;
use super::lie::Lie;
use super::outlook::Outlook;
use super::random::Struck;
use super::refusal::Refusal;
use super::wire::Wire;

/// One fault of the node. The kinds are in the order in which they act on an answer.
#[derive(Debug, Clone)]
pub enum Fault {
    /// A deviating view of the chain.
    Outlook(Outlook),
    /// An error answer.
    Refusal(Refusal),
    /// A false result.
    Lie(Lie),
    /// Answers that do not fit their requests.
    Envelope(Envelope),
    /// Damage to the bytes of an answer.
    Wire(Wire),
}

/// The kind of a fault, by the stage of an answer at which it acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    Outlook,
    Refusal,
    Lie,
    Envelope,
    Wire,
}

impl Fault {
    const fn stage(&self) -> Stage {
        match self {
            Self::Outlook(_) => Stage::Outlook,
            Self::Refusal(_) => Stage::Refusal,
            Self::Lie(_) => Stage::Lie,
            Self::Envelope(_) => Stage::Envelope,
            Self::Wire(_) => Stage::Wire,
        }
    }
}

/// A fault, the calls that it affects, and the number of answers for which it is active.
#[derive(Debug, Clone)]
pub struct Switch {
    fault: Fault,
    names: Vec<&'static str>,
    blocks: RangeInclusive<u64>,
    left: u64,
    calls_above: usize,
    chance: Option<Chance>,
}

/// The random draw before a fault acts.
#[derive(Debug, Clone)]
struct Chance {
    struck: Struck,
    percent: u32,
    rng: Rng,
}

impl Chance {
    /// Whether a fault acts on an answer to this many matching calls.
    fn strikes(&mut self, calls: usize) -> bool {
        let draws = if self.struck == Struck::Call { calls } else { 1 };
        (0..draws).fold(false, |struck, _| self.rng.u32(..100) < self.percent || struck)
    }
}

/// The id of a switch, to remove it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SwitchId(u64);

impl Switch {
    /// A fault of every matching answer, until it is removed.
    pub fn of(fault: impl Into<Fault>) -> Self {
        Self {
            fault: fault.into(),
            names: Vec::new(),
            blocks: 0..=u64::MAX,
            left: u64::MAX,
            calls_above: 0,
            chance: None,
        }
    }

    /// Limits it to calls of these methods, or with these tags.
    #[must_use]
    pub fn only(mut self, names: &[&'static str]) -> Self {
        self.names = names.to_vec();
        self
    }

    /// Limits it to calls that ask about one of these blocks, and to their logs and receipts.
    #[must_use]
    pub fn at(mut self, blocks: RangeInclusive<u64>) -> Self {
        self.blocks = blocks;
        self
    }

    /// Limits how often it acts.
    #[must_use]
    pub const fn times(mut self, answers: u64) -> Self {
        self.left = answers;
        self
    }

    /// Limits it to requests with more calls than this.
    #[must_use]
    pub const fn of_batches_above(mut self, calls: usize) -> Self {
        self.calls_above = calls;
        self
    }

    /// Makes it act with a chance in percent, drawn from a seed.
    #[must_use]
    pub fn by_chance(mut self, struck: Struck, percent: u32, seed: u64) -> Self {
        self.chance = Some(Chance { struck, percent, rng: Rng::with_seed(seed) });
        self
    }

    fn strikes(&mut self, calls: usize) -> bool {
        self.chance.as_mut().is_none_or(|chance| chance.strikes(calls))
    }

    fn meets(&self, call: &Call, view: &View) -> bool {
        let named = |name: &&str| *name == call.method || Some(*name) == call.tag();
        let by_name = self.names.is_empty() || self.names.iter().any(named);
        by_name
            && match call.blocks(view) {
                Some((from, to)) => from <= *self.blocks.end() && to >= *self.blocks.start(),
                None => self.blocks == (0..=u64::MAX),
            }
    }
}

impl<F: Into<Fault>> From<F> for Switch {
    fn from(fault: F) -> Self {
        Self::of(fault)
    }
}

macro_rules! kinds {
    ($($kind:ident),*) => {
        $(impl From<$kind> for Fault {
            fn from(kind: $kind) -> Self {
                Self::$kind(kind)
            }
        })*
    };
}

kinds!(Outlook, Refusal, Lie, Envelope, Wire);

/// The switches that are set, oldest first.
#[derive(Debug, Default)]
pub(super) struct Switches(Mutex<Table>);

#[derive(Debug, Default)]
struct Table {
    next: u64,
    on: BTreeMap<SwitchId, Switch>,
    met: BTreeMap<SwitchId, u64>,
}

impl Switches {
    pub(super) fn on(&self, switch: Switch) -> SwitchId {
        let mut table = self.lock();
        let id = SwitchId(table.next);
        table.next += 1;
        table.on.insert(id, switch);
        id
    }

    pub(super) fn off(&self, id: SwitchId) {
        self.lock().on.remove(&id);
    }

    pub(super) fn calm(&self) {
        self.lock().on.clear();
    }

    pub(super) fn met(&self, id: SwitchId) -> u64 {
        self.lock().met.get(&id).copied().unwrap_or_default()
    }

    /// Calls `apply` for each fault of a stage that matches a call, with the fault's blocks. When
    /// it returns true, the fault has acted and is counted once.
    pub(super) fn act(
        &self,
        stage: Stage,
        calls: &[Call],
        view: &View,
        mut apply: impl FnMut(&Fault, &RangeInclusive<u64>) -> bool,
    ) {
        let mut table = self.lock();
        let Table { on, met, .. } = &mut *table;
        for (id, switch) in on.iter_mut().filter(|(_, switch)| switch.fault.stage() == stage) {
            let meets = calls.iter().filter(|call| switch.meets(call, view)).count();
            let is_long = calls.len() > switch.calls_above;
            if switch.left == 0 || meets == 0 || !is_long || !switch.strikes(meets) {
                continue;
            }
            if apply(&switch.fault, &switch.blocks) {
                switch.left -= 1;
                *met.entry(*id).or_default() += 1;
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.0.lock().expect("no holder panics")
    }
}
