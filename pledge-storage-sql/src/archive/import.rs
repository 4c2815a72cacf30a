//! An archive into empty tables.

use std::collections::BTreeMap;
use std::fmt::Display;

use pledge_core::archive::{ArchiveRecord, FittingRecords};
use pledge_core::audit::{Attribution, AuditNumber, AuditRecord};
use pledge_core::event::{EventSeq, SequencedEvent};
use pledge_core::ledger::{Change, Checkpoint, UnreadableLog};
use pledge_core::points::{AccountEntry, Scope, WindowRow};
use pledge_core::ports::{RecordSource, ShardProgress, Statement};
use pledge_core::types::{
    Account, BlockRef, EntryNumber, ProgrammeId, RawPoints, ShardId, TokenId,
};

use super::rows::Rows;
use crate::connection::Connection;
use crate::events::{add_position, go_on_after, take_number};
use crate::fault::Fault;
use crate::programmes::{add, save_shard};
use crate::query::query;
use crate::registry::{add_token, find_chain, register_chain, save_chain};
use crate::scope::ScopeKey;
use crate::{audit, decision_log};

/// What another write may have filled since the import began. One of the same chains had them first, so
/// this waited for it; one of others is seen once the counters are locked.
const OF_OTHERS: [&str; 3] = ["audit_record", "event", "event_delivery"];

pub(super) async fn import(
    db: &mut dyn Connection,
    records: &mut FittingRecords<'_>,
    by: &Attribution,
) -> Result<(), Fault> {
    // Locks in the order of every write, so that the two never wait for each other: chains, what is
    // theirs, the counter of acts, that of events.
    refuse_used(db, &["chain", "token"]).await?;
    refuse_used(db, &OF_OTHERS).await?;
    let mut import = Import::default();
    while let Some(record) = records.next().await? {
        import.reach(db, Stage::of(&record)).await?;
        import.take(db, record).await?;
    }
    import.reach(db, Stage::Numbers).await?;
    if let Some(act) = records.act(by) {
        import.take(db, ArchiveRecord::Audit(Box::new(act))).await?;
    }
    import.end(db).await
}

/// How far an import is: records come in this order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    #[default]
    Chains,
    OfChains,
    /// What is numbered, and positions in it.
    Numbers,
}

impl Stage {
    const fn of(record: &ArchiveRecord) -> Self {
        match record {
            ArchiveRecord::Chain(_) => Self::Chains,
            ArchiveRecord::Audit(_) | ArchiveRecord::Event(_) | ArchiveRecord::Position { .. } => {
                Self::Numbers
            }
            _ => Self::OfChains,
        }
    }
}

async fn refuse_used(db: &mut dyn Connection, tables: &[&str]) -> Result<(), Fault> {
    for table in tables {
        let rows = query(format!("SELECT 1 FROM {table} LIMIT 1")).rows(db).await?;
        if !rows.is_empty() {
            return Err(FittingRecords::refuse_used().into());
        }
    }
    Ok(())
}

/// Refuses a store where another write registered something while the import ran: a chain that the archive
/// lacks, or what is of one.
async fn refuse_others(db: &mut dyn Connection, import: &Import) -> Result<(), Fault> {
    // No archive has contracts.
    let imported = [("chain", import.chains), ("token", import.tokens.len()), ("contract", 0)];
    for (table, known) in imported {
        let count = query(format!("SELECT count(*) AS count FROM {table}"));
        let count: Option<u64> = count.value(db, "count").await?;
        if count != u64::try_from(known).ok() {
            return Err(FittingRecords::refuse_used().into());
        }
    }
    Ok(())
}

/// The keys of what passed, and rows that wait to be written with others.
#[derive(Default)]
struct Import {
    stage: Stage,
    chains: usize,
    tokens: BTreeMap<TokenId, u64>,
    programmes: BTreeMap<ProgrammeId, u64>,
    entries: Rows<AccountEntry>,
    newest_decision: EntryNumber,
    headers: Rows<BlockRef>,
    unreadable: Rows<UnreadableLog>,
    changes: Rows<Change>,
    balances: Rows<(Account, Checkpoint)>,
    windows: Rows<(ShardId, WindowRow)>,
    totals: Rows<(Account, RawPoints)>,
    statements: Rows<Statement>,
    audit: Rows<AuditRecord>,
    newest_act: AuditNumber,
    events: Rows<SequencedEvent>,
    newest_event: EventSeq,
}

impl Import {
    /// Refuses a store that another write has filled meanwhile, before records of a stage are written.
    async fn reach(&mut self, db: &mut dyn Connection, stage: Stage) -> Result<(), Fault> {
        if stage <= self.stage {
            return Ok(());
        }
        self.stage = stage;
        if stage == Stage::Numbers {
            decision_log::newest(db).await?;
            audit::newest(db).await?;
            take_number(db).await?;
        } else {
            refuse_used(db, &["token"]).await?;
        }
        refuse_used(db, &OF_OTHERS).await
    }

    async fn take(&mut self, db: &mut dyn Connection, record: ArchiveRecord) -> Result<(), Fault> {
        // Keys are new in this database. So a record names its owner, whose key is known because
        // the owner came before it.
        match record {
            ArchiveRecord::Chain(state) => {
                // To register it again would take over what another write has registered meanwhile.
                if find_chain(db, state.chain).await?.is_some() {
                    return Err(FittingRecords::refuse_used().into());
                }
                self.chains += 1;
                register_chain(db, state.chain, &state.name).await?;
                save_chain(db, &state).await
            }
            ArchiveRecord::Header { chain, block } => self.headers.push(db, chain, block).await,
            ArchiveRecord::Token(state) => {
                self.tokens.insert(state.spec.id, add_token(db, &state).await?);
                Ok(())
            }
            ArchiveRecord::UnreadableLog { token, log } => {
                self.unreadable.push(db, key(&self.tokens, &token)?, log).await
            }
            ArchiveRecord::Change { token, change } => {
                self.changes.push(db, key(&self.tokens, &token)?, change).await
            }
            ArchiveRecord::Balance { token, account, state } => {
                self.balances.push(db, key(&self.tokens, &token)?, (account, state)).await
            }
            ArchiveRecord::Programme(programme) => {
                let token = key(&self.tokens, &programme.id.token)?;
                let key = add(db, token, &programme).await?;
                self.programmes.insert(programme.id, key);
                Ok(())
            }
            ArchiveRecord::Decision(record) => {
                self.newest_decision = record.number;
                let key = match &record.scope {
                    Scope::Programme(id) => ScopeKey::programme(key(&self.programmes, id)?),
                    Scope::Token(id) => ScopeKey::token(key(&self.tokens, id)?),
                    Scope::Chain(chain) => ScopeKey::chain(*chain),
                    Scope::All => ScopeKey::ALL,
                };
                decision_log::add(db, &record, key).await
            }
            ArchiveRecord::Entry(entry) => self.entries.push(db, (), entry).await,
            ArchiveRecord::Shard { programme, progress } => {
                let fresh = ShardProgress::fresh(progress.shard);
                save_shard(db, key(&self.programmes, &programme)?, &fresh, &progress).await
            }
            ArchiveRecord::Window { programme, shard, row } => {
                let programme = key(&self.programmes, &programme)?;
                self.windows.push(db, programme, (shard, row)).await
            }
            ArchiveRecord::Total { programme, account, raw } => {
                self.totals.push(db, key(&self.programmes, &programme)?, (account, raw)).await
            }
            ArchiveRecord::Statement { programme, statement } => {
                self.statements.push(db, key(&self.programmes, &programme)?, statement).await
            }
            ArchiveRecord::Audit(record) => {
                self.newest_act = record.number;
                self.audit.push(db, (), *record).await
            }
            ArchiveRecord::Event(event) => {
                self.newest_event = event.sequence;
                self.events.push(db, (), event).await
            }
            ArchiveRecord::Position { consumer, delivered } => {
                add_position(db, &consumer, delivered).await
            }
        }
    }

    async fn end(mut self, db: &mut dyn Connection) -> Result<(), Fault> {
        self.entries.flush(db).await?;
        self.headers.flush(db).await?;
        self.unreadable.flush(db).await?;
        self.changes.flush(db).await?;
        self.balances.flush(db).await?;
        self.windows.flush(db).await?;
        self.totals.flush(db).await?;
        self.statements.flush(db).await?;
        self.audit.flush(db).await?;
        self.events.flush(db).await?;
        refuse_others(db, &self).await?;
        decision_log::go_on_after(db, self.newest_decision).await?;
        audit::go_on_after(db, self.newest_act).await?;
        go_on_after(db, self.newest_event).await
    }
}

/// The small key of what the records refer to, which has passed.
fn key<I: Ord + Display>(keys: &BTreeMap<I, u64>, id: &I) -> Result<u64, Fault> {
    let known = keys.get(id).copied();
    known.ok_or_else(|| Fault::invalid(format!("{id} is referred to before it is there")))
}
