//! Settlements: one per programme and window.

use axum::Json;
use axum::extract::State;
use pledge_core::ports::ProgrammeState;
use pledge_core::types::{ChainId, ProgrammeId, Scale, Timestamp};
use serde::{Deserialize, Serialize};

use super::Api;
use super::extract::{HexAddress, Limit, Path, Query};
use super::page::{self, Page, PageKey};
use super::problem::{Kind, Problem};
use super::read;
use crate::views::{SettlementId, SettlementStatus, SettlementView, by_window, newest};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Params {
    chain_id: Option<ChainId>,
    token: Option<HexAddress>,
    programme: Option<String>,
    status: Option<SettlementStatus>,
    #[serde(default)]
    limit: Limit,
    cursor: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct IdPath {
    id: String,
}

/// A place in the list: newest window first, then by programme.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SettlementPlace {
    window_start: Timestamp,
    programme: ProgrammeId,
}

impl PageKey for SettlementPlace {
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
        let settlements = newest(&api.queries, &source.state, before, params.status, count).await?;
        rows.extend(settlements.into_iter().map(|row| (row, source.scale)));
    }
    rows.sort_by(|(a, _), (b, _)| by_window(a, b));
    rows.truncate(count);
    let page = Page::cut(rows, params.limit, |(row, _)| SettlementPlace {
        window_start: row.window.start,
        programme: row.programme.clone(),
    });
    let shown = SettlementView::read(&api.queries, page.items().to_vec()).await?;
    Ok(Json(page.with_items(shown)))
}

/// One settlement by its id, `chain_id:token:programme:window_start`.
pub(super) async fn one(
    State(api): State<Api>,
    Path(path): Path<IdPath>,
    Query(super::chains::NoParams {}): Query<super::chains::NoParams>,
) -> Result<Json<SettlementView>, Problem> {
    let id: SettlementId = path.id.parse().map_err(|form| Problem::invalid("id", form))?;
    let token = api.queries.token(id.programme.token).await?;
    api.queries.programme(&id.programme).await?;
    let row = id.find(&api.queries).await?.ok_or_else(|| {
        let detail = format!("there is no settlement {id}");
        Problem::new(Kind::UnknownSettlement, detail)
    })?;
    let row = (row, Scale::of(token.spec.metadata.decimals));
    let mut shown = SettlementView::read(&api.queries, vec![row]).await?;
    Ok(Json(shown.remove(0)))
}

/// The programmes that the filters leave. A filter that names what does not exist is an error.
async fn sources(api: &Api, params: &Params) -> Result<Vec<Source>, Problem> {
    let balances = api.queries.balances();
    let chains = match params.chain_id {
        Some(chain) => vec![read::chain(api, chain).await?],
        None => balances.chains().await?,
    };
    // Unknown filters are errors, not empty lists: a typing error must not look like "no
    // settlements".
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

/// Where a programme's windows continue after a place in the list of all programmes: at the same
/// window if the programme comes later in it, else at an earlier one.
fn before(after: &SettlementPlace, programme: &ProgrammeId) -> Option<Timestamp> {
    if *programme > after.programme {
        after.window_start.checked_add(1)
    } else {
        Some(after.window_start)
    }
}
