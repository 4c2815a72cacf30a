//! Calls of contracts, native balances and code, at a block.

use std::sync::atomic::Ordering;

use alloy::primitives::{Bytes, U256};
use pledge_core::error::ChainError;
use pledge_core::types::{BlockId, Call as Question, CallOutcome, Reverted};
use serde_json::{Value, json};

use crate::chain::EvmChain;
use crate::classify::Fault;
use crate::failure::Failure;
use crate::http::{Answer, Call};

const OPERATION: &str = "call contracts";

impl EvmChain {
    /// The outcome of each question in the state after a block, in the order asked.
    pub(crate) async fn read_calls(
        &self,
        questions: &[Question],
        at: BlockId,
    ) -> Result<Vec<CallOutcome>, ChainError> {
        // At most two rounds: a node without EIP-1898 is asked by number for good, since every
        // later question by hash would cost a refusal first.
        loop {
            let by_number = self.state_by_number.load(Ordering::Relaxed);
            let block = if by_number {
                json!(format!("{:#x}", at.number.get()))
            } else {
                json!({ "blockHash": at.hash })
            };
            let answers = self.ask_state(questions, at, &block).await?;
            let refused = |answer: &Answer| matches!(answer, Err(f) if f.fault == Fault::BadParams);
            if !by_number && answers.iter().any(refused) {
                tracing::info!(
                    endpoint = self.endpoint(),
                    "the node takes no block hash in eth_call, asking by number"
                );
                self.state_by_number.store(true, Ordering::Relaxed);
                continue;
            }
            let outcomes = questions.iter().zip(answers).map(|(question, answer)| {
                self.outcome(question, answer).map_err(|mut failure| {
                    failure.detail = format!("{question} at block {at}: {}", failure.detail);
                    failure.during(OPERATION)
                })
            });
            return outcomes.collect();
        }
    }

    /// Asks between two looks at the block: state that was read by number is of that block only if
    /// the block stayed where it was.
    async fn ask_state(
        &self,
        questions: &[Question],
        at: BlockId,
        block: &Value,
    ) -> Result<Vec<Answer>, ChainError> {
        self.expect_block(at).await?;
        let calls = questions.iter().map(|question| state_call(question, block).with_alternative());
        let answers = self.rpc().many(calls.collect()).await;
        self.expect_block(at).await?;
        Ok(answers)
    }

    async fn expect_block(&self, at: BlockId) -> Result<(), ChainError> {
        let header = self.headers_of(OPERATION, &[at.number]).await.remove(0)?.block;
        if header.id() != at {
            let detail = format!("block {at} was replaced by {header}");
            return Err(ChainError::block_gone(OPERATION, detail));
        }
        Ok(())
    }

    /// The outcome in the answer to [`state_call`].
    pub(crate) fn outcome(
        &self,
        question: &Question,
        answer: Answer,
    ) -> Result<CallOutcome, Failure> {
        match answer {
            Err(failure) if failure.fault == Fault::Reverted => Ok(Err(Reverted(failure.detail))),
            answer if matches!(question, Question::Balance(_)) => {
                let balance: U256 = self.rpc().parse(answer?)?;
                Ok(Ok(balance.to_be_bytes_vec().into()))
            }
            answer => self.bytes(answer).map(Ok),
        }
    }

    pub(crate) fn bytes(&self, answer: Answer) -> Result<Bytes, Failure> {
        answer.and_then(|answer| self.rpc().parse(answer))
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
