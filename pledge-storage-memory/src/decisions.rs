//! The decisions of people about points, and the entries of accounts in them.

use std::collections::{BTreeMap, BTreeSet};

use pledge_core::points::{AccountEntry, Decision, DecisionKind, DecisionRecord};
use pledge_core::types::{Account, EntryNumber, ProgrammeId, Step, Timestamp};

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
    pub(crate) fn of_account<'a>(
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

    /// The highest number that reaches a programme.
    pub(crate) fn version(&self, programme: &ProgrammeId) -> EntryNumber {
        self.reaching(programme).next_back().map(|newest| newest.number).unwrap_or_default()
    }

    /// The changes of a programme's rates, by number.
    pub(crate) fn versions(&self, programme: &ProgrammeId) -> Vec<Step<EntryNumber>> {
        let of_rates = |record: &&DecisionRecord| record.kind == DecisionKind::Rates;
        let mark = |record: &DecisionRecord| Step { from: record.from, value: record.number };
        self.reaching(programme).filter(of_rates).map(mark).collect()
    }

    /// Why a batch that read a version of a programme is refused, if it ends behind a later decision.
    pub(crate) fn refuse_batch(
        &self,
        programme: &ProgrammeId,
        (read, end): (EntryNumber, Timestamp),
    ) -> Option<String> {
        self.reaching(programme).find_map(|record| record.refuse_batch(read, end))
    }

    pub(crate) fn next(&self) -> EntryNumber {
        self.records.keys().next_back().copied().unwrap_or_default().next()
    }

    /// The accounts that ever were in the bonus set that a decision replaces.
    pub(crate) fn members(&self, decision: &Decision) -> BTreeSet<Account> {
        let kind = decision.kind();
        let is_of_set = |record: &&DecisionRecord| {
            kind.set().is_some() && record.kind == kind && record.scope == decision.scope
        };
        let records = self.records.values().filter(is_of_set);
        let entries = records.flat_map(|record| self.entries_of(record.number));
        entries.map(|entry| entry.account).collect()
    }
}
