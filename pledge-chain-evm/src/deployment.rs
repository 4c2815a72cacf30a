//! The block in which a contract came to be: a bisection over its code, and the proof of what it finds.

use std::sync::Arc;

use alloy::primitives::{Address, Bytes, U256};
use futures::{StreamExt, stream};
use pledge_core::error::{ChainError, ChainErrorKind};
use pledge_core::ledger::erc20::no_code;
use pledge_core::types::{BlockNumber, Call as Question};
use serde_json::json;

use crate::asker::Asker;
use crate::classify::Fault;
use crate::contract_state::{bytes, state_call};
use crate::headers::HeaderReader;
use crate::http::{Answer, Call};

mod full_block;
mod search;

use full_block::FullBlock;
use search::Search;

pub(crate) const OPERATION: &str = "find the block of deployment";

/// Blocks that one step asks about for one token: with seven, a step is worth three of a bisection.
const PROBES_MAX: usize = 7;

/// Finds the blocks in which contracts were deployed, of one node.
#[derive(Debug, Clone)]
pub(crate) struct DeploymentFinder {
    asker: Arc<Asker>,
    headers: HeaderReader,
}

impl DeploymentFinder {
    pub(crate) const fn new(asker: Arc<Asker>, headers: HeaderReader) -> Self {
        Self { asker, headers }
    }

    /// The first block with the token's code, found by bisection between genesis and the head, and
    /// proven.
    pub(crate) async fn find(&self, token: Address) -> Result<BlockNumber, ChainError> {
        let head = self.headers.head().await?.number;
        self.find_all(&[token], head).await.remove(0)
    }

    /// Whether the node keeps the state of the first blocks, without which no block of deployment can
    /// be found.
    pub(crate) async fn keeps_history(&self) -> Result<bool, ChainError> {
        // Many nodes without history keep the state of genesis all the same.
        let first = BlockNumber::new(1).min(self.headers.head().await?.number);
        let code = self.asker.call::<Bytes>(code_at(Address::ZERO, first.get()));
        match code.await {
            Ok(_) => Ok(true),
            Err(failure) if is_missing_history(failure.fault) => Ok(false),
            Err(failure) => Err(failure.during("look for old state")),
        }
    }

    /// The blocks of several deployments. Each step asks about all tokens at once.
    pub(crate) async fn find_all(
        &self,
        tokens: &[Address],
        head: BlockNumber,
    ) -> Vec<Result<BlockNumber, ChainError>> {
        let at_head = tokens.iter().map(|token| code_at(*token, head.get())).collect();
        let codes = self.asker.many(at_head).await;
        let searches = tokens.iter().zip(codes).map(|(token, code)| {
            // Only these answers may fail for another reason than missing history.
            match bytes(&self.asker, code) {
                Ok(code) if code.is_empty() => Err(no_code(OPERATION, *token)),
                Ok(_) => Ok(Search { token: *token, lower: 0, upper: head.get() }),
                Err(failure) => Err(failure.during(OPERATION)),
            }
        });
        let mut searches: Vec<Result<Search, ChainError>> = searches.collect();
        while self.narrow(&mut searches).await {}
        self.prove_deployments(searches).await
    }

    /// One step of every search that is not over; whether there was one.
    async fn narrow(&self, searches: &mut [Result<Search, ChainError>]) -> bool {
        let is_open = |search: &&mut Result<Search, ChainError>| {
            search.as_ref().is_ok_and(|search| search.lower < search.upper)
        };
        let mut open: Vec<_> = searches.iter_mut().filter(is_open).collect();
        if open.is_empty() {
            return false;
        }
        // All searches share one batch, so a list of tokens takes no more round trips than one
        // token. The more are open, the fewer probes each has: the batch stays within what the node
        // takes.
        let probes_max = (self.asker.batch_calls() / open.len()).clamp(1, PROBES_MAX);
        let probes: Vec<Vec<u64>> = open
            .iter()
            .map(|search| search.as_ref().map(|s| s.probes(probes_max)).unwrap_or_default())
            .collect();
        let calls = open.iter().zip(&probes).flat_map(|(search, probes)| {
            let token = search.as_ref().map(|search| search.token).unwrap_or_default();
            probes.iter().map(move |block| code_at(token, *block))
        });
        let mut answers = self.asker.many(calls.collect()).await.into_iter();
        for (search, probes) in open.iter_mut().zip(probes) {
            let answers = answers.by_ref().take(probes.len()).collect();
            if let Ok(before) = &**search {
                **search = self.narrowed(before, probes, answers);
            }
        }
        true
    }

    /// What a search is after the answers to its probes.
    fn narrowed(
        &self,
        search: &Search,
        probes: Vec<u64>,
        answers: Vec<Answer>,
    ) -> Result<Search, ChainError> {
        let mut has_code = Vec::with_capacity(probes.len());
        for (block, answer) in probes.into_iter().zip(answers) {
            match bytes(&self.asker, answer) {
                Ok(code) => has_code.push((block, !code.is_empty())),
                Err(failure) if is_missing_history(failure.fault) => {
                    let what = format!("no state of it ({})", failure.detail);
                    return Err(unproven(search.token, block, &what));
                }
                Err(failure) => return Err(failure.during(OPERATION)),
            }
        }
        Ok(search.after(&has_code))
    }

    /// Turns the ends of searches into deployments, or into errors where they cannot be proven.
    async fn prove_deployments(
        &self,
        searches: Vec<Result<Search, ChainError>>,
    ) -> Vec<Result<BlockNumber, ChainError>> {
        let ends = searches.iter().flatten().map(|search| search.upper);
        let calls = ends.map(|end| {
            Call::new("eth_getBlockByNumber", json!([format!("{end:#x}"), true])).expected()
        });
        let mut blocks = self.asker.many(calls.collect()).await.into_iter();
        let proofs = searches.into_iter().map(|search| {
            let search = search.map(|search| (search, blocks.next().expect("a block for each")));
            async move {
                let (Search { token, upper, .. }, block) = search?;
                self.prove_deployment(token, upper, block).await
            }
        });
        let proofs: Vec<_> = proofs.collect();
        stream::iter(proofs).buffered(self.asker.concurrency()).collect().await
    }

    /// That a contract with code at a block, and none before it, was deployed there.
    async fn prove_deployment(
        &self,
        token: Address,
        block: u64,
        deployment: Answer,
    ) -> Result<BlockNumber, ChainError> {
        // A pruned node has no code below the block where its state begins, which looks like a
        // deployment. So other evidence is needed: the creating transaction, or other state in the
        // block before.
        let found = BlockNumber::new(block);
        let Some(before) = block.checked_sub(1) else { return Ok(found) };
        let deployment = deployment.and_then(|block| self.asker.parse::<Option<FullBlock>>(block));
        let deployment = deployment.map_err(|failure| failure.during(OPERATION))?;
        let deployment = deployment.ok_or_else(|| {
            let detail = format!("{} has no block {block}", self.asker.endpoint());
            ChainError::block_gone(OPERATION, detail)
        })?;
        if deployment.creates(token) {
            return Ok(found);
        }
        let calls = [code_at(token, before)].into_iter().chain(deployment.witnesses(before));
        let mut answers = self.asker.together(calls.collect()).await.into_iter();
        let code = bytes(&self.asker, answers.next().expect("an answer for each call"));
        let code = code.map_err(|failure| {
            unproven(token, before, &format!("no state of it ({})", failure.detail))
        })?;
        if !code.is_empty() {
            let detail = format!(
                "{} answered no code of {token} at block {before}, then code: ask again",
                self.asker.endpoint()
            );
            return Err(ChainError::transient(OPERATION, detail));
        }
        let is_above_zero =
            |answer| self.asker.parse::<U256>(answer).is_ok_and(|value| !value.is_zero());
        if answers.flatten().any(is_above_zero) {
            return Ok(found);
        }
        Err(unproven(token, before, "no code and no other state, as if the state began behind it"))
    }
}

/// Nodes report pruned state in many ways, and most of them are an error answer.
pub(crate) const fn is_missing_history(fault: Fault) -> bool {
    matches!(fault, Fault::Refused | Fault::BadParams | Fault::BlockMissing | Fault::Unsupported)
}

fn unproven(token: Address, block: u64, what: &str) -> ChainError {
    let detail = format!(
        "cannot find out when {token} was deployed: for block {block} the node has {what}; set \
         start_block to the block of the deployment, or use a node with full history"
    );
    ChainError::new(ChainErrorKind::Persistent, OPERATION, detail)
}

/// The code of a contract at the end of a block.
pub(crate) fn code_at(token: Address, block: u64) -> Call {
    state_call(&Question::Code(token), &json!(format!("{block:#x}")))
}
