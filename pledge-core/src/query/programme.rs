//! Which programme a question is about.

use alloy_primitives::Address;

use super::{Queries, QueryError};
use crate::ports::ProgrammeState;
use crate::types::{ChainId, ProgrammeId, TokenId};

/// Which programme of a token a question is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProgrammeChoice<'a> {
    /// The one called `main`, if the token has it.
    Main,
    /// The one of this name, which has to exist.
    Named(&'a str),
}

impl<'a> ProgrammeChoice<'a> {
    /// The one that was named, or `main`.
    pub fn of(name: Option<&'a str>) -> Self {
        name.map_or(Self::Main, Self::Named)
    }

    /// Refuses a name that no programme can have, where no token is known whose programme it would be.
    pub(super) fn check(self) -> Result<(), QueryError> {
        let any = TokenId { chain: ChainId::new(0), address: Address::ZERO };
        self.id(any).map(drop)
    }

    /// The id of the chosen programme of a token; whether the token has it is another question.
    pub fn id(self, token: TokenId) -> Result<ProgrammeId, QueryError> {
        match self {
            Self::Main => Ok(ProgrammeId::main(token)),
            Self::Named(name) => {
                ProgrammeId::new(token, name).map_err(QueryError::MalformedProgramme)
            }
        }
    }
}

impl ProgrammeChoice<'_> {
    /// The programme of a known token; `None` if the token does not have it.
    pub(super) async fn look_up(
        self,
        queries: &Queries,
        token: TokenId,
    ) -> Result<Option<ProgrammeState>, QueryError> {
        let id = self.id(token)?;
        let programmes = queries.points.programmes(token).await?;
        Ok(programmes.into_iter().find(|state| state.programme.id == id))
    }

    /// The programme of a known token; `None` if none was named and there is no `main`.
    pub(super) async fn find(
        self,
        queries: &Queries,
        token: TokenId,
    ) -> Result<Option<ProgrammeState>, QueryError> {
        match (self.look_up(queries, token).await?, self) {
            (None, Self::Named(_)) => Err(QueryError::UnknownProgramme(self.id(token)?)),
            (found, _) => Ok(found),
        }
    }

    /// The programme of a known token, which has to exist.
    pub(super) async fn require(
        self,
        queries: &Queries,
        token: TokenId,
    ) -> Result<ProgrammeState, QueryError> {
        match self.look_up(queries, token).await? {
            Some(found) => Ok(found),
            None => Err(QueryError::UnknownProgramme(self.id(token)?)),
        }
    }
}
