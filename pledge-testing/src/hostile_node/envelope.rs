//! Answers that do not fit their questions.

use serde_json::{Value, json};

/// What is wrong with the objects around the results.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Envelope {
    /// A batch longer than this gets one error object instead of a list.
    BatchMax(usize),
    /// Ids that no call has.
    WrongIds,
    /// Every answer has the id of the first.
    SameIds,
    /// The answers come in reverse order.
    Reordered,
    /// The last answer of a batch is left out.
    Short,
    /// The last answer is an error, with this code and text.
    OneError(i64, String),
    /// One error object instead of everything, with this code and text.
    Refused(i64, String),
    /// Every answer is an error, with this code and text.
    EachError(i64, String),
    /// Every block is null.
    NullBlocks,
    /// Neither result nor error.
    NoResult,
}

impl Envelope {
    /// Spoils the answer to a request; returns whether anything changed.
    pub(super) fn spoil(&self, answer: &mut Value) -> bool {
        let before = answer.clone();
        match self {
            Self::BatchMax(max) => {
                if answer.as_array().is_some_and(|batch| batch.len() > *max) {
                    let error = json!({ "code": -32600, "message": "batch size is too large" });
                    *answer = json!({ "jsonrpc": "2.0", "id": null, "error": error });
                }
            }
            Self::WrongIds => each(answer, |one| one["id"] = json!(987_654)),
            Self::SameIds => {
                let first = answer.get(0).map(|one| one["id"].clone());
                each(answer, |one| one["id"] = first.clone().unwrap_or(Value::Null));
            }
            Self::Reordered => {
                if let Some(batch) = answer.as_array_mut() {
                    batch.reverse();
                }
            }
            Self::Short => {
                if let Some(batch) = answer.as_array_mut() {
                    batch.pop();
                }
            }
            Self::OneError(code, message) => {
                let error = json!({ "code": code, "message": message });
                let last = |one: &mut Value| {
                    *one = json!({ "jsonrpc": "2.0", "id": one["id"], "error": error });
                };
                match &mut *answer {
                    Value::Array(batch) => batch.last_mut().into_iter().for_each(last),
                    one => last(one),
                }
            }
            Self::Refused(code, message) => {
                let error = json!({ "code": code, "message": message });
                *answer = json!({ "jsonrpc": "2.0", "id": null, "error": error });
            }
            Self::EachError(code, message) => each(answer, |one| {
                let error = json!({ "code": code, "message": message });
                *one = json!({ "jsonrpc": "2.0", "id": one["id"], "error": error });
            }),
            Self::NullBlocks => each(answer, |one| {
                if one["result"].get("parentHash").is_some() {
                    one["result"] = Value::Null;
                }
            }),
            Self::NoResult => each(answer, |one| {
                one.as_object_mut().expect("an answer is an object").remove("result");
            }),
        }
        *answer != before
    }
}

fn each(answer: &mut Value, mut change: impl FnMut(&mut Value)) {
    match answer {
        Value::Array(batch) => batch.iter_mut().for_each(change),
        one => change(one),
    }
}
