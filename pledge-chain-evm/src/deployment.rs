//! The block in which a contract came to be: a bisection over its code, and the proof of what it finds.

use alloy::primitives::{Address, Bytes, U64, U256};
use futures::{StreamExt, stream};
use pledge_core::error::{ChainError, ChainErrorKind};
use pledge_core::ledger::erc20::no_code;
use pledge_core::ports::ChainSource;
use pledge_core::types::{BlockNumber, Call as Question};
use serde::Deserialize;
use serde_json::json;

use crate::chain::EvmChain;
use crate::contract_state::state_call;
use crate::discovery::{OPERATION, is_missing_history};
use crate::http::{Answer, Call};

/// Blocks that one step asks about for one token: with seven, a step is worth three of a bisection.
const PROBES_MAX: usize = 7;

/// Accounts whose state shows that the node has the state of a block: with the code, one request.
const WITNESSES_MAX: usize = 3;

impl EvmChain {
    /// The first block with the token's code, found by bisection between genesis and the head, and
    /// proven.
    ///
    /// A node that has pruned the state of a block may answer `0x` for the code there, as if the
    /// contract did not exist yet. So the block before the one found has to prove itself: either a
    /// transaction of the block found creates the contract (the address follows from its sender and
    /// nonce alone, so no state is believed), or the same request that shows no code before it shows
    /// the nonce or the balance of an account that sent a transaction, or made the block, to be above
    /// zero there, which a node without that state answers as zero. Both need only methods that Geth,
    /// Erigon, Nethermind, Besu, anvil and rollups have alike; `eth_getProof` is missing or bounded on
    /// several of them. Behind a url that sends the calls of one batch to different machines the second
    /// proof may fail to notice one of them that has no state.
    ///
    /// `Persistent` if there is no code at the head, if the node does not keep the state of old blocks,
    /// or if the deployment cannot be proven: the error names `start_block`. A contract that destroyed
    /// itself and was deployed again gives one of its deployments.
    pub async fn find_deployment_block(&self, token: Address) -> Result<BlockNumber, ChainError> {
        let head = self.head().await?.number;
        self.deployments(&[token], head).await.remove(0)
    }

    /// Whether the node keeps the state of the first blocks, without which no block of deployment can
    /// be found.
    pub async fn keeps_history(&self) -> Result<bool, ChainError> {
        // Many nodes without history keep the state of genesis all the same.
        let first = BlockNumber::new(1).min(self.head().await?.number);
        let code = self.rpc().call::<Bytes>(code_at(Address::ZERO, first.get()));
        match code.await {
            Ok(_) => Ok(true),
            Err(failure) if is_missing_history(failure.fault) => Ok(false),
            Err(failure) => Err(failure.during("look for old state")),
        }
    }

    /// The blocks of several deployments. Each step asks about all tokens at once.
    pub(crate) async fn deployments(
        &self,
        tokens: &[Address],
        head: BlockNumber,
    ) -> Vec<Result<BlockNumber, ChainError>> {
        let at_head = tokens.iter().map(|token| code_at(*token, head.get())).collect();
        let codes = self.rpc().many(at_head).await;
        let searches = tokens.iter().zip(codes).map(|(token, code)| {
            // Only these answers may fail for another reason than missing history.
            match self.bytes(code) {
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
        let probes_max = (self.rpc().batch_calls() / open.len()).clamp(1, PROBES_MAX);
        let probes: Vec<Vec<u64>> = open
            .iter()
            .map(|search| search.as_ref().map(|s| s.probes(probes_max)).unwrap_or_default())
            .collect();
        let calls = open.iter().zip(&probes).flat_map(|(search, probes)| {
            let token = search.as_ref().map(|search| search.token).unwrap_or_default();
            probes.iter().map(move |block| code_at(token, *block))
        });
        let mut answers = self.rpc().many(calls.collect()).await.into_iter();
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
            match self.bytes(answer) {
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
        let mut blocks = self.rpc().many(calls.collect()).await.into_iter();
        let proofs = searches.into_iter().map(|search| {
            let search = search.map(|search| (search, blocks.next().expect("a block for each")));
            async move {
                let (Search { token, upper, .. }, block) = search?;
                self.prove_deployment(token, upper, block).await
            }
        });
        let proofs: Vec<_> = proofs.collect();
        stream::iter(proofs).buffered(self.rpc().concurrency()).collect().await
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
        let deployment = deployment.and_then(|block| self.rpc().parse::<Option<FullBlock>>(block));
        let deployment = deployment.map_err(|failure| failure.during(OPERATION))?;
        let deployment = deployment.ok_or_else(|| {
            let detail = format!("{} has no block {block}", self.endpoint());
            ChainError::block_gone(OPERATION, detail)
        })?;
        if deployment.creates(token) {
            return Ok(found);
        }
        let calls = [code_at(token, before)].into_iter().chain(deployment.witnesses(before));
        let mut answers = self.rpc().together(calls.collect()).await.into_iter();
        let code = self.bytes(answers.next().expect("an answer for each call"));
        let code = code.map_err(|failure| {
            unproven(token, before, &format!("no state of it ({})", failure.detail))
        })?;
        if !code.is_empty() {
            let detail = format!(
                "{} answered no code of {token} at block {before}, then code: ask again",
                self.endpoint()
            );
            return Err(ChainError::transient(OPERATION, detail));
        }
        let is_above_zero =
            |answer| self.rpc().parse::<U256>(answer).is_ok_and(|value| !value.is_zero());
        if answers.flatten().any(is_above_zero) {
            return Ok(found);
        }
        Err(unproven(token, before, "no code and no other state, as if the state began behind it"))
    }
}

/// What is left to search for a deployment: there is code at `upper`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Search {
    token: Address,
    lower: u64,
    upper: u64,
}

impl Search {
    /// Blocks to ask about, ascending, all below `upper`.
    fn probes(&self, most: usize) -> Vec<u64> {
        let (parts, width) = (most as u128 + 1, u128::from(self.upper - self.lower));
        let offset = |part| u64::try_from(width * part / parts).expect("a part of the width");
        let mut probes: Vec<u64> = (1..parts).map(|part| self.lower + offset(part)).collect();
        probes.dedup();
        probes
    }

    /// The part between the last block without code and the first one with code.
    fn after(&self, has_code: &[(u64, bool)]) -> Self {
        let first = has_code.iter().position(|(_, has_code)| *has_code);
        let upper = first.map_or(self.upper, |at| has_code[at].0);
        let below = &has_code[..first.unwrap_or(has_code.len())];
        let lower = below.last().map_or(self.lower, |(block, _)| block + 1);
        Self { lower, upper, ..*self }
    }
}

/// A block with its transactions, as far as they name who acted in it.
#[derive(Debug, Deserialize)]
struct FullBlock {
    #[serde(default)]
    miner: Option<Address>,
    transactions: Vec<Sent>,
}

#[derive(Debug, Deserialize)]
struct Sent {
    #[serde(default)]
    from: Option<Address>,
    #[serde(default)]
    to: Option<Address>,
    #[serde(default)]
    nonce: Option<U64>,
}

impl FullBlock {
    /// Whether one of its transactions creates a contract at this address.
    fn creates(&self, token: Address) -> bool {
        self.transactions.iter().any(|sent| match (sent.from, sent.to, sent.nonce) {
            (Some(from), None, Some(nonce)) => from.create(nonce.to()) == token,
            _ => false,
        })
    }

    /// Questions about accounts whose state at the block before is most likely above zero.
    fn witnesses(&self, before: u64) -> Vec<Call> {
        let at = format!("{before:#x}");
        let mut senders: Vec<(u64, Address)> = self
            .transactions
            .iter()
            .filter_map(|sent| Some((sent.nonce?.to::<u64>(), sent.from?)))
            .filter(|(nonce, _)| *nonce > 0)
            .collect();
        senders.sort_unstable();
        senders.dedup_by_key(|(_, sender)| *sender);
        let nonces = senders.iter().rev().take(WITNESSES_MAX - 1);
        let nonces =
            nonces.map(|(_, sender)| Call::new("eth_getTransactionCount", json!([sender, at])));
        let payers = self.transactions.iter().filter_map(|sent| sent.from).take(1);
        let payers = payers.chain(self.miner);
        let balances = payers.map(|payer| Call::new("eth_getBalance", json!([payer, at])));
        nonces.chain(balances).take(WITNESSES_MAX).collect()
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    const fn search(lower: u64, upper: u64) -> Search {
        Search { token: Address::ZERO, lower, upper }
    }

    #[test]
    fn probes_part_what_is_left_and_leave_out_its_end() {
        assert_eq!(search(0, 1_000).probes(1), [500]);
        assert_eq!(search(0, 1).probes(1), [0]);
        assert_eq!(search(0, 1).probes(7), [0]);
        assert_eq!(search(8, 16).probes(7), [9, 10, 11, 12, 13, 14, 15]);
        assert_eq!(search(0, u64::MAX).probes(1), [u64::MAX / 2]);
    }

    #[test]
    fn a_step_keeps_the_part_between_no_code_and_code() {
        let answers = [(250, false), (500, false), (750, true)];
        assert_eq!(search(0, 1_000).after(&answers), search(501, 750));
        assert_eq!(search(0, 1_000).after(&[(500, false)]), search(501, 1_000));
        assert_eq!(search(0, 1_000).after(&[(500, true)]), search(0, 500));
    }

    #[test]
    fn every_deployment_is_found_in_as_many_steps_as_the_parts_need() {
        for (most, steps_max) in [(1, 14), (3, 7), (7, 5)] {
            for deployed in (0..=10_000).step_by(37) {
                let (mut left, mut steps) = (search(0, 10_000), 0);
                while left.lower < left.upper {
                    let probes = left.probes(most).into_iter();
                    let answers: Vec<_> = probes.map(|block| (block, block >= deployed)).collect();
                    left = left.after(&answers);
                    steps += 1;
                }
                assert_eq!(left.upper, deployed);
                assert!(steps <= steps_max, "{steps} steps with {most} probes");
            }
        }
    }
}
