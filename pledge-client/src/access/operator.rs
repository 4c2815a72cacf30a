//! What operators do.

use pledge_core::primitives::B256;
use pledge_core::types::{BlockNumber, ChainId, Rate, TokenId};
use reqwest::Method;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::answers::{
    ChangedChain, ChangedToken, RetriedSettlement, RewindPlan, RewoundChain, RunningRewind,
};
use super::{Act, Nothing, Reasoned};
use crate::client::Asking;
use crate::routes::segment;
use crate::{Client, Error, Programme, RateStep};

/// What operators do. Each needs a credential ([`Client::showing`]).
#[derive(Debug, Clone, Copy)]
pub struct OperatorRoutes<'a> {
    client: &'a Client,
}

/// An act that ends a stop.
#[derive(Debug, Serialize)]
struct Resume<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    found: Option<&'a Stop>,
}

/// A programme that is added.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NewProgramme {
    /// Its name.
    pub programme: String,
    /// Points per whole token per hour, before the first step.
    pub rate: Rate,
    /// The steps of the rate, ascending by time.
    pub schedule: Vec<RateStep>,
    /// The length of a settlement window; an hour if `None`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window_seconds: Option<u64>,
}

/// A stop of a chain or a token, as an answer about it showed it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Stop {
    /// `paused` or `halted`.
    pub status: String,
    /// The `reason` of the answer.
    pub reason: Option<String>,
    /// The `halt_reason` of the answer.
    pub halt_reason: Option<String>,
}

/// What became of a rewind.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Rewound {
    /// The chain went back.
    Done(RewoundChain),
    /// It takes longer than the request: the same act is answered with how it ended.
    Running(RunningRewind),
}

impl<'a> OperatorRoutes<'a> {
    pub(crate) const fn new(client: &'a Client) -> Self {
        Self { client }
    }

    /// Stops following a chain until it is resumed.
    pub async fn pause_chain(&self, chain: ChainId, act: &Act) -> Result<ChangedChain, Error> {
        self.post(&["chains", &chain.to_string(), "pause"], Nothing {}, act).await
    }

    /// Follows a paused or halted chain again. With a stop that was found, another one is not ended.
    pub async fn resume_chain(
        &self,
        chain: ChainId,
        found: Option<&Stop>,
        act: &Act,
    ) -> Result<ChangedChain, Error> {
        self.post(&["chains", &chain.to_string(), "resume"], Resume { found }, act).await
    }

    /// What a rewind of a chain to a block would take back.
    pub async fn plan_rewind(&self, chain: ChainId, to: BlockNumber) -> Result<RewindPlan, Error> {
        let query = [("to_block", to.to_string())];
        self.client.get(&["chains", &chain.to_string(), "rewind"], &query).await
    }

    /// Takes a chain back, if that takes back exactly what the plan has.
    pub async fn rewind(&self, plan: &RewindPlan, act: &Act) -> Result<Rewound, Error> {
        #[derive(Serialize)]
        struct Body {
            to_block: BlockNumber,
            digest: B256,
        }
        let body = Body { to_block: plan.to_block, digest: plan.digest };
        self.post(&["chains", &plan.chain_id.to_string(), "rewind"], body, act).await
    }

    /// Stops following a token until it is resumed.
    pub async fn pause_token(&self, token: TokenId, act: &Act) -> Result<ChangedToken, Error> {
        self.of_token(token, "pause", Nothing {}, act).await
    }

    /// Follows a paused or halted token again. With a stop that was found, another one is not ended.
    pub async fn resume_token(
        &self,
        token: TokenId,
        found: Option<&Stop>,
        act: &Act,
    ) -> Result<ChangedToken, Error> {
        self.of_token(token, "resume", Resume { found }, act).await
    }

    /// Gives a token one more programme.
    pub async fn add_programme(
        &self,
        token: TokenId,
        new: &NewProgramme,
        act: &Act,
    ) -> Result<Programme, Error> {
        self.of_token(token, "programmes", new, act).await
    }

    /// Gives a programme other rates after what is settled.
    pub async fn change_rates(
        &self,
        token: TokenId,
        programme: &str,
        (rate, schedule): (Rate, &[RateStep]),
        act: &Act,
    ) -> Result<Programme, Error> {
        #[derive(Serialize)]
        struct Body<'a> {
            rate: Rate,
            schedule: &'a [RateStep],
        }
        let TokenId { chain, address } = token;
        let (chain, address) = (chain.to_string(), address.to_string());
        let path = &["chains", &chain, "tokens", &address, "programmes", segment(programme)?];
        let body = Reasoned { body: Body { rate, schedule }, reason: &act.reason };
        let (method, key) = (Method::PUT, Some(act.key.as_str()));
        self.client.ask(Asking { method, path, query: &[], key, body: Some(&body) }).await
    }

    /// Gives the failed batches of a settlement new attempts.
    pub async fn retry(&self, settlement: &str, act: &Act) -> Result<RetriedSettlement, Error> {
        self.post(&["settlements", segment(settlement)?, "retry"], Nothing {}, act).await
    }

    async fn of_token<T: DeserializeOwned>(
        &self,
        TokenId { chain, address }: TokenId,
        route: &str,
        body: impl Serialize,
        act: &Act,
    ) -> Result<T, Error> {
        let (chain, address) = (chain.to_string(), address.to_string());
        self.post(&["chains", &chain, "tokens", &address, route], body, act).await
    }

    async fn post<T: DeserializeOwned>(
        &self,
        path: &[&str],
        body: impl Serialize,
        act: &Act,
    ) -> Result<T, Error> {
        let body = Reasoned { body, reason: &act.reason };
        let (method, key) = (Method::POST, Some(act.key.as_str()));
        self.client.ask(Asking { method, path, query: &[], key, body: Some(&body) }).await
    }
}
