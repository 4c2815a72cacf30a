//! Lists, page by page.

use std::marker::PhantomData;

use futures::stream::{self, Stream, StreamExt, TryStreamExt};
use serde::de::DeserializeOwned;

use crate::{Client, Error};

/// A page of a list.
pub trait List: DeserializeOwned {
    /// What the list is of.
    type Item;

    /// The cursor of the next page; `None` on the last.
    fn next_cursor(&self) -> Option<&str>;

    /// The items of the page.
    fn into_items(self) -> Vec<Self::Item>;
}

/// A list of the API, of which nothing is read yet.
#[derive(Debug, Clone)]
#[must_use = "a list is read by `page`, `stream` or `items`"]
pub struct Pages<P> {
    client: Client,
    path: Vec<String>,
    query: Vec<(&'static str, String)>,
    after: Option<String>,
    page: PhantomData<fn() -> P>,
}

impl<P: List> Pages<P> {
    pub(crate) fn new(
        client: &Client,
        path: Vec<String>,
        query: Vec<(&'static str, String)>,
    ) -> Self {
        Self { client: client.clone(), path, query, after: None, page: PhantomData }
    }

    /// At most this many items a page, from 1 to 1000.
    pub fn limit(mut self, limit: usize) -> Self {
        self.query.retain(|(name, _)| *name != "limit");
        self.query.push(("limit", limit.to_string()));
        self
    }

    /// Begins at the page that a `next_cursor` names.
    pub fn after(mut self, cursor: impl Into<String>) -> Self {
        self.after = Some(cursor.into());
        self
    }

    /// The first page.
    pub async fn page(&self) -> Result<P, Error> {
        self.read(self.after.clone()).await
    }

    /// Every page, in order. After an error it is over; the `next_cursor` of the last page goes on.
    pub fn stream(self) -> impl Stream<Item = Result<P, Error>> + Send
    where
        P: Send,
    {
        let begin = Some(self.after.clone());
        stream::try_unfold((self, begin), |(list, place)| async move {
            let Some(after) = place else {
                return Ok(None);
            };
            let page = list.read(after.clone()).await?;
            if after.is_some() && page.next_cursor() == after.as_deref() {
                return Err(Error::Endless);
            }
            let next = page.next_cursor().map(|cursor| Some(cursor.to_owned()));
            Ok(Some((page, (list, next))))
        })
    }

    /// Every item, in order.
    pub fn items(self) -> impl Stream<Item = Result<P::Item, Error>> + Send
    where
        P: Send,
        P::Item: Send,
    {
        self.stream().map_ok(|page| stream::iter(page.into_items()).map(Ok)).try_flatten()
    }

    async fn read(&self, after: Option<String>) -> Result<P, Error> {
        let mut query = self.query.clone();
        query.extend(after.map(|cursor| ("cursor", cursor)));
        let path: Vec<&str> = self.path.iter().map(String::as_str).collect();
        self.client.get(&path, &query).await
    }
}
