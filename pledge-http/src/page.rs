//! Pages, and the opaque cursors between them.

use pledge_core::primitives::hex;
use pledge_core::query::{self, PageQuery};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::extract::Limit;
use super::problem::{Message, Problem};

/// The version in every cursor; raised when the form of a place changes.
const VERSION: u32 = 1;

/// An item's place in the order of one list.
pub(super) trait PageKey: Serialize + DeserializeOwned {
    /// The list and its order. A cursor of another list is refused.
    const LIST: &'static str;
}

/// A page of items, and the cursor of the next page.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Page<T> {
    /// As many as `limit`, or fewer.
    items: Vec<T>,
    /// Null on the last page.
    #[schema(value_type = Option<crate::schema::CursorSchema>)]
    next_cursor: Option<String>,
}

/// The paging parameters of a query.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct PageParams {
    /// 100 without it.
    #[serde(default)]
    #[param(inline)]
    pub(super) limit: Limit,
    /// The `next_cursor` of the page before.
    #[param(inline, value_type = Option<crate::schema::CursorSchema>)]
    pub(super) cursor: Option<String>,
}

impl PageParams {
    /// The page that a query names.
    pub(super) fn query<P: PageKey>(&self) -> Result<PageQuery<P>, Problem> {
        query(self.cursor.as_deref(), self.limit)
    }
}

impl<T> Page<T> {
    /// A page as it is shown, with the place where the next one begins, if there is one.
    pub(super) fn show<U, P: PageKey>(page: query::Page<U, P>, item: impl FnMut(U) -> T) -> Self {
        let next_cursor = page.next.as_ref().map(encode);
        Self { items: page.items.into_iter().map(item).collect(), next_cursor }
    }
}

/// The page after the place that a cursor of this list names.
pub(super) fn query<P: PageKey>(
    cursor: Option<&str>,
    limit: Limit,
) -> Result<PageQuery<P>, Problem> {
    Ok(PageQuery { after: decode(cursor)?, limit: limit.get() })
}

fn encode<P: PageKey>(place: &P) -> String {
    let text = serde_json::to_vec(&(VERSION, P::LIST, place));
    hex::encode(text.expect("places are plain data"))
}

/// The place that a cursor of this list names.
pub(super) fn decode<P: PageKey>(cursor: Option<&str>) -> Result<Option<P>, Problem> {
    let Some(cursor) = cursor else {
        return Ok(None);
    };
    let malformed = || Problem::invalid("cursor", Message::ForeignCursor {});
    let text = hex::decode(cursor).map_err(|_| malformed())?;
    let (version, list, place): (u32, String, serde_json::Value) =
        serde_json::from_slice(&text).map_err(|_| malformed())?;
    if version != VERSION || list != P::LIST {
        return Err(malformed());
    }
    serde_json::from_value(place).map(Some).map_err(|_| malformed())
}
