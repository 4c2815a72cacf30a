//! A store whose larger answers are kept on the server for a while.

mod answers;
mod archive;
mod events;
mod ledger;
mod points;

use answers::Answers;
pub use answers::CacheCounts;

use crate::link::Redis;

/// Smaller answers come as fast from the database.
const ROWS_MIN: usize = 100;
/// What an instant of a history costs a database, compared with a row: two queries.
const INSTANT_ROWS: usize = 10;

/// A store with a cache of its larger answers before it, for those who ask the same again and again: the
/// readers of a leaderboard. It is for a store on a server. An indexer and a settler ask nothing twice;
/// give them the store itself.
///
/// An answer is kept under the exact state that it was read from: the token's cursor, by hash, and its
/// epoch; for points, how far every shard is, too. So nothing is ever invalidated, and an answer from
/// here is one that the store would have given during the call. The state itself is always read from
/// the store. Writes, and reads of a few rows, go to the store alone.
#[derive(Debug)]
pub struct Cached<S> {
    store: S,
    answers: Answers,
    rows_min: usize,
}

impl<S> Cached<S> {
    /// A store (an `Arc` of one is one, too) and the server that answers are kept on.
    pub const fn new(store: S, redis: Redis) -> Self {
        Self { store, answers: Answers::new(redis), rows_min: ROWS_MIN }
    }

    /// Keeps answers to questions about `rows_min` rows or more: accounts, or the length of a page;
    /// an instant of a history counts as ten. 100 by default.
    #[must_use]
    pub const fn from_rows(mut self, rows_min: usize) -> Self {
        self.rows_min = rows_min;
        self
    }

    /// How often it helped.
    pub fn counts(&self) -> CacheCounts {
        self.answers.counts()
    }

    /// Whether a question is worth a look at the server.
    fn may_help(&self, rows: usize) -> bool {
        rows >= self.rows_min && self.answers.is_up()
    }
}
