//! What people decided about points.

use std::collections::{BTreeMap, BTreeSet};

use pledge_core::audit::{Act, Attribution, AuditNumber};
use pledge_core::error::StoreError;
use pledge_core::points::{
    AccountEntry, Decided, Decision, DecisionKind, DecisionRecord, Enacted, Ground, Programme,
    Scope,
};
use pledge_core::ports::ProgrammeState;
use pledge_core::types::{Account, EntryNumber, ProgrammeId, Step, Timestamp};

use crate::state::{ProgrammeEntry, State, Token};

const OPERATION: &str = "decide about points";

#[derive(Debug, Clone, Default)]
pub(crate) struct Decisions {
    pub(crate) records: BTreeMap<EntryNumber, DecisionRecord>,
    entries: BTreeMap<Account, BTreeMap<EntryNumber, AccountEntry>>,
}

impl Decisions {
    pub(crate) fn add(&mut self, entry: AccountEntry) {
        self.entries.entry(entry.account).or_default().insert(entry.number, entry);
    }

    /// The entries of a decision, by account.
    pub(crate) fn entries_of(&self, number: EntryNumber) -> impl Iterator<Item = &AccountEntry> {
        self.entries.values().filter_map(move |entries| entries.get(&number))
    }

    /// The decisions that reach a programme, by number.
    pub(crate) fn reaching<'a>(
        &'a self,
        programme: &'a ProgrammeId,
    ) -> impl DoubleEndedIterator<Item = &'a DecisionRecord> {
        self.records.values().filter(|record| record.scope.reaches(programme))
    }

    /// An account's entries in decisions that are selected.
    fn of_account<'a>(
        &'a self,
        account: Account,
        selects: impl Fn(&DecisionRecord) -> bool + 'a,
    ) -> impl Iterator<Item = &'a AccountEntry> {
        let entries = self.entries.get(&account).into_iter().flat_map(BTreeMap::values);
        entries.filter(move |entry| self.records.get(&entry.number).is_some_and(&selects))
    }

    /// An account's entries that reach a programme, by number.
    pub(crate) fn of_programme<'a>(
        &'a self,
        programme: &'a ProgrammeId,
        account: Account,
    ) -> impl Iterator<Item = &'a AccountEntry> {
        self.of_account(account, |record| record.scope.reaches(programme))
    }

    /// A programme as it is seen from outside.
    pub(crate) fn state_of(&self, token: &Token, entry: &ProgrammeEntry) -> ProgrammeState {
        let id = &entry.programme.id;
        let of_rates = |record: &&DecisionRecord| record.kind == DecisionKind::Rates;
        let mark = |record: &DecisionRecord| Step { from: record.from, value: record.number };
        ProgrammeState {
            programme: entry.programme.clone(),
            epoch: token.state.epoch,
            version: self.reaching(id).next_back().map(|newest| newest.number).unwrap_or_default(),
            versions: self.reaching(id).filter(of_rates).map(mark).collect(),
            shards: entry.shards.clone(),
        }
    }

    /// Why a batch that read a version of a programme is refused, if it ends behind a later decision.
    pub(crate) fn refuse_batch(
        &self,
        programme: &ProgrammeId,
        (read, end): (EntryNumber, Timestamp),
    ) -> Option<String> {
        self.reaching(programme).find_map(|record| record.refuse_batch(read, end))
    }

    fn next(&self) -> EntryNumber {
        self.records.keys().next_back().copied().unwrap_or_default().next()
    }

    /// The accounts that ever were in the bonus set that a decision replaces.
    fn members(&self, decision: &Decision) -> BTreeSet<Account> {
        let kind = decision.kind();
        let is_of_set = |record: &&DecisionRecord| {
            kind.set().is_some() && record.kind == kind && record.scope == decision.scope
        };
        let records = self.records.values().filter(is_of_set);
        let entries = records.flat_map(|record| self.entries_of(record.number));
        entries.map(|entry| entry.account).collect()
    }
}

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
            let states = reached.map(|entry| self.decisions.state_of(token, entry));
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
