//! What people decided about points: each decision, then its entries.

use std::collections::{BTreeMap, VecDeque};

use async_trait::async_trait;
use pledge_core::archive::ArchiveRecord;
use pledge_core::points::{DecisionRecord, Scope};
use pledge_core::primitives::Address;
use pledge_core::types::{Account, ChainId, EntryNumber, WeightBp};

use super::pages::{PAGE_ROWS, Pages};
use crate::connection::Connection;
use crate::fault::Fault;
use crate::query::query;
use crate::row::{DecisionRow, ProgrammeRow, TokenRow};
use crate::scope::ScopeKey;

/// Decisions by number; a page is one of them, or some of its entries.
pub(super) struct Decisions {
    scopes: BTreeMap<ScopeKey, Scope>,
    page: VecDeque<DecisionRow>,
    after: EntryNumber,
    /// The decision whose entries pass, and the last of them.
    open: Option<(DecisionRecord, Address)>,
}

impl Decisions {
    pub(super) fn new(tokens: &[TokenRow], programmes: &[ProgrammeRow]) -> Self {
        let of_tokens = tokens.iter().map(|row| {
            let scope = Scope::Token(row.state.spec.id);
            (ScopeKey::token(row.key), scope)
        });
        let of_programmes = programmes.iter().map(|row| {
            let scope = Scope::Programme(row.programme.id.clone());
            (ScopeKey::programme(row.key), scope)
        });
        let scopes = of_tokens.chain(of_programmes).chain([(ScopeKey::ALL, Scope::All)]).collect();
        Self { scopes, page: VecDeque::new(), after: EntryNumber::START, open: None }
    }

    /// The next entries of the decision that is open.
    async fn entries(&mut self, db: &mut dyn Connection) -> Result<Vec<ArchiveRecord>, Fault> {
        let Some((record, after)) = &mut self.open else {
            return Ok(Vec::new());
        };
        let rows: Vec<(Account, WeightBp)> = query(
            "SELECT account, basis_points FROM account_entry WHERE number = ? AND account > ? \
             ORDER BY account LIMIT ?",
        )
        .bind(record.number)
        .bind(*after)
        .limit(PAGE_ROWS)
        .all(db)
        .await?;
        *after = rows.last().map_or(*after, |(account, _)| account.address());
        let entries = rows.into_iter().map(|(account, value)| {
            let entry = record.entry(account, value).map(ArchiveRecord::Entry);
            entry.ok_or_else(|| Fault::corrupt("a change of rates has an entry"))
        });
        entries.collect()
    }

    async fn next_decision(
        &mut self,
        db: &mut dyn Connection,
    ) -> Result<Option<DecisionRecord>, Fault> {
        if self.page.is_empty() {
            let page: Vec<DecisionRow> =
                query("SELECT * FROM decision WHERE number > ? ORDER BY number LIMIT ?")
                    .bind(self.after)
                    .limit(PAGE_ROWS)
                    .all(db)
                    .await?;
            self.page = page.into();
        }
        let Some(row) = self.page.pop_front() else {
            return Ok(None);
        };
        self.after = row.number;
        // A chain is named by its id, a programme or a token by a key of this database.
        let of_chain = row.scope == ScopeKey::chain(ChainId::new(row.scope.key()));
        let scope = if of_chain {
            Some(Scope::Chain(ChainId::new(row.scope.key())))
        } else {
            self.scopes.get(&row.scope).cloned()
        };
        let scope = scope.ok_or_else(|| Fault::corrupt("a decision reaches what is not there"))?;
        Ok(Some(row.in_scope(scope)))
    }
}

#[async_trait]
impl Pages for Decisions {
    async fn next(&mut self, db: &mut dyn Connection) -> Result<Vec<ArchiveRecord>, Fault> {
        let entries = self.entries(db).await?;
        if !entries.is_empty() {
            return Ok(entries);
        }
        self.open = None;
        let Some(record) = self.next_decision(db).await? else {
            return Ok(Vec::new());
        };
        // The zero address is no account's.
        self.open = Some((record.clone(), Address::ZERO)).filter(|(record, _)| record.accounts > 0);
        Ok(vec![ArchiveRecord::Decision(record)])
    }
}
