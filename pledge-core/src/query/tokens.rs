//! Tokens and their programme.

use alloy_primitives::Address;
use serde::{Deserialize, Serialize};

use super::{ATTEMPTS_MAX, Page, PageQuery, ProgrammeChoice, Queries, QueryError};
use crate::ledger::TokenState;
use crate::moving::while_ledger_moves;
use crate::ports::ProgrammeState;
use crate::types::{ChainId, TokenId};

/// A token and one of its programmes, of one epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenView {
    /// Its cursor, status and sums.
    pub state: TokenState,
    /// The programme; `None` if the token does not have it.
    pub programme: Option<ProgrammeState>,
}

/// A token's place among those of its chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenPlace {
    /// Its address, ascending.
    pub address: Address,
}

impl TokenView {
    /// A token and the chosen programme, which has to exist if it was named.
    pub async fn read(
        queries: &Queries,
        token: TokenId,
        programme: ProgrammeChoice<'_>,
    ) -> Result<Self, QueryError> {
        match (Self::look_up(queries, token, programme).await?, programme) {
            (Self { programme: None, .. }, ProgrammeChoice::Named(_)) => {
                Err(QueryError::UnknownProgramme(programme.id(token)?))
            }
            (view, _) => Ok(view),
        }
    }

    /// A page of a chain's tokens, ascending by address. A token need not have the programme.
    pub async fn list(
        queries: &Queries,
        chain: ChainId,
        programme: ProgrammeChoice<'_>,
        PageQuery { after, limit }: PageQuery<TokenPlace>,
    ) -> Result<Page<Self, TokenPlace>, QueryError> {
        queries.chain(chain).await?;
        let mut tokens = queries.ledger.tokens(chain).await?;
        tokens.retain(|token| after.is_none_or(|after| token.spec.id.address > after.address));
        let page = Page::cut(tokens, limit, |token| TokenPlace { address: token.spec.id.address });
        let mut views = Vec::with_capacity(page.items.len());
        for token in &page.items {
            views.push(Self::look_up(queries, token.spec.id, programme).await?);
        }
        Ok(page.with_items(views))
    }

    async fn look_up(
        queries: &Queries,
        token: TokenId,
        programme: ProgrammeChoice<'_>,
    ) -> Result<Self, QueryError> {
        // A programme of another epoch is settled on another branch than the token shows.
        let attempt = || async {
            let state = queries.token(token).await?;
            let programme = programme.look_up(queries, token).await?;
            match programme {
                Some(found) if found.epoch != state.epoch => Err(QueryError::moved()),
                programme => Ok(Self { state, programme }),
            }
        };
        while_ledger_moves(ATTEMPTS_MAX, QueryError::has_moved, attempt).await
    }
}
