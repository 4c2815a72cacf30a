//! The archive's port.

use async_trait::async_trait;
use pledge_core::archive::{ArchiveRecord, FittingRecords};
use pledge_core::audit::Attribution;
use pledge_core::error::StoreError;
use pledge_core::event::EventSeq;
use pledge_core::ports::{Archive, RecordSink, RecordSource};
use pledge_core::types::ProgrammeId;

use crate::MemoryStore;
use crate::state::{Chain, ProgrammeEntry, State, Token};

#[async_trait]
impl Archive for MemoryStore {
    async fn export(&self, sink: &mut dyn RecordSink) -> Result<(), StoreError> {
        // The lock cannot be held while the sink waits.
        let records = records(&self.lock());
        for record in records {
            sink.put(record).await?;
        }
        Ok(())
    }

    async fn import(
        &self,
        source: &mut dyn RecordSource,
        by: &Attribution,
    ) -> Result<(), StoreError> {
        refuse_used(&self.lock())?;
        let mut records = FittingRecords::new(source);
        let mut imported = State::default();
        while let Some(record) = records.next().await? {
            take(&mut imported, record)?;
        }
        imported.audit.extend(records.act(by));
        let mut state = self.lock();
        refuse_used(&state)?;
        *state = imported;
        Ok(())
    }
}

fn refuse_used(state: &State) -> Result<(), StoreError> {
    // A contract is of a chain that is there.
    let State { chains, tokens, contracts: _, events, consumers, audit, decisions } = state;
    let is_silent = events.is_empty()
        && consumers.is_empty()
        && audit.is_empty()
        && decisions.records.is_empty();
    if chains.is_empty() && tokens.is_empty() && is_silent {
        return Ok(());
    }
    Err(FittingRecords::refuse_used())
}

/// Everything, in the order of an archive.
fn records(state: &State) -> Vec<ArchiveRecord> {
    // What a record refers to comes before it.
    let mut records = Vec::new();
    records.extend(state.chains.values().map(|chain| ArchiveRecord::Chain(chain.state.clone())));
    for (chain, entry) in &state.chains {
        let header = |block| ArchiveRecord::Header { chain: *chain, block };
        records.extend(entry.headers.values().copied().map(header));
    }
    let tokens = state.tokens.values();
    records.extend(tokens.clone().map(|token| ArchiveRecord::Token(Box::new(token.state.clone()))));
    tokens.clone().for_each(|token| add_unreadable(token, &mut records));
    tokens.for_each(|token| add_accounts(token, &mut records));
    let programmes = || state.tokens.values().flat_map(|token| token.programmes.values());
    records.extend(programmes().map(|entry| ArchiveRecord::Programme(entry.programme.clone())));
    for record in state.decisions.records.values() {
        records.push(ArchiveRecord::Decision(record.clone()));
        let entries = state.decisions.entries_of(record.number);
        records.extend(entries.cloned().map(ArchiveRecord::Entry));
    }
    for part in [shards, windows, totals, statements] {
        programmes().for_each(|entry| part(&entry.programme.id, entry, &mut records));
    }
    let audit = state.audit.iter().cloned().map(Box::new);
    records.extend(audit.map(ArchiveRecord::Audit));
    records.extend(state.events.iter().cloned().map(ArchiveRecord::Event));
    let positions = state.consumers.values().filter(|known| known.delivered > EventSeq::START);
    records.extend(positions.map(|known| ArchiveRecord::Position {
        consumer: known.consumer.clone(),
        delivered: known.delivered,
    }));
    records
}

fn add_unreadable(entry: &Token, records: &mut Vec<ArchiveRecord>) {
    let token = entry.state.spec.id;
    let logs = entry.unreadable.values().copied();
    records.extend(logs.map(|log| ArchiveRecord::UnreadableLog { token, log }));
}

fn add_accounts(entry: &Token, records: &mut Vec<ArchiveRecord>) {
    let token = entry.state.spec.id;
    for (account, changes) in &entry.accounts {
        let account = *account;
        let change = |change| ArchiveRecord::Change { token, change };
        records.extend(changes.iter().cloned().map(change));
        let state = entry.newest(account);
        records.extend(state.map(|state| ArchiveRecord::Balance { token, account, state }));
    }
}

fn shards(programme: &ProgrammeId, entry: &ProgrammeEntry, records: &mut Vec<ArchiveRecord>) {
    records.extend(
        entry
            .shards
            .iter()
            .cloned()
            .map(|progress| ArchiveRecord::Shard { programme: programme.clone(), progress }),
    );
}

fn windows(programme: &ProgrammeId, entry: &ProgrammeEntry, records: &mut Vec<ArchiveRecord>) {
    records.extend(entry.windows.iter().map(|((shard, _), row)| ArchiveRecord::Window {
        programme: programme.clone(),
        shard: *shard,
        row: row.clone(),
    }));
}

fn totals(programme: &ProgrammeId, entry: &ProgrammeEntry, records: &mut Vec<ArchiveRecord>) {
    records.extend(entry.totals.iter().map(|(account, raw)| ArchiveRecord::Total {
        programme: programme.clone(),
        account: *account,
        raw: *raw,
    }));
}

fn statements(programme: &ProgrammeId, entry: &ProgrammeEntry, records: &mut Vec<ArchiveRecord>) {
    let mut rows: Vec<_> = entry.statements.values().cloned().collect();
    rows.sort_by_key(|row| (row.account, row.kind, row.place()));
    let programme = || programme.clone();
    let record = |statement| ArchiveRecord::Statement { programme: programme(), statement };
    records.extend(rows.into_iter().map(record));
}

fn take(state: &mut State, record: ArchiveRecord) -> Result<(), StoreError> {
    match record {
        ArchiveRecord::Chain(chain) => {
            let (headers, edges) = Default::default();
            let entry = Chain { state: chain, headers, edges };
            state.chains.insert(entry.state.chain, entry);
        }
        ArchiveRecord::Header { chain, block } => {
            state.chain_mut(chain)?.headers.insert(block.number, block);
        }
        ArchiveRecord::Token(token) => {
            state.tokens.insert(token.spec.id, Token::new(*token));
        }
        ArchiveRecord::UnreadableLog { token, log } => {
            state.token_mut(token)?.unreadable.insert(log.place(), log);
        }
        ArchiveRecord::Change { token, change } => state.token_mut(token)?.push(change),
        // It is that after the last change.
        ArchiveRecord::Balance { .. } => {}
        ArchiveRecord::Programme(programme) => {
            let programmes = &mut state.token_mut(programme.id.token)?.programmes;
            programmes.insert(programme.id.name().to_owned(), ProgrammeEntry::new(programme));
        }
        ArchiveRecord::Decision(record) => {
            state.decisions.records.insert(record.number, record);
        }
        ArchiveRecord::Entry(entry) => state.decisions.add(entry),
        ArchiveRecord::Shard { programme, progress } => {
            let shard = usize::from(progress.shard.get());
            state.programme_mut(&programme)?.shards[shard] = progress;
        }
        ArchiveRecord::Window { programme, shard, row } => {
            let windows = &mut state.programme_mut(&programme)?.windows;
            windows.insert((shard, row.total.start), row);
        }
        ArchiveRecord::Total { programme, account, raw } => {
            state.programme_mut(&programme)?.set_total(account, raw);
        }
        ArchiveRecord::Statement { programme, statement: row } => {
            let key = (row.account, row.place());
            state.programme_mut(&programme)?.statements.insert(key, row);
        }
        ArchiveRecord::Audit(record) => state.audit.push(*record),
        ArchiveRecord::Event(event) => state.events.push(event),
        ArchiveRecord::Position { consumer, delivered } => {
            state.set_delivered(&consumer, delivered);
        }
    }
    Ok(())
}
