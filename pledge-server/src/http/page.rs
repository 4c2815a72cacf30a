//! Pages, and the opaque cursors between them.

use pledge_core::primitives::hex;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::extract::Limit;
use super::problem::Problem;

/// The version in every cursor; raised when the form of a place changes.
const VERSION: u32 = 1;

/// An item's place in the order of one list.
pub(super) trait PageKey: Serialize + DeserializeOwned {
    /// The list and its order. A cursor of another list is refused.
    const LIST: &'static str;
}

/// A page of items, and the cursor of the next page.
#[derive(Debug, Serialize)]
pub(super) struct Page<T> {
    items: Vec<T>,
    next_cursor: Option<String>,
}

/// The paging parameters of a query.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PageParams {
    #[serde(default)]
    pub(super) limit: Limit,
    pub(super) cursor: Option<String>,
}

impl<T> Page<T> {
    pub(super) fn map<U>(self, f: impl FnMut(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(f).collect(), next_cursor: self.next_cursor }
    }

    /// A page with the place where the next one begins, if there is one.
    pub(super) fn new<P: PageKey>(items: Vec<T>, next: Option<&P>) -> Self {
        Self { items, next_cursor: next.map(encode) }
    }

    /// Cuts rows to a page. The caller reads one row more than the limit, if there is one.
    pub(super) fn cut<P: PageKey>(mut rows: Vec<T>, limit: Limit, place: impl Fn(&T) -> P) -> Self {
        let more = rows.len() > limit.get();
        rows.truncate(limit.get());
        let last = rows.last().filter(|_| more);
        Self { next_cursor: last.map(|last| encode(&place(last))), items: rows }
    }

    pub(super) fn items(&self) -> &[T] {
        &self.items
    }

    /// The same page with other items, at most one for each.
    pub(super) fn with_items<U>(self, items: Vec<U>) -> Page<U> {
        Page { items, next_cursor: self.next_cursor }
    }
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
    let malformed = || {
        Problem::invalid(
            "cursor",
            "not a cursor of this list; pass a `next_cursor` on as it was given",
        )
    };
    let text = hex::decode(cursor).map_err(|_| malformed())?;
    let (version, list, place): (u32, String, serde_json::Value) =
        serde_json::from_slice(&text).map_err(|_| malformed())?;
    if version != VERSION || list != P::LIST {
        return Err(malformed());
    }
    serde_json::from_value(place).map(Some).map_err(|_| malformed())
}
