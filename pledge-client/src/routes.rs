//! The routes of the API.

use pledge_core::primitives::Address;
use pledge_core::query::SettlementStatus;
use pledge_core::types::{ChainId, Timestamp, TokenId};

use crate::answers::{
    Account, Chain, Change, Leaderboard, Page, PointsInterval, Portfolio, Settlement, Statement,
    Token,
};
use crate::{Client, Error, Pages};

/// What accounts are ordered by, descending.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Order {
    /// The points of settled windows.
    #[default]
    Points,
    /// The confirmed balance.
    Balance,
}

/// At which instant an account is asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Asked {
    /// The instant; the confirmed block's time if `None`.
    pub at: Option<Timestamp>,
}

/// Over which intervals points are asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Intervals {
    /// Where the first begins.
    pub from: Option<Timestamp>,
    /// Where the last ends; the confirmed block's time if `None`.
    pub to: Option<Timestamp>,
    /// Their length in seconds; an hour if `None`.
    pub bucket_seconds: Option<u64>,
}

/// Which settlements are listed; what is `None` leaves all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SettlementFilter {
    /// Of one chain.
    pub chain_id: Option<ChainId>,
    /// Of the tokens with this address.
    pub token: Option<Address>,
    /// Of programmes of this name.
    pub programme: Option<String>,
    /// Of one status.
    pub status: Option<SettlementStatus>,
}

impl Client {
    /// Chains, ascending by id.
    pub fn chains(&self) -> Pages<Page<Chain>> {
        Pages::new(self, path(&["chains"]), Vec::new())
    }

    /// A chain, and how far it is.
    pub async fn chain(&self, chain: ChainId) -> Result<Chain, Error> {
        self.get(&["chains", &chain.to_string()], &[]).await
    }

    /// A chain's tokens, ascending by address, with their programmes `main`.
    pub fn tokens(&self, chain: ChainId) -> Pages<Page<Token>> {
        Pages::new(self, path(&["chains", &chain.to_string(), "tokens"]), Vec::new())
    }

    /// An account on every chain and token; its points in the programmes of a name, or in `main`.
    pub async fn portfolio(
        &self,
        account: Address,
        programme: Option<&str>,
    ) -> Result<Portfolio, Error> {
        let query: Vec<_> =
            programme.map(|name| ("programme", name.to_owned())).into_iter().collect();
        self.get(&["accounts", &account.to_string()], &query).await
    }

    /// Settlements, newest window first.
    pub fn settlements(&self, filter: SettlementFilter) -> Pages<Page<Settlement>> {
        let SettlementFilter { chain_id, token, programme, status } = filter;
        let query = [
            ("chain_id", chain_id.map(|chain| chain.to_string())),
            ("token", token.map(|token| token.to_string())),
            ("programme", programme),
            ("status", status.map(|status| status.to_string())),
        ];
        Pages::new(self, path(&["settlements"]), given(query))
    }

    /// A settlement by its id.
    pub async fn settlement(&self, id: &str) -> Result<Settlement, Error> {
        self.get(&["settlements", segment(id)?], &[]).await
    }
}

/// The routes about a token and one of its programmes.
#[derive(Debug, Clone)]
pub struct TokenRoutes<'a> {
    client: &'a Client,
    token: TokenId,
    programme: Option<&'a str>,
}

impl<'a> TokenRoutes<'a> {
    pub(crate) const fn new(client: &'a Client, token: TokenId) -> Self {
        Self { client, token, programme: None }
    }

    /// By another programme than `main`.
    #[must_use]
    pub const fn programme(self, name: &'a str) -> Self {
        Self { programme: Some(name), ..self }
    }

    /// The token with its sums and the programme.
    pub async fn read(&self) -> Result<Token, Error> {
        self.get(&[], [("programme", self.named())]).await
    }

    /// Its accounts in an order, then by address.
    pub fn accounts(&self, order: Order) -> Pages<Leaderboard> {
        let sort = match order {
            Order::Points => "points",
            Order::Balance => "balance",
        };
        let query = [("sort", Some(sort.to_owned())), ("programme", self.named())];
        Pages::new(self.client, self.path(&["accounts"]), given(query))
    }

    /// An account, at the confirmed block's time or at the instant asked for.
    pub async fn account(&self, account: Address, asked: Asked) -> Result<Account, Error> {
        let at = asked.at.map(|at| at.get().to_string());
        let query = [("at", at), ("programme", self.named())];
        self.get(&["accounts", &account.to_string()], query).await
    }

    /// The changes of an account's balance, newest first.
    pub fn changes(&self, account: Address) -> Pages<Page<Change>> {
        Pages::new(self.client, self.of_account(account, "changes"), Vec::new())
    }

    /// An account's points over time, oldest first.
    pub fn points(&self, account: Address, over: Intervals) -> Pages<Page<PointsInterval>> {
        let Intervals { from, to, bucket_seconds } = over;
        let query = [
            ("from", from.map(|from| from.get().to_string())),
            ("to", to.map(|to| to.get().to_string())),
            ("bucket", bucket_seconds.map(|seconds| format!("{seconds}s"))),
            ("programme", self.named()),
        ];
        Pages::new(self.client, self.of_account(account, "points"), given(query))
    }

    /// The rows that sum to an account's settled points, in the order of publication.
    pub fn statements(&self, account: Address) -> Pages<Page<Statement>> {
        let query = given([("programme", self.named())]);
        Pages::new(self.client, self.of_account(account, "statements"), query)
    }

    fn named(&self) -> Option<String> {
        self.programme.map(str::to_owned)
    }

    fn of_account(&self, account: Address, list: &str) -> Vec<String> {
        self.path(&["accounts", &account.to_string(), list])
    }

    fn path(&self, below: &[&str]) -> Vec<String> {
        let TokenId { chain, address } = self.token;
        let mut parts = path(&["chains", &chain.to_string(), "tokens", &address.to_string()]);
        parts.extend(path(below));
        parts
    }

    async fn get<T: serde::de::DeserializeOwned, const N: usize>(
        &self,
        below: &[&str],
        query: [(&'static str, Option<String>); N],
    ) -> Result<T, Error> {
        let parts = self.path(below);
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        self.client.get(&parts, &given(query)).await
    }
}

/// An id or a name as a part of a path. A path resolves some texts away, and another route would answer.
pub(crate) fn segment(text: &str) -> Result<&str, Error> {
    if [".", "..", ""].contains(&text) { Err(Error::Id(text.to_owned())) } else { Ok(text) }
}

pub(crate) fn path(parts: &[&str]) -> Vec<String> {
    parts.iter().map(|part| (*part).to_owned()).collect()
}

/// The parameters that have a value.
pub(crate) fn given<const N: usize>(
    query: [(&'static str, Option<String>); N],
) -> Vec<(&'static str, String)> {
    query.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}
