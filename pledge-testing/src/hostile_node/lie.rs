//! False results.

use std::ops::RangeInclusive;

use serde_json::Value;

/// What is returned instead of the truth.
#[derive(Debug, Clone, PartialEq)]
pub enum Lie {
    Answers(Value),
    /// Every block, log and receipt has this value in this field.
    Field(&'static str, Value),
    /// No block, log and receipt has this field.
    NoField(&'static str),
    /// The logs are left out.
    NoLogs,
    /// One log in the middle is left out.
    OneLogLess,
    /// Only this many logs are returned.
    AtMost(usize),
    /// Each log comes twice.
    Twice,
    /// The last log has the index of another one in its block.
    SharedIndex,
    /// The logs come in another order.
    Unsorted,
}

impl Lie {
    pub const NULL: Self = Self::Answers(Value::Null);

    /// Applies the lie to a result; returns whether it changed.
    pub(super) fn apply(&self, result: &mut Value, blocks: &RangeInclusive<u64>) -> bool {
        let truth = result.clone();
        match self {
            Self::Answers(value) => result.clone_from(value),
            Self::Field(name, value) => objects(result, blocks, &mut |object| {
                object[*name] = value.clone();
            }),
            Self::NoField(name) => objects(result, blocks, &mut |object| {
                object.as_object_mut().expect("only objects are shown").remove(*name);
            }),
            _ => self.apply_to_logs(result, blocks),
        }
        *result != truth
    }

    fn apply_to_logs(&self, result: &mut Value, blocks: &RangeInclusive<u64>) {
        let all = result.as_array_mut().into_iter().flatten();
        let Some(kinds) = all.map(|item| item.get("logs").is_some()).next() else {
            if let Some(logs) = result.get_mut("logs").and_then(Value::as_array_mut) {
                self.spoil(logs, blocks);
            }
            return;
        };
        let list = result.as_array_mut().expect("it has an item");
        if kinds {
            // A block's receipts lose one log in all: in the first receipt that has enough.
            let mut lists = list.iter_mut().filter_map(|item| item["logs"].as_array_mut());
            match self {
                Self::OneLogLess | Self::SharedIndex => {
                    lists
                        .find(|logs| logs.len() > 1)
                        .into_iter()
                        .for_each(|l| self.spoil(l, blocks));
                }
                _ => lists.for_each(|logs| self.spoil(logs, blocks)),
            }
        } else {
            self.spoil(list, blocks);
        }
    }

    fn spoil(&self, logs: &mut Vec<Value>, blocks: &RangeInclusive<u64>) {
        let chosen: Vec<usize> = (0..logs.len()).filter(|at| is_of(&logs[*at], blocks)).collect();
        let (Some(first), Some(last)) = (chosen.first().copied(), chosen.last().copied()) else {
            return;
        };
        match self {
            Self::NoLogs => logs.retain(|log| !is_of(log, blocks)),
            Self::OneLogLess => {
                logs.remove(chosen[chosen.len() / 2]);
            }
            Self::AtMost(count) => logs.truncate(*count),
            Self::Twice => {
                for at in chosen.into_iter().rev() {
                    logs.insert(at, logs[at].clone());
                }
            }
            Self::SharedIndex => {
                let block = logs[last]["blockNumber"].clone();
                let mut others = chosen.iter().filter(|at| logs[**at]["blockNumber"] == block);
                let mut shared = logs[last].clone();
                let other = &logs[*others.next().expect("the last one at least")];
                shared["logIndex"] = other["logIndex"].clone();
                // With the same content both would be one log.
                if shared != *other {
                    logs[last] = shared;
                }
            }
            Self::Unsorted => logs[first..=last].reverse(),
            Self::Answers(_) | Self::Field(..) | Self::NoField(_) => unreachable!("not of logs"),
        }
    }
}

/// Applies a change to each block, log and receipt of these blocks.
fn objects(value: &mut Value, blocks: &RangeInclusive<u64>, change: &mut impl FnMut(&mut Value)) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| objects(item, blocks, change)),
        Value::Object(_) if is_of(value, blocks) => {
            if let Some(logs) = value.get_mut("logs") {
                objects(logs, blocks, change);
            }
            change(value);
        }
        _ => {}
    }
}

/// Whether a block, a log or a receipt is of one of these blocks.
fn is_of(object: &Value, blocks: &RangeInclusive<u64>) -> bool {
    let number = object.get("blockNumber").or_else(|| object.get("number"));
    let digits = number.and_then(Value::as_str).and_then(|text| text.strip_prefix("0x"));
    digits
        .and_then(|digits| u64::from_str_radix(digits, 16).ok())
        .is_some_and(|number| blocks.contains(&number))
}
