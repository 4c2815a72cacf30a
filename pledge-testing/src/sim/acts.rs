//! What operators did, as they know it themselves: the audit log must have exactly that.

use pledge_core::audit::{Actor, ActorKind, Attribution, AuditNumber, RequestId};
use serde_json::{Value, json};

use super::check::{Verdict, require};
use super::control::now;
use super::dice::Dice;
use crate::Fixture;
use crate::world::at;

/// How often an answer is lost, in a thousand: then the act is made again.
const LOST_ANSWERS: u64 = 200;

/// The acts so far, with what each changed.
#[derive(Debug)]
pub(super) struct Acts {
    /// Apart from the dice of the run, which decide what is done.
    dice: Dice,
    made: u64,
    expected: Vec<Value>,
}

impl Default for Acts {
    fn default() -> Self {
        Self { dice: Dice::new(0xac75), made: 0, expected: Vec::new() }
    }
}

/// An act under way: who makes it, and what is found before it.
#[derive(Debug)]
pub(super) struct Act {
    pub(super) by: Attribution,
    pub(super) action: &'static str,
    pub(super) object: (&'static str, String),
    pub(super) before: Value,
}

impl Acts {
    /// Who acts next. Each act is a request of its own, also when it is made again.
    pub(super) fn by(&mut self) -> Attribution {
        self.made += 1;
        let name = ["olivia", "oscar"][usize::from(self.made.is_multiple_of(2))];
        let actor = Actor::new(ActorKind::Person, name).expect("a short name");
        let request = RequestId::new(&format!("act-{}", self.made)).expect("a short id");
        let mut by = Attribution::new(actor, at(self.made));
        by.request = Some(request);
        if self.made.is_multiple_of(3) {
            by.reason = Some(format!("reason {}", self.made).parse().expect("a short reason"));
        }
        by
    }

    /// Makes a call, and makes it again where its answer was lost.
    pub(super) fn insist<T>(&mut self, call: impl Fn() -> T) -> T {
        if self.dice.chance(LOST_ANSWERS) {
            drop(call());
        }
        call()
    }

    /// Whether something happens that the dice of the run know nothing of.
    pub(super) fn chance(&mut self, in_a_thousand: u64) -> bool {
        self.dice.chance(in_a_thousand)
    }

    /// Expects a record of an act that left `after`, unless that is what it found.
    pub(super) fn made(&mut self, act: Act, after: Value) {
        let Act { by, action, object: (kind, id), before } = act;
        if before == after {
            return;
        }
        let by = serde_json::to_value(by).expect("it has a text");
        let mut record = json!({
            "by": by, "action": action, "object": { "kind": kind, "id": id }, "after": after,
        });
        if !before.is_null() {
            record["before"] = before;
        }
        self.expected.push(record);
    }

    /// Each act that changed something has one record, with what it found and left, in the order of
    /// the acts; nothing else has one.
    pub(super) fn check(&self, fixture: &Fixture) -> Verdict {
        let records = now(fixture.all_acts()).expect("read");
        let numbers = records.iter().map(|record| record.number);
        let ascend = [AuditNumber::START].into_iter().chain(numbers).is_sorted_by(|a, b| a < b);
        require(ascend, || format!("the numbers of {records:?} do not ascend"))?;
        let kept: Vec<_> = records.iter().map(unnumbered).collect();
        require(kept == self.expected, || {
            format!("the audit log has {kept:#?}\nmust be\n{:#?}", self.expected)
        })
    }
}

fn unnumbered(record: &pledge_core::audit::AuditRecord) -> Value {
    let mut value = serde_json::to_value(record).expect("it has a text");
    value.as_object_mut().expect("a record is an object").remove("number");
    value
}
