//! Settlements: one per programme and window.

mod newest;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use alloy_primitives::Address;
use serde::{Deserialize, Serialize};

use newest::newest;

use super::{ATTEMPTS_MAX, Page, PageQuery, Queries, QueryError};
use crate::ledger::BlockEdge;
use crate::moving::while_ledger_moves;
use crate::ports::{ProgrammeState, Settlement, SettlementsQuery};
use crate::types::{BlockNumber, ChainId, Epoch, ProgrammeId, Scale, Timestamp, TokenId};

/// A programme and one of its windows, written `CHAIN_ID:0xTOKEN:PROGRAMME:WINDOW_START`. In a list
/// it is also the place of the settlement: newest window first, then by programme.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SettlementId {
    /// Start of the window.
    pub window_start: Timestamp,
    /// The programme that is settled.
    pub programme: ProgrammeId,
}

impl SettlementId {
    /// The id of a settlement.
    pub fn of(row: &Settlement) -> Self {
        Self { programme: row.programme.clone(), window_start: row.window.start }
    }

    /// The settlement, if there is one.
    pub async fn find(&self, queries: &Queries) -> Result<Option<Settlement>, QueryError> {
        let query = SettlementsQuery {
            programme: self.programme.clone(),
            before: self.window_start.checked_add(1),
            limit: 1,
        };
        let found = queries.points.settlements(&query).await?;
        Ok(found.into_iter().find(|row| row.window.start == self.window_start))
    }

    /// Where the windows of a programme continue after this place in the list of all programmes: at
    /// the same window if the programme comes later in it, else at an earlier one.
    fn before(&self, programme: &ProgrammeId) -> Option<Timestamp> {
        if *programme > self.programme {
            self.window_start.checked_add(1)
        } else {
            Some(self.window_start)
        }
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
pub enum SettlementStatus {
    /// Settled in every shard.
    Settled,
    /// Some batches failed and wait for another attempt.
    Failed,
    /// Some shards are not settled yet.
    Pending,
}

impl SettlementStatus {
    /// The status of a settlement.
    pub const fn of(row: &Settlement) -> Self {
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

/// A settlement with the scale of its points and the blocks of its window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettlementView {
    /// Its window, sums and failed batches.
    pub settlement: Settlement,
    /// What its raw points are divided by.
    pub scale: Scale,
    /// The first and last block of the chain inside the window: `None` until they are found, and
    /// for a window without a block.
    pub blocks: Option<(BlockNumber, BlockNumber)>,
}

/// Which settlements; a filter that is `None` leaves all.
#[derive(Debug, Clone, Copy, Default)]
pub struct SettlementFilter<'a> {
    /// Of one chain, which has to be followed.
    pub chain: Option<ChainId>,
    /// Of the tokens with this address, of which one has to be followed.
    pub token: Option<Address>,
    /// Of programmes of this name, of which one has to exist.
    pub programme: Option<&'a str>,
    /// Of one status.
    pub status: Option<SettlementStatus>,
}

/// A programme whose settlements are listed.
struct Source {
    state: ProgrammeState,
    scale: Scale,
}

impl SettlementView {
    /// One settlement, which has to exist.
    pub async fn read(queries: &Queries, id: &SettlementId) -> Result<Self, QueryError> {
        let attempt = || Self::try_read(queries, id);
        while_ledger_moves(ATTEMPTS_MAX, QueryError::has_moved, attempt).await
    }

    async fn try_read(queries: &Queries, id: &SettlementId) -> Result<Self, QueryError> {
        let token = queries.token(id.programme.token).await?;
        queries.programme(&id.programme).await?;
        let found = id.find(queries).await?;
        let row = found.ok_or_else(|| QueryError::UnknownSettlement(id.clone()))?;
        let edges = Edges::read(queries, std::iter::once(&row)).await?;
        still(queries, &BTreeMap::from([(token.spec.id, token.epoch)])).await?;
        let scale = Scale::of(token.spec.metadata.decimals);
        Ok(Self { blocks: edges.blocks_of(&row), settlement: row, scale })
    }

    /// A page of the settlements that the filter leaves, newest window first, then by programme.
    pub async fn list(
        queries: &Queries,
        filter: &SettlementFilter<'_>,
        query: &PageQuery<SettlementId>,
    ) -> Result<Page<Self, SettlementId>, QueryError> {
        let attempt = || Self::try_list(queries, filter, query);
        while_ledger_moves(ATTEMPTS_MAX, QueryError::has_moved, attempt).await
    }

    async fn try_list(
        queries: &Queries,
        filter: &SettlementFilter<'_>,
        query: &PageQuery<SettlementId>,
    ) -> Result<Page<Self, SettlementId>, QueryError> {
        let sources = sources(queries, filter).await?;
        let epoch_of = |Source { state, .. }: &Source| (state.programme.id.token, state.epoch);
        let mut epochs: BTreeMap<_, _> = sources.iter().map(epoch_of).collect();
        let after = query.after.as_ref();
        let rows = newest(queries, &sources, after, filter.status, query.rows()).await?;
        let page = Page::cut(rows, query.limit, |(row, _)| SettlementId::of(row));
        let edges = Edges::read(queries, page.items.iter().map(|(row, _)| row)).await?;
        epochs.retain(|token, _| page.items.iter().any(|(row, _)| row.programme.token == *token));
        still(queries, &epochs).await?;
        let views = page.items.iter().map(|(row, scale)| Self {
            settlement: row.clone(),
            scale: *scale,
            blocks: edges.blocks_of(row),
        });
        let views = views.collect();
        Ok(page.with_items(views))
    }
}

/// Checks that tokens have the epochs with which they were read: settlements and edges of different
/// epochs would be of different branches.
async fn still(queries: &Queries, epochs: &BTreeMap<TokenId, Epoch>) -> Result<(), QueryError> {
    for (token, epoch) in epochs {
        if queries.token(*token).await?.epoch != *epoch {
            return Err(QueryError::moved());
        }
    }
    Ok(())
}

/// The programmes that the filter leaves.
async fn sources(
    queries: &Queries,
    filter: &SettlementFilter<'_>,
) -> Result<Vec<Source>, QueryError> {
    let chains = match filter.chain {
        Some(chain) => vec![queries.chain(chain).await?],
        None => queries.ledger.chains().await?,
    };
    // Unknown filters are errors, not empty lists: a typing error must not look like "no
    // settlements".
    let mut tokens = Vec::new();
    for chain in chains {
        tokens.extend(queries.ledger.tokens(chain.chain).await?);
    }
    if let Some(address) = filter.token {
        tokens.retain(|token| token.spec.id.address == address);
        if tokens.is_empty() {
            return Err(QueryError::UnknownAddress(address));
        }
    }
    let mut sources = Vec::new();
    for token in tokens {
        let scale = Scale::of(token.spec.metadata.decimals);
        let programmes = queries.points.programmes(token.spec.id).await?;
        sources.extend(programmes.into_iter().map(|state| Source { state, scale }));
    }
    if let Some(name) = filter.programme {
        sources.retain(|source| source.state.programme.id.name() == name);
        if sources.is_empty() {
            return Err(QueryError::UnknownProgrammeName(name.to_owned()));
        }
    }
    Ok(sources)
}

/// The edges of some windows, as far as they are kept.
#[derive(Debug, Default)]
struct Edges(BTreeMap<(ChainId, Timestamp), BlockEdge>);

impl Edges {
    async fn read<'a>(
        queries: &Queries,
        rows: impl Iterator<Item = &'a Settlement>,
    ) -> Result<Self, QueryError> {
        let mut wanted: BTreeMap<ChainId, BTreeSet<Timestamp>> = BTreeMap::new();
        for row in rows {
            let of_chain = wanted.entry(row.programme.token.chain).or_default();
            of_chain.extend([row.window.start, row.window.end]);
        }
        let mut edges = Self::default();
        for (chain, instants) in wanted {
            let instants: Vec<_> = instants.into_iter().collect();
            let kept = queries.ledger.edges(chain, &instants).await?;
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
