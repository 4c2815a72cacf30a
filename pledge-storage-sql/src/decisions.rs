//! Taking decisions about points: what they reach is locked, and they are written whole.

use std::collections::BTreeSet;

use pledge_core::audit::{Act, Attribution};
use pledge_core::points::{
    Decided, Decision, DecisionKind, DecisionRecord, Enacted, Ground, Refused, Scope,
};
use pledge_core::types::Account;

use crate::audit::{self, attribute};
use crate::bulk::{self, values};
use crate::connection::Connection;
use crate::decision_log::{add, entries_of, go_on_after, newest};
use crate::fault::Fault;
use crate::programmes::{lock, of_token, state_of};
use crate::query::query;
use crate::registry::{chains, lock_chain, lock_token, tokens};
use crate::row::{ProgrammeRow, TokenRow};
use crate::scope::{ScopeKey, Scopes};

/// Takes a decision: gives it a number, and writes its entries.
pub(crate) async fn decide(
    db: &mut dyn Connection,
    decision: &Decision,
    by: &Attribution,
) -> Result<Decided, Fault> {
    if let Some(reason) = decision.refuse() {
        return Err(Fault::invalid(reason));
    }
    // No batch is written while what it reaches is locked, so none is computed without it.
    let reached = Reached::lock(db, &decision.scope).await?;
    let number = newest(db).await?.next();
    reached.require_same(db, &decision.scope).await?;
    let ground = reached.ground(db, decision).await?;
    let Enacted { from, rows } = ground.enact(decision)?;
    let accounts = rows.len() as u64;
    if rows.is_empty() {
        return Ok(Decided { number: None, from, accounts });
    }
    let insert = "INSERT INTO account_entry (account, number, basis_points)";
    bulk::write(db, insert, "", &rows, |(account, value)| values![*account, number, *value])
        .await?;
    let (kind, scope) = (decision.kind(), decision.scope.clone());
    let audit = audit::newest(db).await?.next();
    let record = DecisionRecord { number, scope, from, kind, accounts, audit };
    go_on_after(db, number).await?;
    add(db, &record, reached.key).await?;
    attribute(db, by, Act::decision(&record, &rows)).await?;
    Ok(Decided { number: Some(number), from, accounts })
}

impl From<Refused> for Fault {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Invalid(reason) => Self::invalid(reason),
            Refused::Conflict(reason) => Self::conflict(reason),
        }
    }
}

/// What a decision reaches, which no other writes until the transaction ends.
struct Reached {
    key: ScopeKey,
    tokens: Vec<TokenRow>,
    programmes: Vec<(usize, ProgrammeRow)>,
}

impl Reached {
    /// Locks tokens in the order of every write: their chain before them, chains in ascending order.
    async fn lock(db: &mut dyn Connection, scope: &Scope) -> Result<Self, Fault> {
        // A batch locks its token first, so it is written before the decision or finds it.
        match scope {
            Scope::Programme(id) => {
                let (token, row) = lock(db, id).await?;
                let key = ScopeKey::programme(row.key);
                Ok(Self { key, tokens: vec![token], programmes: vec![(0, row)] })
            }
            Scope::Token(id) => {
                let token = lock_token(db, *id).await?;
                Self::of_tokens(db, ScopeKey::token(token.key), vec![token]).await
            }
            Scope::Chain(chain) => {
                lock_chain(db, *chain).await?;
                let mut locked = Vec::new();
                for token in tokens(db, *chain).await? {
                    locked.push(lock_token(db, token.state.spec.id).await?);
                }
                Self::of_tokens(db, ScopeKey::chain(*chain), locked).await
            }
            Scope::All => {
                let mut locked = Vec::new();
                for chain in chains(db).await? {
                    lock_chain(db, chain.chain).await?;
                    for token in tokens(db, chain.chain).await? {
                        locked.push(lock_token(db, token.state.spec.id).await?);
                    }
                }
                Self::of_tokens(db, ScopeKey::ALL, locked).await
            }
        }
    }

    async fn of_tokens(
        db: &mut dyn Connection,
        key: ScopeKey,
        tokens: Vec<TokenRow>,
    ) -> Result<Self, Fault> {
        let mut programmes = Vec::new();
        for (index, token) in tokens.iter().enumerate() {
            programmes.extend(of_token(db, token).await?.into_iter().map(|row| (index, row)));
        }
        Ok(Self { key, tokens, programmes })
    }

    /// Refuses a decision that would miss a programme which was added before its number was taken; one that
    /// is added later finds the decision.
    async fn require_same(&self, db: &mut dyn Connection, scope: &Scope) -> Result<(), Fault> {
        if !matches!(scope, Scope::Chain(_) | Scope::All) {
            return Ok(());
        }
        let count: Option<u64> = match scope {
            Scope::Chain(chain) => {
                let count = "SELECT COUNT(*) AS count FROM programme JOIN token \
                             ON token.id = programme.token WHERE token.chain = ?";
                query(count).bind(*chain).value(db, "count").await?
            }
            _ => query("SELECT COUNT(*) AS count FROM programme").value(db, "count").await?,
        };
        if count == u64::try_from(self.programmes.len()).ok() {
            return Ok(());
        }
        Err(Fault::conflict("a programme was added meanwhile: decide again"))
    }

    async fn ground(&self, db: &mut dyn Connection, decision: &Decision) -> Result<Ground, Fault> {
        let mut ground = Ground::default();
        for (token, row) in &self.programmes {
            ground.programmes.push(state_of(db, &self.tokens[*token], row).await?);
        }
        let cursors = self.tokens.iter().map(|token| token.state.cursor);
        ground.confirmed = cursors.map(|cursor| cursor.map(|cursor| cursor.time)).max().flatten();
        if let DecisionKind::BonusSet { set } = decision.kind() {
            ground.members = self.members(db, set.as_str()).await?;
        }
        let named: BTreeSet<_> = decision.rows().into_iter().map(|(account, _)| account).collect();
        let accounts: Vec<_> = named.union(&ground.members).copied().collect();
        let scopes = self.scopes(&decision.scope)?;
        for entry in entries_of(db, &scopes, &accounts).await? {
            ground.entries.entry(entry.account).or_default().push(entry);
        }
        Ok(ground)
    }

    /// The scopes that contain all of a decision's.
    fn scopes(&self, scope: &Scope) -> Result<Scopes, Fault> {
        let first = self.tokens.first();
        match scope {
            Scope::Programme(_) | Scope::Token(_) => {
                let token = first.ok_or_else(|| Fault::corrupt("the locked token is gone"))?;
                let row = self.programmes.first().filter(|_| matches!(scope, Scope::Programme(_)));
                Ok(Scopes::of_token(token, row.map(|(_, row)| row)))
            }
            Scope::Chain(chain) => Ok(Scopes::of_chain(*chain)),
            Scope::All => Ok(Scopes::all()),
        }
    }

    /// The accounts that ever were in a bonus set of the programme.
    async fn members(
        &self,
        db: &mut dyn Connection,
        set: &str,
    ) -> Result<BTreeSet<Account>, Fault> {
        let rows = query(
            "SELECT DISTINCT account_entry.account FROM decision JOIN account_entry \
             ON account_entry.number = decision.number \
             WHERE decision.scope = ? AND decision.scope_key = ? AND decision.set_name = ?",
        )
        .bind(self.key.scope())
        .bind(self.key.key())
        .bind(set)
        .rows(db)
        .await?;
        rows.iter().map(|row| row.get("account")).collect()
    }
}
