//! Settlements: one per programme and window.

use std::cmp::Reverse;

use axum::Json;
use axum::extract::State;
use pledge_core::ports::{BatchFailure, ProgrammeState, Settlement, SettlementsQuery};
use pledge_core::types::{
    BlockNumber, ChainId, ProgrammeId, RawPoints, Scale, ShardId, Timestamp, TokenId,
};
use serde::{Deserialize, Serialize};

use super::Api;
use super::extract::{HexAddress, Limit, Path, Query};
use super::json::Eip55;
use super::page::{self, Page, Place};
use super::problem::{Kind, Problem};
use super::read;

#[derive(Debug, Serialize)]
pub(super) struct SettlementView {
    id: String,
    chain_id: ChainId,
    token: Eip55,
    programme: String,
    window_start: Timestamp,
    window_end: Timestamp,
    /// First and last block with a change of an account that is settled so far.
    from_block: Option<BlockNumber>,
    to_block: Option<BlockNumber>,
    status: Status,
    /// The most that one of its batches was tried.
    attempts: u32,
    /// Why the batch failed that failed last in the order of shards.
    reason: Option<String>,
    accounts: u64,
    points: String,
    points_raw: RawPoints,
    failures: Vec<FailureView>,
}

/// A batch of accounts that waits for another attempt: those after `after`, up to and with `through`.
#[derive(Debug, Serialize)]
struct FailureView {
    shard: ShardId,
    after: Option<Eip55>,
    through: Option<Eip55>,
    attempts: u32,
    reason: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Status {
    /// In every shard.
    Settled,
    /// Some batches of it failed and wait for another attempt.
    Failed,
    /// Some shards are not there yet.
    Pending,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Params {
    chain_id: Option<ChainId>,
    token: Option<HexAddress>,
    programme: Option<String>,
    status: Option<Status>,
    #[serde(default)]
    limit: Limit,
    cursor: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct IdPath {
    id: String,
}

/// Newest window first, then by programme.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SettlementPlace {
    window_start: Timestamp,
    programme: ProgrammeId,
}

impl Place for SettlementPlace {
    const LIST: &'static str = "settlements";
}

/// A programme whose settlements are listed.
struct Source {
    state: ProgrammeState,
    scale: Scale,
}

/// The settlements of every programme that the filters leave, newest window first.
pub(super) async fn list(
    State(api): State<Api>,
    Query(params): Query<Params>,
) -> Result<Json<Page<SettlementView>>, Problem> {
    let after: Option<SettlementPlace> = page::decode(params.cursor.as_deref())?;
    let count = params.limit.and_one();
    let mut rows = Vec::new();
    for source in sources(&api, &params).await? {
        let before = after.as_ref().and_then(|after| before(after, source.id()));
        let settlements = newest(&api, &source, before, params.status, count).await?;
        rows.extend(settlements.into_iter().map(|row| (row, source.scale)));
    }
    rows.sort_by(|(a, _), (b, _)| {
        let key = |row: &Settlement| Reverse(row.window.start);
        (key(a), &a.programme).cmp(&(key(b), &b.programme))
    });
    rows.truncate(count);
    let page = Page::cut(rows, params.limit, |(row, _)| SettlementPlace {
        window_start: row.window.start,
        programme: row.programme.clone(),
    });
    Ok(Json(page.map(|(row, scale)| view(row, scale))))
}

/// One settlement by its id, `chain_id:token:programme:window_start`.
pub(super) async fn one(
    State(api): State<Api>,
    Path(path): Path<IdPath>,
    Query(super::chains::NoParams {}): Query<super::chains::NoParams>,
) -> Result<Json<SettlementView>, Problem> {
    let (programme, start) = parse_id(&path.id)?;
    let token = api.queries.token(programme.token).await?;
    let programme = api.queries.programme(&programme).await?.id;
    let query = SettlementsQuery { programme, before: start.checked_add(1), limit: 1 };
    let found = api.queries.points().settlements(&query).await?;
    let found = found.into_iter().find(|row| row.window.start == start);
    let row = found.ok_or_else(|| {
        let detail = format!("there is no settlement {}", path.id);
        Problem::new(Kind::UnknownSettlement, detail)
    })?;
    Ok(Json(view(row, Scale::of(token.spec.metadata.decimals))))
}

fn parse_id(id: &str) -> Result<(ProgrammeId, Timestamp), Problem> {
    let parse = || {
        let (programme, start) = id.rsplit_once(':')?;
        let start = Timestamp::new(start.parse().ok()?).ok()?;
        Some((programme.parse().ok()?, start))
    };
    let form = "an id is chain_id:token:programme:window_start";
    parse().ok_or_else(|| Problem::invalid("id", form))
}

/// The programmes that the filters leave. A filter that names what does not exist is an error.
async fn sources(api: &Api, params: &Params) -> Result<Vec<Source>, Problem> {
    let balances = api.queries.balances();
    let chains = match params.chain_id {
        Some(chain) => vec![read::chain(api, chain).await?],
        None => balances.chains().await?,
    };
    let mut tokens = Vec::new();
    for chain in chains {
        tokens.extend(balances.tokens(chain.chain).await?);
    }
    if let Some(HexAddress(address)) = params.token {
        tokens.retain(|token| token.spec.id.address == address);
        if tokens.is_empty() {
            let detail = format!("token {address} is not followed");
            return Err(Problem::new(Kind::UnknownToken, detail));
        }
    }
    let mut sources = Vec::new();
    for token in tokens {
        let scale = Scale::of(token.spec.metadata.decimals);
        let programmes = api.queries.points().programmes(token.spec.id).await?;
        sources.extend(programmes.into_iter().map(|state| Source { state, scale }));
    }
    if let Some(name) = &params.programme {
        sources.retain(|source| source.id().name() == name);
        if sources.is_empty() {
            let detail = format!("no token has a programme {name}");
            return Err(Problem::new(Kind::UnknownProgramme, detail));
        }
    }
    Ok(sources)
}

impl Source {
    const fn id(&self) -> &ProgrammeId {
        &self.state.programme.id
    }
}

/// Where a programme's windows go on after a place in the list of all programmes: with the same window
/// if the programme comes later in it, else with an earlier one.
fn before(after: &SettlementPlace, programme: &ProgrammeId) -> Option<Timestamp> {
    if *programme > after.programme {
        after.window_start.checked_add(1)
    } else {
        Some(after.window_start)
    }
}

/// At least `count` settlements of one programme, if there are so many, newest first.
///
/// What is settled in every shard lies before the programme's settled time and the rest after it, so
/// neither filter reads through the other's windows.
async fn newest(
    api: &Api,
    source: &Source,
    before: Option<Timestamp>,
    status: Option<Status>,
    count: usize,
) -> Result<Vec<Settlement>, Problem> {
    let settled = source.state.settled();
    let mut before = match (status, settled) {
        (Some(Status::Settled), None) => return Ok(Vec::new()),
        (Some(Status::Settled), Some(end)) => Some(before.map_or(end, |before| before.min(end))),
        _ => before,
    };
    let only_open = matches!(status, Some(Status::Failed | Status::Pending));
    let mut found = Vec::new();
    loop {
        let query = SettlementsQuery { programme: source.id().clone(), before, limit: count };
        let read = api.queries.points().settlements(&query).await?;
        before = read.last().map(|row| row.window.start);
        let ended = read.len() < count || (only_open && before < settled);
        let wanted = |row: &Settlement| status.is_none_or(|status| status == status_of(row));
        found.extend(read.into_iter().filter(wanted));
        if ended || found.len() >= count {
            return Ok(found);
        }
    }
}

const fn status_of(row: &Settlement) -> Status {
    match (row.failures.is_empty(), row.settled) {
        (false, _) => Status::Failed,
        (true, true) => Status::Settled,
        (true, false) => Status::Pending,
    }
}

fn view(row: Settlement, scale: Scale) -> SettlementView {
    let status = status_of(&row);
    let tried = row.failures.iter().map(|failure| failure.attempts).max();
    let once = u32::from(status == Status::Settled);
    let TokenId { chain, address } = row.programme.token;
    SettlementView {
        id: format!("{}:{}", row.programme, row.window.start),
        chain_id: chain,
        token: Eip55(address),
        programme: row.programme.name().to_owned(),
        window_start: row.window.start,
        window_end: row.window.end,
        from_block: row.total.blocks.map(|(first, _)| first),
        to_block: row.total.blocks.map(|(_, last)| last),
        status,
        attempts: tried.unwrap_or(once),
        reason: row.failures.last().map(|failure| failure.reason.clone()),
        accounts: row.total.accounts,
        points: scale.points(row.total.raw),
        points_raw: row.total.raw,
        failures: row.failures.into_iter().map(failure_view).collect(),
    }
}

fn failure_view(failure: BatchFailure) -> FailureView {
    let address = |account: pledge_core::types::Account| Eip55(account.address());
    FailureView {
        shard: failure.shard,
        after: failure.span.after.map(address),
        through: failure.span.through.map(address),
        attempts: failure.attempts,
        reason: failure.reason,
    }
}
