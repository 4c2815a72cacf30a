//! What the contracts of many tokens answer, and since when they exist, in few requests.

use std::sync::Arc;

use alloy::primitives::Address;
use pledge_core::error::ChainError;
use pledge_core::ledger::TokenMetadata;
use pledge_core::ledger::erc20::{self, METADATA_CALLS};
use pledge_core::types::{BlockNumber, CallOutcome, Decimals};
use serde_json::json;

use crate::asker::Asker;
use crate::contract_state::{bytes, outcome, state_call};
use crate::deployment::{DeploymentFinder, OPERATION, code_at, is_missing_history};
use crate::headers::HeaderReader;

const METADATA_OPERATION: &str = "read a token's metadata";

/// What to find out about a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenQuery {
    /// The address of the token's contract.
    pub address: Address,
    /// What is asked about its first block.
    pub start: StartQuery,
    /// The decimals of a contract that has none, in which whole tokens are counted.
    pub decimals: Option<Decimals>,
}

/// What to find out about a token's first block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StartQuery {
    /// Nothing is asked about it.
    Skip,
    /// The block of the deployment.
    Deployment,
    /// Whether the contract had code before this block, which a configuration names as its first.
    CodeBefore(BlockNumber),
}

/// What was found out about a token. Each part has its own error: `Persistent` is the token's or the
/// configuration's, `Transient` is worth another call.
#[derive(Debug)]
pub struct TokenDiscovery {
    /// The address that was asked about.
    pub address: Address,
    /// As [`token_metadata`], or with the decimals that [`TokenQuery::decimals`] assumes.
    ///
    /// [`token_metadata`]: pledge_core::ports::ChainSourceExt::token_metadata
    pub metadata: Result<TokenMetadata, ChainError>,
    /// The answer to [`TokenQuery::start`].
    pub start: Result<StartFound, ChainError>,
}

/// What was found out about a token's first block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StartFound {
    /// It was not asked.
    Skipped,
    /// The block of the deployment, proven as [`find_deployment_block`] describes.
    ///
    /// [`find_deployment_block`]: crate::EvmChain::find_deployment_block
    Deployment(BlockNumber),
    /// The contract had code before the block that was named: its ledger would lack what came before.
    CodeBefore,
    /// No code was seen before the block that was named. Not proven: a node without the state of that
    /// block answers the same.
    NoCodeBefore,
}

impl TokenDiscovery {
    /// The same error for both parts, of a node that answered neither.
    pub(crate) fn failed(address: Address, error: &ChainError) -> Self {
        let copy = || ChainError::new(error.kind(), "look a token up", error.detail());
        Self { address, metadata: Err(copy()), start: Err(copy()) }
    }

    /// Takes over from another node's answer what this one lacks.
    pub(crate) fn complete(&mut self, other: Self) {
        if self.metadata.is_err() && other.metadata.is_ok() {
            self.metadata = other.metadata;
        }
        if self.start.is_err() && other.start.is_ok() {
            self.start = other.start;
        }
    }

    /// Whether another node may have a better answer to some part.
    pub(crate) const fn is_open(&self) -> bool {
        self.metadata.is_err() || self.start.is_err()
    }
}

/// Looks tokens up on one node.
#[derive(Debug)]
pub(crate) struct TokenFinder {
    asker: Arc<Asker>,
    headers: HeaderReader,
    deployments: DeploymentFinder,
}

impl TokenFinder {
    pub(crate) const fn new(
        asker: Arc<Asker>,
        headers: HeaderReader,
        deployments: DeploymentFinder,
    ) -> Self {
        Self { asker, headers, deployments }
    }

    /// What there is to find out about each token, in the order asked. All share their requests.
    pub(crate) async fn discover(&self, queries: &[TokenQuery]) -> Vec<TokenDiscovery> {
        let metadata = self.read_metadata_of(queries).await;
        let starts = self.find_starts(queries).await;
        let found = queries.iter().zip(metadata).zip(starts);
        let found = found.map(|((query, metadata), start)| TokenDiscovery {
            address: query.address,
            metadata,
            start,
        });
        found.collect()
    }

    async fn read_metadata_of(
        &self,
        queries: &[TokenQuery],
    ) -> Vec<Result<TokenMetadata, ChainError>> {
        let questions: Vec<_> =
            queries.iter().map(|query| erc20::metadata_calls(query.address)).collect();
        let latest = json!("latest");
        let calls = questions.iter().flatten().map(|question| state_call(question, &latest));
        let mut answers = self.asker.many(calls.collect()).await.into_iter();
        let metadata = queries.iter().zip(&questions).map(|(query, questions)| {
            let outcomes: [Result<CallOutcome, ChainError>; METADATA_CALLS] =
                questions.each_ref().map(|question| {
                    let answer = answers.next().expect("an answer for each call");
                    let outcome = outcome(&self.asker, question, answer);
                    outcome.map_err(|failure| failure.during(METADATA_OPERATION))
                });
            erc20::metadata(query.address, outcomes, query.decimals)
        });
        metadata.collect()
    }

    async fn find_starts(&self, queries: &[TokenQuery]) -> Vec<Result<StartFound, ChainError>> {
        if queries.iter().all(|query| query.start == StartQuery::Skip) {
            return queries.iter().map(|_| Ok(StartFound::Skipped)).collect();
        }
        let head = match self.headers.head().await {
            Ok(head) => head.number,
            Err(error) => return failed_for_all(queries, &error),
        };
        let wanted = |query: &&TokenQuery| query.start == StartQuery::Deployment;
        let tokens: Vec<Address> = queries.iter().filter(wanted).map(|q| q.address).collect();
        let mut deployed = self.deployments.find_all(&tokens, head).await.into_iter();
        let mut before = self.code_before(queries).await.into_iter();
        let starts = queries.iter().map(|query| match query.start {
            StartQuery::Skip => Ok(StartFound::Skipped),
            StartQuery::Deployment => {
                let found = deployed.next().expect("one for each");
                found.map(StartFound::Deployment)
            }
            StartQuery::CodeBefore(_) => before.next().expect("one for each"),
        });
        starts.collect()
    }

    async fn code_before(&self, queries: &[TokenQuery]) -> Vec<Result<StartFound, ChainError>> {
        let named = queries.iter().filter_map(|query| match query.start {
            StartQuery::CodeBefore(block) => Some((query.address, block.get().checked_sub(1))),
            _ => None,
        });
        let named: Vec<(Address, Option<u64>)> = named.collect();
        let calls = named.iter().filter_map(|(token, block)| block.map(|b| code_at(*token, b)));
        let mut answers = self.asker.many(calls.collect()).await.into_iter();
        let found = named.iter().map(|(_, block)| {
            if block.is_none() {
                return Ok(StartFound::NoCodeBefore);
            }
            match bytes(&self.asker, answers.next().expect("an answer for each call")) {
                Ok(code) if !code.is_empty() => Ok(StartFound::CodeBefore),
                Ok(_) => Ok(StartFound::NoCodeBefore),
                Err(failure) if is_missing_history(failure.fault) => Ok(StartFound::NoCodeBefore),
                Err(failure) => Err(failure.during(OPERATION)),
            }
        });
        found.collect()
    }
}

fn failed_for_all<Q, T>(queries: &[Q], error: &ChainError) -> Vec<Result<T, ChainError>> {
    let copy = |_| Err(ChainError::new(error.kind(), OPERATION, error.detail()));
    queries.iter().map(copy).collect()
}
