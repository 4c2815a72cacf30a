//! Taking decisions about points.

use pledge_core::audit::{Act, Attribution, AuditNumber};
use pledge_core::error::StoreError;
use pledge_core::points::{
    Decided, Decision, DecisionKind, DecisionRecord, Enacted, Ground, Programme, Scope,
};
use pledge_core::types::Timestamp;

use crate::state::State;

const OPERATION: &str = "decide about points";

impl State {
    pub(crate) fn decide(
        &mut self,
        decision: &Decision,
        by: &Attribution,
    ) -> Result<Decided, StoreError> {
        let refused = decision.refuse();
        refused.map_or(Ok(()), |reason| Err(StoreError::invalid(OPERATION, reason)))?;
        self.require_scope(&decision.scope)?;
        let Enacted { from, rows } = self
            .ground(decision)
            .enact(decision)
            .map_err(|refused| StoreError::new(refused.kind(), OPERATION, refused.to_string()))?;
        let accounts = rows.len() as u64;
        if rows.is_empty() {
            return Ok(Decided { number: None, from, accounts });
        }
        let record = self.record_decision(&decision.scope, from, decision.kind(), accounts);
        for (account, value) in &rows {
            record.entry(*account, *value).into_iter().for_each(|entry| self.decisions.add(entry));
        }
        self.attribute(by, Act::decision(&record, &rows));
        Ok(Decided { number: Some(record.number), from, accounts })
    }

    /// Numbers other rates of a programme.
    pub(crate) fn decide_rates(&mut self, before: &Programme, after: &Programme) {
        if let Some(from) = before.rates.first_difference(&after.rates) {
            let scope = Scope::Programme(after.id.clone());
            self.record_decision(&scope, from, DecisionKind::Rates, 0);
        }
    }

    /// Gives a decision its number, and that of the act which is recorded next.
    fn record_decision(
        &mut self,
        scope: &Scope,
        from: Timestamp,
        kind: DecisionKind,
        accounts: u64,
    ) -> DecisionRecord {
        let audit = self.audit.last().map_or(AuditNumber::START, |last| last.number).next();
        let number = self.decisions.next();
        let record = DecisionRecord { number, scope: scope.clone(), from, kind, accounts, audit };
        self.decisions.records.insert(number, record.clone());
        record
    }

    /// `Invalid` unless what the scope names is registered.
    fn require_scope(&self, scope: &Scope) -> Result<(), StoreError> {
        match scope {
            Scope::Programme(programme) => self.programme(programme).map(drop),
            Scope::Token(token) => self.token(*token).map(drop),
            Scope::Chain(chain) => self.chain(*chain).map(drop),
            Scope::All => Ok(()),
        }
    }

    fn ground(&self, decision: &Decision) -> Ground {
        let scope = &decision.scope;
        let mut ground = Ground { members: self.decisions.members(decision), ..Ground::default() };
        for token in self.tokens.values() {
            let reached =
                token.programmes.values().filter(|entry| scope.reaches(&entry.programme.id));
            let states = reached.map(|entry| entry.state(token, &self.decisions));
            let before = ground.programmes.len();
            ground.programmes.extend(states);
            if scope.covers(token.state.spec.id) || ground.programmes.len() > before {
                ground.confirmed =
                    ground.confirmed.max(token.state.cursor.map(|cursor| cursor.time));
            }
        }
        let named = decision.rows().into_iter().map(|(account, _)| account);
        for account in named.chain(ground.members.clone()) {
            let entries = self.decisions.of_account(account, |record| record.scope.contains(scope));
            ground.entries.insert(account, entries.cloned().collect());
        }
        ground
    }
}
