//! The rows that sum to an account's settled points.

use super::{Page, PageQuery, ProgrammeChoice, Queries, QueryError};
use crate::ports::{Statement, StatementPlace};
use crate::types::{Account, Scale, TokenId};

/// A page of an account's statements, in the order of publication.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatementList {
    /// What raw points are divided by.
    pub scale: Scale,
    /// The statements, earned and reversed.
    pub page: Page<Statement, StatementPlace>,
}

impl StatementList {
    /// The account's statements after a place ([`Queries::statements`]). An account without any has
    /// an empty list; a token without a confirmed block is an error.
    pub async fn read(
        queries: &Queries,
        token: TokenId,
        account: Account,
        programme: ProgrammeChoice<'_>,
        page: PageQuery<StatementPlace>,
    ) -> Result<Self, QueryError> {
        let state = queries.token(token).await?;
        let programme = programme.require(queries, token).await?.programme.id;
        let rows = queries.statements(&programme, account, page.after, page.rows()).await?;
        // Only a first page that is empty can be that of a token without a confirmed block.
        if rows.is_empty() && page.after.is_none() {
            queries.account(token, account, None, None).await?;
        }
        let scale = Scale::of(state.spec.metadata.decimals);
        Ok(Self { scale, page: Page::cut(rows, page.limit, Statement::place) })
    }
}
