//! Checks that records fit together.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use async_trait::async_trait;

use super::sums::Sums;
use super::{ArchiveKey, ArchiveRecord, Tally};
use crate::audit::{Attribution, AuditNumber, AuditRecord};
use crate::error::StoreError;
use crate::event::EventSeq;
use crate::points::{AccountEntry, DecisionRecord, Programme, Scope};
use crate::ports::{RecordSource, ShardProgress};
use crate::types::{ChainId, EntryNumber, ProgrammeId, RawPoints, ShardId, TokenId};

const OPERATION: &str = "import an archive";

/// A source that passes records on only if they make one ledger; otherwise it ends with `Invalid`
/// and the record's number. A store imports through it.
///
/// Keys ascend; every reference has its target; every account's changes follow from one another,
/// end in its balance and add up to its token's sums; every programme has all its shards; no
/// consumer's position is beyond the newest event.
pub struct FittingRecords<'a> {
    source: &'a mut dyn RecordSource,
    passed: Passed,
    count: u64,
}

impl fmt::Debug for FittingRecords<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FittingRecords").field("count", &self.count).finish_non_exhaustive()
    }
}

impl<'a> FittingRecords<'a> {
    /// The records of a source that has not been read yet.
    pub fn new(source: &'a mut dyn RecordSource) -> Self {
        Self { source, passed: Passed::default(), count: 0 }
    }

    /// The error of an import into a store that is not empty.
    pub fn refuse_used() -> StoreError {
        let detail = "the store holds something already: import into an empty one";
        StoreError::invalid(OPERATION, detail)
    }

    /// The record of the import by a person, to be written with what passed, and after it; `None` for an
    /// archive without records.
    pub fn act(&self, by: &Attribution) -> Option<AuditRecord> {
        let act = self.passed.tally.summary().act_of_import()?;
        Some(AuditRecord { number: self.passed.newest_act.next(), by: by.clone(), act })
    }

    fn refuse(&self, record: &str, detail: &str) -> StoreError {
        let detail = format!("record {}{record} does not fit: {detail}", self.count);
        StoreError::invalid(OPERATION, detail)
    }
}

#[async_trait]
impl RecordSource for FittingRecords<'_> {
    async fn next(&mut self) -> Result<Option<ArchiveRecord>, StoreError> {
        let Some(record) = self.source.next().await? else {
            self.passed.end().map_err(|detail| self.refuse(", the last,", &detail))?;
            return Ok(None);
        };
        self.count += 1;
        let kind = format!(", a {},", record.kind());
        self.passed.pass(&record).map_err(|detail| self.refuse(&kind, &detail))?;
        self.passed.tally.add(record.kind(), &record.line()?);
        Ok(Some(record))
    }
}

/// What has passed, as far as later records refer to it.
#[derive(Debug, Default)]
struct Passed {
    last: Option<ArchiveKey>,
    chains: BTreeSet<ChainId>,
    tokens: BTreeMap<TokenId, Sums>,
    programmes: BTreeMap<ProgrammeId, Shards>,
    /// The decision whose entries pass, and how many of them are missing.
    decision: Option<(DecisionRecord, u64)>,
    newest_act: AuditNumber,
    newest_event: EventSeq,
    tally: Tally,
}

/// A programme, and the number of its shards that passed.
#[derive(Debug)]
struct Shards {
    programme: Programme,
    count: u16,
}

impl Passed {
    fn pass(&mut self, record: &ArchiveRecord) -> Result<(), String> {
        let key = record.key();
        if self.last.as_ref() >= Some(&key) {
            return Err("it is out of order".to_owned());
        }
        self.last = Some(key);
        // Keys ascend, so whatever a record refers to has passed before it.
        match record {
            ArchiveRecord::Chain(state) => {
                self.chains.insert(state.chain);
            }
            ArchiveRecord::Header { chain, .. } => self.require_chain(*chain)?,
            ArchiveRecord::Token(state) => {
                self.require_chain(state.spec.id.chain)?;
                self.tokens.insert(state.spec.id, Sums::new((**state).clone()));
            }
            ArchiveRecord::UnreadableLog { token, log } => self.sums(*token)?.unreadable(log)?,
            ArchiveRecord::Change { token, change } => self.sums(*token)?.change(change)?,
            ArchiveRecord::Balance { token, account, state } => {
                self.sums(*token)?.balance(*account, state)?;
            }
            ArchiveRecord::Programme(programme) => self.programme(programme)?,
            ArchiveRecord::Decision(record) => self.decision(record)?,
            ArchiveRecord::Entry(entry) => self.entry(entry)?,
            ArchiveRecord::Shard { programme, progress } => {
                self.close_decision()?;
                self.shards(programme)?.shard(progress)?;
            }
            ArchiveRecord::Window { programme, shard, .. } => {
                self.shards(programme)?.require(*shard)?;
            }
            ArchiveRecord::Total { raw, .. } if *raw == RawPoints::ZERO => {
                return Err("a total of nothing is none".to_owned());
            }
            ArchiveRecord::Total { programme, .. } | ArchiveRecord::Statement { programme, .. } => {
                self.shards(programme)?;
            }
            // What an act is about may be of another domain, whose records are elsewhere.
            ArchiveRecord::Audit(record) => {
                check_number("act", record.number.get(), AuditNumber::ARCHIVED_MAX.get())?;
                self.newest_act = record.number;
            }
            ArchiveRecord::Event(event) => {
                check_number("event", event.sequence.get(), EventSeq::ARCHIVED_MAX.get())?;
                self.newest_event = event.sequence;
            }
            ArchiveRecord::Position { delivered, .. } => {
                if *delivered == EventSeq::START || *delivered > self.newest_event {
                    return Err(format!("there is no event {delivered}"));
                }
            }
        }
        Ok(())
    }

    fn end(&mut self) -> Result<(), String> {
        self.close_decision()?;
        self.tokens.values().try_for_each(Sums::end)?;
        self.programmes.values().try_for_each(Shards::end)
    }

    fn decision(&mut self, record: &DecisionRecord) -> Result<(), String> {
        self.close_decision()?;
        check_number("decision", record.number.get(), EntryNumber::ARCHIVED_MAX.get())?;
        check_number("act", record.audit.get(), AuditNumber::ARCHIVED_MAX.get())?;
        match &record.scope {
            Scope::Programme(programme) => self.shards(programme).map(drop)?,
            Scope::Token(token) => self.sums(*token).map(drop)?,
            Scope::Chain(chain) => self.require_chain(*chain)?,
            Scope::All => {}
        }
        let refused = record.kind.refuse_scope(&record.scope);
        refused.map_or(Ok(()), Err)?;
        self.decision = Some((record.clone(), record.accounts));
        Ok(())
    }

    fn entry(&mut self, entry: &AccountEntry) -> Result<(), String> {
        let Some((record, missing)) = &mut self.decision else {
            return Err("it has no decision".to_owned());
        };
        if record.entry(entry.account, entry.ruling.value()).as_ref() != Some(entry) {
            return Err(format!("it is not one of decision {}", record.number));
        }
        let left = missing.checked_sub(1);
        *missing = left.ok_or_else(|| format!("decision {} has fewer entries", record.number))?;
        Ok(())
    }

    fn close_decision(&mut self) -> Result<(), String> {
        match self.decision.take() {
            Some((record, missing)) if missing > 0 => {
                Err(format!("decision {} lacks {missing} entries", record.number))
            }
            _ => Ok(()),
        }
    }

    fn require_chain(&self, chain: ChainId) -> Result<(), String> {
        let known = self.chains.contains(&chain);
        known.then_some(()).ok_or_else(|| format!("there is no chain {chain}"))
    }

    fn sums(&mut self, token: TokenId) -> Result<&mut Sums, String> {
        self.tokens.get_mut(&token).ok_or_else(|| format!("there is no token {token}"))
    }

    fn programme(&mut self, programme: &Programme) -> Result<(), String> {
        let id = &programme.id;
        self.sums(id.token)?;
        ProgrammeId::new(id.token, id.name()).map_err(|error| error.to_string())?;
        let shards = Shards { programme: programme.clone(), count: 0 };
        self.programmes.insert(id.clone(), shards);
        Ok(())
    }

    fn shards(&mut self, programme: &ProgrammeId) -> Result<&mut Shards, String> {
        let shards = self.programmes.get_mut(programme);
        shards.ok_or_else(|| format!("there is no programme {programme}"))
    }
}

/// Stores number from 1 on, and leave room for what follows an import.
fn check_number(of: &str, number: u64, max: u64) -> Result<(), String> {
    if (1..=max).contains(&number) {
        return Ok(());
    }
    Err(format!("an {of} has the number {number}: those of an archive are from 1 to {max}"))
}

impl Shards {
    /// Takes the next shard; its failures must be its own.
    fn shard(&mut self, progress: &ShardProgress) -> Result<(), String> {
        if progress.shard != ShardId::new(self.count) {
            return Err(format!("shard {} is missing", self.count));
        }
        self.count += 1;
        self.require(progress.shard)?;
        let run = progress.run.as_ref();
        for failure in run.map_or(&[][..], |run| &run.failures) {
            let place = (&failure.programme, failure.shard, Some((failure.from, failure.to)));
            let own = (&self.programme.id, progress.shard, run.map(|run| (run.from, run.to)));
            if place != own {
                return Err("a failed batch is another shard's".to_owned());
            }
        }
        Ok(())
    }

    fn require(&self, shard: ShardId) -> Result<(), String> {
        let count = self.programme.shards.get();
        let inside = shard.get() < count;
        inside.then_some(()).ok_or_else(|| format!("the programme has {count} shards"))
    }

    fn end(&self) -> Result<(), String> {
        let Programme { id, shards, .. } = &self.programme;
        let whole = self.count == shards.get();
        whole.then_some(()).ok_or_else(|| format!("programme {id} lacks shard {}", self.count))
    }
}
