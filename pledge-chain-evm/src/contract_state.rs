//! Calls of contracts, native balances and code, at a block.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use alloy::primitives::{Bytes, U256};
use pledge_core::error::ChainError;
use pledge_core::types::{BlockId, Call as Question, CallOutcome, Reverted};
use serde_json::{Value, json};

use crate::asker::Asker;
use crate::classify::Fault;
use crate::failure::Failure;
use crate::headers::HeaderReader;
use crate::http::{Answer, Call};

const OPERATION: &str = "call contracts";

/// Reads the state after a block from one node.
#[derive(Debug)]
pub(crate) struct StateReader {
    asker: Arc<Asker>,
    headers: HeaderReader,
    /// The node does not take block hashes in `eth_call` (EIP-1898).
    is_by_number: AtomicBool,
}

impl StateReader {
    pub(crate) const fn new(asker: Arc<Asker>, headers: HeaderReader) -> Self {
        Self { asker, headers, is_by_number: AtomicBool::new(false) }
    }

    /// The outcome of each question in the state after a block, in the order asked.
    pub(crate) async fn read(
        &self,
        questions: &[Question],
        at: BlockId,
    ) -> Result<Vec<CallOutcome>, ChainError> {
        // At most two rounds: a node without EIP-1898 is asked by number for good, since every
        // later question by hash would cost a refusal first.
        loop {
            let is_by_number = self.is_by_number.load(Ordering::Relaxed);
            let block = if is_by_number {
                json!(format!("{:#x}", at.number.get()))
            } else {
                json!({ "blockHash": at.hash })
            };
            let answers = self.ask(questions, at, &block).await?;
            let refused = |answer: &Answer| matches!(answer, Err(f) if f.fault == Fault::BadParams);
            if !is_by_number && answers.iter().any(refused) {
                tracing::info!(
                    endpoint = self.asker.endpoint(),
                    "the node takes no block hash in eth_call, asking by number"
                );
                self.is_by_number.store(true, Ordering::Relaxed);
                continue;
            }
            let outcomes = questions.iter().zip(answers).map(|(question, answer)| {
                outcome(&self.asker, question, answer).map_err(|mut failure| {
                    failure.detail = format!("{question} at block {at}: {}", failure.detail);
                    failure.during(OPERATION)
                })
            });
            return outcomes.collect();
        }
    }

    /// Asks between two looks at the block: state that was read by number is of that block only if
    /// the block stayed where it was.
    async fn ask(
        &self,
        questions: &[Question],
        at: BlockId,
        block: &Value,
    ) -> Result<Vec<Answer>, ChainError> {
        self.expect_block(at).await?;
        let calls = questions.iter().map(|question| state_call(question, block).with_alternative());
        let answers = self.asker.many(calls.collect()).await;
        self.expect_block(at).await?;
        Ok(answers)
    }

    async fn expect_block(&self, at: BlockId) -> Result<(), ChainError> {
        let header = self.headers.one(OPERATION, at.number).await?.block;
        if header.id() != at {
            let detail = format!("block {at} was replaced by {header}");
            return Err(ChainError::block_gone(OPERATION, detail));
        }
        Ok(())
    }
}

/// A question at a block, which is named as a parameter. An `eth_call` has no sender, value or gas
/// price.
pub(crate) fn state_call(question: &Question, block: &Value) -> Call {
    match question {
        // Old nodes read `data`, new ones `input`; both take both.
        Question::Contract { to: Some(to), data } => {
            Call::new("eth_call", json!([{ "to": to, "data": data, "input": data }, block]))
        }
        Question::Contract { to: None, data } => {
            Call::new("eth_call", json!([{ "data": data, "input": data }, block]))
        }
        Question::Balance(address) => Call::new("eth_getBalance", json!([address, block])),
        Question::Code(address) => Call::new("eth_getCode", json!([address, block])),
    }
}

/// The outcome in the answer to [`state_call`].
pub(crate) fn outcome(
    asker: &Asker,
    question: &Question,
    answer: Answer,
) -> Result<CallOutcome, Failure> {
    match answer {
        Err(failure) if failure.fault == Fault::Reverted => Ok(Err(Reverted(failure.detail))),
        answer if matches!(question, Question::Balance(_)) => {
            let balance: U256 = asker.parse(answer?)?;
            Ok(Ok(balance.to_be_bytes_vec().into()))
        }
        answer => bytes(asker, answer).map(Ok),
    }
}

/// The bytes in an answer.
pub(crate) fn bytes(asker: &Asker, answer: Answer) -> Result<Bytes, Failure> {
    answer.and_then(|answer| asker.parse(answer))
}
