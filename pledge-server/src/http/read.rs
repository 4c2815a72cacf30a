//! Reads that several answers share.

use pledge_core::ports::{ChainState, ProgrammeState};
use pledge_core::query::QueryError;
use pledge_core::types::{ChainId, ProgrammeId, TokenId};

use super::Api;
use super::problem::{Kind, Problem};
pub(super) use crate::views::in_one_epoch;

pub(super) async fn chain(api: &Api, chain: ChainId) -> Result<ChainState, Problem> {
    let chains = api.queries.balances().chains().await?;
    let found = chains.into_iter().find(|state| state.chain == chain);
    found.ok_or_else(|| Problem::new(Kind::UnknownChain, format!("chain {chain} is not followed")))
}

/// Which programme a request is about.
#[derive(Debug, Clone, Copy)]
pub(super) struct ProgrammeName<'a>(Option<&'a str>);

impl<'a> ProgrammeName<'a> {
    /// The one named by `?programme=`, or `main`.
    pub(super) fn asked(name: Option<&'a String>) -> Self {
        Self(name.map(String::as_str))
    }

    pub(super) const fn is_explicit(self) -> bool {
        self.0.is_some()
    }

    pub(super) fn of(self, token: TokenId) -> Result<ProgrammeId, Problem> {
        let name = self.0.unwrap_or(ProgrammeId::MAIN);
        ProgrammeId::new(token, name).map_err(|e| Problem::invalid("programme", e))
    }

    /// The programme of a known token; `None` if the token does not have it.
    pub(super) async fn look_up(
        self,
        api: &Api,
        token: TokenId,
    ) -> Result<Option<ProgrammeState>, Problem> {
        let id = self.of(token)?;
        let programmes = api.queries.points().programmes(token).await?;
        Ok(programmes.into_iter().find(|state| state.programme.id == id))
    }

    /// The programme of a known token. `None` if the request did not name one and there is no
    /// `main`; one that was named must exist.
    pub(super) async fn find(
        self,
        api: &Api,
        token: TokenId,
    ) -> Result<Option<ProgrammeState>, Problem> {
        match self.look_up(api, token).await? {
            None if self.is_explicit() => Err(self.unknown(token)),
            found => Ok(found),
        }
    }

    /// The programme of a known token, which must exist.
    pub(super) async fn require(
        self,
        api: &Api,
        token: TokenId,
    ) -> Result<ProgrammeState, Problem> {
        let found = self.look_up(api, token).await?;
        found.ok_or_else(|| self.unknown(token))
    }

    pub(super) fn unknown(self, token: TokenId) -> Problem {
        match self.of(token) {
            Ok(id) => QueryError::UnknownProgramme(id).into(),
            Err(malformed) => malformed,
        }
    }
}
