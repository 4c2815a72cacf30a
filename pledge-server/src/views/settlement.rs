//! The view of a settlement: one per programme and window.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use pledge_core::error::StoreError;
use pledge_core::ledger::BlockEdge;
use pledge_core::ports::{BatchFailure, ProgrammeState, Settlement, SettlementsQuery};
use pledge_core::query::Queries;
use pledge_core::types::{
    Account, BlockNumber, ChainId, ProgrammeId, RawPoints, Scale, ShardId, Timestamp, TokenId,
};
use serde::{Deserialize, Serialize};

use super::Eip55;

/// A programme and one of its windows, written `CHAIN_ID:0xTOKEN:PROGRAMME:WINDOW_START`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SettlementId {
    pub(crate) programme: ProgrammeId,
    pub(crate) window_start: Timestamp,
}

impl SettlementId {
    pub(crate) fn of(row: &Settlement) -> Self {
        Self { programme: row.programme.clone(), window_start: row.window.start }
    }

    /// The settlement, if there is one.
    pub(crate) async fn find(&self, queries: &Queries) -> Result<Option<Settlement>, StoreError> {
        let query = SettlementsQuery {
            programme: self.programme.clone(),
            before: self.window_start.checked_add(1),
            limit: 1,
        };
        let found = queries.points().settlements(&query).await?;
        Ok(found.into_iter().find(|row| row.window.start == self.window_start))
    }
}

impl fmt::Display for SettlementId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.programme, self.window_start.get())
    }
}

impl FromStr for SettlementId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let form = || "an id is chain_id:token:programme:window_start".to_owned();
        let (programme, start) = text.rsplit_once(':').ok_or_else(form)?;
        let seconds = start.parse().map_err(|_| form())?;
        Ok(Self {
            programme: programme.parse().map_err(|_| form())?,
            window_start: Timestamp::new(seconds).map_err(|error| error.to_string())?,
        })
    }
}

/// How far a settlement is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SettlementStatus {
    /// Settled in every shard.
    Settled,
    /// Some batches failed and wait for another attempt.
    Failed,
    /// Some shards are not settled yet.
    Pending,
}

impl SettlementStatus {
    pub(crate) const fn of(row: &Settlement) -> Self {
        match (row.failures.is_empty(), row.settled) {
            (false, _) => Self::Failed,
            (true, true) => Self::Settled,
            (true, false) => Self::Pending,
        }
    }
}

/// The same word as in JSON.
impl fmt::Display for SettlementStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

#[derive(Debug, Serialize)]
pub(crate) struct SettlementView {
    pub(crate) id: String,
    chain_id: ChainId,
    token: Eip55,
    programme: String,
    window_start: Timestamp,
    window_end: Timestamp,
    /// The first and last block of the chain inside the window: null until they are found, and for a
    /// window without a block.
    from_block: Option<BlockNumber>,
    to_block: Option<BlockNumber>,
    pub(crate) status: SettlementStatus,
    /// The most attempts at one of its batches.
    attempts: u32,
    /// The reason of the last failed batch, in the order of shards.
    reason: Option<String>,
    pub(crate) accounts: u64,
    pub(crate) points: String,
    points_raw: RawPoints,
    pub(crate) failures: Vec<FailureView>,
}

/// A batch that waits for another attempt: the accounts after `after`, up to and including
/// `through`.
#[derive(Debug, Serialize)]
pub(crate) struct FailureView {
    pub(crate) shard: ShardId,
    after: Option<Eip55>,
    through: Option<Eip55>,
    pub(crate) attempts: u32,
    pub(crate) reason: String,
}

impl SettlementView {
    /// Settlements with the blocks of their windows.
    pub(crate) async fn read(
        queries: &Queries,
        rows: Vec<(Settlement, Scale)>,
    ) -> Result<Vec<Self>, StoreError> {
        let edges = Edges::read(queries, rows.iter().map(|(row, _)| row)).await?;
        let shown = rows.into_iter().map(|(row, scale)| {
            let blocks = edges.blocks_of(&row);
            Self::new(row, scale, blocks)
        });
        Ok(shown.collect())
    }

    fn new(row: Settlement, scale: Scale, blocks: Option<(BlockNumber, BlockNumber)>) -> Self {
        let status = SettlementStatus::of(&row);
        let tried = row.failures.iter().map(|failure| failure.attempts).max();
        let once = u32::from(status == SettlementStatus::Settled);
        let id = SettlementId::of(&row).to_string();
        let TokenId { chain, address } = row.programme.token;
        Self {
            id,
            chain_id: chain,
            token: Eip55(address),
            programme: row.programme.name().to_owned(),
            window_start: row.window.start,
            window_end: row.window.end,
            from_block: blocks.map(|(first, _)| first),
            to_block: blocks.map(|(_, last)| last),
            status,
            attempts: tried.unwrap_or(once),
            reason: row.failures.last().map(|failure| failure.reason.clone()),
            accounts: row.total.accounts,
            points: scale.points(row.total.raw),
            points_raw: row.total.raw,
            failures: row.failures.into_iter().map(FailureView::new).collect(),
        }
    }
}

/// The edges of some windows, as far as they are kept.
#[derive(Debug, Default)]
struct Edges(BTreeMap<(ChainId, Timestamp), BlockEdge>);

impl Edges {
    async fn read<'a>(
        queries: &Queries,
        rows: impl Iterator<Item = &'a Settlement>,
    ) -> Result<Self, StoreError> {
        let mut wanted: BTreeMap<ChainId, BTreeSet<Timestamp>> = BTreeMap::new();
        for row in rows {
            let of_chain = wanted.entry(row.programme.token.chain).or_default();
            of_chain.extend([row.window.start, row.window.end]);
        }
        let mut edges = Self::default();
        for (chain, instants) in wanted {
            let instants: Vec<_> = instants.into_iter().collect();
            let kept = queries.balances().edges(chain, &instants).await?;
            edges.0.extend(kept.into_iter().flatten().map(|edge| ((chain, edge.instant), edge)));
        }
        Ok(edges)
    }

    /// The first and the last block inside a window.
    fn blocks_of(&self, row: &Settlement) -> Option<(BlockNumber, BlockNumber)> {
        let edge = |instant| self.0.get(&(row.programme.token.chain, instant));
        let (start, end) = edge(row.window.start).zip(edge(row.window.end))?;
        let (first, last) = (start.first_after(), end.last?);
        (first <= last).then_some((first, last))
    }
}

impl FailureView {
    fn new(failure: BatchFailure) -> Self {
        let address = |account: Account| Eip55(account.address());
        Self {
            shard: failure.shard,
            after: failure.span.after.map(address),
            through: failure.span.through.map(address),
            attempts: failure.attempts,
            reason: failure.reason,
        }
    }
}

/// At least `count` settlements of one programme, newest first; fewer if there are no more. `count`
/// is above zero.
pub(crate) async fn newest(
    queries: &Queries,
    state: &ProgrammeState,
    before: Option<Timestamp>,
    status: Option<SettlementStatus>,
    count: usize,
) -> Result<Vec<Settlement>, StoreError> {
    use SettlementStatus::{Failed, Pending, Settled};
    // Windows settled in every shard end at or before the programme's settled time, the others
    // after it. So a filter starts or ends there and never reads through the windows of the other
    // kind.
    let settled = state.settled();
    let mut before = match (status, settled) {
        (Some(Settled), None) => return Ok(Vec::new()),
        (Some(Settled), Some(end)) => Some(before.map_or(end, |before| before.min(end))),
        _ => before,
    };
    let only_open = matches!(status, Some(Failed | Pending));
    let mut found = Vec::new();
    loop {
        let programme = state.programme.id.clone();
        let query = SettlementsQuery { programme, before, limit: count };
        let read = queries.points().settlements(&query).await?;
        before = read.last().map(|row| row.window.start);
        let ended = read.len() < count || (only_open && before < settled);
        let wanted =
            |row: &Settlement| status.is_none_or(|status| status == SettlementStatus::of(row));
        found.extend(read.into_iter().filter(wanted));
        if ended || found.len() >= count {
            return Ok(found);
        }
    }
}

/// The order of a list over all programmes: newest window first, then by programme.
pub(crate) fn by_window(a: &Settlement, b: &Settlement) -> std::cmp::Ordering {
    (b.window.start, &a.programme).cmp(&(a.window.start, &b.programme))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_settlement_id_reads_back_as_it_is_written() {
        let text = "1:0x00000000000000000000000000000000000000AA:main:1767279600";
        let id: SettlementId = text.parse().unwrap();
        assert_eq!(id.window_start.get(), 1_767_279_600);
        assert_eq!(id.to_string().to_lowercase(), text.to_lowercase());
        assert!("1:main:0".parse::<SettlementId>().is_err());
    }

    #[test]
    fn a_status_is_the_same_word_as_text_and_as_json() {
        use SettlementStatus::{Failed, Pending, Settled};
        let words = [Settled, Failed, Pending].map(|status| status.to_string());
        assert_eq!(words, ["settled", "failed", "pending"]);
    }
}
