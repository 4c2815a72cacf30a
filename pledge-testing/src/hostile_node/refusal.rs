//! Errors that a node answers with.

use serde_json::Value;

use super::honest::{Call, ErrorAnswer, Reply};
use super::limits::{Hint, LimitText};

/// An error answer, always or beyond a limit.
#[derive(Debug, Clone, PartialEq)]
pub enum Refusal {
    /// With a code and a text.
    Error(i64, String),
    /// `eth_getLogs` of more than this.
    Limit(Limit),
}

/// The limit on `eth_getLogs`, and how a refusal is worded.
#[derive(Debug, Clone, PartialEq)]
pub struct Limit {
    /// What is counted.
    pub measure: Measure,
    /// The largest quantity that is answered.
    pub max: u64,
    pub text: LimitText,
    /// The range that the text suggests.
    pub hint: Hint,
}

/// What a limit counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// Blocks of the range.
    Blocks,
    /// Logs of the answer.
    Logs,
    /// Bytes of the answer.
    Bytes,
    /// Addresses of the filter.
    Addresses,
}

impl Refusal {
    /// An error with a code and a text.
    pub fn error(code: i64, text: impl Into<String>) -> Self {
        Self::Error(code, text.into())
    }

    pub(super) fn refuse(&self, call: &Call, asked: Option<(u64, u64)>, reply: &mut Reply) -> bool {
        let refused = match self {
            Self::Error(code, message) => {
                Some(ErrorAnswer { status: 200, code: *code, message: message.clone() })
            }
            Self::Limit(limit) if call.method == "eth_getLogs" => match (asked, &*reply) {
                (Some((from, to)), Ok(Value::Array(logs))) => limit.refusal(call, from, to, logs),
                _ => None,
            },
            Self::Limit(_) => None,
        };
        match refused {
            Some(error) => *reply = Err(error),
            None => return false,
        }
        true
    }
}

impl Limit {
    fn refusal(&self, call: &Call, from: u64, to: u64, logs: &[Value]) -> Option<ErrorAnswer> {
        let count = match self.measure {
            Measure::Blocks => to - from + 1,
            Measure::Logs => logs.len() as u64,
            Measure::Bytes => logs.iter().map(|log| log.to_string().len() as u64).sum(),
            Measure::Addresses => {
                call.params[0]["address"].as_array().map_or(1, |list| list.len() as u64)
            }
        };
        if count <= self.max {
            return None;
        }
        let blocks = self.blocks_that_fit(from, to, logs);
        let hint = self.hint.range(from, to, blocks);
        Some(ErrorAnswer {
            status: self.text.status,
            code: self.text.code,
            message: self.text.render(self.max, to - from + 1, hint),
        })
    }

    /// The number of blocks from the first on that are within the limit, at least one.
    fn blocks_that_fit(&self, from: u64, to: u64, logs: &[Value]) -> u64 {
        let mut counted = 0;
        let too_much = match self.measure {
            Measure::Blocks => return self.max.max(1),
            Measure::Addresses => return to - from + 1,
            Measure::Logs => logs.get(usize::try_from(self.max).expect("a small limit")),
            Measure::Bytes => logs.iter().find(|log| {
                counted += log.to_string().len() as u64;
                counted > self.max
            }),
        };
        let block = |log: &Value| {
            let digits = log["blockNumber"].as_str().expect("a log has a block");
            u64::from_str_radix(&digits[2..], 16).expect("a number")
        };
        too_much.map_or(to - from + 1, |log| (block(log) - from).max(1))
    }
}
